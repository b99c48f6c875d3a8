/* Points 31 to 39: what a trap writes, where it goes, and how one returns. */
#include "hyp.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define OFFSET   UINT64_C(0x200000000)
#define S_PAGE   (ALL & ~(uint64_t)U)
static const unsigned modes[] = {SV39, SV48, SV57};

static uint64_t table_gpa(uint64_t va, unsigned level) { return (uint64_t)pte_of(&vs_table, va, level) + OFFSET; }
#define T_LD INSN_I(0, 0, 3, A2, 0x03)
#define T_LW INSN_I(0, 0, 2, A2, 0x03)
#define T_SD INSN_S(0, A1, 0, 3, 0x23)

/* norm:H_guest_page_fault, norm:htval_trapval, norm:mtval2_trapval, norm:mtval2_htval_virtaddr, norm:shtvala_htval_faulting_gpa */
static void h31_guest_page_faults(void)
{
    for (unsigned i = 0; i < 3; i++)
        for (unsigned mode = IN_VU; mode <= IN_VS; mode++) {
            guest_start(modes[i], SV39 + (i + 1) % 3);
            map(&vs_table, VA, GPA, mode == IN_VU ? ALL : S_PAGE, 0);
            fence_all();
            uint64_t at = VA + 0x328;
            CAUSE(try_insn(mode, LD, at, 0), LOAD_GUEST);
            TRAP(LOAD_GUEST, at, (GPA + 0x328) >> 2, T_LD, 1);
            EQUAL(trap_pv(), 1);
            EQUAL(trap_pp(), mode & 3);
            CAUSE(try_insn(mode, SD_, at, 0), STORE_GUEST);
            TRAP(STORE_GUEST, at, (GPA + 0x328) >> 2, T_SD, 1);
            CAUSE(run_exactly(mode, at), FETCH_GUEST);
            TRAP(FETCH_GUEST, at, (GPA + 0x328) >> 2, 0, 1);
            EQUAL(t.epc, at);
            CAUSE(try_insn(mode, LB, at + 3, 0), LOAD_GUEST); /* the lowest two bits are in stval alone */
            EQUAL(t.tval, at + 3);
            EQUAL(t.tval2, (GPA + 0x328) >> 2);
        }
}

/* norm:htval_trapval: of other traps it is 0, whatever was there before; norm:hstatus_gva_op, norm:mstatus_gva_op */
static void h31_htval_is_zero_for_other_traps(void)
{
    guest_start(SV39, SV39);
    map(&vs_table, VA, GPA, ALL, 0);
    map(&vs_table, VA + 0x1000, HOLE, ALL, 0);
    map(&g_table, HOLE, HOLE, ALL, 0);
    fence_all();
    static const struct {
        uint32_t insn;
        uint64_t a0;
        unsigned cause, gva;
    } cases[] = {
        {LD, VA + 0x2000, LOAD_PAGE, 1},
        {SD_, VA + 0x2000, STORE_PAGE, 1},
        {LD, VA + 0x1000, LOAD_ACCESS, 1},
        {SD_, VA + 0x1000, STORE_ACCESS, 1},
        {AMOADD_D, VA + 1, STORE_MISALIGNED, 1},
        {EBREAK, 0, BREAKPOINT, 1},
        {0, 0, ILLEGAL, 0},
        {CSRR(HGATP), 0, VIRTUAL_INSN, 0},
        {ECALL, 0, ECALL_U, 0},
    };
    for (unsigned i = 0; i < COUNT(cases); i++) {
        CAUSE(try_insn(IN_VU, LD, VA, 0), LOAD_GUEST);
        CHECK(t.tval2 && t.tinst);
        if (GROUND_IS_HS) CHECK(h_read(HTVAL));
        try_insn(IN_VU, cases[i].insn, cases[i].a0, 0);
        EQUAL(t.cause, cases[i].cause);
        EQUAL(t.tval2, 0);
        EQUAL(trap_gva(), cases[i].gva);
        EQUAL(trap_pv(), 1);
        if (cases[i].cause >= LOAD_PAGE || cases[i].cause == LOAD_ACCESS || cases[i].cause == STORE_ACCESS)
            if (cases[i].gva) EQUAL(t.tval, cases[i].a0);
        if (cases[i].cause == BREAKPOINT) EQUAL(t.tval, (uint64_t)code + ALIAS);
    }
    CAUSE(run_exactly(IN_VU, VA + 0x2000), FETCH_PAGE);
    TRAP(FETCH_PAGE, VA + 0x2000, 0, 0, 1);
    /* From V=0: no guest's address. */
    CAUSE(try_insn(IN_U, LD, HOLE, 0), LOAD_ACCESS);
    EQUAL(t.tval2, 0);
    EQUAL(trap_gva(), 0);
    EQUAL(trap_pv(), 0);
}

