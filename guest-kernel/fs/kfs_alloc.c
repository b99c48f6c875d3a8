/*
 * kfs_alloc.c - which blocks and inodes are free.
 *
 * The bitmaps on the disk say it, with two corrections in memory: a block that was freed stays aside until the transaction that freed it
 * counts (pending), and room is promised to pages that are in the page cache only, so that write() can say ENOSPC and the later
 * write-back need not. A new block is looked for from a goal on, the block behind the file's last one, so that files lie
 * together.
 */
#include "fs/kfs.h"
#include "fs/kfs_order.h"

#include "base/bitmap.h"
#include "base/string.h"
#include "kern/print.h"
#include "mm/frame.h"
#include "mm/slab.h"

int kfs_damaged(struct kfs *kfs, const char *what, uint64_t number)
{
    if (!kfs->damaged) printk("kfs: %s: %s (%lu); run fsck.kfs\n", kfs->cache.device->name, what, number);
    kfs->damaged = true;
    return -EUCLEAN;
}

bool kfs_is_data(const struct kfs *kfs, uint32_t block)
{
    const struct kfs_super *s = &kfs->super;
    return block >= s->data_start && block < s->blocks && block != kfs_replica_block(s->blocks, 1) &&
           block != kfs_replica_block(s->blocks, 2);
}

/* Clear bits among the first `bits` of the bitmap at `first`. */
static int count_clear(struct kfs *kfs, uint32_t first, uint32_t bits, uint64_t *clear)
{
    *clear = 0;
    for (uint32_t base = 0; base < bits; base += KFS_BITS_BLOCK) {
        struct buffer *buffer = buffer_get(&kfs->cache, first + base / KFS_BITS_BLOCK);
        if (IS_ERR(buffer)) return (int)PTR_ERR(buffer);
        const uint64_t *words = (const void *)buffer->data;
        uint32_t here = MIN(bits - base, KFS_BITS_BLOCK);
        for (uint32_t i = 0; i < here; i++) *clear += !bitmap_test(words, i);
        buffer_put(&kfs->cache, buffer);
    }
    return 0;
}

int kfs_count_free(struct kfs *kfs)
{
    int error = count_clear(kfs, kfs->super.block_bitmap, kfs->super.blocks, &kfs->free_blocks);
    return error ? error : count_clear(kfs, kfs->super.inode_bitmap, kfs->super.inodes, &kfs->free_inodes);
}

/* A clear bit in one bitmap block that is not pending either, from `start` on; `bits`: none. */
static uint32_t find_clear(const uint64_t *words, const uint64_t *pending, uint32_t bits, uint32_t start)
{
    for (uint32_t i = start; i < bits;) {
        uint64_t word = words[i / 64] | (pending ? pending[i / 64] : 0);
        uint64_t clear = ~word >> i % 64;
        if (clear) {
            uint32_t found = i + (uint32_t)__builtin_ctzll(clear);
            return MIN(found, bits);
        }
        i = (i / 64 + 1) * 64;
    }
    return bits;
}

/* Finds and sets a clear bit. alloc_lock held. -ENOSPC. */
static int take_bit(struct kfs *kfs, struct handle *handle, uint32_t first, uint32_t bits, uint32_t goal, bool blocks,
                    uint32_t *found)
{
    uint32_t groups = (bits + KFS_BITS_BLOCK - 1) / KFS_BITS_BLOCK;
    if (goal >= bits) goal = 0;
    for (uint32_t n = 0; n <= groups; n++) {
        uint32_t group = (goal / KFS_BITS_BLOCK + n) % groups, start = n ? 0 : goal % KFS_BITS_BLOCK;
        uint32_t here = MIN(bits - group * KFS_BITS_BLOCK, KFS_BITS_BLOCK);
        struct buffer *buffer = buffer_get(&kfs->cache, first + group);
        if (IS_ERR(buffer)) return (int)PTR_ERR(buffer);
        uint64_t *words = (void *)buffer->data;
        uint32_t bit = find_clear(words, blocks ? kfs->pending[group] : 0, here, start);
        int error = bit < here ? journal_join(handle, buffer) : 0;
        if (bit < here && !error) bitmap_set(words, bit);
        buffer_put(&kfs->cache, buffer);
        if (error) return error;
        if (bit < here) {
            *found = group * KFS_BITS_BLOCK + bit;
            return 0;
        }
    }
    return -ENOSPC;
}

