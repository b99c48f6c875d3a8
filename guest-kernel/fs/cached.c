/*
 * cached.c - regular files over the page cache.
 *
 * The content of a file is read and written in the page cache (mm/), which gets pages from the file system when they are missing
 * and writes them back later (write-back). So read and write are mostly copies, and a file that is mapped into
 * memory and one that is read are the same bytes. fsync is the way to be sure that they are on the disk. With /proc/policy/write set to
 * "through", each write goes to the disk's cache before it returns: to see what write-back saves.
 */
#include "fs/vfs_internal.h"
#include "kern/process.h"
#include "kern/task.h"

#define DAY_NS (86400ll * 1000000000ll)

/* "relatime": a read changes the access time only if it is older than the last change or than a day. */
static void note_access(struct file *file)
{
    struct inode *inode = file->inode;
    if ((file->flags & O_NOATIME) || (inode->sb->flags & MS_RDONLY)) return;
    int64_t now = inode_now();
    if (inode->atime_ns > inode->mtime_ns && inode->atime_ns > inode->ctime_ns && now - inode->atime_ns < DAY_NS)
        return;
    inode->atime_ns = now;
    inode->times_dirty = true;
}

ssize_t cached_read(struct file *file, struct uio *uio)
{
    struct mapping *mapping = &file->inode->mapping;
    ssize_t done = 0;
    if ((int64_t)uio->offset < 0) return -EINVAL;
    while (uio->left) {
        uint64_t bytes, at = uio_here(uio, &bytes);
        long n = pagecache_read(mapping, uio->offset, at, bytes, uio->user);
        if (n < 0 && !done) return n;
        if (n <= 0) break;
        uio_advance(uio, (size_t)n);
        done += n;
        if ((uint64_t)n < bytes) break; /* the end of the file, or of what could be copied */
    }
    if (done) note_access(file);
    return done;
}

/* Cuts the write off at the limits; 0, or -EFBIG (with SIGXFSZ for the process's own limit). */
static int apply_limits(struct uio *uio)
{
    uint64_t limit = INT64_MAX;
    if (uio->offset > limit) return -EINVAL;
    if (current->process) limit = MIN(limit, process_limit(RLIMIT_FSIZE));
    if (uio->offset >= limit) {
        if (limit < INT64_MAX) signal_send_task(current, SIGXFSZ, 0);
        return -EFBIG;
    }
    if (uio->left > limit - uio->offset) uio->left = limit - uio->offset;
    return 0;
}

static void drop_set_id(struct inode *inode)
{
    if (!(inode->mode & (S_ISUID | S_ISGID)) || current->cred.fsuid == 0) return;
    struct attr attr = {.mask = ATTR_MODE, .mode = inode->mode & ~S_ISUID};
    if (inode->mode & 010) attr.mode &= ~S_ISGID;
    if (inode->ops->setattr) inode->ops->setattr(inode, &attr);
}

static ssize_t locked_write(struct file *file, struct uio *uio)
{
    struct inode *inode = file->inode;
    ssize_t done = 0;
    if (file->flags & O_APPEND) uio->offset = inode->size;
    if (!uio->left) return 0;
    int error = apply_limits(uio);
    if (error) return error;
    drop_set_id(inode);
    while (uio->left) {
        uint64_t bytes, at = uio_here(uio, &bytes);
        if (bytes > uio->left) bytes = uio->left;
        bytes = MIN(bytes, (uint64_t)(64 << 10) - uio->offset % PAGE_SIZE);
        long n = inode->ops->reserve ? inode->ops->reserve(inode, uio->offset, bytes) : 0;
        uint64_t one = PAGE_SIZE - uio->offset % PAGE_SIZE;
        if (n == -ENOSPC && bytes > one)
            n = inode->ops->reserve(inode, uio->offset, bytes = one); /* up to the last block */
        if (!n) n = pagecache_write(&inode->mapping, uio->offset, at, bytes, uio->user);
        if (n < 0 && !done) return n;
        if (n <= 0) break;
        uio_advance(uio, (size_t)n);
        done += n;
        if (uio->offset > inode->size) inode->size = uio->offset;
        if ((uint64_t)n < bytes || signal_fatal_pending()) break;
    }
    inode->mtime_ns = inode->ctime_ns = inode_now();
    inode->times_dirty = true;
    return done;
}

ssize_t cached_write(struct file *file, struct uio *uio)
{
    struct inode *inode = file->inode;
    if (inode->sb->flags & MS_RDONLY) return -EROFS;
    mutex_lock(&inode->lock);
    ssize_t done = locked_write(file, uio);
    mutex_unlock(&inode->lock);
    if (done > 0 && pagecache_write_through)
        pagecache_flush(&inode->mapping, uio->offset - (uint64_t)done, uio->offset);
    pagecache_throttle();
    if (done > 0 && (file->flags & (O_DSYNC | O_SYNC)) && file->ops->fsync) {
        int error = file->ops->fsync(file, (file->flags & O_SYNC) != O_SYNC);
        if (error) return error;
    }
    return done;
}

int cached_map(struct file *file, struct mapping **mapping)
{
    *mapping = &file->inode->mapping;
    return 0;
}

int cached_fsync(struct file *file, bool data_only)
{
    (void)data_only;
    int error = pagecache_flush(&file->inode->mapping, 0, UINT64_MAX);
    int earlier = pagecache_error(&file->inode->mapping);
    return error ? error : earlier;
}
