/* A bus with RAM and an MMU on it, page tables built by hand, and PTE bits spelled out a second time, for the tests of mmu/. */
#ifndef ORRERY_TESTS_MMU_BENCH_H
#define ORRERY_TESTS_MMU_BENCH_H

#include "emu/base/bits.h"
#include "mmu/mmu.h"

#include <criterion/criterion.h>
#include <string.h>

#define RAM      UINT64_C(0x80000000)
#define RAM_SIZE UINT64_C(0x400000)
#define TABLES   (RAM + 0x100000) /* page tables are taken from here on */
#define DEVICE   UINT64_C(0x10000000)

enum { V = 1, R = 2, W = 4, X = 8, U = 16, G = 32, A = 64, D = 128 };
#define N_BIT   (UINT64_C(1) << 63)
#define PBMT(n) ((uint64_t)(n) << 61)

struct bench {
    struct bus bus;
    struct mmu mmu;
    gpa_t next_table;
};

static uint64_t bench_device_read(void *dev, uint64_t offset, unsigned size)
{
    (void)dev;
    (void)size;
    return offset;
}
static void bench_device_write(void *dev, uint64_t offset, unsigned size, uint64_t value)
{
    (void)dev;
    (void)offset;
    (void)size;
    (void)value;
}
static const struct mmio_ops bench_device = {
    .name = "device", .widths = 15, .read = bench_device_read, .write = bench_device_write};

static inline void bench_setup(struct bench *b)
{
    struct err err;
    bus_init(&b->bus, NULL);
    cr_assert(bus_add_ram(&b->bus, RAM, RAM_SIZE, &err), "%s", err.text);
    cr_assert(bus_add_mmio(&b->bus, DEVICE, 0x10000, &bench_device, NULL, &err), "%s", err.text);
    mmu_init(&b->mmu, &b->bus, NULL);
    b->mmu.svnapot = true;
    b->next_table = TABLES;
}

static inline void bench_teardown(struct bench *b)
{
    mmu_finish(&b->mmu);
    bus_finish(&b->bus);
}

static inline uint64_t bench_read(struct bench *b, gpa_t at)
{
    uint64_t v = 0;
    cr_assert(bus_read(&b->bus, at, 8, &v));
    return v;
}
static inline void bench_write(struct bench *b, gpa_t at, uint64_t v) { cr_assert(bus_write(&b->bus, at, 8, v)); }

static inline gpa_t bench_table(struct bench *b)
{
    gpa_t t = b->next_table;
    b->next_table += 4096;
    cr_assert_lt(b->next_table, RAM + RAM_SIZE);
    memset(bus_ram(&b->bus, t, 4096), 0, 4096);
    return t;
}

static inline uint64_t leaf(gpa_t pa, uint64_t bits) { return pa >> 12 << 10 | bits; }

/* satp for a new, empty address space of this many levels. */
static inline uint64_t bench_space(struct bench *b, unsigned levels, unsigned asid)
{
    return (uint64_t)(levels + 5) << 60 | (uint64_t)asid << 44 | bench_table(b) >> 12;
}

/* Where va's entry of this level stands; tables on the way are made. */
static inline gpa_t bench_pte_at(struct bench *b, uint64_t satp, gva_t va, unsigned level)
{
    unsigned levels = (unsigned)(satp >> 60) - 5;
    gpa_t table = (satp & ((UINT64_C(1) << 44) - 1)) << 12;
    for (unsigned l = levels - 1;; l--) {
        gpa_t at = table + ((va >> (12 + 9 * l)) & 511) * 8;
        if (l == level) return at;
        if (!(bench_read(b, at) & V)) bench_write(b, at, bench_table(b) >> 12 << 10 | V);
        table = bench_read(b, at) >> 10 << 12;
    }
}

static inline gpa_t bench_map(struct bench *b, uint64_t satp, gva_t va, unsigned level, uint64_t pte)
{
    gpa_t at = bench_pte_at(b, satp, va, level);
    bench_write(b, at, pte);
    return at;
}

/* A regime of one stage. */
static inline struct mmu_regime bench_regime(uint64_t satp, enum priv priv, bool sum, bool mxr, bool adue, bool pbmte)
{
    return mmu_regime(
        &(struct mmu_context){.satp = satp, .priv = priv, .sum = sum, .mxr = mxr, .adue = adue, .pbmte = pbmte});
}

/* SFENCE.VMA outside a guest. */
static inline void bench_fence(struct bench *b, bool has_va, gva_t va, bool has_asid, uint64_t asid)
{
    mmu_fence(&b->mmu, &(struct mmu_fence){
                           .scope = FENCE_S, .has_address = has_va, .address = va, .has_id = has_asid, .id = asid});
}

