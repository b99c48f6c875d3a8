/* Two-stage translation, rule by rule: hypervisor.adoc, "Two-Stage Address Translation", "Guest-Page Faults", HLVX; and what supervisor.adoc,
 * svadu.adoc and svpbmt.adoc say of each stage. */
#include "tests/unit/mmu_guest_bench.h"

TestSuite(mmu_guest, .init = setup, .fini = teardown);

static const enum mmu_access accesses[] = {MMU_READ, MMU_WRITE, MMU_FETCH};

/* ---- modes, sizes, widths ---- */

Test(mmu_guest, every_mode_with_every_other)
{
    static const unsigned modes[] = {0, 3, 4, 5};
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < 4; k++) {
            struct guest g = guest_make(&b, modes[i], modes[k]);
            gva_t va = modes[i] ? UINT64_C(0xffffffff81234000) : modes[k] ? FAR : PAGE;
            gpa_t guest_pa = modes[i] ? FAR : va;
            if (!modes[k]) guest_pa = PAGE;
            if (modes[i]) guest_map_vs(&g, va, 0, leaf(guest_pa, ALL));
            if (modes[k]) guest_map_g(&g, guest_pa, 0, leaf(PAGE, ALL | U));
            for (size_t a = 0; a < 3; a++) {
                struct mmu_result r = guest_touch(&g, va + 0x120, accesses[a]);
                cr_assert(r.fault == MMU_OK && r.gpa == PAGE + 0x120, "vsatp %zu hgatp %zu: %d 0x%lx", i, k, r.fault,
                          r.gpa);
                cr_assert_eq(r.page_log2, modes[i] || modes[k] ? 12 : 64);
                cr_assert(r.cached && r.host == bus_ram(&b.bus, PAGE + 0x120, 1));
            }
        }
}

Test(mmu_guest, the_page_is_the_smaller_of_both_leaves)
{
    for (unsigned level = 0; level < 3; level++)
        for (unsigned g_level = 0; g_level < 3; g_level++) {
            struct guest g = guest_make(&b, 3, 3);
            gva_t va = UINT64_C(0x80000000);
            gpa_t guest_pa = UINT64_C(0x100000000);
            guest_map_vs(&g, va, level, leaf(guest_pa, ALL));
            guest_map_g(&g, guest_pa, g_level, leaf(g_level == 2 ? UINT64_C(0x80000000) : RAM + 0x200000, ALL | U));
            struct mmu_result r = guest_touch(&g, va + 0x678, MMU_READ);
            cr_assert_eq(r.gpa, (g_level == 2 ? RAM : RAM + 0x200000) + 0x678, "levels %u %u", level, g_level);
            cr_assert_eq(r.page_log2, 12 + 9 * (level < g_level ? level : g_level));
            if (!level || !g_level) continue;
            r = guest_touch(&g, va + 0x1ff678, MMU_READ);
            cr_assert_eq(r.gpa, (g_level == 2 ? RAM : RAM + 0x200000) + 0x1ff678, "the offset comes through both");
        }
}

/* norm:hgatp_mode_x4 */
Test(mmu_guest, the_g_stages_root_has_four_times_the_entries)
{
    for (unsigned levels = 3; levels <= 5; levels++)
        for (unsigned top = 0; top < 4; top++) {
            struct guest g = guest_make(&b, 0, levels);
            gpa_t guest_pa = (gpa_t)top << (12 + 9 * levels) | 0x7000;
            guest_map_g(&g, guest_pa, 0, leaf(PAGE + top * 0x1000, ALL | U));
            cr_assert_eq(guest_touch(&g, guest_pa, MMU_READ).gpa, PAGE + top * 0x1000, "%u levels, top bits %u", levels,
                         top);
        }
}

/* norm:hgatp_mode_sv39x4, norm:hgatp_mode_sv48x4, norm:hgatp_mode_sv57x4 */
Test(mmu_guest, guest_physical_addresses_that_are_too_wide_fault)
{
    for (unsigned levels = 3; levels <= 5; levels++) {
        unsigned bits = 14 + 9 * levels;
        struct guest g = guest_make(&b, 0, levels);
        gpa_t root = (g.c.hgatp & ((UINT64_C(1) << 44) - 1)) << 12;
        for (unsigned i = 0; i < 2048; i++)
            bench_write(&b, root + i * 8, leaf(0, ALL | U)); /* all that fits is mapped */
        for (unsigned bit = 12; bit < 64; bit++)
            for (size_t a = 0; a < 2; a++) {
                struct mmu_result r = guest_touch(&g, UINT64_C(1) << bit | 0x10, accesses[a]);
                if (bit < bits)
                    cr_assert_eq(r.fault, MMU_OK, "%u levels, bit %u", levels, bit);
                else
                    expect_guest_fault(r, UINT64_C(1) << bit | 0x10, false, false);
            }
        expect_guest_fault(guest_touch(&g, UINT64_MAX << 40, MMU_READ), UINT64_MAX << 40, false, false);
    }
}

