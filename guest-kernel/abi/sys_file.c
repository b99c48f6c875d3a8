/*
 * sys_file.c - system calls on descriptors: read and write in all forms, lseek, dup, fcntl, sync.
 *
 * Each follows the same pattern: the descriptor becomes a reference to the open-file entry, the user's buffer becomes a uio, the VFS
 * does the work, the reference goes. Nothing here follows a user pointer; that is the business of the copy routines.
 */
#include "abi/file_abi.h"
#include "abi/syscall.h"
#include "fs/fdtable.h"
#include "fs/flock.h"
#include "fs/vfs.h"
#include "kern/process.h"
#include "kern/task.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include "mm/usercopy.h"

static long transfer(int fd, uint64_t buffer, uint64_t bytes, bool write)
{
    struct file *file = fd_get(fd);
    if (!file) return -EBADF;
    struct uio uio;
    uio_init(&uio, true, buffer, MIN(bytes, UIO_BYTES_MAX), 0);
    long n = -EFAULT;
    if (user_range_ok(buffer, uio.left)) n = write ? file_write(file, &uio) : file_read(file, &uio);
    file_put(file);
    return n;
}

long sys_read(int fd, uint64_t buffer, uint64_t bytes) { return transfer(fd, buffer, bytes, false); }
long sys_write(int fd, uint64_t buffer, uint64_t bytes) { return transfer(fd, buffer, bytes, true); }

static long transfer_at(int fd, uint64_t buffer, uint64_t bytes, long offset, bool write)
{
    if (offset < 0) return -EINVAL;
    struct file *file = fd_get(fd);
    if (!file) return -EBADF;
    struct uio uio;
    uio_init(&uio, true, buffer, MIN(bytes, UIO_BYTES_MAX), (uint64_t)offset);
    long n = -EFAULT;
    if (file->ops->flags & FOPS_STREAM)
        n = -ESPIPE;
    else if (offset > INT64_MAX - (long)uio.left)
        n = -EINVAL;
    else if (user_range_ok(buffer, uio.left))
        n = write ? file_write_at(file, &uio) : file_read_at(file, &uio);
    file_put(file);
    return n;
}

long sys_pread64(int fd, uint64_t buffer, uint64_t bytes, long offset)
{
    return transfer_at(fd, buffer, bytes, offset, false);
}
long sys_pwrite64(int fd, uint64_t buffer, uint64_t bytes, long offset)
{
    return transfer_at(fd, buffer, bytes, offset, true);
}

/* offset -1: at the file's position. */
static long transfer_vector(int fd, uint64_t vector, uint64_t count, long offset, bool at, bool write)
{
    if (at && offset < 0) return -EINVAL;
    struct file *file = fd_get(fd);
    if (!file) return -EBADF;
    long n = count > UIO_SEGMENTS_MAX ? -EINVAL : 0;
    struct uio_segment few[8], *segments = few;
    if (!n && count > ARRAY_SIZE(few)) {
        segments = kmalloc(count * sizeof *segments);
        if (!segments) n = -ENOMEM;
    }
    struct uio uio;
    if (!n) n = uio_init_vector(&uio, segments, vector, count, at ? (uint64_t)offset : 0);
    if (!n && at && (file->ops->flags & FOPS_STREAM)) n = -ESPIPE;
    if (!n && at)
        n = write ? file_write_at(file, &uio) : file_read_at(file, &uio);
    else if (!n)
        n = write ? file_write(file, &uio) : file_read(file, &uio);
    if (segments != few) kfree(segments);
    file_put(file);
    return n;
}

long sys_readv(int fd, uint64_t vector, uint64_t count) { return transfer_vector(fd, vector, count, 0, false, false); }
long sys_writev(int fd, uint64_t vector, uint64_t count) { return transfer_vector(fd, vector, count, 0, false, true); }
long sys_preadv(int fd, uint64_t vector, uint64_t count, long low, long high)
{
    (void)high; /* 64-bit offsets come whole in `low` */
    return transfer_vector(fd, vector, count, low, true, false);
}
long sys_pwritev(int fd, uint64_t vector, uint64_t count, long low, long high)
{
    (void)high;
    return transfer_vector(fd, vector, count, low, true, true);
}

