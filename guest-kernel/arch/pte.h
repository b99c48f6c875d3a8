/*
 * pte.h - page table entries of Sv39.
 *
 * A table is one page of 512 entries. Translating takes three steps, by address bits 38..30, 29..21 and 20..12; an entry
 * with R, W and X clear points to the next table, any other valid entry is a leaf (1 GiB, 2 MiB or 4 KiB).
 *
 *      63   62..61  60..54   53......10   9..8   7   6   5   4   3   2   1   0
 *      N    PBMT    reserved    frame      RSW   D   A   G   U   X   W   R   V
 *
 * A (accessed) and D (dirty): a hart may set them itself (Svadu) or fault instead (Svade), so the kernel must be ready for
 * both. RSW bits are for software; mm/ owns them.
 *
 * Source: RISC-V privileged architecture, "Sv32: Addressing and Memory Protection" and "Sv39".
 */
#ifndef KEPLER_ARCH_PTE_H
#define KEPLER_ARCH_PTE_H

#include "base/types.h"

typedef uint64_t pte_t;

#define PTE_V    (1ul << 0)
#define PTE_R    (1ul << 1)
#define PTE_W    (1ul << 2)
#define PTE_X    (1ul << 3)
#define PTE_U    (1ul << 4)
#define PTE_G    (1ul << 5)
#define PTE_A    (1ul << 6)
#define PTE_D    (1ul << 7)
#define PTE_RSW0 (1ul << 8)
#define PTE_RSW1 (1ul << 9)

#define PTES_PER_TABLE 512
#define PTE_LEVELS     3

static inline pte_t pte_make(paddr_t pa, uint64_t flags) { return pa >> PAGE_SHIFT << 10 | flags; }
static inline paddr_t pte_pa(pte_t pte) { return (pte >> 10 & ((1ul << 44) - 1)) << PAGE_SHIFT; }
static inline bool pte_is_leaf(pte_t pte) { return pte & (PTE_R | PTE_W | PTE_X); }
/* level 2 is the root, level 0 holds 4 KiB leaves */
static inline unsigned pte_index(uint64_t va, unsigned level) { return va >> (PAGE_SHIFT + 9 * level) & 511; }
static inline uint64_t pte_level_bytes(unsigned level) { return 1ul << (PAGE_SHIFT + 9 * level); }

#define SATP_SV39       (8ul << 60)
#define SATP_ASID(asid) ((uint64_t)(asid) << 44)
#define SATP_ROOT(pa)   ((pa) >> PAGE_SHIFT)

#endif
