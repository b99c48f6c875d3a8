/*
 * files.c - files as programs see them: errors and results that Linux gives, on the root file system, on /proc, and on a KFS disk if
 * there is one. The same program run on Linux (in a writable directory, as root) says the same.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wstringop-overflow" /* wild arguments are the point */
#pragma GCC diagnostic ignored "-Wstringop-overread"
static int passed, failed;

static void check(int good, const char *what, int line)
{
    if (good) {
        passed++;
        return;
    }
    failed++;
    printf("line %d: %s (errno %d)\n", line, what, errno);
}
#define OK(condition)       check(condition, #condition, __LINE__)
#define FAILS(call, number) check((errno = 0, (call) == -1 && errno == (number)), #call " wants " #number, __LINE__)

static void names(void)
{
    struct stat a, b;
    char text[300];
    OK(mkdir("d", 0755) == 0);
    FAILS(mkdir("d", 0755), EEXIST);
    FAILS(mkdir("none/d", 0755), ENOENT);
    int fd = open("d/f", O_RDWR | O_CREAT | O_EXCL, 0644);
    OK(fd >= 0);
    FAILS(open("d/f", O_RDWR | O_CREAT | O_EXCL, 0644), EEXIST);
    FAILS(open("d/f/x", O_RDONLY), ENOTDIR);
    FAILS(open("d", O_WRONLY), EISDIR);
    FAILS(open("d/f", O_RDONLY | O_DIRECTORY), ENOTDIR);
    FAILS(open("d/new/", O_RDWR | O_CREAT, 0644), EISDIR);
    OK(write(fd, "hello", 5) == 5);
    OK(link("d/f", "d/g") == 0);
    OK(stat("d/f", &a) == 0 && stat("d/g", &b) == 0 && a.st_ino == b.st_ino && a.st_nlink == 2 && a.st_size == 5);
    FAILS(link("d", "e"), EPERM);
    FAILS(link("d/f", "d/g"), EEXIST);
    OK(symlink("f", "d/s") == 0);
    OK(readlink("d/s", text, sizeof text) == 1 && text[0] == 'f');
    OK(lstat("d/s", &a) == 0 && S_ISLNK(a.st_mode) && a.st_size == 1);
    OK(stat("d/s", &a) == 0 && S_ISREG(a.st_mode));
    OK(symlink("loop", "loop") == 0);
    FAILS(open("loop", O_RDONLY), ELOOP);
    FAILS(open("d/s", O_RDONLY | O_NOFOLLOW), ELOOP);
    OK(symlink("d/made", "dangling") == 0);
    int through = open("dangling", O_RDWR | O_CREAT, 0600);
    OK(through >= 0 && close(through) == 0 && access("d/made", F_OK) == 0);
    memset(text, 'n', 256);
    text[256] = 0;
    FAILS(mkdir(text, 0700), ENAMETOOLONG);
    text[255] = 0;
    OK(mkdir(text, 0700) == 0 && rmdir(text) == 0);
    FAILS(rmdir("d"), ENOTEMPTY);
    FAILS(rmdir("d/f"), ENOTDIR);
    FAILS(unlink("d"), EISDIR);
    FAILS(unlink("d/none"), ENOENT);
    FAILS(rmdir("d/."), EINVAL);
    FAILS(rename("d", "d/below"), EINVAL);
    OK(mkdir("e", 0755) == 0 && rename("d/g", "e/h") == 0);
    FAILS(rename("e", "d"), ENOTEMPTY);
    FAILS(rename("d/f", "e"), EISDIR);
    FAILS(rename("e", "d/f"), ENOTDIR);
    OK(mkdir("d/sub", 0755) == 0 && stat("d", &a) == 0 && a.st_nlink == 3);
    OK(rename("d/sub", "e/sub") == 0 && stat("d", &a) == 0 && a.st_nlink == 2 && stat("e", &b) == 0 && b.st_nlink == 3);
    OK(stat("e/sub/..", &a) == 0 && a.st_ino == b.st_ino);
    OK(renameat2(AT_FDCWD, "d/f", AT_FDCWD, "e/h", RENAME_NOREPLACE) == -1 && errno == EEXIST);
    OK(chdir("e/sub") == 0 && getcwd(text, sizeof text) && strstr(text, "/e/sub") && chdir("../..") == 0);
    OK(unlink("d/f") == 0 && fstat(fd, &a) == 0 && a.st_nlink == 1);
    OK(unlink("e/h") == 0 && fstat(fd, &a) == 0 && a.st_nlink == 0);
    OK(pread(fd, text, 5, 0) == 5 && !memcmp(text, "hello", 5) && close(fd) == 0);
    OK(unlink("loop") == 0 && unlink("dangling") == 0 && unlink("d/s") == 0 && unlink("d/made") == 0);
    OK(rmdir("e/sub") == 0 && rmdir("e") == 0 && rmdir("d") == 0);
}

