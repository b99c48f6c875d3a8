/*
 * kfs_file.c - contents: pages of the page cache to and from blocks.
 *
 * A page written by a program gets its block only when it is written back (so a file that is soon deleted never gets any, and one
 * that is written as a whole gets neighbouring blocks). Until then room is promised to it. Write-back of a new block: begin a
 * transaction, choose the block, write the data and wait, end the transaction. The transaction cannot be committed before
 * it ends, so the data is on its way before the pointer to it counts, and the commit's FLUSH brings it to the medium: never
 * does a file show what was in its blocks before ("ordered" mode). The size on the disk grows only with written pages, too.
 */
#include "fs/kfs.h"
#include "fs/kfs_order.h"

#include "base/string.h"
#include "kern/print.h"
#include "mm/frame.h"

#define SECTORS    (KFS_BLOCK_BYTES / SECTOR_BYTES)
#define PAGES_MOST 16u /* written in one transaction */

/* Reading. */

static void add_pages(struct kfs *kfs, struct blk_batch *batch, enum blk_operation operation, uint32_t block,
                      struct page **page, unsigned n)
{
    struct blk_segment segment[BLK_SEGMENTS];
    for (unsigned i = 0; i < n; i++) segment[i] = (struct blk_segment){page_va(page[i]), PAGE_SIZE};
    blk_batch_add(batch, kfs->cache.device, operation, (uint64_t)block * SECTORS, segment, n);
}

/* Pages index ... index+n-1 whose blocks are known, neighbours in one request. Holes are left alone. */
static int move_pages(struct kfs *kfs, enum blk_operation operation, const uint32_t *block, struct page **page,
                      unsigned n)
{
    struct blk_batch batch;
    blk_batch_init(&batch);
    for (unsigned i = 0, run; i < n; i += run) {
        run = 1;
        if (!block[i]) continue;
        while (i + run < n && run < BLK_SEGMENTS && block[i + run] == block[i] + run) run++;
        add_pages(kfs, &batch, operation, block[i], page + i, run);
    }
    return KFS_WAITED(KFS_WAIT_DATA, &batch);
}

static int read_some(struct kfs_file *file, uint64_t index, struct page **page, unsigned n)
{
    uint32_t block[PAGES_MOST];
    int error = 0;
    mutex_lock(&file->map_lock);
    for (unsigned i = 0; i < n && !error; i++) error = kfs_map(file, index + i, &block[i]);
    uint64_t size = file->disk_size;
    mutex_unlock(&file->map_lock);
    if (!error) error = move_pages(kfs_of(&file->inode), BLK_READ, block, page, n);
    for (unsigned i = 0; i < n && !error; i++) { /* holes, and what lies behind the end */
        uint64_t start = (index + i) * PAGE_SIZE;
        size_t valid = !block[i] || size <= start ? 0 : MIN(size - start, (uint64_t)PAGE_SIZE);
        memset((char *)page_va(page[i]) + valid, 0, PAGE_SIZE - valid);
    }
    return error;
}

static int kfs_read_pages(struct mapping *mapping, uint64_t index, struct page **page, unsigned n)
{
    struct inode *inode = mapping->owner;
    int error = 0;
    for (unsigned i = 0; i < n && !error; i += PAGES_MOST)
        error = read_some(kfs_file(inode), index + i, page + i, MIN(n - i, PAGES_MOST));
    return error;
}

static int kfs_read_page(struct mapping *mapping, uint64_t index, struct page *page)
{
    return kfs_read_pages(mapping, index, &page, 1);
}

/* Promises. Under map_lock; the sum under alloc_lock. */

static int promise(struct kfs_file *file, uint64_t index)
{
    struct kfs *kfs = kfs_of(&file->inode);
    if (radix_find(&file->promised, index)) return 0;
    uint64_t cost = kfs_map_cost(file, index);
    if (!cost) return 0;
    if (index > KFS_FILE_BLOCKS - 1) return -EFBIG;
    mutex_lock(&kfs->alloc_lock);
    int error = kfs->free_blocks - kfs->promised >= cost ? 0 : -ENOSPC;
    if (kfs->promised > kfs->free_blocks) error = -ENOSPC;
    if (!error) kfs->promised += cost;
    mutex_unlock(&kfs->alloc_lock);
    if (error) return error;
    error = radix_set(&file->promised, index, (void *)(uintptr_t)(cost * 2 + 1));
    if (!error) return 0;
    mutex_lock(&kfs->alloc_lock);
    kfs->promised -= cost;
    mutex_unlock(&kfs->alloc_lock);
    return error;
}

static bool unpromise_one(struct kfs_file *file, uint64_t index)
{
    struct kfs *kfs = kfs_of(&file->inode);
    uint64_t value = (uint64_t)(uintptr_t)radix_remove(&file->promised, index);
    if (!value) return false;
    mutex_lock(&kfs->alloc_lock);
    kfs->promised -= value / 2;
    mutex_unlock(&kfs->alloc_lock);
    return true;
}

