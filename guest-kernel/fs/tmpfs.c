/*
 * tmpfs.c - a file system that lives in memory: /, before there is a disk, /tmp, /dev.
 *
 * It is the simplest complete file system of the kernel and a good one to read first. A directory is a list of names; a
 * file's content is in the page cache and nowhere else (the pages are "memory" pages, which go to swap if frames are short). There
 * is nothing to write back; what keeps an inode in the active-file table is a reference for its names.
 *
 * Each entry has a number that only grows, its position for readdir: an iteration goes on correctly while names come and go.
 */
#include "fs/tmpfs.h"

#include "base/string.h"
#include "fs/vfs_internal.h"
#include "kern/init.h"
#include "kern/task.h"
#include "mm/frame.h"
#include "mm/slab.h"

struct tmpfs_entry {
    struct list link;
    struct inode *inode; /* its reference for being named */
    uint64_t position;
    unsigned bytes;
    char name[];
};

struct tmpfs_inode {
    struct inode inode;
    struct list entries; /* directories */
    uint64_t next_position;
    struct inode *parent; /* directories; no reference: a parent outlives its children */
    char *target;         /* symbolic links */
};

static const struct inode_ops tmpfs_ops;
static struct fs_type tmpfs_type;
static uint64_t next_ino = 1;

static struct tmpfs_inode *tmpfs(struct inode *inode) { return container_of(inode, struct tmpfs_inode, inode); }

static struct inode *tmpfs_alloc(struct superblock *sb)
{
    (void)sb;
    struct tmpfs_inode *inode = kzalloc(sizeof *inode);
    if (!inode) return 0;
    list_init(&inode->entries);
    inode->next_position = 2;
    return &inode->inode;
}

static void tmpfs_free(struct inode *inode)
{
    kfree(tmpfs(inode)->target);
    kfree(tmpfs(inode));
}

static struct tmpfs_entry *entry_find(struct inode *directory, const struct name *name)
{
    struct tmpfs_entry *entry;
    list_for_each(entry, &tmpfs(directory)->entries,
                  link) if (entry->bytes == name->bytes && !memcmp(entry->name, name->text, name->bytes)) return entry;
    return 0;
}

static int tmpfs_lookup(struct inode *directory, const struct name *name, struct inode **found)
{
    if (name_is(name, "..")) {
        *found = inode_ref_named(tmpfs(directory)->parent ? tmpfs(directory)->parent : directory);
        return 0;
    }
    struct tmpfs_entry *entry = entry_find(directory, name);
    if (!entry) return -ENOENT;
    *found = inode_ref_named(entry->inode);
    return 0;
}

static void changed(struct inode *inode) { inode->mtime_ns = inode->ctime_ns = inode_now(); }

/* Puts the name into the directory; takes over a reference to the inode. */
static int entry_add(struct inode *directory, const struct name *name, struct inode *inode)
{
    struct tmpfs_entry *entry = kmalloc(sizeof *entry + name->bytes);
    if (!entry) return -ENOSPC;
    entry->inode = inode;
    entry->bytes = (unsigned)name->bytes;
    memcpy(entry->name, name->text, name->bytes);
    entry->position = tmpfs(directory)->next_position++;
    list_push_back(&tmpfs(directory)->entries, &entry->link);
    directory->size += 20;
    changed(directory);
    return 0;
}

/* Takes the entry out; its reference to the inode is now the caller's. */
static void entry_remove(struct inode *directory, struct tmpfs_entry *entry)
{
    list_remove(&entry->link);
    kfree(entry);
    directory->size -= 20;
    changed(directory);
}

static struct inode *tmpfs_make(struct superblock *sb, const struct attr *attr, uint64_t rdev)
{
    struct inode *inode = inode_new(sb, __atomic_fetch_add(&next_ino, 1, __ATOMIC_RELAXED));
    if (IS_ERR(inode)) return inode;
    inode->mode = attr->mode;
    inode->uid = attr->uid;
    inode->gid = attr->gid;
    inode->rdev = rdev;
    inode->ops = &tmpfs_ops;
    inode->fops = S_ISDIR(attr->mode) ? &tmpfs_directory_fops : &tmpfs_file_fops;
    if (S_ISREG(attr->mode)) mapping_init_memory(&inode->mapping, inode, 0);
    if (S_ISDIR(attr->mode)) inode->links = 2, inode->size = 40; /* as if . and .. were entries, as on Linux */
    return inode;
}

/* A new inode gets its first name: two references, one for the name, one for the caller. */
static int name_new(struct inode *directory, const struct name *name, struct inode *inode, struct inode **made)
{
    int error = entry_add(directory, name, inode_ref(inode));
    if (error) {
        inode->links = 0;
        inode_put(inode);
        inode_put(inode);
        return error;
    }
    if (S_ISDIR(inode->mode)) {
        tmpfs(inode)->parent = directory;
        directory->links++;
    }
    *made = inode;
    return 0;
}

