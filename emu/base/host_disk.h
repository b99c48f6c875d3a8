/* Files and block devices of the host as disks: vectored reads and writes at byte offsets, durability, holes. Every call does all of
 * what it was asked or returns false. */
#ifndef ORRERY_BASE_HOST_DISK_H
#define ORRERY_BASE_HOST_DISK_H

#include "emu/base/err.h"
#include "emu/base/types.h"
#include <sys/uio.h>

#define HOST_DISK_VECTORS_MAX 1024

struct host_disk {
    int fd;
    uint64_t bytes;
};

/* An existing regular file or block device, locked: shared for read_only, else exclusively. `what` names the option in messages. */
bool host_disk_open(struct host_disk *d, const char *what, const char *path, bool read_only, struct err *err);
/* An unnamed sparse file of that size in $TMPDIR (or /var/tmp); it vanishes with the process. Reads as zeroes. */
bool host_disk_temporary(struct host_disk *d, uint64_t bytes, struct err *err);
void host_disk_close(struct host_disk *d);

/* n is 1 … HOST_DISK_VECTORS_MAX. */
bool host_disk_read(const struct host_disk *d, uint64_t offset, const struct iovec *iov, unsigned n);
bool host_disk_write(const struct host_disk *d, uint64_t offset, const struct iovec *iov, unsigned n);
/* Everything written so far survives a crash of the host. */
bool host_disk_sync(const struct host_disk *d);
/* The range reads as zeroes; with punch the host's space is given back where the file system can. */
bool host_disk_zero(const struct host_disk *d, uint64_t offset, uint64_t length, bool punch);
/* Gives the host's space back if the file system can (the range then reads as zeroes); else nothing happens and false is returned. */
bool host_disk_punch(const struct host_disk *d, uint64_t offset, uint64_t length);

#endif
