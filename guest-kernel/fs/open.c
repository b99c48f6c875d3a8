/*
 * open.c - open(): from a path to an entry of the open-file table.
 *
 * Permissions are checked here, once; afterwards the descriptor is the right to read or write. With O_CREAT the last name may
 * be new. If it is a symbolic link that leads nowhere, the file is created where the link leads.
 */
#include "base/string.h"
#include "fs/fdtable.h"
#include "fs/notify.h"
#include "fs/vfs_internal.h"
#include "kern/task.h"

static ssize_t path_only(struct file *file, struct uio *uio)
{
    (void)file, (void)uio;
    return -EBADF;
}
static const struct file_ops path_ops = {.read = path_only, .write = path_only};

/* May the file be opened like this, and by whom? */
static int check(struct inode *inode, int flags)
{
    unsigned mask = (flags & O_ACCMODE) == O_RDONLY ? 4 : (flags & O_ACCMODE) == O_WRONLY ? 2 : 6;
    if (flags & O_TRUNC) mask |= 2;
    if (S_ISLNK(inode->mode)) return -ELOOP;
    if (S_ISDIR(inode->mode) && ((mask & 2) || (flags & O_CREAT))) return -EISDIR;
    if ((flags & O_DIRECTORY) && !S_ISDIR(inode->mode)) return -ENOTDIR;
    if ((S_ISCHR(inode->mode) || S_ISBLK(inode->mode)) && (inode->sb->flags & MS_NODEV)) return -EACCES;
    if ((flags & O_NOATIME) && !inode_owner_ok(inode)) return -EPERM;
    return inode_permission(inode, mask);
}

static const struct file_ops *ops_for(struct inode *inode)
{
    switch (inode->mode & S_IFMT) {
    case S_IFCHR: return device_ops(false, inode->rdev);
    case S_IFBLK: return device_ops(true, inode->rdev);
    case S_IFIFO: return &fifo_ops;
    case S_IFSOCK: return 0;
    default: return inode->fops;
    }
}

static int take_writer(struct inode *inode)
{
    int writers = atomic_load(&inode->writers);
    while (writers >= 0)
        if (atomic_cas(&inode->writers, &writers, writers + 1)) return 0;
    return -ETXTBSY;
}

/* The permission has been checked. */
static struct file *open_checked(struct inode *inode, int flags)
{
    unsigned kept = (unsigned)flags & ~(unsigned)(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC);
    if (flags & O_PATH) {
        struct file *file = file_new(&path_ops, inode_ref(inode), kept & (O_PATH | O_DIRECTORY | O_NOFOLLOW));
        if (!file) inode_put(inode);
        return file ? file : ERR_PTR(-ENOMEM);
    }
    const struct file_ops *ops = ops_for(inode);
    if (!ops) return ERR_PTR(-ENXIO);
    bool writer = (flags & O_ACCMODE) != O_RDONLY && S_ISREG(inode->mode);
    bool truncates = !writer && (flags & O_TRUNC) && S_ISREG(inode->mode); /* not while it is being executed either */
    int error = writer || truncates ? take_writer(inode) : 0;
    if (truncates && !error) error = vfs_truncate(inode, 0), atomic_add(&inode->writers, -1);
    if (error) return ERR_PTR(error);
    struct file *file = file_new(ops, inode_ref(inode), kept);
    if (!file) {
        if (writer) atomic_add(&inode->writers, -1);
        inode_put(inode);
        return ERR_PTR(-ENOMEM);
    }
    if (flags & O_NOCTTY) file->flags |= O_NOCTTY; /* seen by the terminal driver's open */
    error = ops->open ? ops->open(file) : 0;
    file->flags &= ~(unsigned)O_NOCTTY;
    if (!error && writer && (flags & O_TRUNC)) error = vfs_truncate(inode, 0);
    if (!error) return file;
    if (ops->open && file->ops == ops) file->ops = &path_ops; /* open failed: nothing to release */
    file_put(file);
    return ERR_PTR(error);
}

struct file *vfs_open_inode(struct inode *inode, int flags)
{
    int error = flags & O_PATH ? 0 : check(inode, flags);
    return error ? ERR_PTR(error) : open_checked(inode, flags);
}

