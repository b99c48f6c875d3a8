/* Traps and interrupts: which one, to whom, and the entry into its handler. */
#include "cpu/csr_internal.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const exception_names[] = {
    [CAUSE_FETCH_MISALIGNED] = "instruction address misaligned",
    [CAUSE_FETCH_ACCESS] = "instruction access fault",
    [CAUSE_ILLEGAL] = "illegal instruction",
    [CAUSE_BREAKPOINT] = "breakpoint",
    [CAUSE_LOAD_MISALIGNED] = "load address misaligned",
    [CAUSE_LOAD_ACCESS] = "load access fault",
    [CAUSE_STORE_MISALIGNED] = "store address misaligned",
    [CAUSE_STORE_ACCESS] = "store access fault",
    [CAUSE_ECALL_U] = "environment call from U-mode",
    [CAUSE_ECALL_S] = "environment call from S-mode", /* HS-mode, with the H extension */
    [CAUSE_ECALL_VS] = "environment call from VS-mode",
    [CAUSE_ECALL_M] = "environment call from M-mode",
    [CAUSE_FETCH_PAGE] = "instruction page fault",
    [CAUSE_LOAD_PAGE] = "load page fault",
    [CAUSE_STORE_PAGE] = "store page fault",
    [CAUSE_SOFTWARE_CHECK] = "software check",
    [CAUSE_HARDWARE_ERROR] = "hardware error",
    [CAUSE_FETCH_GUEST_PAGE] = "instruction guest-page fault",
    [CAUSE_LOAD_GUEST_PAGE] = "load guest-page fault",
    [CAUSE_VIRTUAL] = "virtual instruction",
    [CAUSE_STORE_GUEST_PAGE] = "store guest-page fault",
};

static const char *const interrupt_names[] = {
    [IRQ_SSI] = "supervisor software interrupt",       [IRQ_VSSI] = "virtual supervisor software interrupt",
    [IRQ_MSI] = "machine software interrupt",          [IRQ_STI] = "supervisor timer interrupt",
    [IRQ_VSTI] = "virtual supervisor timer interrupt", [IRQ_MTI] = "machine timer interrupt",
    [IRQ_SEI] = "supervisor external interrupt",       [IRQ_VSEI] = "virtual supervisor external interrupt",
    [IRQ_MEI] = "machine external interrupt",          [IRQ_SGEI] = "supervisor guest external interrupt",
    [IRQ_LCOFI] = "counter overflow interrupt",
};

const char *trap_cause_name(uint64_t cause)
{
    uint64_t code = cause & ~CAUSE_INTERRUPT;
    const char *name = NULL;
    if (cause & CAUSE_INTERRUPT)
        name = code < ARRAY_LEN(interrupt_names) ? interrupt_names[code] : NULL;
    else
        name = code < ARRAY_LEN(exception_names) ? exception_names[code] : NULL;
    return name ? name : "reserved cause";
}

/* norm:intr_M_mode_pri, norm:hsint_priority; the order is the same for S- and VS-mode among what they can see. */
static int first_interrupt(uint64_t pending)
{
    static const uint8_t order[] = {IRQ_MEI, IRQ_MSI,  IRQ_MTI,  IRQ_SEI,  IRQ_SSI,
                                    IRQ_STI, IRQ_SGEI, IRQ_VSEI, IRQ_VSSI, IRQ_VSTI};
    for (size_t i = 0; i < ARRAY_LEN(order); i++)
        if (bit_test(pending, order[i])) return order[i];
    return -1;
}

