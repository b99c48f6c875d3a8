/*
 * super.c - mounted file systems: types, the mount table, sync.
 *
 * mount_lock (a mutex) protects the table and the two ends of each mount, inode->mounted and sb->covered. It is not held while
 * a file system reads its disk, but a device has one holder, so that it cannot be mounted twice. A directory is covered
 * under its own lock besides, which is taken first: whoever removes it or moves it holds that one.
 */
#include "base/string.h"
#include "blk/blk.h"
#include "fs/fdtable.h"
#include "fs/notify.h"
#include "fs/vfs_internal.h"
#include "kern/print.h"
#include "kern/task.h"
#include "mm/slab.h"

static struct list superblocks = LIST_INIT(superblocks); /* all mounted; under mount_lock */
struct mutex mount_lock = MUTEX_INIT(mount_lock, "mount");
static struct fs_type *types;
static unsigned next_anonymous_dev;

void fs_register(struct fs_type *type)
{
    struct fs_type **at = &types;
    while (*at) at = &(*at)->next;
    type->next = 0;
    *at = type;
}

struct fs_type *fs_type_next(struct fs_type *type) { return type ? type->next : types; }

static struct fs_type *type_find(const char *name)
{
    struct fs_type *type = types;
    while (type && strcmp(type->name, name)) type = type->next;
    return type;
}

static void superblock_free(struct superblock *sb)
{
    if (sb->device) blkdev_release(sb->device);
    kfree(sb->source);
    kfree(sb);
}

/* The device that `source` names: a block device file. */
static struct blkdev *device_of(const char *source, int *error)
{
    struct blkdev *device = strncmp(source, "/dev/", 5) == 0 ? blkdev_find(source + 5) : 0;
    *error = 0;
    if (device) return device; /* also before /dev is mounted */
    struct inode *inode = walk(AT_FDCWD, source, WALK_FOLLOW);
    if (IS_ERR(inode)) {
        *error = (int)PTR_ERR(inode);
        return 0;
    }
    if (!S_ISBLK(inode->mode))
        *error = -ENOTBLK;
    else if (!(device = blkdev_number(DEV_MAJOR(inode->rdev), DEV_MINOR(inode->rdev))))
        *error = -ENXIO;
    inode_put(inode);
    return device;
}

static int superblock_make(struct fs_type *type, const char *source, unsigned flags, const char *options,
                           struct superblock **made)
{
    struct superblock *sb = kzalloc(sizeof *sb);
    if (!sb) return -ENOMEM;
    int error = 0;
    static unsigned last_number = 1;
    sb->number = atomic_add(&last_number, 1u);
    sb->type = type;
    sb->flags = flags & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC);
    list_init(&sb->inodes);
    list_init(&sb->link);
    sb->source = kstrdup(source && source[0] ? source : "none");
    if (!sb->source) error = -ENOMEM;
    if (!error && type->needs_device) {
        struct blkdev *device = source && source[0] ? device_of(source, &error) : 0;
        if (!error && !device) error = -EINVAL;
        if (!error && !blkdev_claim(device, sb)) error = -EBUSY;
        if (!error) sb->device = device;
    }
    sb->dev =
        sb->device ? DEV_MAKE(sb->device->major, sb->device->minor) : DEV_MAKE(0, atomic_add(&next_anonymous_dev, 1u));
    if (!error && sb->device && blk_read_only(sb->device) && !(sb->flags & MS_RDONLY)) error = -EACCES;
    if (!error) error = type->mount(sb, options);
    if (error) {
        superblock_free(sb);
        return error;
    }
    *made = sb;
    return 0;
}

/* Takes the file system apart; it is not in the table any more and only its root is in use. */
static void superblock_end(struct superblock *sb)
{
    struct inode *root = sb->root;
    notify_unmounted(sb);
    if (sb->ops->before_unmount) sb->ops->before_unmount(root);
    sb->root = 0;
    inode_put(root);
    inode_drop_all(sb);
    if (sb->ops->unmount) sb->ops->unmount(sb);
    superblock_free(sb);
}

