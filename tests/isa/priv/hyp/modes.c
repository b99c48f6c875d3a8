/* Every VS-stage mode with every G-stage mode, leaves at every level of both, and the faults around them. */
#include "hyp.h"

#define S_PAGE (ALL & ~(uint64_t)U)

struct leaf {
    bool bare;
    uint64_t size, from, to; /* maps from..from+size to to..to+size */
    volatile uint64_t *pte;
};

static uint64_t fetch(uint64_t va)
{
    run_exactly(IN_VS, va);
    return t.cause == ECALL_VS && t.epc == va ? NO_TRAP : t.cause;
}

static void works(uint64_t va)
{
    frame[0][0] = ECALL;
    frame[0][1] = 0;
    __asm__ volatile("fence.i" ::: "memory");
    CAUSE(try_insn(IN_VS, LD, va, 0), NO_TRAP);
    EQUAL(t.a2, ECALL);
    CAUSE(try_insn(IN_VS, SD_, va + 8, va), NO_TRAP);
    EQUAL(frame[0][1], va);
    CAUSE(fetch(va), NO_TRAP);
}

static void faults(uint64_t va, unsigned offset, uint64_t gpa)
{
    unsigned load = offset ? LOAD_GUEST : LOAD_PAGE, store = offset ? STORE_GUEST : STORE_PAGE,
             insn = offset ? FETCH_GUEST : FETCH_PAGE;
    uint64_t tval2 = offset ? gpa >> 2 : 0;
    CAUSE(try_insn(IN_VS, LD, va, 0), load);
    TRAP(load, va, tval2, INSN_I(0, 0, 3, A2, 0x03), 1);
    CAUSE(try_insn(IN_VS, SD_, va, 0), store);
    TRAP(store, va, tval2, INSN_S(0, A1, 0, 3, 0x23), 1);
    CAUSE(fetch(va), insn);
    TRAP(insn, va, tval2, 0, 1);
}

/* One combination: a leaf of VS-stage level lv on one of G-stage level lg, such that va reaches frame[0]. */
static void combination(unsigned vs_mode, unsigned g_mode, unsigned lv, unsigned lg, bool high)
{
    guest_start(vs_mode, g_mode);
    uint64_t pa = (uint64_t)frame[0], size_g = UINT64_C(4096) << (9 * lg), size_v = UINT64_C(4096) << (9 * lv);
    uint64_t gpa = pa, va;
    if (g_mode) {
        uint64_t base = 6 * size_g;
        if (size_g < UINT64_C(1) << 30) base += UINT64_C(6) << 30; /* out of the identity's way */
        if (high && (g_mode != SV57 || !vs_mode))
            base |= UINT64_C(3) << (39 + 9 * (g_mode - SV39)); /* bits that only x4 has */
        gpa = base + (pa & (size_g - 1));
        map(&g_table, gpa & ~(size_g - 1), pa & ~(size_g - 1), ALL, lg);
    }
    va = gpa;
    if (vs_mode) {
        uint64_t base = 5 * size_v;
        if (size_v < UINT64_C(1) << 30) base += UINT64_C(5) << 30;
        if (high) base |= ~UINT64_C(0) << (38 + 9 * (vs_mode - SV39)); /* the upper half of the space */
        va = base + (gpa & (size_v - 1));
        map(&vs_table, va & ~(size_v - 1), gpa & ~(size_v - 1), S_PAGE, lv);
    }
    fence_all();
    works(va);
    if (vs_mode) {
        volatile uint64_t *leaf = pte_of(&vs_table, va, lv);
        uint64_t good = *leaf;
        static const uint64_t wrong[] = {S_PAGE & ~(uint64_t)V, V | W | X | A | D, S_PAGE & ~(uint64_t)A};
        for (unsigned i = 0; i < 3; i++) {
            *leaf = (good & ~UINT64_C(0x3ff)) | wrong[i];
            fence_all();
            faults(va, 0, 0);
        }
        if (lv) {
            *leaf = good | 1 << 10; /* not aligned */
            fence_all();
            faults(va, 0, 0);
        }
        if (!lv) {
            *leaf = (good & ~UINT64_C(0x3ff)) | V; /* a pointer where no level is left */
            fence_all();
            faults(va, 0, 0);
        }
        *leaf = good & ~(uint64_t)W;
        fence_all();
        CAUSE(try_insn(IN_VS, SD_, va, 0), STORE_PAGE);
        CAUSE(try_insn(IN_VS, LD, va, 0), NO_TRAP);
        *leaf = good;
        fence_all();
        works(va);
        faults((va & ~(size_v - 1)) + size_v + 8, 0, 0); /* the page behind it */
        uint64_t not_canonical = va ^ UINT64_C(1) << (39 + 9 * (vs_mode - SV39));
        faults(not_canonical, 0, 0);
        faults(va ^ UINT64_C(1) << 63, 0, 0);
    }
    if (g_mode) {
        volatile uint64_t *leaf = pte_of(&g_table, gpa, lg);
        uint64_t good = *leaf;
        static const uint64_t wrong[] = {ALL & ~(uint64_t)V, V | W | X | U | A | D, ALL & ~(uint64_t)A, S_PAGE};
        for (unsigned i = 0; i < 4; i++) {
            *leaf = (good & ~UINT64_C(0x3ff)) | wrong[i];
            fence_all();
            faults(va, 1, gpa);
        }
        if (lg) {
            *leaf = good | 1 << 10;
            fence_all();
            faults(va, 1, gpa);
        }
        *leaf = good & ~(uint64_t)W;
        fence_all();
        CAUSE(try_insn(IN_VS, SD_, va, 0), STORE_GUEST);
        CAUSE(try_insn(IN_VS, LD, va, 0), NO_TRAP);
        *leaf = good;
        fence_all();
        works(va);
        uint64_t behind =
            (gpa & ~(size_g - 1)) + size_g + 8; /* the guest-physical page behind it, where the guest has it mapped */
        if (!vs_mode) faults(behind, 1, behind);
        if (vs_mode && lv > lg && (behind & ~(size_v - 1)) == (gpa & ~(size_v - 1)))
            faults(va - gpa + behind, 1, behind);
    }
}