/* norm:htval_trapval, norm:mtval2_trapval_vstrans, norm:H_trap_xtinst_guestpage: at every level of the VS-stage's tables */
static void h32_fault_on_a_vs_stage_table(void)
{
    static const uint64_t far_va = UINT64_C(0x2a00000000); /* shares only its root with the running code */
    vs_tables_offset = OFFSET;
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned level = 0; level < 2; level++) {
            guest_start(modes[i], SV39);
            map_both(far_va, S_PAGE, GPA, ALL, (uint64_t)frame[0]);
            fence_all();
            CAUSE(try_insn(IN_VS, LD, far_va, 0), NO_TRAP);
            uint64_t gpa = table_gpa(far_va, level);
            CHECK((gpa & 0xfff) == (far_va >> (9 + 9 * level) & 0xff8));
            *pte_of(&g_table, gpa, 0) = 0;
            fence_all();
            CAUSE(try_insn(IN_VS, LD, far_va + 0x7f0, 0), LOAD_GUEST);
            TRAP(LOAD_GUEST, far_va + 0x7f0, gpa >> 2, 0x3000, 1);
            CAUSE(try_insn(IN_VS, SD_, far_va + 0x7f0, 0), STORE_GUEST);
            TRAP(STORE_GUEST, far_va + 0x7f0, gpa >> 2, 0x3000, 1);
            CAUSE(try_insn(IN_VS, AMOADD_D, far_va + 0x7f0, 0), STORE_GUEST);
            TRAP(STORE_GUEST, far_va + 0x7f0, gpa >> 2, 0x3000, 1);
            CAUSE(run_exactly(IN_VS, far_va + 0x7f0), FETCH_GUEST);
            TRAP(FETCH_GUEST, far_va + 0x7f0, gpa >> 2, 0x3000, 1);
            h_write(HSTATUS, HS_SPVP);
            CAUSE(try_insn(IN_HS, HLV_W, far_va + 0x7f0, 0), LOAD_GUEST);
            TRAP(LOAD_GUEST, far_va + 0x7f0, gpa >> 2, 0x3000, 1);
            CAUSE(try_insn(IN_HS, HLVX_WU, far_va + 0x7f0, 0), LOAD_GUEST);
            TRAP(LOAD_GUEST, far_va + 0x7f0, gpa >> 2, 0x3000, 1);
            CAUSE(try_insn(IN_HS, HSV_W, far_va + 0x7f0, 0), STORE_GUEST);
            TRAP(STORE_GUEST, far_va + 0x7f0, gpa >> 2, 0x3000, 1);
        }
        /* The root itself: nothing of the guest works then, its first fetch faults. */
        guest_start(modes[i], SV39);
        uint64_t gpa = table_gpa((uint64_t)code, modes[i] - SV39 + 2);
        *pte_of(&g_table, gpa, 0) = 0;
        fence_all();
        CAUSE(try_insn(IN_VS, NOP, 0, 0), FETCH_GUEST);
        TRAP(FETCH_GUEST, (uint64_t)code, gpa >> 2, 0x3000, 1);
    }
}

