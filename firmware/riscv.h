/*
 * riscv.h - the machine-mode vocabulary: CSR numbers, their fields, and accesses that survive a trap.
 *
 * Firmware must run on harts it has never met: a CSR may be missing, an address may be a hole. The question "is it
 * there?" is asked by doing it. A trap-safe access points mtvec at the instruction just behind the doubtful one, so
 * that both outcomes continue at the same place, and a register tells which path was taken. Such an access overwrites
 * mepc, mcause, mtval and mstatus.MPP; the trap entry has saved the first and the last, the others must be read before.
 *
 * CSR numbers: RISC-V privileged architecture, "Control and Status Registers".
 */
#ifndef ORRERY_FIRMWARE_RISCV_H
#define ORRERY_FIRMWARE_RISCV_H

#include <stdbool.h>
#include <stdint.h>

/* Supervisor and hypervisor CSRs that the firmware touches. */
#define CSR_SSTATUS    0x100
#define CSR_STVEC      0x105
#define CSR_SCOUNTEREN 0x106
#define CSR_SEPC       0x141
#define CSR_SCAUSE     0x142
#define CSR_STVAL      0x143
#define CSR_STIMECMP   0x14d
#define CSR_SATP       0x180
#define CSR_HSTATUS    0x600
#define CSR_HTVAL      0x643
#define CSR_HTINST     0x64a
#define CSR_HGATP      0x680

/* Machine CSRs. */
#define CSR_MSTATUS       0x300
#define CSR_MISA          0x301
#define CSR_MEDELEG       0x302
#define CSR_MIDELEG       0x303
#define CSR_MIE           0x304
#define CSR_MTVEC         0x305
#define CSR_MCOUNTEREN    0x306
#define CSR_MENVCFG       0x30a
#define CSR_MSTATEEN0     0x30c
#define CSR_MCOUNTINHIBIT 0x320
#define CSR_MSCRATCH      0x340
#define CSR_MEPC          0x341
#define CSR_MCAUSE        0x342
#define CSR_MTVAL         0x343
#define CSR_MIP           0x344
#define CSR_MTINST        0x34a
#define CSR_MTVAL2        0x34b
#define CSR_PMPCFG0       0x3a0
#define CSR_PMPADDR0      0x3b0
#define CSR_PMPADDR1      0x3b1
#define CSR_MCYCLE        0xb00
#define CSR_MINSTRET      0xb02
#define CSR_CYCLE         0xc00
#define CSR_MVENDORID     0xf11
#define CSR_MARCHID       0xf12
#define CSR_MIMPID        0xf13

#define MSTATUS_SIE        (1ul << 1)
#define MSTATUS_SPIE       (1ul << 5)
#define MSTATUS_MPIE       (1ul << 7)
#define MSTATUS_SPP        (1ul << 8)
#define MSTATUS_VS         (3ul << 9)
#define MSTATUS_VS_INITIAL (1ul << 9)
#define MSTATUS_MPP        (3ul << 11)
#define MSTATUS_MPP_S      (1ul << 11)
#define MSTATUS_FS         (3ul << 13)
#define MSTATUS_FS_INITIAL (1ul << 13)
#define MSTATUS_MPRV       (1ul << 17)
#define MSTATUS_XL         (15ul << 32) /* SXL and UXL */
#define MSTATUS_GVA        (1ul << 38)
#define MSTATUS_MPV        (1ul << 39)

#define HSTATUS_GVA  (1ul << 6)
#define HSTATUS_SPV  (1ul << 7)
#define HSTATUS_SPVP (1ul << 8)

/* Interrupt numbers are bit numbers of mip, mie and mideleg. */
#define IRQ_SSI     1
#define IRQ_MSI     3
#define IRQ_STI     5
#define IRQ_MTI     7
#define IRQ_SEI     9
#define IRQ_MEI     11
#define IRQ_LCOFI   13
#define MIP(irq)    (1ul << (irq))
#define MIP_MACHINE (MIP(IRQ_MSI) | MIP(IRQ_MTI) | MIP(IRQ_MEI))

#define CAUSE_INTERRUPT        (1ul << 63)
#define CAUSE_ILLEGAL_INSN     2
#define CAUSE_MISALIGNED_LOAD  4
#define CAUSE_ACCESS_LOAD      5
#define CAUSE_MISALIGNED_STORE 6
#define CAUSE_ACCESS_STORE     7
#define CAUSE_ECALL_U          8
#define CAUSE_ECALL_S          9

#define MENVCFG_CBIE_INVALIDATE (3ul << 4)
#define MENVCFG_CBCFE           (1ul << 6)
#define MENVCFG_CBZE            (1ul << 7)
#define MENVCFG_ADUE            (1ul << 61)
#define MENVCFG_PBMTE           (1ul << 62)
#define MENVCFG_STCE            (1ul << 63)

#define MHPMEVENT_OF    (1ul << 63)
#define MHPMEVENT_MINH  (1ul << 62)
#define MHPMEVENT_SINH  (1ul << 61)
#define MHPMEVENT_UINH  (1ul << 60)
#define MHPMEVENT_VSINH (1ul << 59)
#define MHPMEVENT_VUINH (1ul << 58)

#define PMP_RWX   7ul
#define PMP_NAPOT (3ul << 3)

