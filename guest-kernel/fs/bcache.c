/* bcache.c - the buffer cache (bcache.h). */
#include "fs/bcache.h"

#include "base/errno.h"
#include "base/string.h"
#include "kern/print.h"
#include "mm/frame.h"
#include "mm/slab.h"

#define SECTORS (4096 / SECTOR_BYTES)

struct bcache_stats bcache_stats;
static void count(uint64_t *counter, int64_t n) { __atomic_fetch_add(counter, (uint64_t)n, __ATOMIC_RELAXED); }

void bcache_init(struct bcache *cache, struct blkdev *device)
{
    cache->device = device;
    spin_init(&cache->lock, "buffer cache", RANK_BUFFER);
    for (size_t i = 0; i < BCACHE_BUCKETS; i++) list_init(&cache->bucket[i]);
    list_init(&cache->lru);
    cache->count = 0;
    cache->limit = 256 + frame_stats().total / 32;
}

static struct list *bucket_of(struct bcache *cache, uint32_t block)
{
    return &cache->bucket[(block * 2654435761u) >> 24];
}

static void buffer_free(struct buffer *buffer)
{
    page_put(page_of_va(buffer->data));
    if (buffer->frozen) page_put(page_of_va(buffer->frozen));
    kfree(buffer);
    count(&bcache_stats.blocks, -1);
}

/* A frame that does not wait for the pager if that can be helped: the pager may wait for a transaction that waits for us. */
void *buffer_frame(void)
{
    struct page *page = page_alloc(0, PAGE_NOWAIT | PAGE_RESERVE);
    if (!page) page = page_alloc(0, 0);
    return page ? page_va(page) : 0;
}

static struct buffer *buffer_make(uint32_t block)
{
    struct buffer *buffer = kzalloc(sizeof *buffer);
    void *data = buffer ? buffer_frame() : 0;
    if (!data) {
        kfree(buffer);
        return 0;
    }
    count(&bcache_stats.blocks, 1);
    buffer->block = block;
    buffer->refs = 1;
    buffer->data = data;
    mutex_init(&buffer->load_lock, "buffer");
    list_init(&buffer->lru_link);
    list_init(&buffer->txn_link);
    list_init(&buffer->commit_link);
    list_init(&buffer->checkpoint_link);
    return buffer;
}

static struct buffer *find(struct bcache *cache, uint32_t block)
{
    struct buffer *buffer;
    list_for_each(buffer, bucket_of(cache, block), hash_link)
    {
        if (buffer->block != block) continue;
        buffer->refs++;
        list_remove(&buffer->lru_link);
        return buffer;
    }
    return 0;
}

/* Throws out the blocks that have been unused longest until at most `limit` are left, or all others are in use. */
static void trim(struct bcache *cache, size_t limit)
{
    for (;;) {
        struct buffer *victim = 0;
        spin_lock(&cache->lock);
        if (cache->count > limit && !list_empty(&cache->lru)) {
            victim = list_first(&cache->lru, struct buffer, lru_link);
            list_remove(&victim->lru_link);
            list_remove(&victim->hash_link);
            cache->count--;
        }
        spin_unlock(&cache->lock);
        if (!victim) return;
        buffer_free(victim);
        count(&bcache_stats.evicted, 1);
    }
}

/* Found or made; content perhaps not there. */
static struct buffer *get(struct bcache *cache, uint32_t block)
{
    spin_lock(&cache->lock);
    struct buffer *buffer = find(cache, block);
    spin_unlock(&cache->lock);
    count(buffer ? &bcache_stats.hits : &bcache_stats.misses, 1);
    if (buffer) return buffer;
    struct buffer *fresh = buffer_make(block);
    if (!fresh) return 0;
    spin_lock(&cache->lock);
    buffer = find(cache, block); /* somebody may have been faster */
    if (!buffer) {
        list_push_front(bucket_of(cache, block), &fresh->hash_link);
        cache->count++;
    }
    spin_unlock(&cache->lock);
    if (buffer)
        buffer_free(fresh);
    else
        trim(cache, cache->limit);
    return buffer ? buffer : fresh;
}

struct buffer *buffer_get(struct bcache *cache, uint32_t block)
{
    struct buffer *buffer = get(cache, block);
    if (!buffer) return ERR_PTR(-ENOMEM);
    int error = 0;
    mutex_lock(&buffer->load_lock);
    if (!buffer->uptodate) {
        error = blk_transfer(cache->device, BLK_READ, (uint64_t)block * SECTORS, buffer->data, 4096);
        buffer->uptodate = !error;
        buffer->checked = false;
    }
    mutex_unlock(&buffer->load_lock);
    if (!error) return buffer;
    buffer_put(cache, buffer);
    return ERR_PTR(error);
}

struct buffer *buffer_new(struct bcache *cache, uint32_t block)
{
    struct buffer *buffer = get(cache, block);
    if (!buffer) return ERR_PTR(-ENOMEM);
    memset(buffer->data, 0, 4096);
    buffer->uptodate = true;
    buffer->checked = true;
    return buffer;
}

void buffer_put(struct bcache *cache, struct buffer *buffer)
{
    spin_lock(&cache->lock);
    if (--buffer->refs == 0) list_push_back(&cache->lru, &buffer->lru_link);
    spin_unlock(&cache->lock);
}

void bcache_shrink(struct bcache *cache) { trim(cache, 0); }

void bcache_drop(struct bcache *cache)
{
    for (size_t i = 0; i < BCACHE_BUCKETS; i++) {
        struct buffer *buffer, *after;
        list_for_each_safe(buffer, after, &cache->bucket[i], hash_link)
        {
            list_remove(&buffer->hash_link);
            list_remove(&buffer->lru_link);
            list_remove(&buffer->txn_link);
            list_remove(&buffer->checkpoint_link);
            buffer_free(buffer);
        }
    }
}
