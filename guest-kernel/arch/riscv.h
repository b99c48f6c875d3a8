/*
 * riscv.h - control and status registers of S-mode, and the few instructions C has no words for.
 *
 * Source: RISC-V privileged architecture, "Supervisor-Level ISA".
 */
#ifndef KEPLER_ARCH_RISCV_H
#define KEPLER_ARCH_RISCV_H

#define SSTATUS_SIE        (1 << 1)  /* interrupts on */
#define SSTATUS_SPIE       (1 << 5)  /* interrupts on before the trap, and after sret */
#define SSTATUS_SPP        (1 << 8)  /* the trap came from S-mode, sret goes there */
#define SSTATUS_FS         (3 << 13) /* floating-point state: off, initial, clean, dirty */
#define SSTATUS_FS_INITIAL (1 << 13)
#define SSTATUS_FS_CLEAN   (2 << 13)
#define SSTATUS_FS_DIRTY   (3 << 13)
#define SSTATUS_SUM        (1 << 18) /* S-mode may reach user pages */
#define SSTATUS_MXR        (1 << 19)

#define SIE_SSIE (1 << 1) /* software interrupt: another hart calls */
#define SIE_STIE (1 << 5) /* timer */
#define SIE_SEIE (1 << 9) /* external: the PLIC */

#define CAUSE_INTERRUPT        (1ul << 63)
#define CAUSE_FETCH_MISALIGNED 0
#define CAUSE_FETCH_ACCESS     1
#define CAUSE_ILLEGAL          2
#define CAUSE_BREAKPOINT       3
#define CAUSE_LOAD_MISALIGNED  4
#define CAUSE_LOAD_ACCESS      5
#define CAUSE_STORE_MISALIGNED 6
#define CAUSE_STORE_ACCESS     7
#define CAUSE_ECALL_U          8
#define CAUSE_FETCH_PAGE_FAULT 12
#define CAUSE_LOAD_PAGE_FAULT  13
#define CAUSE_STORE_PAGE_FAULT 15
#define IRQ_S_SOFT             1
#define IRQ_S_TIMER            5
#define IRQ_S_EXTERNAL         9

#define CSR_STIMECMP 0x14d

#ifndef __ASSEMBLER__
#include "base/types.h"

#define csr_read(csr)                                                                                                  \
    ({                                                                                                                 \
        unsigned long csr_value_;                                                                                      \
        __asm__ volatile("csrr %0, " csr : "=r"(csr_value_)::"memory");                                                \
        csr_value_;                                                                                                    \
    })
#define csr_write(csr, value) __asm__ volatile("csrw " csr ", %0" ::"rK"((unsigned long)(value)) : "memory")
#define csr_set(csr, bits)    __asm__ volatile("csrs " csr ", %0" ::"rK"((unsigned long)(bits)) : "memory")
#define csr_clear(csr, bits)  __asm__ volatile("csrc " csr ", %0" ::"rK"((unsigned long)(bits)) : "memory")

/* Switches interrupts off on this hart; returns whether they were on, for interrupts_restore. */
static inline bool interrupts_off(void)
{
    unsigned long old;
    __asm__ volatile("csrrci %0, sstatus, %1" : "=r"(old) : "i"(SSTATUS_SIE) : "memory");
    return old & SSTATUS_SIE;
}
static inline void interrupts_on(void) { csr_set("sstatus", SSTATUS_SIE); }
static inline void interrupts_restore(bool on)
{
    if (on) interrupts_on();
}
static inline bool interrupts_are_on(void) { return csr_read("sstatus") & SSTATUS_SIE; }
static inline void wait_for_interrupt(void) { __asm__ volatile("wfi" ::: "memory"); }
static inline void hart_pause(void) { __asm__ volatile(".word 0x0100000f" ::: "memory"); } /* pause */
static inline void sfence_all(void) { __asm__ volatile("sfence.vma" ::: "memory"); }
static inline void sfence_page(uint64_t va) { __asm__ volatile("sfence.vma %0" ::"r"(va) : "memory"); }
static inline void sfence_page_asid(uint64_t va, unsigned long asid)
{
    __asm__ volatile("sfence.vma %0, %1" ::"r"(va), "r"(asid) : "memory");
}
static inline void sfence_asid(unsigned long asid) { __asm__ volatile("sfence.vma zero, %0" ::"r"(asid) : "memory"); }
static inline void fence_i(void) { __asm__ volatile("fence.i" ::: "memory"); }
/* Orders memory accesses against device accesses, both ways. */
static inline void fence_io(void) { __asm__ volatile("fence iorw, iorw" ::: "memory"); }

static inline uint8_t io_read8(const volatile void *at) { return *(const volatile uint8_t *)at; }
static inline uint32_t io_read32(const volatile void *at) { return *(const volatile uint32_t *)at; }
static inline void io_write8(volatile void *at, uint8_t value) { *(volatile uint8_t *)at = value; }
static inline void io_write32(volatile void *at, uint32_t value) { *(volatile uint32_t *)at = value; }
#endif

#endif
