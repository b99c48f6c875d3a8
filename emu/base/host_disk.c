#define _GNU_SOURCE
#include "emu/base/host_disk.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool lock(const struct host_disk *d, const char *what, const char *path, bool read_only, struct err *err)
{
    if (!flock(d->fd, (read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) || errno != EWOULDBLOCK)
        return true; /* not every file system can */
    return err_set(err, "%s %s: another emulator is using it%s", what, path,
                   read_only ? " for writing" : "; use -snapshot or a copy");
}

bool host_disk_open(struct host_disk *d, const char *what, const char *path, bool read_only, struct err *err)
{
    d->fd = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (d->fd < 0)
        return err_set(err, "%s %s: %s%s", what, path, strerror(errno),
                       errno == EACCES && !read_only ? "; readonly=on needs less" : "");
    struct stat st;
    off_t end;
    bool ok = false;
    if (fstat(d->fd, &st) || !(S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)))
        err_set(err, "%s %s: neither a file nor a block device", what, path);
    else if ((end = lseek(d->fd, 0, SEEK_END)) < 0)
        err_set(err, "%s %s: %s", what, path, strerror(errno));
    else
        ok = lock(d, what, path, read_only, err);
    if (!ok) {
        host_disk_close(d);
        return false;
    }
    d->bytes = (uint64_t)end;
    return true;
}

bool host_disk_temporary(struct host_disk *d, uint64_t bytes, struct err *err)
{
    const char *folder = getenv("TMPDIR");
    if (!folder || !*folder) folder = "/var/tmp";
    *d = (struct host_disk){.fd = -1, .bytes = bytes};
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s/orrery-XXXXXX", folder) >= sizeof path)
        return err_set(err, "TMPDIR: the path is too long");
    d->fd = mkostemp(path, O_CLOEXEC);
    if (d->fd < 0) return err_set(err, "%s: %s; set TMPDIR to a folder that can be written", path, strerror(errno));
    unlink(path);
    if (bytes > INT64_MAX || ftruncate(d->fd, (off_t)bytes)) {
        err_set(err, "%s: no temporary file of %" PRIu64 " bytes: %s", folder, bytes, strerror(errno));
        host_disk_close(d);
        return false;
    }
    return true;
}

void host_disk_close(struct host_disk *d)
{
    if (d->fd >= 0) close(d->fd);
    d->fd = -1;
}

typedef ssize_t transfer_fn(int fd, const struct iovec *iov, int n, off_t offset);

/* Repeats until all is done: the host may stop early at any byte. */
static bool transfer(transfer_fn *move, const struct host_disk *d, uint64_t offset, const struct iovec *iov, unsigned n)
{
    assert(n <= HOST_DISK_VECTORS_MAX);
    struct iovec left[HOST_DISK_VECTORS_MAX];
    memcpy(left, iov, n * sizeof *iov);
    for (unsigned i = 0; i < n;) {
        ssize_t moved = move(d->fd, left + i, (int)(n - i), (off_t)offset);
        if (moved < 0 && errno == EINTR) continue;
        if (moved <= 0) return false;
        offset += (uint64_t)moved;
        while (i < n && (size_t)moved >= left[i].iov_len) moved -= (ssize_t)left[i++].iov_len;
        if (i < n) {
            left[i].iov_base = (char *)left[i].iov_base + moved;
            left[i].iov_len -= (size_t)moved;
        }
    }
    return true;
}

bool host_disk_read(const struct host_disk *d, uint64_t offset, const struct iovec *iov, unsigned n)
{
    return transfer(preadv, d, offset, iov, n);
}

bool host_disk_write(const struct host_disk *d, uint64_t offset, const struct iovec *iov, unsigned n)
{
    return transfer(pwritev, d, offset, iov, n);
}

bool host_disk_sync(const struct host_disk *d) { return fdatasync(d->fd) == 0; }

static bool allocate(const struct host_disk *d, int mode, uint64_t offset, uint64_t length)
{
    int failed;
    do failed = fallocate(d->fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)length);
    while (failed && errno == EINTR);
    return !failed;
}

bool host_disk_punch(const struct host_disk *d, uint64_t offset, uint64_t length)
{
    return allocate(d, FALLOC_FL_PUNCH_HOLE, offset, length);
}

bool host_disk_zero(const struct host_disk *d, uint64_t offset, uint64_t length, bool punch)
{
    if (punch && host_disk_punch(d, offset, length)) return true;
    if (allocate(d, FALLOC_FL_ZERO_RANGE, offset, length)) return true;
    static const uint8_t zeroes[65536];
    while (length) {
        size_t n = length < sizeof zeroes ? (size_t)length : sizeof zeroes;
        struct iovec iov = {(void *)(uintptr_t)zeroes, n};
        if (!host_disk_write(d, offset, &iov, 1)) return false;
        offset += n;
        length -= n;
    }
    return true;
}