/* ---- a guest: both stages ----
 *
 * Its physical memory is all of RAM, but elsewhere: from GUEST_RAM on. So a guest-physical address taken for a physical one shows. */

#define GUEST_RAM UINT64_C(0x40000000)

struct guest {
    struct bench *b;
    unsigned levels, g_levels; /* 0: Bare */
    struct mmu_context c;      /* satp and hgatp are made, the rest is the test's */
};

static inline gpa_t guest_of(const struct guest *g, gpa_t pa) { return g->g_levels ? pa - RAM + GUEST_RAM : pa; }
static inline gpa_t physical_of(const struct guest *g, gpa_t guest_pa)
{
    return g->g_levels ? guest_pa - GUEST_RAM + RAM : guest_pa;
}

/* Where the PTE of one stage stands in physical memory; tables on the way are made. */
static inline gpa_t guest_pte_at(const struct guest *g, bool second, uint64_t addr, unsigned level)
{
    unsigned levels = second ? g->g_levels : g->levels;
    uint64_t ppn = (second ? g->c.hgatp : g->c.satp) & ((UINT64_C(1) << 44) - 1);
    gpa_t table = second ? ppn << 12 : physical_of(g, ppn << 12);
    for (unsigned l = levels - 1;; l--) {
        uint64_t mask = second && l == levels - 1 ? 2047 : 511;
        gpa_t at = table + (addr >> (12 + 9 * l) & mask) * 8;
        if (l == level) return at;
        if (!(bench_read(g->b, at) & V)) {
            gpa_t made = bench_table(g->b);
            bench_write(g->b, at, leaf(second ? made : guest_of(g, made), V));
        }
        uint64_t pointer = bench_read(g->b, at);
        table = second ? pointer >> 10 << 12 : physical_of(g, pointer >> 10 << 12);
    }
}
static inline gpa_t guest_map_vs(const struct guest *g, gva_t va, unsigned level, uint64_t pte)
{
    gpa_t at = guest_pte_at(g, false, va, level);
    bench_write(g->b, at, pte);
    return at;
}
static inline gpa_t guest_map_g(const struct guest *g, gpa_t guest_pa, unsigned level, uint64_t pte)
{
    gpa_t at = guest_pte_at(g, true, guest_pa, level);
    bench_write(g->b, at, pte);
    return at;
}

static inline struct guest guest_make(struct bench *b, unsigned levels, unsigned g_levels)
{
    struct guest g = {.b = b, .levels = levels, .g_levels = g_levels, .c = {.virt = true, .priv = PRIV_S}};
    if (g_levels) {
        while (b->next_table & 0x3fff) b->next_table += 4096;
        gpa_t root = bench_table(b);
        for (unsigned i = 1; i < 4; i++) bench_table(b);
        g.c.hgatp = (uint64_t)(g_levels + 5) << 60 | root >> 12;
        for (gpa_t at = 0; at < RAM_SIZE; at += 0x200000)
            guest_map_g(&g, GUEST_RAM + at, 1, leaf(RAM + at, V | R | W | X | U | A | D));
    }
    if (levels) g.c.satp = (uint64_t)(levels + 5) << 60 | guest_of(&g, bench_table(b)) >> 12;
    return g;
}

/* One access that finds the banks empty. */
static inline struct mmu_result guest_touch(const struct guest *g, gva_t va, enum mmu_access access)
{
    struct mmu *m = &g->b->mmu;
    struct mmu_regime r = mmu_regime(&g->c);
    mmu_flush_all(m);
    if (access == MMU_FETCH) return mmu_access_fetch(m, mmu_select_code(m, &r), va, 2);
    return mmu_access_data(m, mmu_select_data(m, &r), va, 1, access);
}

/* The banks' contents, from the outside. */
static inline bool bench_cached(const struct data_bank *b, gva_t va, bool write)
{
    const struct tlb_entry *e = write ? &b->write[tlb_index(va)] : &b->read[tlb_index(va)];
    return e->tag == (va & GUEST_PAGE_MASK);
}

/* As the engine notes a jump, and whether it would find it. */
static inline void bench_jump(struct bench *b, const struct code_bank *c, gva_t pc)
{
    *mmu_jump(&b->mmu, pc) = (struct jump_entry){pc, c->jump_tag, b, NULL};
}
static inline bool bench_jumps(const struct bench *b, const struct code_bank *c, gva_t pc)
{
    const struct jump_entry *j = mmu_jump(&b->mmu, pc);
    return j->pc == pc && j->tag == c->jump_tag;
}

#endif
