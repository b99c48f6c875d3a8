/*
 * nomem.c - no memory in the middle of an operation: each of a list of operations is run on the kernel's own KFS code while the first, the
 * second, the third ... request for memory fails (alone, with the next one, with all that follow), until it needs no more; then likewise
 * while one read of the disk after the other fails.
 *
 * Whatever happens, the names, attributes and contents are then those before the operation or those after it; the journal goes on working,
 * fsck.kfs finds nothing after the unmount nor after a power cut behind a sync, the disk mounted again shows the same, and no
 * memory is missing. A failed write may have written a part; what it shows must be its own.
 *
 * usage: nomem IMAGE [OPERATION]       exit status 1: something is wrong, 2: bad usage
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/format.h"
#include "base/string.h"
#include "fs/fdtable.h"
#include "fs/kfs.h"
#include "fs/vfs.h"
#include "host_fs.h"
#include "kern/task.h"
#include "sim_disk.h"

int fsck_memory(uint8_t *image, size_t bytes, char *what, size_t room); /* 0: clean; else what is wrong */

#define DISK_BYTES (1024 * 4096)
#define LARGE      (180 * 1024) /* reaches behind the direct pointers */
#define FREE_BYTE  0xc2         /* in free blocks; no file holds it */

static struct sim disk;
static uint8_t base[DISK_BYTES], dirty[DISK_BYTES], medium[DISK_BYTES];
static const char *doing = "start";

static _Noreturn void wrong(const char *what, long number)
{
    printf("nomem: WRONG: %s: %s %ld\n", doing, what, number);
    fflush(stdout);
    exit(1);
}
static void must(long error, const char *what)
{
    if (error < 0) wrong(what, error);
}

/* --- what the tree holds, as one number: the sum over all names, so that their order does not matter */

struct digest {
    uint64_t sum;
    unsigned names;
    bool contents; /* files' sizes and contents as well */
};
struct entries {
    struct dirent_sink sink;
    struct digest *digest;
    const char *path;
    uint64_t next;
    bool any;
};

static uint64_t mix(uint64_t hash, const void *data, size_t bytes)
{
    const uint8_t *at = data;
    for (size_t i = 0; i < bytes; i++) hash = (hash ^ at[i]) * 0x100000001b3ull;
    return hash;
}
static uint64_t mix_number(uint64_t hash, uint64_t number) { return mix(hash, &number, sizeof number); }

/* Each file is written with a byte of its own only. */
static uint8_t byte_of(const struct inode *inode) { return (uint8_t)(0x40 + inode->ino % 64); }

static uint64_t mix_content(uint64_t hash, const char *path)
{
    static uint8_t data[16384];
    struct file *file = vfs_open(AT_FDCWD, path, O_RDONLY, 0);
    must(IS_ERR(file) ? PTR_ERR(file) : 0, path);
    uint64_t size = file->inode->size;
    hash = mix_number(hash, size);
    for (uint64_t at = 0; at < size; at += sizeof data) {
        long n = file_pread_kernel(file, data, sizeof data, at);
        must(n, "read");
        for (long i = 0; i < n; i++)
            if (data[i] && data[i] != byte_of(file->inode)) wrong("foreign data at", (long)at + i);
        hash = mix(hash, data, (size_t)n);
    }
    file_put(file);
    return hash;
}

static void digest_path(struct digest *d, const char *path);
static bool put_entry(struct dirent_sink *sink, const char *name, size_t bytes, uint64_t ino, unsigned type,
                      uint64_t next)
{
    struct entries *e = container_of(sink, struct entries, sink);
    char path[1200];
    (void)ino, (void)type;
    e->any = true;
    e->next = next;
    if (name[0] == '.' || !memcmp(name, "after", MIN(bytes, (size_t)5))) return true;
    format(path, sizeof path, "%s/", e->path);
    size_t at = strlen(path);
    memcpy(path + at, name, bytes);
    path[at + bytes] = 0;
    digest_path(e->digest, path);
    return true;
}

