/*
 * kfsraces.c - the limits of KFS, and several processes at the same few names at once: what one is doing must not be lost in what the other does.
 * Afterwards as many blocks and inodes are free as before; the check then runs fsck.kfs on the disk.
 *
 * As the first process, with an empty disk on /dev/vda and a second one on /dev/vdb. usage: kfsraces [ROUNDS]
 */
#define _GNU_SOURCE
#include "check.h"
#include "races.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>

#define FAILS(call, number) CHECK((errno = 0, (call) == -1) && errno == (number))
#define PAGE                4096l

static unsigned rounds = 200;

static void drop_caches(void)
{
    sync();
    int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);
    CHECK(fd >= 0 && write(fd, "3\n", 2) == 2);
    close(fd);
}

/* --- limits */

static void names_and_paths(void)
{
    static char path[5000], text[300];
    memset(text, 'n', 256);
    text[256] = 0;
    FAILS(mkdir(text, 0700), ENAMETOOLONG);
    FAILS(rename("/mnt", text), ENAMETOOLONG);
    text[255] = 0;
    CHECK(mkdir(text, 0700) == 0 && rename(text, "short") == 0 && rename("short", text) == 0);
    CHECK(rmdir(text) == 0);
    memset(path, '/', sizeof path); /* 4095 bytes and a NUL are a path, 4096 are none */
    memcpy(path + 4095 - 1, "f", 2);
    CHECK(mknod(path, S_IFREG | 0600, 0) == 0 && unlink(path) == 0);
    memcpy(path + 4096 - 1, "f", 2);
    FAILS(mknod(path, S_IFREG | 0600, 0), ENAMETOOLONG);
    memset(path, 't', 4095);
    path[4095] = 0;
    CHECK(symlink(path, "text") == 0 && readlink("text", path, sizeof path) == 4095 && unlink("text") == 0);
    path[4095] = 't', path[4096] = 0;
    FAILS(symlink(path, "text"), ENAMETOOLONG);
    CHECK(mknod("end", S_IFREG | 0600, 0) == 0);
    for (int i = 0; i < 41; i++) { /* 40 links are followed, 41 are not */
        char name[20], to[20];
        snprintf(name, sizeof name, "l%d", i);
        snprintf(to, sizeof to, i ? "l%d" : "end", i - 1);
        CHECK(symlink(to, name) == 0);
    }
    struct stat st;
    CHECK(stat("l39", &st) == 0);
    FAILS(stat("l40", &st), ELOOP);
    CHECK(lstat("l40", &st) == 0);
    for (int i = 0; i < 41; i++) {
        snprintf(text, sizeof text, "l%d", i);
        CHECK(unlink(text) == 0);
    }
    CHECK(unlink("end") == 0);
}

static void moves(void)
{
    CHECK(mkdir("a", 0755) == 0 && mkdir("a/b", 0755) == 0 && mkdir("a/b/c", 0755) == 0 && mkdir("e", 0755) == 0);
    FAILS(rename("a", "a/b"), EINVAL);
    FAILS(rename("a", "a/b/c/d"), EINVAL);
    FAILS(rename("a/b/c", "a"), ENOTEMPTY);
    FAILS(renameat2(AT_FDCWD, "a", AT_FDCWD, "a/b/c", RENAME_EXCHANGE), EINVAL);
    FAILS(renameat2(AT_FDCWD, "a/b/c", AT_FDCWD, "a", RENAME_EXCHANGE), EINVAL);
    FAILS(rename("a/.", "x"), EBUSY);
    FAILS(rename("a/b/..", "x"), EBUSY);
    CHECK(renameat2(AT_FDCWD, "a/b", AT_FDCWD, "e", RENAME_EXCHANGE) == 0);
    struct stat st;
    CHECK(stat("e/c", &st) == 0 && stat("a", &st) == 0 && st.st_nlink == 3);
    CHECK(rename("e/c", "a/b") == 0 && rmdir("e") == 0);
    int fd = open("a/b", O_RDONLY | O_DIRECTORY);
    CHECK(fd >= 0 && rmdir("a/b") == 0);
    FAILS(mkdirat(fd, "x", 0755), ENOENT);
    FAILS(openat(fd, "x", O_CREAT | O_RDWR, 0600), ENOENT);
    CHECK(fstat(fd, &st) == 0 && st.st_nlink == 0);
    close(fd);
    CHECK(rmdir("a") == 0);
}

