/* Random worlds for the MMU: page tables, PMP, regimes; accesses, changes and fences; every answer compared with mmu_oracle.h.
 *
 * A world has a few dozen *probes*: a page of some regime and a kind of access. An access of a probe goes the way that an engine goes:
 * look into the inline TLB, on a miss call mmu_access_*. When the guest rewrites a PTE on a probe's path the probe becomes *stale*:
 * until a fence covers it, every translation that was valid meanwhile is a right answer (norm:sfence_vma_ordering_semantics); after the
 * fence only the new one is. Probes whose path nobody touched must always be exact, whatever was fenced or recycled. */
#ifndef ORRERY_TESTS_MMU_RANDOM_H
#define ORRERY_TESTS_MMU_RANDOM_H

#include "emu/base/bits.h"
#include "mmu_oracle.h"
#include <criterion/criterion.h>
#include <stdlib.h>

#define POOL_PAGES 32
#define PROBES     64
#define REGIMES    44
#define HISTORY    12

#define DEVICE_BASE UINT64_C(0x10000000)
#define DEVICE_SIZE UINT64_C(0x10000)

static const struct {
    gpa_t base;
    uint64_t size;
    unsigned pool; /* pages at its start that hold page tables */
} random_ram[ORACLE_REGIONS] = {
    {UINT64_C(0x80000000), 0x100000, 24},
    {UINT64_C(1) << 40, 0x10000, 4},
    {(UINT64_C(1) << 56) - 0x10000, 0x10000, 4},
};

struct probe {
    unsigned regime;
    gva_t page;
    enum mmu_access access;
    bool stale, pointer_changed, global, anything; /* anything: too many changes to remember */
    unsigned region_log2;                          /* the smallest span of a changed leaf */
    unsigned history_len;
    struct {
        enum mmu_fault fault;
        gpa_t page;
    } history[HISTORY];
};

struct world {
    uint64_t random;
    uint64_t seed;
    struct bus bus;
    struct mmu mmu;
    struct oracle_memory memory;
    struct oracle_pmp pmp;
    gpa_t pool[POOL_PAGES];
    struct oracle_regime regime[REGIMES];
    struct probe probe[PROBES];
    unsigned long fast_hits, faults[3], updates, fences_that_cover;
};

static inline uint64_t draw(struct world *w)
{
    uint64_t z = w->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}
static inline uint64_t below(struct world *w, uint64_t n) { return draw(w) % n; }
static inline bool chance(struct world *w, unsigned percent) { return below(w, 100) < percent; }

/* ---- page tables ---- */

/* A physical address that is worth meeting: a page table, data, a device, a hole, the ends of RAM and of the address space. */
static inline gpa_t draw_place(struct world *w)
{
    unsigned r = (unsigned)below(w, ORACLE_REGIONS);
    switch (below(w, 8)) {
    case 0: return w->pool[below(w, POOL_PAGES)];
    case 1: return DEVICE_BASE + below(w, DEVICE_SIZE);
    case 2: return random_ram[r].base + random_ram[r].size;
    case 3: return draw(w) & ((UINT64_C(1) << 56) - 1);
    default: return random_ram[r].base + below(w, random_ram[r].size);
    }
}

static inline uint64_t draw_pte(struct world *w, unsigned pointers)
{
    static const uint8_t alignments[] = {0, 0, 0, 0, 4, 4, 9, 9, 18, 18, 27, 36};
    static const uint8_t reserved[] = {54, 55, 58, 60, 61, 62, 63};
    uint64_t pte = 0x1, ppn;
    if (chance(w, pointers)) {
        ppn = chance(w, 95) ? w->pool[below(w, POOL_PAGES)] >> 12 : draw_place(w) >> 12;
        pte |= below(w, 4) << 8 | (chance(w, 4) ? 0x20 : 0) | (chance(w, 2) ? draw(w) & 0xd0 : 0);
    } else {
        unsigned align = alignments[below(w, sizeof alignments)];
        ppn = draw_place(w) >> 12 >> align << align;
        pte |= draw(w) & 0x3de;
        if (chance(w, 80)) pte |= 0x40;
        if (chance(w, 60)) pte |= 0x80 | 0x6;
        if (!chance(w, 15)) pte &= ~UINT64_C(0x20);
        if (chance(w, 12)) {
            pte |= UINT64_C(1) << 63;
            if (chance(w, 80)) ppn = (ppn & ~UINT64_C(0xf)) | 8;
        }
        if (chance(w, 10)) pte |= below(w, 4) << 61;
    }
    if (chance(w, 2)) pte |= UINT64_C(1) << reserved[below(w, sizeof reserved)];
    if (chance(w, 2)) pte &= ~UINT64_C(1);
    return pte | ppn << 10;
}

