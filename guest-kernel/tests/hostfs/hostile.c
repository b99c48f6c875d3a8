/*
 * hostile.c - a KFS disk that is damaged, or made by an enemy: the kernel's own code mounts it and uses whatever it finds.
 *
 * A good image is damaged at random: bits, words, whole blocks; in the superblock, the bitmaps, inodes, pointer blocks, directories,
 * the log; and half of the time the checksums are made right again afterwards, so that the damage gets past them. Then the disk is
 * mounted, its tree walked, everything read, and files are written, cut, renamed and deleted. Errors are fine. Not fine: a panic, a lock taken
 * twice (in the kernel a deadlock), an endless loop (hostile_main.c watches the time), a leak, and what the sanitizers see.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/format.h"
#include "base/string.h"
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
static const uint8_t *good;
static size_t image_bytes;
static struct kfs_super super;
static uint64_t random_state;
static unsigned files_left;

static uint32_t rnd(uint32_t n)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(random_state >> 33) % n;
}

/* Damage. */

static uint32_t pick_block(void)
{
    switch (rnd(8)) {
    case 0: return KFS_SUPER_BLOCK;
    case 1: return super.inode_bitmap + rnd(super.inode_table - super.inode_bitmap);
    case 2:
    case 3: return super.inode_table + rnd(4);
    case 4: return super.log_start + rnd(20);
    default: return super.data_start + rnd(60);
    }
}

static struct kfs_inode *pick_inode(void)
{
    uint8_t *table = work + (size_t)super.inode_table * KFS_BLOCK_BYTES;
    return (struct kfs_inode *)(void *)table + KFS_ROOT_INODE + rnd(40);
}

static uint32_t odd_number(void)
{
    static const uint32_t odd[] = {0, 1, 2, 3, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff};
    if (rnd(3) == 0) return odd[rnd(ARRAY_SIZE(odd))];
    return rnd(2) ? rnd(super.blocks) : rnd(super.inodes);
}

static void damage_inode(struct kfs_inode *inode)
{
    switch (rnd(9)) {
    case 0: inode->mode = (uint16_t)(rnd(16) << 12 | (inode->mode & 07777)); break;
    case 1: inode->size = (uint64_t)odd_number() << rnd(32); break;
    case 2: inode->direct[rnd(KFS_DIRECT)] = odd_number(); break;
    case 3: inode->indirect[rnd(3)] = odd_number(); break;
    case 4: inode->links = odd_number(); break;
    case 5: inode->blocks = odd_number(); break;
    case 6: inode->flags ^= (uint16_t)(1u << rnd(16)); break;
    case 7: memcpy(inode->direct, pick_inode()->direct, sizeof inode->direct); break; /* two files share blocks */
    default: *inode = *pick_inode(); break;
    }
}

static void damage_words(uint32_t block)
{
    uint32_t *words = (void *)(work + (size_t)block * KFS_BLOCK_BYTES);
    switch (rnd(4)) {
    case 0: words[rnd(KFS_POINTERS)] ^= 1u << rnd(32); break;
    case 1: words[rnd(KFS_POINTERS)] = odd_number(); break;
    case 2: words[rnd(16)] = odd_number(); break;
    default: memcpy(words, good + (size_t)pick_block() * KFS_BLOCK_BYTES, KFS_BLOCK_BYTES); break;
    }
}

/* An entry of a directory block leads somewhere else: to itself, to its parent, to a free inode. */
static void damage_directory(uint32_t block)
{
    uint8_t *at = work + (size_t)block * KFS_BLOCK_BYTES;
    struct kfs_dirent *entry = (void *)at;
    for (unsigned steps = rnd(12); steps && entry->bytes >= 8 && entry->bytes % 4 == 0; steps--) {
        if ((uint8_t *)entry + entry->bytes + 8 > at + KFS_BLOCK_BYTES) break;
        entry = (void *)((uint8_t *)entry + entry->bytes);
    }
    switch (rnd(4)) {
    case 0: entry->inode = odd_number(); break;
    case 1: entry->inode = KFS_ROOT_INODE + rnd(20); break;
    case 2: entry->bytes = (uint16_t)odd_number(); break;
    default: entry->name_bytes = (uint8_t)odd_number(); break;
    }
}

