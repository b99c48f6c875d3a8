/* What `info …` shows. */
#include "cpu/priv.h"
#include "emu/base/bits.h"
#include "emu/monitor_internal.h"
#include <string.h>

const char *const monitor_x_names[32] = {"zero", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
                                         "a1",   "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
                                         "s6",   "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};

static void show_csrs(struct hart *h, FILE *out)
{
    static const char *const names[] = {
        "mstatus",  "mtvec",   "mepc",    "mcause",  "mtval",  "mie",      "mip",       "medeleg",  "mideleg",
        "stvec",    "sepc",    "scause",  "stval",   "satp",   "sscratch", "mscratch",  "mtval2",   "mtinst",
        "hstatus",  "hedeleg", "hideleg", "hvip",    "htval",  "htinst",   "hgatp",     "henvcfg",  "htimedelta",
        "vsstatus", "vstvec",  "vsepc",   "vscause", "vstval", "vsatp",    "vsscratch", "vstimecmp"};
    unsigned shown = 0;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        uint64_t v = 0;
        int number = csr_number(names[i]);
        if (number < 0 || !csr_peek(h, (unsigned)number, &v)) continue;
        fprintf(out, "%s%-10s %016llx", shown % 3 ? "  " : shown ? "\n" : "", names[i], (unsigned long long)v);
        shown++;
    }
    fputc('\n', out);
}

static void show_registers(struct machine *m, const char *arguments, FILE *out)
{
    (void)arguments;
    struct hart *h = m->harts[m->stopped_hart].hart;
    const struct symbol *s = symbols_by_address(&m->symbols, h->pc);
    fprintf(out, "hart %u  %s-mode%s  %llu instructions\n", h->id, priv_mode_name(h), h->waiting ? "  waiting" : "",
            (unsigned long long)hart_icount(h));
    fprintf(out, "pc  %016llx", (unsigned long long)h->pc);
    if (s) fprintf(out, "  <%s+0x%llx>", s->name, (unsigned long long)(h->pc - s->address));
    fputc('\n', out);
    for (unsigned i = 0; i < 32; i++)
        fprintf(out, "%-4s %016llx%s", monitor_x_names[i], (unsigned long long)(i ? h->x[i] : 0),
                i % 4 == 3 ? "\n" : "  ");
    for (unsigned i = 0; i < 32; i++)
        fprintf(out, "f%-3u %016llx%s", i, (unsigned long long)h->f[i], i % 4 == 3 ? "\n" : "  ");
    show_csrs(h, out);
}

static void show_harts(struct machine *m, const char *arguments, FILE *out)
{
    (void)arguments;
    for (unsigned i = 0; i < m->hart_count; i++) {
        const struct hart *h = m->harts[i].hart;
        fprintf(out, "%c hart %u  pc %016llx  %s-mode  %s  %llu instructions  %llu ns\n",
                i == m->stopped_hart ? '*' : ' ', i, (unsigned long long)h->pc, priv_mode_name(h),
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

const struct monitor_command monitor_infos[] = {
    {"registers", "", "the current hart's registers", show_registers},
    {"harts", "", "all harts (also: cpus)", show_harts},
    {"cpus", "", "the same", show_harts},
    {"status", "", "running or stopped, guest time", show_status},
    {"mem", "", "page tables of the current hart, both stages", monitor_show_mem},
    {"mtree", "", "the physical address map", show_mtree},
    {"qtree", "", "devices", show_qtree},
    {"roms", "", "what was loaded where", show_roms},
    {"events", "", "what is due when", show_events},
};
const size_t monitor_info_count = ARRAY_LEN(monitor_infos);