Test(mmu_guest, guest_physical_addresses_of_leaves_and_tables_can_be_too_wide)
{
    struct both t = both_stages();
    gpa_t wide = UINT64_C(1) << 41;
    bench_write(&b, t.vs_at, leaf(FAR | wide, ALL));
    expect_guest_fault(guest_touch(&t.g, VA + 0x123, MMU_READ), (FAR | wide) + 0x123, false, false);
    gpa_t pointer = guest_pte_at(&t.g, false, VA, 1);
    bench_write(&b, pointer, leaf((bench_read(&b, pointer) >> 10 << 12) | wide, V));
    gpa_t at = ((bench_read(&b, pointer) >> 10 << 12) & ~UINT64_C(0xfff)) + (VA >> 12 & 511) * 8;
    expect_guest_fault(guest_touch(&t.g, VA, MMU_FETCH), at, true, false);
    t.g.c.satp = UINT64_C(8) << 60 | wide >> 12;
    expect_guest_fault(guest_touch(&t.g, VA, MMU_READ), wide | (VA >> 30) * 8, true, false);
}

/* norm:hgatp_mode_bare_trans */
Test(mmu_guest, a_bare_g_stage_lets_every_address_through)
{
    struct guest g = guest_make(&b, 0, 0);
    struct mmu_result r = guest_touch(&g, UINT64_MAX, MMU_READ);
    cr_assert(r.fault == MMU_OK && r.gpa == UINT64_MAX && !r.host, "a hole is the bus's matter");
    cr_assert_eq(guest_touch(&g, DEVICE, MMU_FETCH).fault, MMU_ACCESS_FAULT);
}

Test(mmu_guest, the_vs_stage_wants_canonical_addresses)
{
    struct both t = both_stages();
    cr_assert_eq(guest_touch(&t.g, VA | UINT64_C(1) << 38, MMU_READ).fault, MMU_PAGE_FAULT);
    cr_assert_eq(guest_touch(&t.g, VA | UINT64_C(1) << 63, MMU_READ).fault, MMU_PAGE_FAULT);
}

/* ---- rights ---- */

/* norm:H_vm_gpapriv: the original access is checked at the G-stage too. */
Test(mmu_guest, rights_are_those_of_both_stages)
{
    struct both t = both_stages();
    for (unsigned vs = 1; vs < 8; vs++)
        for (unsigned second = 1; second < 8; second++) {
            if ((vs & 3) == 2 || (second & 3) == 2) continue; /* W without R is reserved */
            bench_write(&b, t.vs_at, leaf(FAR, V | A | D | vs << 1));
            bench_write(&b, t.g_at, leaf(PAGE, V | A | D | U | second << 1));
            for (size_t a = 0; a < 3; a++) {
                struct mmu_result r = guest_touch(&t.g, VA + 0x10, accesses[a]);
                if (!(vs & 1u << a))
                    cr_assert_eq(r.fault, MMU_PAGE_FAULT, "vs %u g %u access %zu: %d", vs, second, a, r.fault);
                else if (!(second & 1u << a))
                    expect_guest_fault(r, FAR + 0x10, false, false);
                else
                    cr_assert_eq(r.fault, MMU_OK);
            }
        }
}

/* norm:H_vm_gpatrans: the G-stage takes every access for one of U-mode. */
Test(mmu_guest, the_g_stage_wants_u_whoever_asks)
{
    struct both t = both_stages();
    for (unsigned user = 0; user < 2; user++) {
        t.g.c.priv = user ? PRIV_U : PRIV_S;
        bench_write(&b, t.vs_at, leaf(FAR, ALL | (user ? U : 0)));
        bench_write(&b, t.g_at, leaf(PAGE, ALL | U));
        for (size_t a = 0; a < 3; a++) cr_assert_eq(guest_touch(&t.g, VA, accesses[a]).fault, MMU_OK);
        bench_write(&b, t.g_at, leaf(PAGE, ALL));
        for (size_t a = 0; a < 3; a++) expect_guest_fault(guest_touch(&t.g, VA, accesses[a]), FAR, false, false);
    }
    put_vs_table_at_far(&t, ALL);
    expect_guest_fault(guest_touch(&t.g, VA, MMU_READ), PTE_GUEST_PA, true, false);
}

