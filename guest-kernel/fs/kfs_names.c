/*
 * kfs_names.c - operations on names, each of them one transaction: all of it happens or nothing.
 *
 * A transaction has no way back: other operations are in it, too. So each of these operations does first whatever may fail, for want of memory
 * or room or because the disk cannot be read: it *prepares* (joins) every block that it is going to change. Only then, with
 * the last thing that may fail behind it, it changes them. What was prepared in vain is logged as it is, and no harm done.
 */
#include "fs/kfs.h"

#include "base/string.h"
#include "mm/slab.h"

#define NAME_CREDITS 18 /* two directories that grow, four inodes, both bitmaps */

/* A directory has one parent. If it had two names, or one below itself, walks might go round for ever and locks be taken twice; the tree
 * comes from the disk and may have been made to do that. So ".." must lead back to where the name was found, and up only to
 * directories. Then whatever can be reached from the root is a tree. */
static int check_place(struct inode *directory, const struct name *name, struct inode *inode)
{
    uint32_t parent;
    if (kfs_name_is_dots(name))
        return S_ISDIR(inode->mode) ? 0 : kfs_damaged(kfs_of(inode), "parent is no directory", directory->ino);
    if (!S_ISDIR(inode->mode)) return 0;
    int error = kfs_dir_parent(inode, &parent);
    if (error || parent == directory->ino) return error;
    return kfs_damaged(kfs_of(inode), "directory with another parent", inode->ino);
}

static int kfs_lookup(struct inode *directory, const struct name *name, struct inode **found)
{
    struct kfs *kfs = kfs_of(directory);
    struct kfs_place place;
    uint32_t number;
    int error = kfs_dir_find(directory, name, &number, &place);
    if (error) return error;
    buffer_put(&kfs->cache, place.buffer);
    struct inode *inode = inode_get(directory->sb, number);
    if (IS_ERR(inode)) return (int)PTR_ERR(inode);
    if (!inode->links) { /* a name for something that has none: damaged */
        inode_put(inode);
        return kfs_damaged(kfs, "name of a deleted file", number);
    }
    error = check_place(directory, name, inode);
    if (error) {
        inode_put(inode);
        return error;
    }
    *found = inode;
    return 0;
}

/* A new inode with a number, not yet named. */
static int make_inode(struct inode *directory, struct handle *handle, const struct attr *attr, uint64_t rdev,
                      struct inode **made)
{
    struct kfs *kfs = kfs_of(directory);
    uint32_t number;
    int error = kfs_alloc_inode(kfs, handle, &number);
    if (error) return error;
    struct inode *inode = inode_new(directory->sb, number);
    if (IS_ERR(inode)) {
        kfs_free_inode(kfs, handle, number);
        return (int)PTR_ERR(inode);
    }
    inode->mode = attr->mode;
    inode->uid = attr->uid;
    inode->gid = attr->gid;
    inode->rdev = rdev;
    kfs_file(inode)->goal = kfs_file(directory)->goal;
    kfs_mapping_setup(kfs_file(inode));
    *made = inode;
    return 0;
}

/* As if it had never been: nothing refers to it nor to the block that it may have got. */
static void unmake(struct inode *inode, struct handle *handle)
{
    struct kfs_file *file = kfs_file(inode);
    if (file->direct[0]) kfs_return_block(kfs_of(inode), handle, file->direct[0]);
    kfs_free_inode(kfs_of(inode), handle, (uint32_t)inode->ino);
    file->unborn = true;
    inode->links = 0;
}

static int store_symlink(struct kfs_file *file, struct handle *handle, const char *target)
{
    struct kfs *kfs = kfs_of(&file->inode);
    size_t bytes = strlen(target);
    uint32_t block;
    if (bytes >= KFS_BLOCK_BYTES) return -ENAMETOOLONG;
    file->inode.size = file->disk_size = bytes;
    if (bytes <= KFS_SHORT_SYMLINK) {
        file->symlink = kzalloc(KFS_SHORT_SYMLINK + 1);
        if (file->symlink) memcpy(file->symlink, target, bytes);
        return file->symlink ? 0 : -ENOMEM;
    }
    int error = kfs_map_new(file, handle, 0, false, true, &block);
    if (error) return error;
    struct buffer *buffer = buffer_get(&kfs->cache, block);
    if (IS_ERR(buffer)) return (int)PTR_ERR(buffer);
    memcpy(buffer->data, target, bytes);
    buffer_put(&kfs->cache, buffer);
    return 0;
}