void kfs_unpromise(struct kfs_file *file, uint64_t from_page)
{
    for (uint64_t index = from_page; radix_next(&file->promised, &index);) unpromise_one(file, index);
}

static int promise_range(struct kfs_file *file, uint64_t offset, uint64_t bytes)
{
    int error = 0;
    mutex_lock(&file->map_lock);
    for (uint64_t i = offset / PAGE_SIZE; i <= (offset + bytes - 1) / PAGE_SIZE && !error; i++)
        error = promise(file, i);
    mutex_unlock(&file->map_lock);
    return error;
}

/* `grow`: for a write, by which the file may become longer; the inode is locked. */
static int reserve(struct inode *inode, uint64_t offset, uint64_t bytes, bool grow)
{
    struct kfs_file *file = kfs_file(inode);
    if (offset + bytes > KFS_FILE_BLOCKS * KFS_BLOCK_BYTES) return -EFBIG;
    if (kfs_of(inode)->journal.error) return -EROFS; /* failed or frozen */
    int error = kfs_may_grow(file);
    if (!error && grow && offset > inode->size) error = KFS_ORDERED(KFS_ORDER_TAIL, kfs_zero_tail(file));
    if (!error) error = promise_range(file, offset, bytes);
    if (error != -ENOSPC) return error;
    /* Promises are cautious: make them true, commit what was freed, and look again. */
    pagecache_flush(&inode->mapping, 0, UINT64_MAX);
    journal_commit(&kfs_of(inode)->journal);
    return promise_range(file, offset, bytes);
}

int kfs_reserve(struct inode *inode, uint64_t offset, uint64_t bytes) { return reserve(inode, offset, bytes, true); }

/* A store through a map: behind the size that the inode has, perhaps, when a write() that makes the file longer is at work. What that one has
 * put behind the old end must stay. */
static int kfs_make_writable(struct mapping *mapping, uint64_t index)
{
    return reserve(mapping->owner, index * PAGE_SIZE, 1, false);
}

/* The file is about to grow past its end: what its last block may hold behind the end becomes zero, in memory (stores through a shared
 * map) and on the disk (the file may have been longer, and shortened before a crash). */
int kfs_zero_tail(struct kfs_file *file)
{
    struct inode *inode = &file->inode;
    uint64_t index = inode->size / PAGE_SIZE;
    uint32_t block;
    struct page *page;
    if (inode->size % PAGE_SIZE == 0) return 0;
    mutex_lock(&file->map_lock);
    int error = kfs_map(file, index, &block);
    bool there = block || radix_find(&file->promised, index); /* on the disk, or in memory only */
    mutex_unlock(&file->map_lock);
    if (error || !there) return error;
    error = pagecache_get(&inode->mapping, index, &page);
    if (error) return error;
    memset((char *)page_va(page) + inode->size % PAGE_SIZE, 0, PAGE_SIZE - inode->size % PAGE_SIZE);
    pagecache_dirty(&inode->mapping, page);
    page_put(page);
    return pagecache_flush(&inode->mapping, index * PAGE_SIZE, (index + 1) * PAGE_SIZE);
}

/* Writing. */

/* The pages' blocks, 0 where there is none. map_lock held. *fresh: there are some. */
static int look_up_blocks(struct kfs_file *file, uint64_t index, unsigned n, uint32_t *block, bool *fresh)
{
    int error = 0;
    for (unsigned i = 0; i < n && !error; i++) {
        error = kfs_map(file, index + i, &block[i]);
        if (!error && !block[i]) *fresh = true;
    }
    return error;
}

/* Blocks for the pages; new ones where there are none (bits of *fresh). map_lock held. *chosen: how many have one; all, or an error. */
static int choose_blocks(struct kfs_file *file, struct handle *handle, uint64_t index, unsigned n, uint32_t *block,
                         unsigned *chosen, uint32_t *fresh)
{
    for (*chosen = 0, *fresh = 0; *chosen < n; ++*chosen) {
        uint64_t at = index + *chosen;
        int error = kfs_map(file, at, &block[*chosen]);
        if (!error && block[*chosen]) continue;
        if (!error) error = kfs_map_new(file, handle, at, radix_find(&file->promised, at), false, &block[*chosen]);
        if (error) return error;
        *fresh |= 1u << *chosen;
    }
    return 0;
}

/* The new blocks hold their pages, and their promises are kept; or they do not, and nothing may point to them. map_lock held. */
static void settle(struct kfs_file *file, struct handle *handle, uint64_t index, unsigned n, uint32_t fresh, bool good)
{
    for (unsigned i = 0; i < n; i++) {
        if (!(fresh >> i & 1)) continue;
        if (good)
            unpromise_one(file, index + i);
        else
            kfs_map_undo(file, handle, index + i);
    }
}

