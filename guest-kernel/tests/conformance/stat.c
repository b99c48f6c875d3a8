/* stat.c - calls on attributes: stat in all forms, access, owner, mode, times, size; file systems. */
#include "conformance.h"
#include <linux/stat.h>
#include <sys/vfs.h>

static void stats(void)
{
    struct stat s;
    struct statx x;
    umask(022);
    long f = make_file("a", "0123456789");
    mkdir("dir", 0750), symlink("a", "link"), symlink("none", "dangling"), mkfifo("fifo", 0640);
    E(newfstatat, "file", AT_FDCWD, "a", &s, 0);
    V(newfstatat, "mode", s.st_mode), V(newfstatat, "size", s.st_size), V(newfstatat, "links", s.st_nlink);
    V(newfstatat, "blksize", s.st_blksize), V(newfstatat, "blocks", s.st_blocks);
    E(newfstatat, "directory", AT_FDCWD, "dir", &s, 0);
    V(newfstatat, "directory mode", s.st_mode), V(newfstatat, "directory links", s.st_nlink);
    mkdir("dir/x", 0755), stat("dir", &s);
    V(newfstatat, "links with a subdirectory", s.st_nlink);
    E(newfstatat, "link itself", AT_FDCWD, "link", &s, AT_SYMLINK_NOFOLLOW);
    V(newfstatat, "link mode", s.st_mode), V(newfstatat, "link size", s.st_size);
    E(newfstatat, "through a link", AT_FDCWD, "link", &s, 0);
    V(newfstatat, "through a link, mode", s.st_mode);
    E(newfstatat, "dangling", AT_FDCWD, "dangling", &s, 0);
    E(newfstatat, "no such", AT_FDCWD, "none", &s, 0);
    E(newfstatat, "bad flags", AT_FDCWD, "a", &s, 1);
    E(newfstatat, "bad path", AT_FDCWD, BAD, &s, 0);
    E(newfstatat, "bad buffer", AT_FDCWD, "a", BAD, 0);
    E(newfstatat, "empty path", AT_FDCWD, "", &s, 0);
    E(newfstatat, "descriptor", f, "", &s, AT_EMPTY_PATH);
    E(newfstatat, "here", AT_FDCWD, "", &s, AT_EMPTY_PATH);
    E(newfstatat, "bad base", 99, "a", &s, 0);
    E(newfstatat, "file as base", f, "a", &s, 0);
    E(fstat, "ok", f, &s);
    E(fstat, "bad descriptor", 99, &s);
    E(fstat, "bad buffer", f, BAD);
    E(fstat, "kernel buffer", f, KERNEL);
    int p[2];
    pipe(p);
    fstat(p[0], &s);
    V(fstat, "pipe mode", s.st_mode);
    stat("/dev/null", &s);
    V(newfstatat, "device mode", s.st_mode), V(newfstatat, "device number", s.st_rdev);
    E(statx, "ok", AT_FDCWD, "a", 0, STATX_BASIC_STATS, &x);
    V(statx, "mode", x.stx_mode), V(statx, "size", x.stx_size), V(statx, "mask", (x.stx_mask & STATX_BASIC_STATS));
    E(statx, "bad flags", AT_FDCWD, "a", 1, STATX_BASIC_STATS, &x);
    E(statx, "both syncs", AT_FDCWD, "a", AT_STATX_SYNC_TYPE, STATX_BASIC_STATS, &x);
    E(statx, "reserved mask", AT_FDCWD, "a", 0, 0x80000000u, &x);
    E(statx, "bad path", AT_FDCWD, BAD, 0, STATX_BASIC_STATS, &x);
    E(statx, "bad buffer", AT_FDCWD, "a", 0, STATX_BASIC_STATS, BAD);
    E(statx, "no such", AT_FDCWD, "none", 0, STATX_BASIC_STATS, &x);
    E(statx, "descriptor", f, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &x);
    struct statfs fs;
    E(statfs, "ok", "/tmp", &fs);
    V(statfs, "type", fs.f_type), V(statfs, "block", fs.f_bsize), V(statfs, "longest name", fs.f_namelen);
    E(statfs, "proc", "/proc", &fs);
    V(statfs, "proc type", fs.f_type);
    E(statfs, "no such", "none", &fs);
    E(statfs, "bad path", BAD, &fs);
    E(statfs, "bad buffer", "/tmp", BAD);
    E(fstatfs, "ok", f, &fs);
    E(fstatfs, "pipe", p[0], &fs);
    V(fstatfs, "pipe type", fs.f_type);
    E(fstatfs, "bad descriptor", 99, &fs);
    E(fstatfs, "bad buffer", f, BAD);
    close_range(3, 1000, 0);
}

