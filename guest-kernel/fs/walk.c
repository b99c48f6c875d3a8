/*
 * walk.c - from a path to an inode.
 *
 * A path is walked name by name. For each name the directory is searched (by its file system), if the process may search it;
 * a directory that is covered by a mounted file system is replaced by that file system's root, and ".." of such a root goes
 * through the covered directory. A symbolic link is replaced by its text: what is left to walk becomes text + "/" + rest,
 * and after 40 links the walk gives up (ELOOP), since links can form circles.
 *
 * There is no cache of names here: directories are looked up in memory anyway (metadata buffers, tmpfs lists), and a walk
 * that never holds more than one directory's lock cannot deadlock.
 *
 * The way back, from a directory to its path, climbs ".." and looks in each parent for the name whose number is the child's.
 */
#include "base/string.h"
#include "fs/fdtable.h"
#include "fs/vfs_internal.h"
#include "kern/task.h"
#include "mm/slab.h"

struct inode *root_inode;

static bool in_groups(uint32_t gid) { return cred_in_group(gid); }

static int permission_for(struct inode *inode, unsigned mask, uint32_t uid, bool real)
{
    if ((mask & 2) && (inode->sb->flags & MS_RDONLY) &&
        (S_ISREG(inode->mode) || S_ISDIR(inode->mode) || S_ISLNK(inode->mode)))
        return -EROFS;
    if (uid == 0) {
        /* Root may do everything but execute what nobody may execute. */
        if (!(mask & 1) || S_ISDIR(inode->mode) || (inode->mode & 0111)) return 0;
        return -EACCES;
    }
    unsigned shift = 0;
    if (inode->uid == uid)
        shift = 6;
    else if (real ? inode->gid == current->cred.gid || in_groups(inode->gid) : in_groups(inode->gid))
        shift = 3;
    return (inode->mode >> shift & mask) == mask ? 0 : -EACCES;
}

int inode_permission(struct inode *inode, unsigned mask)
{
    return permission_for(inode, mask, current->cred.fsuid, false);
}

int inode_permission_real(struct inode *inode, unsigned mask)
{
    return permission_for(inode, mask, current->cred.uid, true);
}

bool inode_owner_ok(struct inode *inode) { return current->cred.fsuid == 0 || current->cred.fsuid == inode->uid; }

bool name_is(const struct name *name, const char *text)
{
    return strlen(text) == name->bytes && memcmp(name->text, text, name->bytes) == 0;
}

/* The root of the file system that covers this directory, if one does. Takes over the reference. */
static struct inode *cross_mounts(struct inode *inode)
{
    for (;;) {
        mutex_lock(&mount_lock);
        struct inode *root = inode->mounted ? inode_ref(inode->mounted->root) : 0;
        mutex_unlock(&mount_lock);
        if (!root) return inode;
        inode_put(inode);
        inode = root;
    }
}

static struct inode *lookup(struct inode *directory, const struct name *name)
{
    struct inode *found;
    if (!directory->ops || !directory->ops->lookup) return ERR_PTR(-ENOTDIR);
    mutex_lock(&directory->lock);
    int error = directory->ops->lookup(directory, name, &found);
    mutex_unlock(&directory->lock);
    return error ? ERR_PTR(error) : found;
}

/* The process's root directory, with a reference. */
static struct inode *process_root(void)
{
    struct fs_context *context = current->fs;
    if (!context || !context->root) return root_inode ? inode_ref(root_inode) : 0;
    spin_lock(&context->lock);
    struct inode *root = inode_ref(context->root);
    spin_unlock(&context->lock);
    return root;
}

static struct inode *process_cwd(void)
{
    struct fs_context *context = current->fs;
    if (!context || !context->cwd) return root_inode ? inode_ref(root_inode) : 0;
    spin_lock(&context->lock);
    struct inode *cwd = inode_ref(context->cwd);
    spin_unlock(&context->lock);
    return cwd;
}

struct inode *inode_parent(struct inode *directory)
{
    struct inode *root = process_root(), *at = inode_ref(directory);
    bool top = at == root;
    inode_put(root);
    if (top) return at;
    /* From the root of a mounted file system to the directory it covers; several may lie on one another. */
    while (at == at->sb->root) {
        mutex_lock(&mount_lock);
        struct inode *covered = at->sb->covered ? inode_ref(at->sb->covered) : 0;
        mutex_unlock(&mount_lock);
        if (!covered) return at;
        inode_put(at);
        at = covered;
    }
    struct inode *parent = lookup(at, &(struct name){"..", 2});
    inode_put(at);
    return IS_ERR(parent) ? parent : cross_mounts(parent);
}