static inline void world_store(struct world *w, gpa_t at, uint64_t pte)
{
    cr_assert(bus_write(&w->bus, at, 8, pte));
    memcpy(oracle_byte(&w->memory, at), &pte, 8);
}

static inline void world_fill_tables(struct world *w)
{
    for (unsigned page = 0; page < POOL_PAGES; page++)
        for (unsigned i = 0; i < 512; i++) world_store(w, w->pool[page] + i * 8, draw_pte(w, page % 4 == 0 ? 85 : 45));
}

static inline gva_t draw_va(struct world *w, const struct oracle_regime *r)
{
    static const uint16_t indices[] = {0, 0, 1, 2, 2, 3, 8, 15, 255, 256, 510, 511};
    unsigned mode = r->satp >> 60, levels = mode ? mode - 5 : 3;
    uint64_t va = 0;
    if (mode == 0) return draw_place(w) ^ (chance(w, 3) ? UINT64_C(1) << (56 + below(w, 8)) : 0);
    for (unsigned i = 0; i < levels; i++)
        va = va << 9 | (chance(w, 80) ? indices[below(w, ARRAY_LEN(indices))] : below(w, 512));
    va <<= 12;
    unsigned unused = 64 - (12 + 9 * levels);
    va = (uint64_t)((int64_t)(va << unused) >> unused);
    return chance(w, 3) ? va ^ UINT64_C(1) << (64 - unused - 1 + below(w, unused + 1)) : va;
}

/* ---- PMP: the registers are written as CSRs, what they hold afterwards must be legal and is then the oracle's ---- */

static inline bool world_pmp_locked(const struct world *w, unsigned i)
{
    if (w->pmp.cfg[i] & 0x80) return true;
    return i + 1 < w->pmp.count &&
           (w->pmp.cfg[i + 1] & 0x98) == 0x88; /* norm:pmp_l_bit_write_protection: a locked TOR above */
}

static inline void world_write_pmp_addr(struct world *w, unsigned i, uint64_t value)
{
    bool locked = world_pmp_locked(w, i);
    bool changed = pmp_write_addr(&w->mmu.pmp, i, value);
    uint64_t now = pmp_read_addr(&w->mmu.pmp, i), want = i >= w->pmp.count ? 0 : value & ((UINT64_C(1) << 54) - 1);
    if (locked) want = w->pmp.addr[i];
    cr_assert_eq(now, want, "seed %lu: pmpaddr%u", w->seed, i);
    w->pmp.addr[i] = want;
    if (changed) mmu_flush_all(&w->mmu);
}

static inline void world_write_pmp_cfg(struct world *w, unsigned group, uint64_t value)
{
    bool changed = pmp_write_cfg(&w->mmu.pmp, group * 2, value);
    uint64_t now = pmp_read_cfg(&w->mmu.pmp, group * 2);
    for (unsigned k = 0; k < 8; k++) {
        unsigned i = group * 8 + k;
        uint8_t got = (uint8_t)(now >> 8 * k), asked = (uint8_t)(value >> 8 * k) & 0x9f;
        if (i >= w->pmp.count)
            cr_assert_eq(got, 0, "seed %lu: pmp%ucfg is not implemented", w->seed, i);
        else if (w->pmp.cfg[i] & 0x80)
            cr_assert_eq(got, w->pmp.cfg[i], "seed %lu: pmp%ucfg is locked", w->seed, i);
        else if ((asked & 3) != 2)
            cr_assert_eq(got, asked, "seed %lu: pmp%ucfg", w->seed, i);
        else /* norm:pmp_rwx_warl: W without R is reserved, any legal value may be held instead */
            cr_assert((got & 3) != 2 && !(got & 0x60), "seed %lu: pmp%ucfg holds %#x", w->seed, i, got);
        w->pmp.cfg[i] = got;
    }
    if (changed) mmu_flush_all(&w->mmu);
}

