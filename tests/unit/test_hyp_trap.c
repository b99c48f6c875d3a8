/* The H extension's traps: to whom they go, what they write, what returns restore, which instructions raise which trap, which regime an
 * access gets. Expectations are the sentences and tables of hypervisor.adoc, written once more. */
#include "tests/unit/priv_bench.h"

#include <stdio.h>

static struct hart *h;
static void setup(void)
{
    bench_now = 0;
    h = bench_hart("rv64");
}
static void teardown(void) { hart_destroy(h); }
TestSuite(hyp_trap, .init = setup, .fini = teardown);

#define ALL    UINT64_MAX
#define BIT(n) (UINT64_C(1) << (n))
#define OK     99u

static const struct mode {
    enum priv priv;
    bool virt;
} modes[] = {{PRIV_U, false}, {PRIV_S, false}, {PRIV_M, false}, {PRIV_U, true}, {PRIV_S, true}};

static void to_m(void) { bench_mode(h, PRIV_M, false); }
static void to_mode(unsigned m) { bench_mode(h, modes[m].priv, modes[m].virt); }
static unsigned field(uint64_t v, unsigned hi, unsigned lo) { return (unsigned)(v >> lo & ((2u << (hi - lo)) - 1)); }

/* ---- entry ---- */

#define MEDELEG_ALL UINT64_C(0xf0b7ff)
#define HEDELEG_ALL UINT64_C(0x0cb1ff)

static bool tells_address(unsigned cause)
{
    static const unsigned those[] = {0, 1, 3, 4, 5, 6, 7, 12, 13, 15, 20, 21, 23};
    for (size_t i = 0; i < ARRAY_LEN(those); i++)
        if (those[i] == cause) return true;
    return false;
}

struct before {
    uint64_t mstatus, hstatus, vsstatus;
};

/* Puts marks everywhere, so that what a trap must not touch is seen. */
static struct before prepare(unsigned m, uint64_t medeleg, uint64_t hedeleg, unsigned bits)
{
    static const unsigned marked[] = {MEPC,  MCAUSE, MTVAL,  MTVAL2, MTINST,  SEPC,  SCAUSE,
                                      STVAL, HTVAL,  HTINST, VSEPC,  VSCAUSE, VSTVAL};
    to_m();
    csr_set(h, MEDELEG, medeleg);
    csr_set(h, HEDELEG, hedeleg);
    csr_set(h, MTVEC, 0x1000);
    csr_set(h, STVEC, 0x2000);
    csr_set(h, VSTVEC, 0x3000);
    for (size_t i = 0; i < ARRAY_LEN(marked); i++) csr_set(h, marked[i], 0x7770);
    csr_set(h, MSTATUS, (bits & 1 ? 0x2 : 0) | (bits & 1 ? 0x8 : 0));
    csr_set(h, VSSTATUS, bits & 2 ? 0x2 : 0);
    csr_set(h, HSTATUS, bits & 4 ? HSTATUS_SPVP : 0);
    struct before b = {csr_get(h, MSTATUS), csr_get(h, HSTATUS), csr_get(h, VSSTATUS)};
    to_mode(m);
    return b;
}

