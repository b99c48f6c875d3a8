/* fd.c - calls on descriptors: transfers, positions, copies, flags, locks. */
#include "conformance.h"
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

static void transfers(void)
{
    char b[64];
    long f = make_file("a", "hello world"), r = open("a", O_RDONLY), w = open("a", O_WRONLY), d = open(".", O_RDONLY);
    long path = open("a", O_PATH);
    E(read, "whole file", f, b, 64);
    E(read, "at end", f, b, 64);
    E(read, "bad descriptor", 99, b, 1);
    E(read, "negative descriptor", -1, b, 1);
    E(read, "write-only", w, b, 1);
    E(read, "directory", d, b, 1);
    E(read, "O_PATH", path, b, 1);
    lseek(f, 0, 0);
    E(read, "bad pointer", f, BAD, 5);
    E(read, "kernel pointer", f, KERNEL, 5);
    E(read, "read-only memory", f, read_only, 5);
    E(read, "over the edge", f, edge, 11);
    lseek(f, 0, 0);
    E(read, "nothing, bad pointer", f, BAD, 0);
    E(read, "huge count", f, b, -1L);
    E(write, "read-only", r, b, 1);
    E(write, "bad descriptor", 99, b, 1);
    E(write, "directory", d, b, 1);
    E(write, "bad pointer", w, BAD, 5);
    E(write, "kernel pointer", w, KERNEL, 5);
    E(write, "over the edge", w, edge, 20);
    E(write, "nothing", w, b, 0);
    E(write, "nothing, read-only descriptor", r, b, 0);
    E(pread64, "middle", f, b, 5, 6L);
    E(pread64, "beyond", f, b, 5, 600L);
    E(pread64, "negative offset", f, b, 5, -1L);
    E(pread64, "bad descriptor, negative offset", 99, b, 5, -1L);
    E(pwrite64, "extends", f, "x", 1, 20L);
    E(pwrite64, "negative offset", f, "x", 1, -5L);
    E(pwrite64, "read-only", r, "x", 1, 0L);
    E(pwrite64, "offset at the limit", f, "x", 1, INT64_MAX);
    struct iovec v[3] = {{b, 3}, {b + 3, 0}, {b + 10, 4}}, wild[2] = {{b, 4}, {BAD, 4}},
                 negative[1] = {{b, (size_t)-1}};
    lseek(f, 0, 0);
    E(readv, "three pieces", f, v, 3);
    E(readv, "none", f, v, 0);
    E(readv, "negative count", f, v, -1);
    E(readv, "too many", f, v, 1025);
    E(readv, "bad vector", f, BAD, 1);
    E(readv, "negative length", f, negative, 1);
    lseek(f, 0, 0);
    E(readv, "second piece bad", f, wild, 2);
    lseek(f, 0, 0);
    E(writev, "three pieces", f, v, 3);
    E(writev, "second piece bad", f, wild, 2);
    E(writev, "read-only", r, v, 3);
    E(writev, "bad descriptor", 99, v, 3);
    E(preadv, "at 2", f, v, 3, 2L, 0L);
    E(preadv, "negative offset", f, v, 3, -2L, 0L);
    E(pwritev, "at 2", f, v, 3, 2L, 0L);
    E(pwritev, "read-only", r, v, 1, 0L, 0L);
    int p[2];
    pipe(p);
    E(pread64, "pipe", p[0], b, 1, 0L);
    E(pwrite64, "pipe", p[1], b, 1, 0L);
    E(preadv, "pipe", p[0], v, 1, 0L, 0L);
    E(read, "wrong end of a pipe", p[1], b, 1);
    E(write, "wrong end of a pipe", p[0], b, 1);
    close(p[1]);
    E(read, "pipe without writer", p[0], b, 1);
    close(p[0]);
    close(f), close(r), close(w), close(d), close(path);
}

