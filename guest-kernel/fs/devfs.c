/*
 * devfs.c - device files: which driver a device number means, and the directory /dev.
 *
 * A device file is an inode with a number (major, minor) and no content; opening it connects the open-file entry to the driver's
 * operations. The number means the same on every file system. /dev is a tmpfs in which the kernel makes a node for every device
 * that exists; a program may add names of its own.
 */
#include "base/string.h"
#include "fs/tmpfs.h"
#include "fs/vfs_internal.h"
#include "kern/init.h"
#include "mm/slab.h"

struct device_range {
    struct device_range *next;
    bool block;
    unsigned major, minor, count;
    const struct file_ops *ops;
};

struct device_node {
    struct list link;
    uint64_t rdev;
    unsigned mode;
    char path[];
};

static struct spinlock device_lock = SPINLOCK_INIT("devices", RANK_INODE);
static struct device_range *ranges;
static struct mutex nodes_lock = MUTEX_INIT(nodes_lock, "device nodes");
static struct list nodes = LIST_INIT(nodes);
static struct list instances = LIST_INIT(instances);

struct instance { /* a mounted devfs */
    struct list link;
    struct superblock *sb;
};

int device_register(bool block, unsigned major, unsigned minor, unsigned count, const struct file_ops *ops)
{
    struct device_range *range = kmalloc(sizeof *range);
    if (!range) return -ENOMEM;
    *range = (struct device_range){.block = block, .major = major, .minor = minor, .count = count, .ops = ops};
    spin_lock(&device_lock);
    range->next = ranges;
    ranges = range;
    spin_unlock(&device_lock);
    return 0;
}

const struct file_ops *device_ops(bool block, uint64_t rdev)
{
    const struct file_ops *ops = 0;
    spin_lock(&device_lock);
    for (struct device_range *r = ranges; r && !ops; r = r->next)
        if (r->block == block && r->major == DEV_MAJOR(rdev) && DEV_MINOR(rdev) - r->minor < r->count) ops = r->ops;
    spin_unlock(&device_lock);
    return ops;
}

/* The directory `name` of the root of devfs, made if need be. With a reference. */
static struct inode *subdirectory(struct inode *root, const struct name *name)
{
    struct attr attr = {.mode = S_IFDIR | 0755};
    struct inode *directory;
    mutex_lock(&root->lock);
    int error = root->ops->lookup(root, name, &directory);
    if (error == -ENOENT) error = root->ops->create(root, name, &attr, 0, &directory);
    mutex_unlock(&root->lock);
    return error ? ERR_PTR(error) : directory;
}

/* One level of directories is enough: "vda", "pts/0". */
static int node_make(struct superblock *sb, const struct device_node *node)
{
    const char *slash = strchr(node->path, '/');
    struct inode *directory = inode_ref(sb->root), *made;
    struct name name = {node->path, strlen(node->path)};
    if (slash) {
        struct inode *sub = subdirectory(sb->root, &(struct name){node->path, (size_t)(slash - node->path)});
        inode_put(directory);
        if (IS_ERR(sub)) return (int)PTR_ERR(sub);
        directory = sub;
        name = (struct name){slash + 1, strlen(slash + 1)};
    }
    struct attr attr = {.mode = node->mode};
    int error = 0;
    mutex_lock(&directory->lock);
    if (name.bytes && directory->ops->lookup(directory, &name, &made) == -ENOENT)
        error = directory->ops->create(directory, &name, &attr, node->rdev, &made);
    else if (!name.bytes)
        made = 0;
    mutex_unlock(&directory->lock);
    if (!error) inode_put(made);
    inode_put(directory);
    return error;
}

int devfs_add(const char *path, unsigned mode, uint64_t rdev)
{
    size_t bytes = strlen(path) + 1;
    struct device_node *node = kmalloc(sizeof *node + bytes);
    if (!node) return -ENOMEM;
    node->rdev = rdev;
    node->mode = mode;
    memcpy(node->path, path, bytes);
    int error = 0;
    mutex_lock(&nodes_lock);
    list_push_back(&nodes, &node->link);
    struct instance *instance;
    list_for_each(instance, &instances, link)
    {
        int one = node_make(instance->sb, node);
        if (!error) error = one;
    }
    mutex_unlock(&nodes_lock);
    return error;
}

static void devfs_unmount(struct superblock *sb)
{
    mutex_lock(&nodes_lock);
    struct instance *instance, *after;
    list_for_each_safe(instance, after, &instances, link)
    {
        if (instance->sb != sb) continue;
        list_remove(&instance->link);
        kfree(instance);
    }
    mutex_unlock(&nodes_lock);
}

static struct sb_ops devfs_sb_ops;

static int devfs_mount(struct superblock *sb, const char *options)
{
    struct instance *instance = kmalloc(sizeof *instance);
    if (!instance) return -ENOMEM;
    int error = tmpfs_mount(sb, options);
    if (error) {
        kfree(instance);
        return error;
    }
    mutex_lock(&nodes_lock);
    devfs_sb_ops = *sb->ops; /* a tmpfs in all but its end */
    devfs_sb_ops.unmount = devfs_unmount;
    sb->ops = &devfs_sb_ops;
    instance->sb = sb;
    list_push_back(&instances, &instance->link);
    struct device_node *node;
    list_for_each(node, &nodes, link) node_make(sb, node); /* without memory a node is missing */
    mutex_unlock(&nodes_lock);
    return 0;
}

static struct fs_type devfs_type = {.name = "devtmpfs", .mount = devfs_mount};
static struct fs_type devfs_alias = {.name = "devfs", .mount = devfs_mount};

static void devfs_init(void)
{
    fs_register(&devfs_type);
    fs_register(&devfs_alias);
}
INIT(INIT_SUBSYSTEM, devfs_init);
