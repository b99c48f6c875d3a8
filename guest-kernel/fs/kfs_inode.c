/*
 * kfs_inode.c - inodes: from the inode table into the active-file table and back; size changes; the end of a file.
 *
 * A file that has lost its last name lives on while it is open: its inode has links 0, an *orphan*. When the last descriptor goes it
 * is deleted. If the machine stops before, the next mount finds orphans in the inode table and deletes them.
 */
#include "fs/kfs.h"
#include "fs/kfs_order.h"

#include "base/string.h"
#include "kern/print.h"
#include "mm/slab.h"

#define SHRINK_CREDITS 16

/* The block of the inode table that holds the inode, and the inode in it. */
static struct buffer *table_buffer(struct kfs *kfs, uint64_t number, struct kfs_inode **at)
{
    if (number < KFS_ROOT_INODE || number >= kfs->super.inodes)
        return ERR_PTR(kfs_damaged(kfs, "no such inode", number));
    struct buffer *buffer = buffer_get(&kfs->cache, kfs->super.inode_table + (uint32_t)(number / KFS_INODES_BLOCK));
    if (!IS_ERR(buffer)) *at = (struct kfs_inode *)(void *)buffer->data + number % KFS_INODES_BLOCK;
    return buffer;
}

static const char *inode_wrong(const struct kfs_inode *disk, uint64_t number)
{
    static const uint16_t good_types = 1 << 1 | 1 << 2 | 1 << 4 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 12;
    if (!disk->mode) return "free inode in use";
    if (disk->checksum != kfs_inode_checksum(disk)) return "inode checksum is wrong";
    if (disk->number != number) return "inode is another one";
    if (!(good_types >> (disk->mode >> 12) & 1)) return "impossible file type";
    if (disk->size > KFS_FILE_BLOCKS * KFS_BLOCK_BYTES) return "impossible size";
    if (S_ISDIR(disk->mode) && disk->size % KFS_BLOCK_BYTES) return "impossible directory size";
    if (S_ISLNK(disk->mode) && disk->size >= KFS_BLOCK_BYTES) return "impossible link length";
    /* Only what is being deleted may be empty: a crash may come between two transactions of delete(). */
    if ((S_ISDIR(disk->mode) || S_ISLNK(disk->mode)) && !disk->size && disk->links) return "impossible empty file";
    return 0;
}

static void take_fields(struct kfs_file *file, const struct kfs_inode *disk)
{
    struct inode *inode = &file->inode;
    inode->mode = disk->mode;
    inode->links = disk->links;
    inode->uid = disk->uid;
    inode->gid = disk->gid;
    inode->size = file->disk_size = disk->size;
    inode->rdev = dev_decode(disk->rdev);
    inode->atime_ns = disk->atime_ns;
    inode->mtime_ns = disk->mtime_ns;
    inode->ctime_ns = disk->ctime_ns;
    inode->btime_ns = disk->btime_ns;
    inode->generation = disk->generation;
    file->flags = disk->flags;
    file->blocks = disk->blocks;
    inode->bytes_used = disk->blocks * KFS_BLOCK_BYTES;
    bool short_link = S_ISLNK(disk->mode) && disk->size <= KFS_SHORT_SYMLINK;
    if (short_link) return;
    memcpy(file->direct, disk->direct, sizeof file->direct);
    memcpy(file->indirect, disk->indirect, sizeof file->indirect);
    for (unsigned i = 0; i < KFS_DIRECT; i++)
        if (file->direct[i]) file->goal = file->direct[i] + 1;
}

int kfs_load(struct inode *inode)
{
    struct kfs *kfs = kfs_of(inode);
    struct kfs_file *file = kfs_file(inode);
    struct kfs_inode *disk;
    struct buffer *buffer = table_buffer(kfs, inode->ino, &disk);
    if (IS_ERR(buffer)) return (int)PTR_ERR(buffer);
    const char *wrong = inode_wrong(disk, inode->ino);
    int error = wrong ? kfs_damaged(kfs, wrong, inode->ino) : 0;
    if (!error) take_fields(file, disk);
    if (!error && S_ISLNK(inode->mode) && inode->size <= KFS_SHORT_SYMLINK) {
        file->symlink = kmalloc(KFS_SHORT_SYMLINK + 1);
        if (file->symlink)
            memcpy(file->symlink, disk->symlink, KFS_SHORT_SYMLINK + 1);
        else
            error = -ENOMEM;
    }
    buffer_put(&kfs->cache, buffer);
    if (!error) kfs_mapping_setup(file);
    return error;
}

int kfs_prepare(struct inode *inode, struct handle *handle)
{
    struct kfs_inode *disk;
    struct buffer *buffer = table_buffer(kfs_of(inode), inode->ino, &disk);
    if (IS_ERR(buffer)) return (int)PTR_ERR(buffer);
    int error = journal_join(handle, buffer);
    buffer_put(&kfs_of(inode)->cache, buffer);
    return error;
}