/* norm:H_trap_xtinst_guestpage_rw */
static void h32_fault_on_an_update_of_a_vs_stage_table(void)
{
    vs_tables_offset = OFFSET;
    guest_start(SV39, SV39);
    m_set(MENVCFG, ENV_ADUE);
    h_set(HENVCFG, ENV_ADUE);
    map(&vs_table, VA, GPA, V | R | W | X, 0);
    map(&g_table, GPA, (uint64_t)frame[0], ALL, 0);
    uint64_t gpa = table_gpa(VA, 0);
    volatile uint64_t *leaf = pte_of(&g_table, gpa, 0);
    *leaf = (*leaf & ~UINT64_C(0x3ff)) | V | R | U | A | D;
    fence_all();
    CAUSE(try_insn(IN_VS, LD, VA + 8, 0), LOAD_GUEST);
    TRAP(LOAD_GUEST, VA + 8, gpa >> 2, 0x3020, 1);
    CAUSE(try_insn(IN_VS, SD_, VA + 8, 0), STORE_GUEST);
    TRAP(STORE_GUEST, VA + 8, gpa >> 2, 0x3020, 1);
    CAUSE(run_exactly(IN_VS, VA), FETCH_GUEST);
    TRAP(FETCH_GUEST, VA, gpa >> 2, 0x3020, 1);
    h_write(HSTATUS, HS_SPVP);
    CAUSE(try_insn(IN_HS, HLV_D, VA + 8, 0), LOAD_GUEST);
    TRAP(LOAD_GUEST, VA + 8, gpa >> 2, 0x3020, 1);
    *leaf = 0; /* unreadable: the read comes first */
    fence_all();
    CAUSE(try_insn(IN_VS, LD, VA + 8, 0), LOAD_GUEST);
    TRAP(LOAD_GUEST, VA + 8, gpa >> 2, 0x3000, 1);
}

/* norm:H_straddle, norm:htval_trapval: the part that faults; norm:H_tinst_addr_offset */
static void h34_straddling_accesses(void)
{
    guest_start(SV39, SV39);
    map_both(VA, ALL, GPA, ALL, (uint64_t)frame[0]);
    map(&vs_table, VA + 0x1000, GPA + 0x5000, ALL, 0); /* elsewhere in guest-physical memory, and not there */
    fence_all();
    for (unsigned before = 1; before < 8; before++) {
        uint64_t at = VA + 0x1000 - before;
        CAUSE(try_insn(IN_VU, LD, at, 0), LOAD_GUEST);
        TRAP(LOAD_GUEST, VA + 0x1000, (GPA + 0x5000) >> 2, T_LD | before << 15, 1);
        CAUSE(try_insn(IN_VU, SD_, at, 0), STORE_GUEST);
        TRAP(STORE_GUEST, VA + 0x1000, (GPA + 0x5000) >> 2, T_SD | before << 15, 1);
        h_write(HSTATUS, 0);
        CAUSE(try_insn(IN_HS, HLV_D, at, 0), LOAD_GUEST);
        TRAP(LOAD_GUEST, VA + 0x1000, (GPA + 0x5000) >> 2, (HLV_D & ~UINT32_C(0xf8000)) | before << 15, 1);
        if (before < 4) {
            CAUSE(try_insn(IN_VU, LW, at, 0), LOAD_GUEST);
            TRAP(LOAD_GUEST, VA + 0x1000, (GPA + 0x5000) >> 2, T_LW | before << 15, 1);
        }
    }
    CAUSE(try_insn(IN_VU, LD, VA + 0x1000 - 8, 0), NO_TRAP);
    /* An instruction over the edge, and a compressed one before it. */
    *(volatile uint16_t *)((uint64_t)frame[0] + 0xffe) = (uint16_t)NOP;
    __asm__ volatile("fence.i" ::: "memory");
    CAUSE(run_exactly(IN_VU, VA + 0xffe), FETCH_GUEST);
    TRAP(FETCH_GUEST, VA + 0x1000, (GPA + 0x5000) >> 2, 0, 1);
    EQUAL(t.epc, VA + 0xffe);
    *(volatile uint16_t *)((uint64_t)frame[0] + 0xffe) = 0x0001;
    __asm__ volatile("fence.i" ::: "memory");
    CAUSE(run_exactly(IN_VU, VA + 0xffe), FETCH_GUEST);
    TRAP(FETCH_GUEST, VA + 0x1000, (GPA + 0x5000) >> 2, 0, 1);
    EQUAL(t.epc, VA + 0x1000);
    /* The first part. */
    *pte_of(&g_table, GPA, 0) = 0;
    map(&g_table, GPA + 0x5000, (uint64_t)frame[1], ALL, 0);
    fence_all();
    CAUSE(try_insn(IN_VU, LD, VA + 0xffd, 0), LOAD_GUEST);
    TRAP(LOAD_GUEST, VA + 0xffd, (GPA + 0xffd) >> 2, T_LD, 1);
    /* A store that faults in its second part has written nothing. */
    map(&g_table, GPA, (uint64_t)frame[0], ALL, 0);
    *pte_of(&g_table, GPA + 0x5000, 0) = 0;
    frame[0][511] = 0;
    fence_all();
    CAUSE(try_insn(IN_VU, SD_, VA + 0xffc, ~UINT64_C(0)), STORE_GUEST);
    EQUAL(frame[0][511], 0);
}

