/* Points 1 to 16: registers, what V=1 makes of them, delegation, interrupts, time, floating-point state. */
#include "hyp.h"

static const uint16_t h_csrs[] = {HSTATUS, HEDELEG,   HIDELEG,       HIE,           HTIMEDELTA,   HCOUNTEREN,
                                  HGEIE,   HENVCFG,   HTVAL,         HIP,           HVIP,         HTINST,
                                  HGATP,   HSTATEEN0, HSTATEEN0 + 1, HSTATEEN0 + 2, HSTATEEN0 + 3};
static const uint16_t vs_csrs[] = {VSSTATUS, VSIE, VSTVEC, VSSCRATCH, VSEPC, VSCAUSE, VSTVAL, VSIP, VSTIMECMP, VSATP};
#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define BOTH(i)  ((i) < COUNT(h_csrs) ? h_csrs[i] : vs_csrs[(i)-COUNT(h_csrs)])
#define N_BOTH   (COUNT(h_csrs) + COUNT(vs_csrs))
enum { VSSI = 2, VSTI = 6, VSEI = 10 };
#define VS_BITS (BIT(VSSI) | BIT(VSTI) | BIT(VSEI))

/* norm:misa_h_op; norm:misa_extensions_disabling */
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

/* norm:hideleg_acc */
static void h05_hideleg_bits(void)
{
    uint64_t all = h_try(HIDELEG, ~UINT64_C(0));
    EQUAL(all & 0xffff & ~BIT(13), VS_BITS);
    EQUAL(h_try(HIDELEG, BIT(VSTI)), BIT(VSTI));
    EQUAL(h_try(HIDELEG, 0), 0);
}

/* norm:mideleg_acc_h */
static void h06_mideleg_vs_bits_are_one(void)
{
    uint64_t geilen = h_try(HGEIE, ~UINT64_C(0));
    uint64_t ones = VS_BITS | (geilen ? BIT(12) : 0);
    EQUAL(m_try(MIDELEG, 0) & (VS_BITS | BIT(12)), ones);
    EQUAL(m_try(MIDELEG, ~UINT64_C(0)) & (VS_BITS | BIT(12)), ones);
    EQUAL(m_try(MIDELEG, BIT(1)), BIT(1) | ones);
}

/* norm:hvip_acc, norm:hip_vssip_vssie_op, norm:hip_vseip_vseie_op, norm:hip_vstip_vstie_acc_op, norm:mip_mie_alias */
static void h07_hvip_hip_hie(void)
{
    EQUAL(h_try(HVIP, ~UINT64_C(0)) & 0xffff, VS_BITS);
    EQUAL(h_try(HIE, ~UINT64_C(0)) & 0xffff & ~BIT(12), VS_BITS);
    EQUAL(h_read(HIP), 0);
    for (unsigned i = VSSI; i <= VSEI; i += 4) {
        h_write(HVIP, BIT(i));
        EQUAL(h_read(HIP), BIT(i));
        EQUAL(m_read(MIP_) & VS_BITS, BIT(i));
        EQUAL(h_read(SIP_) & VS_BITS, 0); /* norm:sie_hip_hie_mutex */
        h_write(HIP, 0);
        EQUAL(h_read(HIP), i == VSSI ? 0 : BIT(i)); /* only VSSIP is an alias that can be written */
        EQUAL(h_read(HVIP), i == VSSI ? 0 : BIT(i));
        h_write(HVIP, 0);
        h_write(HIP, BIT(i));
        EQUAL(h_read(HIP), i == VSSI ? BIT(i) : 0);
        EQUAL(h_read(HVIP), i == VSSI ? BIT(i) : 0);
        h_write(HVIP, 0);
        m_set(MIP_, BIT(i));
        EQUAL(h_read(HVIP), i == VSSI ? BIT(i) : 0); /* mip has the aliases of hip */
        m_clear(MIP_, BIT(i));
        EQUAL(h_read(HVIP), 0);
        h_write(HIE, BIT(i));
        EQUAL(m_read(MIE_), BIT(i));
        EQUAL(h_read(SIE_), 0);
        m_write(MIE_, 0);
        EQUAL(h_read(HIE), 0);
        m_write(MIE_, BIT(i) | BIT(3));
        EQUAL(h_read(HIE), BIT(i));
        h_write(HIE, 0);
        EQUAL(m_read(MIE_), BIT(3));
        m_write(MIE_, 0);
        h_write(SIE_, BIT(i));
        EQUAL(h_read(HIE), 0);
    }
}

