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

/* Mounted file system n, kept by a reference to its root; NULL: there are not so many. */
static struct superblock *hold_mount(unsigned n)
{
    struct superblock *sb, *found = 0;
    mutex_lock(&mount_lock);
    list_for_each(sb, &superblocks, link)
    {
        if (n-- || found) continue;
        found = sb;
        inode_ref(sb->root);
    }
    mutex_unlock(&mount_lock);
    return found;
}

static void each_mount(struct proc_text *text,
                       void (*show)(struct proc_text *, const struct superblock *, const char *))
{
    struct superblock *sb;
    char *path = kmalloc(PATH_MAX);
    for (unsigned n = 0; path && (sb = hold_mount(n)); n++) {
        if (inode_path_inside(sb->root, path, PATH_MAX) > 0) show(text, sb, path);
        inode_put(sb->root);
    }
    kfree(path);
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
    proc_print(text, "%u %u %u:%u / ", sb->number, sb->covered ? sb->covered->sb->number : 1, DEV_MAJOR(sb->dev),
               DEV_MINOR(sb->dev));
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