static void check_entry(unsigned m, unsigned cause, const char *to, struct before b, unsigned bits)
{
    bool virt = modes[m].virt, gva = virt && tells_address(cause);
    unsigned priv = modes[m].priv;
    uint64_t ms = csr_get(h, MSTATUS), hs = csr_get(h, HSTATUS), vs = csr_get(h, VSSTATUS);
    if (to[0] == 'M') {
        cr_assert(csr_get(h, MEPC) == 0x80001002 && csr_get(h, MCAUSE) == cause && csr_get(h, MTVAL) == 0x5555);
        cr_assert(csr_get(h, MTVAL2) == 0x111 && csr_get(h, MTINST) == 0x3000 && h->pc == 0x1000);
        cr_assert(field(ms, 12, 11) == priv && field(ms, 39, 39) == virt && field(ms, 38, 38) == gva, "cause %u",
                  cause);
        cr_assert(field(ms, 7, 7) == (bits & 1) && field(ms, 3, 3) == 0 && field(ms, 1, 1) == (bits & 1));
    } else {
        cr_assert(csr_get(h, MEPC) == 0x7770 && csr_get(h, MCAUSE) == 0x7770 && csr_get(h, MTVAL) == 0x7770);
        cr_assert(csr_get(h, MTVAL2) == 0x7770 && csr_get(h, MTINST) == 0x7770);
    }
    if (to[0] == 'H') {
        cr_assert(csr_get(h, SEPC) == 0x80001002 && csr_get(h, SCAUSE) == cause && csr_get(h, STVAL) == 0x5555);
        cr_assert(csr_get(h, HTVAL) == 0x111 && csr_get(h, HTINST) == 0x3000 && h->pc == 0x2000);
        cr_assert(field(ms, 8, 8) == priv && field(ms, 5, 5) == (bits & 1) && field(ms, 1, 1) == 0);
        cr_assert(field(hs, 7, 7) == virt && field(hs, 6, 6) == gva, "cause %u from mode %u", cause, m);
        cr_assert_eq(field(hs, 8, 8), virt ? priv : field(b.hstatus, 8, 8), "SPVP only changes if V was 1");
    } else {
        cr_assert(csr_get(h, SEPC) == 0x7770 && csr_get(h, SCAUSE) == 0x7770 && csr_get(h, STVAL) == 0x7770);
        cr_assert(csr_get(h, HTVAL) == 0x7770 && csr_get(h, HTINST) == 0x7770 && hs == b.hstatus);
    }
    if (to[0] == 'V') {
        cr_assert(csr_get(h, VSEPC) == 0x80001002 && csr_get(h, VSCAUSE) == cause && csr_get(h, VSTVAL) == 0x5555);
        cr_assert(h->pc == 0x3000 && ms == b.mstatus);
        cr_assert(field(vs, 8, 8) == priv && field(vs, 5, 5) == (bits >> 1 & 1) && field(vs, 1, 1) == 0);
    } else {
        cr_assert(csr_get(h, VSEPC) == 0x7770 && csr_get(h, VSCAUSE) == 0x7770 && csr_get(h, VSTVAL) == 0x7770);
        cr_assert_eq(vs, b.vsstatus);
    }
}

Test(hyp_trap, exceptions_go_where_both_delegations_say_and_write_what_is_theirs)
{
    for (unsigned cause = 0; cause < 24; cause++)
        for (unsigned m = 0; m < ARRAY_LEN(modes); m++)
            for (unsigned d = 0; d < 4; d++)
                for (unsigned bits = 0; bits < 8; bits++) {
                    struct before b =
                        prepare(m, d & 1 ? BIT(cause) : ~BIT(cause), d & 2 ? BIT(cause) : ~BIT(cause), bits);
                    bool to_hs = modes[m].priv != PRIV_M && (d & 1) && (MEDELEG_ALL >> cause & 1);
                    bool to_vs = to_hs && modes[m].virt && (d & 2) && (HEDELEG_ALL >> cause & 1);
                    trap_take(h, &(struct trap){.cause = cause, .tval = 0x5555, .tval2 = 0x111, .tinst = 0x3000},
                              0x80001002);
                    cr_assert(h->priv == (to_hs ? PRIV_S : PRIV_M) && h->virt == to_vs, "cause %u, mode %u, deleg %u",
                              cause, m, d);
                    to_m();
                    check_entry(m, cause, to_vs ? "VS" : to_hs ? "HS" : "M", b, bits);
                }
}

Test(hyp_trap, a_guest_virtual_address_counts_as_one_even_if_v_is_0)
{
    prepare(1, ALL, 0, 0);
    trap_take(h, &(struct trap){.cause = CAUSE_LOAD_PAGE, .tval = 0x5555, .gva = true}, RAM); /* HLV */
    cr_assert((csr_get(h, HSTATUS) & (HSTATUS_GVA | HSTATUS_SPV)) == HSTATUS_GVA);
    prepare(2, 0, 0, 0);
    trap_take(h, &(struct trap){.cause = CAUSE_LOAD_PAGE, .tval = 0x5555, .gva = true}, RAM);
    cr_assert((csr_get(h, MSTATUS) & (MSTATUS_GVA | MSTATUS_MPV)) == MSTATUS_GVA);
    prepare(1, 0, 0, 0);
    trap_take(h, &(struct trap){.cause = CAUSE_ILLEGAL, .tval = 0x5555}, RAM);
    cr_assert_not(csr_get(h, MSTATUS) & MSTATUS_GVA, "and goes again");
}