/* norm:vsip_vsie_sei, norm:vsip_vsie_sti, norm:vsip_vsie_ssi */
static void h08_vsip_and_vsie_are_shifted(void)
{
    for (unsigned i = VSSI; i <= VSEI; i += 4) {
        h_write(HIDELEG, 0);
        h_write(HVIP, VS_BITS);
        h_write(HIE, VS_BITS);
        EQUAL(h_read(VSIP), 0);
        EQUAL(h_read(VSIE), 0);
        h_write(VSIE, VS_BITS >> 1);
        EQUAL(h_read(HIE), VS_BITS);
        h_write(HIDELEG, BIT(i));
        EQUAL(h_read(VSIP), BIT(i) >> 1);
        EQUAL(h_read(VSIE), BIT(i) >> 1);
        h_write(VSIE, 0);
        EQUAL(h_read(HIE), VS_BITS & ~BIT(i));
        h_write(HIE, 0);
        h_write(VSIE, ~UINT64_C(0));
        EQUAL(h_read(HIE), BIT(i));
        h_write(HIE, 0);
        /* The same by VS-mode itself, under the names sie and sip. */
        CAUSE(try_insn(IN_VS, CSRS(SIE_), VS_BITS >> 1, 0), NO_TRAP);
        EQUAL(h_read(HIE), BIT(i));
        h_write(HIE, 0);
        CAUSE(try_insn(IN_VS, CSRR(SIP_), 0, 0), NO_TRAP);
        EQUAL(t.a2, BIT(i) >> 1);
        CAUSE(try_insn(IN_VS, CSRW(SIP_), 0, 0), NO_TRAP);
        EQUAL(h_read(HVIP), i == VSSI ? VS_BITS & ~BIT(i) : VS_BITS);
        h_write(HVIP, 0);
        h_write(VSIP, VS_BITS >> 1);
        EQUAL(h_read(HVIP), i == VSSI ? BIT(i) : 0);
        h_write(HVIP, 0);
    }
}

/* norm:hideleg_trans; the vector follows the translated cause */
static void h08_vscause_is_translated(void)
{
    h_write(HIDELEG, VS_BITS);
    h_write(HIE, VS_BITS);
    for (unsigned i = VSSI; i <= VSEI; i += 4) {
        h_write(VSTVEC, (uint64_t)vs_vectored | 1);
        h_write(HVIP, BIT(i));
        CAUSE(try_insn(IN_VU, NOP, 0, 0), INTERRUPT | (i - 1));
        EQUAL(t.level, IN_VS);
        EQUAL(t.vector, i - 1);
        EQUAL(t.tval, 0);
        EQUAL(t.epc, code);
        EQUAL(h_read(VSCAUSE), INTERRUPT | (i - 1));
        h_write(STVEC, (uint64_t)hs_vectored | 1);
        h_write(HIDELEG, 0);
        CAUSE(try_insn(IN_VU, NOP, 0, 0), INTERRUPT | i);
        EQUAL(t.vector, i);
        h_write(HIDELEG, VS_BITS);
        h_write(STVEC, (uint64_t)hs_direct);
    }
}

static void hs_sie(bool on)
{
    if (GROUND_IS_HS)
        h_write(SSTATUS,
                (h_read(SSTATUS) & ~SPIE) | (on ? SPIE : 0)); /* the sret that begins an experiment makes SIE of it */
    else
        m_write(MSTATUS, (m_read(MSTATUS) & ~SIE) | (on ? SIE : 0));
}