static int remount(struct inode *target, unsigned flags)
{
    struct superblock *sb = target->sb;
    if (target != sb->root) return -EINVAL;
    if (sb->device && blk_read_only(sb->device) && !(flags & MS_RDONLY)) return -EACCES;
    unsigned wish = flags & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC);
    int error = sb->ops->remount ? sb->ops->remount(sb, wish) : 0;
    if (!error) sb->flags = wish;
    return error;
}

/* The first mount of all: the root. */
static int mount_root(struct superblock *sb)
{
    mutex_lock(&mount_lock);
    root_inode = inode_ref(sb->root);
    list_push_back(&superblocks, &sb->link);
    mutex_unlock(&mount_lock);
    if (current->fs && !current->fs->root) {
        current->fs->root = inode_ref(root_inode);
        current->fs->cwd = inode_ref(root_inode);
    }
    return 0;
}

static void lock_cover(struct inode *directory)
{
    mutex_lock(&directory->lock);
    mutex_lock(&mount_lock);
}

static void unlock_cover(struct inode *directory)
{
    mutex_unlock(&mount_lock);
    mutex_unlock(&directory->lock);
}

/* 0, or why nothing can be mounted on the directory. Under lock_cover. */
static int uncoverable(const struct inode *directory)
{
    bool (*may)(const struct inode *) = directory->sb->ops->may_cover;
    if (directory->mounted) return -EBUSY;
    return !directory->links ? -ENOENT : may && !may(directory) ? -EINVAL : 0;
}

/* Hangs the file system over the directory. Takes over the reference to it. */
static int cover(struct superblock *sb, struct inode *directory)
{
    lock_cover(directory);
    int error = uncoverable(directory);
    if (!error) {
        sb->covered = directory;
        directory->mounted = sb;
        list_push_back(&superblocks, &sb->link);
    }
    unlock_cover(directory);
    return error;
}

int vfs_mount(const char *source, const char *target, const char *type_name, unsigned flags, const char *options)
{
    struct superblock *sb;
    if (!root_inode) {
        struct fs_type *type = type_find(type_name);
        int error = type ? superblock_make(type, source, flags, options, &sb) : -ENODEV;
        return error ? error : mount_root(sb);
    }
    struct inode *directory = walk(AT_FDCWD, target, WALK_FOLLOW);
    if (IS_ERR(directory)) return (int)PTR_ERR(directory);
    int error = 0;
    struct fs_type *type = 0;
    if (flags & MS_REMOUNT) {
        error = remount(directory, flags);
        inode_put(directory);
        return error;
    }
    if (!S_ISDIR(directory->mode)) error = -ENOTDIR;
    if (!error && !(type = type_find(type_name))) error = -ENODEV;
    if (!error) error = superblock_make(type, source, flags, options, &sb);
    if (!error) {
        error = cover(sb, directory);
        if (error) superblock_end(sb);
    }
    if (error) inode_put(directory);
    return error;
}

/* mount_lock held. Is `sb` the file system `top` or mounted in it, at any depth? */
static bool is_within(const struct superblock *sb, const struct superblock *top)
{
    while (sb != top && sb->covered) sb = sb->covered->sb;
    return sb == top;
}

/* The two directories are held by the caller; on success the reference to `to` goes to the mount. */
static int move(struct inode *from, struct inode *to)
{
    struct superblock *sb = from->sb;
    struct inode *left = 0;
    lock_cover(to);
    int error = from != sb->root || !sb->covered || !S_ISDIR(to->mode) ? -EINVAL : 0;
    if (!error && is_within(to->sb, sb)) error = -ELOOP;
    if (!error) error = uncoverable(to);
    if (!error) {
        left = sb->covered;
        left->mounted = 0;
        sb->covered = to;
        to->mounted = sb;
    }
    unlock_cover(to);
    if (left) inode_put(left);
    return error;
}

