/* Guests in the inline TLB: whose entries a regime sees, what a switch keeps, and that each of the three fences drops what it names and
 * nothing else. */
#include "tests/unit/mmu_bench.h"

static struct bench b;
static void setup(void) { bench_setup(&b); }
static void teardown(void) { bench_teardown(&b); }
TestSuite(mmu_guest_banks, .init = setup, .fini = teardown);

#define ALL  (V | R | W | X | A | D)
#define FAR  UINT64_C(0x1f0000000)
#define SV39 (UINT64_C(8) << 60)

static struct data_bank *data(const struct mmu_context *c)
{
    struct mmu_regime r = mmu_regime(c);
    return mmu_select_data(&b.mmu, &r);
}
static struct code_bank *code(const struct mmu_context *c)
{
    struct mmu_regime r = mmu_regime(c);
    return mmu_select_code(&b.mmu, &r);
}
static struct mmu_result load(const struct mmu_context *c, gva_t va)
{
    return mmu_access_data(&b.mmu, data(c), va, 8, MMU_READ);
}
static struct mmu_result store(const struct mmu_context *c, gva_t va)
{
    return mmu_access_data(&b.mmu, data(c), va, 8, MMU_WRITE);
}
static struct mmu_result fetch(const struct mmu_context *c, gva_t va)
{
    return mmu_access_fetch(&b.mmu, code(c), va, 2);
}

Test(mmu_guest_banks, a_write_entry_needs_w_and_d_in_both_stages)
{
    struct guest g = guest_make(&b, 3, 3);
    for (unsigned bits = 0; bits < 16; bits++) {
        bool w = bits & 1, d = bits & 2, g_w = bits & 4, g_d = bits & 8;
        guest_map_vs(&g, 0x5000, 0, leaf(FAR, V | R | A | (w ? W : 0) | (d ? D : 0)));
        guest_map_g(&g, FAR, 0, leaf(RAM + 0x3000, V | R | A | U | (g_w ? W : 0) | (g_d ? D : 0)));
        mmu_flush_all(&b.mmu);
        cr_assert(load(&g.c, 0x5008).cached && bench_cached(data(&g.c), 0x5000, false));
        cr_assert_eq(bench_cached(data(&g.c), 0x5000, true), w && d && g_w && g_d, "case %u", bits);
        enum mmu_fault want = !w || !d ? MMU_PAGE_FAULT : !g_w || !g_d ? MMU_GUEST_PAGE_FAULT : MMU_OK;
        cr_assert_eq(store(&g.c, 0x5008).fault, want, "case %u", bits);
    }
}

Test(mmu_guest_banks, an_entry_says_what_the_walk_said)
{
    struct guest g = guest_make(&b, 3, 3);
    guest_map_vs(&g, 0x40000000, 1, leaf(UINT64_C(0x100000000), ALL));
    guest_map_g(&g, UINT64_C(0x100005000), 0, leaf(RAM + 0x3000, ALL | U));
    guest_map_vs(&g, 0x6000, 0, leaf(GUEST_RAM + 0x2000, ALL));
    for (unsigned again = 0; again < 2; again++) {
        struct mmu_result r = load(&g.c, 0x40005678), f = fetch(&g.c, 0x40005678), s = load(&g.c, 0x6010);
        cr_assert(r.gpa == RAM + 0x3678 && r.page_log2 == 12 && r.cached);
        cr_assert(f.gpa == RAM + 0x3678 && f.page_log2 == 12 && f.cached);
        cr_assert(s.gpa == RAM + 0x2010 && s.page_log2 == 12 && s.cached);
    }
}

#ifndef ORRERY_HOSTILE /* with two banks of two sets the entries evict one another */

