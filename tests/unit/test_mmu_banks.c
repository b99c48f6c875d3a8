/* The inline TLB: what enters a bank, what the fast path may use, and that a fence drops exactly what it names. */
#include "tests/unit/mmu_bench.h"

static struct bench b;
static void setup(void) { bench_setup(&b); }
static void teardown(void) { bench_teardown(&b); }
TestSuite(mmu_banks, .init = setup, .fini = teardown);

#define RW (V | R | W | A | D)

static struct data_bank *data(uint64_t satp)
{
    struct mmu_regime r = bench_regime(satp, PRIV_S, false, false, false, false);
    return mmu_select_data(&b.mmu, &r);
}
static struct code_bank *code(uint64_t satp)
{
    struct mmu_regime r = bench_regime(satp, PRIV_S, false, false, false, false);
    return mmu_select_code(&b.mmu, &r);
}
static struct mmu_result load(struct data_bank *bank, gva_t va)
{
    return mmu_access_data(&b.mmu, bank, va, 8, MMU_READ);
}
static struct mmu_result store(struct data_bank *bank, gva_t va)
{
    return mmu_access_data(&b.mmu, bank, va, 8, MMU_WRITE);
}

Test(mmu_banks, an_entry_leads_to_the_same_byte_as_the_walk)
{
    uint64_t satp = bench_space(&b, 3, 1);
    bench_map(&b, satp, 0x5000, 0, leaf(RAM + 0x3000, RW));
    struct data_bank *bank = data(satp);
    struct mmu_result first = load(bank, 0x5678), again = load(bank, 0x5678);
    cr_assert(first.cached && bench_cached(bank, 0x5000, false));
    cr_assert_eq(0x5678 + bank->read[tlb_index(0x5000)].addend, (uintptr_t)first.host);
    cr_assert(again.host == first.host && again.gpa == first.gpa && again.page_log2 == 12 && again.cached);
    cr_assert(store(bank, 0x5678).host == first.host);
}

Test(mmu_banks, a_write_entry_exists_only_where_a_store_needs_no_walk)
{
    uint64_t satp = bench_space(&b, 3, 1);
    bench_map(&b, satp, 0x1000, 0, leaf(RAM + 0x3000, RW));
    bench_map(&b, satp, 0x2000, 0, leaf(RAM + 0x3000, V | R | W | A));
    bench_map(&b, satp, 0x3000, 0, leaf(RAM + 0x3000, V | R | A | D));
    struct data_bank *bank = data(satp);
    load(bank, 0x1000);
    cr_assert(bench_cached(bank, 0x1000, true), "W and D were seen");
    load(bank, 0x2000);
    cr_assert(bench_cached(bank, 0x2000, false) && !bench_cached(bank, 0x2000, true), "D is clear");
    load(bank, 0x3000);
    cr_assert(bench_cached(bank, 0x3000, false) && !bench_cached(bank, 0x3000, true), "W is clear");
    cr_assert_eq(store(bank, 0x2000).fault, MMU_PAGE_FAULT);
}

Test(mmu_banks, hardware_sets_d_at_the_first_store)
{
    uint64_t satp = bench_space(&b, 3, 1);
    gpa_t at = bench_map(&b, satp, 0x2000, 0, leaf(RAM + 0x3000, V | R | W));
    struct mmu_regime r = bench_regime(satp, PRIV_S, false, false, true, false);
    struct data_bank *bank = mmu_select_data(&b.mmu, &r);
    cr_assert_eq(load(bank, 0x2000).fault, MMU_OK);
    cr_assert_eq(bench_read(&b, at) & (A | D), A);
    cr_assert_eq(store(bank, 0x2000).fault, MMU_OK);
    cr_assert_eq(bench_read(&b, at) & (A | D), A | D);
    cr_assert(bench_cached(bank, 0x2000, true));
}

