/*
 * kfs_super.c - mounting: superblock, recovery, orphans; the periodic flush; unmounting.
 *
 * A mount reads the superblock, replays the log (always: nobody knows whether the last stop was in order), says in the superblock
 * that the disk is in use, counts what is free, and deletes orphans. Every five seconds a thread writes back what is
 * dirty and commits, so that a crash costs at most so much of what was not fsynced.
 */
#include "fs/kfs.h"
#include "fs/kfs_order.h"

#include "arch/time.h"
#include "base/string.h"
#include "kern/init.h"
#include "kern/print.h"
#include "kern/task.h"
#include "kern/wait.h"
#include "mm/frame.h"
#include "mm/slab.h"

#define SECTORS        (KFS_BLOCK_BYTES / SECTOR_BYTES)
#define FLUSH_EVERY_NS (5 * NS_PER_S)
#define KFS_TYPE       0x4b4f5331

static struct inode *kfs_alloc(struct superblock *sb)
{
    (void)sb;
    struct kfs_file *file = kzalloc(sizeof *file);
    if (!file) return 0;
    mutex_init(&file->map_lock, "kfs map");
    return &file->inode;
}

static void kfs_free(struct inode *inode) { kfree(kfs_file(inode)); }

/* For kfs_replay: transfers through a block of the buffer's kind of memory, which the device can reach. */
static int replay_read(void *context, uint32_t block, void *to)
{
    struct kfs *kfs = context;
    return blk_transfer(kfs->cache.device, BLK_READ, (uint64_t)block * SECTORS, to, KFS_BLOCK_BYTES);
}
static int replay_write(void *context, uint32_t block, const void *from)
{
    struct kfs *kfs = context;
    return blk_transfer(kfs->cache.device, BLK_WRITE, (uint64_t)block * SECTORS, (void *)(uintptr_t)from,
                        KFS_BLOCK_BYTES);
}
static int replay_flush(void *context) { return blk_flush(((struct kfs *)context)->cache.device); }

static int recover(struct kfs *kfs, uint64_t *sequence)
{
    struct kfs_io io = {replay_read, replay_write, replay_flush, kmalloc, kfree, kfs};
    struct kfs_replayed *result = &kfs->replayed;
    int error = kfs_replay(&kfs->super, &io, result);
    if (error) kfs->wrong = result->damage ? result->damage : "the log cannot be read";
    *sequence = result->next_sequence;
    return error;
}

static int read_super(struct kfs *kfs)
{
    struct blkdev *device = kfs->cache.device;
    uint64_t blocks = device->sectors / SECTORS;
    uint8_t *block = kfs->block = kmalloc(KFS_BLOCK_BYTES);
    if (!block) return -ENOMEM;
    const char *wrong = "device is too small";
    int error = -EINVAL;
    for (unsigned replica = 0; wrong && replica < 3 && blocks >= KFS_BLOCKS_MIN; replica++) {
        error = blk_transfer(device, BLK_READ, (uint64_t)kfs_replica_block(blocks, replica) * SECTORS, block,
                             KFS_BLOCK_BYTES);
        memcpy(&kfs->super, block, sizeof kfs->super);
        wrong = error ? "superblock cannot be read" : kfs_super_wrong(&kfs->super, blocks);
        kfs->replica = replica;
    }
    kfs->wrong = wrong;
    return wrong ? -EINVAL : 0;
}

/* "In use" need not be flushed: no change counts before the FLUSH of its commit. */
static int write_state(struct kfs *kfs, uint32_t state)
{
    uint8_t *block = kfs->block;
    memset(block, 0, KFS_BLOCK_BYTES);
    kfs->super.state = state | (kfs->damaged ? KFS_STATE_ERRORS : 0) | (kfs->super.state & KFS_STATE_ERRORS);
    kfs->super.replica = 0;
    kfs->super.checksum = kfs_super_checksum(&kfs->super);
    memcpy(block, &kfs->super, sizeof kfs->super);
    int error = blk_transfer(kfs->cache.device, BLK_WRITE, (uint64_t)KFS_SUPER_BLOCK * SECTORS, block, KFS_BLOCK_BYTES);
    if (error || state != KFS_STATE_CLEAN) return error;
    return KFS_ORDERED(KFS_FLUSH_CLEAN, blk_flush(kfs->cache.device));
}

/* What a crash left half-done, or want of memory: files without names are deleted, shortening files are shortened. */
static int adopt_orphans(struct kfs *kfs, unsigned *deleted)
{
    *deleted = 0;
    for (uint32_t number = KFS_FIRST_INODE; number < kfs->super.inodes; number++) {
        struct buffer *buffer = buffer_get(&kfs->cache, kfs->super.inode_table + number / KFS_INODES_BLOCK);
        if (IS_ERR(buffer)) return (int)PTR_ERR(buffer);
        const struct kfs_inode *disk = (const struct kfs_inode *)(void *)buffer->data + number % KFS_INODES_BLOCK;
        bool orphan = disk->mode && !disk->links, shortening = disk->mode && (disk->flags & KFS_INODE_TRUNCATING);
        buffer_put(&kfs->cache, buffer);
        if (!orphan && !shortening) continue;
        struct inode *inode = inode_get(kfs->sb, number);
        if (IS_ERR(inode)) { /* damaged: left to fsck.kfs */
            kfs->left_over |= PTR_ERR(inode) != -EUCLEAN;
            continue;
        }
        if (!orphan && S_ISREG(inode->mode) && kfs_shrink(kfs_file(inode))) kfs->left_over = true;
        *deleted += orphan;
        inode_put(inode);
    }
    return 0;
}

