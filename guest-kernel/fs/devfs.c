/*
 * devfs.c - device files: which driver a device number means, and the directory /dev.
 *
 * A device file is an inode with a number (major, minor) and no content; opening it connects the open-file entry to the driver's
 * operations. The number means the same on every file system. /dev is a tmpfs in which the kernel makes a node for every device
 * that exists; a program may add names of its own. devpts is the part of it below pts/: the pseudo terminals.
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
    uint32_t uid, gid;
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
    const char *part; /* only nodes whose paths begin so, without that beginning; "": all */
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

/* The directory of the instance that has the node, with a reference, and the node's name in it. NULL: the instance does not show the
 * node. One level of directories is enough: "vda", "pts/0". */
static struct inode *place_of(const struct instance *instance, const char *path, struct name *name)
{
    struct inode *root = instance->sb->root;
    size_t part = strlen(instance->part);
    if (strncmp(path, instance->part, part)) return 0;
    path += part;
    const char *slash = strchr(path, '/');
    const char *last = slash ? slash + 1 : path;
    *name = (struct name){last, strlen(last)};
    return slash ? subdirectory(root, &(struct name){path, (size_t)(slash - path)}) : inode_ref(root);
}

static int node_make(const struct instance *instance, const struct device_node *node)
{
    struct name name;
    struct inode *made = 0, *directory = place_of(instance, node->path, &name);
    if (!directory) return 0;
    if (IS_ERR(directory)) return (int)PTR_ERR(directory);
    struct attr attr = {.mode = node->mode, .uid = node->uid, .gid = node->gid};
    int error = 0;
    mutex_lock(&directory->lock);
    if (name.bytes && directory->ops->lookup(directory, &name, &made) == -ENOENT)
        error = directory->ops->create(directory, &name, &attr, node->rdev, &made);
    mutex_unlock(&directory->lock);
    if (!error && made) inode_put(made);
    inode_put(directory);
    return error;
}

static void node_unmake(const struct instance *instance, const struct device_node *node)
{
    struct name name;
    struct inode *made, *directory = place_of(instance, node->path, &name);
    if (!directory || IS_ERR(directory)) return;
    mutex_lock(&directory->lock);
    int error = name.bytes ? directory->ops->lookup(directory, &name, &made) : -ENOENT;
    if (!error && made->rdev == node->rdev) directory->ops->unlink(directory, &name, made);
    mutex_unlock(&directory->lock);
    if (!error) inode_put(made);
    inode_put(directory);
}

int devfs_add_owned(const char *path, unsigned mode, uint64_t rdev, uint32_t uid, uint32_t gid)
{
    size_t bytes = strlen(path) + 1;
    struct device_node *node = kmalloc(sizeof *node + bytes);
    if (!node) return -ENOMEM;
    *node = (struct device_node){.rdev = rdev, .mode = mode, .uid = uid, .gid = gid};
    memcpy(node->path, path, bytes);
    int error = 0;
    mutex_lock(&nodes_lock);
    list_push_back(&nodes, &node->link);
    struct instance *instance;
    list_for_each(instance, &instances, link)
    {
        int one = node_make(instance, node);
        if (!error) error = one;
    }
    mutex_unlock(&nodes_lock);
    return error;
}

int devfs_add(const char *path, unsigned mode, uint64_t rdev) { return devfs_add_owned(path, mode, rdev, 0, 0); }

void devfs_remove(const char *path)
{
    struct device_node *node, *after;
    struct instance *instance;
    mutex_lock(&nodes_lock);
    list_for_each_safe(node, after, &nodes, link)
    {
        if (strcmp(node->path, path)) continue;
        list_for_each(instance, &instances, link) node_unmake(instance, node);
        list_remove(&node->link);
        kfree(node);
    }
    mutex_unlock(&nodes_lock);
}

static struct sb_ops devfs_sb_ops;
static void (*drop_nodes)(struct inode *root);

/* First nobody adds nodes any more, then those that are there go. */
static void devfs_before_unmount(struct inode *root)
{
    mutex_lock(&nodes_lock);
    struct instance *instance, *after;
    list_for_each_safe(instance, after, &instances, link)
    {
        if (instance->sb != root->sb) continue;
        list_remove(&instance->link);
        kfree(instance);
    }
    mutex_unlock(&nodes_lock);
    drop_nodes(root);
}

static int mount_part(struct superblock *sb, const char *options, const char *part)
{
    struct instance *instance = kmalloc(sizeof *instance);
    if (!instance) return -ENOMEM;
    int error = tmpfs_mount(sb, options);
    if (error) {
        kfree(instance);
        return error;
    }
    mutex_lock(&nodes_lock);
    if (!drop_nodes) {
        devfs_sb_ops = *sb->ops; /* a tmpfs in all but its end */
        drop_nodes = devfs_sb_ops.before_unmount;
        devfs_sb_ops.before_unmount = devfs_before_unmount;
    }
    sb->ops = &devfs_sb_ops;
    instance->sb = sb;
    instance->part = part;
    list_push_back(&instances, &instance->link);
    struct device_node *node;
    list_for_each(node, &nodes, link) node_make(instance, node); /* without memory a node is missing */
    mutex_unlock(&nodes_lock);
    return 0;
}

static int devfs_mount(struct superblock *sb, const char *options) { return mount_part(sb, options, ""); }
/* The options of devpts are owners and modes of its nodes. */
static int devpts_mount(struct superblock *sb, const char *options)
{
    (void)options;
    return mount_part(sb, 0, "pts/");
}

static struct fs_type devfs_type = {.name = "devtmpfs", .mount = devfs_mount};
static struct fs_type devfs_alias = {.name = "devfs", .mount = devfs_mount};
static struct fs_type devpts_type = {.name = "devpts", .mount = devpts_mount};

static void devfs_init(void)
{
    fs_register(&devfs_type);
    fs_register(&devfs_alias);
    fs_register(&devpts_type);
}
INIT(INIT_SUBSYSTEM, devfs_init);