/* The bitmap block in which a bit that must be set is going to be cleared, joined and with a reference. alloc_lock held. */
static int joined_bit(struct kfs *kfs, struct handle *handle, uint32_t first, uint32_t bit, struct buffer **joined)
{
    struct buffer *buffer = buffer_get(&kfs->cache, first + bit / KFS_BITS_BLOCK);
    if (IS_ERR(buffer)) return (int)PTR_ERR(buffer);
    bool set = bitmap_test((void *)buffer->data, bit % KFS_BITS_BLOCK);
    int error = set ? journal_join(handle, buffer) : kfs_damaged(kfs, "freed twice", bit);
    if (error)
        buffer_put(&kfs->cache, buffer);
    else
        *joined = buffer;
    return error;
}

static void clear_bit(struct kfs *kfs, struct buffer *joined, uint32_t bit)
{
    bitmap_clear((void *)joined->data, bit % KFS_BITS_BLOCK);
    buffer_put(&kfs->cache, joined);
}

int kfs_alloc_block(struct kfs *kfs, struct handle *handle, uint32_t goal, bool was_promised, uint32_t *block)
{
    mutex_lock(&kfs->alloc_lock);
    int error = was_promised || kfs->free_blocks > kfs->promised ? 0 : -ENOSPC;
    if (!error) error = take_bit(kfs, handle, kfs->super.block_bitmap, kfs->super.blocks, goal, true, block);
    if (!error) kfs->free_blocks--;
    mutex_unlock(&kfs->alloc_lock);
    if (!error && !kfs_is_data(kfs, *block)) error = kfs_damaged(kfs, "block bitmap has a structure free", *block);
    return error;
}

int kfs_free_block(struct kfs *kfs, struct handle *handle, uint32_t block, bool metadata)
{
    struct buffer *bitmap = 0;
    if (!kfs_is_data(kfs, block)) return kfs_damaged(kfs, "pointer out of range", block);
    mutex_lock(&kfs->alloc_lock);
    uint64_t **pending = &kfs->pending[block / KFS_BITS_BLOCK];
    if (!*pending) *pending = kzalloc(KFS_BLOCK_BYTES);
    int error = *pending ? joined_bit(kfs, handle, kfs->super.block_bitmap, block, &bitmap) : -ENOMEM;
    if (!error) error = journal_free(handle, block, metadata);
    if (!error) {
        if (!KFS_LEFT_OUT(KFS_ORDER_FREED)) bitmap_set(*pending, block % KFS_BITS_BLOCK);
        clear_bit(kfs, bitmap, block);
    } else if (bitmap) {
        buffer_put(&kfs->cache, bitmap);
    }
    mutex_unlock(&kfs->alloc_lock);
    return error;
}

void kfs_return_block(struct kfs *kfs, struct handle *handle, uint32_t block)
{
    struct buffer *bitmap;
    mutex_lock(&kfs->alloc_lock);
    journal_forget(handle, block);
    if (!joined_bit(kfs, handle, kfs->super.block_bitmap, block, &bitmap)) {
        clear_bit(kfs, bitmap, block);
        kfs->free_blocks++;
    }
    mutex_unlock(&kfs->alloc_lock);
}

void kfs_release_pending(void *owner, uint32_t block, uint32_t count)
{
    struct kfs *kfs = owner;
    mutex_lock(&kfs->alloc_lock);
    for (uint32_t b = block; b < block + count; b++)
        if (kfs->pending[b / KFS_BITS_BLOCK]) bitmap_clear(kfs->pending[b / KFS_BITS_BLOCK], b % KFS_BITS_BLOCK);
    kfs->free_blocks += count;
    mutex_unlock(&kfs->alloc_lock);
}

int kfs_alloc_inode(struct kfs *kfs, struct handle *handle, uint32_t *number)
{
    mutex_lock(&kfs->alloc_lock);
    int error = take_bit(kfs, handle, kfs->super.inode_bitmap, kfs->super.inodes, kfs->inode_hint, false, number);
    if (!error) {
        kfs->free_inodes--;
        kfs->inode_hint = *number + 1;
    }
    mutex_unlock(&kfs->alloc_lock);
    if (!error && *number < KFS_FIRST_INODE) error = kfs_damaged(kfs, "inode bitmap has the root free", *number);
    return error;
}

int kfs_free_inode(struct kfs *kfs, struct handle *handle, uint32_t number)
{
    mutex_lock(&kfs->alloc_lock);
    struct buffer *bitmap;
    int error = joined_bit(kfs, handle, kfs->super.inode_bitmap, number, &bitmap);
    if (!error) {
        clear_bit(kfs, bitmap, number);
        kfs->free_inodes++;
        if (number < kfs->inode_hint) kfs->inode_hint = number;
    }
    mutex_unlock(&kfs->alloc_lock);
    return error;
}
