/* Two-stage translation and what is around it: physical memory and its protection, accesses without a bank, probing, regimes, the log. The rules
 * of hypervisor.adoc, "Two-Stage Address Translation", are tried in test_mmu_guest.c. */
#include "tests/unit/mmu_guest_bench.h"

#include <stdio.h>
#include <stdlib.h>

TestSuite(mmu_guest_memory, .init = setup, .fini = teardown);

static const enum mmu_access accesses[] = {MMU_READ, MMU_WRITE, MMU_FETCH};
/* ---- physical memory ---- */

/* norm:H_pmp: on every supervisor-physical address. Refusals are access faults, and of the access's own type. */
Test(mmu_guest_memory, pmp_checks_every_table_of_both_stages)
{
    struct both t = both_stages();
    pmp_open();
    gpa_t tables[] = {t.vs_at,
                      t.g_at,
                      guest_pte_at(&t.g, false, VA, 1),
                      guest_pte_at(&t.g, false, VA, 2),
                      guest_pte_at(&t.g, true, FAR, 1),
                      guest_pte_at(&t.g, true, FAR, 2),
                      guest_pte_at(&t.g, true, GUEST_RAM, 1),
                      guest_pte_at(&t.g, true, GUEST_RAM, 2)};
    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        for (size_t a = 0; a < 3; a++) {
            pmp_entry(0, tables[i], 8, PMP_W | PMP_X);
            pmp_write_cfg(&b.mmu.pmp, 0, 0x18 | PMP_X);
            cr_assert_eq(guest_touch(&t.g, VA, accesses[a]).fault, MMU_ACCESS_FAULT, "table %zu", i);
            pmp_entry(0, tables[i], 8, PMP_R);
            cr_assert_eq(guest_touch(&t.g, VA, accesses[a]).fault, MMU_OK, "table %zu", i);
        }
}

Test(mmu_guest_memory, pmp_checks_updates_of_both_stages)
{
    struct both t = both_stages();
    pmp_open();
    t.g.c.adue = t.g.c.g_adue = true;
    for (unsigned second = 0; second < 2; second++) {
        gpa_t at = second ? t.g_at : t.vs_at;
        uint64_t good = bench_read(&b, at);
        bench_write(&b, at, good & ~(uint64_t)(A | D));
        pmp_entry(0, at, 8, PMP_R);
        cr_assert_eq(guest_touch(&t.g, VA, MMU_READ).fault, MMU_ACCESS_FAULT);
        cr_assert_eq(bench_read(&b, at), good & ~(uint64_t)(A | D));
        pmp_entry(0, at, 8, PMP_R | PMP_W);
        cr_assert_eq(guest_touch(&t.g, VA, MMU_WRITE).fault, MMU_OK);
        cr_assert_eq(bench_read(&b, at), good);
    }
}

Test(mmu_guest_memory, pmp_checks_the_result_as_supervisor)
{
    struct both t = both_stages();
    pmp_open();
    for (unsigned rights = 0; rights < 8; rights++) {
        if ((rights & 3) == PMP_W) continue;
        pmp_entry(0, PAGE, 0x1000, rights);
        for (size_t a = 0; a < 3; a++)
            cr_assert_eq(guest_touch(&t.g, VA, accesses[a]).fault, rights & 1u << a ? MMU_OK : MMU_ACCESS_FAULT);
    }
    struct guest bare = guest_make(&b, 0, 0);
    pmp_entry(0, PAGE, 0x1000, PMP_X);
    cr_assert_eq(guest_touch(&bare, PAGE, MMU_READ).fault, MMU_ACCESS_FAULT, "with no stage at all, too");
}

