/* Two stages of translation to try rules on: one mapping through both, a table of the VS-stage that the G-stage maps, PMP around it. */
#ifndef TESTS_MMU_GUEST_BENCH_H
#define TESTS_MMU_GUEST_BENCH_H

#include "tests/unit/mmu_bench.h"

static struct bench b;
static inline void setup(void) { bench_setup(&b); }
static inline void teardown(void) { bench_teardown(&b); }
#define ALL  (V | R | W | X | A | D)
#define PAGE (RAM + 0x3000)
#define FAR  UINT64_C(0x1f0000000) /* guest-physical, where the guest has no RAM */
#define VA   UINT64_C(0x12345000)

/* VA -> FAR -> PAGE with all rights. */
struct both {
    struct guest g;
    gpa_t vs_at, g_at; /* the leaf PTEs, in physical memory */
};
static inline struct both both_stages(void)
{
    struct both t = {.g = guest_make(&b, 3, 3)};
    t.vs_at = guest_map_vs(&t.g, VA, 0, leaf(FAR, ALL));
    t.g_at = guest_map_g(&t.g, FAR, 0, leaf(PAGE, ALL | U));
    return t;
}

/* A page of its own for the VS-stage's leaf PTE, mapped by the G-stage at FAR + 0x1000 with these rights. Returns the G-stage's PTE. */
static inline gpa_t put_vs_table_at_far(struct both *t, uint64_t rights)
{
    gpa_t pointer = guest_pte_at(&t->g, false, VA, 1);
    bench_write(&b, pointer, leaf(FAR + 0x1000, V));
    return guest_map_g(&t->g, FAR + 0x1000, 0, leaf(t->vs_at, rights));
}
#define PTE_GUEST_PA (FAR + 0x1000 + (VA >> 12 & 511) * 8)

static inline void expect_guest_fault(struct mmu_result r, gpa_t guest_pa, bool implicit, bool implicit_write)
{
    cr_assert_eq(r.fault, MMU_GUEST_PAGE_FAULT, "fault %d", r.fault);
    cr_assert_eq(r.guest_pa, guest_pa, "guest-physical 0x%lx, not 0x%lx", r.guest_pa, guest_pa);
    cr_assert(r.implicit == implicit && r.implicit_write == implicit_write, "implicit %d write %d", r.implicit,
              r.implicit_write);
}

static inline void pmp_entry(unsigned i, gpa_t from, uint64_t size, unsigned rights)
{
    pmp_write_addr(&b.mmu.pmp, i, from >> 2 | (size / 8 - 1));
    uint64_t cfg = pmp_read_cfg(&b.mmu.pmp, i / 8 * 2);
    pmp_write_cfg(&b.mmu.pmp, i / 8 * 2, bits_set(cfg, i % 8 * 8 + 7, i % 8 * 8, 0x18 | rights));
}
static inline void pmp_open(void)
{
    b.mmu.pmp.count = 16;
    pmp_entry(15, 0, UINT64_C(1) << 56, PMP_R | PMP_W | PMP_X);
}

/* norm:hlsv_u_op: the physical memory must grant both. */

#endif