static int tmpfs_create(struct inode *directory, const struct name *name, const struct attr *attr, uint64_t rdev,
                        struct inode **made)
{
    struct inode *inode = tmpfs_make(directory->sb, attr, rdev);
    return IS_ERR(inode) ? (int)PTR_ERR(inode) : name_new(directory, name, inode, made);
}

static int tmpfs_symlink(struct inode *directory, const struct name *name, const struct attr *attr, const char *target,
                         struct inode **made)
{
    char *copy = kstrdup(target);
    if (!copy) return -ENOMEM;
    struct inode *inode = tmpfs_make(directory->sb, attr, 0);
    if (IS_ERR(inode)) {
        kfree(copy);
        return (int)PTR_ERR(inode);
    }
    tmpfs(inode)->target = copy;
    inode->size = strlen(copy);
    return name_new(directory, name, inode, made);
}

static long tmpfs_readlink(struct inode *inode, char *to, size_t room)
{
    const char *target = tmpfs(inode)->target;
    size_t bytes = target ? MIN(strlen(target), room) : 0;
    if (!target) return -EINVAL;
    memcpy(to, target, bytes);
    return (long)bytes;
}

static int tmpfs_link(struct inode *directory, const struct name *name, struct inode *inode)
{
    int error = entry_add(directory, name, inode_ref(inode));
    if (error) {
        inode_put(inode);
        return error;
    }
    inode->links++;
    inode->ctime_ns = inode_now();
    return 0;
}

/* One name of the inode is gone. */
static void unname(struct inode *directory, struct inode *inode)
{
    if (S_ISDIR(inode->mode)) {
        inode->links = 0;
        tmpfs(inode)->parent = 0;
        directory->links--;
    } else {
        inode->links--;
    }
    inode->ctime_ns = inode_now();
    inode_put(inode);
}

static int tmpfs_unlink(struct inode *directory, const struct name *name, struct inode *victim)
{
    if (S_ISDIR(victim->mode) && !list_empty(&tmpfs(victim)->entries)) return -ENOTEMPTY;
    struct tmpfs_entry *entry = entry_find(directory, name);
    if (!entry) return -ENOENT;
    entry_remove(directory, entry);
    unname(directory, victim);
    return 0;
}

static void reparent(struct inode *inode, struct inode *from, struct inode *to)
{
    if (!S_ISDIR(inode->mode) || from == to) return;
    tmpfs(inode)->parent = to;
    from->links--;
    to->links++;
}

static int tmpfs_rename(struct inode *from, const struct name *old, struct inode *inode, struct inode *to,
                        const struct name *new, struct inode *victim, bool exchange)
{
    struct tmpfs_entry *entry = entry_find(from, old), *other = entry_find(to, new);
    if (!entry) return -ENOENT;
    if (exchange) {
        entry->inode = victim;
        other->inode = inode;
        reparent(victim, to, from);
        reparent(inode, from, to);
    } else if (victim) {
        if (S_ISDIR(victim->mode) && !list_empty(&tmpfs(victim)->entries)) return -ENOTEMPTY;
        other->inode = inode; /* the reference of the old name */
        entry_remove(from, entry);
        reparent(inode, from, to);
        unname(to, victim);
    } else {
        int error = entry_add(to, new, inode);
        if (error) return error;
        entry_remove(from, entry);
        reparent(inode, from, to);
    }
    changed(from);
    changed(to);
    inode->ctime_ns = inode_now();
    return 0;
}

int tmpfs_setattr(struct inode *inode, const struct attr *attr)
{
    if (attr->mask & ATTR_SIZE) {
        pagecache_truncate(&inode->mapping, attr->size);
        inode->size = attr->size;
    }
    inode_apply(inode, attr);
    return 0;
}

int tmpfs_readdir(struct file *file, struct dirent_sink *sink)
{
    struct inode *directory = file->inode, *parent = tmpfs(directory)->parent;
    if (file->position == 0 && !sink->put(sink, ".", 1, directory->ino, S_IFDIR >> 12, 1)) return 0;
    if (file->position <= 1 && !sink->put(sink, "..", 2, parent ? parent->ino : directory->ino, S_IFDIR >> 12, 2))
        return 0;
    struct tmpfs_entry *entry;
    list_for_each(entry, &tmpfs(directory)->entries, link)
    {
        if (entry->position < file->position) continue;
        if (!sink->put(sink, entry->name, entry->bytes, entry->inode->ino, entry->inode->mode >> 12,
                       entry->position + 1))
            break;
    }
    return 0;
}

static int tmpfs_fsync(struct file *file, bool data_only)
{
    (void)file, (void)data_only;
    return 0;
}