Test(hyp_trap, interrupts_change_their_number_on_the_way_to_vs_mode)
{
    static const unsigned irqs[] = {2, 6, 10};
    csr_set(h, HIDELEG, 0x444);
    for (unsigned vectored = 0; vectored < 2; vectored++)
        for (size_t i = 0; i < 3; i++) {
            to_m();
            csr_set(h, VSTVEC, 0x3000 | vectored);
            to_mode(3);
            trap_take(h, &(struct trap){.cause = CAUSE_INTERRUPT | irqs[i]}, RAM);
            cr_assert(h->virt && h->priv == PRIV_S);
            cr_assert_eq(csr_get(h, SCAUSE), CAUSE_INTERRUPT | (irqs[i] - 1));
            cr_assert_eq(h->pc, 0x3000 + (vectored ? 4 * (irqs[i] - 1) : 0));
        }
    to_m();
    csr_set(h, HIDELEG, 0);
    csr_set(h, STVEC, 0x2001);
    for (size_t i = 0; i < 3; i++) {
        to_mode(4);
        trap_take(h, &(struct trap){.cause = CAUSE_INTERRUPT | irqs[i]}, RAM);
        cr_assert(!h->virt && csr_get(h, SCAUSE) == (CAUSE_INTERRUPT | irqs[i]) && h->pc == 0x2000 + 4 * irqs[i]);
        cr_assert_eq(csr_get(h, HTINST), 0);
    }
}

/* ---- which interrupt ---- */

/* Three passes over all: to M, to HS, to VS; in each the order of machine.adoc and hypervisor.adoc. */
static int model_interrupt(uint64_t mip, uint64_t mie, uint64_t mideleg, uint64_t hideleg, unsigned m, bool mstatus_mie,
                           bool sie, bool vsie)
{
    static const unsigned order[] = {11, 3, 7, 9, 1, 5, 12, 10, 2, 6};
    enum priv p = modes[m].priv;
    bool v = modes[m].virt;
    bool open[3] = {p != PRIV_M || mstatus_mie, v || p == PRIV_U || (p == PRIV_S && sie), v && (p == PRIV_U || vsie)};
    for (unsigned pass = 0; pass < 3; pass++)
        for (size_t i = 0; i < ARRAY_LEN(order); i++) {
            uint64_t bit = BIT(order[i]);
            unsigned goes = !(mideleg & bit) ? 0 : !(hideleg & bit) ? 1 : 2;
            if ((mip & mie & bit) && goes == pass && open[pass]) return (int)order[i];
        }
    return -1;
}

Test(hyp_trap, interrupts_in_every_combination)
{
    static const unsigned irqs[] = {2, 6, 10, 9, 5, 11};
    for (unsigned set = 0; set < 64; set++) {
        uint64_t bits = 0;
        for (unsigned i = 0; i < 6; i++)
            if (set >> i & 1) bits |= BIT(irqs[i]);
        to_m();
        csr_set(h, HVIP, bits & 0x444);
        csr_set(h, MIP, bits & 0x220);
        csr_set(h, HVIP, bits & 0x444);
        hart_set_irq(h, IRQ_MEI, bits & BIT(11));
        for (unsigned off = 0; off < 7; off++)
            for (unsigned deleg = 0; deleg < 16; deleg++)
                for (unsigned state = 0; state < 8; state++)
                    for (unsigned m = 0; m < ARRAY_LEN(modes); m++) {
                        uint64_t mie = off < 6 ? ~BIT(irqs[off]) : ALL;
                        uint64_t hideleg = (deleg & 1 ? 4 : 0) | (deleg & 2 ? 0x40 : 0) | (deleg & 4 ? 0x400 : 0);
                        uint64_t mideleg = 0x444 | (deleg & 8 ? 0x220 : 0);
                        h->csr.mie = mie & 0xeee;
                        h->csr.hideleg = hideleg;
                        h->csr.mideleg = mideleg;
                        h->csr.mstatus = (state & 1 ? 8 : 0) | (state & 2 ? 2 : 0);
                        h->csr.vsstatus = state & 4 ? 2 : 0;
                        h->priv = (uint8_t)modes[m].priv;
                        h->virt = modes[m].virt;
                        cr_assert_eq(trap_pending_interrupt(h),
                                     model_interrupt(bits, mie, mideleg, hideleg, m, state & 1, state & 2, state & 4),
                                     "set %u off %u deleg %u state %u mode %u", set, off, deleg, state, m);
                    }
    }
}