static void sparse(void)
{
    struct stat st;
    char byte = 0;
    int fd = open("sparse", O_RDWR | O_CREAT, 0600);
    CHECK(pwrite(fd, "x", 1, 5l << 30) == 1 && pwrite(fd, "y", 1, (4096l << 30) - 1) == 1 && fsync(fd) == 0);
    CHECK(fstat(fd, &st) == 0 && st.st_size == 4096l << 30);
    CHECK(st.st_blocks ==
          8 * 7); /* two blocks, and to each a path of 3 blocks of pointers, of which the first is the same */
    drop_caches();
    CHECK(pread(fd, &byte, 1, 5l << 30) == 1 && byte == 'x');
    CHECK(pread(fd, &byte, 1, (5l << 30) + PAGE) == 1 && byte == 0);
    CHECK(pread(fd, &byte, 1, (4096l << 30) - 1) == 1 && byte == 'y');
    FAILS(ftruncate(fd, 4200l << 30), EFBIG);
    FAILS(pwrite(fd, "z", 1, 4200l << 30), EFBIG);
    FAILS(pwrite(fd, "z", 1, -1), EINVAL);
    CHECK(ftruncate(fd, (5l << 30) + 1) == 0 && fsync(fd) == 0 && fstat(fd, &st) == 0);
    CHECK(st.st_blocks == 8 * 4);
    CHECK(ftruncate(fd, 0) == 0 && fsync(fd) == 0 && fstat(fd, &st) == 0 && st.st_blocks == 0);
    close(fd);
    CHECK(unlink("sparse") == 0);
}

static long free_blocks(void)
{
    struct statfs info;
    sync();
    return statfs("/mnt", &info) ? -1 : (long)info.f_bfree;
}

/* The disk fills in the middle of a write: it is cut short, and what it said it wrote is there. */
static void full_disk(void)
{
    static char data[300000], again[300000];
    long before = free_blocks();
    off_t size = 0;
    ssize_t n;
    memset(data, 'd', sizeof data);
    int fd = open("fill", O_RDWR | O_CREAT, 0600);
    while ((n = write(fd, data, sizeof data)) > 0) size += n;
    CHECK(n == -1 && errno == ENOSPC && size % (off_t)sizeof data);
    struct stat st;
    CHECK(fstat(fd, &st) == 0 && st.st_size == size && fsync(fd) == 0);
    CHECK(free_blocks() <= 3);
    drop_caches();
    int wrong = 0;
    for (off_t at = 0; at < size; at += n) {
        n = pread(fd, again, sizeof again, at);
        if (n <= 0 || memcmp(again, data, (size_t)n)) wrong++;
        if (n <= 0) break;
    }
    CHECK(!wrong);
    CHECK(pwrite(fd, "over", 4, 100) == 4 && fsync(fd) == 0); /* what has blocks needs none */
    int small = open("small", O_RDWR | O_CREAT, 0600);        /* an inode there is, and perhaps a last block */
    while (small >= 0 && write(small, data, 1) == 1 && fstat(small, &st) == 0 && st.st_size < 20 * PAGE) continue;
    close(small);
    unlink("small");
    close(fd);
    CHECK(unlink("fill") == 0 && free_blocks() == before);
}

static sigjmp_buf back;
static void on_bus(int number) { siglongjmp(back, number); }