static int kfs_sync(struct superblock *sb) { return journal_sync(&((struct kfs *)sb->private)->journal); }

static void kfs_shrink_cache(struct superblock *sb) { bcache_shrink(&((struct kfs *)sb->private)->cache); }

static void flusher(void *context)
{
    struct kfs *kfs = context;
    spin_lock(&kfs->flusher_lock);
    while (!kfs->flusher_stop) {
        int why = wait_on(&kfs->flusher_wait, &kfs->flusher_lock, false, time_ns() + FLUSH_EVERY_NS);
        if (why != -ETIMEDOUT || kfs->flusher_stop) continue;
        spin_unlock(&kfs->flusher_lock);
        if (pagecache_periodic) journal_commit(&kfs->journal);
        spin_lock(&kfs->flusher_lock);
    }
    kfs->flusher_gone = true;
    wake_all(&kfs->flusher_wait);
    spin_unlock(&kfs->flusher_lock);
}

static void stop_flusher(struct kfs *kfs)
{
    spin_lock(&kfs->flusher_lock);
    kfs->flusher_stop = true;
    wake_all(&kfs->flusher_wait);
    while (!kfs->flusher_gone) wait_on(&kfs->flusher_wait, &kfs->flusher_lock, false, 0);
    spin_unlock(&kfs->flusher_lock);
}

static void release(struct kfs *kfs)
{
    journal_drop(&kfs->journal);
    bcache_drop(&kfs->cache);
    uint32_t groups = (kfs->super.blocks + KFS_BITS_BLOCK - 1) / KFS_BITS_BLOCK;
    for (uint32_t i = 0; kfs->pending && i < groups; i++) kfree(kfs->pending[i]);
    kfree(kfs->pending);
    kfree(kfs->block);
    kfree(kfs);
}

/* Another try at what failed for want of memory. If it fails again the disk is not clean, and the next mount tries. */
static void finish_left_over(struct kfs *kfs)
{
    kfs->left_over = false;
    unsigned deleted;
    if (adopt_orphans(kfs, &deleted)) kfs->left_over = true;
    inode_drop_all(kfs->sb);
}

static void kfs_unmount(struct superblock *sb)
{
    struct kfs *kfs = sb->private;
    if (!kfs->flusher_gone) stop_flusher(kfs);
    if (!(sb->flags & MS_RDONLY)) {
        if (kfs->left_over) finish_left_over(kfs);
        int error = journal_checkpoint(&kfs->journal);
        if (!error) write_state(kfs, kfs->left_over ? KFS_STATE_IN_USE : KFS_STATE_CLEAN);
    }
    release(kfs);
}

static int kfs_statfs(struct superblock *sb, struct statfs_info *info)
{
    struct kfs *kfs = sb->private;
    uint64_t free = kfs->free_blocks > kfs->promised ? kfs->free_blocks - kfs->promised : 0;
    *info = (struct statfs_info){.type = KFS_TYPE,
                                 .block_bytes = KFS_BLOCK_BYTES,
                                 .blocks = kfs->super.blocks - kfs->super.data_start,
                                 .free = free,
                                 .available = free,
                                 .inodes = kfs->super.inodes,
                                 .inodes_free = kfs->free_inodes,
                                 .name_max = KFS_NAME_MAX};
    return 0;
}

struct orphan_count {
    struct superblock *sb;
    unsigned orphans;
};
static void count_orphan(struct inode *inode, void *context)
{
    struct orphan_count *count = context;
    count->orphans += inode->sb == count->sb && !inode->links;
}

/* Deleted files that are still open: the next mount has to delete them, so the disk is not clean. */
static bool has_orphans(struct superblock *sb)
{
    struct orphan_count count = {sb, 0};
    inode_each(count_orphan, &count);
    return count.orphans;
}

/* Read-only means that the disk does not change any more: the log is empty and takes nothing. */
static int kfs_remount(struct superblock *sb, unsigned flags)
{
    struct kfs *kfs = sb->private;
    bool was = sb->flags & MS_RDONLY, wish = flags & MS_RDONLY;
    if (was == wish) return 0;
    if (!wish) {
        if (kfs->unrecovered) return -EROFS;
        int error = journal_thaw(&kfs->journal);
        return error ? error : write_state(kfs, KFS_STATE_IN_USE);
    }
    pagecache_flush_all();
    int error = journal_freeze(&kfs->journal);
    if (error || has_orphans(sb) || kfs->left_over) return error;
    return write_state(kfs, KFS_STATE_CLEAN);
}

