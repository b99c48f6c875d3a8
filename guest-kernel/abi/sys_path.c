/*
 * sys_path.c - system calls on names: open, make, remove, rename, link; working directory; mounts.
 */
#include "abi/file_abi.h"
#include "abi/syscall.h"
#include "base/string.h"
#include "fs/fdtable.h"
#include "fs/notify.h"
#include "fs/tmpfs.h"
#include "fs/vfs.h"
#include "kern/task.h"
#include "mm/slab.h"
#include "mm/usercopy.h"

char *path_from_user(uint64_t user)
{
    char *path = kmalloc(PATH_MAX);
    if (!path) return ERR_PTR(-ENOMEM);
    long bytes = copy_string_from_user(path, user, PATH_MAX);
    if (bytes >= 0) return path;
    kfree(path);
    return ERR_PTR(bytes);
}

long sys_openat(int at, uint64_t user, unsigned flags, unsigned mode)
{
    char *path = path_from_user(user);
    if (IS_ERR(path)) return PTR_ERR(path);
    struct file *file = vfs_open(at, path, (int)flags, mode);
    kfree(path);
    if (IS_ERR(file)) return PTR_ERR(file);
    int fd = fd_install(file, flags & O_CLOEXEC);
    if (fd < 0) file_put(file);
    return fd;
}

/* The name is for people who look at the process; sealing (MFD_ALLOW_SEALING) is accepted, but there are no seals. */
long sys_memfd_create(uint64_t name_at, unsigned flags)
{
    enum { MFD_CLOEXEC = 1, MFD_ALLOW_SEALING = 2, NAME_ROOM = 250, MFD_NOEXEC_SEAL = 8, MFD_EXEC = 16 };
    char name[NAME_ROOM];
    if (flags & ~(unsigned)(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC)) return -EINVAL;
    if ((flags & (MFD_EXEC | MFD_NOEXEC_SEAL)) == (MFD_EXEC | MFD_NOEXEC_SEAL)) return -EINVAL;
    long bytes = copy_string_from_user(name, name_at, NAME_ROOM);
    if (bytes < 0) return bytes == -ENAMETOOLONG ? -EINVAL : bytes;
    struct file *file = tmpfs_nameless();
    if (IS_ERR(file)) return PTR_ERR(file);
    int fd = fd_install(file, flags & MFD_CLOEXEC);
    if (fd < 0) file_put(file);
    return fd;
}

long sys_mkdirat(int at, uint64_t user, unsigned mode)
{
    char *path = path_from_user(user);
    if (IS_ERR(path)) return PTR_ERR(path);
    long result = vfs_mkdir(at, path, mode);
    kfree(path);
    return result;
}

long sys_mknodat(int at, uint64_t user, unsigned mode, unsigned dev)
{
    char *path = path_from_user(user);
    if (IS_ERR(path)) return PTR_ERR(path);
    long result = vfs_mknod(at, path, mode, dev_decode(dev));
    kfree(path);
    return result;
}

long sys_unlinkat(int at, uint64_t user, unsigned flags)
{
    if (flags & ~(unsigned)AT_REMOVEDIR) return -EINVAL;
    char *path = path_from_user(user);
    if (IS_ERR(path)) return PTR_ERR(path);
    long result = vfs_unlink(at, path, flags & AT_REMOVEDIR);
    kfree(path);
    return result;
}

/* Two paths, for the calls that take them. */
struct two_paths {
    char *first, *second;
};
static long two_from_user(struct two_paths *paths, uint64_t first, uint64_t second)
{
    paths->first = path_from_user(first);
    if (IS_ERR(paths->first)) return PTR_ERR(paths->first);
    paths->second = path_from_user(second);
    if (!IS_ERR(paths->second)) return 0;
    kfree(paths->first);
    return PTR_ERR(paths->second);
}
static void two_free(struct two_paths *paths)
{
    kfree(paths->first);
    kfree(paths->second);
}

long sys_symlinkat(uint64_t target, int at, uint64_t user)
{
    struct two_paths paths;
    long result = two_from_user(&paths, target, user);
    if (result) return result;
    result = vfs_symlink(paths.first, at, paths.second);
    two_free(&paths);
    return result;
}

long sys_linkat(int from_at, uint64_t from, int to_at, uint64_t to, unsigned flags)
{
    struct two_paths paths;
    long result = two_from_user(&paths, from, to);
    if (result) return result;
    result = vfs_link(from_at, paths.first, to_at, paths.second, flags);
    two_free(&paths);
    return result;
}

long sys_renameat2(int from_at, uint64_t from, int to_at, uint64_t to, unsigned flags)
{
    struct two_paths paths;
    long result = two_from_user(&paths, from, to);
    if (result) return result;
    result = vfs_rename(from_at, paths.first, to_at, paths.second, flags);
    two_free(&paths);
    return result;
}

long sys_readlinkat(int at, uint64_t user, uint64_t buffer, int room)
{
    if (room <= 0) return -EINVAL;
    char *path = path_from_user(user);
    if (IS_ERR(path)) return PTR_ERR(path);
    struct inode *inode = walk(at, path, path[0] ? 0 : WALK_EMPTY);
    long result = IS_ERR(inode) ? PTR_ERR(inode) : 0;
    if (!result) {
        result = path[0] ? -EINVAL : -ENOENT;
        if (S_ISLNK(inode->mode) && inode->ops->readlink) result = inode->ops->readlink(inode, path, PATH_MAX);
        inode_put(inode);
    }
    if (result > room) result = room;
    if (result > 0 && copy_to_user(buffer, path, (size_t)result)) result = -EFAULT;
    kfree(path);
    return result;
}

