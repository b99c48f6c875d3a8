/*
 * bcache.h - the buffer cache: disk blocks that hold metadata (bitmaps, inodes, pointer blocks, directories), in memory.
 *
 * File data never comes here; it lives in the page cache. Found through a hash table ("cache directory" in the notes); blocks that
 * nobody uses are thrown out in the order of their last use. Changes are made under a transaction only (journal.h), and
 * the journal alone writes blocks back.
 */
#ifndef KEPLER_FS_BCACHE_H
#define KEPLER_FS_BCACHE_H

#include "base/list.h"
#include "base/types.h"
#include "blk/blk.h"
#include "kern/lock.h"

#define BCACHE_BUCKETS 256

struct buffer {
    struct list hash_link, lru_link; /* lru: only while refs is 0 */
    struct list txn_link;            /* in the running transaction */
    struct list commit_link;         /* in the one that is being committed; it may be in both */
    struct list checkpoint_link;
    uint32_t block;
    unsigned refs;
    bool uptodate, checked; /* checked: its structure has been looked at */
    bool in_running;        /* belongs to the running transaction */
    bool logged;            /* `frozen` is in the log and not yet in its place */
    bool forgotten;         /* the block was freed in the running transaction */
    uint8_t *data;          /* what the file system sees */
    uint8_t *frozen;        /* what the last commit wrote; NULL: none */
    struct mutex load_lock;
};

struct bcache {
    struct blkdev *device;
    struct spinlock lock; /* RANK_BUFFER */
    struct list bucket[BCACHE_BUCKETS], lru;
    size_t count, limit;
};

/* Of all buffer caches since the start. */
struct bcache_stats {
    uint64_t blocks, hits, misses, evicted;
};
extern struct bcache_stats bcache_stats;

/* A frame for metadata or log records; NULL: none. Freed with page_put(page_of_va()). */
void *buffer_frame(void);
void bcache_init(struct bcache *cache, struct blkdev *device);
void bcache_drop(struct bcache *cache);   /* at unmount: nothing is in use */
void bcache_shrink(struct bcache *cache); /* frees every block that nobody uses */
/* The block with a reference; or an error pointer. buffer_new: its content is not read but zero. */
struct buffer *buffer_get(struct bcache *cache, uint32_t block);
struct buffer *buffer_new(struct bcache *cache, uint32_t block);
void buffer_put(struct bcache *cache, struct buffer *buffer);

#endif
