/*
 * The buddy system: which frames are free. Pure book-keeping on struct page: it takes no lock and touches no
 * frame, so that the same file runs under unit tests on the host. See mm/frame.h for what the kernel sees of it.
 *
 * A free block of order k starts at a frame number divisible by 2^k; its buddy is the block whose number differs
 * in bit k alone. PG_BUDDY marks the first frame of a free block and `order` tells its size, so whether a buddy
 * is free is one look. Frame numbers are absolute: a block is aligned in physical memory as well.
 */
#ifndef KEPLER_MM_BUDDY_H
#define KEPLER_MM_BUDDY_H
#include "mm/frame.h"

#define BUDDY_ZONES_MAX 32

/* A range of RAM and its struct pages. */
struct buddy_zone {
    uint64_t first, frames;
    struct page *pages;
};

struct buddy {
    struct list free[PAGE_ORDER_MAX + 1];
    uint64_t blocks[PAGE_ORDER_MAX + 1]; /* on each list */
    uint64_t free_frames, total_frames;
    struct buddy_zone zones[BUDDY_ZONES_MAX];
    unsigned zone_count;
};

void buddy_init(struct buddy *);
/* False: too many zones. The pages must be zero. */
bool buddy_add_zone(struct buddy *, uint64_t first, uint64_t frames, struct page *pages);
/* Frames that were in nobody's hand: become free and are counted in total_frames. */
void buddy_add_free(struct buddy *, uint64_t first, uint64_t frames);
struct page *buddy_take(struct buddy *, unsigned order); /* NULL: no block is large enough */
void buddy_give(struct buddy *, struct page *, unsigned order);
struct page *buddy_page(const struct buddy *, uint64_t frame); /* NULL: not RAM */
uint64_t buddy_frame(const struct buddy *, const struct page *);

#endif