#define MISA(letter) (1ul << ((letter) - 'A'))

#define csr_read(csr)                                                                                                  \
    ({                                                                                                                 \
        unsigned long csr_value_;                                                                                      \
        __asm__ volatile("csrr %0, %1" : "=r"(csr_value_) : "i"(csr) : "memory");                                      \
        csr_value_;                                                                                                    \
    })
#define csr_write(csr, value) __asm__ volatile("csrw %0, %1" ::"i"(csr), "rK"((unsigned long)(value)) : "memory")
#define csr_set(csr, value)   __asm__ volatile("csrs %0, %1" ::"i"(csr), "rK"((unsigned long)(value)) : "memory")
#define csr_clear(csr, value) __asm__ volatile("csrc %0, %1" ::"i"(csr), "rK"((unsigned long)(value)) : "memory")

/* Reads a CSR into *out; false, and *out unchanged, if the hart does not have it. */
#define csr_read_safe(csr, out)                                                                                        \
    ({                                                                                                                 \
        unsigned long csr_vector_, csr_ok_ = 0, csr_value_ = *(out);                                                   \
        __asm__ volatile("la    %0, 1f\n\t"                                                                            \
                         "csrrw %0, mtvec, %0\n\t"                                                                     \
                         "csrr  %2, %3\n\t"                                                                            \
                         "li    %1, 1\n\t"                                                                             \
                         ".balign 4\n"                                                                                 \
                         "1: csrw mtvec, %0"                                                                           \
                         : "=&r"(csr_vector_), "+&r"(csr_ok_), "+&r"(csr_value_)                                       \
                         : "i"(csr)                                                                                    \
                         : "memory");                                                                                  \
        *(out) = csr_value_;                                                                                           \
        csr_ok_ != 0;                                                                                                  \
    })

/* Writes a CSR; false if the hart does not have it. */
#define csr_write_safe(csr, value)                                                                                     \
    ({                                                                                                                 \
        unsigned long csr_vector_, csr_ok_ = 0;                                                                        \
        __asm__ volatile("la    %0, 1f\n\t"                                                                            \
                         "csrrw %0, mtvec, %0\n\t"                                                                     \
                         "csrw  %2, %3\n\t"                                                                            \
                         "li    %1, 1\n\t"                                                                             \
                         ".balign 4\n"                                                                                 \
                         "1: csrw mtvec, %0"                                                                           \
                         : "=&r"(csr_vector_), "+&r"(csr_ok_)                                                          \
                         : "i"(csr), "r"((unsigned long)(value))                                                       \
                         : "memory");                                                                                  \
        csr_ok_ != 0;                                                                                                  \
    })

/* Loads 32 bits from a physical address that may be a hole; false if it traps. */
static inline bool load32_safe(uintptr_t address, uint32_t *out)
{
    unsigned long vector, ok = 0, value = 0;
    __asm__ volatile("la    %0, 1f\n\t"
                     "csrrw %0, mtvec, %0\n\t"
                     "lw    %2, 0(%3)\n\t"
                     "li    %1, 1\n\t"
                     ".balign 4\n"
                     "1: csrw mtvec, %0"
                     : "=&r"(vector), "+&r"(ok), "+&r"(value)
                     : "r"(address)
                     : "memory");
    *out = (uint32_t)value;
    return ok != 0;
}

/*
 * Loads 64 bits from an address as the interrupted context sees it: `mstatus` is that context's saved mstatus, and MPRV
 * makes the load use its privilege, translation and PMP. False if it traps; mcause, mtval (and mtval2, mtinst) then
 * describe the fault.
 */
static inline bool load64_as_supervisor(uintptr_t address, unsigned long mstatus, uint64_t *out)
{
    unsigned long vector, ok = 0, value = 0;
    __asm__ volatile("la    %0, 1f\n\t"
                     "csrrw %0, mtvec, %0\n\t"
                     "csrw  mstatus, %4\n\t"
                     "ld    %2, 0(%3)\n\t"
                     "li    %1, 1\n\t"
                     ".balign 4\n"
                     "1: csrc mstatus, %5\n\t"
                     "csrw  mtvec, %0"
                     : "=&r"(vector), "+&r"(ok), "+&r"(value)
                     : "r"(address), "r"(mstatus | MSTATUS_MPRV), "r"(MSTATUS_MPRV)
                     : "memory");
    *out = value;
    return ok != 0;
}

static inline void wait_for_interrupt(void) { __asm__ volatile("wfi" ::: "memory"); }
static inline void fence_all(void) { __asm__ volatile("fence iorw, iorw" ::: "memory"); }
static inline void fence_instruction(void) { __asm__ volatile("fence.i" ::: "memory"); }
static inline void sfence_vma_all(void) { __asm__ volatile("sfence.vma" ::: "memory"); }

/* Device registers: one access of exactly this width. */
static inline void mmio_write8(uintptr_t address, uint8_t value) { *(volatile uint8_t *)address = value; }
static inline void mmio_write32(uintptr_t address, uint32_t value) { *(volatile uint32_t *)address = value; }
static inline void mmio_write64(uintptr_t address, uint64_t value) { *(volatile uint64_t *)address = value; }
static inline uint8_t mmio_read8(uintptr_t address) { return *(volatile uint8_t *)address; }

#endif