static inline uint64_t draw_pmp_addr(struct world *w)
{
    gpa_t place = draw_place(w);
    const struct probe *p = &w->probe[below(w, PROBES)]; /* all zero while the world is being made */
    if (chance(w, 40)) {
        struct oracle_walk walk =
            oracle_walk(&w->memory, &w->pmp, &w->regime[p->regime], w->mmu.svnapot, p->page, p->access);
        if (walk.fault == MMU_OK) place = walk.page + below(w, GUEST_PAGE_BYTES);
    }
    switch (below(w, 4)) {
    case 0: return (place >> 2) | ((UINT64_C(1) << below(w, 12)) - 1); /* a small naturally aligned region */
    case 1: return (place >> 2) | ((UINT64_C(1) << below(w, 55)) - 1); /* any naturally aligned region */
    case 2: return place >> 12 << 10;                                  /* a page's end */
    default: return (place >> 2) | (chance(w, 10) ? draw(w) : 0);      /* any word */
    }
}

static inline void world_change_pmp(struct world *w)
{
    if (w->pmp.count == 0 || chance(w, 5)) {
        world_write_pmp_addr(w, (unsigned)below(w, 64), draw_pmp_addr(w));
        world_write_pmp_cfg(w, (unsigned)below(w, 8), draw(w));
        return;
    }
    unsigned i = (unsigned)below(w, chance(w, 80) ? 6 : w->pmp.count - 1), shift = 8 * (i % 8);
    if (chance(w, 50)) world_write_pmp_addr(w, i, draw_pmp_addr(w));
    uint64_t cfg = draw(w) & (chance(w, 4) ? 0xff : 0x7f);
    if (chance(w, 30)) cfg |= 7;
    uint64_t group = pmp_read_cfg(&w->mmu.pmp, i / 8 * 2);
    world_write_pmp_cfg(w, i / 8, (group & ~(UINT64_C(0xff) << shift)) | cfg << shift);
}

/* All off, then the last entry lets everything through, most often. */
static inline void world_reset_pmp(struct world *w)
{
    static const unsigned counts[] = {0, 16, 16, 64};
    memset(&w->pmp, 0, sizeof w->pmp);
    w->pmp.count = w->mmu.pmp.count = counts[below(w, 4)];
    pmp_reset(&w->mmu.pmp);
    mmu_flush_all(&w->mmu);
    if (w->pmp.count == 0) return;
    if (chance(w, 90)) {
        world_write_pmp_addr(w, w->pmp.count - 1, UINT64_MAX);
        world_write_pmp_cfg(w, (w->pmp.count - 1) / 8, UINT64_C(0x1f) << 56);
    }
    for (uint64_t n = below(w, 4); n > 0; n--) world_change_pmp(w);
}

/* ---- the world ---- */

static inline uint64_t random_device_read(void *dev, uint64_t offset, unsigned size)
{
    (void)dev, (void)offset, (void)size;
    cr_assert_fail("translation read a device");
    return 0;
}
static inline void random_device_write(void *dev, uint64_t offset, unsigned size, uint64_t value)
{
    (void)dev, (void)offset, (void)size, (void)value;
    cr_assert_fail("translation wrote a device");
}
static const struct mmio_ops random_device = {
    .name = "device", .widths = 1 | 2 | 4 | 8, .read = random_device_read, .write = random_device_write};

