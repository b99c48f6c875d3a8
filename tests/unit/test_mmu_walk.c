/* The walk against a model written from the sentences of supervisor.adoc ("Virtual Address Translation Process"), for every combination
 * of permission bits, level, mode, privilege, SUM, MXR and A/D scheme, and for everything that is reserved. */
#include "tests/unit/mmu_bench.h"

static struct bench b;
static void setup(void) { bench_setup(&b); }
static void teardown(void) { bench_teardown(&b); }
TestSuite(mmu_walk, .init = setup, .fini = teardown);

struct situation {
    bool user, sum, mxr, adue, pbmte, svnapot;
    enum mmu_access access;
};

struct outcome {
    enum mmu_fault fault;
    gpa_t pa;
    uint64_t pte; /* as it stands afterwards */
};

/* What must become of an access through this entry at this level (0: 4 KiB). The way there is without fault. */
static struct outcome model_leaf(uint64_t pte, unsigned level, gva_t va, const struct situation *s)
{
    struct outcome fault = {.fault = MMU_PAGE_FAULT, .pte = pte};
    bool v = pte & V, r = pte & R, w = pte & W, x = pte & X, u = pte & U, a = pte & A, d = pte & D;
    unsigned pbmt = pte >> 61 & 3;
    bool n = pte >> 63;
    uint64_t ppn = pte >> 10 & 0xfffffffffff;

    if (!v || (!r && w)) return fault;
    if (pte >> 54 & 0x7f) return fault;
    if (!r && !x) return fault; /* a pointer: the caller only asks about those that fault */
    if (pbmt == 3 || (pbmt && !s->pbmte)) return fault;
    if (n && (!s->svnapot || level > 0 || (ppn & 15) != 8)) return fault;
    for (unsigned i = 0; i < level; i++)
        if (ppn >> (9 * i) & 511) return fault;
    if (s->user && !u) return fault;
    if (!s->user && u && (s->access == MMU_FETCH || !s->sum)) return fault;
    if (s->access == MMU_FETCH && !x) return fault;
    if (s->access == MMU_WRITE && !w) return fault;
    if (s->access == MMU_READ && !r && !(x && s->mxr)) return fault;
    struct outcome ok = {.fault = MMU_OK, .pte = pte};
    if (!a || (s->access == MMU_WRITE && !d)) {
        if (!s->adue) return fault;
        ok.pte |= A | (s->access == MMU_WRITE ? D : 0);
    }
    if (n) ppn = (ppn & ~UINT64_C(15)) | (va >> 12 & 15);
    for (unsigned i = 0; i < level; i++) ppn |= (va >> 12) & (UINT64_C(511) << (9 * i));
    ok.pa = ppn << 12 | (va & 0xfff);
    return ok;
}

static struct mmu_result access_once(uint64_t satp, gva_t va, const struct situation *s)
{
    struct mmu_regime r = bench_regime(satp, s->user ? PRIV_U : PRIV_S, s->sum, s->mxr, s->adue, s->pbmte);
    b.mmu.svnapot = s->svnapot;
    mmu_flush_all(&b.mmu);
    if (s->access == MMU_FETCH) return mmu_access_fetch(&b.mmu, mmu_select_code(&b.mmu, &r), va, 2);
    return mmu_access_data(&b.mmu, mmu_select_data(&b.mmu, &r), va, 1, s->access);
}

static void check_leaf(uint64_t satp, gpa_t at, uint64_t pte, unsigned level, gva_t va, const struct situation *s)
{
    bench_write(&b, at, pte);
    struct outcome want = model_leaf(pte, level, va, s);
    struct mmu_result got = access_once(satp, va, s);
    enum mmu_fault fault = want.fault;
    /* Fetches from what is not RAM are access faults. */
    if (fault == MMU_OK && s->access == MMU_FETCH && !bus_ram(&b.bus, want.pa, 2)) fault = MMU_ACCESS_FAULT;
    cr_assert_eq(got.fault, fault, "pte %lx level %u va %lx access %d user %d sum %d mxr %d adue %d: %d, not %d", pte,
                 level, va, s->access, s->user, s->sum, s->mxr, s->adue, got.fault, fault);
    cr_assert_eq(bench_read(&b, at), want.pte, "the entry afterwards");
    if (fault != MMU_OK) return;
    cr_assert_eq(got.gpa, want.pa);
    cr_assert_eq(got.host, bus_ram(&b.bus, want.pa, 1));
    cr_assert_eq(got.page_log2, pte & N_BIT ? 16 : 12 + 9 * level);
}