Test(hyp_trap, wfi_of_a_guest_ends_for_whoever_the_interrupt_is)
{
    csr_set(h, HIE, 0x40);
    to_mode(4);
    cr_assert_not(hart_wakes(h));
    h->csr.hvip = 0x40;
    cr_assert(hart_wakes(h), "regardless of delegation and global enables");
}

/* ---- returns ---- */

Test(hyp_trap, mret_restores_v_unless_it_stays_in_m)
{
    struct trap t;
    for (unsigned mpp = 0; mpp < 4; mpp++)
        for (unsigned mpv = 0; mpv < 2; mpv++) {
            if (mpp == 2) continue;
            to_m();
            csr_set(h, MEPC, 0x1236);
            csr_set(h, MSTATUS, (uint64_t)mpp << 11 | (mpv ? MSTATUS_MPV : 0) | MSTATUS_MPRV | MSTATUS_GVA);
            cr_assert(priv_mret(h, INSN, &t));
            cr_assert(h->pc == 0x1236 && h->priv == mpp && h->virt == (mpv && mpp != PRIV_M));
            to_m();
            uint64_t s = csr_get(h, MSTATUS);
            cr_assert(!(s & MSTATUS_MPV) && field(s, 12, 11) == 0 && (s & MSTATUS_GVA));
            cr_assert_eq((s & MSTATUS_MPRV) != 0, mpp == PRIV_M);
        }
}

Test(hyp_trap, sret_of_hs_mode_restores_v_and_of_vs_mode_stays)
{
    struct trap t;
    for (unsigned bits = 0; bits < 16; bits++)
        for (unsigned m = 1; m < ARRAY_LEN(modes); m++) {
            if (m == 3) continue;
            bool spp = bits & 1, spv = bits & 2, spie = bits & 4, vs = modes[m].virt;
            to_m();
            csr_set(h, SEPC, 0x1236);
            csr_set(h, VSEPC, 0x2236);
            uint64_t status = (spp ? MSTATUS_SPP : 0) | (spie ? MSTATUS_SPIE : 0) | (bits & 8 ? MSTATUS_SIE : 0);
            csr_set(h, MSTATUS, vs ? MSTATUS_SPP : status);
            csr_set(h, VSSTATUS, vs ? status : MSTATUS_SPP);
            csr_set(h, HSTATUS, (spv ? HSTATUS_SPV : 0) | HSTATUS_SPVP | HSTATUS_GVA);
            uint64_t other = vs ? csr_get(h, MSTATUS) : csr_get(h, VSSTATUS);
            to_mode(m);
            cr_assert(priv_sret(h, INSN, &t));
            cr_assert(h->priv == (spp ? PRIV_S : PRIV_U) && h->virt == (vs || spv) && h->pc == (vs ? 0x2236 : 0x1236));
            to_m();
            uint64_t s = vs ? csr_get(h, VSSTATUS) : csr_get(h, MSTATUS), hs = csr_get(h, HSTATUS);
            cr_assert(!(s & MSTATUS_SPP) && (s & MSTATUS_SPIE) && ((s & MSTATUS_SIE) != 0) == spie);
            cr_assert_eq(vs ? csr_get(h, MSTATUS) : csr_get(h, VSSTATUS), other, "the other one stays");
            cr_assert_eq(hs & 0x1c0, HSTATUS_SPVP | HSTATUS_GVA | (vs && spv ? HSTATUS_SPV : 0));
        }
}

