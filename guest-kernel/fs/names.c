/*
 * names.c - making, removing and moving names: mknod, mkdir, symlink, link, unlink, rmdir, rename.
 *
 * All work alike: walk to the parent directory, check, lock the directory, look whether the name is there, let the file
 * system do it. The file system makes each of them atomic on the disk.
 *
 * rename is the only one that needs two directories. If they differ, rename_lock keeps the tree's shape as it is while we find
 * out which directory lies above the other (it is locked first) and that a directory is not moved below itself, which would
 * cut a circle off the tree.
 */
#include "base/string.h"
#include "fs/fdtable.h"
#include "fs/notify.h"
#include "fs/vfs_internal.h"
#include "kern/task.h"

static struct mutex rename_lock = MUTEX_INIT(rename_lock, "rename");

static void new_attr(struct inode *directory, unsigned mode, struct attr *attr)
{
    unsigned umask = current->fs ? current->fs->umask : 022;
    *attr = (struct attr){
        .mode = (mode & S_IFMT) | (mode & 07777 & ~umask), .uid = current->cred.fsuid, .gid = current->cred.fsgid};
    if (!(directory->mode & S_ISGID)) return; /* the directory passes its group on */
    attr->gid = directory->gid;
    if (S_ISDIR(mode)) attr->mode |= S_ISGID;
}

/* Starts a walk to the parent of a name that is to be made. */
static int to_parent(struct walker *walker, int at, const char *path)
{
    int error = walker_start(walker, at, path, 0);
    return error ? error : walker_to_last(walker);
}

/* The directory is locked: 0 if the last name is free. */
static int name_is_free(struct walker *walker)
{
    struct inode *there;
    if (!walker->at->links) return -ENOENT; /* the directory itself has been removed */
    if (!walker->at->ops || !walker->at->ops->lookup) return -ENOTDIR;
    int error = walker->at->ops->lookup(walker->at, &walker->last, &there);
    if (error == -ENOENT) return 0;
    if (error) return error;
    inode_put(there);
    return -EEXIST;
}

static int locked_make(struct walker *walker, unsigned mode, uint64_t rdev, const char *target)
{
    struct inode *directory = walker->at, *made;
    struct attr attr;
    int error = name_is_free(walker);
    if (!error) error = inode_permission(directory, 3);
    if (error) return error;
    new_attr(directory, mode, &attr);
    if (target) {
        attr.mode = S_IFLNK | 0777;
        if (!directory->ops->symlink) return -EPERM;
        error = directory->ops->symlink(directory, &walker->last, &attr, target, &made);
    } else {
        if (!directory->ops->create) return -EPERM;
        error = directory->ops->create(directory, &walker->last, &attr, rdev, &made);
    }
    if (!error) inode_put(made);
    return error;
}

static int make(int at, const char *path, unsigned mode, uint64_t rdev, const char *target)
{
    struct walker walker;
    int error = to_parent(&walker, at, path);
    if (!error && !walker.last.bytes) error = -EEXIST;
    if (!error && walker.slash && !S_ISDIR(mode)) error = -ENOENT;
    if (!error) {
        mutex_lock(&walker.at->lock);
        error = locked_make(&walker, mode, rdev, target);
        mutex_unlock(&walker.at->lock);
        if (!error) notify_name(walker.at, &walker.last, IN_CREATE | (S_ISDIR(mode) ? IN_ISDIR : 0), 0);
    }
    walker_end(&walker);
    return error;
}

int vfs_mknod(int at, const char *path, unsigned mode, uint64_t rdev)
{
    if (!(mode & S_IFMT)) mode |= S_IFREG;
    switch (mode & S_IFMT) {
    case S_IFREG:
    case S_IFIFO:
    case S_IFSOCK: return make(at, path, mode, 0, 0);
    case S_IFCHR:
    case S_IFBLK: return cred_is_root() ? make(at, path, mode, rdev, 0) : -EPERM;
    case S_IFDIR: return -EPERM;
    default: return -EINVAL;
    }
}

int vfs_mkdir(int at, const char *path, unsigned mode) { return make(at, path, S_IFDIR | (mode & 01777), 0, 0); }

