/* Traps and interrupts: which one, to whom, and the entry into its handler. */
#include "cpu/csr_internal.h"

#include <inttypes.h>

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
    [CAUSE_ECALL_S] = "environment call from S-mode",
    [CAUSE_ECALL_VS] = "environment call from VS-mode",
    [CAUSE_ECALL_M] = "environment call from M-mode",
    [CAUSE_FETCH_PAGE] = "instruction page fault",
    [CAUSE_LOAD_PAGE] = "load page fault",
    [CAUSE_STORE_PAGE] = "store page fault",
    [CAUSE_SOFTWARE_CHECK] = "software check",
    [CAUSE_HARDWARE_ERROR] = "hardware error",
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

/* norm:intr_M_mode_pri; the order for S-mode is the same among what it can see. */
static int first_interrupt(uint64_t pending)
{
    static const uint8_t order[] = {IRQ_MEI, IRQ_MSI, IRQ_MTI, IRQ_SEI, IRQ_SSI, IRQ_STI};
    for (size_t i = 0; i < ARRAY_LEN(order); i++)
        if (bit_test(pending, order[i])) return order[i];
    return -1;
}

int trap_pending_interrupt(const struct hart *h)
{
    uint64_t pending = csr_mip(h) & h->csr.mie;
    if (!pending) return -1;
    uint64_t for_m = pending & ~h->csr.mideleg, for_s = pending & h->csr.mideleg;
    /* norm:intr_mip_mie_op, norm:intr_M_mode_highest_pri */
    if (for_m && (h->priv < PRIV_M || (h->csr.mstatus & MSTATUS_MIE))) return first_interrupt(for_m);
    /* norm:sie_sip_supervisor_strap */
    if (for_s && (h->priv < PRIV_S || (h->priv == PRIV_S && (h->csr.mstatus & MSTATUS_SIE))))
        return first_interrupt(for_s);
    return -1;
}

static bool trap_is_delegated(const struct hart *h, uint64_t cause)
{
    uint64_t code = cause & ~CAUSE_INTERRUPT;
    uint64_t delegated = cause & CAUSE_INTERRUPT ? h->csr.mideleg : h->csr.medeleg;
    return h->priv <= PRIV_S && code < 64 && bit_test(delegated, (unsigned)code);
}

/* norm:mtvec_mode_direct_op, norm:mtvec_mode_vectored_op */
static uint64_t trap_vector(uint64_t tvec, uint64_t cause)
{
    uint64_t base = tvec & ~UINT64_C(3);
    bool vectored = (tvec & 3) == 1 && (cause & CAUSE_INTERRUPT);
    return vectored ? base + 4 * (cause & ~CAUSE_INTERRUPT) : base;
}

static void trap_log(const struct hart *h, const struct trap *t, uint64_t epc, bool to_s)
{
    static const char modes[] = {[PRIV_U] = 'U', [PRIV_S] = 'S', [PRIV_M] = 'M'};
    log_line(h->log, LOG_INT, "int: hart %u, pc 0x%" PRIx64 ": %s, tval 0x%" PRIx64 ", %c to %c", h->id, epc,
             trap_cause_name(t->cause), t->tval, modes[h->priv], to_s ? 'S' : 'M');
}

void trap_take(struct hart *h, const struct trap *t, uint64_t epc)
{
    struct csr_state *c = &h->csr;
    uint64_t s = c->mstatus;
    bool to_s = trap_is_delegated(h, t->cause);
    if (log_on(h->log, LOG_INT)) trap_log(h, t, epc, to_s);
    if (to_s) {
        c->sepc = epc & ~UINT64_C(1);
        c->scause = t->cause;
        c->stval = t->tval;
        s = bits_set(s, 5, 5, bits_get(s, 1, 1)); /* SPIE = SIE */
        s = bits_set(s, 8, 8, h->priv);           /* SPP */
        c->mstatus = s & ~MSTATUS_SIE;
        h->priv = PRIV_S;
        h->pc = trap_vector(c->stvec, t->cause);
    } else {
        c->mepc = epc & ~UINT64_C(1);
        c->mcause = t->cause;
        c->mtval = t->tval;
        s = bits_set(s, 7, 7, bits_get(s, 3, 3)); /* MPIE = MIE */
        s = bits_set(s, 12, 11, h->priv);         /* MPP */
        c->mstatus = s & ~MSTATUS_MIE;
        h->priv = PRIV_M;
        h->pc = trap_vector(c->mtvec, t->cause);
    }
    h->waiting = false;
    h->trapped = true;
    priv_update(h);
    if (h->env->traps_end_run) hart_kick(h);
}