/* A host kernel and its program, two guests with a kernel and a program each: nobody pushes anybody out. */
Test(mmu_guest_banks, a_world_switch_keeps_everything)
{
    struct mmu_context host = {.priv = PRIV_S, .satp = bench_space(&b, 3, 1)}, worlds[6];
    bench_map(&b, host.satp, 0x5000, 0, leaf(RAM + 0x1000, ALL));
    worlds[0] = host;
    worlds[1] = host;
    worlds[1].sum = true;
    for (unsigned n = 0; n < 2; n++) {
        struct guest g = guest_make(&b, 3, 3);
        g.c.hgatp |= (uint64_t)(n + 1) << 44;
        guest_map_vs(&g, 0x5000, 0, leaf(GUEST_RAM + 0x2000 + n * 0x1000, ALL));
        worlds[2 + 2 * n] = g.c;
        guest_map_vs(&g, 0x7000, 0, leaf(GUEST_RAM + 0x2000 + n * 0x1000, ALL | U));
        g.c.priv = PRIV_U;
        worlds[3 + 2 * n] = g.c;
    }
    gva_t at[] = {0x5000, 0x5000, 0x5000, 0x7000, 0x5000, 0x7000};
    gpa_t to[] = {RAM + 0x1000, RAM + 0x1000, RAM + 0x2000, RAM + 0x2000, RAM + 0x3000, RAM + 0x3000};
    for (unsigned turn = 0; turn < 3; turn++)
        for (unsigned i = 0; i < ARRAY_LEN(worlds); i++) {
            if (turn) cr_assert(bench_cached(data(&worlds[i]), at[i], false), "world %u", i);
            cr_assert_eq(load(&worlds[i], at[i]).gpa, to[i]);
            cr_assert_eq(fetch(&worlds[i], at[i]).gpa, to[i]);
        }
}

Test(mmu_guest_banks, a_guest_is_not_another_with_the_same_tables)
{
    struct guest g = guest_make(&b, 3, 3);
    guest_map_vs(&g, 0x5000, 0, leaf(FAR, ALL));
    guest_map_g(&g, FAR, 0, leaf(RAM + 0x3000, ALL | U));
    struct mmu_context other_vmid = g.c, other_root = guest_make(&b, 3, 3).c, host = g.c;
    other_vmid.hgatp |= UINT64_C(9) << 44;
    other_root.satp = g.c.satp;
    host.virt = false;
    cr_assert_eq(load(&g.c, 0x5000).gpa, RAM + 0x3000);
    guest_map_g(&g, FAR, 0, leaf(RAM + 0x4000, ALL | U)); /* shows who walks */
    cr_assert_eq(load(&g.c, 0x5000).gpa, RAM + 0x3000);
    cr_assert_eq(load(&other_vmid, 0x5000).gpa, RAM + 0x4000);
    cr_assert_eq(load(&other_root, 0x5000).fault, MMU_GUEST_PAGE_FAULT);
    cr_assert_eq(load(&host, 0x5000).fault, MMU_ACCESS_FAULT, "its root is at a guest-physical address");
}

/* ---- fences ---- */

/* Two virtual machines (VMID 1, 2) with two address spaces each (ASID 1, 2), and the same mappings in each:
 *
 *     virtual              VS-stage leaf    guest-physical     G-stage leaf
 *     0x1000               4 KiB            FAR                4 KiB
 *     0x2000               4 KiB global     FAR + 0x1000       4 KiB global (which means nothing there)
 *     0x40205000           2 MiB            BIG + 0x5000       4 KiB
 *     0x3000               4 KiB            GUEST_RAM + 0x3000 2 MiB
 *     0x80206000           2 MiB            WIDE + 0x6000      2 MiB
 *     0x60058000           64 KiB           RANGE + 0x8000     64 KiB
 */
#define BIG   UINT64_C(0x140000000)
#define WIDE  UINT64_C(0x150000000)
#define RANGE UINT64_C(0x160050000)
static const gva_t at[] = {0x1000, 0x2000, 0x40205000, 0x3000, 0x80206000, 0x60058000};
#define MAPPED ARRAY_LEN(at)
static struct mmu_context world[2][2];
static struct mmu_context bare_vs, bare_g, host;

