/* Points 1 to 4, 11 and 14 to 16: registers, what V=1 makes of them, delegated exceptions, floating-point state. */
#include "hyp.h"

static const uint16_t h_csrs[] = {HSTATUS, HEDELEG,   HIDELEG,       HIE,           HTIMEDELTA,   HCOUNTEREN,
                                  HGEIE,   HENVCFG,   HTVAL,         HIP,           HVIP,         HTINST,
                                  HGATP,   HSTATEEN0, HSTATEEN0 + 1, HSTATEEN0 + 2, HSTATEEN0 + 3};
static const uint16_t vs_csrs[] = {VSSTATUS, VSIE, VSTVEC, VSSCRATCH, VSEPC, VSCAUSE, VSTVAL, VSIP, VSTIMECMP, VSATP};
#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define BOTH(i)  ((i) < COUNT(h_csrs) ? h_csrs[i] : vs_csrs[(i)-COUNT(h_csrs)])
#define N_BOTH   (COUNT(h_csrs) + COUNT(vs_csrs))

static void h01_misa_h(void)
{
    EQUAL(m_read(MISA) >> 7 & 1, 1);
    if (GROUND_IS_HS) return; /* this ground itself lives on H */
    m_clear(MISA, BIT(7));
    if (m_read(MISA) & BIT(7)) return; /* hardwired: hyp_off has it switched off from outside */
    static const unsigned modes[] = {IN_U, IN_HS, IN_M};
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned n = 0; n < N_BOTH; n++) CAUSE(try_insn(modes[i], CSRR(BOTH(n)), 0, 0), ILLEGAL);
        CAUSE(try_insn(modes[i], CSRR(HGEIP), 0, 0), ILLEGAL);
        CAUSE(try_insn(modes[i], CSRR(MTVAL2), 0, 0), ILLEGAL);
        CAUSE(try_insn(modes[i], CSRR(MTINST), 0, 0), ILLEGAL);
        CAUSE(try_insn(modes[i], HLV_D, (uint64_t)frame[0], 0), ILLEGAL);
        CAUSE(try_insn(modes[i], HLVX_HU, (uint64_t)frame[0], 0), ILLEGAL);
        CAUSE(try_insn(modes[i], HSV_B, (uint64_t)frame[0], 0), ILLEGAL);
        CAUSE(try_insn(modes[i], HFENCE_VVMA, 0, 0), ILLEGAL);
        CAUSE(try_insn(modes[i], HFENCE_GVMA, 0, 0), ILLEGAL);
        CAUSE(try_insn(modes[i], HINVAL_VVMA, 0, 0), ILLEGAL);
        CAUSE(try_insn(modes[i], HINVAL_GVMA, 0, 0), ILLEGAL);
    }
    EQUAL(m_try(MSTATUS, m_read(MSTATUS) | M_MPV | M_GVA) & (M_MPV | M_GVA), 0);
    m_set(MISA, BIT(7));
    EQUAL(m_read(MISA) >> 7 & 1, 1);
    for (unsigned n = 0; n < N_BOTH; n++) CAUSE(try_insn(IN_HS, CSRR(BOTH(n)), 0, 0), NO_TRAP);
}

/* norm:H_vscsrs_sub: each supervisor register's own value stays while V=1. */
static void h02_supervisor_names_reach_vs_registers(void)
{
    static const struct {
        uint16_t s, vs;
        uint64_t one, other;
        bool by_traps; /* the HS ground's own traps write it */
    } pairs[] = {
        {SSCRATCH, VSSCRATCH, 0x123456789abcdef0, 0x0fedcba987654321, false},
        {STVEC, VSTVEC, 0x80001000, 0x80002004, false},
        {SEPC, VSEPC, 0x80003000, 0x80004008, true},
        {SCAUSE, VSCAUSE, 5, BIT(63) | 9, true},
        {STVAL, VSTVAL, 0xdead, 0xbeef, true},
        {SSTATUS, VSSTATUS, SIE | SUM | FS, SPP | SPIE | MXR, true},
        {STIMECMP, VSTIMECMP, 0x7000000000000000, 0x7100000000000000, false},
    };
    h_set(HENVCFG, ENV_STCE);
    for (unsigned i = 0; i < COUNT(pairs); i++) {
        uint64_t own = h_read(pairs[i].s), mask = pairs[i].s == SSTATUS ? SIE | SPIE | SPP | SUM | MXR : ~UINT64_C(0);
        h_write(pairs[i].vs, pairs[i].one);
        EQUAL(h_read(pairs[i].vs) & mask, pairs[i].one & mask);
        if (pairs[i].s == VSTVEC) continue;
        CAUSE(try_insn(IN_VS, CSRRW(pairs[i].s), pairs[i].other, 0), NO_TRAP);
        EQUAL(t.a2 & mask, pairs[i].one & mask);
        EQUAL(h_read(pairs[i].vs) & mask, pairs[i].other & mask);
        if (!(pairs[i].by_traps && GROUND_IS_HS)) EQUAL(h_read(pairs[i].s) & mask, own & mask);
        CAUSE(try_insn(IN_VS, CSRR(pairs[i].s), 0, 0), NO_TRAP);
        EQUAL(t.a2 & mask, pairs[i].other & mask);
    }
}