int vfs_mount_move(const char *from, const char *to)
{
    if (!from || !from[0]) return -EINVAL;
    struct inode *target = walk(AT_FDCWD, to, WALK_FOLLOW);
    if (IS_ERR(target)) return (int)PTR_ERR(target);
    struct inode *root = walk(AT_FDCWD, from, WALK_FOLLOW);
    int error = IS_ERR(root) ? (int)PTR_ERR(root) : move(root, target);
    if (!IS_ERR(root)) inode_put(root);
    if (error) inode_put(target);
    return error;
}

/* mount_lock held: may the root `top` be replaced by `fresh` and go to `old`? In the order in which Linux asks. */
static int pivot_wrong(const struct inode *top, const struct inode *fresh, const struct inode *old)
{
    const struct superblock *sb = top->sb;
    if (fresh->sb == sb || old->sb == sb) return -EBUSY;
    if (top != sb->root || (!sb->covered && !sb->device)) return -EINVAL; /* the first file system, in memory, stays */
    if (fresh != fresh->sb->root || !fresh->sb->covered || !is_within(fresh->sb, sb) || !is_within(old->sb, fresh->sb))
        return -EINVAL;
    return !S_ISDIR(old->mode) ? -ENOTDIR : uncoverable(old);
}

/* On success the reference to `old` goes to the mount. */
static int pivot(struct inode *top, struct inode *fresh, struct inode *old)
{
    struct superblock *above = top->sb, *below = fresh->sb;
    struct inode *left = 0;
    bool whole = false;
    lock_cover(old);
    int error = pivot_wrong(top, fresh, old);
    if (!error) {
        left = below->covered;
        left->mounted = 0;
        below->covered = above->covered;
        if (below->covered)
            below->covered->mounted = below;
        else
            whole = (root_inode = inode_ref(fresh));
        above->covered = old;
        old->mounted = above;
        fs_contexts_move(top, fresh); /* under the lock: two of these come one after the other for everybody */
    }
    unlock_cover(old);
    if (whole) inode_put(top); /* as which it was the system's root */
    if (left) inode_put(left);
    return error;
}

int vfs_pivot(const char *fresh, const char *old)
{
    struct inode *inode[3];
    const char *path[3] = {fresh, old, "/"};
    int error = 0, n = 0;
    while (n < 3 && !error) {
        inode[n] = walk(AT_FDCWD, path[n], WALK_FOLLOW);
        error = IS_ERR(inode[n]) ? (int)PTR_ERR(inode[n]) : S_ISDIR(inode[n]->mode) ? 0 : -ENOTDIR;
        if (!IS_ERR(inode[n])) n++;
    }
    bool done = !error && !(error = pivot(inode[2], inode[0], inode[1]));
    while (n-- > 0)
        if (n != 1 || !done) inode_put(inode[n]);
    return error;
}

static size_t busy_count; /* under mount_lock */
static void count_busy(struct inode *inode, void *argument)
{
    struct superblock *sb = argument;
    if (inode->sb != sb) return;
    int expected = inode == sb->root ? 1 : !sb->ops->names_hold ? 0 : S_ISDIR(inode->mode) ? 1 : (int)inode->links;
    if (!list_empty(&inode->watches)) expected++; /* watches end with the file system */
    if (atomic_load(&inode->refs.value) > expected) busy_count++;
}

static bool has_mounts(struct superblock *sb)
{
    struct superblock *other;
    list_for_each(other, &superblocks, link) if (other->covered && other->covered->sb == sb) return true;
    return false;
}

static bool is_busy(struct superblock *sb)
{
    busy_count = 0;
    inode_each(count_busy, sb);
    return busy_count != 0;
}

/* Held: no file system is taken apart. Who waits for a disk holds this and not mount_lock, without which nobody finds a file. */
static struct mutex unmount_lock = MUTEX_INIT(unmount_lock, "unmount");

