/* Sha, the hypervisor set of RVA23: Shcounterenw, Shvstvala, Shtvala, Shvstvecd, Shvsatpa, Shgatpa, Ssstateen. */
#include "hyp.h"

#define COUNT(a)    (sizeof(a) / sizeof(a)[0])
#define SSTATEEN(n) (SSTATEEN0 + (n))
#define HSTATEEN(n) (HSTATEEN0 + (n))
#define MSTATEEN(n) (MSTATEEN0 + (n))
#define SE0         SEN_SE0

/* norm:shcounterenw_hpmcounter_hcounteren */
static void sha_shcounterenw(void)
{
    EQUAL(h_try(HCOUNTEREN, ~UINT64_C(0)) & 7, 7);
    EQUAL(h_try(HCOUNTEREN, 0), 0);
    for (unsigned n = 0; n < 32; n++) {
        bool counts = n < 3 || m_try(0xb00 + n, ~UINT64_C(0)) != 0;
        uint64_t got = h_try(HCOUNTEREN, BIT(n));
        CHECK(got == BIT(n) || (!counts && got == 0));
    }
    EQUAL(h_try(HCOUNTEREN, ~UINT64_C(0)) >> 32, 0); /* norm:hcounteren_sz */
}

/* norm:shvstvala_vstval_written: all of norm:sstvala_stval_faulting_vaddr and norm:sstvala_stval_faulting_instruction */
static void sha_shvstvala(void)
{
    m_write(MEDELEG, DELEGATE_ALL & ~BIT(ECALL_VS));
    h_write(HEDELEG, ~UINT64_C(0));
    guest_start(SV39, SV39);
    map(&vs_table, VA, HOLE, ALL, 0);
    map(&g_table, HOLE, HOLE, ALL, 0);
    map_both(VA + 0x2000, ALL, GPA, ALL, (uint64_t)frame[0]);
    fence_all();
    static const struct {
        uint32_t insn;
        uint64_t a0;
        unsigned cause;
        uint64_t tval;
    } cases[] = {
        {LD, VA + 0x1010, LOAD_PAGE, VA + 0x1010},
        {SD_, VA + 0x1018, STORE_PAGE, VA + 0x1018},
        {AMOADD_D, VA + 0x1020, STORE_PAGE, VA + 0x1020},
        {LD, VA + 0x30, LOAD_ACCESS, VA + 0x30},
        {SD_, VA + 0x38, STORE_ACCESS, VA + 0x38},
        {AMOADD_D, VA + 0x2004, STORE_MISALIGNED, VA + 0x2004},
        {INSN_R(0x08, 0, A0, 3, A2, 0x2f), VA + 0x2004, LOAD_MISALIGNED, VA + 0x2004},
        {LD, VA + 0x2ffc, LOAD_PAGE, VA + 0x3000},
        {0xffffffff, 0, ILLEGAL, 0xffffffff},
        {CSRR(MSTATUS), 0, ILLEGAL, CSRR(MSTATUS)},
    };
    for (unsigned i = 0; i < COUNT(cases); i++) {
        CAUSE(try_insn(IN_VU, cases[i].insn, cases[i].a0, 0), cases[i].cause);
        EQUAL(t.level, IN_VS);
        EQUAL(t.tval, cases[i].tval);
        EQUAL(h_read(VSTVAL), cases[i].tval);
    }
    CAUSE(run_exactly(IN_VU, VA + 0x1010), FETCH_PAGE);
    EQUAL(h_read(VSTVAL), VA + 0x1010);
    CAUSE(run_exactly(IN_VU, VA + 0x40), FETCH_ACCESS);
    EQUAL(h_read(VSTVAL), VA + 0x40);
    CAUSE(try_insn16(IN_VU, 0x8002 /* reserved */, 0, 0), ILLEGAL);
    EQUAL(h_read(VSTVAL), 0x8002);
}