/* ---- which instruction raises which trap ---- */

enum what { SRET, MRET, WFI, SFENCE, SFENCE_INVAL, HFENCE_VVMA, HFENCE_GVMA, HLV, WHAT_COUNT };

static unsigned cause_of(enum what what)
{
    struct trap t = {.cause = OK};
    bool ok = false;
    h->waiting = false;
    switch (what) {
    case SRET: ok = priv_sret(h, INSN, &t); break;
    case MRET: ok = priv_mret(h, INSN, &t); break;
    case WFI: ok = priv_wfi(h, INSN, &t); break;
    case SFENCE: ok = priv_sfence_vma(h, INSN, true, 0, true, 0, &t); break;
    case SFENCE_INVAL: ok = priv_sfence_inval(h, INSN, &t); break;
    case HFENCE_VVMA: ok = priv_hfence(h, INSN, false, true, 0, true, 0, &t); break;
    case HFENCE_GVMA: ok = priv_hfence(h, INSN, true, true, 0, true, 0, &t); break;
    case HLV: ok = priv_guest_access_allowed(h, INSN, &t); break;
    case WHAT_COUNT: break;
    }
    cr_assert(ok ? t.cause == OK : t.tval == INSN && !t.gva && !t.tval2 && !t.tinst);
    return (unsigned)t.cause;
}

struct controls {
    bool tsr, tw, tvm, vtsr, vtw, vtvm, hu;
};

static unsigned expected(enum what what, unsigned m, struct controls c)
{
    bool u = modes[m].priv == PRIV_U, v = modes[m].virt;
    if (what == MRET) return modes[m].priv == PRIV_M ? OK : CAUSE_ILLEGAL;
    if (modes[m].priv == PRIV_M) return OK;
    switch (what) {
    case SRET: return v ? u || c.vtsr ? CAUSE_VIRTUAL : OK : u || c.tsr ? CAUSE_ILLEGAL : OK;
    case WFI: return c.tw ? CAUSE_ILLEGAL : v ? u || c.vtw ? CAUSE_VIRTUAL : OK : u ? CAUSE_ILLEGAL : OK;
    case SFENCE: return v ? u || c.vtvm ? CAUSE_VIRTUAL : OK : u || c.tvm ? CAUSE_ILLEGAL : OK;
    case SFENCE_INVAL: return !u ? OK : v ? CAUSE_VIRTUAL : CAUSE_ILLEGAL;
    case HFENCE_VVMA: return v ? CAUSE_VIRTUAL : u ? CAUSE_ILLEGAL : OK;
    case HFENCE_GVMA: return v ? CAUSE_VIRTUAL : u || c.tvm ? CAUSE_ILLEGAL : OK;
    case HLV: return v ? CAUSE_VIRTUAL : u && !c.hu ? CAUSE_ILLEGAL : OK;
    default: return OK;
    }
}

Test(hyp_trap, every_privileged_instruction_under_every_control)
{
    for (unsigned bits = 0; bits < 128; bits++)
        for (unsigned m = 0; m < ARRAY_LEN(modes); m++)
            for (unsigned what = 0; what < WHAT_COUNT; what++) {
                struct controls c = {bits & 1, bits & 2, bits & 4, bits & 8, bits & 16, bits & 32, bits & 64};
                to_m();
                csr_set(h, MSTATUS, (c.tsr ? MSTATUS_TSR : 0) | (c.tw ? MSTATUS_TW : 0) | (c.tvm ? MSTATUS_TVM : 0));
                csr_set(h, HSTATUS,
                        (c.vtsr ? HSTATUS_VTSR : 0) | (c.vtw ? HSTATUS_VTW : 0) | (c.vtvm ? HSTATUS_VTVM : 0) |
                            (c.hu ? HSTATUS_HU : 0));
                to_mode(m);
                cr_assert_eq(cause_of((enum what)what), expected((enum what)what, m, c),
                             "what %u, mode %u, controls %u", what, m, bits);
            }
}

