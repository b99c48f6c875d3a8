/* Points 17 to 22: what a guest may not execute, and which of the two exceptions says so. */
#include "hyp.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const uint32_t loads_and_stores[] = {HLV_B,   HLV_BU, HLV_H, HLV_HU, HLVX_HU, HLV_W, HLV_WU,
                                            HLVX_WU, HLV_D,  HSV_B, HSV_H,  HSV_W,   HSV_D};
static const uint32_t fences[] = {HFENCE_VVMA, HFENCE_GVMA, HINVAL_VVMA, HINVAL_GVMA};

/* Executes it, and checks that stval holds the instruction (norm:H_virtinst_xtval) when it does not work. */
static void expect_at(int line, unsigned mode, uint32_t insn, uint64_t a0, uint64_t cause)
{
    expect_cause_at(line, try_insn(mode, insn, a0, 0), cause);
    if (cause == ILLEGAL || cause == VIRTUAL_INSN) {
        check_equal(t.tval, insn, "tval", line);
        check_equal(t.epc, (uint64_t)code, "epc", line);
        check_equal(trap_gva(), 0, "GVA", line);
        check_equal(t.tval2, 0, "tval2", line);
        check_equal(t.tinst, 0, "tinst", line);
    }
}
#define EXPECT(...) expect_at(__LINE__, __VA_ARGS__)

/* norm:H_virtinst_vu_vs_hinst, norm:hlsv_virtinst, norm:hlsv_illegalinst, norm:hlsv_mode, norm:hstatus_hu_op */
static void h17_hypervisor_loads_and_stores(void)
{
    uint64_t at = (uint64_t)frame[0];
    for (unsigned i = 0; i < COUNT(loads_and_stores); i++) {
        for (unsigned hu = 0; hu < 2; hu++) {
            h_write(HSTATUS, hu ? HS_HU : 0);
            EXPECT(IN_VS, loads_and_stores[i], at, VIRTUAL_INSN);
            EXPECT(IN_VU, loads_and_stores[i], at, VIRTUAL_INSN);
            EXPECT(IN_U, loads_and_stores[i], at, hu ? NO_TRAP : ILLEGAL);
            EXPECT(IN_HS, loads_and_stores[i], at, NO_TRAP);
            if (!GROUND_IS_HS) EXPECT(IN_M, loads_and_stores[i], at, NO_TRAP);
        }
    }
}

/* norm:hfence-vvma_hfence-gvma_exceptions, norm:hfence-vvma_mode */
static void h17_hypervisor_fences(void)
{
    for (unsigned i = 0; i < COUNT(fences); i++)
        for (unsigned hu = 0; hu < 2; hu++) {
            h_write(HSTATUS, hu ? HS_HU : 0);
            EXPECT(IN_VS, fences[i], 0, VIRTUAL_INSN);
            EXPECT(IN_VU, fences[i], 0, VIRTUAL_INSN);
            EXPECT(IN_U, fences[i], 0, ILLEGAL);
            EXPECT(IN_HS, fences[i], 0, NO_TRAP);
            if (!GROUND_IS_HS) EXPECT(IN_M, fences[i], 0, NO_TRAP);
        }
}

/* norm:H_virtinst_vu_wfi_tw0, norm:H_virtinst_vu_sret_sfence, norm:H_virtinst_vu_nonhigh_supervisor_allowedhs_tvm0 */
static void h18_supervisor_instructions_in_vu_mode(void)
{
    static const uint32_t insns[] = {SRET, SFENCE_VMA, SINVAL_VMA, SFENCE_W_INVAL, SFENCE_INVAL_IR, WFI};
    for (unsigned i = 0; i < COUNT(insns); i++) {
        EXPECT(IN_VU, insns[i], 0, VIRTUAL_INSN);
        EXPECT(IN_U, insns[i], 0, ILLEGAL);
    }
    static const uint16_t csrs[] = {SSTATUS, SIE_,   STVEC, SCOUNTEREN, SENVCFG,  SSTATEEN0, SSCRATCH,
                                    SEPC,    SCAUSE, STVAL, SIP_,       STIMECMP, SATP};
    h_set(HENVCFG, ENV_STCE);
    for (unsigned i = 0; i < COUNT(csrs); i++) {
        EXPECT(IN_VU, CSRR(csrs[i]), 0, VIRTUAL_INSN);
        EXPECT(IN_VU, CSRW(csrs[i]), 0, VIRTUAL_INSN);
        EXPECT(IN_U, CSRR(csrs[i]), 0, ILLEGAL);
    }
    m_set(MSTATUS,
          GROUND_IS_HS ? TVM : TVM | TSR); /* HS-qualified is asked with these at 0; the HS ground needs its sret */
    EXPECT(IN_VU, CSRR(SATP), 0, VIRTUAL_INSN);
    EXPECT(IN_VU, CSRR(HGATP), 0, VIRTUAL_INSN);
    EXPECT(IN_VS, CSRR(HGATP), 0, VIRTUAL_INSN);
    EXPECT(IN_VU, SFENCE_VMA, 0, VIRTUAL_INSN);
    EXPECT(IN_VU, HFENCE_GVMA, 0, VIRTUAL_INSN);
    EXPECT(IN_VS, HFENCE_GVMA, 0, VIRTUAL_INSN);
    EXPECT(IN_VU, SRET, 0, VIRTUAL_INSN);
}