static inline void world_draw_regime(struct world *w, unsigned i)
{
    static const uint64_t modes[] = {8, 9, 10, 8, 9, 10, 0};
    static const uint64_t asids[] = {0, 1, 2, 0xffff};
    static const enum priv privs[] = {PRIV_U, PRIV_U, PRIV_S, PRIV_S, PRIV_S, PRIV_M};
    uint64_t satp = modes[below(w, ARRAY_LEN(modes))] << 60;
    if (satp) satp |= asids[below(w, 4)] << 44 | w->pool[below(w, 4) * 4] >> 12;
    if (i > 0 && chance(w, 60)) satp = w->regime[below(w, i)].satp; /* so that regimes share address spaces */
    if (chance(w, 3) && satp) satp = (satp >> 44 << 44) | draw_place(w) >> 12;
    uint64_t bits = draw(w);
    w->regime[i] =
        (struct oracle_regime){satp, privs[below(w, ARRAY_LEN(privs))], bits & 1, bits & 2, bits & 4, bits & 8};
}

static inline void world_draw_probe(struct world *w, unsigned i)
{
    struct probe *p = &w->probe[i];
    *p = (struct probe){
        .regime = (unsigned)below(w, REGIMES), .access = (enum mmu_access)below(w, 3), .region_log2 = 64};
    if (i > 0 && chance(w, 50)) { /* another kind of access, or another regime, for the same page */
        const struct probe *other = &w->probe[below(w, i)];
        if (chance(w, 50)) p->regime = other->regime;
        p->page = other->page;
        return;
    }
    for (unsigned tries = 0; tries < 40; tries++) { /* most addresses lead to a page fault: prefer others */
        p->page = draw_va(w, &w->regime[p->regime]) & GUEST_PAGE_MASK;
        if (oracle_walk(&w->memory, &w->pmp, &w->regime[p->regime], w->mmu.svnapot, p->page, p->access).fault == MMU_OK)
            break;
    }
}

static inline struct world *world_new(uint64_t seed)
{
    struct world *w = calloc(1, sizeof *w);
    struct err err;
    cr_assert_not_null(w);
    w->seed = w->random = seed;
    bus_init(&w->bus, NULL);
    for (unsigned i = 0, n = 0; i < ORACLE_REGIONS; i++) {
        cr_assert(bus_add_ram(&w->bus, random_ram[i].base, random_ram[i].size, &err), "%s", err.text);
        w->memory.region[i].base = random_ram[i].base;
        w->memory.region[i].size = random_ram[i].size;
        w->memory.region[i].bytes = calloc(1, random_ram[i].size);
        for (unsigned k = 0; k < random_ram[i].pool; k++) w->pool[n++] = random_ram[i].base + k * GUEST_PAGE_BYTES;
    }
    cr_assert(bus_add_mmio(&w->bus, DEVICE_BASE, DEVICE_SIZE, &random_device, NULL, &err), "%s", err.text);
    mmu_init(&w->mmu, &w->bus, NULL);
    w->mmu.svnapot = chance(w, 85);
    world_fill_tables(w);
    world_reset_pmp(w);
    for (unsigned i = 0; i < REGIMES; i++) world_draw_regime(w, i);
    for (unsigned i = 0; i < PROBES; i++) world_draw_probe(w, i);
    return w;
}

static inline void world_free(struct world *w)
{
    mmu_finish(&w->mmu);
    bus_finish(&w->bus);
    for (unsigned i = 0; i < ORACLE_REGIONS; i++) free(w->memory.region[i].bytes);
    free(w);
}

/* ---- an access ---- */

struct outcome {
    enum mmu_fault fault;
    gpa_t gpa;
    uint8_t *host;
    bool fast;
};

static inline gpa_t world_gpa_of(const struct world *w, const uint8_t *host)
{
    for (unsigned i = 0; i < w->bus.ram_count; i++) {
        const struct ram_region *r = &w->bus.ram[i];
        if (host >= r->host && host < r->host + r->size) return r->base + (gpa_t)(host - r->host);
    }
    cr_assert_fail("seed %lu: a host address outside RAM", w->seed);
    return 0;
}