struct buffer *kfs_hold(struct inode *inode)
{
    struct kfs_inode *disk;
    struct buffer *buffer = table_buffer(kfs_of(inode), inode->ino, &disk);
    int error = IS_ERR(buffer) ? 0 : journal_prepare(&kfs_of(inode)->journal, buffer);
    if (!error) return buffer;
    buffer_put(&kfs_of(inode)->cache, buffer);
    return ERR_PTR(error);
}

int kfs_store(struct kfs_file *file, struct handle *handle)
{
    struct inode *inode = &file->inode;
    struct kfs *kfs = kfs_of(inode);
    struct kfs_inode *disk;
    struct buffer *buffer = table_buffer(kfs, inode->ino, &disk);
    if (IS_ERR(buffer)) return (int)PTR_ERR(buffer);
    int error = journal_join(handle, buffer);
    if (!error) {
        memset(disk, 0, sizeof *disk);
        disk->mode = (uint16_t)inode->mode;
        disk->flags = file->flags;
        disk->links = inode->links;
        disk->uid = inode->uid;
        disk->gid = inode->gid;
        disk->size = file->disk_size;
        disk->blocks = file->blocks;
        disk->atime_ns = inode->atime_ns;
        disk->mtime_ns = inode->mtime_ns;
        disk->ctime_ns = inode->ctime_ns;
        disk->btime_ns = inode->btime_ns;
        disk->rdev = dev_encode(inode->rdev);
        disk->generation = inode->generation;
        if (file->symlink) {
            memcpy(disk->symlink, file->symlink, KFS_SHORT_SYMLINK + 1);
        } else {
            memcpy(disk->direct, file->direct, sizeof file->direct);
            memcpy(disk->indirect, file->indirect, sizeof file->indirect);
        }
        disk->number = (uint32_t)inode->ino;
        disk->checksum = kfs_inode_checksum(disk);
        inode->times_dirty = false;
        inode->bytes_used = file->blocks * KFS_BLOCK_BYTES;
        file->sequence = kfs->journal.sequence;
    }
    buffer_put(&kfs->cache, buffer);
    return error;
}

int kfs_store_times(struct kfs_file *file)
{
    struct handle handle;
    if (!file->inode.times_dirty) return 0;
    int error = journal_begin(&kfs_of(&file->inode)->journal, &handle, 1);
    if (error) return error;
    mutex_lock(&file->map_lock);
    error = kfs_store(file, &handle);
    mutex_unlock(&file->map_lock);
    journal_end(&handle);
    return error;
}

int kfs_shrink(struct kfs_file *file)
{
    struct kfs *kfs = kfs_of(&file->inode);
    int error;
    do {
        struct handle handle;
        error = journal_begin(&kfs->journal, &handle, SHRINK_CREDITS);
        if (error) return error;
        mutex_lock(&file->map_lock);
        error = kfs_store(file, &handle); /* joins the inode's block while there are credits */
        /* Pages up to the size in memory may be getting their blocks just now. A link is shortened only to be deleted; its size
         * stays, since it tells what stands in the place of the pointers. */
        uint64_t end = S_ISLNK(file->inode.mode) ? 0 : MAX(file->disk_size, file->inode.size);
        int trimmed = error ? error : kfs_map_trim(file, &handle, end);
        if (!trimmed) file->flags &= (uint16_t)~KFS_INODE_TRUNCATING;
        if (!error) error = kfs_store(file, &handle);
        mutex_unlock(&file->map_lock);
        journal_end(&handle);
        if (!error) error = trimmed;
    } while (error == -EAGAIN);
    return error;
}

int kfs_may_grow(struct kfs_file *file)
{
    mutex_lock(&file->map_lock);
    bool pending = file->flags & KFS_INODE_TRUNCATING;
    mutex_unlock(&file->map_lock);
    return pending ? kfs_shrink(file) : 0;
}

/* Size becomes smaller or larger. The inode is locked, and its place in the table held. */
static int set_size(struct kfs_file *file, const struct attr *attr)
{
    struct inode *inode = &file->inode;
    struct kfs *kfs = kfs_of(inode);
    struct handle handle;
    bool smaller = attr->size < inode->size;
    if (attr->size > inode->size) {
        int error = kfs_may_grow(file);
        if (!error) error = KFS_ORDERED(KFS_ORDER_TAIL, kfs_zero_tail(file));
        if (error) return error;
    }
    /* Before the transaction: it waits for pages that are being written, whose writers may wait for a transaction. */
    if (smaller) pagecache_truncate(&inode->mapping, attr->size);
    int error = journal_begin(&kfs->journal, &handle, 2);
    if (error) {
        pagecache_truncate(&inode->mapping, inode->size);
        return error;
    }
    mutex_lock(&file->map_lock);
    if (smaller) kfs_unpromise(file, (attr->size + PAGE_SIZE - 1) / PAGE_SIZE);
    if (!smaller || attr->size < file->disk_size) file->disk_size = attr->size;
    if (smaller && file->blocks && !KFS_LEFT_OUT(KFS_ORDER_NOTE)) file->flags |= KFS_INODE_TRUNCATING;
    inode->size = attr->size;
    inode_apply(inode, attr);
    kfs_store(file, &handle);
    mutex_unlock(&file->map_lock);
    journal_end(&handle);
    /* A smaller file: once more, for a reader that looked at the old size may have brought in a page behind the new one. Before the blocks
     * are freed: they may be somebody else's then. */
    pagecache_truncate(&inode->mapping, attr->size);
    error = smaller && file->blocks ? kfs_shrink(file) : 0;
    return error == -ENOMEM ? 0
                            : error; /* it has happened; the blocks go when there is memory (kfs_may_grow, kfs_evict) */
}