static void positions(void)
{
    long f = make_file("b", "0123456789");
    int p[2];
    pipe(p);
    E(lseek, "end", f, 0L, SEEK_END);
    E(lseek, "beyond the end", f, 100L, SEEK_END);
    E(lseek, "back", f, -100L, SEEK_CUR);
    E(lseek, "before the start", f, -1L, SEEK_SET);
    E(lseek, "overflow", f, INT64_MAX, SEEK_END);
    E(lseek, "bad whence", f, 0L, 9);
    E(lseek, "data", f, 2L, SEEK_DATA);
    E(lseek, "hole", f, 2L, SEEK_HOLE);
    E(lseek, "data beyond", f, 20L, SEEK_DATA);
    E(lseek, "pipe", p[0], 0L, SEEK_CUR);
    E(lseek, "bad descriptor", 99, 0L, SEEK_CUR);
    E(ftruncate, "shorter", f, 4L);
    E(ftruncate, "longer", f, 4096L);
    E(ftruncate, "negative", f, -1L);
    E(ftruncate, "pipe", p[0], 0L);
    E(ftruncate, "bad descriptor", 99, 0L);
    long r = open("b", O_RDONLY), d = open(".", O_RDONLY);
    E(ftruncate, "read-only", r, 0L);
    E(ftruncate, "directory", d, 0L);
    E(fallocate, "read-only", r, 0, 0L, 10L);
    E(fallocate, "pipe", p[1], 0, 0L, 10L);
    E(fallocate, "length 0", f, 0, 0L, 0L);
    E(fallocate, "negative offset", f, 0, -1L, 10L);
    E(fallocate, "too far", f, 0, INT64_MAX, 10L);
    E(fallocate, "bad mode", f, 0x1000, 0L, 10L);
    E(fallocate, "bad descriptor", 99, 0, 0L, 10L);
    E(fallocate, "extends", f, 0, 0L, 10000L);
    V(fallocate, "size then", lseek(f, 0, SEEK_END));
    E(fallocate, "punch without keep", f, FALLOC_FL_PUNCH_HOLE, 0L, 10L);
    E(fadvise64, "ok", f, 0L, 0L, POSIX_FADV_SEQUENTIAL);
    E(fadvise64, "bad advice", f, 0L, 0L, 77);
    E(fadvise64, "negative length", f, 0L, -1L, 0);
    E(fadvise64, "pipe", p[0], 0L, 0L, 0);
    E(fadvise64, "bad descriptor", 99, 0L, 0L, 0);
    E(readahead, "ok", r, 0L, 100L);
    E(readahead, "pipe", p[0], 0L, 100L);
    long w = open("b", O_WRONLY);
    E(readahead, "write-only", w, 0L, 100L);
    E(readahead, "directory", d, 0L, 100L);
    E(readahead, "bad descriptor", 99, 0L, 100L);
    E(fsync, "file", f);
    E(fsync, "directory", d);
    E(fsync, "pipe", p[0]);
    E(fsync, "bad descriptor", 99);
    E(fdatasync, "file", f);
    E(fdatasync, "pipe", p[0]);
    E(fdatasync, "bad descriptor", 99);
    E(sync, "works");
    E(syncfs, "file", f);
    E(syncfs, "pipe", p[0]);
    E(syncfs, "bad descriptor", 99);
    E(sync_file_range, "ok", f, 0L, 0L, 7);
    E(sync_file_range, "bad flags", f, 0L, 0L, 8);
    E(sync_file_range, "negative", f, -1L, 0L, 7);
    E(sync_file_range, "pipe", p[0], 0L, 0L, 7);
    E(sync_file_range, "bad descriptor", 99, 0L, 0L, 7);
    close(f), close(r), close(w), close(d), close(p[0]), close(p[1]);
}

