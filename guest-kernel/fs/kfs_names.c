/*
 * kfs_names.c - operations on names, each of them one transaction: all of it happens or nothing.
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

/* What could not be named is stored without links: an orphan, deleted when it is put. */
static void unmake(struct inode *inode, struct handle *handle)
{
    inode->links = 0;
    kfs_store(kfs_file(inode), handle);
}

static int fill_directory(struct inode *directory, struct handle *handle, struct inode *inode)
{
    int error = kfs_dir_start(inode, handle, (uint32_t)directory->ino);
    if (error) return error;
    inode->links = 2;
    directory->links++;
    return 0;
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
    if (!error && target) error = store_symlink(kfs_file(inode), &handle, target);
    if (!error && S_ISDIR(attr->mode)) error = fill_directory(directory, &handle, inode);
    if (!error) error = kfs_store(kfs_file(inode), &handle);
    if (!error) {
        error = kfs_dir_add(directory, &handle, name, (uint32_t)inode->ino, inode->mode);
        if (error && S_ISDIR(attr->mode)) directory->links--;
    }
    if (error && inode) unmake(inode, &handle);
    journal_end(&handle);
    if (error)
        inode_put(inode);
    else
        *made = inode;
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
    error = kfs_dir_add(directory, &handle, name, (uint32_t)inode->ino, inode->mode);
    if (!error) {
        inode->links++;
        inode->ctime_ns = inode_now();
        error = kfs_store(kfs_file(inode), &handle);
    }
    journal_end(&handle);
    return error;
}

/* The inode loses a name of this directory. */
static int unname(struct inode *directory, struct handle *handle, struct inode *victim)
{
    if (S_ISDIR(victim->mode)) {
        victim->links = 0;
        directory->links--;
    } else {
        victim->links--;
    }
    victim->ctime_ns = inode_now();
    int error = kfs_store(kfs_file(victim), handle);
    return error ? error : kfs_store(kfs_file(directory), handle);
}

static int kfs_unlink(struct inode *directory, const struct name *name, struct inode *victim)
{
    struct handle handle;
    int empty = S_ISDIR(victim->mode) ? kfs_dir_is_empty(victim) : 1;
    if (empty <= 0) return empty ? empty : -ENOTEMPTY;
    int error = journal_begin(&kfs_of(directory)->journal, &handle, NAME_CREDITS);
    if (error) return error;
    error = kfs_dir_remove(directory, &handle, name);
    if (!error) error = unname(directory, &handle, victim);
    journal_end(&handle);
    return error;
}

/* A directory has moved: its ".." and the parents' link counts. */
static int reparent(struct inode *inode, struct handle *handle, struct inode *from, struct inode *to)
{
    if (!S_ISDIR(inode->mode) || from == to) return 0;
    from->links--;
    to->links++;
    return kfs_dir_replace(inode, handle, &(struct name){"..", 2}, (uint32_t)to->ino, S_IFDIR);
}

struct rename_to {
    struct inode *from, *inode, *to, *victim;
    const struct name *old, *new;
};

static int do_rename(struct rename_to *r, struct handle *handle, bool exchange)
{
    int error;
    if (r->victim)
        error = kfs_dir_replace(r->to, handle, r->new, (uint32_t)r->inode->ino, r->inode->mode);
    else
        error = kfs_dir_add(r->to, handle, r->new, (uint32_t)r->inode->ino, r->inode->mode);
    if (!error && exchange)
        error = kfs_dir_replace(r->from, handle, r->old, (uint32_t)r->victim->ino, r->victim->mode);
    else if (!error)
        error = kfs_dir_remove(r->from, handle, r->old);
    if (!error) error = reparent(r->inode, handle, r->from, r->to);
    if (!error && exchange) error = reparent(r->victim, handle, r->to, r->from);
    if (!error && r->victim && !exchange) error = unname(r->to, handle, r->victim);
    r->inode->ctime_ns = inode_now();
    if (exchange) r->victim->ctime_ns = r->inode->ctime_ns;
    if (!error) error = kfs_store(kfs_file(r->inode), handle);
    if (!error && exchange) error = kfs_store(kfs_file(r->victim), handle); /* its fsync must know of its new name */
    if (!error) error = kfs_store(kfs_file(r->from), handle);
    if (!error) error = kfs_store(kfs_file(r->to), handle);
    return error;
}

static int kfs_rename(struct inode *from, const struct name *old, struct inode *inode, struct inode *to,
                      const struct name *new, struct inode *victim, bool exchange)
{
    struct rename_to r = {from, inode, to, victim, old, new};
    struct handle handle;
    if (victim && !exchange && S_ISDIR(victim->mode)) {
        int empty = kfs_dir_is_empty(victim);
        if (empty <= 0) return empty ? empty : -ENOTEMPTY;
    }
    int error = journal_begin(&kfs_of(from)->journal, &handle, NAME_CREDITS);
    if (error) return error;
    error = do_rename(&r, &handle, exchange);
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