Test(mmu_guest, sum_and_u_belong_to_the_vs_stage)
{
    struct both t = both_stages();
    for (unsigned bits = 0; bits < 8; bits++) {
        bool user = bits & 1, sum = bits & 2, u = bits & 4;
        t.g.c.priv = user ? PRIV_U : PRIV_S;
        t.g.c.sum = sum;
        bench_write(&b, t.vs_at, leaf(FAR, ALL | (u ? U : 0)));
        bool allowed = user ? u : !u || sum;
        cr_assert_eq(guest_touch(&t.g, VA, MMU_READ).fault, allowed ? MMU_OK : MMU_PAGE_FAULT, "case %u", bits);
        cr_assert_eq(guest_touch(&t.g, VA, MMU_WRITE).fault, allowed ? MMU_OK : MMU_PAGE_FAULT, "case %u", bits);
    }
}

/* norm:vsstatus_mxr_vm, norm:sstatus_mxr_vm */
Test(mmu_guest, the_guests_mxr_is_for_the_vs_stage_and_the_hosts_for_both)
{
    struct both t = both_stages();
    for (unsigned bits = 0; bits < 16; bits++) {
        bool mxr = bits & 1, host_mxr = bits & 2, vs_only_x = bits & 4, g_only_x = bits & 8;
        t.g.c.mxr = mxr;
        t.g.c.g_mxr = host_mxr;
        bench_write(&b, t.vs_at, leaf(FAR, V | X | A | (vs_only_x ? 0 : R)));
        bench_write(&b, t.g_at, leaf(PAGE, V | X | A | U | (g_only_x ? 0 : R)));
        enum mmu_fault want = vs_only_x && !mxr && !host_mxr ? MMU_PAGE_FAULT
                              : g_only_x && !host_mxr        ? MMU_GUEST_PAGE_FAULT
                                                             : MMU_OK;
        cr_assert_eq(guest_touch(&t.g, VA, MMU_READ).fault, want, "case %u", bits);
    }
}

/* norm:hlsv_u_op */
Test(mmu_guest, hlvx_wants_x_in_both_stages_and_no_r)
{
    struct both t = both_stages();
    t.g.c.hlvx = true;
    for (unsigned bits = 0; bits < 64; bits++) {
        unsigned vs = bits & 7, second = bits >> 3;
        if (!(vs & 5) || !(second & 5) || (vs & 3) == 2 || (second & 3) == 2) continue;
        t.g.c.mxr = t.g.c.g_mxr = bits & 2;
        bench_write(&b, t.vs_at, leaf(FAR, V | A | D | vs << 1));
        bench_write(&b, t.g_at, leaf(PAGE, V | A | D | U | second << 1));
        enum mmu_fault want = !(vs & 4) ? MMU_PAGE_FAULT : !(second & 4) ? MMU_GUEST_PAGE_FAULT : MMU_OK;
        struct mmu_regime r = mmu_regime(&t.g.c);
        cr_assert_eq(mmu_access_once(&b.mmu, &r, VA, 4, MMU_READ).fault, want, "vs %u g %u", vs, second);
        cr_assert_eq(guest_touch(&t.g, VA, MMU_READ).fault, want);
    }
}

Test(mmu_guest, hlvx_wants_memory_that_is_readable_and_executable)
{
    struct both t = both_stages();
    t.g.c.hlvx = true;
    pmp_open();
    for (unsigned rights = 0; rights < 8; rights++) {
        if ((rights & 3) == PMP_W) continue;
        pmp_entry(0, PAGE, 0x1000, rights);
        bool both = (rights & PMP_R) && (rights & PMP_X);
        cr_assert_eq(guest_touch(&t.g, VA, MMU_READ).fault, both ? MMU_OK : MMU_ACCESS_FAULT, "PMP %u", rights);
    }
    bench_write(&b, t.g_at, leaf(DEVICE, ALL | U));
    cr_assert_eq(guest_touch(&t.g, VA, MMU_READ).fault, MMU_ACCESS_FAULT, "device windows are not executable");
    t.g.c.hlvx = false;
    cr_assert_eq(guest_touch(&t.g, VA, MMU_READ).fault, MMU_OK);
}