long sys_truncate(uint64_t user, long size)
{
    if (size < 0) return -EINVAL;
    char *path = path_from_user(user);
    if (IS_ERR(path)) return PTR_ERR(path);
    struct inode *inode = walk(AT_FDCWD, path, WALK_FOLLOW);
    kfree(path);
    if (IS_ERR(inode)) return PTR_ERR(inode);
    long result = S_ISDIR(inode->mode) ? -EISDIR : S_ISREG(inode->mode) ? inode_permission(inode, 2) : -EINVAL;
    if (!result && inode->writers < 0) result = -ETXTBSY;
    if (!result) result = vfs_truncate(inode, (uint64_t)size);
    if (!result) notify_inode(inode, IN_MODIFY);
    inode_put(inode);
    return result;
}

long sys_getcwd(uint64_t buffer, uint64_t room)
{
    char *path = kmalloc(PATH_MAX);
    if (!path) return -ENOMEM;
    struct inode *cwd = walk(AT_FDCWD, ".", WALK_DIRECTORY);
    long bytes = IS_ERR(cwd) ? PTR_ERR(cwd) : cwd->links ? inode_path(cwd, path, PATH_MAX) : -ENOENT;
    if (!IS_ERR(cwd)) inode_put(cwd);
    if (bytes > 0 && (uint64_t)bytes > room) bytes = -ERANGE;
    if (bytes > 0 && copy_to_user(buffer, path, (size_t)bytes)) bytes = -EFAULT;
    kfree(path);
    return bytes;
}

/* The directory becomes the process's working directory or root. Takes over the reference. */
static long enter(struct inode *directory, bool root)
{
    struct fs_context *context = current->fs;
    long error = S_ISDIR(directory->mode) ? inode_permission(directory, 1) : -ENOTDIR;
    if (!error && root && !cred_is_root()) error = -EPERM;
    struct inode *old = directory;
    if (!error) {
        spin_lock(&context->lock);
        struct inode **place = root ? &context->root : &context->cwd;
        old = *place;
        *place = directory;
        spin_unlock(&context->lock);
    }
    inode_put(old);
    return error;
}

static long enter_path(uint64_t user, bool root)
{
    char *path = path_from_user(user);
    if (IS_ERR(path)) return PTR_ERR(path);
    struct inode *directory = walk(AT_FDCWD, path, WALK_FOLLOW);
    kfree(path);
    return IS_ERR(directory) ? PTR_ERR(directory) : enter(directory, root);
}

long sys_chdir(uint64_t user) { return enter_path(user, false); }
long sys_chroot(uint64_t user) { return enter_path(user, true); }

long sys_fchdir(int fd)
{
    struct file *file = fd_get(fd);
    if (!file) return -EBADF;
    long result = file->inode ? enter(inode_ref(file->inode), false) : -ENOTDIR;
    file_put(file);
    return result;
}

long sys_umask(unsigned mask)
{
    struct fs_context *context = current->fs;
    spin_lock(&context->lock);
    unsigned old = context->umask;
    context->umask = mask & 0777;
    spin_unlock(&context->lock);
    return old;
}

long sys_mount(uint64_t source, uint64_t target, uint64_t type, unsigned flags, uint64_t options)
{
    enum { MS_BIND = 4096, MS_MOVE = 8192 };
    if (!cred_is_root()) return -EPERM;
    if (flags & MS_BIND) return -EINVAL;
    char *text[4] = {0};
    uint64_t user[4] = {source, target, type, options};
    long error = 0;
    for (int i = 0; i < 4 && !error; i++) {
        if (!user[i] && i != 1) continue;
        text[i] = path_from_user(user[i]);
        if (!IS_ERR(text[i])) continue;
        error = PTR_ERR(text[i]);
        text[i] = 0;
    }
    bool moves = (flags & MS_MOVE) && !(flags & MS_REMOUNT);
    if (!error && moves) error = vfs_mount_move(text[0], text[1]);
    if (!error && !moves) error = vfs_mount(text[0], text[1], text[2] ? text[2] : "", flags, text[3]);
    for (int i = 0; i < 4; i++) kfree(text[i]);
    return error;
}

long sys_pivot_root(uint64_t fresh, uint64_t old)
{
    if (!cred_is_root()) return -EPERM;
    char *a = path_from_user(fresh);
    if (IS_ERR(a)) return PTR_ERR(a);
    char *b = path_from_user(old);
    long error = IS_ERR(b) ? PTR_ERR(b) : vfs_pivot(a, b);
    if (!IS_ERR(b)) kfree(b);
    kfree(a);
    return error;
}

long sys_umount2(uint64_t target, unsigned flags)
{
    enum { MNT_FORCE = 1, MNT_DETACH = 2, MNT_EXPIRE = 4, UMOUNT_NOFOLLOW = 8 };
    if (flags & ~(unsigned)(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW)) return -EINVAL;
    if (!cred_is_root()) return -EPERM;
    char *path = path_from_user(target);
    if (IS_ERR(path)) return PTR_ERR(path);
    long result = vfs_unmount(path, flags);
    kfree(path);
    return result;
}