static inline struct mmu_regime world_regime(const struct oracle_regime *r, bool data)
{
    return mmu_regime(&(struct mmu_context){.satp = r->satp,
                                            .priv = r->priv,
                                            .sum = data && r->sum,
                                            .mxr = data && r->mxr,
                                            .adue = r->adue,
                                            .pbmte = r->pbmte});
}

/* As the engine does: the inline TLB by the rule in mmu.h, then the slow way. A fast hit must say the same as `cached` promised. */
static inline struct outcome world_access_data(struct world *w, const struct oracle_regime *r, gva_t va, unsigned len,
                                               enum mmu_access access)
{
    struct mmu_regime regime = world_regime(r, true);
    struct data_bank *b = mmu_select_data(&w->mmu, &regime);
    const struct tlb_entry *e = &(access == MMU_WRITE ? b->write : b->read)[tlb_index(va)];
    if ((len & (len - 1)) == 0 && (va & (GUEST_PAGE_MASK | (len - 1))) == e->tag) {
        uint8_t *host = (uint8_t *)(uintptr_t)(va + e->addend);
        gpa_t gpa = world_gpa_of(w, host);
        cr_assert(access != MMU_WRITE || !bus_has_code(&w->bus, gpa), "seed %lu: a fast store to code", w->seed);
        return (struct outcome){.fault = MMU_OK, .gpa = gpa, .host = host, .fast = true};
    }
    struct mmu_result x = mmu_access_data(&w->mmu, b, va, len, access);
    if (x.cached) {
        cr_assert(x.fault == MMU_OK && x.host, "seed %lu: cached without host memory", w->seed);
        cr_assert_eq(e->tag, va & GUEST_PAGE_MASK, "seed %lu: cached, but would miss", w->seed);
        cr_assert_eq((uint8_t *)(uintptr_t)(va + e->addend), x.host, "seed %lu: cached elsewhere", w->seed);
    }
    return (struct outcome){.fault = x.fault, .gpa = x.gpa, .host = x.host};
}

static inline struct outcome world_access_fetch(struct world *w, const struct oracle_regime *r, gva_t va, unsigned len)
{
    struct mmu_regime regime = world_regime(r, false);
    struct code_bank *b = mmu_select_code(&w->mmu, &regime);
    struct mmu_result x = mmu_access_fetch(&w->mmu, b, va, len);
    for (unsigned i = 0; i < FETCH_SETS; i++) {
        if (b->fetch[i].page != (va & GUEST_PAGE_MASK)) continue;
        cr_assert(x.fault == MMU_OK && b->fetch[i].gpa == (x.gpa & GUEST_PAGE_MASK), "seed %lu: fetch entry", w->seed);
        cr_assert(b->fetch[i].host == (x.host ? x.host - (va & ~GUEST_PAGE_MASK) : NULL), "seed %lu: fetch host",
                  w->seed);
    }
    return (struct outcome){.fault = x.fault, .gpa = x.gpa, .host = x.host};
}

/* Is `got` what a translation to (fault, page) leads to at this offset? Holes may be noticed here or left to the bus;
 * nothing can be fetched from a device. */
static inline bool world_agrees(const struct world *w, const struct oracle_regime *r, enum mmu_access access,
                                unsigned offset, unsigned len, enum mmu_fault fault, gpa_t page,
                                const struct outcome *got)
{
    static const unsigned needs[] = {[MMU_READ] = PMP_R, [MMU_WRITE] = PMP_W, [MMU_FETCH] = PMP_X};
    gpa_t gpa = page + offset;
    if (fault != MMU_OK) return got->fault == fault;
    if (!oracle_pmp_allows(&w->pmp, gpa, len, needs[access], r->priv == PRIV_M)) return got->fault == MMU_ACCESS_FAULT;
    bool ram = oracle_byte(&w->memory, gpa), device = gpa >= DEVICE_BASE && gpa - DEVICE_BASE < DEVICE_SIZE;
    if (!ram && (!device || access == MMU_FETCH) && got->fault == MMU_ACCESS_FAULT) return true;
    return got->fault == MMU_OK && got->gpa == gpa && got->host == (ram ? bus_ram(&w->bus, gpa, len) : NULL);
}

