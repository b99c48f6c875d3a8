/*
 * timer.c - the supervisor's alarm clock (TIME extension).
 *
 * With Sstc the supervisor has a compare register of its own, stimecmp, and would not need us; a call just writes it.
 * Without, the only compare register is the machine's: the firmware sets it, takes the machine interrupt when it fires,
 * and passes it on by raising STIP. MTIE goes off then, since the machine interrupt stays pending until the next alarm
 * is set.
 */
#include "hart.h"
#include "platform.h"
#include "riscv.h"
#include "sbi.h"

bool timer_probe(void) { return hart_self()->has_sstc || platform.mtimecmp; }

void timer_set(struct hart *self, uint64_t when)
{
    if (self->has_sstc) {
        csr_write(CSR_STIMECMP, when);
        return;
    }
    if (!platform.mtimecmp) return;
    csr_clear(CSR_MIP, MIP(IRQ_STI));
    mmio_write64(platform.mtimecmp + 8 * self->id, when);
    csr_set(CSR_MIE, MIP(IRQ_MTI));
}

void timer_fired(void)
{
    csr_clear(CSR_MIE, MIP(IRQ_MTI));
    csr_set(CSR_MIP, MIP(IRQ_STI));
}

struct sbiret timer_ecall(struct hart *self, unsigned long function, const unsigned long *arguments)
{
    if (function != 0) return sbi_error(SBI_ERR_NOT_SUPPORTED);
    pmu_count(self, PMU_FW_SET_TIMER);
    timer_set(self, arguments[0]);
    return sbi_value(0);
}
