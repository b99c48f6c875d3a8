/*
 * hostile.c - a KFS disk that is damaged, or made by an enemy: the kernel's own code mounts it and uses whatever it finds.
 *
 * A good image is damaged at random (damage.h). Then the disk is mounted, its tree walked, everything read, and files are written, cut,
 * renamed and deleted. Errors are fine. Not fine: a panic, a lock taken twice (in the kernel a deadlock), an endless loop (hostile_main.c
 * watches the time), a leak, and what the sanitizers see.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/format.h"
#include "base/string.h"
#include "damage.h"
#include "fs/fdtable.h"
#include "fs/kfs.h"
#include "fs/vfs.h"
#include "host_fs.h"
#include "hostile.h"
#include "kern/task.h"
#include "sim_disk.h"

#define DEPTH 12
#define FILES 300 /* looked at in one round */

static struct sim disk;
static uint8_t *work;
static unsigned files_left;

static void read_file(const char *path)
{
    static uint8_t data[20000];
    struct file *file = vfs_open(AT_FDCWD, path, O_RDONLY, 0);
    if (IS_ERR(file)) return;
    uint64_t size = file->inode->size;
    file_pread_kernel(file, data, sizeof data, 0);
    for (int i = 0; size && i < 4; i++)
        file_pread_kernel(file, data, 5000, (uint64_t)damage_random(0x7fffffff) * damage_random(4096) % size);
    file_put(file);
}

static void change(const char *path, const char *other)
{
    static uint8_t data[9000];
    struct inode *inode;
    struct file *file;
    switch (damage_random(9)) {
    case 0:
    case 1:
        file = vfs_open(AT_FDCWD, path, O_RDWR | (damage_random(2) ? O_APPEND : 0), 0);
        if (IS_ERR(file)) break;
        struct uio uio;
        uio_init_kernel(&uio, data, 1 + damage_random(sizeof data - 1), damage_random(60000));
        file_write_at(file, &uio);
        if (damage_random(2)) file_sync(file, false);
        file_put(file);
        break;
    case 2:
        inode = walk(AT_FDCWD, path, WALK_FOLLOW);
        if (IS_ERR(inode)) break;
        vfs_truncate(inode, damage_random(2) ? damage_random(100000) : 0);
        inode_put(inode);
        break;
    case 3: vfs_unlink(AT_FDCWD, path, damage_random(2)); break;
    case 4: vfs_rename(AT_FDCWD, path, AT_FDCWD, other, damage_random(4) ? 0 : 2); break;
    case 5: vfs_link(AT_FDCWD, path, AT_FDCWD, "/mnt/linked", 0); break;
    case 6: vfs_mkdir(AT_FDCWD, "/mnt/made", 0755); break;
    case 7: vfs_symlink("somewhere", AT_FDCWD, "/mnt/pointer"); break;
    default: vfs_sync(); break;
    }
}

struct listing {
    struct dirent_sink sink;
    char names[20][64];
    unsigned count;
};
static bool put_name(struct dirent_sink *sink, const char *name, size_t bytes, uint64_t ino, unsigned type,
                     uint64_t next)
{
    struct listing *list = container_of(sink, struct listing, sink);
    (void)ino, (void)type, (void)next;
    if (list->count == ARRAY_SIZE(list->names)) return false;
    if (bytes < 60 && name[0] != '.') {
        memcpy(list->names[list->count], name, bytes);
        list->names[list->count++][bytes] = 0;
    }
    return true;
}

static void visit(const char *path, unsigned depth)
{
    static char last[DEPTH * 64 + 64] = "/mnt";
    struct file *file = vfs_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
    if (IS_ERR(file)) {
        read_file(path);
        return;
    }
    struct listing *list = calloc(1, sizeof *list);
    list->sink.put = put_name;
    if (file->ops->readdir) file->ops->readdir(file, &list->sink);
    file_put(file);
    for (unsigned i = 0; i < list->count && files_left; i++) {
        char inner[DEPTH * 64 + 64];
        format(inner, sizeof inner, "%s/%s", path, list->names[i]);
        files_left--;
        if (depth + 1 < DEPTH) visit(inner, depth + 1);
        if (damage_random(3) == 0) change(inner, last);
        format(last, sizeof last, "%s", inner);
    }
    free(list);
}

bool hostile_start(const uint8_t *image, size_t bytes)
{
    if (!damage_start(image, bytes)) return false;
    work = malloc(bytes);
    host_quiet = true;
    current->files = fdtable_create();
    if (vfs_mount("none", "/", "tmpfs", 0, 0)) return false;
    current->fs = fs_context_create();
    sim_make(&disk, "vda", image, bytes);
    return !vfs_mkdir(AT_FDCWD, "/mnt", 0755);
}

bool hostile_round(uint64_t seed, bool *mounted)
{
    uint32_t frames = host_frames_free();
    long objects = host_objects;
    damage_seed(seed * 0x9e3779b97f4a7c15ull + 1);
    damage(work);
    sim_load(&disk, work);
    files_left = FILES;
    *mounted = !vfs_mount("/dev/vda", "/mnt", "kfs", damage_random(6) ? 0 : MS_RDONLY, 0);
    if (*mounted) {
        visit("/mnt", 0);
        vfs_sync();
        int error = vfs_unmount("/mnt", 0);
        if (error) {
            printf("hostile: seed %lu: cannot be unmounted: %d\n", (unsigned long)seed, error);
            return false;
        }
    }
    if (host_frames_free() == frames && host_objects == objects) return true;
    printf("hostile: seed %lu: leaks %ld objects, %ld frames\n", (unsigned long)seed, host_objects - objects,
           (long)frames - (long)host_frames_free());
    return false;
}