/* norm:H_trap_hs_csrwrites, norm:hstatus_spv_op, norm:hstatus_spvp_op, norm:hstatus_gva_op */
static void h35_trap_to_hs_mode(void)
{
    m_write(MEDELEG, DELEGATE_ALL);
    static const unsigned from[] = {IN_U, IN_HS, IN_VU, IN_VS};
    for (unsigned i = 0; i < 4; i++)
        for (unsigned spvp = 0; spvp < 2; spvp++) {
            unsigned mode = from[i], v = mode >= IN_VU;
            h_write(HSTATUS, HS_GVA | (spvp ? HS_SPVP : 0) | (v ? 0 : HS_SPV));
            if (!GROUND_IS_HS) m_set(MSTATUS, SIE);
            CAUSE(try_insn(mode, 0, 0, 0), ILLEGAL);
            EQUAL(t.level, IN_HS);
            EQUAL((t.hstatus & HS_SPV) != 0, v);
            EQUAL((t.status & SPP) != 0, mode & 1);
            EQUAL((t.hstatus & HS_SPVP) != 0, v ? mode & 1 : spvp);
            EQUAL(t.hstatus & HS_GVA, 0);
            EQUAL(t.status & SIE, 0);
            if (!GROUND_IS_HS) EQUAL(t.status & SPIE, SPIE);
            EQUAL(t.epc, code);
            EQUAL(t.tval, 0);
        }
    guest_start(SV39, SV39);
    for (unsigned spvp = 0; spvp < 2; spvp++) {
        h_write(HSTATUS, spvp ? HS_SPVP : 0);
        CAUSE(try_insn(IN_HS, HLV_D, VA, 0), LOAD_PAGE); /* a guest's address in stval, though V was 0 */
        EQUAL(t.level, IN_HS);
        EQUAL(t.hstatus & (HS_GVA | HS_SPV), HS_GVA);
        EQUAL((t.hstatus & HS_SPVP) != 0, spvp);
        h_write(HSTATUS, HS_HU | (spvp ? HS_SPVP : 0));
        CAUSE(try_insn(IN_U, HSV_B, VA, 0), STORE_PAGE);
        EQUAL(t.hstatus & (HS_GVA | HS_SPV), HS_GVA);
        EQUAL((t.hstatus & HS_SPVP) != 0, spvp);
        EQUAL(t.status & SPP, 0);
    }
    CAUSE(try_insn(IN_VS, LD, VA, 0), LOAD_PAGE);
    EQUAL(t.hstatus & (HS_GVA | HS_SPV | HS_SPVP), HS_GVA | HS_SPV | HS_SPVP);
}