static void copies(void)
{
    long f = make_file("c", "copy me around"), out = make_file("d", ""), a = open("d", O_WRONLY | O_APPEND);
    long r = open("c", O_RDONLY), dir = open(".", O_RDONLY), offset = 2;
    int p[2];
    pipe(p);
    E(sendfile, "whole", out, f, 0L, 100L);
    E(sendfile, "with offset", out, f, &offset, 4L);
    V(sendfile, "offset then", offset);
    E(sendfile, "bad offset pointer", out, f, BAD, 4L);
    offset = -1;
    E(sendfile, "negative offset", out, f, &offset, 4L);
    E(sendfile, "to a pipe", p[1], r, 0L, 4L);
    E(sendfile, "from a pipe", out, p[0], 0L, 4L);
    E(sendfile, "from a directory", out, dir, 0L, 4L);
    E(sendfile, "to read-only", r, f, 0L, 4L);
    E(sendfile, "to append", a, f, 0L, 4L);
    E(sendfile, "bad in", out, 99, 0L, 4L);
    E(sendfile, "bad out", 99, f, 0L, 4L);
    lseek(f, 0, 0);
    long in_at = 0, out_at = 100;
    E(copy_file_range, "with offsets", f, &in_at, out, &out_at, 6L, 0);
    V(copy_file_range, "in offset then", in_at);
    E(copy_file_range, "flags", f, 0L, out, 0L, 6L, 1);
    E(copy_file_range, "overlap", f, 0L, f, 0L, 6L, 0);
    E(copy_file_range, "pipe", p[0], 0L, out, 0L, 6L, 0);
    E(copy_file_range, "directory", dir, 0L, out, 0L, 6L, 0);
    E(copy_file_range, "append", f, 0L, a, 0L, 6L, 0);
    E(copy_file_range, "to read-only", f, 0L, r, 0L, 6L, 0);
    E(copy_file_range, "bad descriptor", f, 0L, 99, 0L, 6L, 0);
    E(copy_file_range, "bad pointer", f, BAD, out, 0L, 6L, 0);
    close(f), close(out), close(a), close(r), close(dir), close(p[0]), close(p[1]);
}

