/* Points 5 to 10, 12 and 13: interrupts of a guest and their delegation, its time and its timer. */
#include "hyp.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
enum { VSSI = 2, VSTI = 6, VSEI = 10 };
#define VS_BITS (BIT(VSSI) | BIT(VSTI) | BIT(VSEI))

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

static const struct test tests[] = {
    TEST(h05_hideleg_bits),
    TEST(h06_mideleg_vs_bits_are_one),
    TEST(h07_hvip_hip_hie),
    TEST(h08_vsip_and_vsie_are_shifted),
    TEST(h08_vscause_is_translated),
    TEST(h09_where_interrupts_go),
    TEST(h09_priority),
    TEST(h09_at_once),
    TEST(h10_guest_external_interrupts),
    TEST(h12_time_plus_htimedelta),
    TEST(h13_vstimecmp_sets_vstip),
    TEST(h13_stimecmp_of_a_guest),
    TEST(h13_vs_timer_interrupt),
    TEST(h13_wfi_of_a_guest),
};
RUN_TESTS(tests)
