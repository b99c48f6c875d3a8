/*
 * file_abi.h - structures of the file calls, as Linux lays them out on riscv64 (asm-generic), and helpers of abi/sys_file*.c.
 */
#ifndef KEPLER_ABI_FILE_ABI_H
#define KEPLER_ABI_FILE_ABI_H

#include "base/types.h"

struct linux_stat {
    uint64_t dev, ino;
    uint32_t mode, nlink, uid, gid;
    uint64_t rdev, pad1;
    int64_t size;
    int32_t blksize, pad2;
    int64_t blocks;
    int64_t atime, atime_nsec, mtime, mtime_nsec, ctime, ctime_nsec;
    uint32_t unused[2];
};
_Static_assert(sizeof(struct linux_stat) == 128, "struct stat");

struct linux_statx_time {
    int64_t sec;
    uint32_t nsec, pad;
};
struct linux_statx {
    uint32_t mask, blksize;
    uint64_t attributes;
    uint32_t nlink, uid, gid;
    uint16_t mode, pad1;
    uint64_t ino, size, blocks, attributes_mask;
    struct linux_statx_time atime, btime, ctime, mtime;
    uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
    uint64_t spare[14];
};
_Static_assert(sizeof(struct linux_statx) == 256, "struct statx");

struct linux_statfs {
    uint64_t type, bsize, blocks, bfree, bavail, files, ffree;
    int32_t fsid[2];
    uint64_t namelen, frsize, flags, spare[4];
};
_Static_assert(sizeof(struct linux_statfs) == 120, "struct statfs");

struct linux_dirent { /* struct linux_dirent64 */
    uint64_t ino;
    int64_t off;
    uint16_t reclen;
    uint8_t type;
    char name[5]; /* and on */
};
#define LINUX_DIRENT_NAME 19

struct linux_flock {
    int16_t type, whence;
    int32_t pad1;
    int64_t start, len;
    int32_t pid, pad2;
};
_Static_assert(sizeof(struct linux_flock) == 32, "struct flock");

struct linux_timespec {
    int64_t sec, nsec;
};
struct linux_pollfd {
    int32_t fd;
    int16_t events, revents;
};

/* A path from user memory, to be freed with kfree; or an error pointer: -EFAULT, -ENAMETOOLONG, -ENOMEM. */
char *path_from_user(uint64_t user);

#endif