static void make_worlds(void)
{
    for (unsigned vm = 0; vm < 2; vm++) {
        struct guest g = guest_make(&b, 3, 3);
        g.c.hgatp |= (uint64_t)(vm + 1) << 44;
        guest_map_g(&g, FAR, 0, leaf(RAM + 0x10000, ALL | U));
        guest_map_g(&g, FAR + 0x1000, 0, leaf(RAM + 0x11000, ALL | U | G));
        guest_map_g(&g, BIG + 0x5000, 0, leaf(RAM + 0x12000, ALL | U));
        guest_map_g(&g, WIDE, 1, leaf(RAM, ALL | U));
        guest_map_g(&g, RANGE + 0x8000, 0, leaf(RAM + 0x28000, ALL | U) | N_BIT);
        for (unsigned asid = 0; asid < 2; asid++) {
            g.c.satp = (g.c.satp & SV39) | (uint64_t)(asid + 1) << 44 | guest_of(&g, bench_table(&b)) >> 12;
            guest_map_vs(&g, at[0], 0, leaf(FAR, ALL));
            guest_map_vs(&g, at[1], 0, leaf(FAR + 0x1000, ALL | G));
            guest_map_vs(&g, at[2], 1, leaf(BIG, ALL));
            guest_map_vs(&g, at[3], 0, leaf(GUEST_RAM + 0x3000, ALL));
            guest_map_vs(&g, at[4], 1, leaf(WIDE, ALL));
            guest_map_vs(&g, at[5], 0, leaf(RANGE + 0x8000, ALL) | N_BIT);
            world[vm][asid] = g.c;
        }
    }
    bare_vs = (struct mmu_context){.virt = true, .priv = PRIV_S, .hgatp = world[0][0].hgatp};
    bare_g =
        (struct mmu_context){.virt = true, .priv = PRIV_S, .satp = bench_space(&b, 3, 1), .hgatp = UINT64_C(1) << 44};
    bench_map(&b, bare_g.satp, 0x1000, 0, leaf(RAM + 0x10000, ALL));
    host = (struct mmu_context){.priv = PRIV_S, .satp = bare_g.satp};
}

static void touch(const struct mmu_context *c, gva_t va)
{
    cr_assert(load(c, va).cached && store(c, va).cached && fetch(c, va).cached, "0x%lx", va);
    bench_jump(&b, code(c), va);
}
static void fill(void)
{
    if (!world[0][0].virt) make_worlds();
    for (unsigned n = 0; n < 4; n++)
        for (size_t i = 0; i < MAPPED; i++) touch(&world[n / 2][n % 2], at[i]);
    touch(&bare_vs, FAR);
    touch(&bare_g, 0x1000);
    touch(&host, 0x1000);
}

/* Whether loads, stores and fetches still find an entry; a jump entry may go with any fence, but must when the others go. */
static bool stays(const struct mmu_context *c, gva_t va)
{
    struct code_bank *k = code(c);
    bool read = bench_cached(data(c), va, false), write = bench_cached(data(c), va, true),
         fetch = k->fetch[fetch_index(va)].page == va, jump = bench_jumps(&b, k, va);
    cr_assert(read == write && read == fetch, "all three alike: %d %d %d", read, write, fetch);
    cr_assert(read || !jump, "the jump cache outlives the fence");
    return read;
}

/* The fence drops exactly what goes(vm, asid, i) says of the four address spaces; which of the three others stay is said by a word. */
#define CHECK_FENCE(goes, others_stay, ...)                                                                            \
    do {                                                                                                               \
        fill();                                                                                                        \
        mmu_fence(&b.mmu, &(struct mmu_fence){__VA_ARGS__});                                                           \
        for (unsigned vm = 1; vm <= 2; vm++)                                                                           \
            for (unsigned asid = 1; asid <= 2; asid++)                                                                 \
                for (size_t i = 0; i < MAPPED; i++)                                                                    \
                    cr_assert_eq(stays(&world[vm - 1][asid - 1], at[i]), !(goes), "VMID %u ASID %u entry %zu", vm,     \
                                 asid, i);                                                                             \
        bool vs_stays_ = stays(&bare_vs, FAR), g_stays_ = stays(&bare_g, 0x1000), host_stays_ = stays(&host, 0x1000);  \
        const char got_[] = {vs_stays_ ? 'v' : '-', g_stays_ ? 'g' : '-', host_stays_ ? 'h' : '-', 0};                 \
        cr_assert_str_eq(got_, others_stay);                                                                           \
    } while (0)

/* norm:sfence_vma_v0 */
Test(mmu_guest_banks, sfence_outside_guests_leaves_them_alone)
{
    CHECK_FENCE(false, "vg-", .scope = FENCE_S);
    CHECK_FENCE(false, "vg-", .scope = FENCE_S, .has_id = true, .id = 1);
    CHECK_FENCE(false, "vg-", .scope = FENCE_S, .has_address = true, .address = 0x1000);
}

/* norm:sfence_vma_v1, norm:hfence-vvma_mode, norm:hfence-vvma_limits */
Test(mmu_guest_banks, a_fence_of_the_vs_stage_is_for_one_virtual_machine)
{
    CHECK_FENCE(vm == 1, "v-h", .scope = FENCE_VS, .vmid = 1);
    CHECK_FENCE(vm == 2, "vgh", .scope = FENCE_VS, .vmid = 2);
    CHECK_FENCE(false, "vgh", .scope = FENCE_VS, .vmid = 3);
}