/* With flags: a write that is on the disk when it returns. -1 as position: the file's own. */
enum { RWF_HIPRI = 1, RWF_DSYNC = 2, RWF_SYNC = 4 };
long sys_preadv2(int fd, uint64_t vector, uint64_t count, long low, long high, unsigned flags)
{
    (void)high;
    if (flags & ~(unsigned)(RWF_HIPRI | RWF_DSYNC | RWF_SYNC)) return -EOPNOTSUPP;
    return transfer_vector(fd, vector, count, low, low != -1, false);
}

long sys_pwritev2(int fd, uint64_t vector, uint64_t count, long low, long high, unsigned flags)
{
    (void)high;
    if (flags & ~(unsigned)(RWF_HIPRI | RWF_DSYNC | RWF_SYNC)) return -EOPNOTSUPP;
    long n = transfer_vector(fd, vector, count, low, low != -1, true);
    if (n <= 0 || !(flags & (RWF_DSYNC | RWF_SYNC))) return n;
    struct file *file = fd_get(fd);
    int error = file && file->ops->fsync ? file_sync(file, !(flags & RWF_SYNC)) : 0;
    if (file) file_put(file);
    return error ? error : n;
}

long sys_lseek(int fd, long offset, int whence)
{
    struct file *file = fd_get(fd);
    if (!file) return -EBADF;
    long position = file_seek(file, offset, whence);
    file_put(file);
    return position;
}

/* Copies between two files through a kernel page; positions in *in_at, *out_at, or the files' own when NULL. */
static long copy_between(struct file *in, struct file *out, uint64_t *in_at, uint64_t *out_at, uint64_t bytes)
{
    struct page *page = page_alloc(0, 0);
    if (!page) return -ENOMEM;
    char *buffer = page_va(page);
    long done = 0, n = 0;
    while (bytes && !signal_pending()) {
        struct uio uio;
        uio_init_kernel(&uio, buffer, MIN(bytes, PAGE_SIZE), in_at ? *in_at : 0);
        n = in_at ? file_read_at(in, &uio) : file_read(in, &uio);
        if (n <= 0) break;
        long got = n;
        uio_init_kernel(&uio, buffer, (uint64_t)got, out_at ? *out_at : 0);
        n = out_at ? file_write_at(out, &uio) : file_write(out, &uio);
        long put = n > 0 ? n : 0;
        if (in_at)
            *in_at += (uint64_t)put;
        else if (put < got) /* not all could be written: the rest is still to be read */
            file_seek(in, put - got, 1);
        if (out_at) *out_at += (uint64_t)put;
        done += put;
        bytes -= (uint64_t)put;
        if (put < got) break;
    }
    page_put(page);
    if (!done && !n && bytes && signal_pending()) return -EINTR;
    return done ? done : n;
}

/* An optional 64-bit position in user memory. */
static int offset_from_user(uint64_t user, uint64_t *at)
{
    if (copy_from_user(at, user, sizeof *at)) return -EFAULT;
    return (int64_t)*at < 0 ? -EINVAL : 0;
}

long sys_sendfile(int out_fd, int in_fd, uint64_t user_offset, uint64_t bytes)
{
    struct file *in = fd_get(in_fd), *out = fd_get(out_fd);
    uint64_t at = 0;
    long n = in && out ? 0 : -EBADF;
    if (!n && (!file_readable(in) || !file_writable(out))) n = -EBADF;
    if (!n && user_offset) n = in->ops->flags & FOPS_STREAM ? -ESPIPE : offset_from_user(user_offset, &at);
    if (!n && (in->ops->flags & FOPS_STREAM)) n = -EINVAL;
    if (!n && ((out->flags & O_APPEND) || (in->inode && S_ISDIR(in->inode->mode)))) n = -EINVAL;
    if (!n) n = copy_between(in, out, user_offset ? &at : 0, 0, MIN(bytes, UIO_BYTES_MAX));
    if (n >= 0 && user_offset && copy_to_user(user_offset, &at, sizeof at)) n = -EFAULT;
    if (in) file_put(in);
    if (out) file_put(out);
    return n;
}

