/*
 * User page tables: Sv39 as arch/pte.h draws it. A virtual address is split in four:
 *
 *     38       30 29       21 20       12 11          0
 *    +-----------+-----------+-----------+-------------+
 *    |  VPN[2]   |  VPN[1]   |  VPN[0]   |   offset    |
 *    +-----------+-----------+-----------+-------------+
 *
 * so a table is a tree of three levels, of which a sparse address space needs few branches. An entry with V = 0
 * that is not zero means something to the kernel alone: the page is in a swap slot.
 *
 * The tables of an address space change only under its table lock. They are made on demand and freed with the space.
 */
#ifndef KEPLER_MM_PAGETABLE_H
#define KEPLER_MM_PAGETABLE_H
#include "arch/layout.h"
#include "arch/pte.h"
#include "mm/frame.h"

#define PTE_LOCKED PTE_RSW0 /* mlock: never replaced */

static inline bool pte_present(pte_t e) { return e & PTE_V; }
/* A swap entry: V = 0, R = 1, slot from bit 10 on. */
static inline pte_t pte_swap(uint64_t slot) { return slot << 10 | PTE_R; }
static inline bool pte_is_swap(pte_t e) { return !(e & PTE_V) && (e & PTE_R); }
static inline uint64_t pte_slot(pte_t e) { return e >> 10; }

pte_t *pt_create(void);                                   /* root with the kernel's upper half; NULL: out of memory */
void pt_destroy(pte_t *root);                             /* frees the tables (not what they map) */
pte_t *pt_find(pte_t *root, uint64_t va);                 /* last-level entry; NULL: there is no table */
uint64_t pt_next(pte_t *root, uint64_t va, uint64_t end); /* first page at or above va that has a table, or end */

/* Tables on the way to an entry are made from spare frames, got before the lock was taken. */
struct pt_spare {
    struct page *frame[2];
    unsigned count;
};
int pt_spare_fill(struct pt_spare *); /* may sleep; 0 or -ENOMEM */
void pt_spare_drop(struct pt_spare *);
pte_t *pt_make(pte_t *root, uint64_t va, struct pt_spare *);
uint64_t pt_tables(void); /* frames used by page tables */

#endif
