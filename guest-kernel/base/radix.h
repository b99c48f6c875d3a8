/*
 * A radix tree: a sparse array indexed by a 64-bit number, as a tree of 64-way nodes. The page cache finds the
 * frame of a file's page with it. The height grows with the largest index in use, so small files pay for one
 * node. Each entry may carry a mark (the page cache: dirty), which is kept on all nodes above, so that the next
 * marked entry is found without looking at the others.
 *
 *      index  =  ... | 6 bits | 6 bits | 6 bits
 *                        |        |        +-- slot in a leaf: the value
 *                        |        +-- slot in its parent
 *                        +-- ...
 *
 * The user locks. Values are any non-NULL pointers.
 */
#ifndef KEPLER_BASE_RADIX_H
#define KEPLER_BASE_RADIX_H
#include "base/types.h"

struct radix_node;
struct radix {
    struct radix_node *root;
    unsigned height;  /* levels; 0: empty */
    uint64_t entries; /* values stored */
};

void *radix_find(const struct radix *, uint64_t index); /* NULL: none */
int radix_set(struct radix *, uint64_t index,
              void *value); /* adds or replaces (the mark of a replaced value stays); 0 or -ENOMEM */
void *radix_remove(struct radix *, uint64_t index);         /* what was there */
void radix_mark(struct radix *, uint64_t index, bool mark); /* no effect without a value */
bool radix_marked(const struct radix *, uint64_t index);
/* The first value at or above *index, whose index it stores there; NULL: none. */
void *radix_next(const struct radix *, uint64_t *index);
void *radix_next_marked(const struct radix *, uint64_t *index);

#endif
