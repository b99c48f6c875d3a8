/*
 * hart.c - the machine-mode CSRs of one hart, set so that the supervisor owns all it can own.
 *
 * Four doors are opened: traps (medeleg, mideleg), environment (menvcfg, mstateen), counters (mcounteren), memory
 * (PMP); and one stays shut: the firmware's own memory. Fields of extensions that a hart lacks read as zero whatever is
 * written (WARL), so most of this needs no question; whole CSRs that may be missing are written trap-safely.
 */
#include "hart.h"

#include "console.h"
#include "platform.h"
#include "riscv.h"
#include "sbi.h"

union hart_slot harts[HART_MAX];
extern uint8_t trap_entry[];

#define STACK_CANARY 0x6f72726572790a0dul

/*
 * Every exception but the supervisor's own call (9), the machine's (11) and the double trap (16), which are read-only
 * zero or ours: 0-8, 10 (call from VS), page faults 12 13 15, 18 (software check), 19 (hardware error), guest-page
 * faults and virtual instruction 20-23.
 */
#define DELEGATED_EXCEPTIONS 0x00fcb5fful
/* Supervisor interrupts and counter overflow; those of the H extension are read-only one. */
#define DELEGATED_INTERRUPTS (MIP(IRQ_SSI) | MIP(IRQ_STI) | MIP(IRQ_SEI) | MIP(IRQ_LCOFI))

bool hart_exists(unsigned long id) { return id < HART_MAX && (platform.hart_mask >> id & 1); }

static unsigned long *stack_bottom(const struct hart *self)
{
    return (unsigned long *)(self->stack_top - HART_STACK_BYTES);
}

void hart_mark_stack(const struct hart *self) { *stack_bottom(self) = STACK_CANARY; }

void hart_check_stack(const struct hart *self)
{
    if (*stack_bottom(self) != STACK_CANARY) panic("stack overflow", (unsigned long)stack_bottom(self));
}

static void init_environment(struct hart *self)
{
    unsigned long wanted = MENVCFG_STCE | MENVCFG_PBMTE | MENVCFG_CBZE | MENVCFG_CBCFE | MENVCFG_CBIE_INVALIDATE;
    if (platform.hardware_ad) wanted |= MENVCFG_ADUE;
    unsigned long got = 0, stimecmp = 0;
    if (csr_write_safe(CSR_MENVCFG, wanted)) csr_read_safe(CSR_MENVCFG, &got);
    /* Some emulated harts let STCE be set without having the register: believe the register. */
    self->has_sstc = (got & MENVCFG_STCE) && csr_read_safe(CSR_STIMECMP, &stimecmp);
    (void)csr_write_safe(CSR_MSTATEEN0, ~0ul);
    (void)csr_write_safe(CSR_MSTATEEN0 + 1, ~0ul);
    (void)csr_write_safe(CSR_MSTATEEN0 + 2, ~0ul);
    (void)csr_write_safe(CSR_MSTATEEN0 + 3, ~0ul);
}

static void init_counters(void)
{
    (void)csr_write_safe(CSR_MCOUNTEREN, ~0u);
    (void)csr_write_safe(CSR_SCOUNTEREN, 7); /* cycle, time, instret in user mode until the supervisor decides */
}

/*
 * Entry 0 hides the firmware, entry 1 opens everything else. A hart without PMP entries gives the supervisor everything
 * anyway; one with a single entry can only do the same. (norm: "if no PMP entry matches an S-mode or U-mode access
 * [and] at least one PMP entry is implemented, the access fails")
 */
static void init_pmp(void)
{
    unsigned long base = (unsigned long)FIRMWARE_BASE, size = (unsigned long)FIRMWARE_SIZE, got = 0;
    unsigned long firmware = base >> 2 | ((size >> 3) - 1);
    if (!csr_write_safe(CSR_PMPADDR0, firmware) || !csr_read_safe(CSR_PMPADDR0, &got) || !got) return;
    bool can_hide = got == firmware && csr_write_safe(CSR_PMPADDR1, ~0ul) && csr_read_safe(CSR_PMPADDR1, &got) && got;
    unsigned long open = PMP_NAPOT | PMP_RWX;
    if (!can_hide) csr_write(CSR_PMPADDR0, ~0ul);
    csr_write(CSR_PMPCFG0, can_hide ? open << 8 | PMP_NAPOT : open);
    sfence_vma_all();
}

void hart_init(struct hart *self)
{
    unsigned long misa = csr_read(CSR_MISA);
    self->has_hypervisor = misa & MISA('H');
    self->has_overflow_irq = platform.has_sscofpmf;
    csr_write(CSR_MTVEC, trap_entry);
    csr_write(CSR_MIE, MIP(IRQ_MSI));
    /* FP and vector units start "initial": a small kernel need not know about FS before its first FP instruction. */
    csr_write(CSR_MSTATUS, (csr_read(CSR_MSTATUS) & MSTATUS_XL) | MSTATUS_FS_INITIAL | MSTATUS_VS_INITIAL);
    csr_write(CSR_MEDELEG, DELEGATED_EXCEPTIONS);
    csr_write(CSR_MIDELEG, DELEGATED_INTERRUPTS);
    init_environment(self);
    init_counters();
    init_pmp();
    pmu_init(self);
    timer_set(self, UINT64_MAX);
    csr_clear(CSR_MIP, MIP(IRQ_SSI) | MIP(IRQ_STI));
}