long sys_copy_file_range(int in_fd, uint64_t in_user, int out_fd, uint64_t out_user, uint64_t bytes, unsigned flags)
{
    struct file *in = fd_get(in_fd), *out = fd_get(out_fd);
    uint64_t in_at = 0, out_at = 0;
    long n = in && out ? 0 : -EBADF;
    if (!n && flags) n = -EINVAL;
    if (!n && (!file_readable(in) || !file_writable(out) || (out->flags & O_APPEND))) n = -EBADF;
    if (!n && in->inode && out->inode && (S_ISDIR(in->inode->mode) || S_ISDIR(out->inode->mode))) n = -EISDIR;
    if (!n && (!in->inode || !out->inode || !S_ISREG(in->inode->mode) || !S_ISREG(out->inode->mode))) n = -EINVAL;
    if (!n && in_user) n = offset_from_user(in_user, &in_at);
    if (!n && out_user) n = offset_from_user(out_user, &out_at);
    if (!n && in->inode == out->inode) {
        uint64_t a = in_user ? in_at : in->position, b = out_user ? out_at : out->position;
        if (a < b + bytes && b < a + bytes) n = -EINVAL;
    }
    if (!n) n = copy_between(in, out, in_user ? &in_at : 0, out_user ? &out_at : 0, MIN(bytes, UIO_BYTES_MAX));
    if (n >= 0 && in_user && copy_to_user(in_user, &in_at, sizeof in_at)) n = -EFAULT;
    if (n >= 0 && out_user && copy_to_user(out_user, &out_at, sizeof out_at)) n = -EFAULT;
    if (in) file_put(in);
    if (out) file_put(out);
    return n;
}

long sys_close(int fd) { return fd_close(fd); }

long sys_close_range(unsigned first, unsigned last, unsigned flags)
{
    enum { CLOSE_RANGE_UNSHARE = 2, CLOSE_RANGE_CLOEXEC = 4 };
    if (flags & ~(unsigned)CLOSE_RANGE_CLOEXEC) return -EINVAL;
    return fd_close_range(first, last, flags & CLOSE_RANGE_CLOEXEC);
}

static long dup_from(int fd, int least, bool cloexec)
{
    struct file *file = fd_get(fd);
    if (!file) return -EBADF;
    long copy = fd_install_from(file, least, cloexec);
    if (copy < 0) file_put(file);
    return copy;
}

long sys_dup(int fd) { return dup_from(fd, 0, false); }

long sys_dup3(int fd, int to, unsigned flags)
{
    if ((flags & ~(unsigned)O_CLOEXEC) || fd == to) return -EINVAL;
    struct file *file = fd_get(fd);
    if (!file) return -EBADF;
    long copy = fd_install_at(file, to, flags & O_CLOEXEC);
    if (copy < 0) file_put(file);
    return copy;
}

long sys_pipe2(uint64_t user, unsigned flags)
{
    struct file *ends[2];
    if (flags & ~(unsigned)(O_CLOEXEC | O_NONBLOCK | O_DIRECT)) return -EINVAL;
    int error = pipe_create(ends, flags);
    if (error) return error;
    int fd[2] = {fd_install(ends[0], flags & O_CLOEXEC), -1};
    if (fd[0] < 0) {
        file_put(ends[0]);
        file_put(ends[1]);
        return fd[0];
    }
    fd[1] = fd_install(ends[1], flags & O_CLOEXEC);
    if (fd[1] < 0) {
        fd_close(fd[0]);
        file_put(ends[1]);
        return fd[1];
    }
    if (!copy_to_user(user, fd, sizeof fd)) return 0;
    fd_close(fd[0]);
    fd_close(fd[1]);
    return -EFAULT;
}

enum {
    F_DUPFD,
    F_GETFD,
    F_SETFD,
    F_GETFL,
    F_SETFL,
    F_GETLK,
    F_SETLK,
    F_SETLKW,
    F_SETOWN,
    F_GETOWN,
    F_OFD_GETLK = 36,
    F_OFD_SETLK,
    F_OFD_SETLKW,
    F_GETLEASE = 1025,
    F_DUPFD_CLOEXEC = 1030,
    F_SETPIPE_SZ,
    F_GETPIPE_SZ,
};

