/*
 * mountraces.c - mounting, unmounting, moving mounts and exchanging roots, while others use the same directories, files and disks: each call
 * happens or is refused, nothing is used after it has gone.
 *
 * As the first process, with a KFS on /dev/vda and a second one on /dev/vdb. usage: mountraces [ROUNDS]
 */
#define _GNU_SOURCE
#include "check.h"
#include "races.h"
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static unsigned rounds = 200;

static bool unmount(const char *path)
{
    for (int i = 0; i < 10000; i++) {
        if (umount(path) == 0) return true;
        if (errno != EBUSY) return false;
        sched_yield();
    }
    return false;
}
static void write_word(const char *path, const char *word)
{
    int fd = open(path, O_WRONLY);
    if (fd >= 0) write(fd, word, strlen(word)), close(fd);
}
static void read_all(const char *path)
{
    char data[2000];
    int fd = open(path, O_RDONLY);
    while (fd >= 0 && read(fd, data, sizeof data) > 0) continue;
    close(fd);
}

/* A disk is unmounted while the active-file table is emptied: files that are on their way out are still being written. */
static void drop_unused(unsigned step) { write_word("/proc/sys/vm/drop_caches", step % 4 ? "2\n" : "3\n"); }
static void list_mounts(unsigned step) { read_all(step % 2 ? "/proc/mounts" : "/proc/self/mountinfo"); }
static void unused_files(void)
{
    static char data[40000];
    unsigned mounted = 0;
    start(drop_unused);
    start(drop_unused);
    start(list_mounts);
    for (unsigned i = 0; i < rounds; i++) {
        if (mount("/dev/vdb", "/other", "kfs", 0, 0)) continue;
        mounted++;
        for (unsigned k = 0; k < 8; k++) {
            char name[20];
            snprintf(name, sizeof name, "/other/f%u", k);
            int fd = open(name, O_RDWR | O_CREAT, 0600);
            CHECK(fd >= 0 && write(fd, data, sizeof data) == sizeof data);
            close(fd);
        }
        if (i % 8 == 0) CHECK(unlink("/other/f3") == 0);
        CHECK(unmount("/other"));
    }
    stop();
    CHECK(mounted == rounds);
    CHECK(mount("/dev/vdb", "/other", "kfs", 0, 0) == 0);
    struct stat st;
    CHECK(stat("/other/f5", &st) == 0 && st.st_size == sizeof data);
    CHECK(unmount("/other"));
}

/* A tmpfs with somebody walking about in it is busy, or it is not; files in it stay as long as they are open. */
static void walk_about(unsigned step)
{
    struct stat st;
    stat(step % 2 ? "/other/a/b/c/d/e" : "/other/a/b/../b/c/../../..", &st);
    int fd = step % 3 ? -1 : open("/other/a/b/c/d/e", O_RDWR);
    if (fd < 0) return;
    char byte = 'x';
    if (pwrite(fd, &byte, 1, 5000) != 1 || pread(fd, &byte, 1, 5000) != 1) abort();
    close(fd);
}
static void memory_tree(void)
{
    start(walk_about);
    start(walk_about);
    start(list_mounts);
    for (unsigned i = 0; i < rounds; i++) {
        CHECK(mount("none", "/other", "tmpfs", 0, 0) == 0 && mkdir("/other/a", 0755) == 0);
        CHECK(mkdir("/other/a/b", 0755) == 0 && mkdir("/other/a/b/c", 0755) == 0 && mkdir("/other/a/b/c/d", 0755) == 0);
        int fd = open("/other/a/b/c/d/e", O_RDWR | O_CREAT, 0600);
        CHECK(fd >= 0);
        close(fd);
        if (i % 4 == 0) sched_yield();
        CHECK(unmount("/other"));
    }
    stop();
}

/* One directory is removed and replaced, mounted on, moved to: after a mount it is there until the unmount. */
static void remake(unsigned step)
{
    if (mkdir("place", 0755) == 0) return;
    if (step % 3) rmdir("place");
    mkdir("spare", 0755);
    rename("spare", "place");
}
static void cover_in(const char *directory)
{
    unsigned mounted = 0, moved = 0;
    CHECK(chdir(directory) == 0);
    start(remake);
    start(remake);
    for (unsigned i = 0; i < rounds * 10; i++) {
        if (mount("none", "place", "tmpfs", 0, 0) == 0) {
            mounted++;
            for (unsigned k = 0; k < i % 50; k++) sched_yield();
            CHECK(rmdir("place") == -1 && errno == EBUSY);
            CHECK(unmount("place"));
        } else {
            CHECK(errno == ENOENT);
        }
        CHECK(mount("none", "/from", "tmpfs", 0, 0) == 0);
        bool there = mount("/from", "place", 0, MS_MOVE, 0) == 0;
        CHECK(there || errno == ENOENT);
        moved += there;
        CHECK(unmount(there ? "place" : "/from"));
    }
    stop();
    rmdir("place"), rmdir("spare");
    CHECK(mounted && moved && chdir("/") == 0);
}
static void cover_memory(void) { cover_in("/"); }
static void cover_disk(void) { cover_in("/mnt"); }

