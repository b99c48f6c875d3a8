/* The H extension's registers: who may access them and which trap refuses it, what stands in for what, views of interrupts, masks. The
 * expectations are written from hypervisor.adoc as one rule per number, not from the rows. */
#include "tests/unit/priv_bench.h"

static struct hart *h;
static void setup(void)
{
    bench_now = 0;
    bench_timer_changes = 0;
    h = bench_hart("rv64");
}
static void teardown(void) { hart_destroy(h); }
static void restart(const char *cpu)
{
    hart_destroy(h);
    bench_now = 0;
    h = bench_hart(cpu);
}
TestSuite(hyp_csr, .init = setup, .fini = teardown);

#define ALL    UINT64_MAX
#define MISA_H (UINT64_C(1) << 7)
#define BIT(n) (UINT64_C(1) << (n))

/* The cause of the trap that one CSR instruction raises, or OK. */
#define OK 99u
static unsigned access_cause(unsigned n, bool writes)
{
    struct trap t = {.cause = OK};
    uint64_t old;
    if (csr_access(h, n, CSR_SET, 0, true, writes, INSN, &old, &t)) return OK;
    cr_assert(t.tval == INSN && t.tval2 == 0 && t.tinst == 0 && !t.gva);
    return (unsigned)t.cause;
}
/* From M-mode: writes, then goes to the mode. */
static void set_as_m(unsigned n, uint64_t v)
{
    enum priv p = (enum priv)h->priv;
    bool virt = h->virt;
    bench_mode(h, PRIV_M, false);
    csr_set(h, n, v);
    bench_mode(h, p, virt);
}
static uint64_t get_as_m(unsigned n)
{
    enum priv p = (enum priv)h->priv;
    bool virt = h->virt;
    bench_mode(h, PRIV_M, false);
    uint64_t v = csr_get(h, n);
    bench_mode(h, p, virt);
    return v;
}

static void open_everything(void)
{
    csr_set(h, MSTATUS, FS_ON);
    csr_set(h, VSSTATUS, FS_ON);
    csr_set(h, MCOUNTEREN, ALL);
    csr_set(h, HCOUNTEREN, ALL);
    csr_set(h, SCOUNTEREN, ALL);
    csr_set(h, MENVCFG, ALL);
    csr_set(h, HENVCFG, ALL);
    for (unsigned i = 0; i < 4; i++) {
        csr_set(h, MSTATEEN0 + i, ALL);
        csr_set(h, HSTATEEN0 + i, ALL);
    }
}

static const struct {
    enum priv priv;
    bool virt;
} modes[] = {{PRIV_U, false}, {PRIV_S, false}, {PRIV_M, false}, {PRIV_U, true}, {PRIV_S, true}};

static bool is_h_csr(unsigned n) { return (n >> 8 & 3) == 2 || n == MTINST || n == MTVAL2; }

/* ---- off ---- */

static void check_h_is_off(void)
{
    unsigned seen = 0;
    for (unsigned n = 0; n < 4096; n++)
        if (csr_name(n) && is_h_csr(n)) {
            cr_assert_eq(access_cause(n, false), CAUSE_ILLEGAL, "%s", csr_name(n));
            seen++;
        }
    cr_assert_eq(seen, 30);
    csr_set(h, MSTATUS, MSTATUS_MPV | MSTATUS_GVA);
    cr_assert_not(csr_get(h, MSTATUS) & (MSTATUS_MPV | MSTATUS_GVA));
    csr_set(h, MIDELEG, ALL);
    csr_set(h, MEDELEG, ALL);
    csr_set(h, MIE, ALL);
    csr_set(h, MIP, ALL);
    cr_assert_eq(csr_get(h, MIDELEG), 0x222);
    cr_assert_eq(csr_get(h, MEDELEG), 0xb3ff);
    cr_assert_eq(csr_get(h, MIE), 0xaaa);
    cr_assert_eq(csr_get(h, MIP), 0x222);
}

Test(hyp_csr, a_hart_without_h_has_none_of_it)
{
    uint64_t v;
    restart("rv64,h=off");
    cr_assert_not(csr_get(h, MISA) & MISA_H);
    check_h_is_off();
    csr_set(h, MISA, ALL);
    cr_assert_not(csr_get(h, MISA) & MISA_H);
    cr_assert_not(csr_peek(h, HSTATUS, &v));
}