Test(hyp_trap, cache_blocks_need_menvcfg_then_henvcfg_and_senvcfg)
{
    static const struct {
        bool zero, inval;
        uint64_t bit;
    } kinds[] = {{true, false, 0x80}, {false, false, 0x40}, {false, true, 0x10}, {false, true, 0x30}};
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
        for (unsigned bits = 0; bits < 8; bits++)
            for (unsigned m = 0; m < ARRAY_LEN(modes); m++) {
                struct trap t = {.cause = OK};
                bool by_m = bits & 1, by_h = bits & 2, by_s = bits & 4, u = modes[m].priv == PRIV_U, v = modes[m].virt;
                to_m();
                csr_set(h, MENVCFG, by_m ? kinds[k].bit : 0);
                csr_set(h, HENVCFG, by_h ? kinds[k].bit : 0);
                csr_set(h, SENVCFG, by_s ? kinds[k].bit : 0);
                to_mode(m);
                unsigned want = modes[m].priv == PRIV_M        ? OK
                                : !by_m || (u && !v && !by_s)  ? CAUSE_ILLEGAL
                                : v && (!by_h || (u && !by_s)) ? CAUSE_VIRTUAL
                                                               : OK;
                priv_cbo_allowed(h, INSN, kinds[k].zero, kinds[k].inval, &t);
                cr_assert_eq(t.cause, want, "kind %zu, bits %u, mode %u", k, bits, m);
            }
}

/* ---- regimes ---- */

#define ATP(asid) (UINT64_C(8) << 60 | (uint64_t)(asid) << 44 | 0x80000)

static const struct mmu_regime *data_regime(void) { return &h->data->info.regime; }
static const struct mmu_regime *code_regime(void) { return &h->code->info.regime; }

static void three_tables(void)
{
    csr_set(h, SATP, ATP(1));
    csr_set(h, VSATP, ATP(2));
    csr_set(h, HGATP, ATP(3));
}

Test(hyp_trap, v_selects_the_guests_tables_and_status)
{
    three_tables();
    csr_set(h, MENVCFG, ALL);
    csr_set(h, HENVCFG, BIT(61));
    csr_set(h, VSSTATUS, MSTATUS_SUM);
    csr_set(h, MSTATUS, MSTATUS_MXR);
    to_mode(1);
    cr_assert(!data_regime()->virt && data_regime()->satp == ATP(1) && data_regime()->hgatp == 0 &&
              !data_regime()->sum);
    to_mode(4);
    const struct mmu_regime *r = data_regime();
    cr_assert(r->virt && r->satp == ATP(2) && r->hgatp == ATP(3) && r->priv == PRIV_S && r->sum && r->mxr && r->g_mxr);
    cr_assert(r->adue && !r->pbmte && r->g_adue && r->g_pbmte);
    cr_assert(code_regime()->virt && code_regime()->satp == ATP(2) && !code_regime()->mxr && !code_regime()->g_mxr);
    to_mode(3);
    cr_assert(data_regime()->virt && data_regime()->priv == PRIV_U && !data_regime()->sum);
    to_mode(1);
    cr_assert_eq(data_regime()->satp, ATP(1), "nothing is left of it");
}

Test(hyp_trap, vsstatus_mxr_is_for_the_first_stage_alone)
{
    three_tables();
    csr_set(h, VSSTATUS, MSTATUS_MXR);
    to_mode(4);
    cr_assert(data_regime()->mxr && !data_regime()->g_mxr);
    csr_set(h, SSTATUS, 0);
    cr_assert(!data_regime()->mxr);
}

Test(hyp_trap, mprv_takes_mpv_and_mpp)
{
    three_tables();
    for (unsigned mpp = 0; mpp < 4; mpp++)
        for (unsigned mpv = 0; mpv < 2; mpv++) {
            if (mpp == 2) continue;
            csr_set(h, MSTATUS, MSTATUS_MPRV | (uint64_t)mpp << 11 | (mpv ? MSTATUS_MPV : 0));
            const struct mmu_regime *r = data_regime();
            bool virt = mpv && mpp != PRIV_M;
            cr_assert(r->virt == virt && r->priv == mpp && r->satp == (mpp == PRIV_M ? 0 : virt ? ATP(2) : ATP(1)));
            cr_assert(code_regime()->priv == PRIV_M && !code_regime()->virt);
        }
}

