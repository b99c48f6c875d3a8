/*
 * layout.h - where everything is in the virtual address space (Sv39), and the two ways between physical and virtual.
 *
 *   0                        user program               (one page table per process)
 *   0x0000_0040_0000_0000    not addressable in Sv39
 *   0xffff_ffc0_0000_0000    direct map: physical memory and device registers, at physical address + this
 *   0xffff_fff0_0000_0000    mapped area: kernel stacks, each behind a guard page
 *   0xffff_ffff_8000_0000    the kernel image, linked at + 2 MiB; its offset from physical memory is found at start
 *
 * Sv39 has 512 top-level entries of 1 GiB; the upper 256 are made once at start and are the same in every page table.
 *
 * Source: RISC-V privileged architecture, "Sv39: Page-Based 39-bit Virtual-Memory System".
 */
#ifndef KEPLER_ARCH_LAYOUT_H
#define KEPLER_ARCH_LAYOUT_H

#define USER_TOP         0x0000004000000000 /* first address behind user space */
#define DIRECT_MAP_BASE  0xffffffc000000000
#define DIRECT_MAP_BYTES 0x0000003000000000 /* 192 GiB of physical addresses can be reached */
#define MAPPED_AREA_BASE 0xfffffff000000000
#define KERNEL_BASE      0xffffffff80000000
#define KERNEL_LINKED_AT 0xffffffff80200000

/*
 * A kernel stack fills the upper half of an aligned slot; the lower half is not mapped. So one bit of the stack pointer
 * tells the trap entry whether a stack has overflowed.
 */
#define KERNEL_STACK_BYTES 0x4000
#define KERNEL_STACK_SLOT  0x8000

#ifndef __ASSEMBLER__
#include "base/types.h"

/* Any physical address below DIRECT_MAP_BYTES, RAM or device. */
static inline void *pa_to_va(paddr_t pa) { return (void *)(pa + DIRECT_MAP_BASE); }
/* A pointer from the direct map or into the kernel image. */
paddr_t va_to_pa(const void *va);
#endif

#endif