static int make(struct inode *directory, const struct name *name, const struct attr *attr, uint64_t rdev,
                const char *target, struct inode **made)
{
    struct handle handle;
    struct inode *inode = 0;
    if (S_ISDIR(attr->mode) && directory->links >= KFS_LINK_MAX) return -EMLINK;
    int error = journal_begin(&kfs_of(directory)->journal, &handle, NAME_CREDITS);
    if (error) return error;
    error = make_inode(directory, &handle, attr, rdev, &inode);
    if (!error) error = kfs_prepare(inode, &handle);
    if (!error) error = kfs_prepare(directory, &handle);
    if (!error && target) error = store_symlink(kfs_file(inode), &handle, target);
    if (!error && S_ISDIR(attr->mode)) error = kfs_dir_start(inode, &handle, (uint32_t)directory->ino);
    if (!error) error = kfs_dir_add(directory, &handle, name, (uint32_t)inode->ino, inode->mode);
    if (!error) {
        if (S_ISDIR(attr->mode)) inode->links = 2, directory->links++;
        kfs_store(kfs_file(inode), &handle);
        kfs_store(kfs_file(directory), &handle);
        *made = inode;
    } else if (inode) {
        unmake(inode, &handle);
    }
    journal_end(&handle);
    if (error && inode) inode_put(inode); /* may throw out other files, which begins transactions */
    return error;
}

static int kfs_create(struct inode *directory, const struct name *name, const struct attr *attr, uint64_t rdev,
                      struct inode **made)
{
    return make(directory, name, attr, rdev, 0, made);
}

static int kfs_symlink(struct inode *directory, const struct name *name, const struct attr *attr, const char *target,
                       struct inode **made)
{
    return make(directory, name, attr, 0, target, made);
}

static int kfs_link(struct inode *directory, const struct name *name, struct inode *inode)
{
    struct handle handle;
    if (inode->links >= KFS_LINK_MAX) return -EMLINK;
    int error = journal_begin(&kfs_of(directory)->journal, &handle, NAME_CREDITS);
    if (error) return error;
    error = kfs_prepare(inode, &handle);
    if (!error) error = kfs_prepare(directory, &handle);
    if (!error) error = kfs_dir_add(directory, &handle, name, (uint32_t)inode->ino, inode->mode);
    if (!error) {
        inode->links++;
        inode->ctime_ns = inode_now();
        kfs_store(kfs_file(inode), &handle);
    }
    journal_end(&handle);
    return error;
}

/* The inode loses a name of this directory. Both are prepared. */
static void unname(struct inode *directory, struct handle *handle, struct inode *victim)
{
    if (S_ISDIR(victim->mode)) {
        victim->links = 0;
        directory->links--;
    } else {
        victim->links--;
    }
    victim->ctime_ns = inode_now();
    kfs_store(kfs_file(victim), handle);
    kfs_store(kfs_file(directory), handle);
}

static int kfs_unlink(struct inode *directory, const struct name *name, struct inode *victim)
{
    struct handle handle;
    int empty = S_ISDIR(victim->mode) ? kfs_dir_is_empty(victim) : 1;
    if (empty <= 0) return empty ? empty : -ENOTEMPTY;
    int error = journal_begin(&kfs_of(directory)->journal, &handle, NAME_CREDITS);
    if (error) return error;
    struct kfs_place place;
    error = kfs_prepare(victim, &handle);
    if (!error) error = kfs_prepare(directory, &handle);
    if (!error) error = kfs_dir_prepare(directory, &handle, name, &place);
    if (!error) {
        kfs_dir_remove(directory, &handle, name, &place);
        unname(directory, &handle, victim);
    }
    journal_end(&handle);
    return error;
}

struct rename_to {
    struct inode *from, *inode, *to, *victim;
    const struct name *old, *new;
    struct kfs_place old_place, new_place, dots,
        victim_dots; /* dots: the ".." of a directory that gets another parent */
};