static inline uint64_t world_load(const struct world *w, gpa_t at)
{
    uint64_t v = 0;
    cr_assert(bus_read((struct bus *)&w->bus, at, 8, &v));
    return v;
}

/* A and D in memory must be as the walk says. Two liberties: a stale entry writes nothing; and when the walk succeeded but PMP refused
 * the access itself, the text allows the update and its absence (step 9: "may be updated but the memory access … might not occur"). */
static inline void world_check_update(struct world *w, const struct oracle_walk *now, bool lenient)
{
    if (!now->updated) return;
    gpa_t at = now->path[now->depth - 1].at;
    uint64_t got = world_load(w, at);
    if (lenient && got == now->path[now->depth - 1].value) return;
    cr_assert_eq(got, now->update, "seed %lu: PTE at %#lx is %#lx, not %#lx", w->seed, at, got, now->update);
    memcpy(oracle_byte(&w->memory, at), &got, 8);
    w->updates++;
}

static inline void world_check_memory(const struct world *w)
{
    for (unsigned i = 0; i < ORACLE_REGIONS; i++)
        cr_assert_eq(memcmp(bus_ram(&w->bus, random_ram[i].base, random_ram[i].size), w->memory.region[i].bytes,
                            random_ram[i].size),
                     0, "seed %lu: a page table was written that should not be", w->seed);
}

static inline void world_access(struct world *w, struct probe *p)
{
    static const uint8_t sizes[] = {1, 2, 4, 8, 8, 3, 6, 7, 64};
    const struct oracle_regime *r = &w->regime[p->regime];
    unsigned len = p->access == MMU_FETCH ? 2 + 2 * (unsigned)below(w, 2) : sizes[below(w, sizeof sizes)];
    unsigned offset = (unsigned)below(w, GUEST_PAGE_BYTES - len + 1);
    if (p->access == MMU_FETCH) offset &= ~1u;
    if (chance(w, 60)) offset = offset / len * len;
    struct oracle_walk now = oracle_walk(&w->memory, &w->pmp, r, w->mmu.svnapot, p->page, p->access);
    struct outcome got = p->access == MMU_FETCH ? world_access_fetch(w, r, p->page + offset, len)
                                                : world_access_data(w, r, p->page + offset, len, p->access);
    bool right = world_agrees(w, r, p->access, offset, len, now.fault, now.page, &got);
    for (unsigned i = 0; p->stale && i < p->history_len && !right; i++)
        right = world_agrees(w, r, p->access, offset, len, p->history[i].fault, p->history[i].page, &got);
    cr_assert(right || p->anything,
              "seed %lu: satp %#lx priv %u sum %u mxr %u adue %u pbmte %u, access %d of %u bytes at %#lx: fault %d gpa "
              "%#lx%s, "
              "the walk says fault %d page %#lx (depth %u, last PTE %#lx)%s",
              w->seed, r->satp, r->priv, r->sum, r->mxr, r->adue, r->pbmte, p->access, len, p->page + offset, got.fault,
              got.gpa, got.fast ? " (inline TLB)" : "", now.fault, now.page, now.depth,
              now.depth ? now.path[now.depth - 1].value : 0, p->stale ? ", stale" : "");
    w->fast_hits += got.fast;
    w->faults[got.fault]++;
    world_check_update(w, &now, p->stale || got.fault == MMU_ACCESS_FAULT);
}

/* ---- changes and fences ---- */

static inline void probe_remember(struct probe *p, const struct oracle_walk *walk)
{
    if (p->history_len == HISTORY) {
        p->anything = true;
        return;
    }
    p->history[p->history_len].fault = walk->fault;
    p->history[p->history_len++].page = walk->page;
}