/* ---- implicit accesses ---- */

/* norm:H_vm_gpapriv, norm:htval_trapval: reading a PTE is a load, whatever the access is. */
Test(mmu_guest, reading_a_vs_stage_pte_is_a_load)
{
    struct both t = both_stages();
    gpa_t g_pte = put_vs_table_at_far(&t, V | R | U | A);
    for (size_t a = 0; a < 3; a++)
        cr_assert_eq(guest_touch(&t.g, VA, accesses[a]).fault, MMU_OK, "neither X nor W is wanted of the table's page");
    for (unsigned mxr = 0; mxr < 4; mxr++) {
        t.g.c.mxr = mxr & 1;
        t.g.c.g_mxr = mxr & 2;
        bench_write(&b, g_pte, leaf(t.vs_at, V | X | U | A));
        for (size_t a = 0; a < 3; a++)
            expect_guest_fault(guest_touch(&t.g, VA + 0x123, accesses[a]), PTE_GUEST_PA, true, false);
    }
    t.g.c.hlvx = true;
    expect_guest_fault(guest_touch(&t.g, VA + 0x123, MMU_READ), PTE_GUEST_PA, true, false);
    bench_write(&b, g_pte, leaf(t.vs_at, V | R | U | A));
    cr_assert_eq(guest_touch(&t.g, VA, MMU_READ).fault, MMU_OK, "HLVX is about the instruction's own access");
}

Test(mmu_guest, setting_a_or_d_in_the_vs_stage_is_a_store)
{
    struct both t = both_stages();
    gpa_t g_pte = put_vs_table_at_far(&t, V | R | U | A | D);
    t.g.c.adue = true;
    for (size_t a = 0; a < 3; a++) {
        bench_write(&b, t.vs_at, leaf(FAR, V | R | W | X));
        expect_guest_fault(guest_touch(&t.g, VA, accesses[a]), PTE_GUEST_PA, true, true);
        cr_assert_eq(bench_read(&b, t.vs_at), leaf(FAR, V | R | W | X), "nothing was written");
        bench_write(&b, g_pte, leaf(t.vs_at, V | R | W | U | A | D));
        cr_assert_eq(guest_touch(&t.g, VA, accesses[a]).fault, MMU_OK);
        cr_assert_eq(bench_read(&b, t.vs_at), leaf(FAR, V | R | W | X | A | (accesses[a] == MMU_WRITE ? D : 0)));
        bench_write(&b, g_pte, leaf(t.vs_at, V | R | U | A | D));
        cr_assert_eq(guest_touch(&t.g, VA, accesses[a]).fault, MMU_OK, "nothing to set, so only read");
    }
}

Test(mmu_guest, setting_a_or_d_in_the_vs_stage_needs_d_in_the_g_stage)
{
    struct both t = both_stages();
    gpa_t g_pte = put_vs_table_at_far(&t, V | R | W | U | A);
    t.g.c.adue = true;
    bench_write(&b, t.vs_at, leaf(FAR, V | R));
    expect_guest_fault(guest_touch(&t.g, VA, MMU_READ), PTE_GUEST_PA, true, true);
    t.g.c.g_adue = true;
    cr_assert_eq(guest_touch(&t.g, VA, MMU_READ).fault, MMU_OK);
    cr_assert_eq(bench_read(&b, g_pte), leaf(t.vs_at, V | R | W | U | A | D));
    cr_assert_eq(bench_read(&b, t.vs_at), leaf(FAR, V | R | A));
}