Test(mmu_guest_memory, tables_outside_ram_are_access_faults)
{
    struct both t = both_stages();
    guest_map_g(&t.g, FAR + 0x1000, 0, leaf(DEVICE, ALL | U));
    bench_write(&b, guest_pte_at(&t.g, false, VA, 1), leaf(FAR + 0x1000, V));
    cr_assert_eq(guest_touch(&t.g, VA, MMU_READ).fault, MMU_ACCESS_FAULT, "a VS-stage table in a device window");
    bench_write(&b, guest_pte_at(&t.g, true, FAR, 1), leaf(DEVICE, V));
    cr_assert_eq(guest_touch(&t.g, VA, MMU_FETCH).fault, MMU_ACCESS_FAULT, "a G-stage table in a device window");
    t.g.c.hgatp = UINT64_C(8) << 60 | UINT64_C(0xffffffffffc);
    cr_assert_eq(guest_touch(&t.g, VA, MMU_READ).fault, MMU_ACCESS_FAULT, "the G-stage's root in nothing");
}

/* ---- one access without a bank ---- */

Test(mmu_guest_memory, an_access_once_says_what_a_bank_says_and_leaves_nothing)
{
    struct both t = both_stages();
    struct mmu_regime r = mmu_regime(&t.g.c);
    unsigned banks = b.mmu.data.count;
    for (size_t a = 0; a < 2; a++) {
        struct mmu_result once = mmu_access_once(&b.mmu, &r, VA + 0x18, 8, accesses[a]);
        cr_assert(once.fault == MMU_OK && once.gpa == PAGE + 0x18 && once.host && !once.cached && once.page_log2 == 12);
    }
    cr_assert_eq(b.mmu.data.count, banks);
    bench_write(&b, t.vs_at, leaf(FAR, V | R | A));
    cr_assert_eq(mmu_access_once(&b.mmu, &r, VA, 8, MMU_WRITE).fault, MMU_PAGE_FAULT, "no fence needed");
}

/* ---- probing ---- */

Test(mmu_guest_memory, probing_goes_through_both_stages_and_ignores_rights)
{
    struct both t = both_stages();
    put_vs_table_at_far(&t, V | X); /* neither readable nor U nor accessed */
    bench_write(&b, t.vs_at, leaf(FAR, V | X));
    bench_write(&b, t.g_at, leaf(PAGE, V | R));
    t.g.c.adue = t.g.c.g_adue = true;
    struct mmu_regime r = mmu_regime(&t.g.c);
    struct mmu_result found = mmu_probe(&b.mmu, &r, VA + 0x44);
    cr_assert(found.fault == MMU_OK && found.gpa == PAGE + 0x44 && found.host == bus_ram(&b.bus, PAGE + 0x44, 1));
    cr_assert(bench_read(&b, t.vs_at) == leaf(FAR, V | X) && bench_read(&b, t.g_at) == leaf(PAGE, V | R));
    bench_write(&b, t.g_at, 0);
    cr_assert_eq(mmu_probe(&b.mmu, &r, VA).fault, MMU_GUEST_PAGE_FAULT);
}

/* ---- the regime ---- */

static bool same(struct mmu_context x, struct mmu_context y)
{
    struct mmu_regime p = mmu_regime(&x), q = mmu_regime(&y);
    return memcmp(&p, &q, sizeof p) == 0;
}

#define SV39    (UINT64_C(8) << 60)
#define VMID(n) ((uint64_t)(n) << 44)