Test(mmu_banks, device_windows_are_remembered_but_never_fast)
{
    uint64_t satp = bench_space(&b, 3, 1);
    bench_map(&b, satp, 0x5000, 0, leaf(DEVICE + 0x2000, RW));
    struct data_bank *bank = data(satp);
    for (unsigned i = 0; i < 2; i++) {
        struct mmu_result r = mmu_access_data(&b.mmu, bank, 0x5004, 4, MMU_WRITE);
        cr_assert(r.fault == MMU_OK && !r.host && r.gpa == DEVICE + 0x2004 && !r.cached);
        bench_write(&b, bench_pte_at(&b, satp, 0x5000, 0), 0); /* the second answer comes from the bank */
    }
    cr_assert_not(bench_cached(bank, 0x5000, true));
}

Test(mmu_banks, the_empty_tag_is_no_page)
{
    struct data_bank *bank = data(bench_space(&b, 3, 1));
    cr_assert_eq(load(bank, UINT64_MAX & ~UINT64_C(7)).fault, MMU_PAGE_FAULT);
    cr_assert_eq(mmu_access_fetch(&b.mmu, code(bench_space(&b, 3, 1)), UINT64_MAX & ~UINT64_C(1), 2).fault,
                 MMU_PAGE_FAULT);
}

Test(mmu_banks, pages_that_pmp_splits_are_checked_each_time)
{
    b.mmu.pmp.count = 16;
    pmp_write_addr(&b.mmu.pmp, 0, (RAM + 0x3800) >> 2);
    pmp_write_addr(&b.mmu.pmp, 1, (RAM + 0x400000) >> 2);
    pmp_write_cfg(&b.mmu.pmp, 0, 0x080f); /* up to RAM+0x3800: all; above: nothing */
    struct mmu_regime r = bench_regime(0, PRIV_S, false, false, false, false);
    struct data_bank *bank = mmu_select_data(&b.mmu, &r);
    struct mmu_result ok = load(bank, RAM + 0x37f8);
    cr_assert(ok.fault == MMU_OK && !ok.cached && !bench_cached(bank, RAM + 0x3000, false));
    cr_assert_eq(load(bank, RAM + 0x37fc).fault, MMU_ACCESS_FAULT, "half in, half out");
    cr_assert_eq(load(bank, RAM + 0x3800).fault, MMU_ACCESS_FAULT);
    cr_assert(load(bank, RAM + 0x2000).cached);
    struct code_bank *c = mmu_select_code(&b.mmu, &r);
    struct mmu_result f = mmu_access_fetch(&b.mmu, c, RAM + 0x37fe, 2);
    cr_assert(f.fault == MMU_OK && !f.cached);
    cr_assert_eq(mmu_access_fetch(&b.mmu, c, RAM + 0x3800, 2).fault, MMU_ACCESS_FAULT);
}

Test(mmu_banks, regimes_do_not_see_each_other)
{
    uint64_t satp = bench_space(&b, 3, 1);
    bench_map(&b, satp, 0x5000, 0, leaf(RAM + 0x3000, RW | U));
    struct mmu_regime user = bench_regime(satp, PRIV_U, false, false, false, false);
    struct mmu_regime super = bench_regime(satp, PRIV_S, false, false, false, false);
    struct mmu_regime sum = bench_regime(satp, PRIV_S, true, false, false, false);
    cr_assert_eq(load(mmu_select_data(&b.mmu, &user), 0x5000).fault, MMU_OK);
    cr_assert_eq(load(mmu_select_data(&b.mmu, &super), 0x5000).fault, MMU_PAGE_FAULT);
    cr_assert_eq(load(mmu_select_data(&b.mmu, &sum), 0x5000).fault, MMU_OK);
}

Test(mmu_banks, the_least_recently_used_bank_is_recycled)
{
    struct data_bank *kept = data(UINT64_C(8) << 60 | 1), *bank = NULL;
    for (unsigned i = 2; i < MMU_DATA_BANKS + 10; i++) {
        bank = data(UINT64_C(8) << 60 | i);
        cr_assert_neq(bank, kept);
        cr_assert_eq(data(UINT64_C(8) << 60 | 1), kept);
        cr_assert_eq(bank->info.regime.satp, UINT64_C(8) << 60 | i);
    }
    struct code_bank *kept_code = code(UINT64_C(8) << 60 | 1);
    for (unsigned i = 2; i < MMU_CODE_BANKS + 10; i++) {
        cr_assert_neq(code(UINT64_C(8) << 60 | i), kept_code);
        cr_assert_eq(code(UINT64_C(8) << 60 | 1), kept_code);
    }
}