Test(hyp_csr, misa_h_switches_it_off_and_on_again_as_after_reset)
{
    open_everything();
    csr_set(h, HIDELEG, ALL);
    csr_set(h, HVIP, ALL);
    csr_set(h, HGATP, UINT64_C(8) << 60 | 0x1000);
    csr_set(h, MSTATUS, MSTATUS_MPV | MSTATUS_GVA);
    csr_set(h, MIE, ALL);
    csr_set(h, MEDELEG, ALL);
    csr_set(h, VSTIMECMP, 0);
    cr_assert(csr_get(h, HIP) == 0x444);
    csr_set(h, MISA, csr_get(h, MISA) & ~MISA_H);
    csr_set(h, MIP, 0);
    cr_assert_eq(csr_get(h, MIP) & 0x444, 0, "nothing of it is pending");
    csr_set(h, MENVCFG, 0); /* which had STIP read-only */
    check_h_is_off();
    cr_assert(!isa_has(h->isa_live, EXT_h) && !isa_has(h->isa_live, EXT_sha) && isa_has(h->isa_live, EXT_ssstateen));
    csr_set(h, MISA, ALL);
    cr_assert(csr_get(h, HIDELEG) == 0 && csr_get(h, HVIP) == 0 && csr_get(h, HGATP) == 0 &&
              csr_get(h, HCOUNTEREN) == 0);
    cr_assert(csr_get(h, HSTATUS) == UINT64_C(2) << 32 && (csr_get(h, MIDELEG) & 0x444) == 0x444);
    cr_assert(csr_get(h, VSTIMECMP) == ALL && csr_get(h, HIP) == 0);
}

/* ---- who may access what ---- */

/* With everything opened: csrs.adoc's privilege, and hypervisor.adoc, "Trap Cause Codes". */
static unsigned expected_cause(unsigned n, bool writes, unsigned m)
{
    unsigned level = n >> 8 & 3;
    enum priv p = modes[m].priv;
    if (!csr_name(n) || (writes && n >> 10 == 3)) return CAUSE_ILLEGAL;
    if (p == PRIV_M) return OK;
    if (level == 3) return CAUSE_ILLEGAL;
    if (!modes[m].virt) return level == 0 || p == PRIV_S ? OK : CAUSE_ILLEGAL;
    if (level == 2 || (level == 1 && p == PRIV_U)) return CAUSE_VIRTUAL;
    return OK;
}

Test(hyp_csr, every_number_in_every_mode_raises_the_right_trap)
{
    for (unsigned n = 0; n < 4096; n++)
        for (unsigned m = 0; m < ARRAY_LEN(modes); m++)
            for (unsigned writes = 0; writes < 2; writes++) {
                bench_mode(h, PRIV_M, false);
                open_everything();
                bench_mode(h, modes[m].priv, modes[m].virt);
                cr_assert_eq(access_cause(n, writes), expected_cause(n, writes, m), "csr %x, mode %u, write %u", n, m,
                             writes);
            }
}

Test(hyp_csr, a_guest_gets_the_vs_copy_and_only_where_there_is_one)
{
    static const unsigned twins[] = {STVEC, SSCRATCH, SEPC, SCAUSE, STVAL, STIMECMP};
    open_everything();
    for (size_t i = 0; i < ARRAY_LEN(twins); i++) {
        bench_mode(h, PRIV_M, false);
        csr_set(h, twins[i], 0x1000);
        csr_set(h, twins[i] + 0x100, 0x2000);
        bench_mode(h, PRIV_S, true);
        cr_assert_eq(csr_get(h, twins[i]), 0x2000, "%s", csr_name(twins[i]));
        csr_set(h, twins[i], 0x3000);
        cr_assert_eq(csr_get(h, twins[i]), 0x3000);
        cr_assert(get_as_m(twins[i]) == 0x1000 && get_as_m(twins[i] + 0x100) == 0x3000);
    }
    static const unsigned alone[] = {SCOUNTEREN, SENVCFG};
    for (size_t i = 0; i < ARRAY_LEN(alone); i++) {
        bench_mode(h, PRIV_S, true);
        csr_set(h, alone[i], 0x41);
        cr_assert_eq(get_as_m(alone[i]), 0x41);
    }
    cr_assert(csr_substitute(h, SATP) == VSATP && csr_substitute(h, SENVCFG) == SENVCFG &&
              csr_substitute(h, MSTATUS) == MSTATUS);
    bench_mode(h, PRIV_S, false);
    cr_assert_eq(csr_substitute(h, SATP), SATP);
}

