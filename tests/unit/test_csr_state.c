/* CSRs from outside the guest: the debugger's reads and writes, and a hart saved and brought back. */
#include "tests/unit/priv_bench.h"

static struct hart *h;
static void setup(void)
{
    bench_now = 0;
    bench_timer_changes = 0;
    h = bench_hart("rv64");
}
static void teardown(void) { hart_destroy(h); }
TestSuite(csr_state, .init = setup, .fini = teardown);

Test(csr_state, peek_and_poke_pass_all_access_checks)
{
    uint64_t v;
    bench_priv(h, PRIV_U);
    cr_assert(csr_poke(h, FCSR, 0x25) && csr_peek(h, FCSR, &v) && v == 0x25, "although FS is off");
    cr_assert(csr_poke(h, MSCRATCH, 9) && csr_peek(h, MSCRATCH, &v) && v == 9);
    cr_assert(csr_peek(h, MHARTID, &v) && v == 3 && !csr_poke(h, MHARTID, 4));
    cr_assert(!csr_peek(h, 0x999, &v) && !csr_poke(h, 0x999, 0) && !csr_peek(h, 99999, &v));
}

Test(csr_state, a_snapshot_brings_everything_back)
{
    struct state s;
    bench_open_everything(h);
    csr_set(h, FCSR, 0x45);
    csr_set(h, SATP, UINT64_C(9) << 60 | 77);
    csr_set(h, PMPADDR0, 0x2000);
    csr_set(h, PMPCFG0, 0x1b);
    csr_set(h, MISA, csr_get(h, MISA) & ~(UINT64_C(1) << 12));
    for (unsigned n = 0x200; n < 0x700; n++)
        if (csr_name(n) && (n >> 8 & 3) == 2) csr_set(h, n, n * UINT64_C(0x9e3779b97f4a7c15));
    csr_set(h, HGATP, UINT64_C(8) << 60 | UINT64_C(5) << 44 | 0x80000);
    csr_set(h, MSTATUS, MSTATUS_FS | MSTATUS_MPV | MSTATUS_GVA);
    h->x[5] = 55;
    h->f[6] = 66;
    h->icount_end = 1234;
    hart_set_irq(h, IRQ_SEI, true);
    bench_mode(h, PRIV_S, true);
    uint64_t want[4096], v;
    for (unsigned n = 0; n < 4096; n++)
        if (csr_peek(h, n, &v)) want[n] = v;
    state_init_save(&s);
    hart_state(h, &s);
    struct hart *other = bench_hart("rv64");
    struct state in;
    state_init_restore(&in, s.data, s.length);
    hart_state(other, &in);
    cr_assert(state_ok(&in), "%s", in.problem);
    for (unsigned n = 0; n < 4096; n++)
        if (csr_peek(other, n, &v)) cr_assert_eq(v, want[n], "%s", csr_name(n));
    cr_assert(other->x[5] == 55 && other->f[6] == 66 && other->priv == PRIV_S && other->virt &&
              other->isa_live == h->isa_live);
    cr_assert_eq(memcmp(&other->data->info.regime, &h->data->info.regime, sizeof(struct mmu_regime)), 0);
    cr_assert_eq(other->mmu.pmp.last[0], h->mmu.pmp.last[0]);
    state_finish(&s);
    hart_destroy(other);
}

/* Changes one thing of a hart, saves it and asks another to be like it. */
static bool restores(void (*change)(struct hart *))
{
    struct state s, in;
    teardown();
    setup();
    change(h);
    state_init_save(&s);
    hart_state(h, &s);
    struct hart *other = bench_hart("rv64");
    state_init_restore(&in, s.data, s.length);
    hart_state(other, &in);
    cr_assert_eq(state_ok(&in), in.problem[0] == 0);
    hart_destroy(other);
    state_finish(&s);
    return state_ok(&in);
}
static void change_nothing(struct hart *x) { (void)x; }
static void change_priv(struct hart *x) { x->priv = 2; }
static void change_virt(struct hart *x) { x->virt = true; } /* in M-mode */
static void change_mpp(struct hart *x) { x->csr.mstatus |= 2 << 11; }
static void change_misa(struct hart *x) { x->csr.misa |= 1 << 21; }
static void change_misa_h(struct hart *x) { x->csr.misa &= ~UINT64_C(0x80); } /* mideleg and hstatus say otherwise */
static void change_mideleg(struct hart *x) { x->csr.mideleg = 0; }
static void change_hideleg(struct hart *x) { x->csr.hideleg = 2; }
static void change_hvip(struct hart *x) { x->csr.hvip = 1; }
static void change_hstatus(struct hart *x) { x->csr.hstatus |= 1; }
static void change_satp(struct hart *x) { x->csr.satp = UINT64_C(3) << 60; }
static void change_vsatp(struct hart *x) { x->csr.vsatp = UINT64_C(11) << 60; }
static void change_hgatp(struct hart *x) { x->csr.hgatp = UINT64_C(1) << 60; }
static void change_hgatp_ppn(struct hart *x) { x->csr.hgatp = UINT64_C(8) << 60 | 1; }
static void change_mepc(struct hart *x) { x->csr.mepc = 1; }
static void change_reservation(struct hart *x) { x->reservation = 4; }
static void change_pmp_write_only(struct hart *x) { x->mmu.pmp.cfg[2] = PMP_W; }
static void change_pmp_reserved(struct hart *x) { x->mmu.pmp.cfg[2] = 0x20; }
static void change_pmp_beyond(struct hart *x) { x->mmu.pmp.addr[63] = 1; }
static void change_wires(struct hart *x) { x->csr.mip_lines = 1 << 2; }

Test(csr_state, a_snapshot_that_no_hart_can_be_in_is_refused)
{
    static void (*const changes[])(struct hart *) = {
        change_priv,        change_virt,           change_mpp,          change_misa,      change_misa_h,
        change_mideleg,     change_hideleg,        change_hvip,         change_hstatus,   change_satp,
        change_vsatp,       change_hgatp,          change_hgatp_ppn,    change_mepc,      change_wires,
        change_reservation, change_pmp_write_only, change_pmp_reserved, change_pmp_beyond};
    cr_assert(restores(change_nothing));
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) cr_assert_not(restores(changes[i]), "change %zu", i);
}