/* norm:henvcfg_adue_op: menvcfg decides for the G-stage, henvcfg for the VS-stage. */
Test(mmu_guest, each_stage_has_its_own_a_d_policy)
{
    struct both t = both_stages();
    for (unsigned bits = 0; bits < 64; bits++) {
        bool adue = bits & 1, g_adue = bits & 2, store = bits & 4, vs_ready = bits & 8, g_ready = bits & 16,
             a_only = bits & 32; /* A is set, D is not */
        uint64_t vs = V | R | W |
                      (vs_ready ? A | D
                       : a_only ? A
                                : 0),
                 g = V | R | W | U |
                     (g_ready  ? A | D
                      : a_only ? A
                               : 0);
        bool vs_short = !vs_ready && (store || !a_only), g_short = !g_ready && (store || !a_only);
        uint64_t set = A | (store ? D : 0);
        t.g.c.adue = adue;
        t.g.c.g_adue = g_adue;
        bench_write(&b, t.vs_at, leaf(FAR, vs));
        bench_write(&b, t.g_at, leaf(PAGE, g));
        struct mmu_result r = guest_touch(&t.g, VA + 8, store ? MMU_WRITE : MMU_READ);
        bool vs_fault = vs_short && !adue, g_fault = !vs_fault && g_short && !g_adue;
        if (g_fault)
            expect_guest_fault(r, FAR + 8, false, false);
        else
            cr_assert_eq(r.fault, vs_fault ? MMU_PAGE_FAULT : MMU_OK, "case %u: %d", bits, r.fault);
        cr_assert_eq(bench_read(&b, t.vs_at), leaf(FAR, vs | (vs_short && adue ? set : 0)), "case %u", bits);
        cr_assert_eq(bench_read(&b, t.g_at), leaf(PAGE, g | (g_short && !vs_fault && g_adue ? set : 0)), "case %u",
                     bits);
    }
}

Test(mmu_guest, reading_a_vs_stage_pte_sets_a_in_the_g_stage)
{
    struct both t = both_stages();
    gpa_t g_pte = put_vs_table_at_far(&t, V | R | W | U);
    expect_guest_fault(guest_touch(&t.g, VA, MMU_WRITE), PTE_GUEST_PA, true, false);
    t.g.c.g_adue = true;
    cr_assert_eq(guest_touch(&t.g, VA, MMU_WRITE).fault, MMU_OK);
    cr_assert_eq(bench_read(&b, g_pte), leaf(t.vs_at, V | R | W | U | A), "D was in the VS-stage's PTE already");
}

/* Step 9: a PTE that is no longer as it was read is looked at again. Here one word is the VS-stage's leaf and, as that leaf's table
 * stands in the page that it maps, the G-stage's leaf on the way to itself. */
Test(mmu_guest, an_update_that_changes_the_pte_itself_starts_again)
{
    struct guest g = guest_make(&b, 3, 3);
    gpa_t table = bench_table(&b), at = table + (VA >> 12 & 511) * 8;
    guest_map_vs(&g, VA, 1, leaf(VA, V)); /* the table stands at guest-physical VA … */
    guest_map_g(&g, VA, 1, leaf(table, V));
    guest_map_g(&g, table, 0, leaf(PAGE, ALL | U));
    g.c.priv = PRIV_U;
    g.c.adue = g.c.g_adue = true;
    for (size_t a = 0; a < 2; a++) {
        bench_write(&b, at, leaf(table, V | R | W | U)); /* … which this maps to the table */
        struct mmu_result r = guest_touch(&g, VA + 0x20, accesses[a]);
        cr_assert(r.fault == MMU_OK && r.gpa == PAGE + 0x20, "fault %d, 0x%lx", r.fault, r.gpa);
        cr_assert_eq(bench_read(&b, at), leaf(table, V | R | W | U | A | (a ? D : 0)));
    }
}

/* ---- which fault, and what it says ---- */

/* Synchronous exception priority: "first encountered page fault, guest-page fault, or access fault". */
Test(mmu_guest, the_first_fault_on_the_way_counts)
{
    struct both t = both_stages();
    bench_write(&b, t.g_at, 0);
    expect_guest_fault(guest_touch(&t.g, VA + 0xabc, MMU_WRITE), FAR + 0xabc, false, false);
    bench_write(&b, t.vs_at, leaf(FAR, V | R | X | A));
    cr_assert_eq(guest_touch(&t.g, VA, MMU_WRITE).fault, MMU_PAGE_FAULT, "the VS-stage refuses before the G-stage");
    put_vs_table_at_far(&t, 0);
    expect_guest_fault(guest_touch(&t.g, VA, MMU_WRITE), PTE_GUEST_PA, true, false);
}

Test(mmu_guest, a_page_fault_of_the_vs_stage_says_nothing_of_the_guests_memory)
{
    struct both t = both_stages();
    bench_write(&b, t.vs_at, 0);
    struct mmu_result r = guest_touch(&t.g, VA, MMU_READ);
    cr_assert(r.fault == MMU_PAGE_FAULT && r.guest_pa == 0 && !r.implicit && !r.implicit_write);
}