Test(hyp_csr, counters_are_refused_by_the_first_that_has_them_off)
{
    static const unsigned counters[] = {CYCLE, TIME, INSTRET, 0xc03, 0xc1f};
    for (size_t i = 0; i < ARRAY_LEN(counters); i++)
        for (unsigned bits = 0; bits < 8; bits++)
            for (unsigned m = 0; m < ARRAY_LEN(modes); m++) {
                uint64_t bit = BIT(counters[i] & 31);
                bool by_m = bits & 1, by_h = bits & 2, by_s = bits & 4;
                bench_mode(h, PRIV_M, false);
                csr_set(h, MCOUNTEREN, by_m ? bit : ~bit);
                csr_set(h, HCOUNTEREN, by_h ? bit : ~bit);
                csr_set(h, SCOUNTEREN, by_s ? bit : ~bit);
                bench_mode(h, modes[m].priv, modes[m].virt);
                unsigned want = OK;
                if (modes[m].priv != PRIV_M && !by_m)
                    want = CAUSE_ILLEGAL;
                else if (modes[m].virt && !by_h)
                    want = CAUSE_VIRTUAL;
                else if (modes[m].priv == PRIV_U && !by_s)
                    want = modes[m].virt ? CAUSE_VIRTUAL : CAUSE_ILLEGAL;
                cr_assert_eq(access_cause(counters[i], false), want, "%s, bits %u, mode %u", csr_name(counters[i]),
                             bits, m);
                if (want == CAUSE_VIRTUAL)
                    cr_assert_eq(access_cause(counters[i], true), CAUSE_ILLEGAL, "it is read-only");
            }
}

Test(hyp_csr, stimecmp_needs_four_bits_in_a_guest)
{
    for (unsigned bits = 0; bits < 16; bits++)
        for (unsigned m = 0; m < ARRAY_LEN(modes); m++) {
            bool m_tm = bits & 1, m_stce = bits & 2, h_tm = bits & 4, h_stce = bits & 8;
            bench_mode(h, PRIV_M, false);
            csr_set(h, MENVCFG, ALL);
            csr_set(h, HENVCFG, h_stce ? STCE : 0);
            csr_set(h, MCOUNTEREN, m_tm ? 2 : 0);
            csr_set(h, MENVCFG, m_stce ? STCE : 0);
            csr_set(h, HCOUNTEREN, h_tm ? 2 : 0);
            bench_mode(h, modes[m].priv, modes[m].virt);
            bool m_allows = m_tm && m_stce, h_allows = h_tm && h_stce;
            unsigned s = !m_allows ? CAUSE_ILLEGAL : OK;
            unsigned want = modes[m].priv == PRIV_M ? OK : s;
            if (modes[m].virt && want == OK) want = modes[m].priv == PRIV_U || !h_allows ? CAUSE_VIRTUAL : OK;
            if (!modes[m].virt && modes[m].priv == PRIV_U) want = CAUSE_ILLEGAL;
            cr_assert_eq(access_cause(STIMECMP, true), want, "bits %u, mode %u", bits, m);
            if (modes[m].virt && want == OK) want = CAUSE_VIRTUAL;
            cr_assert_eq(access_cause(VSTIMECMP, true), want, "vstimecmp: bits %u, mode %u", bits, m);
        }
}

