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

static inline uint64_t leaf(gpa_t pa, uint64_t bits) { return pa >> 12 << 10 | bits; }

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

/* The banks' contents, from the outside. */
static inline bool bench_cached(const struct data_bank *b, gva_t va, bool write)
{
    const struct tlb_entry *e = write ? &b->write[tlb_index(va)] : &b->read[tlb_index(va)];
    return e->tag == (va & GUEST_PAGE_MASK);
}

#endif