/* From the form of struct flock to first and last byte. */
static int range_of(struct file *file, const struct linux_flock *lock, struct lock_range *range)
{
    static const enum lock_kind kinds[] = {LOCK_READ, LOCK_WRITE, LOCK_NONE};
    int64_t start = lock->start;
    if (lock->type < 0 || lock->type > 2) return -EINVAL;
    if (lock->whence == 1)
        start += (int64_t)file->position;
    else if (lock->whence == 2)
        start += (int64_t)file->inode->size;
    else if (lock->whence != 0)
        return -EINVAL;
    int64_t end;
    if (__builtin_add_overflow(start, lock->len, &end)) return lock->len > 0 ? -EOVERFLOW : -EINVAL;
    *range = (struct lock_range){.kind = kinds[lock->type], .pid = current->tgid, .last = UINT64_MAX};
    if (lock->len < 0) {
        if (end < 0) return -EINVAL;
        range->first = (uint64_t)end;
        range->last = (uint64_t)start - 1;
    } else {
        if (start < 0) return -EINVAL;
        range->first = (uint64_t)start;
        if (lock->len) range->last = (uint64_t)end - 1;
    }
    return 0;
}

static long fcntl_lock(struct file *file, int fd, int command, uint64_t user)
{
    static const int16_t types[] = {[LOCK_READ] = 0, [LOCK_WRITE] = 1, [LOCK_NONE] = 2};
    struct linux_flock lock;
    struct lock_range range;
    bool ofd = command >= F_OFD_GETLK;
    if (copy_from_user(&lock, user, sizeof lock)) return -EFAULT;
    if (!file->inode || (file->flags & O_PATH)) return -EBADF;
    if (ofd && lock.pid) return -EINVAL;
    int error = range_of(file, &lock, &range);
    if (error) return error;
    void *owner = ofd ? (void *)file : (void *)current->files;
    if (ofd) range.pid = -1;
    if (command == F_GETLK || command == F_OFD_GETLK) {
        if (range.kind == LOCK_NONE) return -EINVAL;
        lock_test(file->inode, owner, &range);
        lock.type = types[range.kind];
        if (range.kind != LOCK_NONE) {
            lock.whence = 0;
            lock.start = (int64_t)range.first;
            lock.len = range.last == UINT64_MAX ? 0 : (int64_t)(range.last - range.first + 1);
            lock.pid = range.pid;
        }
        return copy_to_user(user, &lock, sizeof lock);
    }
    if (range.kind == LOCK_READ && !file_readable(file)) return -EBADF;
    if (range.kind == LOCK_WRITE && !file_writable(file)) return -EBADF;
    error = lock_set(file->inode, owner, false, &range, command == F_SETLKW || command == F_OFD_SETLKW);
    if (error || ofd || range.kind == LOCK_NONE) return error;
    /* Another thread has closed the descriptor meanwhile, and with it ended the process's locks: this one as well. */
    struct file *now = fd_get(fd);
    bool closed = now != file;
    if (now) file_put(now);
    if (!closed) return 0;
    range.kind = LOCK_NONE;
    lock_set(file->inode, owner, false, &range, false);
    return -EBADF;
}

static long set_status_flags(struct file *file, uint64_t flags)
{
    unsigned may = O_APPEND | O_NONBLOCK | O_ASYNC | O_DIRECT | O_NOATIME;
    if ((flags & O_NOATIME) && !(file->flags & O_NOATIME) && file->inode && !inode_owner_ok(file->inode)) return -EPERM;
    spin_lock(&file->lock);
    file->flags = (file->flags & ~may) | ((unsigned)flags & may);
    spin_unlock(&file->lock);
    return 0;
}