/* norm:hideleg_op, norm:hideleg_hs, norm:H_trap_deleg */
static void h09_where_interrupts_go(void)
{
    static const unsigned modes[] = {IN_U, IN_HS, IN_VU, IN_VS, IN_M};
    for (unsigned i = VSSI; i <= VSEI; i += 4)
        for (unsigned n = 0; n < (GROUND_IS_HS ? 4 : 5); n++)
            for (unsigned bits = 0; bits < 16; bits++) {
                unsigned mode = modes[n];
                bool delegated = bits & 1, vs_sie = bits & 2, sie = bits & 4, enabled = bits & 8;
                h_write(HIDELEG, delegated ? BIT(i) : 0);
                h_write(HIE, enabled ? BIT(i) : 0);
                h_write(VSSTATUS, vs_sie ? SIE | FS : FS);
                hs_sie(sie);
                h_write(HVIP, BIT(i));
                uint64_t got = try_insn(mode, NOP, 0, 0);
                h_write(HVIP, 0);
                bool to_vs = enabled && delegated && (mode == IN_VU || (mode == IN_VS && vs_sie));
                bool to_hs = enabled && !delegated && mode != IN_M && (mode != IN_HS || sie);
                CAUSE(got, to_vs ? INTERRUPT | (i - 1) : to_hs ? INTERRUPT | i : NO_TRAP);
                if (to_vs) EQUAL(t.level, IN_VS);
                if (to_hs) {
                    EQUAL(t.level, IN_HS);
                    EQUAL(trap_pv(), mode >= IN_VU);
                    EQUAL(t.tinst, 0); /* norm:H_trap_xtinst_interrupt */
                    EQUAL(t.tval2, 0);
                }
            }
}

/* norm:hsint_priority: SEI, SSI, STI, SGEI, VSEI, VSSI, VSTI; and what is for HS-mode comes before what is for VS-mode. */
static void h09_priority(void)
{
    static const unsigned order[] = {9, 1, 5, VSEI, VSSI, VSTI}, vs_order[] = {9, 1, 5};
    m_clear(MENVCFG, ENV_STCE); /* so that STIP can be written */
    m_set(MIP_, BIT(9) | BIT(1) | BIT(5));
    h_write(HVIP, VS_BITS);
    m_write(MIE_, BIT(9) | BIT(1) | BIT(5) | VS_BITS);
    for (unsigned i = 0; i < 6; i++) {
        CAUSE(try_insn(IN_VU, NOP, 0, 0), INTERRUPT | order[i]);
        EQUAL(t.level, IN_HS);
        m_clear(MIE_, BIT(order[i]));
    }
    CAUSE(try_insn(IN_VU, NOP, 0, 0), NO_TRAP);
    h_write(HIDELEG, VS_BITS);
    h_write(HIE, VS_BITS);
    for (unsigned i = 0; i < 3; i++) {
        CAUSE(try_insn(IN_VU, NOP, 0, 0), INTERRUPT | vs_order[i]);
        EQUAL(t.level, IN_VS);
        h_clear(HIE, BIT(vs_order[i] + 1));
    }
    h_write(HIE, VS_BITS);
    h_write(HIDELEG, BIT(VSEI)); /* VSTI, the last of them, still goes to HS-mode first */
    h_clear(HIE, BIT(VSSI));
    CAUSE(try_insn(IN_VU, NOP, 0, 0), INTERRUPT | VSTI);
    EQUAL(t.level, IN_HS);
}