Test(mmu_banks, a_recycled_bank_is_empty)
{
    uint64_t satp = bench_space(&b, 3, 1);
    bench_map(&b, satp, 0x5000, 0, leaf(RAM + 0x3000, RW | X));
    struct data_bank *bank = data(satp);
    load(bank, 0x5000);
    mmu_access_fetch(&b.mmu, code(satp), 0x5000, 4);
    for (unsigned i = 0; i < MMU_DATA_BANKS; i++) {
        cr_assert_not(bench_cached(data(UINT64_C(9) << 60 | i), 0x5000, false));
        cr_assert_eq(code(UINT64_C(9) << 60 | i)->fetch[fetch_index(0x5000)].page, TLB_TAG_EMPTY);
    }
}

/* ---- a new address space and the kernel that it shares with others ---- */

#ifndef ORRERY_HOSTILE
#define KERNEL UINT64_C(0xffffffff80000000)
#define LOW    UINT64_C(0x40003000) /* global as well, but in the lower half */

static gpa_t root_of(uint64_t satp) { return (satp & ((UINT64_C(1) << 44) - 1)) << 12; }

/* An address space with a kernel of a global page, one that is not, and a user's page; seen by loads, stores and fetches. */
static uint64_t kernel_space(void)
{
    uint64_t satp = bench_space(&b, 3, 1);
    const struct {
        gva_t va;
        uint64_t bits;
    } pages[] = {{KERNEL, G}, {KERNEL + 0x1000, 0}, {LOW, G}};
    for (size_t i = 0; i < 3; i++) {
        bench_map(&b, satp, pages[i].va, 0, leaf(RAM + 0x3000 + i * 0x1000, RW | X | pages[i].bits));
        load(data(satp), pages[i].va);
        mmu_access_fetch(&b.mmu, code(satp), pages[i].va, 2);
    }
    return satp;
}

/* Another one with the same upper half. */
static uint64_t space_like(uint64_t satp)
{
    uint64_t other = bench_space(&b, 3, 2);
    for (unsigned i = 256; i < 512; i++) bench_write(&b, root_of(other) + i * 8, bench_read(&b, root_of(satp) + i * 8));
    return other;
}

Test(mmu_banks, a_new_space_knows_the_global_pages_of_an_upper_half_that_it_shares)
{
    uint64_t other = space_like(kernel_space());
    struct data_bank *bank = data(other);
    cr_assert(bench_cached(bank, KERNEL, false) && bench_cached(bank, KERNEL, true));
    cr_assert_not(bench_cached(bank, KERNEL + 0x1000, false), "not global");
    cr_assert_not(bench_cached(bank, LOW, false), "the lower half");
    cr_assert_eq(load(bank, KERNEL).gpa, RAM + 0x3000);
    cr_assert_eq(code(other)->fetch[fetch_index(KERNEL)].page, KERNEL);
    cr_assert_eq(load(bank, LOW).fault, MMU_PAGE_FAULT);
    bench_fence(&b, true, KERNEL, false, 0);
    cr_assert_not(bench_cached(bank, KERNEL, false), "a fence reaches what was taken over");
    cr_assert_neq(code(other)->fetch[fetch_index(KERNEL)].page, KERNEL);
}

Test(mmu_banks, a_new_space_takes_nothing_from_one_whose_upper_half_differs)
{
    uint64_t satp = kernel_space(), other = space_like(satp);
    bench_write(&b, root_of(other) + 300 * 8, bench_table(&b) >> 12 << 10 | V);
    cr_assert_not(bench_cached(data(other), KERNEL, false));
    cr_assert_neq(code(other)->fetch[fetch_index(KERNEL)].page, KERNEL);
    struct mmu_regime user = bench_regime(space_like(satp), PRIV_U, false, false, false, false);
    cr_assert_not(bench_cached(mmu_select_data(&b.mmu, &user), KERNEL, false), "another privilege");
}

