/*
 * fstress.c - many processes at random work in one tree of a KFS disk: deep paths, renames of files and directories across it, exchanges, hard and
 * symbolic links, sparse files, shared maps, deleted files that are still open, one log that all append to; then all of them on a
 * full disk. No call may fail with an error that such work cannot give. Afterwards the tree is consistent (names and link counts), the
 * log has every record that was written, and when all is deleted as many blocks, inodes, open files and frames are free as before.
 *
 * As the first process: on /dev/vda, mounted on /mnt. Elsewhere: below the folder given. usage: fstress [STEPS [FOLDER]]
 */
#define _GNU_SOURCE
#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>

#define WORKERS 8
#define DEPTH   5

static const char *folder = "/mnt";
static unsigned long long state;
static unsigned worker, step, log_records;
static int log_fd, failed;

static unsigned below(unsigned n)
{
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(state >> 33) % n;
}

/* The result of a call; errors that random work on a shared tree may give are none. */
static long ok(const char *what, long result)
{
    static const int usual[] = {ENOENT, EEXIST, ENOTDIR, EISDIR, ENOTEMPTY, ENOSPC, EINVAL,
                                ELOOP,  EPERM,  ENXIO,   EMLINK, ESPIPE,    EAGAIN};
    if (result >= 0) return result;
    for (unsigned i = 0; i < sizeof usual / sizeof usual[0]; i++)
        if (errno == usual[i]) return result;
    printf("fstress: worker %u, step %u: %s: errno %d\n", worker, step, what, errno);
    fflush(stdout);
    failed = 1;
    return result;
}

static void random_path(char path[200])
{
    int at = snprintf(path, 200, "%s/t", folder);
    for (unsigned depth = 1 + below(DEPTH); depth--;) {
        static const char *const long_part = "_a_name_that_makes_a_directory_need_more_than_one_block_sooner";
        unsigned name = below(7);
        at +=
            snprintf(path + at, 200 - (size_t)at, "/%c%s", 'a' + (char)name, name == 6 && depth == 0 ? long_part : "");
    }
}

/* The path with all the folders that lead to it. */
static void make_path(void)
{
    char path[200];
    random_path(path);
    for (char *at = path + strlen(folder) + 3; (at = strchr(at, '/')); at++) {
        *at = 0;
        ok("mkdir", mkdir(path, 0755));
        *at = '/';
    }
    ok("mkdir", mkdir(path, 0755));
}

static int open_random(int flags)
{
    char path[200];
    random_path(path);
    return (int)ok("open", open(path, flags | O_NONBLOCK, 0644));
}

static off_t random_place(void)
{
    return below(10) ? (off_t)below(150000)
                     : (off_t)below(1000) << (12 + below(20)); /* now and then far behind a hole */
}

static void write_op(void)
{
    static char data[9000];
    int flags[] = {O_CREAT, O_CREAT | O_TRUNC, O_CREAT | O_EXCL, O_APPEND, O_DSYNC};
    int fd = open_random(O_RDWR | flags[below(5)]);
    if (fd < 0) return;
    memset(data, 'a' + (int)worker, sizeof data);
    for (unsigned n = below(4); n--;) ok("write", pwrite(fd, data, 1 + below(sizeof data - 1), random_place()));
    if (!below(4)) ok("fsync", below(2) ? fsync(fd) : fdatasync(fd));
    close(fd);
}

static void read_op(void)
{
    char data[5000], path[200];
    struct stat st;
    random_path(path);
    ok("stat", below(2) ? stat(path, &st) : lstat(path, &st));
    ok("readlink", readlink(path, data, sizeof data));
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        if (entry->d_ino == 0) failed = 1;
    if (directory) closedir(directory);
    int fd = open_random(O_RDONLY);
    if (fd >= 0) ok("read", pread(fd, data, sizeof data, random_place()));
    if (fd >= 0) close(fd);
}

static void map_op(void)
{
    int fd = open_random(O_RDWR);
    struct stat st;
    if (fd < 0) return;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= 4096) {
        char *map = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED) ok("mmap", -1);
        /* Others may shorten the file meanwhile, and the disk may be full; SIGBUS is right then. So the store is a system call's. */
        errno = 0;
        if (map != MAP_FAILED && pread(fd, map + below(4000), 64, 0) < 0 && errno != EFAULT) ok("store", -1);
        if (map != MAP_FAILED) munmap(map, 4096);
    }
    close(fd);
}