/* An SRET in VS-mode that would come out behind itself, in VS-mode. */
static void sret_at(int line, uint64_t cause)
{
    h_write(VSEPC, (uint64_t)code + 4);
    h_write(VSSTATUS, SPP | FS);
    expect_at(line, IN_VS, SRET, 0, cause);
}

/* norm:hstatus_vtsr_op, norm:H_virtinst_vs_sret_vtsr1 */
static void h19_vtsr(void)
{
    sret_at(__LINE__, NO_TRAP);
    h_write(HSTATUS, HS_VTSR);
    sret_at(__LINE__, VIRTUAL_INSN);
    h_write(HSTATUS, HS_VTW | HS_VTVM);
    sret_at(__LINE__, NO_TRAP);
    if (GROUND_IS_HS) return; /* this ground lives on sret, with VTSR set in these tests: so it does not stop HS-mode */
    h_write(HSTATUS, HS_VTSR);
    h_write(SEPC, (uint64_t)code + 4);
    m_set(MSTATUS, SPP);
    EXPECT(IN_HS, SRET, 0, NO_TRAP);
}

/* norm:hstatus_vtvm_op, norm:H_virtinst_vs_sfence_sinval_satp_vtvm1, norm:Svinval_virtual_instruction_vtvms */
static void h19_vtvm(void)
{
    static const uint32_t insns[] = {SFENCE_VMA, SINVAL_VMA, CSRR(SATP), CSRW(SATP), CSRRW(SATP), CSRS(SATP)};
    for (unsigned i = 0; i < COUNT(insns); i++) {
        h_write(HSTATUS, HS_VTSR | HS_VTW);
        EXPECT(IN_VS, insns[i], 0, NO_TRAP);
        h_write(HSTATUS, HS_VTVM);
        EXPECT(IN_VS, insns[i], 0, VIRTUAL_INSN);
        EXPECT(IN_VU, insns[i], 0, VIRTUAL_INSN);
        EXPECT(IN_HS, insns[i], 0, NO_TRAP);
    }
    EXPECT(IN_HS, CSRR(VSATP), 0, NO_TRAP);
    EXPECT(IN_HS, HFENCE_VVMA, 0, NO_TRAP); /* norm:hfence-vvma_tvm */
}

/* So that WFI ends at once in HS and VS-mode: something enabled is pending, but the mode has it masked. */
static void wake_up(void)
{
    h_write(HIDELEG, BIT(2));
    h_write(HIE, BIT(2));
    h_write(HVIP, BIT(2));
    h_write(VSSTATUS, FS);
}

/* norm:hstatus_vtw_op, norm:H_virtinst_wfi_vtw1_tw0 */
static void h19_vtw(void)
{
    wake_up();
    h_write(HSTATUS, HS_VTSR | HS_VTVM);
    EXPECT(IN_VS, WFI, 0, NO_TRAP);
    h_write(HVIP, 0);
    h_write(HSTATUS, HS_VTW);
    EXPECT(IN_VS, WFI, 0, VIRTUAL_INSN);
    EXPECT(IN_VU, WFI, 0, VIRTUAL_INSN);
    wake_up();
    EXPECT(IN_HS, WFI, 0, NO_TRAP);
}

/* norm:mstatus_tw_op, norm:mstatus_modes */
static void h20_tw_comes_first(void)
{
    m_set(MSTATUS, TW);
    for (unsigned vtw = 0; vtw < 2; vtw++) {
        h_write(HSTATUS, vtw ? HS_VTW : 0);
        EXPECT(IN_VS, WFI, 0, ILLEGAL);
        EXPECT(IN_VU, WFI, 0, ILLEGAL);
        EXPECT(IN_HS, WFI, 0, ILLEGAL);
    }
}

