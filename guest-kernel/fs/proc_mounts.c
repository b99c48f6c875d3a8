/*
 * proc_mounts.c - /proc/mounts and /proc/PID/mountinfo: what is mounted where.
 *
 * A mount is kept as a pair of inodes, not as a path: directories above it may be renamed, and a process may have another root. So the path is
 * found when somebody reads the file, as the reader sees it; what lies outside its root it does not see.
 */
#include "fs/procfs.h"
#include "fs/vfs.h"

#include "base/string.h"
#include "mm/slab.h"

struct shower {
    struct proc_text *text;
    char *path;
    void (*show)(struct proc_text *, const struct superblock *, const char *);
};

static void show_one(struct superblock *sb, void *argument)
{
    const struct shower *shower = argument;
    if (inode_path_inside(sb->root, shower->path, PATH_MAX) > 0) shower->show(shower->text, sb, shower->path);
}

static void each_mount(struct proc_text *text,
                       void (*show)(struct proc_text *, const struct superblock *, const char *))
{
    struct shower shower = {text, kmalloc(PATH_MAX), show};
    if (shower.path) superblocks_each(show_one, &shower);
    kfree(shower.path);
}

/* Words are separated by spaces, so a space in a name is written \040. */
static void show_word(struct proc_text *text, const char *word)
{
    for (; *word; word++) proc_print(text, strchr(" \t\n\\", *word) ? "\\%03o" : "%c", (unsigned char)*word);
    proc_print(text, " ");
}

static const char *mode(const struct superblock *sb) { return sb->flags & MS_RDONLY ? "ro" : "rw"; }

static void show_flags(struct proc_text *text, const struct superblock *sb)
{
    proc_print(text, "%s%s%s%s", mode(sb), sb->flags & MS_NOSUID ? ",nosuid" : "", sb->flags & MS_NODEV ? ",nodev" : "",
               sb->flags & MS_NOEXEC ? ",noexec" : "");
}

static void show_mount(struct proc_text *text, const struct superblock *sb, const char *path)
{
    show_word(text, sb->source);
    show_word(text, path);
    proc_print(text, "%s ", sb->type->name);
    show_flags(text, sb);
    proc_print(text, " 0 0\n");
}

/* With numbers: of the mount, of the one it hangs in, of its device. */
static void show_mountinfo(struct proc_text *text, const struct superblock *sb, const char *path)
{
    proc_print(text, "%u %u %u:%u / ", sb->number, mount_parent(sb), DEV_MAJOR(sb->dev), DEV_MINOR(sb->dev));
    show_word(text, path);
    show_flags(text, sb);
    proc_print(text, " - %s ", sb->type->name);
    show_word(text, sb->source);
    proc_print(text, "%s\n", mode(sb));
}

void proc_show_mounts(struct proc_text *text, void *argument)
{
    (void)argument;
    each_mount(text, show_mount);
}

void proc_show_mountinfo(struct proc_text *text) { each_mount(text, show_mountinfo); }