int vfs_symlink(const char *target, int at, const char *path)
{
    return target[0] ? make(at, path, S_IFLNK, 0, target) : -ENOENT;
}

/* May names be taken out of the directory? In a sticky one (/tmp) only by the owner of the file or of the directory. */
int directory_may_delete(struct inode *directory, struct inode *victim, bool is_directory)
{
    int error = inode_permission(directory, 3);
    if (error) return error;
    if ((directory->mode & S_ISVTX) && !inode_owner_ok(victim) && !inode_owner_ok(directory)) return -EPERM;
    if (is_directory && !S_ISDIR(victim->mode)) return -ENOTDIR;
    if (!is_directory && S_ISDIR(victim->mode)) return -EISDIR;
    if (victim->mounted || victim == victim->sb->root) return -EBUSY;
    return 0;
}

static int locked_unlink(struct walker *walker, bool directory)
{
    struct inode *parent = walker->at, *victim;
    if (!parent->ops || !parent->ops->lookup) return -ENOTDIR;
    int error = parent->ops->lookup(parent, &walker->last, &victim);
    if (error) return error;
    error = directory_may_delete(parent, victim, directory);
    if (!error && walker->slash && !S_ISDIR(victim->mode)) error = -ENOTDIR;
    if (!error && !parent->ops->unlink) error = -EPERM;
    if (!error) {
        mutex_lock(&victim->lock);
        error = victim->mounted ? -EBUSY : parent->ops->unlink(parent, &walker->last, victim); /* super.c: lock_cover */
        mutex_unlock(&victim->lock);
    }
    if (!error && !directory) notify_inode(victim, IN_ATTRIB); /* its number of links */
    if (!error) notify_gone(victim, 1);
    if (!error) notify_name(parent, &walker->last, IN_DELETE | (directory ? IN_ISDIR : 0), 0);
    inode_put(victim);
    return error;
}

/* The path has no last name: why can that not be removed? */
static int no_last_name(const char *path, bool directory)
{
    size_t bytes = strlen(path);
    while (bytes > 1 && path[bytes - 1] == '/') bytes--;
    bool dot = path[bytes - 1] == '.', dots = dot && bytes > 1 && path[bytes - 2] == '.';
    if (!directory) return -EISDIR;
    return dots ? -ENOTEMPTY : dot ? -EINVAL : -EBUSY;
}

int vfs_unlink(int at, const char *path, bool directory)
{
    struct walker walker;
    int error = to_parent(&walker, at, path);
    if (!error && !walker.last.bytes) error = no_last_name(path, directory);
    if (!error) {
        mutex_lock(&walker.at->lock);
        error = locked_unlink(&walker, directory);
        mutex_unlock(&walker.at->lock);
    }
    walker_end(&walker);
    return error;
}

static int locked_link(struct walker *walker, struct inode *inode)
{
    struct inode *directory = walker->at;
    int error = name_is_free(walker);
    if (!error) error = inode_permission(directory, 3);
    if (!error && inode->sb != directory->sb) error = -EXDEV;
    if (!error && (S_ISDIR(inode->mode) || !directory->ops->link)) error = -EPERM;
    if (error) return error;
    mutex_lock(&inode->lock);
    error = inode->links ? directory->ops->link(directory, &walker->last, inode) : -ENOENT;
    mutex_unlock(&inode->lock);
    return error;
}

/*
 * A name may outlive what its owner meant to delete, so not everybody may give a file another one: only its owner, or who could read and
 * write it anyway, and then no program that runs with its owner's rights.
 */
static int may_link(struct inode *inode)
{
    if (inode_owner_ok(inode)) return 0;
    bool special = !S_ISREG(inode->mode) || (inode->mode & S_ISUID) ||
                   (inode->mode & (S_ISGID | 0010)) == (S_ISGID | 0010) || inode_permission(inode, 6);
    return special ? -EPERM : 0;
}