/* Before the very next instruction behind what makes it possible: by the guest itself, and by the return to it. */
__asm__(".option push\n.option norvc\n"
        ".globl vs_enables\nvs_enables: csrsi sstatus, 2\n.globl vs_enabled\nvs_enabled: nop\necall\n"
        ".globl vs_pends\nvs_pends: csrsi sip, 2\n.globl vs_pended\nvs_pended: nop\necall\n"
        ".globl vs_selects\nvs_selects: csrsi sie, 2\n.globl vs_selected\nvs_selected: nop\necall\n"
        ".globl vs_returns\nvs_returns: la t0, vs_returned\ncsrw sepc, t0\ncsrci sstatus, 2\nli t0, 0x120\ncsrs "
        "sstatus, t0\nsret\n"
        ".globl vs_returned\nvs_returned: nop\necall\n"
        ".option pop");
extern char vs_enables[], vs_enabled[], vs_pends[], vs_pended[], vs_selects[], vs_selected[], vs_returns[],
    vs_returned[];

static void h09_at_once(void)
{
    static const struct {
        char *from, *at;
        bool sie, enabled, pending;
    } cases[] = {
        {vs_enables, vs_enabled, false, true, true},
        {vs_pends, vs_pended, true, true, false},
        {vs_selects, vs_selected, true, false, true},
        {vs_returns, vs_returned, false, true, true},
    };
    h_write(HIDELEG, BIT(VSSI));
    for (unsigned i = 0; i < COUNT(cases); i++) {
        h_write(VSSTATUS, FS | (cases[i].sie ? SIE : 0));
        h_write(HIE, cases[i].enabled ? BIT(VSSI) : 0);
        h_write(HVIP, cases[i].pending ? BIT(VSSI) : 0);
        CAUSE(run_at(IN_VS, (uint64_t)cases[i].from, 0, 0), INTERRUPT | 1);
        EQUAL(t.level, IN_VS);
        EQUAL(t.epc, cases[i].at);
        h_write(HVIP, 0);
    }
}