/* norm:H_vscsrs_acc_vs, norm:H_vscsrs_acc_u, norm:H_vscsrs_acc_m_hs, norm:H_csrs_hs_not_vs */
static void h02_direct_access_needs_hs_mode(void)
{
    for (unsigned n = 0; n < N_BOTH; n++) {
        uint64_t value = h_read(BOTH(n));
        CAUSE(try_insn(IN_HS, CSRR(BOTH(n)), 0, 0), NO_TRAP);
        CAUSE(try_insn(IN_VS, CSRR(BOTH(n)), 0, 0), VIRTUAL_INSN);
        CAUSE(try_insn(IN_VU, CSRR(BOTH(n)), 0, 0), VIRTUAL_INSN);
        CAUSE(try_insn(IN_U, CSRR(BOTH(n)), 0, 0), ILLEGAL);
        CAUSE(try_insn(IN_VS, CSRW(BOTH(n)), value, 0), VIRTUAL_INSN);
        CAUSE(try_insn(IN_VU, CSRW(BOTH(n)), value, 0), VIRTUAL_INSN);
        CAUSE(try_insn(IN_U, CSRW(BOTH(n)), value, 0), ILLEGAL);
    }
    CAUSE(try_insn(IN_HS, CSRR(HGEIP), 0, 0), NO_TRAP);
    CAUSE(try_insn(IN_VS, CSRR(HGEIP), 0, 0), VIRTUAL_INSN);
    CAUSE(try_insn(IN_VU, CSRR(HGEIP), 0, 0), VIRTUAL_INSN);
    CAUSE(try_insn(IN_U, CSRR(HGEIP), 0, 0), ILLEGAL);
    /* The high halves are RV32's alone (norm:H_illegal_high_half). */
    static const uint16_t high[] = {
        0x612 /* hedelegh */, 0x615 /* htimedeltah */, 0x61a /* henvcfgh */,  0x25d /* vstimecmph */,
        0xc80 /* cycleh */,   0xc81 /* timeh */,       0x15d /* stimecmph */, 0x61c /* hstateen0h */};
    for (unsigned n = 0; n < COUNT(high); n++) {
        CAUSE(try_insn(IN_HS, CSRR(high[n]), 0, 0), ILLEGAL);
        CAUSE(try_insn(IN_VS, CSRR(high[n]), 0, 0), ILLEGAL);
        CAUSE(try_insn(IN_VU, CSRR(high[n]), 0, 0), ILLEGAL);
    }
}

/* norm:H_scsrs_nomatch: these have no VS copy and mean VU-mode while V=1. */
static void h03_senvcfg_and_scounteren_are_shared(void)
{
    h_write(SENVCFG, 0x50);
    CAUSE(try_insn(IN_VS, CSRRW(SENVCFG), 0x80, 0), NO_TRAP);
    EQUAL(t.a2, 0x50);
    EQUAL(h_read(SENVCFG), 0x80);
    h_write(SCOUNTEREN, 7);
    CAUSE(try_insn(IN_VS, CSRRW(SCOUNTEREN), 5, 0), NO_TRAP);
    EQUAL(t.a2, 7);
    EQUAL(h_read(SCOUNTEREN), 5);
    CAUSE(try_insn(IN_VU, CSRR(INSTRET), 0, 0), NO_TRAP);
    CAUSE(try_insn(IN_VU, CSRR(TIME), 0, 0), VIRTUAL_INSN);
    CAUSE(try_insn(IN_VS, CSRR(TIME), 0, 0), NO_TRAP);
    CAUSE(try_insn(IN_U, CSRR(TIME), 0, 0), ILLEGAL);
}