/* norm:H_trap_vs_csrwrites */
static void h36_trap_to_vs_mode(void)
{
    m_write(MEDELEG, DELEGATE_ALL & ~BIT(ECALL_VS)); /* the recorder's own ecall does not pass HS-mode */
    h_write(HEDELEG, ~UINT64_C(0));
    for (unsigned mode = IN_VU; mode <= IN_VS; mode++)
        for (unsigned sie = 0; sie < 2; sie++) {
            h_write(VSSTATUS, (sie ? SIE : SPIE) | FS | (mode == IN_VU ? SPP : 0));
            h_write(HSTATUS, HS_GVA | HS_HU | (mode == IN_VU ? HS_SPVP : 0));
            uint64_t old = h_read(HSTATUS);
            uint64_t hs_sepc = h_read(SEPC), hs_scause = h_read(SCAUSE), hs_sstatus = h_read(SSTATUS),
                     hs_stval = h_read(STVAL);
            CAUSE(try_insn(mode, EBREAK, 0, 0), BREAKPOINT);
            EQUAL(t.level, IN_VS);
            EQUAL(t.status & (SPP | SIE | SPIE), (mode == IN_VS ? SPP : 0) | (sie ? SPIE : 0));
            EQUAL(h_read(VSEPC), code);
            EQUAL(h_read(VSCAUSE), BREAKPOINT);
            EQUAL(h_read(VSTVAL), code);
            if (GROUND_IS_HS) continue; /* HS-mode has trapped in the meantime */
            EQUAL(h_read(HSTATUS), old);
            EQUAL(h_read(SSTATUS), hs_sstatus);
            EQUAL(h_read(SEPC), hs_sepc);
            EQUAL(h_read(SCAUSE), hs_scause);
            EQUAL(h_read(STVAL), hs_stval);
        }
    /* What VS-mode gets of its own page faults (norm:shvstvala_vstval_written). */
    guest_start(SV39, SV39);
    map(&vs_table, VA + 0x3000, HOLE, ALL, 0);
    map(&g_table, HOLE, HOLE, ALL, 0);
    fence_all();
    for (unsigned mode = IN_VU; mode <= IN_VS; mode++) {
        CAUSE(try_insn(mode, LD, VA + 8, 0), LOAD_PAGE);
        EQUAL(t.level, IN_VS);
        EQUAL(t.tval, VA + 8);
        CAUSE(try_insn(mode, SD_, VA + 8, 0), STORE_PAGE);
        EQUAL(t.tval, VA + 8);
        CAUSE(run_exactly(mode, VA + 16), FETCH_PAGE);
        EQUAL(t.tval, VA + 16);
        CAUSE(try_insn(mode, 0xffffffff, 0, 0), ILLEGAL);
        EQUAL(t.tval, 0xffffffff);
    }
    CAUSE(try_insn(IN_VU, LD, VA + 0x3008, 0), LOAD_ACCESS);
    EQUAL(t.level, IN_VS);
    EQUAL(t.tval, VA + 0x3008);
    CAUSE(try_insn(IN_VU, AMOADD_D, VA + 4, 0), STORE_MISALIGNED);
    EQUAL(t.level, IN_VS);
    EQUAL(t.tval, VA + 4);
    /* A guest-page fault and a virtual-instruction exception are never VS-mode's. */
    map(&vs_table, VA, GPA, ALL, 0);
    fence_all();
    CAUSE(try_insn(IN_VU, LD, VA, 0), LOAD_GUEST);
    CHECK(t.level != IN_VS);
    CAUSE(try_insn(IN_VS, CSRR(HSTATUS), 0, 0), VIRTUAL_INSN);
    CHECK(t.level != IN_VS);
}

/* norm:H_trap_m_csrwrites, norm:mstatus_mpv_op, norm:mstatus_gva_op */
static void h37_trap_to_m_mode(void)
{
    m_write(MEDELEG, 0);
    static const unsigned from[] = {IN_U, IN_HS, IN_VU, IN_VS, IN_M};
    guest_start(SV39, SV39);
    map(&vs_table, VA, GPA, ALL, 0);
    fence_all();
    for (unsigned i = 0; i < (GROUND_IS_HS ? 4 : 5); i++) {
        unsigned mode = from[i];
        uint64_t hs = h_read(HSTATUS) & ~HS_SPV;
        CAUSE(try_insn(mode, 0, 0, 0), ILLEGAL);
        EQUAL(t.level, IN_M);
        EQUAL((t.status & M_MPV) != 0, mode >= IN_VU);
        EQUAL(t.status >> 11 & 3, mode & 3);
        EQUAL(t.status & M_GVA, 0);
        EQUAL(t.status & MIE, 0);
        EQUAL(t.hstatus & ~HS_SPV, hs); /* HS-mode's registers are not touched */
        if (mode < IN_VU) continue;
        CAUSE(try_insn(mode, LW, VA + 0x2000, 0), LOAD_PAGE);
        EQUAL(t.level, IN_M);
        EQUAL(t.status & (M_GVA | M_MPV), M_GVA | M_MPV);
    }
    CAUSE(try_insn(IN_VU, LW, VA + 4, 0), LOAD_GUEST);
    EQUAL(t.level, IN_M);
    TRAP(LOAD_GUEST, VA + 4, (GPA + 4) >> 2, T_LW, 1);
    CAUSE(try_insn(IN_VU, LW, VA + 0x2004, 0), LOAD_PAGE);
    EQUAL(t.tval2, 0);
    h_write(HSTATUS, 0);
    CAUSE(try_insn(IN_HS, HLV_W, VA + 4, 0), LOAD_GUEST);
    EQUAL(t.level, IN_M);
    TRAP(LOAD_GUEST, VA + 4, (GPA + 4) >> 2, HLV_W & ~UINT32_C(0xf8000), 1);
    EQUAL(t.status & M_MPV, 0);
}

