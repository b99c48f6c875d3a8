/*
 * hsm.c - which harts run, and how they sleep (HSM and SUSP extensions).
 *
 *             start                     (arrives)                stop
 *   STOPPED --------> START_PENDING -----------------> STARTED ---------> STOPPED
 *                                                       |   ^
 *                                            suspend    v   |  interrupt
 *                                                     SUSPENDED
 *
 * The starter claims a stopped hart by changing STOPPED to START_PENDING atomically, fills in where to start, and only
 * then sends IPI_START; the target believes the IPI, not the state. Two starters therefore cannot mix their arguments.
 *
 * A suspended hart waits in WFI for any interrupt its supervisor had enabled, and goes on serving IPIs and fences
 * meanwhile. This machine saves no power, so "retentive" and "non-retentive" differ only in how the hart comes back:
 * returning from the call, or entering at resume_addr with only the promised registers defined.
 */
#include "hart.h"
#include "platform.h"
#include "riscv.h"
#include "sbi.h"

#define SUSPEND_RETENTIVE     0x00000000u
#define SUSPEND_NON_RETENTIVE 0x80000000u
#define SLEEP_SUSPEND_TO_RAM  0u

static void set_state(struct hart *hart, enum hsm_state state)
{
    __atomic_store_n(&hart->state, (uint32_t)state, __ATOMIC_SEQ_CST);
    fence_all(); /* ipi.c relies on it: the state first, the fences of hart_enter_supervisor after */
}

_Noreturn void hsm_wait_for_start(struct hart *self)
{
    csr_write(CSR_MIE, MIP(IRQ_MSI));
    while (!(ipi_receive(self) & IPI_START)) wait_for_interrupt();
    hart_init(self);
    csr_clear(CSR_MIP, MIP(IRQ_SSI) | MIP(IRQ_STI));
    set_state(self, HSM_STARTED);
    hart_enter_supervisor(self->start_address, self->id, self->start_opaque);
}

/* The stack under the call is simply forgotten: every trap entry begins at its top. */
static _Noreturn void stop(struct hart *self)
{
    set_state(self, HSM_STOPPED);
    hsm_wait_for_start(self);
}

static struct sbiret start(unsigned long id, unsigned long address, unsigned long opaque)
{
    if (!hart_exists(id)) return sbi_error(SBI_ERR_INVALID_PARAM);
    if (!platform_supervisor_code(address)) return sbi_error(SBI_ERR_INVALID_ADDRESS);
    struct hart *hart = hart_by_id(id);
    uint32_t expected = HSM_STOPPED;
    if (!__atomic_compare_exchange_n(&hart->state, &expected, HSM_START_PENDING, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST))
        return sbi_error(SBI_ERR_ALREADY_AVAILABLE);
    hart->start_address = address;
    hart->start_opaque = opaque;
    ipi_send(id, IPI_START);
    return sbi_value(0);
}

/* Sleeps until an interrupt is pending that the supervisor has enabled. */
static void wait_suspended(struct hart *self)
{
    set_state(self, HSM_SUSPENDED);
    for (;;) {
        unsigned long pending = csr_read(CSR_MIP) & csr_read(CSR_MIE);
        if (pending & ~MIP_MACHINE) break;
        if (pending & MIP(IRQ_MTI)) timer_fired();
        if (pending & MIP(IRQ_MSI)) ipi_receive(self);
        if (!pending) wait_for_interrupt();
    }
    set_state(self, HSM_RESUME_PENDING);
}

static _Noreturn void resume_at(struct hart *self, unsigned long address, unsigned long opaque)
{
    set_state(self, HSM_STARTED);
    hart_enter_supervisor(address, self->id, opaque);
}

static struct sbiret suspend(struct hart *self, uint32_t type, unsigned long address, unsigned long opaque)
{
    if (type != SUSPEND_RETENTIVE && type != SUSPEND_NON_RETENTIVE) return sbi_error(SBI_ERR_INVALID_PARAM);
    if (type == SUSPEND_NON_RETENTIVE && !platform_supervisor_code(address)) return sbi_error(SBI_ERR_INVALID_ADDRESS);
    wait_suspended(self);
    if (type == SUSPEND_NON_RETENTIVE) resume_at(self, address, opaque);
    set_state(self, HSM_STARTED);
    return sbi_value(0);
}

struct sbiret hsm_ecall(struct hart *self, unsigned long function, const unsigned long *arguments)
{
    switch (function) {
    case SBI_HSM_START: return start(arguments[0], arguments[1], arguments[2]);
    case SBI_HSM_STOP: stop(self);
    case SBI_HSM_STATUS:
        if (!hart_exists(arguments[0])) return sbi_error(SBI_ERR_INVALID_PARAM);
        return sbi_value(hart_state(hart_by_id(arguments[0])));
    case SBI_HSM_SUSPEND: return suspend(self, (uint32_t)arguments[0], arguments[1], arguments[2]);
    default: return sbi_error(SBI_ERR_NOT_SUPPORTED);
    }
}

struct sbiret susp_ecall(struct hart *self, unsigned long function, const unsigned long *arguments)
{
    if (function != 0) return sbi_error(SBI_ERR_NOT_SUPPORTED);
    if ((uint32_t)arguments[0] != SLEEP_SUSPEND_TO_RAM) return sbi_error(SBI_ERR_INVALID_PARAM);
    if (!platform_supervisor_code(arguments[1])) return sbi_error(SBI_ERR_INVALID_ADDRESS);
    for (unsigned long id = 0; id < HART_MAX; id++)
        if (hart_exists(id) && id != self->id && hart_state(hart_by_id(id)) != HSM_STOPPED)
            return sbi_error(SBI_ERR_DENIED);
    wait_suspended(self);
    resume_at(self, arguments[1], arguments[2]);
}