/* norm:shtvala_htval_faulting_gpa */
static void sha_shtvala(void)
{
    m_write(MEDELEG, DELEGATE_ALL & ~BIT(ECALL_VS));
    guest_start(SV39, SV57);
    uint64_t gpa = UINT64_C(0xa5a5a5a5a5a000); /* 56 bits of it */
    map(&vs_table, VA, gpa, ALL, 0);
    fence_all();
    CAUSE(try_insn(IN_VU, LD, VA + 0xabc, 0), LOAD_GUEST);
    EQUAL(t.level, IN_HS);
    EQUAL(t.tval2, (gpa + 0xabc) >> 2);
    CAUSE(try_insn(IN_VU, SD_, VA + 0xff8, 0), STORE_GUEST);
    EQUAL(t.tval2, (gpa + 0xff8) >> 2);
    CAUSE(run_exactly(IN_VU, VA + 0x7fe), FETCH_GUEST);
    EQUAL(t.tval2, (gpa + 0x7fe) >> 2);
    EQUAL(h_try(HTVAL, UINT64_C(0x3fffffffffffffff)), UINT64_C(0x3fffffffffffffff));
    EQUAL(h_try(HTVAL, 0), 0);
    if (!GROUND_IS_HS) EQUAL(m_try(MTVAL2, UINT64_C(0x123456789abcdef)), UINT64_C(0x123456789abcdef));
    static const uint64_t held[] = {0, 0x3000, 0x3020, 0xb03023, 0x3601};
    for (unsigned i = 0; i < COUNT(held); i++) {
        EQUAL(h_try(HTINST, held[i]), held[i]);                    /* norm:htinst_val, norm:mtinst_val */
        if (!GROUND_IS_HS) EQUAL(m_try(MTINST, held[i]), held[i]); /* a call of M-mode is a trap that clears it */
    }
}

/* norm:shvstvecd_vstvec_mode_direct, norm:shvstvecd_vstvec_base_aligned_address */
static void sha_shvstvecd(void)
{
    static const uint64_t bases[] = {0, 4, 0x80000004, 0x7ffffffffffffffc, 0xfffffffffffffffc, 0xffffffc000000ff0};
    for (unsigned i = 0; i < COUNT(bases); i++) EQUAL(h_try(VSTVEC, bases[i]), bases[i]);
    EQUAL(h_try(VSTVEC, 0x80000100 | 1) & 3, 1); /* and vectored, as stvec */
    for (uint64_t mode = 2; mode < 4; mode++) CHECK((h_try(VSTVEC, 0x80000100 | mode) & 3) < 2);
}

/* norm:shvsatpa_satp_vsatp_modes, norm:shgatpa_satp_hgatp_mode_support, norm:shgatpa_hgatp_bare_mode */
static void sha_shvsatpa_and_shgatpa(void)
{
    for (uint64_t mode = SV39; mode <= SV57; mode++) {
        struct table own = {new_page(1), (unsigned)mode - SV39 + 3, false, 0};
        map(&own, 0x80000000, 0x80000000, ALL & ~(uint64_t)U, 2); /* HS-mode goes on running */
        uint64_t satp = mode << 60 | (uint64_t)own.root >> 12;
        bool supported = m_try(SATP, satp) == satp;
        fence_all();
        CHECK(supported); /* what this machine promises for each of the three */
        uint64_t root = UINT64_C(0x80400);
        EQUAL(h_try(VSATP, mode << 60 | ASID(0xffff) | root), mode << 60 | ASID(0xffff) | root);
        EQUAL(h_try(HGATP, mode << 60 | VMID(0x3fff) | root), mode << 60 | VMID(0x3fff) | root);
        CAUSE(try_insn(IN_VS, CSRR(SATP), 0, 0), NO_TRAP);
    }
    EQUAL(h_try(HGATP, 0), 0);
    EQUAL(h_try(VSATP, 0), 0);
}

/* norm:hstateen_encoding, norm:mstateen_lower_priv_roz, norm:hstateen_bit_63_writable, norm:stateen_reserved_roz */
static void sha_ssstateen_fields(void)
{
    uint64_t defined = SEN_SE0 | SEN_ENV;
    for (unsigned n = 0; n < 4; n++) {
        uint64_t bits = n ? BIT(63) : defined;
        m_write(MSTATEEN(n), ~UINT64_C(0));
        EQUAL(m_read(MSTATEEN(n)) & bits, bits);
        EQUAL(h_try(HSTATEEN(n), ~UINT64_C(0)), m_read(MSTATEEN(n)));
        EQUAL(h_try(HSTATEEN(n), 0), 0);
        EQUAL(h_try(HSTATEEN(n), BIT(63)), BIT(63));
        h_write(HSTATEEN(n), ~UINT64_C(0));
        if (GROUND_IS_HS) continue; /* with SE0 off, HS-mode could not look */
        m_write(MSTATEEN(n), 0);
        EQUAL(h_read(HSTATEEN(n)), 0);
        EQUAL(h_try(HSTATEEN(n), ~UINT64_C(0)), 0);
        m_write(MSTATEEN(n), ~UINT64_C(0));
    }
    m_write(MSTATEEN0, SEN_SE0);
    EQUAL(h_try(HSTATEEN0, ~UINT64_C(0)), SEN_SE0); /* ENVCFG follows mstateen0's */
}