/* In M-mode: mret with the bits of a1 in mstatus, to a0. MPP and MPV are 0 before. */
__asm__(".globl mret_to\nmret_to: csrw mepc, a0\ncsrs mstatus, a1\nmret\n"
        ".globl sret_to\nsret_to: csrw sepc, a0\ncsrs mstatus, a1\nsret\n"
        ".globl status_then\nstatus_then: csrr a2, mstatus\n"
        ".globl at_last\nat_last: ecall");
extern char mret_to[], sret_to[], status_then[], at_last[];

/* norm:mret_h, norm:mstatus_mpv_op */
static void h37_mret(void)
{
    if (GROUND_IS_HS) return; /* what M-mode does */
    static const struct {
        unsigned mpp;
        bool mpv;
        unsigned cause, pp, pv;
    } cases[] = {
        {MODE_U, false, ECALL_U, 0, 0}, {MODE_S, false, ECALL_HS, 1, 0}, {MODE_M, false, ECALL_M, 3, 0},
        {MODE_U, true, ECALL_U, 0, 1},  {MODE_S, true, ECALL_VS, 1, 1},  {MODE_M, true, ECALL_M, 3, 0},
    };
    for (unsigned i = 0; i < COUNT(cases); i++)
        for (unsigned mprv = 0; mprv < 2; mprv++) {
            uint64_t bits = MPP(cases[i].mpp) | (cases[i].mpv ? M_MPV : 0) | (mprv ? MPRV : 0) | MPIE;
            run_at(IN_M, (uint64_t)mret_to, (uint64_t)at_last, bits);
            EQUAL(t.cause, cases[i].cause);
            EQUAL(t.epc, at_last);
            EQUAL(trap_pp(), cases[i].pp);
            EQUAL(trap_pv(), cases[i].pv);
            EQUAL((t.status & MPRV) != 0, mprv && cases[i].mpp == MODE_M);
            EQUAL(t.status & MPIE, MPIE); /* MIE was MPIE */
            m_clear(MSTATUS, MIE | MPIE | MPRV);
        }
    run_at(IN_M, (uint64_t)mret_to, (uint64_t)status_then, MPP(MODE_M) | M_MPV);
    EQUAL(t.cause, ECALL_M);
    EQUAL(t.a2 & (M_MPV | MPP(3)), 0); /* what MRET leaves behind */
}

/* norm:sret_v0, norm:hstatus_spv_sret */
static void h38_sret_at_v0(void)
{
    static const struct {
        unsigned spp, spv, cause, pp, pv;
    } cases[] = {{0, 0, ECALL_U, 0, 0}, {1, 0, ECALL_HS, 1, 0}, {0, 1, ECALL_U, 0, 1}, {1, 1, ECALL_VS, 1, 1}};
    for (unsigned from = 0; from < (GROUND_IS_HS ? 1 : 2); from++) /* HS-mode and M-mode */
        for (unsigned i = 0; i < 4; i++) {
            unsigned spvp = i & 1;
            m_clear(MSTATUS, MPRV | SIE | SPIE | SPP);
            uint64_t bits = (cases[i].spp ? SPP : 0) | SPIE | (from ? MPRV : 0);
            h_write(HSTATUS, (cases[i].spv ? HS_SPV : 0) | (spvp ? HS_SPVP : 0));
            if (from) {
                run_at(IN_M, (uint64_t)sret_to, (uint64_t)at_last, bits);
            } else {
                if (GROUND_IS_HS) {
                    /* enter_asm is itself such an sret: it needs hstatus and sstatus for itself first, so the experiment writes them. */
                    unsigned mode = cases[i].pv ? IN_VU : IN_U;
                    run_at(mode | cases[i].pp, (uint64_t)at_last, 0, 0);
                } else {
                    m_write(SSTATUS, (m_read(SSTATUS) & ~(SPP | SPIE | SIE)) | bits);
                    m_write(SEPC, (uint64_t)at_last);
                    try_insn(IN_HS, SRET, 0, 0);
                }
            }
            EQUAL(t.cause, cases[i].cause);
            EQUAL(t.epc, at_last);
            EQUAL(trap_pp(), cases[i].pp);
            EQUAL(trap_pv(), cases[i].pv);
            if (GROUND_IS_HS) continue; /* its trap has written them again */
            EQUAL(t.hstatus & HS_SPV, 0);
            EQUAL((t.hstatus & HS_SPVP) != 0, spvp); /* untouched */
            EQUAL(t.status & (SPP | SPIE | SIE | MPRV), SPIE | SIE);
        }
}