static struct code_bank *fetch(struct code_bank *c, gva_t va)
{
    cr_assert(mmu_access_fetch(&b.mmu, c, va, 2).cached);
    return c;
}

/* Spaces with a global page, and each with a page of its own. */
static uint64_t kernel_code_space(void)
{
    uint64_t satp = bench_space(&b, 3, 1);
    bench_map(&b, satp, KERNEL, 0, leaf(RAM + 0x3000, RW | X | G));
    bench_map(&b, satp, LOW, 0, leaf(RAM + 0x4000, RW | X));
    return satp;
}

Test(mmu_banks, a_new_space_takes_jumps_over_only_while_all_pages_fetched_from_are_global)
{
    uint64_t satp = kernel_code_space();
    bench_jump(&b, fetch(code(satp), KERNEL), KERNEL + 8);
    struct code_bank *other = code(space_like(satp));
    cr_assert(bench_jumps(&b, other, KERNEL + 8));
    bench_fence(&b, true, KERNEL, false, 0);
    cr_assert_not(bench_jumps(&b, other, KERNEL + 8));
    cr_assert_not(bench_jumps(&b, code(satp), KERNEL + 8));
    fetch(code(satp), KERNEL);
    fetch(code(satp), LOW);
    bench_jump(&b, code(satp), KERNEL + 8);
    cr_assert_not(bench_jumps(&b, code(space_like(satp)), KERNEL + 8));
}

Test(mmu_banks, spaces_with_the_same_global_pages_find_each_others_jumps_until_one_fetches_from_a_page_of_its_own)
{
    uint64_t satp = kernel_code_space();
    struct code_bank *first = fetch(code(satp), KERNEL), *second = code(space_like(satp));
    bench_jump(&b, second, KERNEL + 8);
    cr_assert(bench_jumps(&b, first, KERNEL + 8));
    fetch(first, LOW);
    bench_jump(&b, first, LOW + 8);
    cr_assert_not(bench_jumps(&b, second, LOW + 8));
    cr_assert_not(bench_jumps(&b, first, KERNEL + 8), "it may have been of the other one's");
    cr_assert(bench_jumps(&b, second, KERNEL + 8));
    /* Fences name one of them, or both. */
    bench_jump(&b, first, KERNEL + 0x10);
    bench_fence(&b, true, KERNEL, false, 0);
    cr_assert_not(bench_jumps(&b, first, KERNEL + 0x10));
    cr_assert_not(bench_jumps(&b, second, KERNEL + 8));
    cr_assert(bench_jumps(&b, first, LOW + 8));
}

/* What was fetched under a bank that is gone is still reached by the jumps that it shares. */
Test(mmu_banks, a_fence_finds_shared_jumps_though_the_bank_that_made_them_was_recycled)
{
    uint64_t satp = kernel_code_space(), like = space_like(satp);
    bench_map(&b, satp, KERNEL + 0x1000, 0, leaf(RAM + 0x5000, RW | X | G));
    fetch(code(satp), KERNEL);
    struct code_bank *second = code(like);
    bench_jump(&b, fetch(code(satp), KERNEL + 0x1000), KERNEL + 0x1008);
    for (unsigned i = 0; i < MMU_CODE_BANKS - 1; i++) {
        second = code(like); /* stays */
        struct mmu_regime user = bench_regime(bench_space(&b, 3, 10 + i), PRIV_U, false, false, false, false);
        mmu_select_code(&b.mmu, &user);
    }
    cr_assert(bench_jumps(&b, code(like), KERNEL + 0x1008));
    cr_assert(code(like) == second);
    bench_fence(&b, true, KERNEL + 0x1000, false, 0);
    cr_assert_not(bench_jumps(&b, second, KERNEL + 0x1008));
}