/* norm:mstatus_modes: TSR and TVM are HS-mode's business */
static void h20_tsr_and_tvm_do_not_touch_guests(void)
{
    m_set(MSTATUS, TSR | TVM);
    if (!GROUND_IS_HS) sret_at(__LINE__, NO_TRAP); /* the other ground cannot enter with TSR set */
    m_clear(MSTATUS, TSR);
    EXPECT(IN_VS, SFENCE_VMA, 0, NO_TRAP);
    EXPECT(IN_VS, SINVAL_VMA, 0, NO_TRAP);
    EXPECT(IN_VS, CSRR(SATP), 0, NO_TRAP);
    EXPECT(IN_VS, CSRW(SATP), 0, NO_TRAP);
    EXPECT(IN_HS, CSRR(SATP), 0, ILLEGAL);
    EXPECT(IN_HS, SFENCE_VMA, 0, ILLEGAL);
}

/* norm:hcounteren_op, norm:H_virtinst_vs_nonhighctr_h0_m1, norm:H_virtinst_vu_nonhighctr_h0_s0_m1, norm:mcounteren_clr_ill_inst_exc */
static void h21_counters(void)
{
    static const unsigned counters[] = {0, 1, 2, 3, 31};
    for (unsigned i = 0; i < COUNT(counters); i++)
        for (unsigned bits = 0; bits < 8; bits++) {
            unsigned n = counters[i];
            bool mcen = bits & 1, hcen = bits & 2, scen = bits & 4;
            m_write(MCOUNTEREN, mcen ? BIT(n) : ~BIT(n));
            h_write(HCOUNTEREN, hcen ? BIT(n) : ~BIT(n));
            h_write(SCOUNTEREN, scen ? BIT(n) : ~BIT(n));
            EXPECT(IN_VS, CSRR(CYCLE + n), 0, !mcen ? ILLEGAL : !hcen ? VIRTUAL_INSN : NO_TRAP);
            EXPECT(IN_VU, CSRR(CYCLE + n), 0, !mcen ? ILLEGAL : !hcen || !scen ? VIRTUAL_INSN : NO_TRAP);
            EXPECT(IN_HS, CSRR(CYCLE + n), 0, mcen ? NO_TRAP : ILLEGAL);
            EXPECT(IN_U, CSRR(CYCLE + n), 0, mcen && scen ? NO_TRAP : ILLEGAL);
        }
}

/* norm:H_cause_virtual_instruction: what HS-mode could not do either is illegal; norm:H_virtinst_xtval */
static void h22_illegal_stays_illegal(void)
{
    static const uint32_t insns[] = {
        CSRR(MSTATUS),
        CSRW(MSTATUS),
        CSRR(MISA),
        CSRR(MEDELEG),
        CSRR(MTVAL2),
        CSRR(MTINST),
        CSRR(MSCRATCH),
        CSRR(0xf14) /* mhartid */,
        CSRW(HGEIP),
        CSRW(CYCLE),
        CSRW(TIME),
        CSRS(HGEIP),
        CSRR(0x5c0),
        CSRR(0x2ff),
        CSRR(0x6ff),
        CSRR(0x7b0) /* dcsr */,
        MRET,
        0xffffffff,
        0x0000000b,
        0x02000053 | 0x7f << 25 /* no such fp operation */,
        INSN_R(0x30, 2, A0, 4, A2, 0x73) /* no such hlv */,
        INSN_R(0x31, A1, A0, 4, A2, 0x73) /* hsv.b with rd */,
    };
    for (unsigned i = 0; i < COUNT(insns); i++)
        for (unsigned mode = IN_VU; mode <= IN_VS; mode++) {
            CAUSE(try_insn(mode, insns[i], 0, 0), ILLEGAL);
            EQUAL(t.tval, insns[i]);
        }
    CAUSE(try_insn16(IN_VS, 0, 0, 0), ILLEGAL);
    EQUAL(t.tval, 0);
    CAUSE(try_insn(IN_VS, INSN_I(HGEIP, X0, 2, A2, 0x73), 0, 0),
          VIRTUAL_INSN); /* a mere read of it is HS-mode's right */
    CAUSE(try_insn(IN_VS, INSN_I(CYCLE, X0, 2, A2, 0x73), 0, 0), NO_TRAP);
}

static const struct test tests[] = {
    TEST(h17_hypervisor_loads_and_stores),
    TEST(h17_hypervisor_fences),
    TEST(h18_supervisor_instructions_in_vu_mode),
    TEST(h19_vtsr),
    TEST(h19_vtvm),
    TEST(h19_vtw),
    TEST(h20_tw_comes_first),
    TEST(h20_tsr_and_tvm_do_not_touch_guests),
    TEST(h21_counters),
    TEST(h22_illegal_stays_illegal),
};
RUN_TESTS(tests)