static void all_levels(unsigned vs_mode, unsigned g_mode)
{
    unsigned vs_levels = vs_mode ? vs_mode - SV39 + 3 : 1, g_levels = g_mode ? g_mode - SV39 + 3 : 1;
    for (unsigned lv = 0; lv < vs_levels; lv++)
        for (unsigned lg = 0; lg < g_levels; lg++)
            for (unsigned high = 0; high < 2; high++) combination(vs_mode, g_mode, lv, lg, high);
}

static void modes_bare_bare(void) { all_levels(BARE, BARE); }
static void modes_bare_sv39x4(void) { all_levels(BARE, SV39); }
static void modes_bare_sv48x4(void) { all_levels(BARE, SV48); }
static void modes_bare_sv57x4(void) { all_levels(BARE, SV57); }
static void modes_sv39_bare(void) { all_levels(SV39, BARE); }
static void modes_sv39_sv39x4(void) { all_levels(SV39, SV39); }
static void modes_sv39_sv48x4(void) { all_levels(SV39, SV48); }
static void modes_sv39_sv57x4(void) { all_levels(SV39, SV57); }
static void modes_sv48_bare(void) { all_levels(SV48, BARE); }
static void modes_sv48_sv39x4(void) { all_levels(SV48, SV39); }
static void modes_sv48_sv48x4(void) { all_levels(SV48, SV48); }
static void modes_sv48_sv57x4(void) { all_levels(SV48, SV57); }
static void modes_sv57_bare(void) { all_levels(SV57, BARE); }
static void modes_sv57_sv39x4(void) { all_levels(SV57, SV39); }
static void modes_sv57_sv48x4(void) { all_levels(SV57, SV48); }
static void modes_sv57_sv57x4(void) { all_levels(SV57, SV57); }

static const struct test tests[] = {
    TEST(modes_bare_bare), TEST(modes_bare_sv39x4), TEST(modes_bare_sv48x4), TEST(modes_bare_sv57x4),
    TEST(modes_sv39_bare), TEST(modes_sv39_sv39x4), TEST(modes_sv39_sv48x4), TEST(modes_sv39_sv57x4),
    TEST(modes_sv48_bare), TEST(modes_sv48_sv39x4), TEST(modes_sv48_sv48x4), TEST(modes_sv48_sv57x4),
    TEST(modes_sv57_bare), TEST(modes_sv57_sv39x4), TEST(modes_sv57_sv48x4), TEST(modes_sv57_sv57x4),
};
RUN_TESTS(tests)