int vfs_link(int from_at, const char *from, int to_at, const char *to, unsigned flags)
{
    if (flags & ~(unsigned)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) return -EINVAL;
    unsigned how = (flags & AT_SYMLINK_FOLLOW ? WALK_FOLLOW : 0) | (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0);
    struct inode *inode = walk(from_at, from, how);
    if (IS_ERR(inode)) return (int)PTR_ERR(inode);
    struct walker walker;
    int error = to_parent(&walker, to_at, to);
    if (!error && !walker.last.bytes) error = -EEXIST;
    if (!error && walker.slash) error = -ENOENT;
    if (!error) error = may_link(inode);
    if (!error) {
        mutex_lock(&walker.at->lock);
        error = locked_link(&walker, inode);
        mutex_unlock(&walker.at->lock);
    }
    if (!error) notify_inode(inode, IN_ATTRIB);
    if (!error) notify_name(walker.at, &walker.last, IN_CREATE, 0);
    walker_end(&walker);
    inode_put(inode);
    return error;
}

/* Is `below` the directory `above` or below it? rename_lock held. Climbs within one file system only. */
static int is_below(struct inode *below, struct inode *above)
{
    struct inode *at = inode_ref(below);
    int answer = 0;
    while (at != above && at != at->sb->root && !answer) {
        struct inode *parent;
        mutex_lock(&at->lock);
        int error = at->ops->lookup(at, &(struct name){"..", 2}, &parent);
        mutex_unlock(&at->lock);
        if (error) {
            answer = error;
            break;
        }
        if (parent == at) answer = -ENOENT;
        inode_put(at);
        at = parent;
    }
    if (!answer) answer = at == above;
    inode_put(at);
    return answer;
}

/* Locks both parents, the upper one first. *from_above / *to_above: one lies above the other. */
static int lock_parents(struct inode *from, struct inode *to)
{
    if (from == to) {
        mutex_lock(&from->lock);
        return 0;
    }
    int below = is_below(from, to);
    if (below < 0) return below;
    bool to_first = below || (from > to && !is_below(to, from));
    mutex_lock(to_first ? &to->lock : &from->lock);
    mutex_lock(to_first ? &from->lock : &to->lock);
    return 0;
}

static void unlock_parents(struct inode *from, struct inode *to)
{
    mutex_unlock(&from->lock);
    if (from != to) mutex_unlock(&to->lock);
}

enum { RENAME_NOREPLACE = 1, RENAME_EXCHANGE = 2 };

/* Both parents are locked; inode: what moves, victim: what is at the new name, or NULL. */
static int rename_check(struct walker *old, struct walker *new, struct inode *inode, struct inode *victim,
                        unsigned flags)
{
    bool exchange = flags & RENAME_EXCHANGE;
    if (!new->at->links) return -ENOENT;
    if (victim && (flags & RENAME_NOREPLACE)) return -EEXIST;
    if (exchange && !victim) return -ENOENT;
    int error = directory_may_delete(old->at, inode, S_ISDIR(inode->mode));
    if (!error && victim)
        error = directory_may_delete(new->at, victim, exchange ? S_ISDIR(victim->mode) : S_ISDIR(inode->mode));
    if (!error && !victim) error = inode_permission(new->at, 3);
    if (error) return error;
    if (old->slash && !S_ISDIR(inode->mode)) return -ENOTDIR;
    if (new->slash && !S_ISDIR(exchange ? victim->mode : inode->mode)) return -ENOTDIR;
    if (S_ISDIR(inode->mode) && old->at != new->at) error = inode_permission(inode, 2); /* its ".." changes */
    return error;
}

static int look(struct inode *directory, const struct name *name, struct inode **found)
{
    int error = directory->ops && directory->ops->lookup ? directory->ops->lookup(directory, name, found) : -ENOTDIR;
    if (error) *found = 0;
    return error;
}

/* Linux's order: both halves, what was replaced, what has moved. */
static void report_move(struct walker *old, struct walker *new, struct inode *inode, struct inode *victim,
                        bool exchange)
{
    unsigned cookie = notify_cookie(), kind = S_ISDIR(inode->mode) ? IN_ISDIR : 0;
    notify_name(old->at, &old->last, IN_MOVED_FROM | kind, cookie);
    notify_name(new->at, &new->last, IN_MOVED_TO | kind, cookie);
    if (victim && !exchange) notify_inode(victim, IN_ATTRIB);
    notify_inode(inode, IN_MOVE_SELF);
    if (victim && !exchange) notify_gone(victim, 1);
    if (!exchange) return;
    cookie = notify_cookie();
    kind = S_ISDIR(victim->mode) ? IN_ISDIR : 0;
    notify_name(new->at, &new->last, IN_MOVED_FROM | kind, cookie);
    notify_name(old->at, &old->last, IN_MOVED_TO | kind, cookie);
    notify_inode(victim, IN_MOVE_SELF);
}