/* norm:mstateen_bit_63_op, norm:hstateen_bit_63_op, norm:stateen_illegal_state_access */
static void sha_ssstateen_bit_63(void)
{
    for (unsigned n = 0; n < 4; n++)
        for (unsigned bits = 0; bits < 4; bits++) {
            bool men = bits & 1, hen = bits & 2;
            m_write(MSTATEEN(n), ~UINT64_C(0));
            h_write(HSTATEEN(n), hen ? ~UINT64_C(0) : ~BIT(63));
            m_write(MSTATEEN(n), men ? ~UINT64_C(0) : ~BIT(63));
            CAUSE(try_insn(IN_HS, CSRR(SSTATEEN(n)), 0, 0), men ? NO_TRAP : ILLEGAL);
            CAUSE(try_insn(IN_HS, CSRR(HSTATEEN(n)), 0, 0), men ? NO_TRAP : ILLEGAL);
            CAUSE(try_insn(IN_VS, CSRR(SSTATEEN(n)), 0, 0), !men ? ILLEGAL : !hen ? VIRTUAL_INSN : NO_TRAP);
            CAUSE(try_insn(IN_VS, CSRW(SSTATEEN(n)), 0, 0), !men ? ILLEGAL : !hen ? VIRTUAL_INSN : NO_TRAP);
            CAUSE(try_insn(IN_VU, CSRR(SSTATEEN(n)), 0, 0), men ? VIRTUAL_INSN : ILLEGAL);
            CAUSE(try_insn(IN_VS, CSRR(HSTATEEN(n)), 0, 0), men ? VIRTUAL_INSN : ILLEGAL);
            CAUSE(try_insn(IN_U, CSRR(SSTATEEN(n)), 0, 0), ILLEGAL);
            m_write(MSTATEEN(n), ~UINT64_C(0));
        }
}

/* norm:mstateen0_envcfg_op, norm:hstateen0_envcfg_op */
static void sha_ssstateen_envcfg(void)
{
    for (unsigned bits = 0; bits < 4; bits++) {
        bool men = bits & 1, hen = bits & 2;
        h_write(HSTATEEN0, hen ? ~UINT64_C(0) : ~SEN_ENV);
        m_write(MSTATEEN0, men ? ~UINT64_C(0) : ~SEN_ENV);
        CAUSE(try_insn(IN_HS, CSRR(SENVCFG), 0, 0), men ? NO_TRAP : ILLEGAL);
        CAUSE(try_insn(IN_HS, CSRR(HENVCFG), 0, 0), men ? NO_TRAP : ILLEGAL);
        CAUSE(try_insn(IN_VS, CSRR(SENVCFG), 0, 0), !men ? ILLEGAL : !hen ? VIRTUAL_INSN : NO_TRAP);
        CAUSE(try_insn(IN_VS, CSRW(SENVCFG), 0, 0), !men ? ILLEGAL : !hen ? VIRTUAL_INSN : NO_TRAP);
        CAUSE(try_insn(IN_VS, CSRR(HENVCFG), 0, 0), men ? VIRTUAL_INSN : ILLEGAL);
        CAUSE(try_insn(IN_VU, CSRR(SENVCFG), 0, 0), men ? VIRTUAL_INSN : ILLEGAL);
        m_write(MSTATEEN0, ~UINT64_C(0));
    }
}

static const struct test tests[] = {
    TEST(sha_shcounterenw),         TEST(sha_shvstvala),        TEST(sha_shtvala),          TEST(sha_shvstvecd),
    TEST(sha_shvsatpa_and_shgatpa), TEST(sha_ssstateen_fields), TEST(sha_ssstateen_bit_63), TEST(sha_ssstateen_envcfg),
};
RUN_TESTS(tests)