Test(mmu_banks, jumps_of_banks_that_come_and_go_are_never_taken_for_others)
{
    struct code_bank *c = NULL;
    for (unsigned i = 0; i < 3 * MMU_CODE_BANKS; i++) {
        uint64_t satp = bench_space(&b, 3, 10 + i % 5);
        bench_map(&b, satp, LOW, 0, leaf(RAM + 0x4000, RW | X));
        c = code(satp);
        cr_assert_not(bench_jumps(&b, c, LOW + 8));
        bench_jump(&b, fetch(c, LOW), LOW + 8);
    }
    mmu_flush_jumps(&b.mmu);
    cr_assert_not(bench_jumps(&b, c, LOW + 8));
    bench_jump(&b, c, LOW + 8);
    mmu_flush_all(&b.mmu);
    cr_assert_not(bench_jumps(&b, c, LOW + 8));
}
#endif

/* ---- fences ---- */

#ifndef ORRERY_HOSTILE /* with two sets the entries evict one another */
/* Spaces 1 and 2, each with: a page, another page, a global page, a superpage, a NAPOT range, one high page. */
static const struct {
    gva_t va, touch;
    unsigned level;
    uint64_t bits;
} mapped[] = {
    {0x00001000, 0x00001008, 0, RW | X},         {0x00042000, 0x00042ff8, 0, RW | X},
    {0x00083000, 0x00083000, 0, RW | X | G},     {0x40200000, 0x402a4000, 1, RW | X},
    {0x80050000, 0x8005b010, 0, RW | X | N_BIT}, {0xffffffffffffc000, 0xffffffffffffcff0, 0, RW | X},
};
#define MAPPED ARRAY_LEN(mapped)
static uint64_t space[2];

static void fill_both(void)
{
    for (unsigned s = 0; s < 2; s++) {
        if (!space[s]) {
            space[s] = bench_space(&b, 3, s + 1);
            for (size_t i = 0; i < MAPPED; i++) {
                gva_t napot = mapped[i].bits & N_BIT ? mapped[i].touch & ~UINT64_C(0xfff) : mapped[i].va;
                gpa_t pa = mapped[i].level ? RAM + 0x200000 : mapped[i].bits & N_BIT ? RAM + 0x8000 : RAM + 0x3000;
                bench_map(&b, space[s], napot, mapped[i].level, leaf(pa, mapped[i].bits));
            }
        }
        for (size_t i = 0; i < MAPPED; i++) {
            cr_assert_eq(load(data(space[s]), mapped[i].touch).fault, MMU_OK);
            cr_assert_eq(store(data(space[s]), mapped[i].touch).fault, MMU_OK);
            struct mmu_result f = mmu_access_fetch(&b.mmu, code(space[s]), mapped[i].touch, 2);
            cr_assert_eq(f.fault, MMU_OK);
        }
    }
}

static bool has(unsigned s, size_t i)
{
    gva_t va = mapped[i].touch;
    struct data_bank *d = data(space[s]);
    struct fetch_entry *f = &code(space[s])->fetch[(va >> 12) & (FETCH_SETS - 1)];
    bool read = bench_cached(d, va, false), write = bench_cached(d, va, true),
         fetch = f->page == (va & GUEST_PAGE_MASK);
    cr_assert(read == write && read == fetch, "all three alike: %d %d %d", read, write, fetch);
    return read;
}

/* The fence must drop entry i of space s exactly if goes(s, i). */
#define CHECK_FENCE(has_va, va, has_asid, asid, goes)                                                                  \
    do {                                                                                                               \
        fill_both();                                                                                                   \
        bench_fence(&b, has_va, va, has_asid, asid);                                                                   \
        for (unsigned s = 0; s < 2; s++)                                                                               \
            for (size_t i = 0; i < MAPPED; i++) cr_assert_eq(has(s, i), !(goes), "space %u entry %zu", s, i);          \
    } while (0)

Test(mmu_banks, fence_of_everything) { CHECK_FENCE(false, 0, false, 0, true); }

Test(mmu_banks, fence_of_an_address_space_keeps_global_pages_and_other_spaces)
{
    CHECK_FENCE(false, 0, true, 2, s == 1 && i != 2);
    CHECK_FENCE(false, 0, true, 3, false);
    CHECK_FENCE(false, 0, true, UINT64_C(0x10001), s == 0 && i != 2); /* norm:sfence_vma_rs2_bits */
}