/* A directory has moved: its ".." and the parents' link counts. */
static void reparent(struct inode *inode, struct handle *handle, struct inode *from, struct inode *to,
                     struct kfs_place *dots)
{
    if (!dots->buffer) return;
    from->links--;
    to->links++;
    kfs_dir_replace(inode, handle, (uint32_t)to->ino, S_IFDIR, dots);
}

static int prepare_dots(struct inode *inode, struct handle *handle, const struct rename_to *r, struct kfs_place *dots)
{
    bool moves = S_ISDIR(inode->mode) && r->from != r->to;
    return moves ? kfs_dir_prepare(inode, handle, &(struct name){"..", 2}, dots) : 0;
}

/* Everything that may fail; last the new name, which is there or not. */
static int prepare_rename(struct rename_to *r, struct handle *handle, bool exchange)
{
    int error = kfs_prepare(r->inode, handle);
    if (!error) error = kfs_prepare(r->from, handle);
    if (!error) error = kfs_prepare(r->to, handle);
    if (!error && r->victim) error = kfs_prepare(r->victim, handle);
    if (!error) error = kfs_dir_prepare(r->from, handle, r->old, &r->old_place);
    if (!error) error = prepare_dots(r->inode, handle, r, &r->dots);
    if (!error && exchange) error = prepare_dots(r->victim, handle, r, &r->victim_dots);
    if (error) return error;
    if (r->victim) return kfs_dir_prepare(r->to, handle, r->new, &r->new_place);
    return kfs_dir_add(r->to, handle, r->new, (uint32_t)r->inode->ino, r->inode->mode);
}

static void do_rename(struct rename_to *r, struct handle *handle, bool exchange)
{
    if (r->victim) kfs_dir_replace(r->to, handle, (uint32_t)r->inode->ino, r->inode->mode, &r->new_place);
    if (exchange)
        kfs_dir_replace(r->from, handle, (uint32_t)r->victim->ino, r->victim->mode, &r->old_place);
    else
        kfs_dir_remove(r->from, handle, r->old, &r->old_place);
    reparent(r->inode, handle, r->from, r->to, &r->dots);
    if (exchange) reparent(r->victim, handle, r->to, r->from, &r->victim_dots);
    if (r->victim && !exchange) unname(r->to, handle, r->victim);
    r->inode->ctime_ns = inode_now();
    if (exchange) r->victim->ctime_ns = r->inode->ctime_ns;
    kfs_store(kfs_file(r->inode), handle);
    if (exchange) kfs_store(kfs_file(r->victim), handle); /* its fsync must know of its new name */
    kfs_store(kfs_file(r->from), handle);
    kfs_store(kfs_file(r->to), handle);
}

static int kfs_rename(struct inode *from, const struct name *old, struct inode *inode, struct inode *to,
                      const struct name *new, struct inode *victim, bool exchange)
{
    struct rename_to r = {.from = from, .inode = inode, .to = to, .victim = victim, .old = old, .new = new};
    struct handle handle;
    bool goes = from != to && S_ISDIR(inode->mode), comes = from != to && exchange && S_ISDIR(victim->mode);
    bool replaces = victim && S_ISDIR(victim->mode);
    if (goes && !replaces && to->links >= KFS_LINK_MAX) return -EMLINK;
    if (comes && !goes && from->links >= KFS_LINK_MAX) return -EMLINK;
    if (victim && !exchange && S_ISDIR(victim->mode)) {
        int empty = kfs_dir_is_empty(victim);
        if (empty <= 0) return empty ? empty : -ENOTEMPTY;
    }
    int error = journal_begin(&kfs_of(from)->journal, &handle, NAME_CREDITS);
    if (error) return error;
    error = prepare_rename(&r, &handle, exchange);
    if (!error) do_rename(&r, &handle, exchange);
    kfs_dir_put(from, &r.old_place);
    kfs_dir_put(inode, &r.dots);
    if (exchange) kfs_dir_put(victim, &r.victim_dots);
    journal_end(&handle);
    return error;
}

const struct inode_ops kfs_inode_ops = {
    .lookup = kfs_lookup,
    .create = kfs_create,
    .symlink = kfs_symlink,
    .link = kfs_link,
    .unlink = kfs_unlink,
    .rename = kfs_rename,
    .readlink = kfs_readlink,
    .setattr = kfs_setattr,
    .reserve = kfs_reserve,
};
