/* Between pagecache.c, writeback.c, rmap.c and the pager. */
#ifndef KEPLER_MM_PAGECACHE_INTERNAL_H
#define KEPLER_MM_PAGECACHE_INTERNAL_H
#include "mm/pagecache.h"

struct pagecache_counts {
    uint64_t frames, memory_frames, dirty, hits, misses, read_ahead, written;
};
extern struct pagecache_counts cache_counts;

void pagecache_remove(struct page *); /* locked; out of the tree and of all spaces */
bool pagecache_evict(
    struct page *,
    uint64_t slot); /* locked; if it is clean and unused. slot: where a memory object's page is, or SLOT_NONE */
/*
 * The list of memory objects. _each gives the next one (NULL: the first) and leaves the list locked, _find tells whether it is
 * still there and leaves the list locked; _unlock ends that.
 */
void memory_mapping_add(struct mapping *);
struct mapping *memory_mapping_each(struct mapping *);
bool memory_mapping_find(const struct mapping *);
void memory_mappings_unlock(void);
int pagecache_unswap(unsigned area); /* brings back the memory objects' pages from a swap area; 0 or -ENOMEM, -EIO */
void writeback_forget(struct mapping *); /* off the list of dirty mappings */
void writeback_kick(void);               /* the flusher should run now */

#endif