static long do_fcntl(struct file *file, int fd, int command, uint64_t argument)
{
    if ((file->flags & O_PATH) && command != F_DUPFD && command != F_DUPFD_CLOEXEC && command != F_GETFD &&
        command != F_SETFD && command != F_GETFL)
        return -EBADF;
    switch (command) {
    case F_DUPFD: return dup_from(fd, (int)argument, false);
    case F_DUPFD_CLOEXEC: return dup_from(fd, (int)argument, true);
    case F_GETFD: return fd_flags(fd);
    case F_SETFD: return fd_set_flags(fd, argument & 1);
    case F_GETFL: return (long)(file->flags | (file->flags & O_PATH ? 0 : O_LARGEFILE));
    case F_SETFL: return set_status_flags(file, argument);
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW: return fcntl_lock(file, fd, command, argument);
    case F_GETLEASE: return 2; /* F_UNLCK: nobody has one */
    case F_SETOWN: file->owner = (int)argument; return 0;
    case F_GETOWN: return file->owner;
    case F_SETPIPE_SZ:
    case F_GETPIPE_SZ:
        if (!file->inode || !S_ISFIFO(file->inode->mode)) return -EBADF;
        return command == F_SETPIPE_SZ && argument > 65536 ? -EPERM : 65536; /* pipes have one size */
    default: return -EINVAL;
    }
}

long sys_fcntl(int fd, int command, uint64_t argument)
{
    struct file *file = fd_get(fd);
    if (!file) return -EBADF;
    long result = do_fcntl(file, fd, command, argument);
    file_put(file);
    return result;
}

long sys_flock(int fd, int operation)
{
    enum { LOCK_SH = 1, LOCK_EX = 2, LOCK_NB = 4, LOCK_UN = 8 };
    struct lock_range range = {.first = 0, .last = UINT64_MAX, .pid = current->tgid};
    switch (operation & ~LOCK_NB) {
    case LOCK_SH: range.kind = LOCK_READ; break;
    case LOCK_EX: range.kind = LOCK_WRITE; break;
    case LOCK_UN: range.kind = LOCK_NONE; break;
    default: return -EINVAL;
    }
    struct file *file = fd_get(fd);
    if (!file) return -EBADF;
    long result = file->inode && !(file->flags & O_PATH)
                      ? lock_set(file->inode, file, true, &range, !(operation & LOCK_NB))
                      : -EBADF;
    file_put(file);
    return result;
}

long sys_ioctl(int fd, unsigned request, uint64_t argument)
{
    enum {
        FIONBIO = 0x5421,
        FIOCLEX = 0x5451,
        FIONCLEX = 0x5450,
        FIOASYNC = 0x5452,
        FIONREAD = 0x541b,
        FIGETBSZ = 2,
        FICLONE = 0x40049409
    };
    const unsigned FIFREEZE = 0xc0045877, FITHAW = 0xc0045878;
    struct file *file = fd_get(fd);
    if (!file) return -EBADF;
    long result;
    int value;
    if (file->flags & O_PATH) {
        result = -EBADF;
    } else if (request == FIOCLEX || request == FIONCLEX) {
        result = fd_set_flags(fd, request == FIOCLEX);
    } else if (request == FIONBIO) {
        result = copy_from_user(&value, argument, sizeof value) ? -EFAULT : 0;
        if (!result) result = set_status_flags(file, (file->flags & ~(unsigned)O_NONBLOCK) | (value ? O_NONBLOCK : 0));
    } else if (request == FIONREAD && file->inode && S_ISREG(file->inode->mode)) {
        value = (int)(file->inode->size - file->position);
        result = copy_to_user(argument, &value, sizeof value);
    } else if (request == FIGETBSZ && file->inode && (S_ISREG(file->inode->mode) || S_ISDIR(file->inode->mode))) {
        value = PAGE_SIZE;
        result = copy_to_user(argument, &value, sizeof value);
    } else if (request == FICLONE && file->inode && S_ISREG(file->inode->mode)) {
        result = -EOPNOTSUPP; /* no file system here shares blocks between files */
    } else if (request == FIFREEZE || request == FITHAW) {
        /* no file system here can be stopped, so none is */
        result = !cred_is_root() ? -EPERM : request == FIFREEZE ? -EOPNOTSUPP : -EINVAL;
    } else {
        result = file->ops->ioctl ? file->ops->ioctl(file, request, argument) : -ENOTTY;
    }
    file_put(file);
    return result;
}

static long sync_file(int fd, bool data_only)
{
    struct file *file = fd_get(fd);
    if (!file) return -EBADF;
    long result = file_sync(file, data_only);
    file_put(file);
    return result;
}

