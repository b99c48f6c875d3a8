/*
 * fsx.c - random work on files, compared with a copy in memory: read, write, append, truncate, shared maps with msync, fsync, close and
 * open again; several processes at once. Then what files are at their limits: holes behind 4 GiB and in the range of triple
 * indirection, a full disk, no inodes left. Afterwards as many blocks and inodes are free as before.
 *
 * On Kepler as the first process: in /tmp, and on the disk /dev/vda (KFS), which is unmounted and mounted again in between.
 */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>

#define ROOM 200000

static unsigned char model[ROOM], got[ROOM];
static unsigned size;
static unsigned long long state;

static unsigned below(unsigned n)
{
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(state >> 33) % n;
}

static int wrong(const char *what, unsigned at, unsigned step)
{
    printf("fsx: %s differs at %u of %u, step %u (errno %d)\n", what, at, size, step, errno);
    return 0;
}

static void fill(unsigned at, unsigned n)
{
    unsigned char seed = (unsigned char)below(256);
    if (at > size) memset(model + size, 0, at - size);
    for (unsigned i = at; i < at + n; i++) model[i] = (unsigned char)(seed + i * 13 + i / 256);
    if (at + n > size) size = at + n;
}

static int compare(const unsigned char *data, unsigned at, unsigned n, const char *what, unsigned step)
{
    for (unsigned i = 0; i < n; i++)
        if (data[i] != model[at + i]) return wrong(what, at + i, step);
    return 1;
}

/* Through a shared map of the whole file: reads a part, changes a part. */
static int map_step(int fd, unsigned at, unsigned n, unsigned step)
{
    if (at >= size) return 1;
    if (at + n > size) n = size - at;
    unsigned char *map = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) return wrong("mmap", at, step);
    int good = compare(map + at, at, n, "map", step);
    fill(at, n);
    memcpy(map + at, model + at, n);
    if (below(2) && msync(map, size, below(2) ? MS_SYNC : MS_ASYNC)) good = wrong("msync", at, step);
    munmap(map, size);
    return good;
}

static int one_step(int *fd, const char *path, unsigned step)
{
    unsigned at = below(ROOM - 40000), n = 1 + below(below(4) ? 5000 : 39999);
    ssize_t done;
    switch (below(10)) {
    case 0:
    case 1:
        done = pread(*fd, got, n, at);
        if (done != (at >= size ? 0 : (ssize_t)(at + n > size ? size - at : n))) return wrong("length read", at, step);
        return compare(got, at, (unsigned)done, "read", step);
    case 2:
    case 3:
    case 4: fill(at, n); return pwrite(*fd, model + at, n, at) == (ssize_t)n || wrong("write", at, step);
    case 5:
        if (size + n > ROOM) return 1;
        at = size;
        fill(at, n);
        return (lseek(*fd, 0, SEEK_END) == (off_t)at && write(*fd, model + at, n) == (ssize_t)n) ||
               wrong("append", at, step);
    case 6:
        if (at > size) memset(model + size, 0, at - size);
        size = at;
        return ftruncate(*fd, at) == 0 || wrong("truncate", at, step);
    case 7: return map_step(*fd, at, n, step);
    case 8: return (below(2) ? fsync(*fd) : fdatasync(*fd)) == 0 || wrong("fsync", at, step);
    default:
        close(*fd);
        *fd = open(path, O_RDWR);
        struct stat st;
        return (*fd >= 0 && fstat(*fd, &st) == 0 && st.st_size == (off_t)size) || wrong("size", at, step);
    }
}

/* The file stays there, with the content of `model`. */
static int random_work(const char *path, unsigned seed, unsigned steps)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644), good = fd >= 0;
    state = seed, size = 0;
    for (unsigned step = 0; step < steps && good; step++) good = one_step(&fd, path, step);
    close(fd);
    return good;
}

static int same_content(const char *path)
{
    int fd = open(path, O_RDONLY);
    ssize_t n = pread(fd, got, sizeof got, 0);
    close(fd);
    return n == (ssize_t)size && compare(got, 0, size, "content", 0);
}

/* Several at once, each with a file of its own; one of them stays for whoever looks later. */
static void processes(const char *folder, unsigned steps)
{
    char path[100];
    int status, good = 0;
    for (unsigned i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/fsx%u", folder, i);
        if (fork() == 0) _exit(!(random_work(path, 100 + i, steps) && same_content(path) && unlink(path) == 0));
    }
    while (wait(&status) > 0) good += status == 0;
    CHECK(good == 4);
}