Test(hyp_csr, tvm_is_for_hs_mode_and_vtvm_for_vs_mode)
{
    for (unsigned bits = 0; bits < 4; bits++)
        for (unsigned m = 0; m < ARRAY_LEN(modes); m++) {
            bool tvm = bits & 1, vtvm = bits & 2, s = modes[m].priv == PRIV_S, virt = modes[m].virt,
                 u = modes[m].priv == PRIV_U;
            bench_mode(h, PRIV_M, false);
            csr_set(h, MSTATUS, tvm ? MSTATUS_TVM : 0);
            csr_set(h, HSTATUS, vtvm ? HSTATUS_VTVM : 0);
            bench_mode(h, modes[m].priv, virt);
            unsigned satp = virt ? u || vtvm ? CAUSE_VIRTUAL : OK : u || (s && tvm) ? CAUSE_ILLEGAL : OK;
            unsigned hgatp = virt ? CAUSE_VIRTUAL : u || (s && tvm) ? CAUSE_ILLEGAL : OK;
            unsigned vsatp = virt ? CAUSE_VIRTUAL : u ? CAUSE_ILLEGAL : OK;
            cr_assert_eq(access_cause(SATP, true), satp, "bits %u, mode %u", bits, m);
            cr_assert_eq(access_cause(HGATP, true), hgatp, "bits %u, mode %u", bits, m);
            cr_assert_eq(access_cause(VSATP, true), vsatp, "bits %u, mode %u", bits, m);
        }
}

Test(hyp_csr, state_enables_refuse_in_their_order)
{
    for (unsigned i = 0; i < 4; i++)
        for (unsigned bits = 0; bits < 4; bits++) {
            bool by_m = bits & 1, by_h = bits & 2;
            bench_mode(h, PRIV_M, false);
            csr_set(h, MSTATEEN0 + i, ALL);
            csr_set(h, HSTATEEN0 + i, by_h ? ALL : 0);
            csr_set(h, MSTATEEN0 + i, by_m ? ALL : 0);
            bench_mode(h, PRIV_S, false);
            unsigned hs = by_m ? OK : CAUSE_ILLEGAL;
            cr_assert_eq(access_cause(HSTATEEN0 + i, true), hs);
            cr_assert_eq(access_cause(SSTATEEN0 + i, true), hs);
            if (i == 0) cr_assert(access_cause(HENVCFG, true) == hs && access_cause(SENVCFG, true) == hs);
            bench_mode(h, PRIV_S, true);
            unsigned vs = !by_m  ? CAUSE_ILLEGAL
                          : by_h ? OK
                                 : CAUSE_VIRTUAL,
                     never = by_m ? CAUSE_VIRTUAL : CAUSE_ILLEGAL;
            cr_assert_eq(access_cause(SSTATEEN0 + i, true), vs, "sstateen%u, bits %u", i, bits);
            cr_assert_eq(access_cause(HSTATEEN0 + i, true), never);
            if (i == 0) cr_assert(access_cause(SENVCFG, true) == vs && access_cause(HENVCFG, true) == never);
            bench_mode(h, PRIV_U, true);
            cr_assert_eq(access_cause(SSTATEEN0 + i, true), never);
        }
    restart("rv64,smstateen=off");
    bench_mode(h, PRIV_S, false);
    cr_assert_eq(access_cause(HSTATEEN0, true), OK, "Ssstateen alone");
    bench_mode(h, PRIV_S, true);
    cr_assert_eq(access_cause(SENVCFG, true), CAUSE_VIRTUAL);
    restart("rv64,ssstateen=off");
    cr_assert_eq(access_cause(HSTATEEN0, true), CAUSE_ILLEGAL);
    bench_mode(h, PRIV_S, true);
    cr_assert_eq(access_cause(SENVCFG, true), OK);
}

Test(hyp_csr, what_is_zero_above_reads_as_zero_below)
{
    csr_set(h, HENVCFG, ALL);
    cr_assert_eq(csr_get(h, HENVCFG), 0xf1);
    csr_set(h, MENVCFG, ALL);
    csr_set(h, HENVCFG, ALL);
    cr_assert_eq(csr_get(h, HENVCFG), UINT64_C(0xe0000000000000f1));
    for (unsigned bit = 61; bit < 64; bit++) {
        csr_set(h, MENVCFG, ALL & ~BIT(bit));
        cr_assert_eq(csr_get(h, HENVCFG), UINT64_C(0xe0000000000000f1) & ~BIT(bit));
    }
    csr_set(h, HSTATEEN0, ALL);
    cr_assert_eq(csr_get(h, HSTATEEN0), 0);
    csr_set(h, MSTATEEN0, BIT(63));
    csr_set(h, HSTATEEN0, ALL);
    cr_assert_eq(csr_get(h, HSTATEEN0), BIT(63));
    csr_set(h, MSTATEEN0, BIT(62));
    cr_assert_eq(csr_get(h, HSTATEEN0), 0);
}