static void digest_path(struct digest *d, const char *path)
{
    struct inode *inode = walk(AT_FDCWD, path, 0);
    must(IS_ERR(inode) ? PTR_ERR(inode) : 0, path);
    uint64_t hash = mix(14695981039346656037ull, path, strlen(path));
    hash = mix_number(mix_number(mix_number(hash, inode->mode), inode->links), inode->rdev);
    if (S_ISLNK(inode->mode)) {
        char text[4096];
        long n = inode->ops->readlink(inode, text, sizeof text);
        must(n, "readlink");
        hash = mix(hash, text, (size_t)n);
    }
    bool listed = inode->links > 100; /* one file with all those names: read in the root */
    if (S_ISREG(inode->mode) && d->contents && !(listed && strlen(path) > 20)) hash = mix_content(hash, path);
    d->sum += hash;
    d->names++;
    if (S_ISDIR(inode->mode)) {
        struct file *file = vfs_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
        must(IS_ERR(file) ? PTR_ERR(file) : 0, path);
        struct entries e = {.sink.put = put_entry, .digest = d, .path = path};
        must(file->ops->readdir(file, &e.sink), "readdir");
        file_put(file);
    }
    inode_put(inode);
}

static struct digest digest(bool contents)
{
    struct digest d = {.contents = contents};
    digest_path(&d, "/mnt");
    return d;
}
static bool same(struct digest a, struct digest b) { return a.sum == b.sum && a.names == b.names; }

/* --- the operations */

static long write_at(const char *path, int flags, uint64_t at, size_t bytes, bool sync)
{
    static uint8_t data[LARGE];
    struct file *file = vfs_open(AT_FDCWD, path, O_RDWR | O_CREAT | flags, 0644);
    if (IS_ERR(file)) return PTR_ERR(file);
    memset(data, byte_of(file->inode), bytes);
    struct uio uio;
    uio_init_kernel(&uio, data, bytes, at);
    long n = file_write_at(file, &uio);
    if (n == (long)bytes && sync) n = file_sync(file, false);
    file_put(file);
    return n < 0 ? n : n == 0 || n == (long)bytes ? 0 : -ENOMEM; /* cut short */
}

static long truncate_to(const char *path, uint64_t size)
{
    struct inode *inode = walk(AT_FDCWD, path, WALK_FOLLOW);
    if (IS_ERR(inode)) return PTR_ERR(inode);
    int error = vfs_truncate(inode, size);
    inode_put(inode);
    return error;
}

static long change_mode(const char *path)
{
    struct inode *inode = walk(AT_FDCWD, path, WALK_FOLLOW);
    if (IS_ERR(inode)) return PTR_ERR(inode);
    struct attr attr = {.mask = ATTR_MODE, .mode = 0600};
    int error = vfs_setattr(inode, &attr);
    inode_put(inode);
    return error;
}

static char long_text[512];

/* The name number i, filled up to `bytes`. */
static const char *numbered(const char *directory, unsigned i, unsigned bytes)
{
    static char path[400];
    format(path, sizeof path, "/mnt/%s/%03u", directory, i);
    size_t start = strlen(path) - 3, at = start + 3;
    while (at < start + bytes) path[at++] = 'x';
    path[at] = 0;
    return path;
}

