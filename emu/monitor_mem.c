/* info mem: what the current hart's page tables map, runs of pages with equal rights and contiguous addresses merged. Of a guest both
 * stages, each for itself: guest-virtual to guest-physical by vsatp, whose tables are read through hgatp; guest-physical to physical by
 * hgatp. */
#include "emu/base/bits.h"
#include "emu/monitor_internal.h"

enum { PTE_V = 1, PTE_R = 2, PTE_W = 4, PTE_X = 8 };

/* Tables may be their own subtables; nobody wants to read what that would print. */
#define TABLES_MAX 65536

struct run {
    uint64_t va, pa, bytes;
    unsigned flags;
};

struct stage_walk {
    struct hart *h;
    const struct mmu_regime *through; /* what translates addresses of tables; NULL: they are physical */
    FILE *out;
    struct run run;
    unsigned levels, tables;
    bool wide; /* G-stage: a root of 2048 entries, no sign extension */
};

static void print_run(struct stage_walk *w)
{
    const struct run *r = &w->run;
    if (!r->bytes) return;
    char rights[8];
    for (unsigned i = 0; i < 7; i++) rights[i] = r->flags >> (i + 1) & 1 ? "rwxugad"[i] : '-';
    rights[7] = 0;
    fprintf(w->out, "%016llx %016llx %016llx %s\n", (unsigned long long)r->va, (unsigned long long)r->pa,
            (unsigned long long)r->bytes, rights);
}

static void add_leaf(struct stage_walk *w, uint64_t va, uint64_t pa, uint64_t bytes, unsigned flags)
{
    struct run *r = &w->run;
    if (r->bytes && r->va + r->bytes == va && r->pa + r->bytes == pa && r->flags == flags) {
        r->bytes += bytes;
        return;
    }
    print_run(w);
    *r = (struct run){va, pa, bytes, flags};
}

/* The table's bytes; NULL if it is not in main memory. */
static const uint8_t *table_at(struct stage_walk *w, gpa_t table, size_t bytes)
{
    if (!w->through) return bus_ram(w->h->mmu.bus, table, bytes);
    struct mmu_result r = mmu_probe(&w->h->mmu, w->through, table);
    return r.fault == MMU_OK ? bus_ram(w->h->mmu.bus, r.gpa, bytes) : NULL;
}

static void walk_table(struct stage_walk *w, gpa_t table, unsigned level, uint64_t va)
{
    uint64_t span = UINT64_C(1) << (12 + 9 * level);
    bool root = level + 1 == w->levels;
    unsigned entries = root && w->wide ? 2048 : 512;
    const uint8_t *bytes = w->tables < TABLES_MAX ? table_at(w, table, entries * 8) : NULL;
    w->tables++;
    for (unsigned i = 0; bytes && i < entries; i++) {
        uint64_t pte = load_le64(bytes + i * 8), below = va | (uint64_t)i * span;
        gpa_t pa = bits_get(pte, 53, 10) << 12;
        if (!(pte & PTE_V)) continue;
        if (root && !w->wide) below = (uint64_t)sign_extend(below, 12 + 9 * w->levels);
        if (pte & (PTE_R | PTE_W | PTE_X))
            add_leaf(w, below, pa, span, (unsigned)pte & 0xff);
        else if (level)
            walk_table(w, pa, level - 1, below);
    }
}

static bool is_paged(uint64_t atp) { return bits_get(atp, 63, 60) >= 8 && bits_get(atp, 63, 60) <= 10; }

static void walk_stage(struct stage_walk *w, uint64_t atp)
{
    w->levels = (unsigned)bits_get(atp, 63, 60) - 5;
    walk_table(w, bits_get(atp, 43, 0) << 12, w->levels - 1, 0);
    print_run(w);
    if (w->tables > TABLES_MAX) fprintf(w->out, "… and more: only %u tables were read\n", TABLES_MAX);
}

/* "Sv39", "ASID 5" */
static unsigned scheme_bits(uint64_t atp) { return 39 + 9 * ((unsigned)bits_get(atp, 63, 60) - 8); }

static void show_first_stage(struct hart *h, const char *name, uint64_t atp, const struct mmu_regime *through,
                             FILE *out)
{
    if (!is_paged(atp)) {
        fprintf(out, "%s: no translation\n", name);
        return;
    }
    fprintf(out, "%s: Sv%u, ASID %llu\nvirtual          %sphysical%s size             rights\n", name, scheme_bits(atp),
            (unsigned long long)bits_get(atp, 59, 44), through ? "guest " : "", through ? "  " : "        ");
    walk_stage(&(struct stage_walk){.h = h, .through = through, .out = out}, atp);
}

static void show_guest_stage(struct hart *h, uint64_t hgatp, FILE *out)
{
    unsigned long long vmid = bits_get(hgatp, 57, 44);
    if (!is_paged(hgatp)) {
        fprintf(out, "hgatp: no translation, VMID %llu\n", vmid);
        return;
    }
    fprintf(out, "hgatp: Sv%ux4, VMID %llu\nguest physical   physical         size             rights\n",
            scheme_bits(hgatp), vmid);
    walk_stage(&(struct stage_walk){.h = h, .wide = true, .out = out}, hgatp);
}

void monitor_show_mem(struct machine *m, const char *arguments, FILE *out)
{
    (void)arguments;
    struct hart *h = m->harts[m->stopped_hart].hart;
    const struct csr_state *c = &h->csr;
    if (!h->virt) show_first_stage(h, "satp", c->satp, NULL, out);
    if (!h->virt && !is_paged(c->vsatp) && !is_paged(c->hgatp)) return;
    struct mmu_regime tables =
        mmu_regime(&(struct mmu_context){.hgatp = c->hgatp, .priv = PRIV_S, .virt = true, .g_pbmte = true});
    show_first_stage(h, "vsatp", c->vsatp, &tables, out);
    show_guest_stage(h, c->hgatp, out);
}