static void cut_under_map(void)
{
    int fd = open("map", O_RDWR | O_CREAT, 0600);
    CHECK(ftruncate(fd, 8 * PAGE) == 0);
    volatile char *map = mmap(0, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    for (int i = 0; i < 8; i++) map[i * PAGE] = 'm', map[i * PAGE + 3000] = 'm';
    CHECK(ftruncate(fd, 2 * PAGE + 100) == 0);
    signal(SIGBUS, on_bus);
    CHECK(map[2 * PAGE] == 'm' && map[2 * PAGE + 3000] == 0);
    map[2 * PAGE + 3000] = 's'; /* behind the end: seen by nobody when the file grows */
    int caught = sigsetjmp(back, 1);
    if (!caught) map[3 * PAGE] = 'x';
    CHECK(caught == SIGBUS);
    CHECK(ftruncate(fd, 8 * PAGE) == 0);
    char data[4];
    CHECK(pread(fd, data, 1, 2 * PAGE + 3000) == 1 && data[0] == 0 && map[5 * PAGE] == 0);
    signal(SIGBUS, SIG_DFL);
    munmap((void *)(uintptr_t)map, 8 * PAGE);
    close(fd);
    CHECK(unlink("map") == 0);
}

/* --- races: the children do the same thing until the parent is through */

/* An empty directory is replaced while somebody puts a file into it: one of them must fail. */
static void put_in(unsigned step)
{
    int fd = open("to/new", O_CREAT | O_RDWR, 0600);
    if (fd >= 0) close(fd);
    if (step % 3 == 0) unlink("to/new");
}
static void replace_directory(void)
{
    CHECK(mkdir("to", 0755) == 0);
    start(put_in);
    unsigned replaced = 0;
    for (unsigned i = 0; i < rounds * 4; i++) {
        mkdir("from", 0755);
        if (rename("from", "to") == 0)
            replaced++;
        else if (errno != ENOTEMPTY && errno != EEXIST)
            CHECK(!"rename");
        unlink("to/new");
    }
    stop();
    CHECK(replaced);
    unlink("to/new");
    rmdir("from");
    CHECK(rmdir("to") == 0);
}

/* A file gets and loses names while one of them is replaced: its links are counted. */
static void link_it(unsigned step)
{
    char name[20];
    (void)step;
    snprintf(name, sizeof name, "d/%d", getpid());
    link("many", name);
    unlink(name);
}
static void count_links(void)
{
    struct stat st;
    CHECK(mkdir("d", 0755) == 0 && mknod("many", S_IFREG | 0600, 0) == 0);
    start(link_it);
    start(link_it);
    for (unsigned i = 0; i < rounds * 4; i++) {
        CHECK(link("many", "victim") == 0 && mknod("other", S_IFREG | 0600, 0) == 0 && rename("other", "victim") == 0);
        unlink("victim");
    }
    stop();
    for (int i = 0; i < 1000; i++) {
        char name[20];
        snprintf(name, sizeof name, "d/%d", i);
        unlink(name);
    }
    CHECK(stat("many", &st) == 0 && st.st_nlink == 1);
    CHECK(unlink("many") == 0 && rmdir("d") == 0);
}

/* Directories move about between two others, in circles if that were possible; a file and a directory change places, and are linked. */
static void move_about(unsigned step)
{
    static const char *const place[] = {"p", "p/q", "p/q/r", "s", "s/q", "p/r", "s/q/p", "p/s"};
    rename(place[(step * 7 + (unsigned)getpid()) % 8], place[(step * 5 + step / 8) % 8]);
    if (step % 16 == 0) mkdir("p", 0755), mkdir("p/q", 0755), mkdir("s", 0755), mkdir("s/q", 0755);
}
static void exchange_and_link(unsigned step)
{
    if (getpid() % 2)
        renameat2(AT_FDCWD, "file", AT_FDCWD, "folder", RENAME_EXCHANGE);
    else
        link(step % 2 ? "file" : "folder", step % 3 ? "folder/f" : "file/f"), unlink("folder/f"), unlink("file/f");
}
static void remove_all(const char *path)
{
    static const char *const names[] = {"p", "q", "r", "s", "f", "file", "folder"};
    char inner[300];
    if (strlen(path) > 100) return;
    for (unsigned i = 0; i < 7; i++) {
        struct stat st;
        snprintf(inner, sizeof inner, "%s/%s", path, names[i]);
        if (lstat(inner, &st)) continue;
        if (S_ISDIR(st.st_mode)) remove_all(inner);
        CHECK((S_ISDIR(st.st_mode) ? rmdir(inner) : unlink(inner)) == 0);
    }
}
static void circles(void)
{
    CHECK(mkdir("folder", 0755) == 0 && mknod("file", S_IFREG | 0600, 0) == 0);
    start(move_about);
    start(move_about);
    start(exchange_and_link);
    start(exchange_and_link);
    for (unsigned i = 0; i < rounds; i++) {
        rename("p/q", "s/q");
        rename("s", "p/q/r");
        renameat2(AT_FDCWD, "file", AT_FDCWD, "folder", RENAME_EXCHANGE);
        usleep(1000);
    }
    stop();
    remove_all(".");
}

/* A file is cut while its first pages are being written for the first time: they keep their blocks. */
static void keep_syncing(unsigned step)
{
    (void)step;
    sync();
}
static void cut_while_written(void)
{
    static char data[100 * 4096], again[60 * 4096];
    memset(data, 'w', sizeof data);
    start(keep_syncing);
    for (unsigned i = 0; i < rounds / 2; i++) {
        int fd = open("cut", O_RDWR | O_CREAT | O_TRUNC, 0600);
        CHECK(pwrite(fd, data, 5 * PAGE, 0) == 5 * PAGE);
        if (i % 2) fsync(fd);
        CHECK(pwrite(fd, data, 95 * PAGE, 5 * PAGE) == 95 * PAGE && ftruncate(fd, 60 * PAGE) == 0);
        CHECK(fsync(fd) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
        CHECK(pread(fd, again, sizeof again, 0) == (ssize_t)sizeof again && !memcmp(again, data, sizeof again));
        struct stat st;
        CHECK(fstat(fd, &st) == 0 && st.st_blocks == 8 * 61);
        close(fd);
    }
    stop();
    unlink("cut");
}

/* Readers at the end of a file that is cut and grows: zeros or what was written there, never what was cut off before. */
static void read_end(unsigned step)
{
    static char data[40 * 4096];
    int fd = open("grow", O_RDONLY);
    (void)step;
    read(fd, data, sizeof data);
    close(fd);
}
static void cut_and_grow(void)
{
    static char data[40 * 4096], again[40 * 4096];
    memset(data, 'g', sizeof data);
    int fd = open("grow", O_RDWR | O_CREAT, 0600);
    start(read_end);
    start(read_end);
    for (unsigned i = 0; i < rounds; i++) {
        CHECK(pwrite(fd, data, sizeof data, 0) == (ssize_t)sizeof data);
        if (i % 4 == 0) fsync(fd), posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        CHECK(ftruncate(fd, 1000) == 0 && ftruncate(fd, sizeof data) == 0);
        CHECK(pread(fd, again, sizeof again, 0) == (ssize_t)sizeof again);
        int old = 0;
        for (size_t k = 1000; k < sizeof again; k++) old += again[k] != 0;
        CHECK(!old);
    }
    stop();
    close(fd);
    unlink("grow");
}

/* A write ends at a page that is not there, and meanwhile what it has written goes to the disk: with its size. */
static int midway;
static void sync_midway(unsigned step)
{
    (void)step;
    fdatasync(midway);
}
static void cut_short(void)
{
    char *data = mmap(0, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(munmap(data + 2 * PAGE, PAGE) == 0);
    memset(data, 'c', 2 * PAGE);
    midway = open("midway", O_RDWR | O_CREAT, 0600);
    start(sync_midway);
    start(sync_midway);
    unsigned lost = 0;
    for (unsigned i = 0; i < rounds * 2; i++) {
        struct stat st;
        CHECK(ftruncate(midway, 0) == 0);
        CHECK(pwrite(midway, data, 3 * PAGE, 0) == 2 * PAGE);
        if (i % 4) continue;
        stop();
        CHECK(fsync(midway) == 0);
        close(midway);
        drop_caches();
        lost += stat("midway", &st) || st.st_size != 2 * PAGE;
        midway = open("midway", O_RDWR);
        start(sync_midway);
        start(sync_midway);
    }
    stop();
    CHECK(!lost);
    close(midway);
    munmap(data, 2 * PAGE);
    CHECK(unlink("midway") == 0);
}

/* A file grows by write() while somebody stores behind its old end, as soon as it is there, through a map. */
static void store_at_end(unsigned step)
{
    static volatile char *map;
    (void)step;
    if (!map) map = mmap(0, 200 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, midway, 0);
    signal(SIGBUS, on_bus);
    for (volatile int i = 0; i < 200; i++)
        if (!sigsetjmp(back, 1)) map[i * PAGE + PAGE - 1] = 's';
}
static void append_and_store(void)
{
    static char data[50000], again[200 * 4096];
    memset(data, 'a', sizeof data);
    midway = open("midway", O_RDWR | O_CREAT, 0600);
    start(store_at_end);
    start(store_at_end);
    long wrong = 0;
    for (unsigned i = 0; i < rounds; i++) {
        CHECK(ftruncate(midway, 0) == 0);
        size_t size = 0;
        for (size_t n; size + sizeof data < sizeof again; size += n)
            if ((n = (size_t)pwrite(midway, data, sizeof data - size % 1000 - i, (off_t)size)) > sizeof data) break;
        CHECK(pread(midway, again, size, 0) == (ssize_t)size);
        for (size_t k = 0; k < size; k++) wrong += again[k] != 'a' && k % 4096 != 4095;
    }
    stop();
    CHECK(!wrong);
    close(midway);
    CHECK(unlink("midway") == 0);
}

/* Another disk is mounted and unmounted while others sync, look at it and want to unmount it as well. */
static void look_at_other(unsigned step)
{
    struct stat st;
    struct statfs info;
    stat("/other/f", &st);
    statfs("/other", &info);
    if (step % 2) sync();
}
static void unmount_too(unsigned step)
{
    (void)step;
    umount("/other");
    usleep(300);
}
static void mounts(void)
{
    unsigned mounted = 0;
    mkdir("/other", 0755);
    start(look_at_other);
    start(unmount_too);
    for (unsigned i = 0; i < rounds / 2; i++) {
        if (mount("/dev/vdb", "/other", "kfs", 0, 0) == 0)
            mounted++;
        else
            CHECK(errno == EBUSY);
        int fd = open("/other/f", O_RDWR | O_CREAT, 0600);
        if (fd >= 0) write(fd, "f", 1), close(fd);
        umount("/other");
    }
    stop();
    while (umount("/other") == 0) continue;
    CHECK(mounted);
}

int main(int count, char **words)
{
    struct statfs before, after;
    if (count > 1 && atoi(words[1]) > 0) rounds = (unsigned)atoi(words[1]);
    mkdir("/mnt", 0755), mkdir("/proc", 0755);
    mount("proc", "/proc", "proc", 0, 0);
    CHECK(mount("/dev/vda", "/mnt", "kfs", 0, 0) == 0 && chdir("/mnt") == 0 && statfs("/mnt", &before) == 0);
    static const struct part {
        const char *name;
        void (*run)(void);
    } parts[] = {{"names", names_and_paths}, {"moves", moves},       {"sparse", sparse},
                 {"full", full_disk},        {"map", cut_under_map}, {"replace", replace_directory},
                 {"links", count_links},     {"circles", circles},   {"cut", cut_while_written},
                 {"grow", cut_and_grow},     {"short", cut_short},   {"store", append_and_store},
                 {"mounts", mounts}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && !checks_failed; i++) {
        parts[i].run();
        sync();
        CHECK(statfs("/mnt", &after) == 0 && after.f_ffree == before.f_ffree && after.f_bfree == before.f_bfree);
        printf("%s: %ld blocks, %ld inodes missing\n", parts[i].name, (long)(before.f_bfree - after.f_bfree),
               (long)(before.f_ffree - after.f_ffree));
    }
    CHECK(chdir("/") == 0 && umount("/mnt") == 0);
    return finish();
}