static void content(void)
{
    char a[64], b[64];
    int fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0644);
    OK(write(fd, "0123456789", 10) == 10 && lseek(fd, -4, SEEK_END) == 6 && read(fd, a, 10) == 4 && a[0] == '6');
    FAILS(lseek(fd, -1, SEEK_SET), EINVAL);
    FAILS(lseek(fd, 0, 99), EINVAL);
    OK(pwrite(fd, "x", 1, 100000) == 1 && lseek(fd, 0, SEEK_END) == 100001);
    OK(pread(fd, a, 8, 50000) == 8 && !memcmp(a, "\0\0\0\0\0\0\0\0", 8));
    OK(ftruncate(fd, 5) == 0 && pread(fd, a, 10, 0) == 5 && ftruncate(fd, 20) == 0 && pread(fd, a, 20, 0) == 20 &&
       !a[5]);
    FAILS(ftruncate(fd, -1), EINVAL);
    struct iovec v[3] = {{a, 3}, {0, 0}, {b, 60}};
    OK(lseek(fd, 0, SEEK_SET) == 0 && readv(fd, v, 3) == 20 && a[0] == '0' && b[0] == '3');
    FAILS(readv(fd, v, -1), EINVAL);
    OK(lseek(fd, 0, SEEK_SET) == 0);
    FAILS((int)read(fd, (void *)8, 4), EFAULT);
    FAILS((int)write(fd, (void *)8, 4), EFAULT);
    FAILS((int)read(99, a, 1), EBADF);
    int append = open("f", O_WRONLY | O_APPEND);
    OK(write(append, "end", 3) == 3 && lseek(append, 0, SEEK_CUR) == 23 && close(append) == 0);
    int reader = open("f", O_RDONLY);
    FAILS((int)write(reader, "x", 1), EBADF);
    OK(close(reader) == 0);
    OK(lseek(fd, 1, SEEK_SET) == 1);
    int copy = dup(fd);
    OK(lseek(copy, 0, SEEK_CUR) == 1 && lseek(copy, 7, SEEK_SET) == 7 && lseek(fd, 0, SEEK_CUR) == 7);
    OK(fcntl(fd, F_DUPFD_CLOEXEC, 50) == 50 && fcntl(50, F_GETFD) == FD_CLOEXEC && close(50) == 0);
    FAILS(dup3(fd, fd, 0), EINVAL);
    OK(dup2(fd, 60) == 60 && close(60) == 0);
    OK(fsync(fd) == 0 && fdatasync(fd) == 0);
    char *map = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    OK(map != MAP_FAILED && map[0] == '0');
    map[1] = 'M';
    OK(pread(fd, a, 2, 0) == 2 && a[1] == 'M' && pwrite(fd, "Q", 1, 2) == 1 && map[2] == 'Q' && munmap(map, 4096) == 0);
    int other = open("g", O_RDWR | O_CREAT | O_TRUNC, 0644);
    off_t at = 3;
    OK(sendfile(other, fd, &at, 100) == 20 && at == 23 && unlink("g") == 0 && close(other) == 0);
    OK(unlink("f") == 0 && close(fd) == 0 && close(copy) == 0);
}

/* Enough to need single and double indirection: 32 + 1024 blocks and more, with holes. */
static void large(void)
{
    static char block[4096], back[4096];
    int fd = open("large", O_RDWR | O_CREAT | O_TRUNC, 0644), good = 1;
    for (long n = 0; n < 300 && good; n++) {
        memset(block, (int)n + 1, sizeof block);
        good = pwrite(fd, block, sizeof block, n * 17 * 4096) == sizeof block;
    }
    OK(good && fsync(fd) == 0);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    for (long n = 0; n < 300 && good; n++) {
        memset(block, (int)n + 1, sizeof block);
        good = pread(fd, back, sizeof back, n * 17 * 4096) == sizeof back && !memcmp(block, back, sizeof back);
    }
    OK(good);
    OK(pread(fd, back, 16, 4096 * 5) == 16 && !back[0]);
    OK(ftruncate(fd, 4096 * 40) == 0 && fsync(fd) == 0 && close(fd) == 0 && unlink("large") == 0);
}

static void directories(void)
{
    char name[32];
    int seen = 0, good = mkdir("many", 0755) == 0;
    for (int i = 0; i < 600 && good; i++) {
        snprintf(name, sizeof name, "many/file-number-%d", i);
        int fd = open(name, O_CREAT | O_WRONLY, 0600);
        good = fd >= 0 && close(fd) == 0;
    }
    OK(good);
    DIR *d = opendir("many");
    while (d && readdir(d)) seen++;
    OK(d && seen == 602);
    closedir(d);
    for (int i = 0; i < 600 && good; i++) {
        snprintf(name, sizeof name, "many/file-number-%d", i);
        good = unlink(name) == 0;
    }
    OK(good && rmdir("many") == 0);
}