/* The walker rests before the last name, which is not there: makes a regular file. */
static struct inode *create(struct walker *walker, unsigned mode)
{
    struct inode *directory = walker->at, *made;
    if (walker->slash) return ERR_PTR(-EISDIR);
    unsigned umask = current->fs ? current->fs->umask : 022;
    struct attr attr = {
        .mode = S_IFREG | (mode & 07777 & ~umask), .uid = current->cred.fsuid, .gid = current->cred.fsgid};
    if (directory->mode & S_ISGID) attr.gid = directory->gid;
    int error = inode_permission(directory, 3);
    if (error) return ERR_PTR(error);
    mutex_lock(&directory->lock);
    error = directory->ops->lookup(directory, &walker->last, &made); /* somebody may have been faster */
    if (error == -ENOENT) {
        if (!directory->links)
            error = -ENOENT;
        else
            error = directory->ops->create ? directory->ops->create(directory, &walker->last, &attr, 0, &made) : -EPERM;
    } else if (!error) {
        inode_put(made);
        error = -EEXIST;
    }
    mutex_unlock(&directory->lock);
    if (!error) notify_name(directory, &walker->last, IN_CREATE, 0);
    return error ? ERR_PTR(error) : made;
}

static void report(struct file *file, bool truncated)
{
    file->notifies = true;
    notify_file(file, IN_OPEN);
    if (truncated && S_ISREG(file->inode->mode)) notify_file(file, IN_MODIFY); /* Linux's order */
}

/* One try: finds or makes what the last name means. *again: it was a link, which the walker now follows. */
static struct file *open_last(struct walker *walker, int flags, unsigned mode, bool *again)
{
    bool made = false;
    *again = false;
    struct inode *inode = walker->last.bytes ? walker_look(walker) : inode_ref(walker->at);
    if (IS_ERR(inode) && PTR_ERR(inode) == -ENOENT && (flags & O_CREAT) && walker->last.bytes) {
        inode = create(walker, mode);
        made = !IS_ERR(inode);
        if (!made && PTR_ERR(inode) == -EEXIST && !(flags & O_EXCL)) {
            walker->rest = walker->last.text; /* made by somebody else in between: look again */
            *again = true;
            return 0;
        }
    }
    if (IS_ERR(inode)) return (struct file *)inode;
    int error = 0;
    struct file *file = 0;
    if (!made && (flags & O_CREAT) && (flags & O_EXCL)) {
        error = -EEXIST;
    } else if (S_ISLNK(inode->mode) && (!(flags & O_NOFOLLOW) || walker->slash)) {
        error = walker_follow(walker, inode); /* a magic link leaves no text: walker->at is then the thing itself */
        *again = !error;
    } else if (walker->slash && walker->last.bytes && !S_ISDIR(inode->mode)) {
        error = -ENOTDIR;
    } else {
        if (!made && !(flags & O_PATH)) error = check(inode, flags);
        if (!error && (flags & O_PATH) && (flags & O_DIRECTORY) && !S_ISDIR(inode->mode)) error = -ENOTDIR;
        file = error ? 0 : open_checked(inode, made ? flags & ~O_TRUNC : flags);
        if (file && !IS_ERR(file) && walker->last.bytes && !file->name) file_take_name(file, walker->at, &walker->last);
        if (file && !IS_ERR(file) && !(flags & O_PATH)) report(file, !made && flags & O_TRUNC);
    }
    inode_put(inode);
    return error ? ERR_PTR(error) : file;
}

struct file *vfs_open(int at, const char *path, int flags, unsigned mode)
{
    struct walker walker;
    if ((flags & O_TMPFILE) == O_TMPFILE) return ERR_PTR(-EOPNOTSUPP);
    if ((flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY)) return ERR_PTR(-EINVAL);
    if (flags & O_PATH) flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int error = walker_start(&walker, at, path, 0);
    struct file *file = 0;
    bool again = !error;
    while (again) {
        error = walker_to_last(&walker);
        if (error) break;
        file = open_last(&walker, flags, mode, &again);
    }
    walker_end(&walker);
    return error ? ERR_PTR(error) : file;
}