static long do_create(void) { return write_at("/mnt/d1/new", O_EXCL, 0, 0, false); }
static long do_create_full(void) { return write_at("/mnt/full/new", O_EXCL, 0, 0, false); }
static long do_create_deep(void) { return vfs_link(AT_FDCWD, "/mnt/small", AT_FDCWD, numbered("deep", 700, 255), 0); }
static long do_mknod(void) { return vfs_mknod(AT_FDCWD, "/mnt/d1/new", S_IFIFO | 0644, 0); }
static long do_mkdir(void) { return vfs_mkdir(AT_FDCWD, "/mnt/d1/new", 0755); }
static long do_mkdir_full(void) { return vfs_mkdir(AT_FDCWD, "/mnt/full/new", 0755); }
static long do_symlink(void) { return vfs_symlink("somewhere", AT_FDCWD, "/mnt/d1/new"); }
static long do_symlink_long(void) { return vfs_symlink(long_text, AT_FDCWD, "/mnt/d1/new"); }
static long do_link(void) { return vfs_link(AT_FDCWD, "/mnt/small", AT_FDCWD, "/mnt/d1/new", 0); }
static long do_unlink(void) { return vfs_unlink(AT_FDCWD, "/mnt/small", false); }
static long do_unlink_large(void) { return vfs_unlink(AT_FDCWD, "/mnt/large", false); }
static long do_unlink_one(void) { return vfs_unlink(AT_FDCWD, "/mnt/two", false); }
static long do_unlink_link(void) { return vfs_unlink(AT_FDCWD, "/mnt/pointer", false); }
static long do_unlink_deep(void) { return vfs_unlink(AT_FDCWD, numbered("deep", 500, 248), false); }
static long do_rmdir(void) { return vfs_unlink(AT_FDCWD, "/mnt/empty", true); }
static long do_rename(void) { return vfs_rename(AT_FDCWD, "/mnt/small", AT_FDCWD, "/mnt/other", 0); }
static long do_rename_away(void) { return vfs_rename(AT_FDCWD, "/mnt/small", AT_FDCWD, "/mnt/full/other", 0); }
static long do_rename_over(void) { return vfs_rename(AT_FDCWD, "/mnt/small", AT_FDCWD, "/mnt/d1/in", 0); }
static long do_rename_over_large(void) { return vfs_rename(AT_FDCWD, "/mnt/small", AT_FDCWD, "/mnt/large", 0); }
static long do_movedir(void) { return vfs_rename(AT_FDCWD, "/mnt/d1", AT_FDCWD, "/mnt/full/moved", 0); }
static long do_movedir_over(void) { return vfs_rename(AT_FDCWD, "/mnt/d1/sub", AT_FDCWD, "/mnt/empty", 0); }
static long do_exchange(void) { return vfs_rename(AT_FDCWD, "/mnt/d1/sub", AT_FDCWD, "/mnt/small", 2); }
static long do_exchange_dirs(void) { return vfs_rename(AT_FDCWD, "/mnt/d1/sub", AT_FDCWD, "/mnt/empty", 2); }
static long do_shorten(void) { return truncate_to("/mnt/large", 5000); }
static long do_empty(void) { return truncate_to("/mnt/large", 0); }
static long do_lengthen(void) { return truncate_to("/mnt/small", 100000); }
static long do_open_empty(void) { return write_at("/mnt/large", O_TRUNC, 0, 0, false); }
static long do_shorten_grow(void)
{
    long error = truncate_to("/mnt/large", 5000);
    return error ? error : truncate_to("/mnt/large", LARGE);
}
static long do_chmod(void) { return change_mode("/mnt/d1/in"); }
static long do_write(void) { return write_at("/mnt/d1/new", 0, 0, 30000, false); }
static long do_write_sync(void) { return write_at("/mnt/d1/new", 0, 0, LARGE, true); }
static long do_overwrite(void) { return write_at("/mnt/large", 0, 1000, 50000, true); }
static long do_append(void) { return write_at("/mnt/small", O_APPEND, 0, 9000, true); }
/* A user buffer that ends half-way; until that is found, what has been copied goes to the disk. */
static bool flush_and_stop(struct mapping *mapping)
{
    pagecache_flush(mapping, 0, UINT64_MAX);
    return false;
}
static long do_write_part(void)
{
    host_midway = flush_and_stop;
    long error = write_at("/mnt/d1/new", 0, 0, 30000, false);
    host_midway = 0;
    if (error != -ENOMEM) return error; /* ENOMEM: cut short, which it is */
    struct file *file = vfs_open(AT_FDCWD, "/mnt/d1/new", O_RDWR, 0);
    if (IS_ERR(file)) return PTR_ERR(file) == -ENOENT ? error : PTR_ERR(file); /* it was not even made */
    error = file_sync(file, false);
    uint64_t size = file->inode->size; /* 0: there was no memory for the first page */
    if (!error && size && size != 4096) wrong("size", (long)size);
    if (!error && !size) error = -ENOMEM;
    file_put(file);
    return error;
}
static long do_hole(void) { return write_at("/mnt/sparse", 0, 4096 * 40, 4096 * 20, true); }
static long do_sync(void)
{
    long error = write_at("/mnt/sparse", 0, 4096 * 10, 4096 * 60, false);
    return error ? error : vfs_sync();
}
static long do_remount(void)
{
    int error = vfs_mount(0, "/mnt", "", MS_REMOUNT | MS_RDONLY, 0);
    if (error) return error;
    error = vfs_mount(0, "/mnt", "", MS_REMOUNT, 0);
    if (error) must(vfs_mount(0, "/mnt", "", MS_REMOUNT, 0), "remounting at another try");
    return error;
}