/* ---- interrupts ---- */

Test(hyp_csr, pending_bits_of_a_guest_are_one_set_with_four_views)
{
    for (unsigned deleg = 0; deleg < 8; deleg++)
        for (unsigned bits = 0; bits < 8; bits++) {
            uint64_t hideleg = (deleg & 1 ? 4 : 0) | (deleg & 2 ? 0x40 : 0) | (deleg & 4 ? 0x400 : 0);
            uint64_t v = (bits & 1 ? 4 : 0) | (bits & 2 ? 0x40 : 0) | (bits & 4 ? 0x400 : 0), vs = (v & hideleg) >> 1;
            csr_set(h, HIDELEG, hideleg);
            csr_set(h, HVIP, v);
            csr_set(h, HIE, v);
            cr_assert(csr_get(h, HVIP) == v && csr_get(h, HIP) == v && (csr_get(h, MIP) & 0x444) == v);
            cr_assert(csr_get(h, HIE) == v && (csr_get(h, MIE) & 0x444) == v);
            cr_assert(csr_get(h, VSIP) == vs && csr_get(h, VSIE) == vs);
            cr_assert(csr_get(h, SIP) == 0 && csr_get(h, SIE) == 0);
            /* What each view can change. */
            csr_set(h, VSIE, ALL);
            cr_assert_eq(csr_get(h, HIE), v | hideleg);
            csr_set(h, VSIE, 0);
            cr_assert_eq(csr_get(h, HIE), v & ~hideleg);
            csr_set(h, VSIP, 0);
            cr_assert_eq(csr_get(h, HVIP), v & ~(hideleg & 4), "SSIP alone");
            csr_set(h, HIP, ALL);
            cr_assert_eq(csr_get(h, HVIP), v | 4);
            csr_set(h, MIP, 0);
            cr_assert_eq(csr_get(h, HVIP), v & ~UINT64_C(4));
            csr_set(h, MIE, 0x444);
            cr_assert_eq(csr_get(h, HIE), 0x444);
            csr_set(h, MIE, 0);
        }
}

Test(hyp_csr, a_set_of_mip_keeps_vssip)
{
    uint64_t old;
    csr_set(h, HVIP, 0x444);
    cr_assert(csr_do(h, MIP, CSR_SET, 2, true, true, &old) && old == 0x444);
    cr_assert_eq(csr_get(h, HVIP), 0x444);
    cr_assert(csr_do(h, MIP, CSR_CLEAR, 0x444, true, true, &old) && csr_get(h, HVIP) == 0x440);
}

Test(hyp_csr, delegation_registers_of_the_hypervisor)
{
    csr_set(h, SIE, 0x222);
    cr_assert_eq(csr_get(h, HIE) & csr_get(h, SIE), 0, "exclusive");
    csr_set(h, MIDELEG, 0);
    cr_assert_eq(csr_get(h, MIDELEG), 0x444, "read-only one");
    csr_set(h, HIDELEG, ALL);
    cr_assert_eq(csr_get(h, HIDELEG), 0x444);
}

/* ---- status ---- */

Test(hyp_csr, floating_point_needs_both_and_dirties_both)
{
    for (unsigned m_fs = 0; m_fs < 4; m_fs++)
        for (unsigned vs_fs = 0; vs_fs < 4; vs_fs++)
            for (unsigned m = 0; m < ARRAY_LEN(modes); m++) {
                bench_mode(h, PRIV_M, false);
                csr_set(h, MSTATUS, m_fs * FS_ON);
                csr_set(h, VSSTATUS, vs_fs * FS_ON);
                bench_mode(h, modes[m].priv, modes[m].virt);
                bool on = m_fs && (!modes[m].virt || vs_fs);
                cr_assert_eq(isa_has(h->isa_live, EXT_f), on);
                cr_assert_eq(access_cause(FCSR, false), on ? OK : CAUSE_ILLEGAL, "never a virtual instruction");
                if (!on) continue;
                csr_set(h, FRM, 1);
                bench_mode(h, PRIV_M, false);
                cr_assert_eq(csr_get(h, MSTATUS) >> 13 & 3, 3);
                cr_assert_eq(csr_get(h, VSSTATUS) >> 13 & 3, modes[m].virt ? 3 : vs_fs);
            }
}

