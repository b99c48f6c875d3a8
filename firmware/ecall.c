/*
 * ecall.c - which extension answers an environment call, and the extensions that are about the others: BASE and the
 * legacy calls.
 *
 * a7 names the extension, a6 the function, a0..a5 are arguments; a0 and a1 return. The table is all there is to know:
 * BASE's probe answers from it as well.
 */
#include "hart.h"
#include "console.h"
#include "platform.h"
#include "riscv.h"
#include "sbi.h"
#include "trap.h"

struct extension {
    unsigned long first, last; /* extension numbers */
    bool (*probe)(void);       /* NULL: always there */
    struct sbiret (*handle)(struct hart *self, unsigned long function, const unsigned long *arguments);
};

static struct sbiret base_ecall(struct hart *self, unsigned long function, const unsigned long *arguments);

static const struct extension extensions[] = {
    {.first = SBI_EXT_BASE, .last = SBI_EXT_BASE, .handle = base_ecall},
    {.first = SBI_EXT_TIME, .last = SBI_EXT_TIME, .probe = timer_probe, .handle = timer_ecall},
    {.first = SBI_EXT_IPI, .last = SBI_EXT_IPI, .probe = ipi_probe, .handle = ipi_ecall},
    {.first = SBI_EXT_RFENCE, .last = SBI_EXT_RFENCE, .probe = ipi_probe, .handle = rfence_ecall},
    {.first = SBI_EXT_HSM, .last = SBI_EXT_HSM, .probe = ipi_probe, .handle = hsm_ecall},
    {.first = SBI_EXT_SUSP, .last = SBI_EXT_SUSP, .handle = susp_ecall},
    {.first = SBI_EXT_SRST, .last = SBI_EXT_SRST, .probe = reset_probe, .handle = reset_ecall},
    {.first = SBI_EXT_DBCN, .last = SBI_EXT_DBCN, .probe = console_probe, .handle = console_ecall},
    {.first = SBI_EXT_PMU, .last = SBI_EXT_PMU, .probe = pmu_probe, .handle = pmu_ecall},
    /* The legacy calls return one value and have no functions; legacy_ecall serves them. */
    {.first = SBI_EXT_LEGACY_FIRST, .last = SBI_EXT_LEGACY_LAST},
};

static const struct extension *find_extension(unsigned long number)
{
    for (unsigned i = 0; i < sizeof extensions / sizeof *extensions; i++) {
        const struct extension *extension = &extensions[i];
        if (number < extension->first || number > extension->last) continue;
        return !extension->probe || extension->probe() ? extension : 0;
    }
    return 0;
}

static struct sbiret base_ecall(struct hart *self, unsigned long function, const unsigned long *arguments)
{
    (void)self;
    switch (function) {
    case 0: return sbi_value(SBI_SPEC_VERSION);
    case 1: return sbi_value(SBI_IMPL_ID);
    case 2: return sbi_value(SBI_IMPL_VERSION);
    case 3: return sbi_value(find_extension(arguments[0]) != 0);
    case 4: return sbi_value((long)csr_read(CSR_MVENDORID));
    case 5: return sbi_value((long)csr_read(CSR_MARCHID));
    case 6: return sbi_value((long)csr_read(CSR_MIMPID));
    default: return sbi_error(SBI_ERR_NOT_SUPPORTED);
    }
}

enum { LEGACY_SET_TIMER, LEGACY_PUTCHAR, LEGACY_GETCHAR, LEGACY_CLEAR_IPI, LEGACY_SEND_IPI, LEGACY_FENCE_I };
enum { LEGACY_SFENCE_VMA = 6, LEGACY_SFENCE_VMA_ASID, LEGACY_SHUTDOWN };

/*
 * A legacy hart mask lies in the caller's virtual memory; NULL is all harts. False if reading it faulted: the caller
 * then gets that fault, at the ecall.
 */
static bool legacy_mask(struct hart *self, unsigned long address, unsigned long *mask)
{
    *mask = platform.hart_mask;
    if (!address || load64_as_supervisor(address, self->mstatus, mask)) return true;
    struct trap_info trap = trap_read();
    trap_redirect(self, &trap);
    return false;
}

/* The legacy calls that take a hart mask are the modern ones with another way to say it. */
static bool legacy_hart_call(struct hart *self, unsigned long call, long *result)
{
    unsigned long mask, *x = self->x;
    if (!legacy_mask(self, x[REG_A0], &mask)) return false;
    const unsigned long arguments[6] = {mask & platform.hart_mask, 0, x[REG_A1], x[REG_A1 + 1], x[REG_A1 + 2]};
    if (call == LEGACY_SEND_IPI)
        *result = ipi_ecall(self, 0, arguments).error;
    else
        *result = rfence_ecall(self, call - LEGACY_FENCE_I, arguments).error;
    return true;
}

/* Serves a legacy call; false if it was turned into an exception of the caller. */
static bool legacy_ecall(struct hart *self, unsigned long call, long *result)
{
    *result = 0;
    switch (call) {
    case LEGACY_SET_TIMER: timer_ecall(self, 0, &self->x[REG_A0]); return true;
    case LEGACY_PUTCHAR: console_ecall(self, SBI_DBCN_WRITE_BYTE, &self->x[REG_A0]); return true;
    case LEGACY_GETCHAR: *result = console_get(); return true;
    case LEGACY_CLEAR_IPI:
        *result = (csr_read(CSR_MIP) & MIP(IRQ_SSI)) != 0;
        csr_clear(CSR_MIP, MIP(IRQ_SSI));
        return true;
    case LEGACY_SHUTDOWN: reset_shutdown(); return true;
    default: return legacy_hart_call(self, call, result);
    }
}

void ecall_handle(struct hart *self)
{
    unsigned long *x = self->x, number = x[REG_A7];
    if (number <= SBI_EXT_LEGACY_LAST) {
        long result;
        if (!legacy_ecall(self, number, &result)) return;
        x[REG_A0] = (unsigned long)result;
    } else {
        const struct extension *extension = find_extension(number);
        struct sbiret ret =
            extension ? extension->handle(self, x[REG_A6], &x[REG_A0]) : sbi_error(SBI_ERR_NOT_SUPPORTED);
        x[REG_A0] = (unsigned long)ret.error;
        x[REG_A1] = (unsigned long)ret.value;
    }
    self->mepc += 4; /* ecall has no compressed form */
}