/* norm:hedeleg_acc and its table */
static void h04_hedeleg_bits(void)
{
    uint64_t writable = 0x1fe | BIT(12) | BIT(13) | BIT(15) | BIT(18) | BIT(19),
             zero = BIT(9) | BIT(10) | BIT(11) | BIT(16) | 0xf00000;
    uint64_t all = h_try(HEDELEG, ~UINT64_C(0));
    EQUAL(all & writable, writable);
    EQUAL(all & zero, 0);
    for (unsigned i = 0; i < 64; i++)
        if (all >> i & 1) EQUAL(h_try(HEDELEG, BIT(i)), BIT(i));
    EQUAL(h_try(HEDELEG, 0), 0);
    if (GROUND_IS_HS) return;
    /* Without C, and with it again behind: bit 0 can be written where jumps can be misaligned. */
    uint64_t misa = m_read(MISA), got = 1;
    __asm__ volatile(".option push\n.option norvc\n.balign 4\n"
                     "csrci misa, 4\n"
                     "csrr t0, misa\n"
                     "andi t0, t0, 4\n"
                     "bnez t0, 1f\n" /* C cannot be switched off here */
                     "csrwi 0x602, 1\n"
                     "csrr %0, 0x602\n"
                     "csrwi 0x602, 0\n"
                     "1: csrsi misa, 4\n"
                     ".option pop"
                     : "+&r"(got)::"t0", "memory");
    EQUAL(got, 1);
    EQUAL(m_read(MISA), misa);
}

static const struct {
    uint32_t insn;
    uint64_t a0;
    unsigned cause;
} exceptions[] = {
    {0, 0, ILLEGAL},
    {EBREAK, 0, BREAKPOINT},
    {LD, HOLE, LOAD_ACCESS},
    {SD_, HOLE, STORE_ACCESS},
    {AMOADD_D, 0x80000001, STORE_MISALIGNED},
    {INSN_R(0x08, 0, A0, 3, A2, 0x2f) /* lr.d */, 0x80000001, LOAD_MISALIGNED},
};

/* norm:hedeleg_op, norm:H_trap_deleg: VS-mode has what is delegated twice, if it came from V=1. */
static void h04_hedeleg_delegates(void)
{
    static const unsigned modes[] = {IN_U, IN_HS, IN_VU, IN_VS};
    for (unsigned i = 0; i < COUNT(exceptions); i++)
        for (unsigned n = 0; n < 4; n++) {
            unsigned mode = modes[n], cause = exceptions[i].cause;
            h_write(HEDELEG, BIT(cause));
            m_write(MEDELEG, m_read(MEDELEG) | BIT(cause));
            CAUSE(try_insn(mode, exceptions[i].insn, exceptions[i].a0, 0), cause);
            EQUAL(t.level, mode >= IN_VU ? IN_VS : IN_HS);
            EQUAL(t.count, 1);
            h_write(HEDELEG, ~BIT(cause));
            CAUSE(try_insn(mode, exceptions[i].insn, exceptions[i].a0, 0), cause);
            EQUAL(t.level, IN_HS);
            if (GROUND_IS_HS) continue;
            h_write(HEDELEG, BIT(cause)); /* not delegated to HS-mode: never further */
            m_write(MEDELEG, 0);
            CAUSE(try_insn(mode, exceptions[i].insn, exceptions[i].a0, 0), cause);
            EQUAL(t.level, IN_M);
        }
    quiet();
    h_write(HEDELEG, BIT(ECALL_U));
    m_set(MEDELEG, BIT(ECALL_U));
    CAUSE(run_at(IN_VU, (uint64_t)experiment_end, 0, 0), ECALL_U);
    EQUAL(t.level, IN_VS);
    CAUSE(run_at(IN_U, (uint64_t)experiment_end, 0, 0), ECALL_U);
    EQUAL(t.level, IN_HS);
}