Test(hyp_csr, sd_of_vsstatus_is_about_its_own_fs)
{
    csr_set(h, MSTATUS, 3 * FS_ON);
    csr_set(h, VSSTATUS, 2 * FS_ON);
    cr_assert_not(csr_get(h, VSSTATUS) >> 63);
    csr_set(h, MSTATUS, 0);
    csr_set(h, VSSTATUS, 3 * FS_ON);
    cr_assert(csr_get(h, VSSTATUS) >> 63 && !(csr_get(h, MSTATUS) >> 63));
}

Test(hyp_csr, dirtiness_from_before_a_change_of_v_stays_on_its_side)
{
    struct trap t;
    csr_set(h, MSTATUS, FS_ON | MSTATUS_MPV | (uint64_t)PRIV_S << 11);
    csr_set(h, VSSTATUS, FS_ON);
    h->fs_dirty = 1; /* as an instruction in M-mode leaves it */
    cr_assert(priv_mret(h, INSN, &t));
    cr_assert(h->virt && h->priv == PRIV_S);
    cr_assert_eq(csr_get(h, SSTATUS) >> 13 & 3, 1, "the guest's own are not dirty");
    h->fs_dirty = 1;
    set_as_m(MSTATUS, FS_ON);
    bench_mode(h, PRIV_S, true);
    h->fs_dirty = 1;
    trap_take(h, &(struct trap){.cause = CAUSE_ECALL_VS}, RAM);
    cr_assert(!h->virt && (csr_get(h, VSSTATUS) >> 13 & 3) == 3 && (csr_get(h, MSTATUS) >> 13 & 3) == 3);
}

Test(hyp_csr, mpp_and_mpv_are_independent)
{
    csr_set(h, MSTATUS, MSTATUS_MPV | (uint64_t)PRIV_M << 11);
    cr_assert_eq(csr_get(h, MSTATUS) & MSTATUS_MPV, MSTATUS_MPV);
}

/* ---- address translation ---- */

Test(hyp_csr, vsatp_ignores_a_write_with_an_unknown_mode)
{
    static const unsigned supported[] = {0, 8, 9, 10};
    for (unsigned virt = 0; virt < 2; virt++)
        for (unsigned mode = 0; mode < 16; mode++) {
            bool known = false;
            for (size_t i = 0; i < ARRAY_LEN(supported); i++) known |= supported[i] == mode;
            bench_mode(h, PRIV_S, virt);
            unsigned n = virt ? SATP : VSATP;
            csr_set(h, n, UINT64_C(8) << 60 | UINT64_C(0x1234) << 44 | 7);
            csr_set(h, n, (uint64_t)mode << 60 | UINT64_C(0xffff) << 44 | 9);
            cr_assert_eq(csr_get(h, n), known ? (uint64_t)mode << 60 | UINT64_C(0xffff) << 44 | 9
                                              : UINT64_C(8) << 60 | UINT64_C(0x1234) << 44 | 7);
            bench_mode(h, PRIV_M, false);
            cr_assert_eq(csr_get(h, SATP), 0);
        }
    restart("rv64,sv57=off");
    csr_set(h, VSATP, UINT64_C(10) << 60);
    csr_set(h, HGATP, UINT64_C(10) << 60);
    cr_assert(csr_get(h, VSATP) == 0 && csr_get(h, HGATP) == 0);
}

Test(hyp_csr, hgatp_keeps_its_mode_and_takes_the_rest)
{
    csr_set(h, HGATP, UINT64_C(9) << 60);
    csr_set(h, HGATP, ALL);
    cr_assert_eq(csr_get(h, HGATP), UINT64_C(9) << 60 | UINT64_C(0x3fff) << 44 | UINT64_C(0xffffffffffc),
                 "VMIDLEN 14, PPN[1:0] = 0");
    csr_set(h, HGATP, UINT64_C(0x3fff) << 44);
    cr_assert_eq(csr_get(h, HGATP), UINT64_C(0x3fff) << 44, "the VMID stays under Bare");
    for (unsigned mode = 8; mode <= 10; mode++) {
        csr_set(h, HGATP, (uint64_t)mode << 60);
        cr_assert_eq(csr_get(h, HGATP), (uint64_t)mode << 60);
    }
}