/* A file without a name lives as long as it is open. */
static void orphan_op(void)
{
    char path[200], data[100] = "";
    int pipefd[2], fd;
    snprintf(path, sizeof path, "%s/orphan%u", folder, worker);
    fd = (int)ok("open", open(path, O_RDWR | O_CREAT | O_TRUNC, 0600));
    if (fd < 0 || pipe(pipefd)) return;
    ok("unlink", unlink(path));
    for (unsigned n = 0; n < 5; n++) ok("write", pwrite(fd, data, sizeof data, random_place()));
    close(fd), close(pipefd[0]), close(pipefd[1]);
}

static void log_op(void)
{
    char text[65];
    snprintf(text, sizeof text, "%03u %08u %50s\n", worker, log_records, "");
    if (ok("log", write(log_fd, text, 64)) == 64) log_records++;
}

static void name_op(void)
{
    char from[200], to[200];
    random_path(from);
    random_path(to);
    switch (below(9)) {
    case 0:
    case 1: ok("rename", rename(from, to)); break;
    case 2: ok("rename", renameat2(AT_FDCWD, from, AT_FDCWD, to, below(2) ? RENAME_EXCHANGE : RENAME_NOREPLACE)); break;
    case 3: ok("link", link(from, to)); break;
    case 4: ok("symlink", symlink(below(2) ? from : "../../b/c", to)); break;
    case 5: ok("unlink", unlink(from)); break;
    case 6: ok("rmdir", rmdir(from)); break;
    case 7: ok("mknod", mknod(from, S_IFIFO | 0600, 0)); break;
    default: ok("chmod", chmod(from, 0600 + below(64))); break;
    }
}

static void one_step(void)
{
    char path[200];
    random_path(path);
    switch (below(16)) {
    case 0:
    case 1:
    case 2: make_path(); break;
    case 3:
    case 4:
    case 5: write_op(); break;
    case 6: ok("truncate", truncate(path, random_place())); break;
    case 7: read_op(); break;
    case 8: map_op(); break;
    case 9: log_op(); break;
    case 10: below(4) ? orphan_op() : (void)(below(8) ? 0 : (sync(), 0)); break;
    default: name_op(); break;
    }
}

static void work(unsigned number, unsigned seed, unsigned steps, int report)
{
    char path[100];
    worker = number, state = seed * 1000 + number;
    snprintf(path, sizeof path, "%s/log", folder);
    log_fd = open(path, O_WRONLY | O_APPEND);
    for (step = 0; step < steps && !failed; step++) one_step();
    write(report, &log_records, sizeof log_records);
    _exit(failed || log_fd < 0);
}

/* Records of each worker: in order, none missing, none torn. */
static int log_is_right(unsigned long wanted)
{
    char path[100], text[65] = "";
    unsigned next[WORKERS] = {0}, number, record;
    unsigned long found = 0;
    snprintf(path, sizeof path, "%s/log", folder);
    FILE *file = fopen(path, "r");
    for (; file && fread(text, 64, 1, file) == 1; found++) {
        if (text[63] != '\n' || sscanf(text, "%u %u", &number, &record) != 2 || number >= WORKERS ||
            record != next[number]++)
            return printf("fstress: log record %lu is wrong: %s\n", found, text), 0;
    }
    if (file) fclose(file);
    if (found != wanted) printf("fstress: %lu log records, %lu were written\n", found, wanted);
    return found == wanted;
}

/* Names of every file that has several. */
static struct seen {
    ino_t inode;
    nlink_t links, names;
} seen[20000];
static unsigned seen_count;

static int wrong(const char *path, unsigned long got, unsigned long wanted)
{
    printf("fstress: %s has %lu names, its inode says %lu (errno %d)\n", path, wanted, got, errno);
    return 0;
}

static void see(const struct stat *st)
{
    unsigned i = 0;
    while (i < seen_count && seen[i].inode != st->st_ino) i++;
    if (i == sizeof seen / sizeof seen[0]) return;
    if (i == seen_count) seen[seen_count++] = (struct seen){st->st_ino, st->st_nlink, 0};
    seen[i].names++;
}

/* Looks at the tree below the path, or deletes it. */
static int walk(const char *path, int clear)
{
    char below_it[1000];
    struct stat st;
    int good = 1;
    nlink_t folders = 2;
    DIR *directory = opendir(path);
    if (!directory) return 0;
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        snprintf(below_it, sizeof below_it, "%s/%s", path, entry->d_name);
        if (lstat(below_it, &st)) good = wrong(below_it, 0, 1);
        if (st.st_ino != entry->d_ino) good = 0;
        if (S_ISDIR(st.st_mode)) good &= walk(below_it, clear), folders++;
        if (clear && (S_ISDIR(st.st_mode) ? rmdir(below_it) : unlink(below_it))) good = 0;
        if (!clear && !S_ISDIR(st.st_mode)) see(&st);
    }
    closedir(directory);
    if (!clear && (stat(path, &st) || st.st_nlink != folders)) good = wrong(path, st.st_nlink, folders);
    return good;
}