/* The guest stores a PTE without a fence. Probes whose walk passes it become stale. */
static inline void world_change_pte(struct world *w, gpa_t at, uint64_t pte)
{
    struct oracle_walk before[PROBES];
    for (unsigned i = 0; i < PROBES; i++) {
        struct probe *p = &w->probe[i];
        before[i] = oracle_walk(&w->memory, &w->pmp, &w->regime[p->regime], w->mmu.svnapot, p->page, p->access);
    }
    world_store(w, at, pte);
    for (unsigned i = 0; i < PROBES; i++) {
        struct probe *p = &w->probe[i];
        for (unsigned d = 0; d < before[i].depth; d++) {
            const struct oracle_pte *e = &before[i].path[d];
            if (e->at != at) continue;
            struct oracle_walk after =
                oracle_walk(&w->memory, &w->pmp, &w->regime[p->regime], w->mmu.svnapot, p->page, p->access);
            p->stale = true;
            p->pointer_changed |= oracle_pte_is_pointer(e->value) || oracle_pte_is_pointer(pte);
            p->global |= before[i].global || after.global;
            if (e->shift < p->region_log2) p->region_log2 = e->shift;
            probe_remember(p, &before[i]);
            break;
        }
    }
}

static inline void world_change(struct world *w)
{
    static const uint64_t flips[] = {
        0x1, 0x2, 0x4, 0x8, 0x10, 0x20, 0x40, 0x80, 0xc0, 0x6, 0x400, 0x80000, UINT64_C(1) << 61, UINT64_C(1) << 63};
    const struct probe *p = &w->probe[below(w, PROBES)];
    struct oracle_walk walk =
        oracle_walk(&w->memory, &w->pmp, &w->regime[p->regime], w->mmu.svnapot, p->page, p->access);
    if (walk.depth == 0 || !oracle_byte(&w->memory, walk.path[walk.depth - 1].at)) return;
    const struct oracle_pte *e = &walk.path[chance(w, 70) ? walk.depth - 1 : below(w, walk.depth)];
    if (chance(w, 30) && walk.fault == MMU_OK) { /* as a kernel that looks for used and for dirty pages */
        e = &walk.path[walk.depth - 1];
        world_change_pte(w, e->at, e->value & ~(chance(w, 50) ? UINT64_C(0x80) : UINT64_C(0xc0)));
        return;
    }
    world_change_pte(w, e->at, chance(w, 60) ? e->value ^ flips[below(w, ARRAY_LEN(flips))] : draw_pte(w, 40));
}

/* Does a fence with these operands order the changes on this probe's path? norm:sfence_vma_all_asid_va and its neighbours. */
static inline bool fence_covers(const struct world *w, const struct probe *p, bool has_va, gva_t va, bool has_asid,
                                uint64_t asid)
{
    const struct oracle_regime *r = &w->regime[p->regime];
    if (has_asid && (p->global || (r->satp >> 44 & 0xffff) != (asid & 0xffff))) return false;
    if (!has_va) return true;
    unsigned unused = 64 - (12 + 9 * ((unsigned)(r->satp >> 60) - 5));
    bool valid = (uint64_t)((int64_t)(va << unused) >> unused) == va; /* norm:sfence_vma_invalid_va */
    return valid && !p->pointer_changed && (va ^ p->page) >> p->region_log2 == 0;
}