static int change_size(struct kfs_file *file, const struct attr *attr)
{
    if (attr->size > KFS_FILE_BLOCKS * KFS_BLOCK_BYTES) return -EFBIG;
    struct buffer *place = kfs_hold(&file->inode);
    if (IS_ERR(place)) return (int)PTR_ERR(place);
    int error = set_size(file, attr);
    buffer_put(&kfs_of(&file->inode)->cache, place);
    return error;
}

int kfs_setattr(struct inode *inode, const struct attr *attr)
{
    struct kfs_file *file = kfs_file(inode);
    if ((attr->mask & ATTR_SIZE) && (attr->size != inode->size || file->disk_size != attr->size))
        return change_size(file, attr);
    struct handle handle;
    int error = journal_begin(&kfs_of(inode)->journal, &handle, 1);
    if (error) return error;
    mutex_lock(&file->map_lock);
    error = kfs_prepare(inode, &handle);
    if (!error) inode_apply(inode, attr);
    if (!error) kfs_store(file, &handle);
    mutex_unlock(&file->map_lock);
    journal_end(&handle);
    return error;
}

/* No name, no descriptor: blocks and inode become free. */
static int delete (struct kfs_file *file)
{
    struct kfs *kfs = kfs_of(&file->inode);
    struct kfs_inode *disk;
    struct handle handle;
    mutex_lock(&file->map_lock);
    kfs_unpromise(file, 0);
    mutex_unlock(&file->map_lock);
    if (!S_ISLNK(file->inode.mode)) file->disk_size = file->inode.size = 0;
    int error = file->symlink ? 0 : kfs_shrink(file);
    if (!error) error = journal_begin(&kfs->journal, &handle, 2);
    if (error) return error; /* stays an orphan */
    struct buffer *buffer = table_buffer(kfs, file->inode.ino, &disk);
    error = IS_ERR(buffer) ? (int)PTR_ERR(buffer) : journal_join(&handle, buffer);
    if (!error) {
        struct kfs_inode old = *disk;
        memset(disk, 0, sizeof *disk);
        disk->generation = old.generation + 1;
        error = kfs_free_inode(kfs, &handle, (uint32_t)file->inode.ino); /* from here on the number is anybody's */
        if (error) *disk = old;
    }
    if (!IS_ERR(buffer)) buffer_put(&kfs->cache, buffer);
    journal_end(&handle);
    return error;
}

void kfs_evict(struct inode *inode)
{
    struct kfs_file *file = kfs_file(inode);
    bool may = !(inode->sb->flags & MS_RDONLY);
    int error = 0;
    if (!inode->links && may && !file->unborn) {
        error = delete (file);
    } else if (may && !file->unborn) {
        error = kfs_may_grow(file);
        kfs_store_times(file);
    }
    if (error) kfs_of(inode)->left_over = true;
    mutex_lock(&file->map_lock);
    kfs_unpromise(file, 0);
    mutex_unlock(&file->map_lock);
    kfree(file->symlink);
    file->symlink = 0;
    kfs_index_drop(file);
}

long kfs_readlink(struct inode *inode, char *to, size_t room)
{
    struct kfs_file *file = kfs_file(inode);
    struct kfs *kfs = kfs_of(inode);
    size_t bytes = MIN(inode->size, (uint64_t)room);
    uint32_t block;
    if (!S_ISLNK(inode->mode)) return -EINVAL;
    if (file->symlink) {
        memcpy(to, file->symlink, MIN(bytes, (size_t)KFS_SHORT_SYMLINK));
        return (long)bytes;
    }
    mutex_lock(&file->map_lock);
    int error = kfs_map(file, 0, &block);
    mutex_unlock(&file->map_lock);
    if (!error && !block) error = kfs_damaged(kfs, "link without text", inode->ino);
    if (error) return error;
    struct buffer *buffer = buffer_get(&kfs->cache, block);
    if (IS_ERR(buffer)) return PTR_ERR(buffer);
    memcpy(to, buffer->data, bytes);
    buffer_put(&kfs->cache, buffer);
    return (long)bytes;
}