/* Who is made by fork while the root is exchanged has the new one afterwards. Status 0 if all have. */
static int fork_until(int pipe_in, int ready)
{
    int wrong = 0, status, made = 0;
    char byte;
    write(ready, "r", 1);
    for (; made < 24; made++) {
        if (fork()) continue;
        struct stat st;
        while (read(pipe_in, &byte, 1) > 0) continue;
        _exit(stat("/this-is-new", &st) ? 1 : 0);
    }
    while (wait(&status) > 0) wrong += status != 0;
    return wrong != 0;
}
static int exchange_root(unsigned step)
{
    int ends[2], ready[2], status = 1;
    char byte;
    if (chroot("/pv") || chdir("/") || pipe(ends) || pipe(ready)) return 2;
    pid_t pid = fork();
    if (!pid) {
        close(ends[1]);
        _exit(fork_until(ends[0], ready[1]));
    }
    read(ready[0], &byte, 1);
    for (volatile unsigned i = 0; i < step % 16 * 20000; i++) continue;
    if (syscall(SYS_pivot_root, "/new", "/new/old")) return 3;
    close(ends[0]), close(ends[1]);
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
}
static void roots(void)
{
    for (unsigned i = 0; i < rounds / 4; i++) {
        CHECK(mount("none", "/pv", "tmpfs", 0, 0) == 0 && mkdir("/pv/new", 0755) == 0);
        CHECK(mount("none", "/pv/new", "tmpfs", 0, 0) == 0 && mkdir("/pv/new/old", 0755) == 0);
        CHECK(mkdir("/pv/new/this-is-new", 0755) == 0);
        int status = -1;
        pid_t pid = fork();
        if (!pid) _exit(exchange_root(i));
        waitpid(pid, &status, 0);
        CHECK(status == 0);
        CHECK(unmount("/pv/old") && unmount("/pv"));
    }
}

/* The partition table is read again while pages of the parts are being written. */
static void keep_syncing(unsigned step)
{
    (void)step;
    sync();
}
static void put_entry(unsigned char *at, unsigned first, unsigned sectors)
{
    at[4] = 0x83;
    for (int i = 0; i < 4; i++)
        at[8 + i] = (unsigned char)(first >> 8 * i), at[12 + i] = (unsigned char)(sectors >> 8 * i);
}
static void parts(void)
{
    static char data[65536], again[65536];
    static unsigned char table[512];
    int disk = open("/dev/vdb", O_RDWR), part;
    start(keep_syncing);
    start(keep_syncing);
    for (unsigned i = 0; i < rounds; i++) {
        unsigned first = 1024 + i % 7 * 256;
        put_entry(table + 446, first, 2048);
        put_entry(table + 462, first + 2048, 2048);
        table[510] = 0x55, table[511] = 0xaa;
        CHECK(pwrite(disk, table, sizeof table, 0) == sizeof table && fsync(disk) == 0 && ioctl(disk, BLKRRPART) == 0);
        CHECK((part = open("/dev/vdb1", O_RDWR)) >= 0);
        memset(data, (int)(1 + i % 200), sizeof data);
        CHECK(pwrite(part, data, sizeof data, 8192) == sizeof data);
        CHECK(ioctl(disk, BLKRRPART) == -1 && errno == EBUSY);
        close(part);
        CHECK(ioctl(disk, BLKRRPART) == 0 && ioctl(disk, BLKFLSBUF) == 0);
        CHECK(pread(disk, again, sizeof again, first * 512 + 8192) == sizeof again &&
              !memcmp(data, again, sizeof data));
    }
    stop();
    CHECK((part = open("/dev/vdb1", O_RDWR)) >= 0);
    int on = 1, off = 0, is = -1;
    CHECK(ioctl(disk, BLKROSET, &on) == 0 && ioctl(part, BLKROGET, &is) == 0 && is == 1);
    CHECK(pwrite(part, data, 10, 0) == -1 && errno == EPERM);
    CHECK(mount("/dev/vdb1", "/other", "kfs", 0, 0) == -1 && errno == EACCES);
    CHECK(ioctl(part, BLKROSET, &off) == 0 && ioctl(part, BLKROGET, &is) == 0 && is == 1);
    CHECK(ioctl(disk, BLKROSET, &off) == 0 && ioctl(part, BLKROGET, &is) == 0 && is == 0);
    CHECK(pwrite(part, data, 10, 0) == 10);
    CHECK(ioctl(part, BLKROSET, &on) == 0 && ioctl(disk, BLKROGET, &is) == 0 && is == 0);
    CHECK(pwrite(part, data, 10, 0) == -1 && errno == EPERM && pwrite(disk, data, 10, 4000 * 512) == 10);
    CHECK(ioctl(part, BLKROSET, &off) == 0 && fsync(part) == 0);
    close(part), close(disk);
}

int main(int count, char **words)
{
    if (count > 1 && atoi(words[1]) > 0) rounds = (unsigned)atoi(words[1]);
    static const char *const directories[] = {"/mnt", "/proc", "/dev", "/other", "/from", "/pv"};
    for (unsigned i = 0; i < 6; i++) mkdir(directories[i], 0755);
    mount("proc", "/proc", "proc", 0, 0), mount("dev", "/dev", "devtmpfs", 0, 0);
    CHECK(mount("/dev/vda", "/mnt", "kfs", 0, 0) == 0);
    static const struct part {
        const char *name;
        void (*run)(void);
    } all[] = {{"unused files", unused_files},
               {"memory tree", memory_tree},
               {"cover in memory", cover_memory},
               {"cover on disk", cover_disk},
               {"roots", roots},
               {"parts", parts}};
    for (size_t i = 0; i < sizeof all / sizeof all[0] && !checks_failed; i++) {
        all[i].run();
        printf("%s: %d\n", all[i].name, checks_failed);
    }
    CHECK(umount("/mnt") == 0);
    return finish();
}