static const struct operation {
    const char *name;
    long (*run)(void);
    bool parts; /* a failed write leaves a part, and perhaps the file */
} operations[] = {
    {"create", do_create, false},
    {"create in a full directory", do_create_full, false},
    {"create in a large directory", do_create_deep, false},
    {"mknod", do_mknod, false},
    {"mkdir", do_mkdir, false},
    {"mkdir in a full directory", do_mkdir_full, false},
    {"symlink", do_symlink, false},
    {"long symlink", do_symlink_long, false},
    {"link", do_link, false},
    {"unlink", do_unlink, false},
    {"unlink a large file", do_unlink_large, false},
    {"unlink one of two names", do_unlink_one, false},
    {"unlink a symlink", do_unlink_link, false},
    {"unlink in a large directory", do_unlink_deep, false},
    {"rmdir", do_rmdir, false},
    {"rename", do_rename, false},
    {"rename into a full directory", do_rename_away, false},
    {"rename over a file", do_rename_over, false},
    {"rename over a large file", do_rename_over_large, false},
    {"rename a directory", do_movedir, false},
    {"rename a directory over another", do_movedir_over, false},
    {"exchange", do_exchange, false},
    {"exchange directories", do_exchange_dirs, false},
    {"truncate", do_shorten, false},
    {"truncate to nothing", do_empty, false},
    {"truncate to more", do_lengthen, false},
    {"open with O_TRUNC", do_open_empty, false},
    {"truncate and grow", do_shorten_grow, true},
    {"chmod", do_chmod, false},
    {"write", do_write, true},
    {"write and fsync", do_write_sync, true},
    {"overwrite and fsync", do_overwrite, true},
    {"append and fsync", do_append, true},
    {"write that is cut short", do_write_part, true},
    {"write into a hole and fsync", do_hole, true},
    {"write and sync", do_sync, true},
    {"remount", do_remount, false},
};

/* --- the tree that they find */

/* A directory of so many blocks in which no room is left: 16 names of 248 bytes each, one of 224 besides "." and "..". */
static void make_full(const char *directory, unsigned blocks)
{
    for (unsigned i = 0; i < blocks * 16; i++)
        must(vfs_link(AT_FDCWD, "/mnt/two", AT_FDCWD, numbered(directory, i, i == 15 ? 224 : 248), 0), "link");
}

static void make_base(const uint8_t *image)
{
    memset(long_text, 'y', 300);
    memcpy(base, image, DISK_BYTES);
    struct kfs_super super;
    memcpy(&super, base + KFS_SUPER_BLOCK * KFS_BLOCK_BYTES, sizeof super);
    for (uint32_t block = super.data_start; block < super.blocks; block++) {
        uint8_t *at = base + (size_t)block * KFS_BLOCK_BYTES;
        if (!at[0] && !memcmp(at, at + 1, KFS_BLOCK_BYTES - 1)) memset(at, FREE_BYTE, KFS_BLOCK_BYTES);
    }
    sim_make(&disk, "vda", base, DISK_BYTES);
    must(vfs_mount("/dev/vda", "/mnt", "kfs", 0, 0), "mount");
    must(write_at("/mnt/small", 0, 0, 3000, false), "write");
    must(write_at("/mnt/two", 0, 0, 100, false), "write");
    must(write_at("/mnt/large", 0, 0, LARGE, false), "write");
    must(write_at("/mnt/sparse", 0, 4096 * 80, 4096, false), "write");
    must(vfs_symlink(long_text, AT_FDCWD, "/mnt/pointer"), "symlink");
    must(vfs_mkdir(AT_FDCWD, "/mnt/d1", 0755), "mkdir");
    must(vfs_mkdir(AT_FDCWD, "/mnt/d1/sub", 0755), "mkdir");
    must(write_at("/mnt/d1/in", 0, 0, 5000, false), "write");
    must(vfs_mkdir(AT_FDCWD, "/mnt/empty", 0755), "mkdir");
    must(vfs_mkdir(AT_FDCWD, "/mnt/full", 0755), "mkdir");
    must(vfs_mkdir(AT_FDCWD, "/mnt/deep", 0755), "mkdir");
    make_full("full", 1);
    make_full("deep", KFS_DIRECT);
    must(vfs_unmount("/mnt", 0), "unmount");
    memcpy(base, disk.now, DISK_BYTES);
}