/* By the mapping's size: a page may be written back before the write() that filled it has come to its end and set the inode's. */
static uint64_t written_end(struct kfs_file *file, uint64_t index, unsigned n)
{
    return MIN(atomic_load(&file->inode.mapping.size), (index + n) * PAGE_SIZE);
}

/* New blocks or a larger size: within a transaction. */
static int write_new(struct kfs_file *file, uint64_t index, struct page **page, unsigned n)
{
    struct kfs *kfs = kfs_of(&file->inode);
    struct handle handle;
    uint32_t block[PAGES_MOST], fresh = 0;
    unsigned chosen = 0;
    int error = journal_begin(&kfs->journal, &handle, 2 * n + KFS_MAP_CREDITS);
    if (error) return error;
    mutex_lock(&file->map_lock);
    error = kfs_prepare(&file->inode, &handle);
    bool prepared = !error;
    if (!error) error = choose_blocks(file, &handle, index, n, block, &chosen, &fresh);
    mutex_unlock(&file->map_lock);
    int written = KFS_LEFT_OUT(KFS_ORDER_DATA) ? 0 : move_pages(kfs, BLK_WRITE, block, page, chosen); /* and waits */
    mutex_lock(&file->map_lock);
    settle(file, &handle, index, chosen, fresh, !written);
    if (!written && chosen && written_end(file, index, chosen) > file->disk_size)
        file->disk_size = written_end(file, index, chosen);
    if (prepared) kfs_store(file, &handle);
    mutex_unlock(&file->map_lock);
    journal_end(&handle);
    if (KFS_LEFT_OUT(KFS_ORDER_DATA)) written = move_pages(kfs, BLK_WRITE, block, page, chosen);
    return error ? error : written;
}

static int write_some(struct kfs_file *file, uint64_t index, struct page **page, unsigned n)
{
    uint32_t block[PAGES_MOST];
    bool fresh = false;
    mutex_lock(&file->map_lock);
    int error = look_up_blocks(file, index, n, block, &fresh);
    bool grows = written_end(file, index, n) > file->disk_size;
    mutex_unlock(&file->map_lock);
    if (error) return error;
    if (fresh || grows || file->inode.times_dirty) return write_new(file, index, page, n);
    return move_pages(kfs_of(&file->inode), BLK_WRITE, block, page, n);
}

static int kfs_write_pages(struct mapping *mapping, uint64_t index, struct page **page, unsigned n)
{
    struct inode *inode = mapping->owner;
    struct kfs *kfs = kfs_of(inode);
    unsigned room = kfs->journal.limit / 2, most = room > KFS_MAP_CREDITS + 2 ? (room - KFS_MAP_CREDITS) / 2 : 1;
    int error = 0;
    most = MIN(most, PAGES_MOST);
    for (unsigned i = 0; i < n && !error; i += most)
        error = write_some(kfs_file(inode), index + i, page + i, MIN(n - i, most));
    return error;
}

static int kfs_write_page(struct mapping *mapping, uint64_t index, struct page *page)
{
    return kfs_write_pages(mapping, index, &page, 1);
}

static const struct mapping_ops kfs_mapping_ops = {.read_page = kfs_read_page,
                                                   .read_pages = kfs_read_pages,
                                                   .write_page = kfs_write_page,
                                                   .write_pages = kfs_write_pages,
                                                   .make_writable = kfs_make_writable,
                                                   .hold = inode_mapping_hold,
                                                   .release = inode_mapping_release};

void kfs_mapping_setup(struct kfs_file *file)
{
    struct inode *inode = &file->inode;
    inode->ops = &kfs_inode_ops;
    inode->fops = S_ISDIR(inode->mode) ? &kfs_directory_ops : &kfs_file_ops;
    if (S_ISREG(inode->mode)) mapping_init(&inode->mapping, &kfs_mapping_ops, inode, inode->size);
}

int kfs_fsync(struct file *file, bool data_only)
{
    struct inode *inode = file->inode;
    struct kfs *kfs = kfs_of(inode);
    int error = S_ISREG(inode->mode) ? KFS_ORDERED(KFS_ORDER_CONTENT, cached_fsync(file, data_only)) : 0;
    if (!error && !(inode->sb->flags & MS_RDONLY)) error = kfs_store_times(kfs_file(inode));
    if (error) return error;
    bool uncommitted = kfs_file(inode)->sequence > __atomic_load_n(&kfs->journal.committed, __ATOMIC_ACQUIRE);
    return uncommitted ? journal_sync(&kfs->journal) : KFS_ORDERED(KFS_FLUSH_IDLE, blk_flush(kfs->cache.device));
}

const struct file_ops kfs_file_ops = {
    .read = cached_read, .write = cached_write, .map = cached_map, .fsync = kfs_fsync};
const struct file_ops kfs_directory_ops = {.readdir = kfs_readdir, .fsync = kfs_fsync};