/* Calls body for every situation of privilege, SUM, MXR, ADUE and access. */
#define FOR_EACH_SITUATION(s)                                                                                          \
    for (unsigned bits_ = 0; bits_ < 48; bits_++)                                                                      \
        for (struct situation s = {.user = bits_ & 1,                                                                  \
                                  .sum = bits_ & 2,                                                                    \
                                  .mxr = bits_ & 4,                                                                    \
                                  .adue = bits_ & 8,                                                                   \
                                  .access = (enum mmu_access)(bits_ >> 4),                                             \
                                  .svnapot = true,                                                                     \
                                  .pbmte = true},                                                                      \
                              *once_ = &s;                                                                             \
             once_; once_ = NULL)

static gva_t va_for(unsigned levels, bool high)
{
    gva_t va = UINT64_C(0x0012345678abc) & ((UINT64_C(1) << (11 + 9 * levels)) - 1);
    return high ? ~va : va;
}

Test(mmu_walk, every_permission_at_every_level_of_every_mode)
{
    unsigned checks = 0;
    for (unsigned levels = 3; levels <= 5; levels++)
        for (unsigned level = 0; level < levels; level++) {
            gva_t va = va_for(levels, level & 1);
            uint64_t satp = bench_space(&b, levels, 1);
            gpa_t at = bench_pte_at(&b, satp, va, level);
            for (uint64_t bits = 0; bits < 256; bits++) {
                if ((bits & (V | R | W | X)) == V && level > 0) continue; /* pointers: below */
                /* In RAM where the page is small enough, so that fetches have something to fetch. */
                uint64_t pte = level == 0 ? leaf(RAM + 0x3000, bits) : level == 1 ? leaf(RAM + 0x200000, bits) : bits;
                FOR_EACH_SITUATION(s) check_leaf(satp, at, pte, level, va, &s), checks++;
            }
        }
    cr_assert_gt(checks, 100000);
}

Test(mmu_walk, reserved_bits_of_leaves_fault)
{
    for (unsigned levels = 3; levels <= 5; levels++)
        for (unsigned level = 0; level < levels; level++) {
            gva_t va = va_for(levels, false);
            uint64_t satp = bench_space(&b, levels, 1), good = V | R | W | X | A | D;
            gpa_t at = bench_pte_at(&b, satp, va, level);
            for (unsigned bit = 54; bit < 64; bit++)
                for (unsigned extensions = 0; extensions < 4; extensions++)
                    for (unsigned pbmt = 0; pbmt < 4; pbmt++) {
                        struct situation s = {.access = MMU_READ, .pbmte = extensions & 1, .svnapot = extensions & 2};
                        check_leaf(satp, at, leaf(level ? 0 : RAM + 0x8000, good) | UINT64_C(1) << bit | PBMT(pbmt),
                                   level, va, &s);
                        check_leaf(satp, at, leaf(level ? 0 : RAM + 0x8000, good) | PBMT(pbmt), level, va, &s);
                    }
        }
}

Test(mmu_walk, napot_is_64_kib_and_nothing_else)
{
    uint64_t satp = bench_space(&b, 3, 1);
    for (unsigned page = 0; page < 16; page++) {
        gva_t va = 0x40000 + page * 0x1000 + 0x123;
        gpa_t at = bench_pte_at(&b, satp, va, 0);
        for (unsigned low = 0; low < 16; low++) {
            uint64_t pte = leaf(RAM + 0x20000 + low * 0x1000, V | R | X | A) | N_BIT;
            FOR_EACH_SITUATION(s) check_leaf(satp, at, pte, 0, va, &s);
            struct situation without = {.access = MMU_READ};
            check_leaf(satp, at, pte, 0, va, &without);
        }
    }
}

Test(mmu_walk, superpages_must_be_aligned)
{
    for (unsigned levels = 3; levels <= 5; levels++)
        for (unsigned level = 1; level < levels; level++) {
            gva_t va = va_for(levels, true);
            uint64_t satp = bench_space(&b, levels, 1);
            gpa_t at = bench_pte_at(&b, satp, va, level);
            struct situation s = {.access = MMU_READ};
            for (unsigned bit = 0; bit < 44; bit++)
                check_leaf(satp, at, (UINT64_C(1) << (10 + bit)) | V | R | A | D, level, va, &s);
        }
}

