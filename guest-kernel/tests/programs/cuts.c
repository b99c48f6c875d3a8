/* cuts.c - work on the root file system whose every write is recorded (cuts.h). Marks go to the block device /dev/vda2. */
#define _GNU_SOURCE
#include "check.h"
#include "cuts.h"
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

static int marks, directory;

/* Written out, but not by a FLUSH: that would help the file system. */
static void mark(unsigned stage)
{
    uint64_t block[512] = {CUTS_MAGIC, stage};
    CHECK(pwrite(marks, block, sizeof block, 0) == sizeof block);
    CHECK(ioctl(marks, 0x1261 /* BLKFLSBUF */, 0) == 0);
}

static void fill(int fd, unsigned step, unsigned from, unsigned bytes)
{
    unsigned char data[16384];
    for (unsigned i = 0; i < bytes; i++) data[i] = cuts_byte(step, from + i);
    CHECK(pwrite(fd, data, bytes, from) == (ssize_t)bytes);
}

static void step(unsigned k)
{
    char a[32], b[32], c[32];
    snprintf(a, sizeof a, "/w/a%u", k);
    snprintf(b, sizeof b, "/w/b%u", k);
    snprintf(c, sizeof c, "/w/c%u", k);
    int fd = open(a, O_RDWR | O_CREAT | O_EXCL, 0644);
    CHECK(fd >= 0);
    fill(fd, k, 0, cuts_size(k));
    CHECK(fsync(fd) == 0);
    mark(k * CUTS_STAGES + 1);
    CHECK(rename(a, b) == 0);
    CHECK(fsync(directory) == 0);
    mark(k * CUTS_STAGES + 2);
    CHECK(link(b, c) == 0);
    fill(fd, k, cuts_size(k), CUTS_GROWTH);
    CHECK(fdatasync(fd) == 0);
    mark(k * CUTS_STAGES + 3);
    close(fd);
    if (k < 3) return;
    snprintf(b, sizeof b, "/w/b%u", k - 3);
    snprintf(c, sizeof c, "/w/c%u", k - 3);
    CHECK(truncate(b, 100) == 0 && unlink(b) == 0 && unlink(c) == 0);
    sync();
    mark(k * CUTS_STAGES + 4);
}

int main(void)
{
    marks = open("/dev/vda2", O_RDWR);
    CHECK(marks >= 0);
    CHECK(mkdir("/w", 0755) == 0);
    directory = open("/w", O_RDONLY | O_DIRECTORY);
    for (unsigned k = 0; k < CUTS_STEPS; k++) step(k);
    return finish();
}