/* A file's times are the clock's, however long the system has been running. */
static void times(void)
{
    struct stat st;
    struct timespec before, after;
    usleep(100000);
    clock_gettime(CLOCK_REALTIME, &before);
    int fd = open("t", O_RDWR | O_CREAT, 0666);
    OK(write(fd, "x", 1) == 1 && fstat(fd, &st) == 0);
    clock_gettime(CLOCK_REALTIME, &after);
    double from = (double)before.tv_sec + (double)before.tv_nsec * 1e-9,
           to = (double)after.tv_sec + (double)after.tv_nsec * 1e-9;
    double changed = (double)st.st_mtim.tv_sec + (double)st.st_mtim.tv_nsec * 1e-9;
    OK(from - 0.02 <= changed && changed <= to); /* Linux looks at a clock that ticks */
    OK(unlink("t") == 0 && close(fd) == 0);
}

static void attributes(void)
{
    struct stat st;
    struct timespec times[2] = {{1000, 5}, {2000, 6}};
    int fd = open("a", O_RDWR | O_CREAT, 0666);
    OK(fchmod(fd, 04711) == 0 && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 04711);
    OK(fchown(fd, 7, 8) == 0 && fstat(fd, &st) == 0 && st.st_uid == 7 && st.st_gid == 8 &&
       (st.st_mode & 07777) == 0711);
    OK(futimens(fd, times) == 0 && fstat(fd, &st) == 0 && st.st_atime == 1000 && st.st_mtim.tv_nsec == 6);
    OK(chmod("a", 0600) == 0);
    if (fork() == 0) {
        if (setgid(1000) || setuid(1000)) _exit(9);
        _exit(open("a", O_RDONLY) == -1 && errno == EACCES && unlink("a") == -1 && errno == EACCES ? 0 : 1);
    }
    int status;
    OK(wait(&status) > 0 && status == 0);
    OK(mknod("fifo", S_IFIFO | 0600, 0) == 0 && stat("fifo", &st) == 0 && S_ISFIFO(st.st_mode));
    FAILS(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
    OK(unlink("fifo") == 0 && unlink("a") == 0 && close(fd) == 0);
    struct statfs fs;
    OK(statfs(".", &fs) == 0 && fs.f_bsize == 4096 && fs.f_blocks > 0);
}

static void pipes(void)
{
    int p[2], status;
    char text[100];
    OK(pipe(p) == 0);
    FAILS((int)lseek(p[0], 0, SEEK_SET), ESPIPE);
    struct pollfd fds[2] = {{p[0], POLLIN, 0}, {p[1], POLLOUT, 0}};
    OK(poll(fds, 2, 0) == 1 && fds[1].revents == POLLOUT && !fds[0].revents);
    OK(write(p[1], "abc", 3) == 3 && poll(fds, 1, -1) == 1 && read(p[0], text, 100) == 3);
    OK(fcntl(p[0], F_SETFL, O_NONBLOCK) == 0);
    FAILS((int)read(p[0], text, 1), EAGAIN);
    OK(fcntl(p[0], F_SETFL, 0) == 0);
    if (fork() == 0) {
        close(p[0]);
        for (int i = 0; i < 50000; i++)
            if (write(p[1], "0123456789", 10) != 10) _exit(1);
        _exit(0);
    }
    close(p[1]);
    long total = 0, n;
    static char big[10000];
    while ((n = read(p[0], big, sizeof big)) > 0) total += n;
    OK(total == 500000 && wait(&status) > 0 && status == 0);
    OK(poll(fds, 1, 0) == 1 && (fds[0].revents & POLLHUP) && close(p[0]) == 0);
    signal(SIGPIPE, SIG_IGN);
    OK(pipe(p) == 0 && close(p[0]) == 0);
    FAILS((int)write(p[1], "x", 1), EPIPE);
    OK(close(p[1]) == 0);
}

static void locks(void)
{
    int fd = open("lock", O_RDWR | O_CREAT, 0600), status;
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 10};
    OK(fcntl(fd, F_SETLK, &l) == 0);
    if (fork() == 0) {
        int mine = open("lock", O_RDWR);
        struct flock m = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 15, .l_len = 1};
        int busy = fcntl(mine, F_SETLK, &m) == -1 && errno == EAGAIN;
        int told = fcntl(mine, F_GETLK, &m) == 0 && m.l_type == F_WRLCK && m.l_pid == getppid() && m.l_start == 10;
        int flocked = flock(mine, LOCK_EX | LOCK_NB) == 0;
        m = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 30};
        _exit(busy && told && flocked && fcntl(mine, F_SETLK, &m) == 0 ? 0 : 1);
    }
    OK(wait(&status) > 0 && status == 0);
    l.l_type = F_UNLCK;
    OK(fcntl(fd, F_SETLK, &l) == 0 && unlink("lock") == 0 && close(fd) == 0);
}

