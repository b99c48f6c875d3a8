/*
 * imagefuzz.c - damaged and hostile KFS disks in the running kernel: a good image (/dev/vda) is damaged at random (tests/hostfs/damage.h) and written to
 * /dev/vdb; that is mounted, and two processes at once walk it, read, map, write, cut, rename and delete what they find. Any errno is right,
 * and so are SIGBUS and a refused mount. Wrong are a panic, a process that does not end, a disk that cannot be unmounted, lost memory.
 *
 * As the first process, with a disk of each. usage: imagefuzz [SEED,IMAGES]
 */
#define _GNU_SOURCE
#include "check.h"
#include "counts.h"
#include "tests/hostfs/damage.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <time.h>

#define DEPTH   12
#define FILES   150 /* looked at by one process */
#define PATIENT 60  /* seconds a process may take */

static unsigned char *good, *bad;
static size_t image_bytes;
static unsigned files_left;
static char last[2048] = "/mnt";

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void read_file(const char *path)
{
    static char data[20000];
    struct stat st;
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st)) return;
    read(fd, data, sizeof data);
    for (int i = 0; st.st_size > 0 && i < 4; i++)
        pread(fd, data, 5000, (off_t)damage_random(0x7fffffff) * damage_random(4096) % st.st_size);
    volatile char *map = mmap(0, 65536, PROT_READ | PROT_WRITE, damage_random(2) ? MAP_PRIVATE : MAP_SHARED, fd, 0);
    for (int i = 0; map != MAP_FAILED && i < 3; i++) (void)map[damage_random(20000)];
    if (map != MAP_FAILED) munmap((void *)(uintptr_t)map, 65536);
    close(fd);
}

static void write_file(const char *path)
{
    static char data[9000];
    int fd = open(path, O_RDWR | O_NONBLOCK | (damage_random(2) ? O_APPEND : 0));
    if (fd < 0) return;
    pwrite(fd, data, 1 + damage_random(sizeof data - 1), damage_random(60000));
    char *map = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED) {
        map[damage_random(2000)] = 1;
        munmap(map, 4096);
    }
    if (damage_random(2)) fsync(fd);
    close(fd);
}

static void change(const char *path)
{
    char text[300];
    struct statfs info;
    switch (damage_random(12)) {
    case 0:
    case 1: write_file(path); break;
    case 2: truncate(path, damage_random(2) ? damage_random(100000) : 0); break;
    case 3: damage_random(2) ? rmdir(path) : unlink(path); break;
    case 4: renameat2(AT_FDCWD, path, AT_FDCWD, last, damage_random(4) ? 0 : RENAME_EXCHANGE); break;
    case 5: link(path, "/mnt/linked"); break;
    case 6: mkdir("/mnt/made", 0755); break;
    case 7: symlink("somewhere", "/mnt/pointer"); break;
    case 8: execl(path, path, (char *)0); break;
    case 9: statfs(path, &info); break;
    case 10: readlink(path, text, sizeof text); break;
    default: sync(); break;
    }
}

static void visit(const char *path, unsigned depth)
{
    DIR *directory = opendir(path);
    if (!directory) {
        read_file(path);
        return;
    }
    char inner[2048];
    for (struct dirent *entry; files_left && (entry = readdir(directory));) {
        if (entry->d_name[0] == '.') continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        files_left--;
        if (depth + 1 < DEPTH) visit(inner, depth + 1);
        if (damage_random(3) == 0) change(inner);
        memcpy(last, inner, sizeof last);
    }
    closedir(directory);
}

static pid_t start_visitor(unsigned long seed)
{
    pid_t child = fork();
    if (child) return child;
    damage_seed(seed);
    files_left = FILES;
    visit("/mnt", 0);
    _exit(0);
}

/* Waits for both. False: one of them hangs. */
static int both_end(unsigned long seed)
{
    double limit = now() + PATIENT;
    int left = 2;
    while (left && now() < limit) {
        if (waitpid(-1, 0, WNOHANG) > 0)
            left--;
        else
            usleep(2000);
    }
    if (left) printf("imagefuzz: seed %lu: a process does not end\n", seed);
    return !left;
}

static int one_image(unsigned long seed, unsigned *mounted)
{
    damage_seed(seed * 0x9e3779b97f4a7c15ull + 1);
    damage(bad);
    int fd = open("/dev/vdb", O_WRONLY),
        written = fd >= 0 && pwrite(fd, bad, image_bytes, 0) == (ssize_t)image_bytes && !fsync(fd);
    if (fd >= 0) close(fd);
    if (!written) return printf("imagefuzz: /dev/vdb cannot be written: errno %d\n", errno), 0;
    if (mount("/dev/vdb", "/mnt", "kfs", damage_random(6) ? 0 : MS_RDONLY, 0)) return 1;
    ++*mounted;
    start_visitor(seed * 2), start_visitor(seed * 2 + 1);
    if (!both_end(seed)) return 0;
    if (damage_random(8) == 0) mount("", "/mnt", "", MS_REMOUNT | MS_RDONLY, 0);
    if (umount("/mnt") == 0) return 1;
    printf("imagefuzz: seed %lu: cannot be unmounted: errno %d\n", seed, errno);
    return 0;
}

static int load_good(void)
{
    int fd = open("/dev/vda", O_RDONLY);
    off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    if (size <= 0) return 0;
    image_bytes = (size_t)size;
    good = malloc(image_bytes), bad = malloc(image_bytes);
    int loaded = good && bad && pread(fd, good, image_bytes, 0) == size;
    close(fd);
    return loaded && damage_start(good, image_bytes);
}

/* Each image has a number of its own. The first ones make the tables grow that only grow; what is held after them is held at the end. */
#define WARM 10

int main(int count, char **words)
{
    unsigned seed = 1, images = 40, mounted = 0, done = 0;
    static struct counts before, after;
    if (count > 1) sscanf(words[1], "%u,%u", &seed, &images);
    mkdir("/mnt", 0755), mount("proc", "/proc", "proc", 0, 0);
    CHECK(load_good());
    for (int right = checks_failed == 0; right && done < images + WARM; done++) {
        if (done == WARM) counts_take(&before, 0);
        right = one_image(seed * 1000000ul + done, &mounted);
        CHECK(right);
        if (done % 20 == 19 || !right)
            printf("images %u of %u, %u mounted\n", done + 1, images + WARM, mounted), fflush(stdout);
    }
    counts_take(&after, 0);
    printf("images %u, %u mounted\n", done, mounted);
    CHECK(mounted && (done < 100 || mounted < done)); /* some are refused */
    CHECK(!counts_differ(&before, &after, 1));
    return finish();
}