/* norm:geilen, norm:hgeip_sz_acc_op, norm:hstatus_vgein_op */
static void h10_guest_external_interrupts(void)
{
    uint64_t geie = h_try(HGEIE, ~UINT64_C(0)), geilen = 0;
    while (geilen < 63 && geie >> (geilen + 1) & 1) geilen++;
    EQUAL(geie, geilen ? (BIT(geilen) | (BIT(geilen) - 1)) & ~UINT64_C(1) : 0);
    EQUAL(h_read(HGEIP) & ~geie, 0);
    CAUSE(try_insn(IN_HS, CSRW(HGEIP), 0, 0), ILLEGAL);
    for (uint64_t i = 0; i <= geilen; i++) EQUAL(h_try(HSTATUS, i << 12) >> 12 & 63, i);
    if (geilen == 0) {
        EQUAL(h_try(HSTATUS, UINT64_C(63) << 12) >> 12 & 63, 0);
        EQUAL(h_try(HIE, ~UINT64_C(0)) & BIT(12), 0);
        EQUAL(h_read(HIP) & BIT(12), 0);
    }
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

/* norm:htimedelta_sz_acc_op */
static void h12_time_plus_htimedelta(void)
{
    static const uint64_t deltas[] = {
        0, 1, UINT64_C(1) << 40, ~UINT64_C(0), UINT64_C(0xfffffff000000000), UINT64_C(1) << 63};
    for (unsigned i = 0; i < COUNT(deltas); i++) {
        h_write(HTIMEDELTA, deltas[i]);
        EQUAL(h_read(HTIMEDELTA), deltas[i]);
        static const unsigned modes[] = {IN_VS, IN_VU, IN_HS, IN_U};
        for (unsigned n = 0; n < 4; n++) {
            uint64_t before = csr_read(time);
            CAUSE(try_insn(modes[n], CSRR(TIME), 0, 0), NO_TRAP);
            uint64_t after = csr_read(time), seen = t.a2 - (n < 2 ? deltas[i] : 0);
            CHECK(seen >= before && seen <= after);
        }
    }
}

/* norm:hip_vstip_clear leaves "eventually": a bounded wait. */
static uint64_t vstip(bool want)
{
    uint64_t got = 0;
    for (unsigned i = 0; i < 100000; i++) {
        got = csr_read(0x644) >> VSTI & 1;
        if (got == want) break;
    }
    return got;
}

/* norm:hip_vstip_op, norm:hip_vstip_vstie_acc_op, norm:henvcfg_stce */
static void h13_vstimecmp_sets_vstip(void)
{
    h_set(HENVCFG, ENV_STCE);
    static const uint64_t deltas[] = {0, UINT64_C(1) << 50, ~UINT64_C(0) << 40};
    for (unsigned i = 0; i < COUNT(deltas); i++) {
        h_write(HTIMEDELTA, deltas[i]);
        uint64_t now = csr_read(time) + deltas[i];
        h_write(VSTIMECMP, now);
        EQUAL(vstip(true), 1);
        EQUAL(m_read(MIP_) >> VSTI & 1, 1);
        h_write(HVIP, 0);
        EQUAL(vstip(true), 1); /* not software's */
        h_write(VSTIMECMP, now + UINT64_C(0x1000000000));
        EQUAL(vstip(false), 0);
        h_write(HVIP, BIT(VSTI));
        EQUAL(vstip(true), 1);
        h_write(HVIP, 0);
        EQUAL(vstip(false), 0);
        h_write(VSTIMECMP, csr_read(time) + deltas[i] + 300); /* and by itself, with V=0 */
        EQUAL(vstip(true), 1);
        CHECK(csr_read(time) + deltas[i] >= h_read(VSTIMECMP));
    }
    h_write(HTIMEDELTA, ~UINT64_C(0) << 40);
    h_write(VSTIMECMP, 1); /* unsigned: the guest's time is far above */
    EQUAL(vstip(true), 1);
    h_write(HTIMEDELTA, 0);
    h_write(VSTIMECMP, UINT64_C(0xf000000000000000));
    EQUAL(vstip(false), 0);
    h_write(VSTIMECMP, 0);
    EQUAL(vstip(true), 1);
    h_clear(HENVCFG, ENV_STCE); /* only hvip.VSTIP is left */
    EQUAL(vstip(false), 0);
    h_set(HENVCFG, ENV_STCE);
    EQUAL(vstip(true), 1);
    m_clear(MENVCFG, ENV_STCE);
    EQUAL(vstip(false), 0);
    h_write(HVIP, BIT(VSTI));
    EQUAL(vstip(true), 1);
}

/* norm:henvcfg_stce, norm:hcounteren_acc, norm:mcounteren_tm_clr, norm:menvcfg_stce_op2 */
static void h13_stimecmp_of_a_guest(void)
{
    h_set(HENVCFG, ENV_STCE);
    h_write(STIMECMP, UINT64_C(0x7fffffff00000000));
    CAUSE(try_insn(IN_VS, CSRW(STIMECMP), 0x7123456789abcdef, 0), NO_TRAP);
    EQUAL(h_read(VSTIMECMP), 0x7123456789abcdef);
    EQUAL(h_read(STIMECMP), UINT64_C(0x7fffffff00000000));
    CAUSE(try_insn(IN_VS, CSRR(STIMECMP), 0, 0), NO_TRAP);
    EQUAL(t.a2, 0x7123456789abcdef);
    CAUSE(try_insn(IN_VU, CSRR(STIMECMP), 0, 0), VIRTUAL_INSN);
    h_clear(HENVCFG, ENV_STCE);
    CAUSE(try_insn(IN_VS, CSRR(STIMECMP), 0, 0), VIRTUAL_INSN);
    CAUSE(try_insn(IN_VS, CSRW(STIMECMP), 0, 0), VIRTUAL_INSN);
    h_set(HENVCFG, ENV_STCE);
    h_write(HCOUNTEREN, ~UINT64_C(2));
    CAUSE(try_insn(IN_VS, CSRR(STIMECMP), 0, 0), VIRTUAL_INSN);
    m_write(MCOUNTEREN, ~UINT64_C(2));
    CAUSE(try_insn(IN_VS, CSRR(STIMECMP), 0, 0), ILLEGAL);
    CAUSE(try_insn(IN_HS, CSRR(VSTIMECMP), 0, 0), ILLEGAL);
    CAUSE(try_insn(IN_HS, CSRR(STIMECMP), 0, 0), ILLEGAL);
    h_write(HCOUNTEREN, 2);
    CAUSE(try_insn(IN_VS, CSRR(STIMECMP), 0, 0), ILLEGAL);
    m_write(MCOUNTEREN, 2);
    CAUSE(try_insn(IN_VS, CSRR(STIMECMP), 0, 0), NO_TRAP);
    m_clear(MENVCFG, ENV_STCE);
    CAUSE(try_insn(IN_VS, CSRR(STIMECMP), 0, 0), ILLEGAL);
    CAUSE(try_insn(IN_HS, CSRR(STIMECMP), 0, 0), ILLEGAL);
}

static void spin(void)
{
    for (volatile int i = 0; i < 1000000; i++) {
    }
}

/* norm:hip_vstip_enable */
static void h13_vs_timer_interrupt(void)
{
    h_set(HENVCFG, ENV_STCE);
    h_write(HIDELEG, BIT(VSTI));
    h_write(HIE, BIT(VSTI));
    h_write(HTIMEDELTA, UINT64_C(1) << 44);
    static const unsigned modes[] = {IN_VS, IN_VU};
    for (unsigned i = 0; i < 2; i++) {
        h_write(VSSTATUS, SIE | FS);
        uint64_t deadline = csr_read(time) + (UINT64_C(1) << 44) + 100;
        h_write(VSTIMECMP, deadline);
        CAUSE(run(modes[i], spin), INTERRUPT | 5);
        EQUAL(t.level, IN_VS);
        CHECK(csr_read(time) + (UINT64_C(1) << 44) >= deadline);
        h_write(VSTIMECMP, ~UINT64_C(0));
    }
}

/* WFI in VS-mode ends when the guest's time has come, masked or not. */
static void h13_wfi_of_a_guest(void)
{
    h_set(HENVCFG, ENV_STCE);
    h_write(HIDELEG, BIT(VSTI));
    h_write(HIE, BIT(VSTI));
    h_write(HTIMEDELTA, UINT64_C(1) << 44);
    for (unsigned sie = 0; sie < 2; sie++) {
        h_write(VSSTATUS, FS | (sie ? SIE : 0));
        uint64_t deadline = csr_read(time) + (UINT64_C(1) << 44) + 1000;
        h_write(VSTIMECMP, deadline);
        CAUSE(try_insn(IN_VS, WFI, 0, 0), sie ? INTERRUPT | 5 : NO_TRAP);
        EQUAL(t.epc, code + 4); /* behind it */
        CHECK(csr_read(time) + (UINT64_C(1) << 44) >= deadline);
        h_write(VSTIMECMP, ~UINT64_C(0));
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
    TEST(h05_hideleg_bits),
    TEST(h06_mideleg_vs_bits_are_one),
    TEST(h07_hvip_hip_hie),
    TEST(h08_vsip_and_vsie_are_shifted),
    TEST(h08_vscause_is_translated),
    TEST(h09_where_interrupts_go),
    TEST(h09_priority),
    TEST(h09_at_once),
    TEST(h10_guest_external_interrupts),
    TEST(h11_henvcfg_follows_menvcfg),
    TEST(h11_henvcfg_cache_blocks),
    TEST(h12_time_plus_htimedelta),
    TEST(h13_vstimecmp_sets_vstip),
    TEST(h13_stimecmp_of_a_guest),
    TEST(h13_vs_timer_interrupt),
    TEST(h13_wfi_of_a_guest),
    TEST(h14_hgatp_fields),
    TEST(h15_bad_mode_in_a_guests_satp),
    TEST(h16_floating_point_needs_both_fs),
};
RUN_TESTS(tests)