Test(mmu_guest_banks, a_fence_of_the_vs_stage_with_an_asid_keeps_its_global_pages)
{
    CHECK_FENCE(vm == 1 && asid == 2 && i != 1, "vgh", .scope = FENCE_VS, .vmid = 1, .has_id = true, .id = 2);
    CHECK_FENCE(vm == 2 && asid == 1 && i != 1, "vgh", .scope = FENCE_VS, .vmid = 2, .has_id = true, .id = 0x50001);
    CHECK_FENCE(false, "vgh", .scope = FENCE_VS, .vmid = 2, .has_id = true, .id = 3);
}

/* By the VS-stage's leaf: what size the G-stage's leaf has does not matter. */
Test(mmu_guest_banks, a_fence_of_the_vs_stage_by_address)
{
    for (size_t n = 0; n < MAPPED; n++) {
        CHECK_FENCE(vm == 1 && i == n, n == 0 ? "v-h" : "vgh", .scope = FENCE_VS, .vmid = 1, .has_address = true,
                    .address = at[n] + 0x123);
        CHECK_FENCE(vm == 1 && asid == 1 && i == n && n != 1, n == 0 ? "v-h" : "vgh", .scope = FENCE_VS, .vmid = 1,
                    .has_address = true, .address = at[n], .has_id = true, .id = 1);
    }
    CHECK_FENCE(vm == 2 && i == 2, "vgh", .scope = FENCE_VS, .vmid = 2, .has_address = true, .address = 0x403fffff);
    CHECK_FENCE(vm == 2 && i == 4, "vgh", .scope = FENCE_VS, .vmid = 2, .has_address = true, .address = 0x80200000);
    CHECK_FENCE(vm == 2 && i == 5, "vgh", .scope = FENCE_VS, .vmid = 2, .has_address = true, .address = 0x6005f000);
    CHECK_FENCE(false, "vgh", .scope = FENCE_VS, .vmid = 2, .has_address = true, .address = 0x4000);
    CHECK_FENCE(false, "vgh", .scope = FENCE_VS, .vmid = 2, .has_address = true, .address = 0x40400000);
    CHECK_FENCE(false, "vgh", .scope = FENCE_VS, .vmid = 2, .has_address = true, .address = FAR);
}

/* norm:hfence-gvma_op, norm:hfence-gvma_vmid */
Test(mmu_guest_banks, a_fence_of_the_g_stage_of_one_virtual_machine_or_all)
{
    CHECK_FENCE(true, "-gh", .scope = FENCE_G);
    CHECK_FENCE(vm == 1, "-gh", .scope = FENCE_G, .has_id = true, .id = 1);
    CHECK_FENCE(vm == 2, "vgh", .scope = FENCE_G, .has_id = true, .id = 2);
    CHECK_FENCE(vm == 2, "vgh", .scope = FENCE_G, .has_id = true, .id = 0x4002); /* 14 bits */
    CHECK_FENCE(false, "vgh", .scope = FENCE_G, .has_id = true, .id = 3);
}

/* By the G-stage's leaf and where the page lies in guest-physical memory: what size the VS-stage's leaf has does not matter. */
Test(mmu_guest_banks, a_fence_of_the_g_stage_by_address)
{
    const gpa_t guest_pa[] = {FAR, FAR + 0x1000, BIG + 0x5000, GUEST_RAM + 0x3000, WIDE + 0x6000, RANGE + 0x8000};
    for (size_t n = 0; n < MAPPED; n++) {
        CHECK_FENCE(i == n, n == 0 ? "-gh" : "vgh", .scope = FENCE_G, .has_address = true,
                    .address = guest_pa[n] + 0x124);
        CHECK_FENCE(vm == 2 && i == n, "vgh", .scope = FENCE_G, .has_address = true, .address = guest_pa[n],
                    .has_id = true, .id = 2);
    }
    CHECK_FENCE(i == 3, "vgh", .scope = FENCE_G, .has_address = true, .address = GUEST_RAM + 0x1ffffc);
    CHECK_FENCE(i == 4, "vgh", .scope = FENCE_G, .has_address = true, .address = WIDE);
    CHECK_FENCE(i == 5, "vgh", .scope = FENCE_G, .has_address = true, .address = RANGE + 0xf000);
    CHECK_FENCE(false, "vgh", .scope = FENCE_G, .has_address = true, .address = BIG + 0x6000);
    CHECK_FENCE(false, "vgh", .scope = FENCE_G, .has_address = true, .address = WIDE + 0x200000);
    CHECK_FENCE(false, "vgh", .scope = FENCE_G, .has_address = true, .address = 0x1000);
}