Test(mmu_walk, bits_reserved_in_pointers_fault)
{
    for (unsigned levels = 3; levels <= 5; levels++)
        for (unsigned level = 1; level < levels; level++) {
            gva_t va = va_for(levels, false);
            uint64_t satp = bench_space(&b, levels, 1);
            bench_map(&b, satp, va, 0, leaf(RAM + 0x3000, V | R | A));
            gpa_t at = bench_pte_at(&b, satp, va, level);
            uint64_t pointer = bench_read(&b, at);
            struct situation s = {.access = MMU_READ, .pbmte = true, .svnapot = true, .adue = true};
            for (unsigned bit = 0; bit < 64; bit++) {
                bool address = bit >= 10 && bit < 54, permission = bit >= 1 && bit <= 3;
                if (address || permission) continue;             /* another pointer, or a leaf */
                bool ignored = bit == 5 || bit == 8 || bit == 9; /* G, RSW */
                bench_write(&b, at, pointer ^ (UINT64_C(1) << bit));
                enum mmu_fault want = ignored ? MMU_OK : MMU_PAGE_FAULT;
                cr_assert_eq(access_once(satp, va, &s).fault, want, "levels %u level %u bit %u", levels, level, bit);
            }
        }
}

Test(mmu_walk, a_pointer_at_the_last_level_faults)
{
    uint64_t satp = bench_space(&b, 3, 1);
    bench_map(&b, satp, 0x5000, 0, leaf(TABLES, V));
    struct situation s = {.access = MMU_READ, .adue = true};
    cr_assert_eq(access_once(satp, 0x5000, &s).fault, MMU_PAGE_FAULT);
}

Test(mmu_walk, addresses_must_be_canonical)
{
    for (unsigned levels = 3; levels <= 5; levels++) {
        unsigned bits = 12 + 9 * levels;
        uint64_t satp = bench_space(&b, levels, 1);
        gpa_t root = (satp & ((UINT64_C(1) << 44) - 1)) << 12;
        for (unsigned i = 0; i < 512; i++) bench_write(&b, root + i * 8, V | R | W | X | A | D);
        for (unsigned bit = bits - 1; bit < 64; bit++)
            for (unsigned access = MMU_READ; access <= MMU_WRITE; access++) {
                struct situation s = {.access = (enum mmu_access)access};
                gva_t ones = UINT64_MAX << bit; /* canonical only from bits-1 on */
                cr_assert_eq(access_once(satp, ones, &s).fault, bit == bits - 1 ? MMU_OK : MMU_PAGE_FAULT,
                             "levels %u bit %u", levels, bit);
                gva_t one = UINT64_C(1) << bit;
                cr_assert_eq(access_once(satp, one, &s).fault, bit == 63 && bits == 64 ? MMU_OK : MMU_PAGE_FAULT);
            }
        struct situation s = {.access = MMU_READ};
        cr_assert_eq(access_once(satp, (UINT64_C(1) << (bits - 1)) - 1, &s).fault, MMU_OK);
    }
}

Test(mmu_walk, tables_outside_ram_are_access_faults)
{
    static const gpa_t places[] = {DEVICE, 0, RAM + RAM_SIZE, UINT64_C(0xfffffffffff000)};
    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        for (unsigned access = MMU_READ; access <= MMU_FETCH; access++) {
            struct situation s = {.access = (enum mmu_access)access};
            cr_assert_eq(access_once(UINT64_C(8) << 60 | places[i] >> 12, 0x1000, &s).fault, MMU_ACCESS_FAULT);
            uint64_t satp = bench_space(&b, 3, 1);
            bench_map(&b, satp, 0x1000, 2, leaf(places[i], V));
            cr_assert_eq(access_once(satp, 0x1000, &s).fault, MMU_ACCESS_FAULT);
        }
}

static void pmp_entry(unsigned i, gpa_t from, uint64_t size, unsigned rights)
{
    pmp_write_addr(&b.mmu.pmp, i, from >> 2 | (size / 8 - 1));
    uint64_t cfg = pmp_read_cfg(&b.mmu.pmp, i / 8 * 2);
    pmp_write_cfg(&b.mmu.pmp, i / 8 * 2, bits_set(cfg, i % 8 * 8 + 7, i % 8 * 8, 0x18 | rights));
}