/* What a power cut finds: a log to recover, a file without a name, one that is being shortened. */
static void make_dirty(void)
{
    sim_load(&disk, base);
    must(vfs_mount("/dev/vda", "/mnt", "kfs", 0, 0), "mount");
    must(do_create_deep(), "link");
    must(do_movedir(), "rename");
    struct file *file = vfs_open(AT_FDCWD, "/mnt/large", O_RDWR, 0);
    must(IS_ERR(file) ? PTR_ERR(file) : 0, "open");
    must(do_unlink_large(), "unlink");
    must(write_at("/mnt/small", 0, 0, LARGE, false), "write");
    must(vfs_sync(), "sync");
    memcpy(dirty, disk.now, DISK_BYTES);
    file_put(file);
    must(vfs_unmount("/mnt", 0), "unmount");
}

/* --- the test */

static void no_memory_from(unsigned long request, unsigned long count)
{
    host_requests = 0;
    host_fail_from = request;
    host_fail_count = count;
}

static void check_fsck(const char *when)
{
    char text[256];
    if (!fsck_memory(disk.now, disk.bytes, text, sizeof text)) return;
    printf("%s\n", text);
    wrong(when, 0);
}

/* Mounts, wants to see this, unmounts. */
static void look(const void *image, struct digest wanted, const char *when)
{
    if (image) sim_load(&disk, image);
    must(vfs_mount("/dev/vda", "/mnt", "kfs", 0, 0), when);
    if (!same(digest(true), wanted)) wrong(when, 0);
    must(vfs_unmount("/mnt", 0), when);
    check_fsck(when);
}

struct baseline {
    struct digest names, all;
};
static struct baseline see(void) { return (struct baseline){digest(false), digest(true)}; }

/* count READS: the disk's reads are meant. False: the operation needed no more memory than it got. */
#define READS 0
static bool attempt(const struct operation *o, bool warm, unsigned long from, unsigned long count,
                    const struct baseline *before, const struct baseline *after)
{
    uint32_t frames = host_frames_free();
    long objects = host_objects;
    sim_load(&disk, base);
    must(vfs_mount("/dev/vda", "/mnt", "kfs", 0, 0), "mount");
    if (warm) digest(true);
    if (count == READS)
        disk.reads = 0, disk.fail_read = from;
    else
        no_memory_from(from, count);
    long error = o->run();
    bool met = (count == READS ? disk.reads : host_requests) >= from;
    no_memory_from(0, 0);
    disk.fail_read = 0;
    bool right = error == -ENOMEM || (count == READS && error == -EIO);
    if (error && (!right || !met)) wrong("fails with error", error);
    struct digest names = digest(false), live = digest(true);
    if (!same(names, after->names) && (!error || !same(names, before->names))) wrong("half-done; request", (long)from);
    bool whole = same(live, after->all) || (error && same(live, before->all));
    if (!whole && !(error && o->parts)) wrong("contents are half-done; request", (long)from);
    must(vfs_mkdir(AT_FDCWD, "/mnt/after", 0755), "mkdir afterwards");
    must(write_at("/mnt/after/file", 0, 0, 5000, true), "write afterwards");
    must(vfs_unlink(AT_FDCWD, "/mnt/after/file", false), "unlink afterwards");
    must(vfs_unlink(AT_FDCWD, "/mnt/after", true), "rmdir afterwards");
    must(vfs_sync(), "sync");
    memcpy(medium, disk.now, DISK_BYTES);
    must(vfs_unmount("/mnt", 0), "unmount");
    check_fsck("fsck.kfs after the unmount");
    look(0, live, "mounted again");
    look(medium, live, "after a power cut");
    if (host_frames_free() != frames || host_objects != objects) wrong("memory leaks; request", (long)from);
    return met;
}

