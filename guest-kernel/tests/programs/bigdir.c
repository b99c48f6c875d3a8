/*
 * bigdir.c - a directory with very many names, all of one file: adding, finding and removing the last ones takes about as long as the first; each
 * is there once, also after the disk was mounted again. As the first process, with a KFS disk /dev/vda. usage: bigdir [NAMES]
 */
#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>

#define PART 2000

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const char *name_of(unsigned i)
{
    static char path[100];
    snprintf(path, sizeof path, "/mnt/big/name-%u-of-many", i * 7919 % 1000003);
    return path;
}

static int add(unsigned i) { return link("/mnt/file", name_of(i)); }
static int find(unsigned i) { return access(name_of(i), F_OK); }
static int find_none(unsigned i) { return access(name_of(i + 500000), F_OK) == 0 || errno != ENOENT; }
static int take(unsigned i) { return unlink(name_of(i)); }

/* Does it with all names; the time of the first PART and of the last are of one kind. */
static void all(const char *what, int (*step)(unsigned), unsigned count)
{
    double start = now(), first = 0, last = 0;
    unsigned wrong = 0;
    for (unsigned i = 0; i < count; i++) {
        if (i == PART) first = now() - start;
        if (i == count - PART) last = now();
        if (step(i) && wrong++ == 0) printf("%s %u: errno %d\n", what, i, errno);
    }
    last = now() - last;
    printf("%s %u names: %.2f s; the first %u in %.3f s, the last in %.3f s\n", what, count, now() - start, PART, first,
           last);
    CHECK(wrong == 0 && last < 5 * first + 0.05);
}

static unsigned names(void)
{
    unsigned count = 0;
    DIR *directory = opendir("/mnt/big");
    for (struct dirent *entry; directory && (entry = readdir(directory));) count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

int main(int argc, char **argv)
{
    unsigned count = argc > 1 ? (unsigned)atoi(argv[1]) : 20000;
    mkdir("/mnt", 0755);
    CHECK(mount("/dev/vda", "/mnt", "kfs", 0, 0) == 0);
    close(open("/mnt/file", O_RDWR | O_CREAT, 0644));
    CHECK(mkdir("/mnt/big", 0755) == 0);
    all("add", add, count);
    CHECK(add(0) != 0 && errno == EEXIST);
    all("find", find, count);
    CHECK(umount("/mnt") == 0 && mount("/dev/vda", "/mnt", "kfs", 0, 0) == 0);
    CHECK(names() == count);
    all("find none of", find_none, count);
    all("remove", take, count);
    CHECK(names() == 0 && find(0) != 0);
    CHECK(add(1) == 0 && find(1) == 0 && rmdir("/mnt/big") != 0 && take(1) == 0 && rmdir("/mnt/big") == 0);
    CHECK(umount("/mnt") == 0);
    return finish();
}