Test(mmu_banks, fence_of_an_address_in_all_spaces)
{
    for (size_t n = 0; n < MAPPED; n++) CHECK_FENCE(true, mapped[n].touch, false, 0, i == n);
    CHECK_FENCE(true, 0x1fff, false, 0, i == 0);
    CHECK_FENCE(true, 0x2000, false, 0, false);
}

Test(mmu_banks, fence_anywhere_in_a_superpage_reaches_its_fragments)
{
    CHECK_FENCE(true, 0x40200000, false, 0, i == 3);
    CHECK_FENCE(true, 0x403fffff, false, 0, i == 3);
    CHECK_FENCE(true, 0x40400000, false, 0, false);
    CHECK_FENCE(true, 0x401fffff, false, 0, false);
    CHECK_FENCE(true, 0x80050000, false, 0, i == 4);
    CHECK_FENCE(true, 0x8005ffff, false, 0, i == 4);
    CHECK_FENCE(true, 0x80060000, false, 0, false);
}

Test(mmu_banks, fence_of_an_address_in_one_space)
{
    for (size_t n = 0; n < MAPPED; n++) CHECK_FENCE(true, mapped[n].touch, true, 1, s == 0 && i == n && n != 2);
}

Test(mmu_banks, fence_of_an_invalid_address_does_nothing)
{
    CHECK_FENCE(true, UINT64_C(0x8000000000001000), false, 0, false);
    CHECK_FENCE(true, UINT64_C(0x8000000040200000), false, 0, false);
}

Test(mmu_banks, flush_takes_all_regimes)
{
    struct data_bank *bare = data(0);
    load(bare, RAM);
    CHECK_FENCE(false, 0, false, 0, true);
    cr_assert(bench_cached(bare, RAM, false), "no table, nothing to fence");
    mmu_flush_all(&b.mmu);
    cr_assert_not(bench_cached(bare, RAM, false));
}

Test(mmu_banks, stale_entries_go_with_the_fence)
{
    fill_both();
    bench_map(&b, space[0], 0x1000, 0, leaf(RAM + 0x7000, V | R | A));
    bench_fence(&b, true, 0x1000, true, 1);
    cr_assert_eq(load(data(space[0]), 0x1000).gpa, RAM + 0x7000);
    cr_assert_eq(store(data(space[0]), 0x1000).fault, MMU_PAGE_FAULT);
}

Test(mmu_banks, fences_clear_jumps_of_pages_that_were_fetched_from)
{
    fill_both();
    struct code_bank *c = code(space[0]);
    bench_jump(&b, c, 0x1008);
    bench_fence(&b, true, 0x7000, false, 0);
    cr_assert(bench_jumps(&b, c, 0x1008), "nothing was ever fetched from there");
    bench_fence(&b, true, 0x1000, true, 2);
    cr_assert(bench_jumps(&b, c, 0x1008), "another space");
    bench_fence(&b, true, 0x1000, false, 0);
    cr_assert_not(bench_jumps(&b, c, 0x1008));
    fill_both();
    bench_jump(&b, c, 0x1008);
    mmu_flush_jumps(&b.mmu);
    cr_assert_not(bench_jumps(&b, c, 0x1008));
    bench_jump(&b, c, 0x1008); /* the fetch entry is still there: the engine may have made this without a new fill */
    bench_fence(&b, true, 0x1000, false, 0);
    cr_assert_not(bench_jumps(&b, c, 0x1008));
    /* The fetch entry is evicted by a page of the same set; the jump entry must not outlive a fence all the same. */
    fill_both();
    bench_jump(&b, c, 0x1008);
    const gva_t rival = 0x1000 + FETCH_SETS * UINT64_C(0x1000);
    cr_assert_eq(fetch_index(rival), fetch_index(0x1000));
    bench_map(&b, space[0], rival, 0, leaf(RAM + 0x3000, RW | X));
    mmu_access_fetch(&b.mmu, c, rival, 2);
    cr_assert(bench_jumps(&b, c, 0x1008));
    bench_fence(&b, true, 0x1000, false, 0);
    cr_assert_not(bench_jumps(&b, c, 0x1008));
}