long sys_fsync(int fd) { return sync_file(fd, false); }
long sys_fdatasync(int fd) { return sync_file(fd, true); }

long sys_sync(void)
{
    vfs_sync();
    return 0;
}

long sys_syncfs(int fd)
{
    struct file *file = fd_get(fd);
    if (!file) return -EBADF;
    file_put(file);
    return vfs_sync();
}

long sys_sync_file_range(int fd, long offset, long bytes, unsigned flags)
{
    struct file *file = fd_get(fd);
    if (!file) return -EBADF;
    long result = offset < 0 || bytes < 0 || (flags & ~7u) ? -EINVAL : 0;
    if (!result && (!file->inode || !file->inode->mapping.ops)) result = file->ops->flags & FOPS_STREAM ? -ESPIPE : 0;
    if (!result && file->inode && file->inode->mapping.ops)
        result = pagecache_flush(&file->inode->mapping, (uint64_t)offset,
                                 bytes ? (uint64_t)offset + (uint64_t)bytes : UINT64_MAX);
    file_put(file);
    return result;
}

long sys_ftruncate(int fd, long size)
{
    if (size < 0) return -EINVAL;
    struct file *file = fd_get(fd);
    if (!file) return -EBADF;
    long result = file->flags & O_PATH ? -EBADF : file_truncate(file, (uint64_t)size);
    file_put(file);
    return result;
}

long sys_fallocate(int fd, int mode, long offset, long bytes)
{
    (void)mode;
    struct file *file = fd_get(fd);
    if (!file) return -EBADF;
    long result = 0;
    if (!file_writable(file))
        result = -EBADF;
    else if (file->ops->flags & FOPS_STREAM)
        result = -ESPIPE;
    else if (!file->inode || !S_ISREG(file->inode->mode))
        result = -ENODEV;
    else if (offset < 0 || bytes <= 0)
        result = -EINVAL;
    else if ((uint64_t)offset + (uint64_t)bytes > INT64_MAX)
        result = -EFBIG;
    else
        result = -EOPNOTSUPP; /* blocks are never promised ahead; libc then writes zeros */
    file_put(file);
    return result;
}

static struct file *cached_file(int fd, long *error)
{
    struct file *file = fd_get(fd);
    *error = file ? 0 : -EBADF;
    if (file && (file->ops->flags & FOPS_STREAM)) *error = -ESPIPE;
    return file;
}

long sys_fadvise64(int fd, long offset, long bytes, int advice)
{
    enum { NORMAL, RANDOM, SEQUENTIAL, WILLNEED, DONTNEED, NOREUSE };
    long error;
    struct file *file = cached_file(fd, &error);
    if (!error && (advice < NORMAL || advice > NOREUSE || bytes < 0)) error = -EINVAL;
    if (!error && file->inode && file->inode->mapping.ops && offset >= 0) {
        struct mapping *mapping = &file->inode->mapping;
        uint64_t from = (uint64_t)offset, to = bytes ? from + (uint64_t)bytes : file->inode->size;
        to = MIN(to, file->inode->size);
        if (advice == WILLNEED && from < to)
            pagecache_ahead(mapping, from / PAGE_SIZE, (to - from + PAGE_SIZE - 1) / PAGE_SIZE);
        if (advice == DONTNEED) {
            pagecache_flush(mapping, from, to);
            pagecache_drop(mapping, from, to);
        }
    }
    if (file) file_put(file);
    return error;
}

long sys_readahead(int fd, long offset, uint64_t bytes)
{
    long error;
    struct file *file = cached_file(fd, &error);
    if (!error && (!file_readable(file))) error = -EBADF;
    bool cached = file && file->inode && file->inode->mapping.ops;
    if (!error && ((!cached && !(file->inode && S_ISREG(file->inode->mode))) || offset < 0)) error = -EINVAL;
    if (!error && cached && (uint64_t)offset < file->inode->size) {
        bytes = MIN(bytes, file->inode->size - (uint64_t)offset);
        pagecache_ahead(&file->inode->mapping, (uint64_t)offset / PAGE_SIZE, (bytes + PAGE_SIZE - 1) / PAGE_SIZE);
    }
    if (file) file_put(file);
    return error == -ESPIPE ? -EINVAL : error;
}