static void everything(const char *where)
{
    OK(chdir(where) == 0);
    names();
    content();
    large();
    directories();
    attributes();
    times();
    locks();
}

static int mounts_say(const char *wanted)
{
    char text[4096] = "";
    int fd = open("/proc/mounts", O_RDONLY);
    int found = fd >= 0 && read(fd, text, sizeof text - 1) > 10 && strstr(text, wanted) != 0;
    close(fd);
    return found;
}

/* /proc/mounts says where things are now, as seen from the process's root. */
static void mount_paths(void)
{
    int status;
    OK(mkdir("/tmp/m 1", 0755) == 0 && mkdir("/tmp/m 1/m", 0755) == 0 && mkdir("/tmp/m 1/proc", 0755) == 0);
    OK(mount("it", "/tmp/m 1/m", "tmpfs", 0, 0) == 0 && mount("none", "/tmp/m 1/proc", "proc", 0, 0) == 0);
    OK(mounts_say("it /tmp/m\\0401/m tmpfs "));
    OK(rename("/tmp/m 1", "/tmp/m2") == 0);
    OK(mounts_say("it /tmp/m2/m tmpfs "));
    if (fork() == 0) _exit(chroot("/tmp/m2") || !mounts_say("it /m tmpfs ") || mounts_say("/tmp") || mounts_say(" / "));
    OK(wait(&status) > 0 && status == 0);
    OK(umount("/tmp/m2/m") == 0 && umount("/tmp/m2/proc") == 0);
    OK(rmdir("/tmp/m2/m") == 0 && rmdir("/tmp/m2/proc") == 0 && rmdir("/tmp/m2") == 0);
}

static void proc(void)
{
    char text[4096] = "";
    OK(mount("none", "/proc", "proc", 0, 0) == 0 || errno == EBUSY);
    int fd = open("/proc/self/stat", O_RDONLY);
    OK(fd >= 0 && read(fd, text, sizeof text - 1) > 50 && atoi(text) == getpid() && close(fd) == 0);
    fd = open("/proc/meminfo", O_RDONLY);
    OK(fd >= 0 && read(fd, text, sizeof text - 1) > 50 && !strncmp(text, "MemTotal:", 9) && close(fd) == 0);
    fd = open("/proc/mounts", O_RDONLY);
    OK(fd >= 0 && read(fd, text, sizeof text - 1) > 10 && strstr(text, " /proc proc ") && close(fd) == 0);
    OK(readlink("/proc/self", text, sizeof text) > 0 && atoi(text) == getpid());
    OK(readlink("/proc/self/fd/1", text, sizeof text) > 0);
    fd = open("/proc/self/maps", O_RDONLY);
    OK(fd >= 0 && read(fd, text, sizeof text - 1) > 50 && close(fd) == 0);
    FAILS(open("/proc/999999", O_RDONLY), ENOENT);
    DIR *d = opendir("/proc");
    int ones = 0;
    for (struct dirent *e; d && (e = readdir(d));) ones += !strcmp(e->d_name, "1");
    OK(ones == 1);
    closedir(d);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, 0, _IOLBF, 0);
    everything(argc > 1 ? argv[1] : "/tmp");
    pipes();
    if (getpid() == 1) {
        proc();
        mount_paths();
        mkdir("/mnt", 0755);
        char line[500] = "";
        int fd = open("/proc/cmdline", O_RDONLY);
        OK(fd >= 0 && read(fd, line, sizeof line - 1) > 0 && close(fd) == 0);
        if (access("/dev/vda", F_OK) == 0 && access("/dev/vda1", F_OK) != 0 && !strstr(line, "root=")) {
            OK(mount("/dev/vda", "/mnt", "kfs", 0, 0) == 0);
            FAILS(mount("/dev/vda", "/tmp", "kfs", 0, 0), EBUSY);
            everything("/mnt");
            FAILS(umount("/mnt"), EBUSY);
            OK(chdir("/") == 0 && umount("/mnt") == 0);
            OK(mount("/dev/vda", "/mnt", "kfs", MS_RDONLY, 0) == 0);
            FAILS(open("/mnt/x", O_CREAT | O_WRONLY, 0600), EROFS);
            OK(umount("/mnt") == 0);
        }
    }
    printf("%d passed, %d failed\n", passed, failed);
    if (getpid() == 1) reboot(RB_POWER_OFF);
    return failed != 0;
}