Test(mmu_walk, tables_are_read_and_written_as_supervisor_under_pmp)
{
    b.mmu.pmp.count = 16;
    uint64_t satp = bench_space(&b, 3, 1);
    gpa_t at = bench_map(&b, satp, 0x1000, 0, leaf(RAM + 0x3000, V | R | W | U | A));
    pmp_entry(15, 0, UINT64_C(1) << 56, PMP_R | PMP_W | PMP_X);
    struct situation read = {.access = MMU_READ, .user = true, .adue = true},
                     write = {.access = MMU_WRITE, .user = true, .adue = true};
    cr_assert_eq(access_once(satp, 0x1000, &read).fault, MMU_OK);

    pmp_entry(0, at & ~UINT64_C(7), 8, 0);
    cr_assert_eq(access_once(satp, 0x1000, &read).fault, MMU_ACCESS_FAULT, "the table cannot be read");
    pmp_entry(0, at & ~UINT64_C(7), 8, PMP_R);
    cr_assert_eq(access_once(satp, 0x1000, &read).fault, MMU_OK);
    cr_assert_eq(access_once(satp, 0x1000, &write).fault, MMU_ACCESS_FAULT, "D cannot be set");
    cr_assert_not(bench_read(&b, at) & D);
    struct situation svade = {.access = MMU_WRITE, .user = true};
    cr_assert_eq(access_once(satp, 0x1000, &svade).fault, MMU_PAGE_FAULT, "D would not have been set anyway");
    bench_write(&b, at, leaf(RAM + 0x3000, V | R | W | U | A | D));
    cr_assert_eq(access_once(satp, 0x1000, &write).fault, MMU_OK, "nothing to set");
}

Test(mmu_walk, pmp_is_checked_on_the_result)
{
    b.mmu.pmp.count = 16;
    uint64_t satp = bench_space(&b, 3, 1);
    bench_map(&b, satp, 0x1000, 0, leaf(RAM + 0x3000, V | R | W | X | A | D));
    pmp_entry(15, 0, UINT64_C(1) << 56, PMP_R | PMP_W | PMP_X);
    for (unsigned rights = 0; rights < 8; rights++) {
        if ((rights & (PMP_R | PMP_W)) == PMP_W) continue;
        pmp_entry(0, RAM + 0x3000, 0x1000, rights);
        for (unsigned access = MMU_READ; access <= MMU_FETCH; access++) {
            struct situation s = {.access = (enum mmu_access)access};
            bool allowed = rights & (1u << access);
            cr_assert_eq(access_once(satp, 0x1000, &s).fault, allowed ? MMU_OK : MMU_ACCESS_FAULT);
        }
    }
}

Test(mmu_walk, bare_translates_nothing_and_machine_mode_never)
{
    struct mmu_regime bare = bench_regime(0, PRIV_S, true, true, true, true);
    struct mmu_regime machine = bench_regime(UINT64_C(8) << 60 | 0x12345, PRIV_M, true, true, true, true);
    struct mmu_regime user = bench_regime(0x12345, PRIV_U, true, true, true, true);
    cr_assert_eq(memcmp(&user, &bare, sizeof bare), 0, "bits of satp mean nothing under Bare");
    cr_assert(bare.satp == 0 && bare.sum == 0 && machine.satp == 0 && machine.priv == PRIV_M);
    struct mmu_result r = mmu_access_data(&b.mmu, mmu_select_data(&b.mmu, &bare), RAM + 0x123, 8, MMU_WRITE);
    cr_assert(r.fault == MMU_OK && r.gpa == RAM + 0x123 && r.host && r.page_log2 == 64 && r.cached);
    r = mmu_access_data(&b.mmu, mmu_select_data(&b.mmu, &machine), UINT64_MAX, 1, MMU_READ);
    cr_assert(r.fault == MMU_OK && r.gpa == UINT64_MAX && !r.host && !r.cached, "a hole is the bus's matter");
    cr_assert_eq(mmu_access_fetch(&b.mmu, mmu_select_code(&b.mmu, &machine), DEVICE, 2).fault, MMU_ACCESS_FAULT);
}

Test(mmu_walk, probing_ignores_rights_and_writes_nothing)
{
    uint64_t satp = bench_space(&b, 4, 1);
    gpa_t at = bench_map(&b, satp, 0x7000, 0, leaf(RAM + 0x3000, V | X));
    struct mmu_regime r = bench_regime(satp, PRIV_U, false, false, true, false);
    struct mmu_result result = mmu_probe(&b.mmu, &r, 0x7ff8);
    cr_assert(result.fault == MMU_OK && result.gpa == RAM + 0x3ff8 && result.host == bus_ram(&b.bus, RAM + 0x3ff8, 8));
    cr_assert_eq(bench_read(&b, at), leaf(RAM + 0x3000, V | X));
    cr_assert_eq(mmu_probe(&b.mmu, &r, 0x8000).fault, MMU_PAGE_FAULT);
}