Test(hyp_trap, hlv_goes_as_spvp_says_and_minds_nothing_else)
{
    three_tables();
    csr_set(h, VSSTATUS, MSTATUS_SUM);
    for (unsigned spvp = 0; spvp < 2; spvp++)
        for (unsigned mprv = 0; mprv < 2; mprv++) {
            csr_set(h, MSTATUS, mprv ? MSTATUS_MPRV | (uint64_t)PRIV_M << 11 : 0);
            csr_set(h, HSTATUS, spvp ? HSTATUS_SPVP : 0);
            struct mmu_regime r = priv_guest_regime(h, false), x = priv_guest_regime(h, true);
            cr_assert(r.virt && r.priv == (spvp ? PRIV_S : PRIV_U) && r.satp == ATP(2) && r.hgatp == ATP(3) &&
                      !r.hlvx && x.hlvx);
            cr_assert_eq(r.sum, spvp, "vsstatus.SUM, of VS-mode");
        }
}

/* ---- words ---- */

static const char *logged(unsigned m, struct trap t)
{
    static char line[320];
    memset(line, 0, sizeof line);
    FILE *f = fmemopen(line, sizeof line - 1, "w");
    struct log log = {.file = f, .items = LOG_INT};
    to_mode(m);
    h->log = &log;
    trap_take(h, &t, 0x456);
    fclose(f);
    h->log = NULL;
    to_m();
    return line;
}

Test(hyp_trap, the_log_tells_cause_and_way)
{
    csr_set(h, MEDELEG, ALL);
    csr_set(h, HIDELEG, ALL);
    csr_set(h, HEDELEG, 1 << CAUSE_ECALL_U);
    cr_assert_str_eq(
        logged(4, (struct trap){.cause = CAUSE_LOAD_GUEST_PAGE, .tval = 0x123, .tval2 = 0x48, .tinst = 0x3000}),
        "int: hart 3, pc 0x456: load guest-page fault, tval 0x123, tval2 0x48, tinst 0x3000, VS to HS, delegated by "
        "medeleg\n");
    cr_assert_str_eq(
        logged(3, (struct trap){.cause = CAUSE_ECALL_U}),
        "int: hart 3, pc 0x456: environment call from U-mode, tval 0x0, VU to VS, delegated by medeleg and hedeleg\n");
    cr_assert_str_eq(logged(3, (struct trap){.cause = CAUSE_INTERRUPT | IRQ_VSTI}),
                     "int: hart 3, pc 0x456: virtual supervisor timer interrupt, tval 0x0, VU to VS, delegated by "
                     "mideleg and hideleg as "
                     "supervisor timer interrupt\n");
    cr_assert_str_eq(logged(4, (struct trap){.cause = CAUSE_ECALL_M}),
                     "int: hart 3, pc 0x456: environment call from M-mode, tval 0x0, VS to M\n");
    cr_assert_str_eq(logged(1, (struct trap){.cause = CAUSE_ECALL_S}),
                     "int: hart 3, pc 0x456: environment call from S-mode, tval 0x0, HS to HS, delegated by medeleg\n");
}

Test(hyp_trap, every_mode_and_cause_has_a_word)
{
    static const char *const names[] = {"U", "HS", "M", "VU", "VS"};
    for (unsigned m = 0; m < ARRAY_LEN(modes); m++) {
        to_mode(m);
        cr_assert_str_eq(priv_mode_name(h), names[m]);
    }
    for (unsigned cause = 0; cause < 24; cause++) {
        bool reserved = cause == 14 || cause == 16 || cause == 17;
        cr_assert_eq(strcmp(trap_cause_name(cause), "reserved cause") == 0, reserved, "%u", cause);
    }
}
