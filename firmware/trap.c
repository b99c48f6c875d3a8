/*
 * trap.c - what to do when a hart falls into machine mode.
 *
 * Nearly everything is delegated, so few roads lead here: the supervisor's environment calls, the machine timer and
 * software interrupts, and exceptions that a hart cannot delegate. The last are handed down as the hardware would have
 * done it, since the firmware emulates no instruction.
 */
#include "trap.h"

#include "console.h"
#include "riscv.h"
#include "sbi.h"

struct trap_info trap_read(void)
{
    struct trap_info trap = {.cause = csr_read(CSR_MCAUSE), .value = csr_read(CSR_MTVAL)};
    if (hart_self()->has_hypervisor) {
        trap.value2 = csr_read(CSR_MTVAL2);
        trap.instruction = csr_read(CSR_MTINST);
    }
    return trap;
}

/* The hypervisor part of trap entry into HS-mode (hypervisor extension, "Trap Entry"). */
static void redirect_hypervisor(const struct hart *self, const struct trap_info *trap)
{
    bool virtual = self->mstatus & MSTATUS_MPV;
    unsigned long hstatus = csr_read(CSR_HSTATUS) & ~(HSTATUS_SPV | HSTATUS_GVA);
    if (virtual) {
        hstatus = (hstatus & ~HSTATUS_SPVP) | HSTATUS_SPV;
        if (self->mstatus & MSTATUS_MPP) hstatus |= HSTATUS_SPVP;
    }
    if (trap->guest_virtual) hstatus |= HSTATUS_GVA;
    csr_write(CSR_HSTATUS, hstatus);
    csr_write(CSR_HTVAL, trap->value2);
    csr_write(CSR_HTINST, trap->instruction);
}

void trap_redirect(struct hart *self, const struct trap_info *trap)
{
    if (self->has_hypervisor) redirect_hypervisor(self, trap);
    csr_write(CSR_SEPC, self->mepc);
    csr_write(CSR_SCAUSE, trap->cause);
    csr_write(CSR_STVAL, trap->value);

    unsigned long status = self->mstatus & ~(MSTATUS_SPP | MSTATUS_SPIE | MSTATUS_SIE | MSTATUS_MPP | MSTATUS_MPV);
    if (self->mstatus & MSTATUS_MPP) status |= MSTATUS_SPP;
    if (self->mstatus & MSTATUS_SIE) status |= MSTATUS_SPIE;
    self->mstatus = status | MSTATUS_MPP_S;
    self->mepc = csr_read(CSR_STVEC) & ~3ul; /* an exception ignores vectored mode */
}

static void count_exception(struct hart *self, unsigned long cause)
{
    static const uint8_t events[] = {
        [CAUSE_ILLEGAL_INSN] = PMU_FW_ILLEGAL_INSN, [CAUSE_MISALIGNED_LOAD] = PMU_FW_MISALIGNED_LOAD,
        [CAUSE_ACCESS_LOAD] = PMU_FW_ACCESS_LOAD,   [CAUSE_MISALIGNED_STORE] = PMU_FW_MISALIGNED_STORE,
        [CAUSE_ACCESS_STORE] = PMU_FW_ACCESS_STORE,
    };
    if (cause >= CAUSE_ILLEGAL_INSN && cause < sizeof events && cause != 3) pmu_count(self, events[cause]);
}

void trap_handle(struct hart *self)
{
    struct trap_info trap = trap_read();
    trap.guest_virtual = self->mstatus & MSTATUS_GVA;
    if (trap.cause == (CAUSE_INTERRUPT | IRQ_MTI)) {
        timer_fired();
    } else if (trap.cause == (CAUSE_INTERRUPT | IRQ_MSI)) {
        ipi_receive(self);
    } else if (trap.cause & CAUSE_INTERRUPT) {
        panic("unexpected interrupt", trap.cause);
    } else if (trap.cause == CAUSE_ECALL_S) {
        ecall_handle(self);
    } else {
        count_exception(self, trap.cause);
        trap_redirect(self, &trap);
    }
    hart_check_stack(self);
}