int trap_pending_interrupt(const struct hart *h)
{
    const struct csr_state *c = &h->csr;
    uint64_t pending = csr_mip(h) & c->mie;
    if (!pending) return -1;
    uint64_t for_m = pending & ~c->mideleg, delegated = pending & c->mideleg;
    uint64_t for_s = delegated & ~c->hideleg, for_vs = delegated & c->hideleg;
    /* norm:intr_mip_mie_op, norm:intr_M_mode_highest_pri */
    if (for_m && (h->priv < PRIV_M || (c->mstatus & MSTATUS_MIE))) return first_interrupt(for_m);
    /* norm:sie_sip_supervisor_strap, norm:hideleg_hs */
    bool below_hs = h->virt || h->priv < PRIV_S;
    if (for_s && (below_hs || (h->priv == PRIV_S && (c->mstatus & MSTATUS_SIE)))) return first_interrupt(for_s);
    /* norm:hideleg_op: VS-level interrupts are globally disabled while V = 0 */
    if (for_vs && h->virt && (h->priv < PRIV_S || (c->vsstatus & MSTATUS_SIE))) return first_interrupt(for_vs);
    return -1;
}

/* ---- to whom ---- */

enum handler { TO_M, TO_HS, TO_VS };

/* norm:H_trap_deleg */
static enum handler trap_handler(const struct hart *h, uint64_t cause)
{
    const struct csr_state *c = &h->csr;
    uint64_t code = cause & ~CAUSE_INTERRUPT;
    uint64_t to_hs = cause & CAUSE_INTERRUPT ? c->mideleg : c->medeleg;
    uint64_t to_vs = cause & CAUSE_INTERRUPT ? c->hideleg : c->hedeleg;
    if (h->priv > PRIV_S || code >= 64 || !bit_test(to_hs, (unsigned)code)) return TO_M;
    return h->virt && bit_test(to_vs, (unsigned)code) ? TO_VS : TO_HS;
}

/* norm:hideleg_trans: VS-mode knows its interrupts by the supervisor's numbers. */
static uint64_t cause_for_vs(uint64_t cause)
{
    bool vs_level = (cause & CAUSE_INTERRUPT) && (VS_INTERRUPTS & (UINT64_C(1) << (cause & 63)));
    return vs_level ? cause - 1 : cause;
}

/* norm:mtvec_mode_direct_op, norm:mtvec_mode_vectored_op */
static uint64_t trap_vector(uint64_t tvec, uint64_t cause)
{
    uint64_t base = tvec & ~UINT64_C(3);
    bool vectored = (tvec & 3) == 1 && (cause & CAUSE_INTERRUPT);
    return vectored ? base + 4 * (cause & ~CAUSE_INTERRUPT) : base;
}

const char *priv_mode_name(const struct hart *h)
{
    static const char *const names[] = {[PRIV_U] = "U", [PRIV_S] = "S", [PRIV_M] = "M"};
    if (h->virt) return h->priv == PRIV_U ? "VU" : "VS";
    return h->priv == PRIV_S && isa_has(h->isa_live, EXT_h) ? "HS" : names[h->priv];
}

/* "int: hart 0, pc 0x…: load guest-page fault, tval 0x…, tval2 0x…, tinst 0x…, VS to HS, delegated by medeleg" */
static void trap_log(const struct hart *h, const struct trap *t, uint64_t epc, enum handler to)
{
    const char *const modes[] = {[TO_M] = "M", [TO_HS] = isa_has(h->isa_live, EXT_h) ? "HS" : "S", [TO_VS] = "VS"};
    bool interrupt = t->cause & CAUSE_INTERRUPT;
    char more[80] = "", how[96] = "";
    if (t->tval2 || t->tinst)
        snprintf(more, sizeof more, ", tval2 0x%" PRIx64 ", tinst 0x%" PRIx64, t->tval2, t->tinst);
    if (to == TO_HS) snprintf(how, sizeof how, ", delegated by %s", interrupt ? "mideleg" : "medeleg");
    if (to == TO_VS && interrupt)
        snprintf(how, sizeof how, ", delegated by mideleg and hideleg as %s", trap_cause_name(cause_for_vs(t->cause)));
    if (to == TO_VS && !interrupt) snprintf(how, sizeof how, ", delegated by medeleg and hedeleg");
    log_line(h->log, LOG_INT, "int: hart %u, pc 0x%" PRIx64 ": %s, tval 0x%" PRIx64 "%s, %s to %s%s", h->id, epc,
             trap_cause_name(t->cause), t->tval, more, priv_mode_name(h), modes[to], how);
}