struct inode *walk_step(struct inode *directory, const struct name *name)
{
    if (!S_ISDIR(directory->mode)) return ERR_PTR(-ENOTDIR);
    int error = inode_permission(directory, 1);
    if (error) return ERR_PTR(error);
    if (name_is(name, ".")) return inode_ref(directory);
    if (name_is(name, "..")) return inode_parent(directory);
    struct inode *found = lookup(directory, name);
    return IS_ERR(found) ? found : cross_mounts(found);
}

static struct inode *start_at(int at, const char *path, bool empty)
{
    struct inode *inode;
    if (path[0] == '/') {
        inode = process_root();
    } else if (at == AT_FDCWD) {
        inode = process_cwd();
    } else {
        struct file *file = fd_get(at);
        if (!file) return ERR_PTR(-EBADF);
        inode = file->inode ? inode_ref(file->inode) : 0;
        file_put(file);
        if (!inode) return ERR_PTR(-ENOTDIR);
        if (!empty && !S_ISDIR(inode->mode)) {
            inode_put(inode);
            return ERR_PTR(-ENOTDIR);
        }
    }
    return inode ? inode : ERR_PTR(-ENOENT);
}

int walker_start(struct walker *walker, int at, const char *path, unsigned flags)
{
    *walker = (struct walker){.rest = path};
    if (!path[0] && !(flags & WALK_EMPTY)) return -ENOENT;
    struct inode *inode = start_at(at, path, !path[0]);
    if (IS_ERR(inode)) return (int)PTR_ERR(inode);
    walker->at = inode;
    return 0;
}

void walker_end(struct walker *walker)
{
    inode_put(walker->at);
    kfree(walker->owned);
    walker->at = 0;
    walker->owned = 0;
}

static void walker_move(struct walker *walker, struct inode *to)
{
    inode_put(walker->at);
    walker->at = to;
}

/* The link's text, then "/" and what is left, becomes what is to be walked. */
int walker_follow(struct walker *walker, struct inode *link)
{
    if (++walker->links > LINKS_MAX) return -ELOOP;
    if (link->ops->follow) {
        struct inode *to = link->ops->follow(link);
        if (IS_ERR(to)) return (int)PTR_ERR(to);
        walker_move(walker, to);
        return 0;
    }
    if (!link->ops->readlink) return -EINVAL;
    size_t rest = strlen(walker->rest);
    char *text = kmalloc(PATH_MAX + rest + 2);
    if (!text) return -ENOMEM;
    long bytes = link->ops->readlink(link, text, PATH_MAX);
    if (bytes <= 0 || (size_t)bytes + rest + 2 > PATH_MAX) {
        kfree(text);
        return bytes < 0 ? (int)bytes : bytes == 0 ? -ENOENT : -ENAMETOOLONG;
    }
    if (rest || walker->slash) text[bytes++] = '/';
    memcpy(text + bytes, walker->rest, rest);
    text[(size_t)bytes + rest] = 0;
    kfree(walker->owned);
    walker->owned = text;
    walker->rest = text;
    if (text[0] == '/') {
        struct inode *root = process_root();
        if (!root) return -ENOENT;
        walker_move(walker, root);
    }
    return 0;
}

/* Takes the next name off the path. False: there is none. */
static bool next_name(struct walker *walker, struct name *name, bool *is_last)
{
    const char *p = walker->rest;
    while (*p == '/') p++;
    name->text = p;
    while (*p && *p != '/') p++;
    name->bytes = (size_t)(p - name->text);
    walker->slash = *p == '/';
    while (*p == '/') p++;
    walker->rest = p;
    *is_last = !*p;
    return name->bytes > 0;
}

/* Walks; rests before the last name if `rest`, else goes to the end, through a link there if `follow`. */
static int walker_run(struct walker *walker, bool rest, bool follow)
{
    struct name name;
    bool is_last;
    walker->last.bytes = 0;
    while (next_name(walker, &name, &is_last)) {
        if (!S_ISDIR(walker->at->mode)) return -ENOTDIR;
        if (name.bytes > NAME_MAX) return -ENAMETOOLONG;
        bool dots = name_is(&name, ".") || name_is(&name, "..");
        if (rest && is_last && !dots) {
            walker->last = name;
            return inode_permission(walker->at, 1);
        }
        struct inode *next = walk_step(walker->at, &name);
        if (IS_ERR(next)) return (int)PTR_ERR(next);
        if (S_ISLNK(next->mode) && (!is_last || follow || walker->slash)) {
            int error = walker_follow(walker, next);
            inode_put(next);
            if (error) return error;
            continue;
        }
        walker_move(walker, next);
        if (walker->slash && !S_ISDIR(next->mode)) return -ENOTDIR;
    }
    return 0;
}