static void descriptors(void)
{
    long f = make_file("e", "x");
    int fd[2], lock_argument[8];
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    E(dup, "lowest", f);
    E(dup, "bad", 99);
    E(dup, "negative", -1);
    E(dup3, "same", f, f, 0);
    E(dup3, "bad flags", f, 20, 1);
    E(dup3, "bad source", 99, 20, 0);
    E(dup3, "beyond the limit", f, 1 << 20, 0);
    E(dup3, "negative target", f, -1, 0);
    E(dup3, "cloexec", f, 20, O_CLOEXEC);
    E(fcntl, "GETFD", 20, F_GETFD, 0L);
    E(fcntl, "SETFD", 20, F_SETFD, 0L);
    E(fcntl, "GETFD then", 20, F_GETFD, 0L);
    E(fcntl, "DUPFD", f, F_DUPFD, 30L);
    E(fcntl, "DUPFD too high", f, F_DUPFD, 1L << 20);
    E(fcntl, "DUPFD negative", f, F_DUPFD, -1L);
    E(fcntl, "DUPFD_CLOEXEC", f, F_DUPFD_CLOEXEC, 31L);
    V(fcntl, "GETFL access", Q(fcntl, f, F_GETFL, 0L) & O_ACCMODE);
    E(fcntl, "SETFL", f, F_SETFL, (long)(O_NONBLOCK | O_APPEND));
    V(fcntl, "GETFL flags", Q(fcntl, f, F_GETFL, 0L) & (O_NONBLOCK | O_APPEND));
    Q(fcntl, f, F_SETFL, 0L);
    E(fcntl, "bad command", f, 999, 0L);
    E(fcntl, "bad descriptor", 99, F_GETFD, 0L);
    E(fcntl, "SETLK", f, F_SETLK, &lock);
    E(fcntl, "SETLK bad pointer", f, F_SETLK, BAD);
    lock.l_type = 9;
    E(fcntl, "SETLK bad type", f, F_SETLK, &lock);
    lock.l_type = F_RDLCK, lock.l_whence = 7;
    E(fcntl, "SETLK bad whence", f, F_SETLK, &lock);
    lock.l_whence = 0, lock.l_start = -5;
    E(fcntl, "SETLK negative start", f, F_SETLK, &lock);
    lock.l_start = 0, lock.l_len = INT64_MAX, lock.l_start = 100;
    E(fcntl, "SETLK overflow", f, F_SETLK, &lock);
    lock = (struct flock){.l_type = F_WRLCK};
    E(fcntl, "GETLK own", f, F_GETLK, &lock);
    V(fcntl, "GETLK type", lock.l_type);
    lock.l_type = F_UNLCK;
    E(fcntl, "GETLK unlock", f, F_GETLK, &lock);
    E(fcntl, "SETLK unlock", f, F_SETLK, &lock);
    long r = open("e", O_RDONLY);
    lock.l_type = F_WRLCK;
    E(fcntl, "SETLK write lock, read-only", r, F_SETLK, &lock);
    lock.l_pid = 5;
    E(fcntl, "OFD_SETLK with pid", f, F_OFD_SETLK, &lock);
    lock.l_pid = 0;
    E(fcntl, "OFD_SETLK", f, F_OFD_SETLK, &lock);
    E(flock, "exclusive", f, LOCK_EX);
    E(flock, "taken", r, LOCK_SH | LOCK_NB);
    E(flock, "unlock", f, LOCK_UN);
    E(flock, "bad operation", f, 77);
    E(flock, "none", f, 0);
    E(flock, "bad descriptor", 99, LOCK_SH);
    E(pipe2, "ok", fd, O_CLOEXEC);
    E(fcntl, "GETPIPE_SZ", fd[0], F_GETPIPE_SZ, 0L);
    E(fcntl, "GETPIPE_SZ of a file", f, F_GETPIPE_SZ, 0L);
    E(fcntl, "SETFD of a pipe's end", fd[0], F_GETFD, 0L);
    E(pipe2, "bad flags", fd, 1);
    E(pipe2, "bad pointer", BAD, 0);
    E(pipe2, "kernel pointer", KERNEL, 0);
    E(ioctl, "FIONREAD of a file", f, FIONREAD, lock_argument);
    E(ioctl, "FIONREAD bad pointer", fd[0], FIONREAD, BAD);
    write(fd[1], "abc", 3);
    E(ioctl, "FIONREAD of a pipe", fd[0], FIONREAD, lock_argument);
    V(ioctl, "FIONREAD value", lock_argument[0]);
    E(ioctl, "TCGETS of a file", f, 0x5401, lock_argument);
    E(ioctl, "unknown", f, 0x12345678, 0L);
    E(ioctl, "bad descriptor", 99, FIONREAD, 0L);
    E(ioctl, "FIOCLEX", f, FIOCLEX, 0L);
    E(fcntl, "GETFD after FIOCLEX", f, F_GETFD, 0L);
    lock_argument[0] = 1;
    E(ioctl, "FIONBIO", fd[0], FIONBIO, lock_argument);
    V(ioctl, "FIONBIO seen", fcntl(fd[0], F_GETFL) & O_NONBLOCK);
    E(close, "ok", fd[0]);
    E(close, "again", fd[0]);
    E(close, "negative", -1);
    E(close_range, "reversed", 10, 5, 0);
    E(close_range, "bad flags", 50, 60, 1);
    E(close_range, "nothing there", 500, 600, 0);
    E(close_range, "mark", 20, 20, 4);
    E(fcntl, "GETFD after close_range", 20, F_GETFD, 0L);
    E(close_range, "all from 3", 3, -1, 0);
    E(dup, "then the lowest is", 0);
}

void family_fd(void)
{
    transfers();
    positions();
    copies();
    descriptors();
}