/* What moves and what it replaces: nobody may put a name into a directory that is being replaced, nor count links meanwhile. Under the
 * parents' locks; only rename takes two of them, one rename at a time. -EINVAL: a damaged disk has one of the parents here. */
static int lock_moving(struct walker *old, struct walker *new, struct inode *inode, struct inode *victim)
{
    if (inode == old->at || inode == new->at || (victim && (victim == old->at || victim == new->at))) return -EINVAL;
    bool victim_first =
        victim && S_ISDIR(victim->mode) && !S_ISDIR(inode->mode); /* as link does: directories, then files */
    if (victim_first) mutex_lock(&victim->lock);
    mutex_lock(&inode->lock);
    if (victim && victim != inode && !victim_first) mutex_lock(&victim->lock);
    return 0;
}

static void unlock_moving(struct inode *inode, struct inode *victim)
{
    if (victim && victim != inode) mutex_unlock(&victim->lock);
    mutex_unlock(&inode->lock);
}

static int locked_rename(struct walker *old, struct walker *new, unsigned flags)
{
    struct inode *inode, *victim = 0;
    int error = look(old->at, &old->last, &inode);
    if (error) return error;
    error = look(new->at, &new->last, &victim);
    if (error == -ENOENT) error = 0;
    if (!error) error = rename_check(old, new, inode, victim, flags);
    if (!error && inode == victim && !(flags & RENAME_EXCHANGE)) goto done; /* two names of one file: nothing happens */
    if (!error && !old->at->ops->rename) error = -EPERM;
    if (!error) error = lock_moving(old, new, inode, victim);
    if (!error) {
        bool covered = inode->mounted || (victim && victim->mounted); /* since rename_check */
        error = covered ? -EBUSY
                        : old->at->ops->rename(old->at, &old->last, inode, new->at, &new->last, victim,
                                               flags & RENAME_EXCHANGE);
        unlock_moving(inode, victim);
    }
    if (!error) report_move(old, new, inode, victim, flags & RENAME_EXCHANGE);
done:
    inode_put(victim);
    inode_put(inode);
    return error;
}

/* A directory must not go below itself, nor replace one above itself. rename_lock held, parents not locked. */
static int check_circle(struct walker *old, struct walker *new, unsigned flags)
{
    struct inode *inode = walker_look(old), *other;
    if (IS_ERR(inode)) return (int)PTR_ERR(inode);
    int error = 0;
    if (S_ISDIR(inode->mode) && inode->sb == new->at->sb) {
        error = is_below(new->at, inode);
        if (error > 0) error = -EINVAL;
    }
    inode_put(inode);
    if (error) return error;
    other = walker_look(new);
    if (IS_ERR(other)) return PTR_ERR(other) == -ENOENT ? 0 : (int)PTR_ERR(other);
    if (S_ISDIR(other->mode) && other->sb == old->at->sb) {
        error = is_below(old->at, other);
        if (error > 0) error = flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
    }
    inode_put(other);
    return error;
}

int vfs_rename(int from_at, const char *from, int to_at, const char *to, unsigned flags)
{
    if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE)) return -EINVAL;
    if (flags == (RENAME_NOREPLACE | RENAME_EXCHANGE)) return -EINVAL;
    struct walker old, new = {0};
    int error = to_parent(&old, from_at, from);
    if (!error) error = to_parent(&new, to_at, to);
    if (!error && old.at->sb != new.at->sb) error = -EXDEV;
    if (!error && (!old.last.bytes || !new.last.bytes)) error = -EBUSY;
    if (!error) {
        mutex_lock(&rename_lock);
        error = check_circle(&old, &new, flags);
        if (!error) error = lock_parents(old.at, new.at);
        if (!error) {
            error = locked_rename(&old, &new, flags);
            unlock_parents(old.at, new.at);
        }
        mutex_unlock(&rename_lock);
    }
    walker_end(&old);
    walker_end(&new);
    return error;
}
