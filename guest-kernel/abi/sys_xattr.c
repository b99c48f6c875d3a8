/*
 * sys_xattr.c - extended attributes: pairs (name, value) that programs hang on files, as "user.comment" or an access list.
 *
 * No file system here stores any; KFS has no place for them on the disk. So the calls check what they are given, as for a file system that
 * could, and then say what Linux says of one that cannot: there are no attributes to list, and none can be set or read (EOPNOTSUPP). That
 * is enough for ls, cp, install and tar, which ask about every file, to go on without.
 */
#include "abi/file_abi.h"
#include "abi/syscall.h"
#include "fs/fdtable.h"
#include "fs/vfs.h"
#include "kern/task.h"
#include "mm/slab.h"
#include "mm/usercopy.h"

enum { XATTR_CREATE = 1, XATTR_REPLACE = 2, XATTR_NAME_MAX = 255, XATTR_SIZE_MAX = 65536 };

/* 0 if the file is there. */
static long check_path(uint64_t user, bool follow)
{
    char *path = path_from_user(user);
    if (IS_ERR(path)) return PTR_ERR(path);
    struct inode *inode = walk(AT_FDCWD, path, follow ? WALK_FOLLOW : 0);
    kfree(path);
    if (IS_ERR(inode)) return PTR_ERR(inode);
    inode_put(inode);
    return 0;
}

static long check_fd(int fd)
{
    struct file *file = fd_get(fd);
    bool usable = file && !(file->flags & O_PATH);
    if (file) file_put(file);
    return usable ? 0 : -EBADF;
}

static long check_name(uint64_t user)
{
    char name[XATTR_NAME_MAX + 2];
    long n = copy_string_from_user(name, user, sizeof name);
    return n == -ENAMETOOLONG || n == 0 || n > XATTR_NAME_MAX ? -ERANGE : MIN(n, 0l);
}

static long set(long error, uint64_t name, uint64_t value, uint64_t bytes, unsigned flags)
{
    uint8_t byte;
    if (!error && flags & ~(unsigned)(XATTR_CREATE | XATTR_REPLACE)) error = -EINVAL;
    if (!error) error = check_name(name);
    if (!error && bytes > XATTR_SIZE_MAX) error = -E2BIG;
    if (!error && bytes && copy_from_user(&byte, value, 1)) error = -EFAULT;
    return error ? error : -EOPNOTSUPP;
}

static long name_only(long error, uint64_t name)
{
    if (!error) error = check_name(name);
    return error ? error : -EOPNOTSUPP;
}

long sys_setxattr(K_PATH path, K_STR name, K_IN value, K_SIZE bytes, K_FLAGS flags)
{
    return set(check_path(path, true), name, value, bytes, flags);
}
long sys_lsetxattr(K_PATH path, K_STR name, K_IN value, K_SIZE bytes, K_FLAGS flags)
{
    return set(check_path(path, false), name, value, bytes, flags);
}
long sys_fsetxattr(K_FD fd, K_STR name, K_IN value, K_SIZE bytes, K_FLAGS flags)
{
    return set(check_fd(fd), name, value, bytes, flags);
}

#define UNUSED (void)to, (void)room
long sys_getxattr(K_PATH path, K_STR name, K_OUT to, K_SIZE room)
{
    return UNUSED, name_only(check_path(path, true), name);
}
long sys_lgetxattr(K_PATH path, K_STR name, K_OUT to, K_SIZE room)
{
    return UNUSED, name_only(check_path(path, false), name);
}
long sys_fgetxattr(K_FD fd, K_STR name, K_OUT to, K_SIZE room) { return UNUSED, name_only(check_fd(fd), name); }

long sys_listxattr(K_PATH path, K_OUT to, K_SIZE room) { return UNUSED, check_path(path, true); }
long sys_llistxattr(K_PATH path, K_OUT to, K_SIZE room) { return UNUSED, check_path(path, false); }
long sys_flistxattr(K_FD fd, K_OUT to, K_SIZE room) { return UNUSED, check_fd(fd); }
#undef UNUSED

long sys_removexattr(K_PATH path, K_STR name) { return name_only(check_path(path, true), name); }
long sys_lremovexattr(K_PATH path, K_STR name) { return name_only(check_path(path, false), name); }
long sys_fremovexattr(K_FD fd, K_STR name) { return name_only(check_fd(fd), name); }