/* norm:sret_v1 */
static void h38_sret_at_v1(void)
{
    m_write(MEDELEG, 0);
    for (unsigned spp = 0; spp < 2; spp++)
        for (unsigned spie = 0; spie < 2; spie++) {
            h_write(HSTATUS, 0);
            h_write(VSSTATUS, FS | (spp ? SPP : 0) | (spie ? SPIE : SIE));
            h_write(VSEPC, (uint64_t)at_last);
            try_insn(IN_VS, SRET, 0, 0);
            EQUAL(t.cause, spp ? ECALL_VS : ECALL_U);
            EQUAL(t.epc, at_last);
            EQUAL(trap_pv(), 1);
            EQUAL(h_read(VSSTATUS) & (SPP | SPIE | SIE), SPIE | (spie ? SIE : 0));
        }
}

/* norm:H_cause, norm:H_cause_ecall */
static void h39_environment_calls(void)
{
    static const struct {
        unsigned mode, cause;
    } cases[] = {{IN_U, ECALL_U}, {IN_VU, ECALL_U}, {IN_HS, ECALL_HS}, {IN_VS, ECALL_VS}, {IN_M, ECALL_M}};
    for (unsigned i = 0; i < (GROUND_IS_HS ? 4 : 5); i++) {
        CAUSE(run_at(cases[i].mode, (uint64_t)at_last, 0, 0), cases[i].cause);
        EQUAL(t.tval, 0);
        EQUAL(t.tinst, 0);
        EQUAL(t.tval2, 0);
        EQUAL(trap_gva(), 0);
        EQUAL(trap_pv(), cases[i].mode >= IN_VU);
        EQUAL(trap_pp(), cases[i].mode & 3);
    }
    EQUAL(m_try(MEDELEG, BIT(ECALL_VS)), BIT(ECALL_VS)); /* delegated separately */
    m_write(MEDELEG, BIT(ECALL_VS));
    CAUSE(run_at(IN_VS, (uint64_t)at_last, 0, 0), ECALL_VS);
    EQUAL(t.level, IN_HS);
    CAUSE(run_at(IN_HS, (uint64_t)at_last, 0, 0), ECALL_HS);
    EQUAL(t.level, IN_M);
}

/* norm:H_exception_priority: of several, the first stage first */
static void h39_priority_of_exceptions(void)
{
    guest_start(SV39, SV39);
    map(&vs_table, VA, GPA, V | R | A, 0); /* not for VU-mode, and nothing at its guest-physical address */
    fence_all();
    CAUSE(try_insn(IN_VU, LD, VA, 0), LOAD_PAGE);
    CAUSE(try_insn(IN_VS, SD_, VA, 0), STORE_PAGE);
    CAUSE(try_insn(IN_VS, LD, VA, 0), LOAD_GUEST);
    EQUAL(m_try(MEDELEG, 0xf00000), 0xf00000); /* norm:H_guest_page_fault: all four can go to HS-mode */
}

static const struct test tests[] = {
    TEST(h31_guest_page_faults),
    TEST(h31_htval_is_zero_for_other_traps),
    TEST(h32_fault_on_a_vs_stage_table),
    TEST(h32_fault_on_an_update_of_a_vs_stage_table),
    TEST(h34_straddling_accesses),
    TEST(h35_trap_to_hs_mode),
    TEST(h36_trap_to_vs_mode),
    TEST(h37_trap_to_m_mode),
    TEST(h37_mret),
    TEST(h38_sret_at_v0),
    TEST(h38_sret_at_v1),
    TEST(h39_environment_calls),
    TEST(h39_priority_of_exceptions),
};
RUN_TESTS(tests)