static bool kfs_is_on(struct blkdev *device)
{
    struct kfs_super super;
    void *block = kmalloc(KFS_BLOCK_BYTES);
    bool readable = block && device->sectors / SECTORS > KFS_SUPER_BLOCK &&
                    !blk_transfer(device, BLK_READ, KFS_SUPER_BLOCK * SECTORS, block, KFS_BLOCK_BYTES);
    if (readable) memcpy(&super, block, sizeof super);
    kfree(block);
    return readable && super.magic == KFS_MAGIC;
}

static const struct sb_ops kfs_sb_ops = {.alloc = kfs_alloc,
                                         .free = kfs_free,
                                         .load = kfs_load,
                                         .evict = kfs_evict,
                                         .keep = true,
                                         .sync = kfs_sync,
                                         .shrink = kfs_shrink_cache,
                                         .statfs = kfs_statfs,
                                         .remount = kfs_remount,
                                         .unmount = kfs_unmount};

/* Everything up to the root directory. */
static int start(struct kfs *kfs)
{
    uint64_t sequence = 0;
    int error = read_super(kfs);
    /* A replica's state is of the day when the file system was made. */
    bool read_only = kfs->sb->flags & MS_RDONLY, was_clean = kfs->super.state == KFS_STATE_CLEAN && !kfs->replica;
    kfs->unrecovered = read_only && blk_read_only(kfs->cache.device);
    if (!error && !kfs->unrecovered) error = KFS_ORDERED(KFS_ORDER_RECOVERY, recover(kfs, &sequence));
    if (error) return error;
    error = journal_init(&kfs->journal, &kfs->cache, kfs->super.log_start, kfs->super.log_blocks, sequence);
    if (error) return error;
    kfs->journal.release = kfs_release_pending;
    kfs->journal.owner = kfs;
    uint32_t groups = (kfs->super.blocks + KFS_BITS_BLOCK - 1) / KFS_BITS_BLOCK;
    kfs->pending = kzalloc(groups * sizeof *kfs->pending);
    if (!kfs->pending) return -ENOMEM;
    error = kfs_count_free(kfs);
    if (!error && !read_only) error = KFS_ORDERED(KFS_ORDER_ORPHANS, write_state(kfs, KFS_STATE_IN_USE));
    if (!error && !read_only && !was_clean) error = adopt_orphans(kfs, &kfs->deleted);
    if (read_only && !was_clean) kfs->left_over = true; /* should it become writable */
    if (error) return error;
    struct inode *root = inode_get(kfs->sb, KFS_ROOT_INODE);
    if (IS_ERR(root)) return (int)PTR_ERR(root);
    uint32_t parent = 0;
    bool directory = S_ISDIR(root->mode) && root->links;
    if (directory) error = kfs_dir_parent(root, &parent);
    if (!error && (!directory || parent != KFS_ROOT_INODE))
        error = kfs_damaged(kfs, "root is no directory", KFS_ROOT_INODE);
    if (error) {
        inode_put(root);
        return error;
    }
    kfs->sb->root = root;
    return 0;
}

/* What a mount has found, once it is certain; a refused one gives one line, and nothing of this. */
static void report(const struct kfs *kfs)
{
    const char *name = kfs->cache.device->name;
    const struct kfs_replayed *replayed = &kfs->replayed;
    if (kfs->replica) printk("kfs: %s: superblock replica %u is used; run fsck.kfs\n", name, kfs->replica);
    if (replayed->transactions)
        printk("kfs: %s: recovered %u transactions, %u blocks\n", name, replayed->transactions, replayed->blocks);
    if (kfs->super.state & KFS_STATE_ERRORS) printk("kfs: %s: had errors; run fsck.kfs\n", name);
    if (kfs->deleted) printk("kfs: %s: %u deleted files were still open\n", name, kfs->deleted);
}

static int kfs_mount(struct superblock *sb, const char *options)
{
    (void)options;
    struct kfs *kfs = kzalloc(sizeof *kfs);
    if (!kfs) return -ENOMEM;
    kfs->sb = sb;
    sb->private = kfs;
    sb->ops = &kfs_sb_ops;
    mutex_init(&kfs->alloc_lock, "kfs bitmaps");
    spin_init(&kfs->flusher_lock, "kfs flusher", RANK_JOURNAL);
    waitq_init(&kfs->flusher_wait);
    bcache_init(&kfs->cache, sb->device);
    int error = start(kfs);
    if (!error && !kthread_start("kfs flusher", flusher, kfs)) {
        inode_put(sb->root);
        error = -ENOMEM;
    }
    if (!error) {
        report(kfs);
        return 0;
    }
    if (!kfs->damaged) /* else it has been said */
        printk("kfs: %s: %s: error %d\n", sb->device->name, kfs->wrong ? kfs->wrong : "cannot be mounted", error);
    inode_drop_all(sb);
    release(kfs);
    return error;
}

static struct fs_type kfs_type = {.name = "kfs", .needs_device = true, .mount = kfs_mount, .is_on = kfs_is_on};
static void kfs_init(void) { fs_register(&kfs_type); }
INIT(INIT_SUBSYSTEM, kfs_init);
