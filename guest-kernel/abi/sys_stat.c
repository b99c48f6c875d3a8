/*
 * sys_stat.c - system calls that look at files and change their attributes: stat in all forms, access, chmod, chown, utimens,
 * getdents.
 */
#include "abi/file_abi.h"
#include "abi/syscall.h"
#include "base/string.h"
#include "fs/fdtable.h"
#include "fs/vfs.h"
#include "kern/task.h"
#include "mm/slab.h"
#include "mm/usercopy.h"

#define NS 1000000000ll

/* The inode a call is about: (at, path), or the descriptor `at` itself for an empty path with AT_EMPTY_PATH. */
static struct inode *inode_of(int at, uint64_t user, unsigned flags)
{
    char *path = user || !(flags & AT_EMPTY_PATH) ? path_from_user(user) : 0;
    if (IS_ERR(path)) return (struct inode *)path;
    unsigned how = flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW;
    if (flags & AT_EMPTY_PATH) how |= WALK_EMPTY;
    struct inode *inode = walk(at, path ? path : "", how);
    kfree(path);
    return inode;
}

/* `usable`: a descriptor that only stands for a path (O_PATH) will not do. */
static struct inode *inode_of_fd(int fd, bool usable, long *error)
{
    struct file *file = fd_get(fd);
    if (file && usable && (file->flags & O_PATH)) {
        file_put(file);
        file = 0;
    }
    struct inode *inode = file && file->inode ? inode_ref(file->inode) : 0;
    *error = !file || (!inode && (file->flags & O_PATH)) ? -EBADF : inode ? 0 : -EINVAL;
    if (file) file_put(file);
    return inode;
}

/* Seconds and nanoseconds of a time that may lie before 1970. */
static void split(int64_t ns, int64_t *sec, int64_t *rest)
{
    *sec = ns / NS;
    *rest = ns % NS;
    if (*rest < 0) {
        *rest += NS;
        *sec -= 1;
    }
}

static long give_stat(struct inode *inode, uint64_t user)
{
    if (inode->ops && inode->ops->refresh) inode->ops->refresh(inode);
    struct linux_stat st = {.dev = dev_encode(inode->sb->dev),
                            .ino = inode->ino,
                            .mode = inode->mode,
                            .nlink = inode->links,
                            .uid = inode->uid,
                            .gid = inode->gid,
                            .rdev = dev_encode(inode->rdev),
                            .size = (int64_t)inode->size,
                            .blksize = 4096,
                            .blocks = (int64_t)(inode->bytes_used / 512)};
    split(inode->atime_ns, &st.atime, &st.atime_nsec);
    split(inode->mtime_ns, &st.mtime, &st.mtime_nsec);
    split(inode->ctime_ns, &st.ctime, &st.ctime_nsec);
    return copy_to_user(user, &st, sizeof st);
}

long sys_newfstatat(int at, uint64_t user, uint64_t to, unsigned flags)
{
    if (flags & ~(unsigned)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT)) return -EINVAL;
    struct inode *inode = inode_of(at, user, flags);
    if (IS_ERR(inode)) return PTR_ERR(inode);
    long result = give_stat(inode, to);
    inode_put(inode);
    return result;
}

long sys_fstat(int fd, uint64_t to)
{
    long error;
    struct inode *inode = inode_of_fd(fd, false, &error);
    if (!inode) return error;
    long result = give_stat(inode, to);
    inode_put(inode);
    return result;
}

static struct linux_statx_time statx_time(int64_t ns)
{
    int64_t sec, rest;
    split(ns, &sec, &rest);
    return (struct linux_statx_time){.sec = sec, .nsec = (uint32_t)rest};
}

long sys_statx(int at, uint64_t user, unsigned flags, unsigned mask, uint64_t to)
{
    enum { STATX_BASIC = 0x7ff, STATX_BTIME = 0x800, STATX_RESERVED = 0x80000000 };
    if (flags & ~(unsigned)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | 0x6000)) return -EINVAL;
    if ((mask & (unsigned)STATX_RESERVED) || (flags & 0x6000) == 0x6000) return -EINVAL;
    struct inode *inode = inode_of(at, user, flags);
    if (IS_ERR(inode)) return PTR_ERR(inode);
    if (inode->ops && inode->ops->refresh) inode->ops->refresh(inode);
    struct linux_statx st = {.mask = STATX_BASIC | STATX_BTIME,
                             .blksize = 4096,
                             .nlink = inode->links,
                             .uid = inode->uid,
                             .gid = inode->gid,
                             .mode = (uint16_t)inode->mode,
                             .ino = inode->ino,
                             .size = inode->size,
                             .blocks = inode->bytes_used / 512,
                             .atime = statx_time(inode->atime_ns),
                             .btime = statx_time(inode->btime_ns),
                             .ctime = statx_time(inode->ctime_ns),
                             .mtime = statx_time(inode->mtime_ns),
                             .rdev_major = DEV_MAJOR(inode->rdev),
                             .rdev_minor = DEV_MINOR(inode->rdev),
                             .dev_major = DEV_MAJOR(inode->sb->dev),
                             .dev_minor = DEV_MINOR(inode->sb->dev)};
    inode_put(inode);
    return copy_to_user(to, &st, sizeof st);
}