Test(mmu_guest, every_level_of_the_vs_stage_can_fault_in_the_g_stage)
{
    for (unsigned levels = 3; levels <= 5; levels++)
        for (unsigned level = 0; level < levels; level++) {
            struct guest g = guest_make(&b, levels, 5);
            guest_map_vs(&g, VA, 0, leaf(GUEST_RAM + 0x3000, ALL));
            cr_assert_eq(guest_touch(&g, VA, MMU_READ).fault, MMU_OK);
            gpa_t offset = (VA >> (12 + 9 * level) & 511) * 8;
            if (level + 1 == levels)
                g.c.satp = bits_set(g.c.satp, 43, 0, FAR >> 12);
            else
                bench_write(&b, guest_pte_at(&g, false, VA, level + 1), leaf(FAR, V));
            expect_guest_fault(guest_touch(&g, VA, MMU_FETCH), FAR + offset, true, false);
        }
}

Test(mmu_guest, reserved_bits_of_the_g_stage_are_guest_page_faults)
{
    struct both t = both_stages();
    for (unsigned bit = 54; bit < 64; bit++) {
        if (bit == 63) continue; /* NAPOT: below */
        t.g.c.pbmte = true;      /* of the VS-stage: no matter here */
        bench_write(&b, t.g_at, leaf(PAGE, ALL | U) | UINT64_C(1) << bit);
        expect_guest_fault(guest_touch(&t.g, VA, MMU_READ), FAR, false, false);
    }
    bench_write(&b, t.g_at, leaf(PAGE, V | W | X | U | A | D));
    expect_guest_fault(guest_touch(&t.g, VA, MMU_READ), FAR, false, false);
    bench_write(&b, t.g_at, leaf(TABLES, V));
    expect_guest_fault(guest_touch(&t.g, VA, MMU_READ), FAR, false, false);
    guest_map_g(&t.g, FAR, 1, leaf(RAM + 0x3000, ALL | U));
    expect_guest_fault(guest_touch(&t.g, VA, MMU_READ), FAR, false, false);
}

/* norm:henvcfg_pbmte_op, norm:menvcfg_pbmte_op */
Test(mmu_guest, each_stage_has_its_own_page_based_memory_types)
{
    struct both t = both_stages();
    for (unsigned bits = 0; bits < 64; bits++) {
        unsigned vs = bits & 3, g = bits >> 2 & 3;
        t.g.c.pbmte = bits & 16;
        t.g.c.g_pbmte = bits & 32;
        bench_write(&b, t.vs_at, leaf(FAR, ALL) | PBMT(vs));
        bench_write(&b, t.g_at, leaf(PAGE, ALL | U) | PBMT(g));
        bool vs_bad = vs == 3 || (vs && !t.g.c.pbmte), g_bad = g == 3 || (g && !t.g.c.g_pbmte);
        enum mmu_fault want = vs_bad ? MMU_PAGE_FAULT : g_bad ? MMU_GUEST_PAGE_FAULT : MMU_OK;
        cr_assert_eq(guest_touch(&t.g, VA, MMU_READ).fault, want, "case %u", bits);
    }
}

Test(mmu_guest, both_stages_have_napot_pages)
{
    struct guest g = guest_make(&b, 3, 3);
    gva_t va = 0x450000;
    gpa_t guest_pa = FAR;
    for (unsigned vs_napot = 0; vs_napot < 2; vs_napot++)
        for (unsigned g_napot = 0; g_napot < 2; g_napot++)
            for (unsigned page = 0; page < 16; page++) {
                gpa_t own = page * 0x1000u;
                guest_map_vs(&g, va + own, 0,
                             vs_napot ? leaf(guest_pa + 0x8000, ALL) | N_BIT : leaf(guest_pa + own, ALL));
                guest_map_g(&g, guest_pa + own, 0,
                            g_napot ? leaf(RAM + 0x28000, ALL | U) | N_BIT : leaf(RAM + 0x20000 + own, ALL | U));
                struct mmu_result r = guest_touch(&g, va + own + 0x77, MMU_READ);
                cr_assert(r.fault == MMU_OK && r.gpa == RAM + 0x20000 + own + 0x77, "0x%lx", r.gpa);
                cr_assert_eq(r.page_log2, vs_napot && g_napot ? 16 : 12);
            }
    b.mmu.svnapot = false;
    cr_assert_eq(guest_touch(&g, va, MMU_READ).fault, MMU_PAGE_FAULT);
    guest_map_vs(&g, va, 0, leaf(guest_pa, ALL));
    expect_guest_fault(guest_touch(&g, va, MMU_READ), guest_pa, false, false);
}