const struct file_ops tmpfs_file_fops = {
    .read = cached_read, .write = cached_write, .map = cached_map, .fsync = tmpfs_fsync};
const struct file_ops tmpfs_directory_fops = {.readdir = tmpfs_readdir, .fsync = tmpfs_fsync};

static void tmpfs_refresh(struct inode *inode)
{
    if (inode->mapping.owner) inode->bytes_used = inode->mapping.resident * PAGE_SIZE;
}

static const struct inode_ops tmpfs_ops = {
    .lookup = tmpfs_lookup,
    .create = tmpfs_create,
    .symlink = tmpfs_symlink,
    .link = tmpfs_link,
    .unlink = tmpfs_unlink,
    .rename = tmpfs_rename,
    .readlink = tmpfs_readlink,
    .setattr = tmpfs_setattr,
    .refresh = tmpfs_refresh,
};

/* The last reference has gone, so there is no name either: the content goes. */
static void tmpfs_evict(struct inode *inode)
{
    if (inode->mapping.owner && !inode->mapping.ops) pagecache_destroy(&inode->mapping);
}

static int tmpfs_statfs(struct superblock *sb, struct statfs_info *info)
{
    (void)sb;
    struct frame_stats frames = frame_stats();
    *info = (struct statfs_info){.type = 0x01021994,
                                 .block_bytes = PAGE_SIZE,
                                 .blocks = frames.total / 2,
                                 .free = MIN(frames.free, frames.total / 2),
                                 .available = MIN(frames.free, frames.total / 2),
                                 .inodes = frames.total,
                                 .inodes_free = frames.free,
                                 .name_max = NAME_MAX};
    return 0;
}

/* Unmounting: every name's reference goes, directories from the leaves up. */
static void drop_tree(struct inode *directory)
{
    struct tmpfs_inode *top = tmpfs(directory);
    while (!list_empty(&tmpfs(directory)->entries) || tmpfs(directory) != top) {
        if (list_empty(&tmpfs(directory)->entries)) { /* emptied: back up, where it is now the first entry */
            directory = tmpfs(directory)->parent;
            struct tmpfs_entry *entry = list_first(&tmpfs(directory)->entries, struct tmpfs_entry, link);
            struct inode *child = entry->inode;
            entry_remove(directory, entry);
            unname(directory, child);
            continue;
        }
        struct tmpfs_entry *entry = list_first(&tmpfs(directory)->entries, struct tmpfs_entry, link);
        struct inode *child = entry->inode;
        if (S_ISDIR(child->mode) && !list_empty(&tmpfs(child)->entries)) {
            directory = child;
            continue;
        }
        entry_remove(directory, entry);
        unname(directory, child);
    }
}

static const struct sb_ops tmpfs_sb_ops = {
    .alloc = tmpfs_alloc,
    .free = tmpfs_free,
    .evict = tmpfs_evict,
    .statfs = tmpfs_statfs,
    .names_hold = true,
    .before_unmount = drop_tree,
};

int tmpfs_mount(struct superblock *sb, const char *options)
{
    struct attr attr = {.mode = S_IFDIR | 0755};
    const char *mode = options ? strstr(options, "mode=") : 0;
    if (mode) {
        attr.mode = S_IFDIR;
        uint32_t bits = 0;
        for (mode += 5; *mode >= '0' && *mode <= '7'; mode++) bits = bits * 8 + (uint32_t)(*mode - '0');
        attr.mode |= bits & 07777;
    }
    sb->ops = &tmpfs_sb_ops;
    struct inode *root = tmpfs_make(sb, &attr, 0);
    if (IS_ERR(root)) return (int)PTR_ERR(root);
    sb->root = root;
    return 0;
}

/* Files without names are in a file system of their own, which is mounted nowhere. */
static struct superblock nameless = {.type = &tmpfs_type,
                                     .ops = &tmpfs_sb_ops,
                                     .dev = DEV_MAKE(0, 0xfffe),
                                     .link = LIST_INIT(nameless.link),
                                     .inodes = LIST_INIT(nameless.inodes)};

struct file *tmpfs_nameless(void)
{
    struct attr attr = {.mode = S_IFREG | 0777, .uid = current->cred.fsuid, .gid = current->cred.fsgid};
    struct inode *inode = tmpfs_make(&nameless, &attr, 0);
    if (IS_ERR(inode)) return (struct file *)inode;
    inode->links = 0;
    struct file *file = file_new(&tmpfs_file_fops, inode, O_RDWR);
    if (!file) {
        inode_put(inode);
        return ERR_PTR(-ENOMEM);
    }
    inode->writers = 1;
    file->kind = "memfd";
    return file;
}

static struct fs_type tmpfs_type = {.name = "tmpfs", .mount = tmpfs_mount};

static void tmpfs_init(void) { fs_register(&tmpfs_type); }
INIT(INIT_SUBSYSTEM, tmpfs_init);
