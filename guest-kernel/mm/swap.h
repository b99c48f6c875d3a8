/*
 * Swap: where anonymous pages go when their frames are needed. A swap area is a partition or a file that mkswap
 * has marked; it is cut into slots of one page. A slot is counted: each page-table entry that names it is a
 * holder, and the swap cache is one.
 *
 * The swap cache holds frames that equal a slot, or are on their way there or back. It makes two things safe: a
 * page shared since a fork is read once for all who share it, and a page that faults while it is being written
 * out is found instead of read half-written. A slot that was read stays with its frame until the frame changes,
 * so a clean page is replaced without writing.
 */
#ifndef KEPLER_MM_SWAP_H
#define KEPLER_MM_SWAP_H
#include "base/types.h"
#include "mm/frame.h"

struct file;
struct mapping;

#define SLOT_NONE UINT64_MAX

int swap_on(struct file *, const char *name,
            int flags);      /* 0, -EINVAL (no signature), -EBUSY, -ENOMEM; takes its own reference */
int swap_off(struct file *); /* brings everything back first; -ENOMEM when that does not fit */

unsigned swap_area_of(uint64_t slot); /* number of the area a slot lies in */
uint64_t slot_alloc(void);            /* one holder; SLOT_NONE: no slot is free */
void slot_get(uint64_t);
void slot_put(uint64_t);
unsigned slot_holders(uint64_t);
int slot_read(uint64_t slot, struct page *);
int slot_write(uint64_t slot, struct page *);

/* The frame of a slot, up to date, referenced; brought in with its neighbours (prepaging) if need be. 0, -EIO,
 * -ENOMEM. *major: the disk was asked. */
int swap_in(uint64_t slot, struct page **, bool *major);
struct page *swap_cache_find(uint64_t slot); /* referenced; NULL: not there (or not up to date) */
/* An anonymous frame (locked) enters the cache with a slot; -ENOMEM: none is free. */
int swap_cache_add(struct page *);
/* Out of the cache if the caller's `extra` references, the cache's and those of its page-table entries are all
 * there are. */
bool swap_cache_remove(struct page *, unsigned extra); /* page locked; true: gone, the slot's holder as well */
void swap_cache_try_free(struct page *); /* after an unmapping: nobody needs it any more? then out with it */

struct swap_stats {
    uint64_t slots, free, cached;
};
struct swap_stats swap_stats(void);
/* For /proc/swaps: area number i; false: there is none. */
struct swap_view {
    char name[64];
    uint64_t bytes, used;
    int priority;
    bool file;
};
bool swap_describe(unsigned i, struct swap_view *);

#endif