static void holes(const char *folder)
{
    static const off_t places[] = {0,         31 * 4096,          32 * 4096 - 3, 1056ll * 4096 - 2,
                                   5ll << 30, (5ll << 30) + 4094, 3ll << 40};
    char path[100], text[8], zero[8] = "";
    snprintf(path, sizeof path, "%s/holes", folder);
    int fd = open(path, O_RDWR | O_CREAT, 0644);
    unsigned count = sizeof places / sizeof places[0];
    for (unsigned i = 0; i < count; i++) CHECK(pwrite(fd, "holes!!", 8, places[i]) == 8);
    fsync(fd);
    for (unsigned i = 0; i < count; i++) CHECK(pread(fd, text, 8, places[i]) == 8 && !memcmp(text, "holes!!", 8));
    CHECK(pread(fd, text, 8, 4ll << 30) == 8 && !memcmp(text, zero, 8));
    struct stat st;
    CHECK(fstat(fd, &st) == 0 && st.st_size == places[count - 1] + 8 && st.st_blocks < 400);
    CHECK(ftruncate(fd, 5ll << 30) == 0 && ftruncate(fd, 6ll << 30) == 0);
    CHECK(pread(fd, text, 8, 5ll << 30) == 8 && !memcmp(text, zero, 8));
    close(fd);
    CHECK(unlink(path) == 0);
}

static void full_disk(const char *folder)
{
    char path[100];
    static char block[65536];
    snprintf(path, sizeof path, "%s/full", folder);
    int fd = open(path, O_RDWR | O_CREAT, 0644);
    ssize_t n;
    memset(block, 'x', sizeof block);
    while ((n = write(fd, block, sizeof block)) > 0) {
    }
    CHECK(n < 0 && errno == ENOSPC);
    CHECK(fsync(fd) == 0);
    off_t end = lseek(fd, 0, SEEK_END);
    CHECK(end > 0 && pread(fd, block, 1, end - 1) == 1 && block[0] == 'x');
    close(fd);
    CHECK(unlink(path) == 0);
}

static void no_inodes(const char *folder)
{
    char path[100];
    int made = 0;
    for (;; made++) {
        snprintf(path, sizeof path, "%s/i%d", folder, made);
        int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0644);
        if (fd < 0) break;
        close(fd);
    }
    CHECK(errno == ENOSPC && made > 100);
    while (made-- > 0) {
        snprintf(path, sizeof path, "%s/i%d", folder, made);
        if (unlink(path)) break;
    }
    CHECK(made == -1);
}

static void on_disk(unsigned steps)
{
    struct statfs before, after;
    mkdir("/mnt", 0755);
    CHECK(mount("/dev/vda", "/mnt", "kfs", 0, 0) == 0);
    CHECK(mkdir("/mnt/random", 0755) == 0);
    sync();
    CHECK(statfs("/mnt", &before) == 0);
    processes("/mnt/random", steps);
    holes("/mnt/random");
    full_disk("/mnt/random");
    no_inodes("/mnt");
    CHECK(random_work("/mnt/random/kept", 7, steps));
    CHECK(umount("/mnt") == 0 && mount("/dev/vda", "/mnt", "kfs", 0, 0) == 0);
    CHECK(same_content("/mnt/random/kept"));
    CHECK(unlink("/mnt/random/kept") == 0);
    sync();
    CHECK(statfs("/mnt", &after) == 0);
    CHECK(before.f_ffree == after.f_ffree);
    printf("free blocks: %lu before, %lu after\n", (unsigned long)before.f_bfree, (unsigned long)after.f_bfree);
    CHECK(before.f_bfree - after.f_bfree <= 8); /* directories keep the blocks they have grown by */
    CHECK(umount("/mnt") == 0);
}

int main(int argc, char **argv)
{
    unsigned steps = argc > 1 ? (unsigned)atoi(argv[1]) : 300;
    processes("/tmp", steps);
    CHECK(random_work("/tmp/kept", 3, steps) && same_content("/tmp/kept"));
    if (getpid() == 1 && access("/dev/vda", F_OK) == 0) on_disk(steps);
    return finish();
}