static unsigned long run_operation(const struct operation *o)
{
    struct baseline before, after;
    unsigned long attempts = 0;
    doing = o->name;
    sim_load(&disk, base);
    must(vfs_mount("/dev/vda", "/mnt", "kfs", 0, 0), "mount");
    before = see();
    must(o->run(), "with memory");
    after = see();
    must(vfs_unmount("/mnt", 0), "unmount");
    check_fsck("fsck.kfs");
    for (unsigned long n = 1; attempt(o, false, n, READS, &before, &after); n++) attempts++;
    for (int warm = 0; warm < 2; warm++)
        for (unsigned long count = 1; count < 8; count = count == 2 ? 7 : count + 1) /* 7: all that follow */
            for (unsigned long n = 1; attempt(o, warm, n, count == 7 ? ~0ul / 2 : count, &before, &after); n++)
                attempts++;
    return attempts;
}

/* Mounting while one read of the disk fails. */
static unsigned long run_mount_reads(const uint8_t *image, struct digest all, bool read_only)
{
    unsigned long n = 1;
    for (bool met = true; met; n++) {
        uint32_t frames = host_frames_free();
        long objects = host_objects;
        sim_load(&disk, image);
        disk.reads = 0, disk.fail_read = n;
        int error = vfs_mount("/dev/vda", "/mnt", "kfs", read_only ? MS_RDONLY : 0, 0);
        met = disk.reads >= n;
        disk.fail_read = 0;
        if (error && (error != -EIO || !met)) wrong("fails with error", error);
        if (!error && !same(digest(true), all)) wrong("shows something else; read", (long)n);
        if (!error) must(vfs_unmount("/mnt", 0), "unmount");
        look(0, all, "mounted again");
        if (host_frames_free() != frames || host_objects != objects) wrong("memory leaks; read", (long)n);
    }
    return n;
}

/* Mounting and unmounting an image. `left`: it was not unmounted. */
static unsigned long run_mounts(const uint8_t *image, bool read_only)
{
    unsigned long attempts = 0;
    doing = image == dirty ? "mount with recovery" : "mount";
    sim_load(&disk, image);
    must(vfs_mount("/dev/vda", "/mnt", "kfs", 0, 0), "mount");
    struct digest all = digest(true);
    must(vfs_unmount("/mnt", 0), "unmount");
    attempts += run_mount_reads(image, all, read_only);
    for (unsigned long count = 1; count < 4; count++) {
        for (unsigned long n = 1;; n++, attempts++) {
            uint32_t frames = host_frames_free();
            long objects = host_objects;
            sim_load(&disk, image);
            no_memory_from(n, count == 3 ? ~0ul / 2 : count);
            int error = vfs_mount("/dev/vda", "/mnt", "kfs", read_only ? MS_RDONLY : 0, 0);
            bool met = host_requests >= n;
            no_memory_from(0, 0);
            if (error && (error != -ENOMEM || !met)) wrong("fails with error", error);
            if (!error) {
                if (!same(digest(true), all)) wrong("shows something else; request", (long)n);
                no_memory_from(1 + n / 2, count);
                error = vfs_unmount("/mnt", 0);
                no_memory_from(0, 0);
                if (error) must(vfs_unmount("/mnt", 0), "unmount at another try");
            }
            look(0, all, "mounted again");
            if (host_frames_free() != frames || host_objects != objects) wrong("memory leaks; request", (long)n);
            if (!met) break;
        }
    }
    return attempts;
}

int main(int argc, char **argv)
{
    static uint8_t image[DISK_BYTES];
    FILE *file = argc > 1 ? fopen(argv[1], "rb") : 0;
    if (!file || fread(image, 1, sizeof image, file) != sizeof image) {
        fprintf(stderr, "usage: nomem IMAGE [OPERATION]: an image of %d bytes\n", DISK_BYTES);
        return 2;
    }
    fclose(file);
    current->files = fdtable_create();
    must(vfs_mount("none", "/", "tmpfs", 0, 0), "root");
    current->fs = fs_context_create();
    must(vfs_mkdir(AT_FDCWD, "/mnt", 0755), "mkdir");
    make_base(image);
    make_dirty();
    unsigned long attempts = 0, count = 0;
    for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
        if (argc > 2 && strcmp(argv[2], operations[i].name)) continue;
        attempts += run_operation(&operations[i]);
        count++;
    }
    if (argc < 3 || !strcmp(argv[2], "mount"))
        attempts += run_mounts(base, false) + run_mounts(dirty, false) + run_mounts(base, true), count += 3;
    printf("nomem: %lu operations, %lu times out of memory or with a read that failed: all right\n", count, attempts);
    return !count;
}