static int links_are_right(void)
{
    int good = 1;
    for (unsigned i = 0; i < seen_count; i++)
        if (seen[i].links != seen[i].names) good = wrong("a file", seen[i].links, seen[i].names);
    return good;
}

/* Every process fills the disk and deletes what it has written, again and again. */
static void fill(unsigned number)
{
    static char data[30000];
    char path[100];
    int full = 0;
    worker = number, state = number + 99;
    for (step = 0; step < 60; step++) {
        snprintf(path, sizeof path, "%s/t/full%u.%u", folder, number, below(6));
        if (below(3) == 0) ok("unlink", unlink(path));
        int fd = (int)ok("open", open(path, O_WRONLY | O_CREAT | O_APPEND, 0644));
        for (int n = 0; fd >= 0 && n < 20; n++)
            if (ok("write", write(fd, data, sizeof data)) < 0) full = 1;
        if (fd >= 0 && !below(3)) ok("fsync", fsync(fd));
        if (fd >= 0) close(fd);
    }
    _exit(failed || !full);
}

static long open_files(void)
{
    char text[200] = "";
    long count = 0;
    int fd = open("/proc/filetables", O_RDONLY);
    if (fd >= 0 && read(fd, text, sizeof text - 1) > 0) sscanf(text, "open files %ld", &count);
    if (fd >= 0) close(fd);
    return count;
}

static long free_kib(void)
{
    struct sysinfo info;
    sysinfo(&info);
    return (long)((info.freeram + info.bufferram) / 1024 * info.mem_unit);
}

static void one_round(unsigned seed, unsigned steps)
{
    char path[100];
    int status, good = 0, report[2];
    unsigned records;
    unsigned long all = 0;
    struct statfs before, after;
    sync();
    CHECK(statfs(folder, &before) == 0);
    long files = open_files();
    snprintf(path, sizeof path, "%s/log", folder);
    close(open(path, O_WRONLY | O_CREAT, 0644));
    snprintf(path, sizeof path, "%s/t", folder);
    CHECK(mkdir(path, 0755) == 0 && pipe(report) == 0);
    for (unsigned i = 0; i < WORKERS; i++)
        if (fork() == 0) work(i, seed, steps, report[1]);
    while (wait(&status) > 0) good += status == 0;
    CHECK(good == WORKERS);
    for (unsigned i = 0; i < WORKERS; i++)
        all += read(report[0], &records, sizeof records) == sizeof records ? records : 0;
    close(report[0]), close(report[1]);
    CHECK(log_is_right(all));
    seen_count = 0;
    CHECK(walk(path, 0) && links_are_right());
    printf("round %u: %lu log records, %u files\n", seed, all, seen_count);
    for (unsigned i = 0; i < WORKERS; i++)
        if (fork() == 0) fill(i);
    for (good = 0; wait(&status) > 0;) good += status == 0;
    CHECK(good == WORKERS);
    CHECK(walk(path, 1) && rmdir(path) == 0);
    snprintf(path, sizeof path, "%s/log", folder);
    CHECK(unlink(path) == 0);
    sync();
    CHECK(statfs(folder, &after) == 0);
    printf("free before and after: %lu, %lu blocks; %lu, %lu inodes; open files %ld, %ld\n",
           (unsigned long)before.f_bfree, (unsigned long)after.f_bfree, (unsigned long)before.f_ffree,
           (unsigned long)after.f_ffree, files, open_files());
    CHECK(before.f_bfree == after.f_bfree && before.f_ffree == after.f_ffree);
    CHECK(files == open_files());
}

int main(int argc, char **argv)
{
    unsigned steps = argc > 1 ? (unsigned)atoi(argv[1]) : 1000;
    long first = 0, last = 0;
    if (argc > 2) folder = argv[2];
    if (getpid() == 1) {
        mkdir("/mnt", 0755), mkdir("/proc", 0755);
        CHECK(mount("none", "/proc", "proc", 0, 0) == 0 && open_files() > 0);
    }
    for (unsigned round = 1; round <= 3; round++) {
        if (getpid() == 1) CHECK(mount("/dev/vda", "/mnt", "kfs", 0, 0) == 0);
        one_round(round, steps);
        if (getpid() == 1) CHECK(umount("/mnt") == 0);
        last = free_kib();
        if (round == 1) first = last;
        printf("round %u: %ld KiB free\n", round, last);
    }
    CHECK(getpid() != 1 || last >= first - 256); /* slabs keep a frame or two */
    return finish();
}