int walker_to_last(struct walker *walker) { return walker_run(walker, true, true); }

struct inode *walker_look(struct walker *walker)
{
    struct inode *found = lookup(walker->at, &walker->last);
    return IS_ERR(found) ? found : cross_mounts(found);
}

struct inode *walk(int at, const char *path, unsigned flags)
{
    struct walker walker;
    int error = walker_start(&walker, at, path, flags);
    if (!error) error = walker_run(&walker, false, flags & WALK_FOLLOW);
    if (!error && (flags & WALK_DIRECTORY) && !S_ISDIR(walker.at->mode)) error = -ENOTDIR;
    struct inode *end = error ? ERR_PTR(error) : inode_ref(walker.at);
    walker_end(&walker);
    return end;
}

/* Finds under which name a directory holds inode `ino`. */
struct name_finder {
    struct dirent_sink sink;
    uint64_t ino;
    char name[NAME_MAX + 1];
    bool found;
    uint64_t next;
    bool any;
};

static bool name_finder_put(struct dirent_sink *sink, const char *name, size_t bytes, uint64_t ino, unsigned type,
                            uint64_t next)
{
    struct name_finder *finder = container_of(sink, struct name_finder, sink);
    (void)type;
    finder->next = next;
    finder->any = true;
    if (ino != finder->ino || bytes > NAME_MAX || (bytes <= 2 && name[0] == '.' && name[bytes - 1] == '.')) return true;
    memcpy(finder->name, name, bytes);
    finder->name[bytes] = 0;
    finder->found = true;
    return false;
}

static int find_name(struct inode *parent, struct inode *child, struct name_finder *finder)
{
    if (!parent->fops || !parent->fops->readdir) return -ENOENT;
    struct file *file = file_new(parent->fops, inode_ref(parent), O_RDONLY);
    if (!file) {
        inode_put(parent);
        return -ENOMEM;
    }
    finder->sink.put = name_finder_put;
    finder->ino = child->ino;
    finder->found = false;
    int error;
    do {
        finder->any = false;
        mutex_lock(&parent->lock);
        error = parent->fops->readdir(file, &finder->sink);
        mutex_unlock(&parent->lock);
        file->position = finder->next;
    } while (!error && finder->any && !finder->found);
    file_put(file);
    return error ? error : finder->found ? 0 : -ENOENT;
}

/* `at` climbs to what it covers, as inode_parent does, so that the parent's entry can be recognised. */
static struct inode *uncover(struct inode *at)
{
    while (at == at->sb->root) {
        mutex_lock(&mount_lock);
        struct inode *covered = at->sb->covered ? inode_ref(at->sb->covered) : 0;
        mutex_unlock(&mount_lock);
        if (!covered) break;
        inode_put(at);
        at = covered;
    }
    return at;
}

static int path_of(struct inode *directory, char *to, size_t room, bool inside)
{
    struct name_finder *finder = kmalloc(sizeof *finder);
    if (!finder) return -ENOMEM;
    struct inode *at = inode_ref(directory), *root = process_root();
    size_t end = room;
    int error = room < 2 ? -ERANGE : 0;
    if (!error) to[--end] = 0;
    while (!error && at != root) {
        struct inode *parent = inode_parent(at);
        if (IS_ERR(parent)) {
            error = (int)PTR_ERR(parent);
            break;
        }
        if (parent == at) { /* the root of everything, though the process has another */
            inode_put(parent);
            if (inside) error = -ENOENT;
            break;
        }
        at = uncover(at);
        error = find_name(parent, at, finder);
        size_t bytes = error ? 0 : strlen(finder->name);
        if (!error && bytes + 1 > end) error = -ERANGE;
        if (!error) {
            end -= bytes + 1;
            to[end] = '/';
            memcpy(to + end + 1, finder->name, bytes);
        }
        inode_put(at);
        at = parent;
    }
    inode_put(at);
    inode_put(root);
    kfree(finder);
    if (error) return error;
    if (end == room - 1) to[--end] = '/';
    memmove(to, to + end, room - end);
    return (int)(room - end);
}

int inode_path(struct inode *directory, char *to, size_t room) { return path_of(directory, to, room, false); }
int inode_path_inside(struct inode *directory, char *to, size_t room) { return path_of(directory, to, room, true); }