/* norm:menvcfg_pbmte_henvcfg_pbmte_rdonly0, norm:menvcfg_adue_henvcfg_adue_rdonly0, norm:menvcfg_stce_op2 */
static void h11_henvcfg_follows_menvcfg(void)
{
    static const uint64_t bits[] = {ENV_ADUE, ENV_PBMTE, ENV_STCE};
    for (unsigned i = 0; i < 3; i++) {
        m_write(MENVCFG, 0);
        EQUAL(h_try(HENVCFG, ~UINT64_C(0)) & (ENV_ADUE | ENV_PBMTE | ENV_STCE), 0);
        m_set(MENVCFG, bits[i]);
        EQUAL(m_read(MENVCFG), bits[i]);
        EQUAL(h_try(HENVCFG, ~UINT64_C(0)) & (ENV_ADUE | ENV_PBMTE | ENV_STCE), bits[i]);
        h_write(HENVCFG, bits[i]);
        EQUAL(h_read(HENVCFG), bits[i]);
        m_write(MENVCFG, 0);
        EQUAL(h_read(HENVCFG), 0);
        m_set(MENVCFG, bits[i]);
        h_write(HENVCFG, 0);
    }
    EQUAL(h_try(HENVCFG, 0xf1) & 0xf1,
          0xf1); /* norm:cbxe_unaffected: the fields of cache blocks and FIOM do not depend */
}

/* norm:henvcfg_cbze, norm:henvcfg_cbcfe, norm:cbo-inval_h-mode_veq1_op */
static void h11_henvcfg_cache_blocks(void)
{
    static const struct {
        uint32_t insn;
        uint64_t field;
    } ops[] = {{CBO_ZERO, 0x80}, {CBO_CLEAN, 0x40}, {CBO_FLUSH, 0x40}, {CBO_INVAL, 0x30}};
    for (unsigned i = 0; i < 4; i++)
        for (unsigned bits = 0; bits < 8; bits++) {
            bool menv = bits & 1, henv = bits & 2, senv = bits & 4;
            m_write(MENVCFG, menv ? ops[i].field : 0xf0 & ~ops[i].field);
            h_write(HENVCFG, henv ? ops[i].field : 0xf0 & ~ops[i].field);
            h_write(SENVCFG, senv ? ops[i].field : 0xf0 & ~ops[i].field);
            uint64_t at = (uint64_t)frame[3];
            CAUSE(try_insn(IN_VS, ops[i].insn, at, 0), !menv ? ILLEGAL : !henv ? VIRTUAL_INSN : NO_TRAP);
            CAUSE(try_insn(IN_VU, ops[i].insn, at, 0), !menv ? ILLEGAL : !henv || !senv ? VIRTUAL_INSN : NO_TRAP);
            CAUSE(try_insn(IN_HS, ops[i].insn, at, 0), menv ? NO_TRAP : ILLEGAL);
        }
}

/* norm:hgatp_mode_warl, norm:hgatp_ppn_op, norm:hgatp_vmid, norm:hgatp_vmid_lsbs */
static void h14_hgatp_fields(void)
{
    for (uint64_t mode = 0; mode < 16; mode++) {
        h_write(HGATP, UINT64_C(8) << 60 | VMID(3) | 0x80400);
        h_write(HGATP, mode << 60 | VMID(2) | 0x80800);
        uint64_t got = h_read(HGATP), is = got >> 60;
        CHECK(is == 0 || (is >= SV39 && is <= SV57));
        if (mode == 0 || (mode >= SV39 && mode <= SV57)) EQUAL(is, mode);
        if (mode) EQUAL(got & ~(UINT64_C(15) << 60), VMID(2) | 0x80800); /* not ignored as by satp */
    }
    for (uint64_t mode = SV39; mode <= SV57; mode++)
        EQUAL(h_try(HGATP, mode << 60 | VMID(0x3fff) | ((UINT64_C(1) << 44) - 1)),
              mode << 60 | VMID(0x3fff) | ((UINT64_C(1) << 44) - 4));
    /* What KVM relies on: the number of VMID bits can be seen with MODE = Bare. */
    EQUAL(h_try(HGATP, VMID(0x3fff)) >> 44 & 0xffff, 0x3fff);
    EQUAL(h_try(HGATP, 0), 0);
}