Test(mmu_guest_memory, a_regime_holds_what_matters_and_nothing_else)
{
    const struct mmu_context paged = {.virt = true, .priv = PRIV_S, .satp = SV39 | 5, .hgatp = SV39 | VMID(3) | 8};
    struct mmu_context c = paged;
    cr_assert(same(c, paged));
#define MATTERS(field, value) (c = paged, c.field = (value), !same(c, paged))
    cr_assert(MATTERS(satp, SV39 | 6) && MATTERS(hgatp, SV39 | VMID(4) | 8) && MATTERS(hgatp, SV39 | VMID(3) | 12));
    cr_assert(MATTERS(priv, PRIV_U) && MATTERS(sum, true) && MATTERS(mxr, true) && MATTERS(g_mxr, true));
    cr_assert(MATTERS(hlvx, true) && MATTERS(adue, true) && MATTERS(pbmte, true));
    cr_assert(MATTERS(g_adue, true) && MATTERS(g_pbmte, true) && MATTERS(virt, false));
#undef MATTERS
    struct mmu_context host = {.priv = PRIV_S, .satp = SV39 | 5}, other = host;
    other.hgatp = SV39 | VMID(3) | 8;
    other.g_mxr = other.g_adue = other.g_pbmte = other.hlvx = true;
    cr_assert(same(host, other), "outside a guest the G-stage is nothing");
    struct mmu_context machine = paged;
    machine.priv = PRIV_M;
    cr_assert(same(machine, (struct mmu_context){.priv = PRIV_M}), "norm:mstatus_mprv_hypervisor: MPP = 3");

    struct mmu_context vs_bare = {.virt = true, .priv = PRIV_U, .hgatp = paged.hgatp}, x = vs_bare;
    x.priv = PRIV_S;
    x.satp = 5;
    x.sum = x.mxr = x.adue = x.pbmte = true;
    cr_assert(same(vs_bare, x), "without a VS-stage its bits mean nothing");
    struct mmu_context g_bare = {.virt = true, .priv = PRIV_S, .satp = SV39 | 5, .hgatp = VMID(3)}, y = g_bare;
    y.g_adue = y.g_pbmte = true;
    y.hgatp |= 12;
    cr_assert(same(g_bare, y), "without a G-stage its bits mean nothing");
    y.hgatp = VMID(4);
    cr_assert_not(same(g_bare, y), "fences go by the VMID");
    struct mmu_context hlvx = paged, z = paged;
    hlvx.hlvx = z.hlvx = true;
    z.mxr = z.g_mxr = true;
    cr_assert(same(hlvx, z), "HLVX ignores MXR");
    struct mmu_context both = paged, host_mxr = paged;
    host_mxr.g_mxr = true;
    both.mxr = both.g_mxr = true;
    cr_assert(same(both, host_mxr), "the host's MXR includes the guest's");
}

/* ---- the log ---- */

static char *log_text;
static size_t log_size;
static struct log the_log = {.items = LOG_MMU};

static void expect_line(const char *line)
{
    fflush(the_log.file);
    cr_assert(strstr(log_text, line), "no \"%s\" in:\n%s", line, log_text);
    rewind(the_log.file);
}

Test(mmu_guest_memory, the_log_names_both_stages)
{
    struct both t = both_stages();
    char line[256];
    the_log.file = open_memstream(&log_text, &log_size);
    b.mmu.log = &the_log;
    guest_touch(&t.g, VA + 8, MMU_WRITE);
    snprintf(
        line, sizeof line,
        "mmu: guest write of 0x12345008, vsatp 0x%lx, hgatp 0x%lx: guest-physical 0x1f0000008, leaf of 2^12 bytes; "
        "physical 0x80003008, leaf of 2^12 bytes\n",
        t.g.c.satp, t.g.c.hgatp);
    expect_line(line);
    bench_write(&b, t.g_at, 0);
    guest_touch(&t.g, VA + 8, MMU_FETCH);
    expect_line("guest-page fault in the G-stage at guest-physical 0x1f0000008\n");
    put_vs_table_at_far(&t, 0);
    guest_touch(&t.g, VA + 8, MMU_READ);
    expect_line("at guest-physical 0x1f0001a28, to read a PTE of the VS-stage\n");
    guest_touch(&t.g, UINT64_C(1) << 62, MMU_READ);
    expect_line("page fault in the VS-stage\n");
    mmu_fence(&b.mmu, &(struct mmu_fence){.scope = FENCE_VS, .vmid = 7, .has_address = true, .address = VA});
    expect_line("mmu: fence of the VS-stage of VMID 7: 0x12345000\n");
    mmu_fence(&b.mmu,
              &(struct mmu_fence){.scope = FENCE_G, .has_id = true, .id = 9, .has_address = true, .address = FAR});
    expect_line("mmu: fence of the G-stage: guest-physical 0x1f0000000, VMID 9\n");
    fclose(the_log.file);
    free(log_text);
}
