/*
 * writeback.c - what the buffer cache saves: disk writes counted (/proc/diskstats) while one block is written many times, with write-back and with
 * write-through, with periodic flush and without. For Kepler, as the first process, with a KFS disk /dev/vda.
 */
#include "check.h"
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define TIMES 50

static unsigned long disk_writes(void)
{
    char line[256];
    unsigned long writes = 0;
    FILE *f = fopen("/proc/diskstats", "r");
    while (f && fgets(line, sizeof line, f))
        if (strstr(line, " vda ")) sscanf(line, "%*u %*u vda %*u %*u %*u %*u %lu", &writes);
    if (f) fclose(f);
    return writes;
}

static void policy(const char *family, const char *choice)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/policy/%s", family);
    int fd = open(path, O_WRONLY);
    CHECK(fd >= 0 && write(fd, choice, strlen(choice)) == (ssize_t)strlen(choice));
    close(fd);
}

/* Disk writes while the block is written many times, and `seconds` after. */
static unsigned long work(int fd, unsigned seconds)
{
    char block[4096];
    sync();
    unsigned long before = disk_writes();
    for (int i = 0; i < TIMES; i++) {
        memset(block, i, sizeof block);
        CHECK(pwrite(fd, block, sizeof block, 0) == sizeof block);
    }
    sleep(seconds);
    return disk_writes() - before;
}

int main(void)
{
    mkdir("/mnt", 0755), mkdir("/proc", 0755);
    mount("none", "/proc", "proc", 0, 0);
    CHECK(mount("/dev/vda", "/mnt", "kfs", 0, 0) == 0);
    int fd = open("/mnt/file", O_RDWR | O_CREAT, 0644);
    unsigned long back = work(fd, 0);
    policy("write", "through");
    unsigned long through = work(fd, 0);
    policy("write", "back");
    unsigned long flushed = work(fd, 14);
    policy("flush", "off");
    unsigned long kept = work(fd, 14);
    policy("flush", "on");
    printf("%d writes of one block: %lu disk writes with write-back, %lu with write-through; after 14 s %lu, without "
           "periodic flush %lu\n",
           TIMES, back, through, flushed, kept);
    CHECK(back <= 2 && through >= TIMES && flushed >= 1 && flushed < TIMES / 2 && kept == 0);
    close(fd);
    CHECK(umount("/mnt") == 0);
    return finish();
}