static int locked_unmount(const char *target)
{
    struct inode *root = walk(AT_FDCWD, target, WALK_FOLLOW);
    if (IS_ERR(root)) return (int)PTR_ERR(root);
    struct superblock *sb = root->sb;
    bool is_root = root == sb->root;
    inode_put(root);
    if (!is_root) return -EINVAL;
    if (!sb->covered) return -EBUSY;
    if (sb->ops->sync && !(sb->flags & MS_RDONLY)) {
        pagecache_flush_all();
        sb->ops->sync(sb);
    }
    mutex_lock(&mount_lock);
    int error = is_busy(sb) || has_mounts(sb) ? -EBUSY : 0;
    struct inode *covered = sb->covered;
    if (!error) {
        covered->mounted = 0;
        sb->covered = 0;
        list_remove(&sb->link);
    }
    mutex_unlock(&mount_lock);
    if (error) return error;
    superblock_end(sb);
    inode_put(covered);
    return 0;
}

int vfs_unmount(const char *target, unsigned flags)
{
    (void)flags;
    mutex_lock(&unmount_lock);
    int error = locked_unmount(target);
    mutex_unlock(&unmount_lock);
    return error;
}

/* unmount_lock held. NULL: the first, or there are no more. */
static struct superblock *next_superblock(struct superblock *sb)
{
    mutex_lock(&mount_lock);
    struct list *next = sb ? sb->link.next : superblocks.next;
    mutex_unlock(&mount_lock);
    return next == &superblocks ? 0 : list_entry(next, struct superblock, link);
}

int vfs_sync(void)
{
    int error = pagecache_flush_all();
    mutex_lock(&unmount_lock);
    for (struct superblock *sb = 0; (sb = next_superblock(sb));) {
        int one = sb->ops->sync && !(sb->flags & MS_RDONLY) ? sb->ops->sync(sb) : 0;
        if (!error) error = one;
    }
    mutex_unlock(&unmount_lock);
    return error;
}

void superblocks_each(void (*f)(struct superblock *sb, void *argument), void *argument)
{
    mutex_lock(&unmount_lock);
    for (struct superblock *sb = 0; (sb = next_superblock(sb));) f(sb, argument);
    mutex_unlock(&unmount_lock);
}

unsigned mount_parent(const struct superblock *sb)
{
    mutex_lock(&mount_lock);
    unsigned number = sb->covered ? sb->covered->sb->number : 1;
    mutex_unlock(&mount_lock);
    return number;
}

void vfs_drop_caches(unsigned which)
{
    if (which & DROP_PAGES) inode_drop_pages();
    if (!(which & DROP_METADATA)) return;
    inode_shrink(SIZE_MAX);
    mutex_lock(&mount_lock);
    struct superblock *sb;
    list_for_each(sb, &superblocks, link) if (sb->ops->shrink) sb->ops->shrink(sb);
    mutex_unlock(&mount_lock);
}

/* In the reverse order of mounting: a file system goes before the one that its device file or swap file is on. */
void vfs_shutdown(void)
{
    pagecache_flush_all();
    mutex_lock(&mount_lock);
    for (struct list *at = superblocks.prev; at != &superblocks; at = at->prev) {
        struct superblock *sb = list_entry(at, struct superblock, link);
        if ((sb->flags & MS_RDONLY) || !sb->device || !sb->ops->remount) continue;
        int error = sb->ops->remount(sb, sb->flags | MS_RDONLY);
        if (error) printk("%s: not unmounted in order: error %d\n", sb->device->name, error);
        sb->flags |= MS_RDONLY;
    }
    mutex_unlock(&mount_lock);
}

struct blkdev *vfs_find_disk(const char **type)
{
    for (struct blkdev *device = blkdev_next(0); device; device = blkdev_next(device)) {
        for (struct fs_type *at = types; at; at = at->next) {
            if (!at->is_on || !at->is_on(device)) continue;
            *type = at->name;
            return device;
        }
    }
    return 0;
}
