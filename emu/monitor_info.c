/* What `info …` shows. */
#include "cpu/priv.h"
#include "emu/base/bits.h"
#include "emu/monitor_internal.h"
#include <string.h>

static const char *const x_names[32] = {"zero", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
                                        "a1",   "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
                                        "s6",   "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};

static const struct hart *current(const struct machine *m) { return m->harts[m->stopped_hart].hart; }

static char priv_letter(const struct hart *h) { return "US?M"[h->priv & 3]; }

static void show_csrs(struct hart *h, FILE *out)
{
    static const char *const names[] = {"mstatus", "mtvec", "mepc", "mcause", "mtval", "mie",  "mip",      "medeleg",
                                        "mideleg", "stvec", "sepc", "scause", "stval", "satp", "sscratch", "mscratch"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        uint64_t v = 0;
        int number = csr_number(names[i]);
        if (number < 0 || !csr_peek(h, (unsigned)number, &v)) continue;
        fprintf(out, "%-8s %016llx%s", names[i], (unsigned long long)v, i % 3 == 2 ? "\n" : "  ");
    }
    fputc('\n', out);
}

static void show_registers(struct machine *m, const char *arguments, FILE *out)
{
    (void)arguments;
    struct hart *h = m->harts[m->stopped_hart].hart;
    const struct symbol *s = symbols_by_address(&m->symbols, h->pc);
    fprintf(out, "hart %u  %c-mode%s  %llu instructions\n", h->id, priv_letter(h), h->waiting ? "  waiting" : "",
            (unsigned long long)hart_icount(h));
    fprintf(out, "pc  %016llx", (unsigned long long)h->pc);
    if (s) fprintf(out, "  <%s+0x%llx>", s->name, (unsigned long long)(h->pc - s->address));
    fputc('\n', out);
    for (unsigned i = 0; i < 32; i++)
        fprintf(out, "%-4s %016llx%s", x_names[i], (unsigned long long)(i ? h->x[i] : 0), i % 4 == 3 ? "\n" : "  ");
    for (unsigned i = 0; i < 32; i++)
        fprintf(out, "f%-3u %016llx%s", i, (unsigned long long)h->f[i], i % 4 == 3 ? "\n" : "  ");
    show_csrs(h, out);
}

static void show_harts(struct machine *m, const char *arguments, FILE *out)
{
    (void)arguments;
    for (unsigned i = 0; i < m->hart_count; i++) {
        const struct hart *h = m->harts[i].hart;
        fprintf(out, "%c hart %u  pc %016llx  %c-mode  %s  %llu instructions  %llu ns\n",
                i == m->stopped_hart ? '*' : ' ', i, (unsigned long long)h->pc, priv_letter(h),
                h->waiting ? "waiting" : "running", (unsigned long long)hart_icount(h),
                (unsigned long long)(machine_hart_time(m, i) / PS_PER_NS));
    }
}

static void show_status(struct machine *m, const char *arguments, FILE *out)
{
    (void)arguments;
    fprintf(out, "%s, guest time %.6f s, %llu instructions\n", m->paused ? "stopped" : "running", (double)m->now / 1e12,
            (unsigned long long)machine_icount(m));
}

static void show_window(FILE *out, gpa_t base, uint64_t size, const char *name)
{
    fprintf(out, "%016llx-%016llx  %s\n", (unsigned long long)base, (unsigned long long)(base + size - 1), name);
}

static void show_mtree(struct machine *m, const char *arguments, FILE *out)
{
    (void)arguments;
    const struct bus *b = &m->bus;
    for (unsigned i = 0; i < b->mmio_count; i++)
        show_window(out, b->mmio[i].base, b->mmio[i].size, b->mmio[i].ops->name);
    for (unsigned i = 0; i < b->ram_count; i++) show_window(out, b->ram[i].base, b->ram[i].size, "ram");
}

static void show_qtree(struct machine *m, const char *arguments, FILE *out)
{
    (void)arguments;
    for (unsigned i = 0; i < m->device_count; i++)
        fprintf(out, "%-16s 0x%llx irq %u\n", m->devices[i].ops->name, (unsigned long long)m->devices[i].place.base,
                m->devices[i].place.irq);
}

static void show_roms(struct machine *m, const char *arguments, FILE *out)
{
    (void)arguments;
    for (unsigned i = 0; i < m->images.count; i++)
        show_window(out, m->images.item[i].base, m->images.item[i].size, m->images.item[i].name);
}

static void show_events(struct machine *m, const char *arguments, FILE *out)
{
    (void)arguments;
    for (size_t i = 0; i < m->events.count; i++)
        fprintf(out, "%14llu ns  %s\n", (unsigned long long)(m->events.heap[i]->when / PS_PER_NS),
                m->events.heap[i]->name);
}

/* ---- info mem: the mappings of the current hart, runs of pages with equal rights and contiguous addresses merged ----------------- */

enum { PTE_V = 1, PTE_R = 2, PTE_W = 4, PTE_X = 8 };

struct run {
    uint64_t va, pa, bytes;
    unsigned flags;
};

struct walk {
    struct machine *m;
    FILE *out;
    struct run run;
    unsigned levels;
};

static void print_run(struct walk *w)
{
    const struct run *r = &w->run;
    if (!r->bytes) return;
    char rights[8];
    for (unsigned i = 0; i < 7; i++) rights[i] = r->flags >> (i + 1) & 1 ? "rwxugad"[i] : '-';
    rights[7] = 0;
    fprintf(w->out, "%016llx %016llx %016llx %s\n", (unsigned long long)r->va, (unsigned long long)r->pa,
            (unsigned long long)r->bytes, rights);
}

static void add_leaf(struct walk *w, uint64_t va, uint64_t pa, uint64_t bytes, unsigned flags)
{
    struct run *r = &w->run;
    if (r->bytes && r->va + r->bytes == va && r->pa + r->bytes == pa && r->flags == flags) {
        r->bytes += bytes;
        return;
    }
    print_run(w);
    *r = (struct run){va, pa, bytes, flags};
}

static void walk_table(struct walk *w, gpa_t table, unsigned level, uint64_t va)
{
    uint64_t span = UINT64_C(1) << (12 + 9 * level);
    for (unsigned i = 0; i < 512; i++) {
        uint8_t bytes[8];
        if (!bus_dma_read(&w->m->bus, table + i * 8, bytes, sizeof bytes)) return;
        uint64_t pte = load_le64(bytes), below = va | (uint64_t)i * span;
        gpa_t pa = bits_get(pte, 53, 10) << 12;
        if (!(pte & PTE_V)) continue;
        if (level + 1 == w->levels) below = (uint64_t)sign_extend(below, 12 + 9 * w->levels);
        if (pte & (PTE_R | PTE_W | PTE_X))
            add_leaf(w, below, pa, span, (unsigned)pte & 0xff);
        else if (level)
            walk_table(w, pa, level - 1, below);
    }
}

static void show_mem(struct machine *m, const char *arguments, FILE *out)
{
    (void)arguments;
    uint64_t satp = current(m)->csr.satp;
    unsigned mode = (unsigned)(satp >> 60);
    if (mode < 8 || mode > 10) {
        fprintf(out, "no translation (satp mode %u)\n", mode);
        return;
    }
    struct walk w = {.m = m, .out = out, .levels = mode - 5};
    fprintf(out, "Sv%u, ASID %llu\nvirtual          physical         size             rights\n", 39 + 9 * (mode - 8),
            (unsigned long long)bits_get(satp, 59, 44));
    walk_table(&w, bits_get(satp, 43, 0) << 12, w.levels - 1, 0);
    print_run(&w);
}

const struct monitor_command monitor_infos[] = {
    {"registers", "", "the current hart's registers", show_registers},
    {"harts", "", "all harts (also: cpus)", show_harts},
    {"cpus", "", "the same", show_harts},
    {"status", "", "running or stopped, guest time", show_status},
    {"mem", "", "page tables of the current hart", show_mem},
    {"mtree", "", "the physical address map", show_mtree},
    {"qtree", "", "devices", show_qtree},
    {"roms", "", "what was loaded where", show_roms},
    {"events", "", "what is due when", show_events},
};
const size_t monitor_info_count = ARRAY_LEN(monitor_infos);