static long give_statfs(struct inode *inode, uint64_t to)
{
    struct statfs_info info = {0};
    struct superblock *sb = inode->sb;
    long error = sb->ops->statfs ? sb->ops->statfs(sb, &info) : -ENOSYS;
    inode_put(inode);
    if (error) return error;
    enum { ST_VALID = 0x20 };
    struct linux_statfs st = {.type = info.type,
                              .bsize = info.block_bytes,
                              .blocks = info.blocks,
                              .bfree = info.free,
                              .bavail = info.available,
                              .files = info.inodes,
                              .ffree = info.inodes_free,
                              .fsid = {(int32_t)dev_encode(sb->dev)},
                              .namelen = info.name_max,
                              .frsize = info.block_bytes,
                              .flags = ST_VALID | (sb->flags & 15)};
    return copy_to_user(to, &st, sizeof st);
}

long sys_statfs(uint64_t user, uint64_t to)
{
    struct inode *inode = inode_of(AT_FDCWD, user, 0);
    return IS_ERR(inode) ? PTR_ERR(inode) : give_statfs(inode, to);
}

long sys_fstatfs(int fd, uint64_t to)
{
    long error;
    struct inode *inode = inode_of_fd(fd, false, &error);
    return inode ? give_statfs(inode, to) : error;
}

static long access_with(int at, uint64_t user, unsigned mode, unsigned flags)
{
    if ((mode & ~7u) || (flags & ~(unsigned)(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))) return -EINVAL;
    struct inode *inode = inode_of(at, user, flags);
    if (IS_ERR(inode)) return PTR_ERR(inode);
    long result = 0;
    if (mode) result = flags & AT_EACCESS ? inode_permission(inode, mode) : inode_permission_real(inode, mode);
    inode_put(inode);
    return result;
}

long sys_faccessat(int at, uint64_t user, unsigned mode) { return access_with(at, user, mode, 0); }
long sys_faccessat2(int at, uint64_t user, unsigned mode, unsigned flags) { return access_with(at, user, mode, flags); }

static long change(struct inode *inode, struct attr *attr)
{
    long result = vfs_setattr(inode, attr);
    inode_put(inode);
    return result;
}

long sys_fchmodat(int at, uint64_t user, unsigned mode)
{
    struct attr attr = {.mask = ATTR_MODE, .mode = mode & 07777};
    struct inode *inode = inode_of(at, user, 0);
    return IS_ERR(inode) ? PTR_ERR(inode) : change(inode, &attr);
}