/* A superpage broken up by the G-stage: fragments that came through the superpage go with a fence of any of its pages. */
Test(mmu_guest_banks, a_superpage_of_the_g_stage_fractures_safely)
{
    struct guest g = guest_make(&b, 3, 3);
    guest_map_vs(&g, 0x40000000, 1, leaf(WIDE, ALL));
    gpa_t pte = guest_map_g(&g, WIDE, 1, leaf(RAM, ALL | U));
    for (unsigned page = 0; page < 4; page++)
        cr_assert_eq(load(&g.c, 0x40000000 + page * 0x1000).gpa, RAM + page * 0x1000);
    bench_write(&b, pte, 0);
    for (unsigned page = 0; page < 4; page++)
        guest_map_g(&g, WIDE + page * 0x1000, 0, leaf(RAM + 0x8000 + page * 0x1000, ALL | U));
    mmu_fence(&b.mmu, &(struct mmu_fence){.scope = FENCE_G, .has_address = true, .address = WIDE + 0x2000});
    for (unsigned page = 0; page < 4; page++)
        cr_assert_eq(load(&g.c, 0x40000000 + page * 0x1000).gpa, RAM + 0x8000 + page * 0x1000);
    guest_map_g(&g, WIDE + 0x1000, 0, leaf(RAM + 0xf000, ALL | U));
    mmu_fence(&b.mmu, &(struct mmu_fence){.scope = FENCE_G, .has_address = true, .address = WIDE + 0x1000});
    cr_assert_eq(load(&g.c, 0x40001000).gpa, RAM + 0xf000);
    cr_assert(bench_cached(data(&g.c), 0x40000000, false), "the others are pages of their own now");
}

/* The fetch entry of a page may have been evicted while jumps into it are left. */
Test(mmu_guest_banks, a_fence_of_the_g_stage_clears_jumps_whose_fetch_entry_is_gone)
{
    make_worlds();
    const struct mmu_context *c = &world[0][0];
    touch(c, 0x1000);
    struct code_bank *k = code(c);
    k->fetch[fetch_index(0x1000)].page = TLB_TAG_EMPTY;
    mmu_fence(&b.mmu, &(struct mmu_fence){.scope = FENCE_G, .has_address = true, .address = FAR});
    cr_assert_not(bench_jumps(&b, k, 0x1000));
}

Test(mmu_guest_banks, a_fence_of_the_g_stage_leaves_banks_that_never_fetched_from_there)
{
    make_worlds();
    const struct mmu_context *c = &world[0][0];
    touch(c, 0x1000);
    mmu_fence(&b.mmu, &(struct mmu_fence){.scope = FENCE_G, .has_address = true, .address = FAR + 0x5000});
    cr_assert(bench_jumps(&b, code(c), 0x1000));
    touch(c, 0x3000); /* a superpage of the G-stage */
    touch(c, 0x1000);
    mmu_fence(&b.mmu, &(struct mmu_fence){.scope = FENCE_G, .has_address = true, .address = FAR + 0x5000});
    cr_assert_not(bench_jumps(&b, code(c), 0x1000), "what size the pages of its jumps had is not known");
    cr_assert(stays(c, 0x1000) && stays(c, 0x3000));
}

Test(mmu_guest_banks, one_guest_more_than_there_are_banks)
{
    struct guest g = guest_make(&b, 3, 3);
    guest_map_vs(&g, 0x5000, 0, leaf(GUEST_RAM + 0x3000, ALL));
    for (unsigned round = 0; round < 2; round++)
        for (uint64_t vmid = 0; vmid <= MMU_DATA_BANKS; vmid++) {
            struct mmu_context c = g.c;
            c.hgatp |= vmid << 44;
            cr_assert_not(bench_cached(data(&c), 0x5000, false), "a recycled bank is empty");
            cr_assert_eq(load(&c, 0x5000).gpa, RAM + 0x3000);
        }
    cr_assert_eq(b.mmu.data.count, MMU_DATA_BANKS);
}
#endif