/* norm:vsatp_mode_unsupported_v1, norm:vsatp_mode_unsupported_v0 */
static void h15_bad_mode_in_a_guests_satp(void)
{
    for (uint64_t mode = 1; mode < 16; mode++) {
        if (mode >= SV39 && mode <= SV57) continue;
        h_write(VSATP, 0);
        CAUSE(try_insn(IN_VS, CSRW(SATP), mode << 60 | ASID(5) | 0x80123, 0), NO_TRAP);
        EQUAL(h_read(VSATP), 0);
        h_write(VSATP, mode << 60 | ASID(5) | 0x80123);
        uint64_t is = h_read(VSATP) >> 60;
        CHECK(is == 0 || (is >= SV39 && is <= SV57));
    }
    h_write(VSATP, 0);
    guest_start(SV39, SV39);
    uint64_t before = h_read(VSATP);
    CAUSE(try_insn(IN_VS, CSRW(SATP), UINT64_C(11) << 60 | ASID(5), 0), NO_TRAP);
    EQUAL(h_read(VSATP), before);
}

#define F_ADD  UINT32_C(0x00007053) /* fadd.s ft0, ft0, ft0 */
#define F_MV   UINT32_C(0xf2000053) /* fmv.d.x ft0, x0 */
#define F_LOAD INSN_I(0, A0, 3, 0, 0x07)

/* norm:vsstatus_fs_op, norm:H_illegalinst_xstatus_fs_vs, norm:vsstatus_sd_xs_op */
static void h16_floating_point_needs_both_fs(void)
{
    static const uint32_t insns[] = {F_ADD, F_MV, F_LOAD, CSRR(3) /* fcsr */};
    for (unsigned i = 0; i < COUNT(insns); i++)
        for (unsigned hs = 0; hs < 4; hs++)
            for (unsigned vs = 0; vs < 4; vs++)
                for (unsigned mode = IN_VU; mode <= IN_VS; mode++) {
                    m_clear(MSTATUS, FS);
                    m_set(MSTATUS, (uint64_t)hs << 13);
                    h_write(VSSTATUS, (uint64_t)vs << 13);
                    CAUSE(try_insn(mode, insns[i], (uint64_t)frame[0], 0), hs && vs ? NO_TRAP : ILLEGAL);
                    bool writes = hs && vs && i != 3 && i != 0;
                    if (writes) {
                        EQUAL(m_read(MSTATUS) >> 13 & 3, 3);
                        EQUAL(h_read(VSSTATUS) >> 13 & 3, 3);
                        EQUAL(h_read(VSSTATUS) >> 63, 1);
                    }
                    if (!hs || !vs) EQUAL(m_read(MSTATUS) >> 13 & 3, hs);
                }
    m_set(MSTATUS, FS); /* SD of vsstatus is VS-mode's own */
    h_write(VSSTATUS, UINT64_C(1) << 13);
    EQUAL(h_read(VSSTATUS) >> 63, 0);
    CAUSE(try_insn(IN_VS, CSRR(SSTATUS), 0, 0), NO_TRAP);
    EQUAL(t.a2 >> 63, 0);
    EQUAL(t.a2 >> 13 & 3, 1);
    h_write(VSSTATUS, 0); /* V=0: vsstatus.FS does not matter */
    CAUSE(try_insn(IN_HS, F_MV, 0, 0), NO_TRAP);
    CAUSE(try_insn(IN_U, F_MV, 0, 0), NO_TRAP);
    EQUAL(h_read(VSSTATUS) >> 13 & 3, 0);
}

static const struct test tests[] = {
    TEST(h01_misa_h),
    TEST(h02_supervisor_names_reach_vs_registers),
    TEST(h02_direct_access_needs_hs_mode),
    TEST(h03_senvcfg_and_scounteren_are_shared),
    TEST(h04_hedeleg_bits),
    TEST(h04_hedeleg_delegates),
    TEST(h11_henvcfg_follows_menvcfg),
    TEST(h11_henvcfg_cache_blocks),
    TEST(h14_hgatp_fields),
    TEST(h15_bad_mode_in_a_guests_satp),
    TEST(h16_floating_point_needs_both_fs),
};
RUN_TESTS(tests)