/* ---- time ---- */

Test(hyp_csr, a_guest_reads_time_plus_delta)
{
    open_everything();
    bench_now = 100 * 100000;
    csr_set(h, HTIMEDELTA, (uint64_t)-40);
    cr_assert_eq(csr_get(h, TIME), 100);
    bench_mode(h, PRIV_S, false);
    cr_assert_eq(csr_get(h, TIME), 100);
    bench_mode(h, PRIV_S, true);
    cr_assert_eq(csr_get(h, TIME), 60);
    bench_mode(h, PRIV_U, true);
    cr_assert_eq(csr_get(h, TIME), 60);
    set_as_m(HTIMEDELTA, (uint64_t)-101);
    cr_assert_eq(csr_get(h, TIME), ALL, "it wraps");
}

Test(hyp_csr, vstip_follows_vstimecmp)
{
    open_everything();
    unsigned before = bench_timer_changes;
    csr_set(h, HTIMEDELTA, 1000);
    csr_set(h, VSTIMECMP, 1010);
    cr_assert_eq(bench_timer_changes, before + 2);
    cr_assert(csr_get(h, HIP) == 0 && hart_timer_deadline(h) == 10);
    bench_now = 10 * 100000;
    hart_timer_check(h);
    cr_assert_eq(csr_get(h, HIP), 0x40, "with V = 0, too");
    csr_set(h, HIDELEG, 0x40);
    cr_assert_eq(csr_get(h, VSIP), 0x20);
    csr_set(h, HVIP, 0x40);
    csr_set(h, VSTIMECMP, 1011);
    cr_assert_eq(csr_get(h, HIP), 0x40, "hvip holds it");
    csr_set(h, HVIP, 0);
    cr_assert_eq(csr_get(h, HIP), 0);
    csr_set(h, HTIMEDELTA, 1001);
    cr_assert_eq(csr_get(h, HIP), 0x40, "the delta counts at once");
    csr_set(h, HENVCFG, 0);
    cr_assert(csr_get(h, HIP) == 0 && hart_timer_deadline(h) == ALL);
    csr_set(h, HENVCFG, ALL);
    cr_assert_eq(csr_get(h, HIP), 0x40);
    csr_set(h, MENVCFG, 0);
    cr_assert_eq(csr_get(h, HIP), 0, "menvcfg.STCE = 0 means henvcfg.STCE = 0");
}

Test(hyp_csr, the_deadline_is_the_next_change_of_either_comparison)
{
    open_everything();
    bench_now = 50 * 100000;
    csr_set(h, STIMECMP, 80);
    cr_assert_eq(hart_timer_deadline(h), 80);
    csr_set(h, VSTIMECMP, 70);
    cr_assert_eq(hart_timer_deadline(h), 70);
    csr_set(h, HTIMEDELTA, (uint64_t)-60); /* the guest's clock is at -10, past vstimecmp until it is 0 */
    cr_assert(csr_get(h, HIP) == 0x40 && hart_timer_deadline(h) == 60);
    bench_now = 60 * 100000;
    hart_timer_check(h);
    cr_assert(csr_get(h, HIP) == 0 && hart_timer_deadline(h) == 80);
    csr_set(h, STIMECMP, 10);
    cr_assert_eq(hart_timer_deadline(h), 130);
    csr_set(h, VSTIMECMP, 0);
    cr_assert(csr_get(h, HIP) == 0x40 && hart_timer_deadline(h) == ALL, "never again below");
    csr_set(h, HTIMEDELTA, 0);
    csr_set(h, VSTIMECMP, ALL);
    cr_assert_eq(hart_timer_deadline(h), ALL);
}

/* ---- the debugger ---- */

Test(hyp_csr, the_debugger_sees_each_register_under_its_own_name)
{
    uint64_t v;
    csr_set(h, SSCRATCH, 1);
    csr_set(h, VSSCRATCH, 2);
    bench_mode(h, PRIV_U, true);
    cr_assert(csr_peek(h, SSCRATCH, &v) && v == 1 && csr_peek(h, VSSCRATCH, &v) && v == 2);
    cr_assert(csr_poke(h, SSCRATCH, 3) && csr_peek(h, VSSCRATCH, &v) && v == 2);
}