long sys_fchmodat2(int at, uint64_t user, unsigned mode, unsigned flags)
{
    struct attr attr = {.mask = ATTR_MODE, .mode = mode & 07777};
    if (flags & ~(unsigned)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return -EINVAL;
    struct inode *inode = inode_of(at, user, flags);
    if (IS_ERR(inode)) return PTR_ERR(inode);
    if (!S_ISLNK(inode->mode)) return change(inode, &attr);
    inode_put(inode); /* a link's own mode means nothing */
    return -EOPNOTSUPP;
}

long sys_fchmod(int fd, unsigned mode)
{
    struct attr attr = {.mask = ATTR_MODE, .mode = mode & 07777};
    long error;
    struct inode *inode = inode_of_fd(fd, true, &error);
    return inode ? change(inode, &attr) : error;
}

static struct attr owner_attr(unsigned uid, unsigned gid)
{
    return (struct attr){.mask = (uid != ~0u ? ATTR_UID : 0) | (gid != ~0u ? ATTR_GID : 0), .uid = uid, .gid = gid};
}

long sys_fchownat(int at, uint64_t user, unsigned uid, unsigned gid, unsigned flags)
{
    if (flags & ~(unsigned)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return -EINVAL;
    struct attr attr = owner_attr(uid, gid);
    struct inode *inode = inode_of(at, user, flags);
    return IS_ERR(inode) ? PTR_ERR(inode) : change(inode, &attr);
}

long sys_fchown(int fd, unsigned uid, unsigned gid)
{
    struct attr attr = owner_attr(uid, gid);
    long error;
    struct inode *inode = inode_of_fd(fd, true, &error);
    return inode ? change(inode, &attr) : error;
}

/* utimensat's two times. *given: a time of the caller's choosing, for which one must own the file. */
static int times_from_user(uint64_t user, struct attr *attr, bool *given)
{
    enum { UTIME_NOW = 0x3fffffff, UTIME_OMIT = 0x3ffffffe };
    struct linux_timespec t[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
    if (user && copy_from_user(t, user, sizeof t)) return -EFAULT;
    int64_t now = inode_now(), *to[2] = {&attr->atime_ns, &attr->mtime_ns};
    static const unsigned mask[2] = {ATTR_ATIME, ATTR_MTIME};
    int nows = 0;
    *given = false;
    for (int i = 0; i < 2; i++) {
        if (t[i].nsec == UTIME_OMIT) continue;
        attr->mask |= mask[i];
        *to[i] = now;
        if (t[i].nsec == UTIME_NOW) {
            nows++;
            continue;
        }
        if (t[i].nsec < 0 || t[i].nsec >= NS) return -EINVAL;
        if (t[i].sec > INT64_MAX / NS - 1) t[i].sec = INT64_MAX / NS - 1;
        if (t[i].sec < INT64_MIN / NS + 1) t[i].sec = INT64_MIN / NS + 1;
        *to[i] = t[i].sec * NS + t[i].nsec;
    }
    *given = attr->mask && nows != 2;
    return 0;
}

long sys_utimensat(int at, uint64_t user, uint64_t times, unsigned flags)
{
    struct attr attr = {0};
    bool given;
    if (flags & ~(unsigned)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return -EINVAL;
    long error = times_from_user(times, &attr, &given);
    if (error || !attr.mask) return error; /* both times are to stay as they are: nobody looks at the path */
    struct inode *inode;
    if (!user && at == AT_FDCWD) return -EFAULT;
    if (user) {
        inode = inode_of(at, user, flags);
        if (IS_ERR(inode)) return PTR_ERR(inode);
    } else if (!(inode = inode_of_fd(at, true, &error))) { /* futimens */
        return error;
    }
    if (!inode_owner_ok(inode)) error = given ? -EPERM : inode_permission(inode, 2);
    if (!error) return change(inode, &attr);
    inode_put(inode);
    return error;
}

struct dirent_writer {
    struct dirent_sink sink;
    char *buffer;
    size_t used, room;
    uint64_t next;
    bool too_small;
};

static bool write_dirent(struct dirent_sink *sink, const char *name, size_t bytes, uint64_t ino, unsigned type,
                         uint64_t next)
{
    struct dirent_writer *writer = container_of(sink, struct dirent_writer, sink);
    size_t record = ALIGN_UP(LINUX_DIRENT_NAME + bytes + 1, 8ul);
    if (writer->used + record > writer->room) {
        writer->too_small = !writer->used;
        return false;
    }
    char *at = writer->buffer + writer->used;
    memset(at, 0, record);
    struct linux_dirent head = {.ino = ino, .off = (int64_t)next, .reclen = (uint16_t)record, .type = (uint8_t)type};
    memcpy(at, &head, LINUX_DIRENT_NAME);
    memcpy(at + LINUX_DIRENT_NAME, name, bytes);
    writer->used += record;
    writer->next = next;
    return true;
}

static long read_directory(struct file *file, uint64_t to, size_t room)
{
    if (!file_readable(file)) return -EBADF;
    if (!file->inode || !S_ISDIR(file->inode->mode) || !file->ops->readdir) return -ENOTDIR;
    room = MIN(room, (size_t)32768);
    struct dirent_writer writer = {.sink = {write_dirent}, .buffer = kmalloc(room ? room : 1), .room = room};
    if (!writer.buffer) return -ENOMEM;
    mutex_lock(&file->position_lock);
    mutex_lock(&file->inode->lock);
    writer.next = file->position;
    long result = file->inode->links ? file->ops->readdir(file, &writer.sink) : -ENOENT;
    mutex_unlock(&file->inode->lock);
    if (!result && writer.too_small) result = -EINVAL;
    if (!result && copy_to_user(to, writer.buffer, writer.used)) result = -EFAULT;
    if (!result) {
        file->position = writer.next;
        result = (long)writer.used;
    }
    mutex_unlock(&file->position_lock);
    kfree(writer.buffer);
    return result;
}

long sys_getdents64(int fd, uint64_t to, uint64_t room)
{
    struct file *file = fd_get(fd);
    if (!file) return -EBADF;
    long result = read_directory(file, to, room);
    file_put(file);
    return result;
}
