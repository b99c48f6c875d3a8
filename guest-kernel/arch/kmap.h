/*
 * kmap.h - the kernel's own page table: direct map, kernel image, mapped area.
 *
 * Made once at start. A new address space copies the upper half of the root (entries 256..511), so that every page
 * table agrees about the kernel for ever: nothing is added to the upper half of a root later.
 */
#ifndef KEPLER_ARCH_KMAP_H
#define KEPLER_ARCH_KMAP_H

#include "arch/pte.h"

/* The root table that idle harts and kernel threads run on. */
extern pte_t kernel_root[PTES_PER_TABLE];

/* Builds the table and switches this hart to it. Takes its frames from the early allocator. */
void kmap_init(void);
/* Switches another hart (or this one, back from a user's table) to the kernel's table. */
void kmap_switch(void);

/*
 * Kernel stacks: KERNEL_STACK_BYTES of mapped memory above a hole. Returns the top, or NULL when out of memory.
 * Given-back stacks are kept for the next thread, so no hart ever has to forget their translations.
 */
void *kstack_alloc(void);
void kstack_free(void *top);
uint64_t kstack_frames(void); /* frames of all stacks, kept ones too, and of the tables that map them */

#endif