Test(mmu_banks, a_fence_of_one_page_leaves_jumps_into_others)
{
    fill_both();
    struct code_bank *c = code(space[0]);
    const gva_t other = 0x42010,
                in[] = {0x1000, 0x1008, 0x1800, 0x1ffe, 0xffe /* its instruction may reach into the page */};
    bench_jump(&b, c, other);
    for (unsigned i = 0; i < ARRAY_LEN(in); i++) bench_jump(&b, c, in[i]);
    bench_fence(&b, true, 0x1000, false, 0);
    for (unsigned i = 0; i < ARRAY_LEN(in); i++) cr_assert_not(bench_jumps(&b, c, in[i]), "0x%lx", in[i]);
    cr_assert(bench_jumps(&b, c, other));
    bench_fence(&b, true, 0x40200000, false, 0);
    cr_assert_not(bench_jumps(&b, c, other), "a superpage: all");
}

/* As a kernel's code in every process: what is unmapped in the process does not cost the kernel its jumps. */
Test(mmu_banks, a_fence_of_an_address_space_leaves_jumps_into_global_pages)
{
    uint64_t satp = bench_space(&b, 3, 7);
    struct code_bank *c = code(satp);
    bench_map(&b, satp, 0x5000, 0, leaf(RAM + 0x3000, RW | X | G));
    bench_map(&b, satp, 0x6000, 0, leaf(RAM + 0x4000, RW | X));
    mmu_access_fetch(&b.mmu, c, 0x5000, 2);
    bench_jump(&b, c, 0x5008);
    bench_fence(&b, true, 0x5000, true, 7);
    bench_fence(&b, false, 0, true, 7);
    cr_assert(bench_jumps(&b, c, 0x5008));
    mmu_access_fetch(&b.mmu, c, 0x6000, 2);
    bench_jump(&b, c, 0x6010);
    bench_fence(&b, false, 0, true, 7);
    cr_assert_not(bench_jumps(&b, c, 0x6010), "not global");
    cr_assert_eq(c->fetch[5 & (FETCH_SETS - 1)].page, 0x5000);
}
#endif

/* ---- code pages ---- */

static uint64_t code_left; /* lines */
static uint64_t code_written(void *watcher, gpa_t gpa, uint64_t len)
{
    (void)watcher;
    (void)gpa;
    (void)len;
    return code_left;
}

Test(mmu_banks, stores_to_code_pages_take_the_slow_path_until_the_code_is_gone)
{
    uint64_t satp = bench_space(&b, 3, 1);
    bench_map(&b, satp, 0x5000, 0, leaf(RAM + 0x3000, RW));
    struct data_bank *bank = data(satp), *bare = data(0);
    b.bus.code_written = code_written;
    cr_assert(store(bank, 0x5000).cached && store(bare, RAM + 0x3000).cached && store(bare, RAM + 0x4000).cached);

    bus_mark_code(&b.bus, RAM + 0x3010, 1);
    mmu_protect_code(&b.mmu, bus_ram(&b.bus, RAM + 0x3000, 1));
    cr_assert(!bench_cached(bank, 0x5000, true) && bench_cached(bank, 0x5000, false), "stores only");
#ifndef ORRERY_HOSTILE
    cr_assert(!bench_cached(bare, RAM + 0x3000, true) && bench_cached(bare, RAM + 0x4000, true));
#endif
    code_left = 1;
    struct mmu_result r = store(bank, 0x5018);
    cr_assert(r.fault == MMU_OK && r.host && r.gpa == RAM + 0x3018 && !r.cached);
    bus_touch_code(&b.bus, r.gpa, 8);
    cr_assert_not(store(bank, 0x5018).cached, "code is left");
    code_left = 0;
    bus_touch_code(&b.bus, r.gpa, 8);
    cr_assert(store(bank, 0x5018).cached && bench_cached(bank, 0x5000, true));

    bus_mark_code(&b.bus, RAM + 0x3010, 1);
    mmu_flush_all(&b.mmu);
    cr_assert(load(bank, 0x5000).cached && !bench_cached(bank, 0x5000, true), "a fill knows the mark");
    cr_assert_not(store(bank, 0x5000).cached);
}