static inline void world_fence(struct world *w)
{
    const struct probe *target = &w->probe[below(w, PROBES)];
    for (unsigned tries = 0; tries < 8 && !target->stale; tries++) target = &w->probe[below(w, PROBES)];
    bool has_va = chance(w, 50), has_asid = chance(w, 50);
    gva_t va = target->page + below(w, GUEST_PAGE_BYTES);
    if (target->stale && target->region_log2 < 64) va ^= draw(w) & ((UINT64_C(1) << target->region_log2) - 1);
    if (chance(w, 10)) va = draw(w);
    uint64_t asid = w->regime[target->regime].satp >> 44 & 0xffff;
    if (chance(w, 10)) asid = below(w, 3);
    if (chance(w, 20)) asid |= draw(w) << 16; /* norm:sfence_vma_rs2_bits: ignored */
    mmu_fence(&w->mmu, &(struct mmu_fence){
                           .scope = FENCE_S, .has_address = has_va, .address = va, .has_id = has_asid, .id = asid});
    for (unsigned i = 0; i < PROBES; i++) {
        struct probe *p = &w->probe[i];
        if (!p->stale || !fence_covers(w, p, has_va, va, has_asid, asid)) continue;
        p->stale = p->pointer_changed = p->global = p->anything = false;
        p->region_log2 = 64;
        p->history_len = 0;
        w->fences_that_cover++;
        world_access(w, p);
    }
}

/* A debugger's look changes nothing and finds at least what a load finds. */
static inline void world_look(struct world *w)
{
    const struct probe *p = &w->probe[below(w, PROBES)];
    const struct oracle_regime *r = &w->regime[p->regime];
    struct oracle_walk now = oracle_walk(&w->memory, &w->pmp, r, w->mmu.svnapot, p->page, MMU_READ);
    struct mmu_regime regime = world_regime(r, true);
    struct mmu_result x = mmu_probe(&w->mmu, &regime, p->page);
    if (now.fault == MMU_OK)
        cr_assert(x.fault == MMU_OK && x.gpa == now.page, "seed %lu: probe of %#lx", w->seed, p->page);
    if (now.updated)
        cr_assert_eq(world_load(w, now.path[now.depth - 1].at), now.path[now.depth - 1].value, "seed %lu", w->seed);
}

/* The engine decodes something in a page that a probe reaches: from now on no fast store may reach it. */
static inline void world_decode(struct world *w)
{
    gpa_t page = random_ram[0].base + (below(w, random_ram[0].size) & GUEST_PAGE_MASK);
    bus_mark_code(&w->bus, page, 1);
    mmu_protect_code(&w->mmu, bus_ram(&w->bus, page, GUEST_PAGE_BYTES));
}

static inline void world_step(struct world *w)
{
    unsigned what = (unsigned)below(w, 1000);
    struct probe *p = &w->probe[below(w, PROBES)];
    if (what < 80) {
        world_change(w);
        if (chance(w, 70)) world_fence(w);
    } else if (what < 100) {
        world_fence(w);
    } else if (what < 108) {
        world_change_pmp(w);
    } else if (what < 111) {
        world_reset_pmp(w);
    } else if (what < 115) {
        world_look(w);
    } else if (what < 118) {
        world_decode(w);
    } else {
        for (unsigned i = 0; i < 4; i++) world_access(w, p); /* the first fills the TLB, if anything does */
    }
}

static inline void world_run(uint64_t seed, unsigned steps, unsigned long totals[6])
{
    struct world *w = world_new(seed);
    for (unsigned i = 0; i < steps; i++) {
        world_step(w);
        if (i % 64 == 0) world_check_memory(w);
    }
    world_check_memory(w);
    totals[0] += w->fast_hits;
    for (unsigned i = 0; i < 3; i++) totals[1 + i] += w->faults[i];
    totals[4] += w->updates;
    totals[5] += w->fences_that_cover;
    world_free(w);
}

/* Runs `worlds` worlds and demands that each kind of event was met often: a test of nothing fails. */
static inline void random_worlds(uint64_t first_seed, unsigned worlds, unsigned steps)
{
    unsigned long totals[6] = {0};
    for (unsigned i = 0; i < worlds; i++) world_run(first_seed + i, steps, totals);
    printf("mmu: %u worlds: %lu inline hits, %lu ok, %lu page faults, %lu access faults, %lu A/D updates, %lu covering "
           "fences\n",
           worlds, totals[0], totals[1], totals[2], totals[3], totals[4], totals[5]);
    for (unsigned i = 0; i < 6; i++) cr_assert_gt(totals[i], (unsigned long)worlds, "counter %u: %lu", i, totals[i]);
}

#endif