static void access_and_mode(void)
{
    long f = make_file("b", "x"), path = open("b", O_PATH);
    struct stat s;
    chmod("b", 0640);
    E(faccessat, "exists", AT_FDCWD, "b", F_OK);
    E(faccessat, "read and write", AT_FDCWD, "b", R_OK | W_OK);
    E(faccessat, "root may not execute", AT_FDCWD, "b", X_OK);
    E(faccessat, "bad mode", AT_FDCWD, "b", 8);
    E(faccessat, "no such", AT_FDCWD, "none", F_OK);
    E(faccessat, "bad pointer", AT_FDCWD, BAD, F_OK);
    E(faccessat2, "ok", AT_FDCWD, "b", R_OK, AT_EACCESS);
    E(faccessat2, "bad flags", AT_FDCWD, "b", R_OK, 1);
    E(faccessat2, "dangling itself", AT_FDCWD, "dangling", F_OK, AT_SYMLINK_NOFOLLOW);
    E(faccessat2, "descriptor", f, "", R_OK, AT_EMPTY_PATH);
    E(fchmodat, "ok", AT_FDCWD, "b", 0644);
    E(fchmodat, "all bits", AT_FDCWD, "b", 07777);
    stat("b", &s);
    V(fchmodat, "mode then", s.st_mode);
    E(fchmodat, "no such", AT_FDCWD, "none", 0644);
    E(fchmodat, "bad pointer", AT_FDCWD, BAD, 0644);
    E(fchmod, "ok", f, 0600);
    E(fchmod, "type bits", f, 0170644);
    fstat((int)f, &s);
    V(fchmod, "mode then", s.st_mode);
    E(fchmod, "bad descriptor", 99, 0644);
    E(fchmod, "O_PATH", path, 0644);
    chmod("b", 06755);
    E(fchownat, "ok", AT_FDCWD, "b", 5, 6, 0);
    stat("b", &s);
    V(fchownat, "mode then", s.st_mode), V(fchownat, "uid", s.st_uid), V(fchownat, "gid", s.st_gid);
    E(fchownat, "keep both", AT_FDCWD, "b", -1, -1, 0);
    E(fchownat, "bad flags", AT_FDCWD, "b", 0, 0, 1);
    E(fchownat, "link itself", AT_FDCWD, "link", 7, 7, AT_SYMLINK_NOFOLLOW);
    E(fchownat, "no such", AT_FDCWD, "none", 0, 0, 0);
    E(fchownat, "descriptor", f, "", 0, 0, AT_EMPTY_PATH);
    E(fchown, "ok", f, 1, 1);
    E(fchown, "bad descriptor", 99, 1, 1);
    E(fchown, "O_PATH", path, 1, 1);
    E(truncate, "shorter", "b", 0L);
    E(truncate, "longer", "b", 5000L);
    stat("b", &s);
    V(truncate, "size then", s.st_size);
    E(truncate, "negative", "b", -1L);
    E(truncate, "directory", "dir", 0L);
    E(truncate, "FIFO", "fifo", 0L);
    E(truncate, "no such", "none", 0L);
    E(truncate, "bad pointer", BAD, 0L);
    E(truncate, "too large", "b", INT64_MAX);
    struct timespec t[2] = {{1000, 5}, {2000, 6}}, omit[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}},
                    wrong[2] = {{0, -1}, {0, 0}};
    E(utimensat, "ok", AT_FDCWD, "b", t, 0);
    stat("b", &s);
    V(utimensat, "atime", s.st_atim.tv_sec), V(utimensat, "mtime ns", s.st_mtim.tv_nsec);
    E(utimensat, "omit", AT_FDCWD, "b", omit, 0);
    E(utimensat, "omit, no such", AT_FDCWD, "none", omit, 0);
    E(utimensat, "wrong ns", AT_FDCWD, "b", wrong, 0);
    E(utimensat, "now", AT_FDCWD, "b", 0L, 0);
    E(utimensat, "bad times", AT_FDCWD, "b", BAD, 0);
    E(utimensat, "bad flags", AT_FDCWD, "b", t, 1);
    E(utimensat, "no path", f, 0L, t, 0);
    E(utimensat, "no path, no descriptor", AT_FDCWD, 0L, t, 0);
    E(utimensat, "no such", AT_FDCWD, "none", t, 0);
    E(utimensat, "bad descriptor", 99, 0L, t, 0);
    E(utimensat, "link itself", AT_FDCWD, "link", t, AT_SYMLINK_NOFOLLOW);
    close_range(3, 1000, 0);
}

void family_stat(void)
{
    stats();
    access_and_mode();
}