/* ---- entry ---- */

/* norm:hstatus_gva_op: breakpoint, address misaligned, access fault, page fault, guest-page fault */
static bool writes_address(uint64_t cause)
{
    const uint64_t causes = UINT64_C(0xb0b0fb); /* 0 1, 3 … 7, 12 13 15, 20 21 23 */
    return cause < 64 && bit_test(causes, (unsigned)cause);
}

/* SPIE = SIE, SIE = 0, SPP = the mode that is left, of an sstatus or vsstatus. */
static uint64_t status_push(uint64_t s, enum priv from)
{
    s = bits_set(s, 5, 5, bits_get(s, 1, 1));
    return bits_set(s, 8, 8, from) & ~MSTATUS_SIE;
}

/* norm:H_trap_m_csrwrites */
static void enter_m(struct hart *h, const struct trap *t, uint64_t epc, bool gva)
{
    struct csr_state *c = &h->csr;
    uint64_t s = c->mstatus;
    c->mepc = epc;
    c->mcause = t->cause;
    c->mtval = t->tval;
    s = bits_set(s, 7, 7, bits_get(s, 3, 3)); /* MPIE = MIE */
    s = bits_set(s, 12, 11, h->priv);         /* MPP */
    if (isa_has(h->isa_live, EXT_h)) {
        s = bits_set(bits_set(s, 39, 39, h->virt), 38, 38, gva); /* MPV, GVA */
        c->mtval2 = t->tval2;
        c->mtinst = t->tinst;
    }
    c->mstatus = s & ~MSTATUS_MIE;
    h->pc = trap_vector(c->mtvec, t->cause);
    priv_set_mode(h, PRIV_M, false);
}

/* norm:H_trap_hs_csrwrites, norm:hstatus_spvp_op */
static void enter_hs(struct hart *h, const struct trap *t, uint64_t epc, bool gva)
{
    struct csr_state *c = &h->csr;
    c->sepc = epc;
    c->scause = t->cause;
    c->stval = t->tval;
    c->mstatus = status_push(c->mstatus, (enum priv)h->priv);
    if (isa_has(h->isa_live, EXT_h)) {
        uint64_t s = bits_set(bits_set(c->hstatus, 6, 6, gva), 7, 7, h->virt); /* GVA, SPV */
        c->hstatus = h->virt ? bits_set(s, 8, 8, h->priv) : s;                 /* SPVP */
        c->htval = t->tval2;
        c->htinst = t->tinst;
    }
    h->pc = trap_vector(c->stvec, t->cause);
    priv_set_mode(h, PRIV_S, false);
}

/* norm:H_trap_vs_csrwrites: hstatus and sstatus stay as they are */
static void enter_vs(struct hart *h, const struct trap *t, uint64_t epc)
{
    struct csr_state *c = &h->csr;
    c->vsepc = epc;
    c->vscause = cause_for_vs(t->cause);
    c->vstval = t->tval;
    c->vsstatus = status_push(c->vsstatus, (enum priv)h->priv);
    h->pc = trap_vector(c->vstvec, c->vscause);
    priv_set_mode(h, PRIV_S, true);
}

void trap_take(struct hart *h, const struct trap *t, uint64_t epc)
{
    enum handler to = trap_handler(h, t->cause);
    bool gva = t->gva || (h->virt && writes_address(t->cause));
    if (log_on(h->log, LOG_INT)) trap_log(h, t, epc, to);
    epc &= ~UINT64_C(1);
    if (to == TO_VS)
        enter_vs(h, t, epc);
    else if (to == TO_HS)
        enter_hs(h, t, epc, gva);
    else
        enter_m(h, t, epc, gva);
    h->waiting = false;
    h->trapped = true;
    priv_switch(h);
    if (h->env->traps_end_run) hart_kick(h);
}