static void mend_checksums(void)
{
    struct kfs_super *s = (void *)(work + KFS_SUPER_BLOCK * KFS_BLOCK_BYTES);
    s->checksum = kfs_super_checksum(s);
    struct kfs_inode *inode = (void *)(work + (size_t)super.inode_table * KFS_BLOCK_BYTES);
    for (uint32_t i = 0; i < super.inodes; i++)
        if (inode[i].mode && rnd(16)) inode[i].number = i, inode[i].checksum = kfs_inode_checksum(&inode[i]);
    for (uint32_t i = 0; i < super.log_blocks; i++) {
        struct kfs_log_record *record = (void *)(work + (size_t)(super.log_start + i) * KFS_BLOCK_BYTES);
        if (record->magic == KFS_LOG_MAGIC) record->checksum = kfs_record_checksum(record);
    }
}

static void damage(void)
{
    static const uint8_t counts[] = {1, 1, 2, 3, 8, 40};
    for (unsigned n = counts[rnd(ARRAY_SIZE(counts))]; n; n--) {
        switch (rnd(4)) {
        case 0: work[(size_t)pick_block() * KFS_BLOCK_BYTES + rnd(KFS_BLOCK_BYTES)] ^= (uint8_t)(1u << rnd(8)); break;
        case 1: damage_words(pick_block()); break;
        case 2: damage_inode(pick_inode()); break;
        default: damage_directory(super.data_start + rnd(30)); break;
        }
    }
    if (rnd(4)) mend_checksums();
}

/* Use. */

static void read_file(const char *path)
{
    static uint8_t data[20000];
    struct file *file = vfs_open(AT_FDCWD, path, O_RDONLY, 0);
    if (IS_ERR(file)) return;
    uint64_t size = file->inode->size;
    file_pread_kernel(file, data, sizeof data, 0);
    for (int i = 0; size && i < 4; i++)
        file_pread_kernel(file, data, 5000, (uint64_t)rnd(0x7fffffff) * rnd(4096) % size);
    file_put(file);
}

static void change(const char *path, const char *other)
{
    static uint8_t data[9000];
    struct inode *inode;
    struct file *file;
    switch (rnd(9)) {
    case 0:
    case 1:
        file = vfs_open(AT_FDCWD, path, O_RDWR | (rnd(2) ? O_APPEND : 0), 0);
        if (IS_ERR(file)) break;
        struct uio uio;
        uio_init_kernel(&uio, data, 1 + rnd(sizeof data - 1), rnd(60000));
        file_write_at(file, &uio);
        if (rnd(2)) file_sync(file, false);
        file_put(file);
        break;
    case 2:
        inode = walk(AT_FDCWD, path, WALK_FOLLOW);
        if (IS_ERR(inode)) break;
        vfs_truncate(inode, rnd(2) ? rnd(100000) : 0);
        inode_put(inode);
        break;
    case 3: vfs_unlink(AT_FDCWD, path, rnd(2)); break;
    case 4: vfs_rename(AT_FDCWD, path, AT_FDCWD, other, rnd(4) ? 0 : 2); break;
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
        if (rnd(3) == 0) change(inner, last);
        format(last, sizeof last, "%s", inner);
    }
    free(list);
}

bool hostile_start(const uint8_t *image, size_t bytes)
{
    good = image;
    image_bytes = bytes;
    memcpy(&super, good + KFS_SUPER_BLOCK * KFS_BLOCK_BYTES, sizeof super);
    if (kfs_super_wrong(&super, bytes / KFS_BLOCK_BYTES)) return false;
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
    random_state = seed * 0x9e3779b97f4a7c15ull + 1;
    memcpy(work, good, image_bytes);
    damage();
    sim_load(&disk, work);
    files_left = FILES;
    *mounted = !vfs_mount("/dev/vda", "/mnt", "kfs", rnd(6) ? 0 : MS_RDONLY, 0);
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
