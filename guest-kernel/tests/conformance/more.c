/* more.c - the less common half of common calls: locks between processes, owners, seals, O_PATH and nameless files, kinds of maps, limits of IPC. */
#include "conformance.h"
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/uio.h>

static void wait_for(pid_t pid)
{
    int status;
    waitpid(pid, &status, 0);
}

static struct flock region(int type, long start, long length)
{
    return (struct flock){.l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
}

static void locks(void)
{
    long f = make_file("l", "0123456789"), g = open("l", O_RDWR);
    struct flock l = region(F_WRLCK, 0, 5);
    Q(fcntl, f, F_SETLK, &l);
    l = region(F_RDLCK, 2, 1);
    E(fcntl, "read lock in a write lock, own", f, F_SETLK, &l);
    pid_t pid = fork();
    if (!pid) {
        for (int at = 0; at < 7; at++) {
            char what[40];
            l = region(F_WRLCK, at, 1);
            Q(fcntl, g, F_GETLK, &l);
            snprintf(what, sizeof what, "byte %d, type", at), V(fcntl, what, l.l_type);
            snprintf(what, sizeof what, "byte %d, length", at), V(fcntl, what, l.l_len);
        }
        V(fcntl, "owner told", l.l_type == F_UNLCK || l.l_pid == getppid());
        l = region(F_RDLCK, 0, 1);
        E(fcntl, "another's write lock", g, F_SETLK, &l);
        l = region(F_RDLCK, 2, 1);
        E(fcntl, "another's read lock", g, F_SETLK, &l);
        l = region(F_WRLCK, 5, 0);
        E(fcntl, "behind it, to the end", g, F_SETLK, &l);
        l = region(F_WRLCK, 9, -3);
        E(fcntl, "backwards", g, F_SETLK, &l);
        alarm(1);
        signal(SIGALRM, SIG_DFL);
        struct sigaction nothing = {.sa_handler = (void (*)(int))(void *)getpid};
        sigaction(SIGALRM, &nothing, 0);
        l = region(F_WRLCK, 0, 1);
        E(fcntl, "waiting, interrupted", g, F_SETLKW, &l);
        _exit(0);
    }
    wait_for(pid);
    int p[2];
    pipe(p);
    pid = fork();
    if (!pid) {
        l = region(F_WRLCK, 8, 1);
        Q(fcntl, g, F_SETLK, &l);
        write(p[1], "x", 1);
        l = region(F_WRLCK, 0, 1);
        Q(fcntl, g, F_SETLKW, &l);
        _exit(0);
    }
    char c;
    read(p[0], &c, 1);
    usleep(50000);
    l = region(F_WRLCK, 8, 1);
    E(fcntl, "waiting for one another", f, F_SETLKW, &l);
    l = region(F_UNLCK, 0, 0);
    Q(fcntl, f, F_SETLK, &l);
    wait_for(pid);
    l = region(F_WRLCK, 0, 1);
    Q(fcntl, f, F_SETLK, &l);
    close(open("l", O_RDONLY));
    l = region(F_WRLCK, 0, 1);
    if (!(pid = fork())) {
        E(fcntl, "lost by closing another descriptor", g, F_SETLK, &l);
        _exit(0);
    }
    wait_for(pid);
    l = region(F_WRLCK, 0, 0);
    E(fcntl, "OFD: one", f, F_OFD_SETLK, &l);
    E(fcntl, "OFD: the other", g, F_OFD_SETLK, &l);
    E(fcntl, "OFD: asked", g, F_OFD_GETLK, &l);
    V(fcntl, "OFD: owner", l.l_pid);
    E(fcntl, "lock of a pipe", p[0], F_SETLK, &l);
    E(flock, "shared", f, LOCK_SH);
    E(flock, "shared by another", g, LOCK_SH | LOCK_NB);
    E(flock, "converted, another has it", f, LOCK_EX | LOCK_NB);
    E(flock, "pipe", p[0], LOCK_EX);
    E(flock, "O_PATH", open("l", O_PATH), LOCK_EX);
    V(flock, "read-only descriptor", flock(open(".", O_RDONLY), LOCK_EX));
}

static void owners_and_sizes(void)
{
    int p[2], value = 0;
    struct f_owner_ex owner = {F_OWNER_PID, getpid()};
    pipe(p);
    E(fcntl, "SETOWN", p[0], F_SETOWN, (long)getpid());
    V(fcntl, "GETOWN", Q(fcntl, p[0], F_GETOWN, 0L) == getpid());
    E(fcntl, "SETOWN no such", p[0], F_SETOWN, 99999L);
    E(fcntl, "SETOWN group", p[0], F_SETOWN, -(long)getpgrp());
    E(fcntl, "SETOWN_EX", p[0], F_SETOWN_EX, &owner);
    E(fcntl, "GETOWN_EX", p[0], F_GETOWN_EX, &owner);
    V(fcntl, "GETOWN_EX type", owner.type);
    owner.type = 9;
    E(fcntl, "SETOWN_EX bad type", p[0], F_SETOWN_EX, &owner);
    E(fcntl, "SETSIG", p[0], F_SETSIG, (long)SIGUSR1);
    E(fcntl, "GETSIG", p[0], F_GETSIG, 0L);
    E(fcntl, "SETSIG bad", p[0], F_SETSIG, 99L);
    E(fcntl, "GETLEASE", open("l", O_RDONLY), F_GETLEASE, 0L);
    E(fcntl, "SETPIPE_SZ", p[0], F_SETPIPE_SZ, 8192L);
    E(fcntl, "GETPIPE_SZ then", p[1], F_GETPIPE_SZ, 0L);
    E(fcntl, "SETPIPE_SZ small", p[0], F_SETPIPE_SZ, 1L);
    E(fcntl, "SETPIPE_SZ 0", p[0], F_SETPIPE_SZ, 0L);
    E(fcntl, "SETPIPE_SZ odd", p[0], F_SETPIPE_SZ, 5000L);
    E(fcntl, "SETPIPE_SZ huge", p[0], F_SETPIPE_SZ, -1L);
    static char block[6000];
    Q(fcntl, p[0], F_SETPIPE_SZ, 8192L);
    V(write, "pipe of two pages", write(p[1], block, 6000));
    E(fcntl, "SETPIPE_SZ below its content", p[0], F_SETPIPE_SZ, 4096L);
    E(ioctl, "FIOASYNC", p[0], FIOASYNC, &value);
    E(fcntl, "SETFL keeps the access mode", p[0], F_SETFL, (long)O_RDWR);
    V(fcntl, "GETFL access of a pipe", Q(fcntl, p[0], F_GETFL, 0L) & O_ACCMODE);
    long f = make_file("direct", "x");
    V(openat, "O_SYNC kept", fcntl((int)open("direct", O_RDWR | O_SYNC), F_GETFL) & O_SYNC);
    V(openat, "O_DSYNC kept", fcntl((int)open("direct", O_RDWR | O_DSYNC), F_GETFL) & O_SYNC);
    V(openat, "O_NOATIME kept", fcntl((int)open("direct", O_RDONLY | O_NOATIME), F_GETFL) & O_NOATIME);
    V(openat, "O_NOFOLLOW kept", fcntl((int)open("direct", O_RDONLY | O_NOFOLLOW), F_GETFL) & O_NOFOLLOW);
    V(openat, "O_CREAT not kept", fcntl((int)open("direct", O_RDWR | O_CREAT, 0644), F_GETFL) & O_CREAT);
    E(ioctl, "FIGETBSZ", f, _IO(0, 2), &value);
    V(ioctl, "FIGETBSZ is", value);
    E(ioctl, "FIBMAP", f, _IO(0, 1), &value);
    E(ioctl, "FICLONE", f, 0x40049409, open("l", O_RDONLY));
    E(ioctl, "FS_IOC_GETFLAGS", f, 0x80086601, &value);
    E(ioctl, "FIONREAD of a directory", open(".", O_RDONLY), FIONREAD, &value);
    E(ioctl, "of O_PATH", open("direct", O_PATH), FIONREAD, &value);
}

static void seals(void)
{
    char b[8];
    long f = Q(memfd_create, "s", MFD_ALLOW_SEALING), none = Q(memfd_create, "n", 0);
    E(fcntl, "GET_SEALS", f, F_GET_SEALS, 0L);
    E(fcntl, "GET_SEALS, none allowed", none, F_GET_SEALS, 0L);
    E(fcntl, "ADD_SEALS, none allowed", none, F_ADD_SEALS, (long)F_SEAL_WRITE);
    E(fcntl, "GET_SEALS of a file", open("l", O_RDWR), F_GET_SEALS, 0L);
    write(f, "text", 4);
    E(fcntl, "ADD_SEALS unknown", f, F_ADD_SEALS, 0x1000L);
    E(fcntl, "ADD_SEALS shrink, grow", f, F_ADD_SEALS, (long)(F_SEAL_SHRINK | F_SEAL_GROW));
    E(ftruncate, "sealed, shorter", f, 1L);
    E(ftruncate, "sealed, longer", f, 100L);
    E(pwrite64, "sealed, beyond", f, "x", 1L, 50L);
    E(pwrite64, "sealed, inside", f, "x", 1L, 0L);
    char *map = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, (int)f, 0);
    E(fcntl, "ADD_SEALS write, mapped", f, F_ADD_SEALS, (long)F_SEAL_WRITE);
    munmap(map, 4096);
    E(fcntl, "ADD_SEALS write", f, F_ADD_SEALS, (long)F_SEAL_WRITE);
    E(pwrite64, "sealed", f, "x", 1L, 0L);
    K(mmap, "sealed, shared write", 0L, 4096L, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0L);
    V(mmap, "sealed, private write", mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, (int)f, 0) != MAP_FAILED);
    E(fcntl, "ADD_SEALS seal", f, F_ADD_SEALS, (long)F_SEAL_SEAL);
    E(fcntl, "ADD_SEALS, sealed", f, F_ADD_SEALS, (long)F_SEAL_SEAL);
    E(fcntl, "GET_SEALS then", f, F_GET_SEALS, 0L);
    V(read, "sealed", pread(f, b, 4, 0));
}

static void paths_and_nameless(void)
{
    struct stat s;
    char b[16];
    long f = make_file("named", "named"), p = open("named", O_PATH), d = open(".", O_PATH | O_DIRECTORY);
    mkdir("folder", 0755);
    E(fstat, "O_PATH", p, &s);
    E(write, "O_PATH", p, "x", 1L);
    E(fsync, "O_PATH", p);
    E(getdents64, "O_PATH", d, b, 16L);
    E(fchdir, "O_PATH", d);
    V(openat, "in O_PATH", openat((int)d, "named", O_RDONLY) > 0);
    E(newfstatat, "O_PATH, empty path", p, "", &s, AT_EMPTY_PATH);
    E(fchownat, "O_PATH, empty path", p, "", 0, 0, AT_EMPTY_PATH);
    E(faccessat2, "O_PATH, empty path", p, "", R_OK, AT_EMPTY_PATH);
    E(faccessat2, "effective", AT_FDCWD, "named", R_OK, AT_EACCESS);
    E(linkat, "O_PATH, empty path", p, "", AT_FDCWD, "again", AT_EMPTY_PATH);
    E(newfstatat, "empty path, here", AT_FDCWD, "", &s, AT_EMPTY_PATH);
    E(newfstatat, "no path", f, (char *)0, &s, AT_EMPTY_PATH);
    E(newfstatat, "no automount", AT_FDCWD, "named", &s, AT_NO_AUTOMOUNT);
    E(fcntl, "SETFL of O_PATH", p, F_SETFL, (long)O_APPEND);
    E(mmap, "O_PATH", 0L, 4096L, PROT_READ, MAP_PRIVATE, p, 0L);
    long t = open(".", O_TMPFILE | O_RDWR, 0600);
    V(openat, "O_TMPFILE", t > 0);
    V(write, "O_TMPFILE", write((int)t, "x", 1));
    fstat((int)t, &s);
    V(fstat, "O_TMPFILE, links", s.st_nlink), V(fstat, "O_TMPFILE, mode", s.st_mode);
    char name[40];
    snprintf(name, sizeof name, "/proc/self/fd/%ld", t);
    E(linkat, "O_TMPFILE gets a name", AT_FDCWD, name, AT_FDCWD, "temporary", AT_SYMLINK_FOLLOW);
    V(newfstatat, "O_TMPFILE, named", stat("temporary", &s)), V(newfstatat, "O_TMPFILE, named, links", s.st_nlink);
    E(openat, "O_TMPFILE to read", AT_FDCWD, ".", O_TMPFILE | O_RDONLY, 0600);
    E(openat, "O_TMPFILE on a file", AT_FDCWD, "named", O_TMPFILE | O_RDWR, 0600);
    E(openat, "O_TMPFILE in no such", AT_FDCWD, "none", O_TMPFILE | O_RDWR, 0600);
    E(renameat2, "whiteout", AT_FDCWD, "again", AT_FDCWD, "white", RENAME_WHITEOUT);
    E(renameat2, "directory over its link", AT_FDCWD, "folder", AT_FDCWD, "folder/.", 0);
    E(unlinkat, "directory by O_PATH", d, "folder", AT_REMOVEDIR);
    struct open_how how = {.flags = O_RDONLY};
    V(openat2, "ok", Q(openat2, AT_FDCWD, "named", &how, sizeof how) > 0);
    E(openat2, "too small", AT_FDCWD, "named", &how, 8L);
    E(openat2, "bad pointer", AT_FDCWD, "named", BAD, sizeof how);
    how.mode = 0644;
    E(openat2, "mode without O_CREAT", AT_FDCWD, "named", &how, sizeof how);
    how = (struct open_how){.flags = 1ull << 40};
    E(openat2, "unknown flags", AT_FDCWD, "named", &how, sizeof how);
    how = (struct open_how){.flags = O_RDONLY, .resolve = 1 << 20};
    E(openat2, "unknown way", AT_FDCWD, "named", &how, sizeof how);
    symlink("named", "symbolic");
    how.resolve = RESOLVE_NO_SYMLINKS;
    E(openat2, "no links", AT_FDCWD, "symbolic", &how, sizeof how);
    how.resolve = RESOLVE_BENEATH;
    E(openat2, "beneath, above", AT_FDCWD, "../x", &how, sizeof how);
    E(openat2, "beneath, absolute", AT_FDCWD, "/proc", &how, sizeof how);
    V(openat2, "beneath", Q(openat2, AT_FDCWD, "symbolic", &how, sizeof how) > 0);
    how.resolve = RESOLVE_IN_ROOT;
    V(openat2, "in root", Q(openat2, AT_FDCWD, "/../named", &how, sizeof how) > 0);
    how.resolve = RESOLVE_NO_XDEV;
    E(openat2, "no other file system", AT_FDCWD, "/proc/version", &how, sizeof how);
    how.resolve = RESOLVE_NO_MAGICLINKS;
    E(openat2, "no magic links", AT_FDCWD, "/proc/self/exe", &how, sizeof how);
    char *words[] = {"none", 0};
    E(execveat, "no such", AT_FDCWD, "none", words, words + 1, 0);
    E(execveat, "not executable, by descriptor", f, "", words, words + 1, AT_EMPTY_PATH);
    E(execveat, "unknown flags", AT_FDCWD, "named", words, words + 1, 0x10);
    E(execveat, "bad descriptor", 99, "", words, words + 1, AT_EMPTY_PATH);
    E(execveat, "link not followed", AT_FDCWD, "symbolic", words, words + 1, AT_SYMLINK_NOFOLLOW);
}

static void runs_itself(void)
{
    char *words[] = {"conformance", "no such family", 0};
    dup2(open("/dev/null", O_WRONLY), 1);
    Q(execveat, open("/proc/self/exe", O_RDONLY), "", words, words + 2, AT_EMPTY_PATH);
    _exit(99);
}

static void maps(void)
{
    long size = 4 * 4096;
    char *area = mmap(0, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int f = (int)make_file("mapped", "m");
    ftruncate(f, 3 * 4096);
    E(mmap, "no replace, occupied", area, 4096L, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0L);
    munmap(area + 4096, 4096);
    V(mmap, "no replace, free",
      mmap(area + 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == area + 4096);
    V(mmap, "populated", mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_POPULATE, f, 0) != MAP_FAILED);
    V(mmap, "locked", mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_LOCKED, f, 0) != MAP_FAILED);
    V(mmap, "no reserve", mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_NORESERVE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
    V(mmap, "stack", mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_STACK | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
    V(mmap, "grows down",
      mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_GROWSDOWN | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
    K(mmap, "sync of a file", 0L, 4096L, PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC, f, 0L);
    V(mmap, "validated", mmap(0, 4096, PROT_READ, MAP_SHARED_VALIDATE, f, 0) != MAP_FAILED);
    K(mmap, "validated, unknown flag", 0L, 4096L, PROT_READ, MAP_SHARED_VALIDATE | (1 << 25), f, 0L);
    E(mmap, "private anonymous shared", 0L, 4096L, PROT_READ, MAP_SHARED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 1L);
    V(mmap, "unknown flag ignored",
      mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | (1 << 27), -1, 0) != MAP_FAILED);
    V(mmap, "protection 0x100 ignored",
      (long)Q(mmap, 0L, 4096L, PROT_READ | 0x100, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L) > 0);
    E(mremap, "old length 0, private", area, 0L, 4096L, MREMAP_MAYMOVE);
    char *shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
    V(mremap, "old length 0, shared", (char *)Q(mremap, shared, 0L, 4096L, MREMAP_MAYMOVE) != MAP_FAILED);
    V(mremap, "keep the old, file",
      (char *)Q(mremap, shared, 4096L, 4096L, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0L) != MAP_FAILED);
    E(mremap, "keep the old, other length", area, 4096L, 8192L, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0L);
    V(mremap, "keep the old",
      (char *)Q(mremap, area, 4096L, 4096L, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0L) > (char *)4096);
    V(mremap, "fixed, onto a neighbour",
      (char *)Q(mremap, area, 4096L, 8192L, MREMAP_MAYMOVE | MREMAP_FIXED, area + 4096) == area + 4096);
    E(mremap, "fixed, not a page", area, 4096L, 4096L, MREMAP_MAYMOVE | MREMAP_FIXED, 5L);
    for (int advice = 0; advice < 26; advice++) {
        char what[32];
        snprintf(what, sizeof what, "advice %d", advice);
        if (advice != 9 && advice != 21) E(madvise, what, area + 8192, 4096L, advice);
    }
    E(madvise, "advice 100, without the right memory", area, 4096L, 102);
    E(madvise, "remove of a private map", area + 8192, 4096L, MADV_REMOVE);
    E(mprotect, "grows down of a normal map", area + 8192, 4096L, PROT_READ | PROT_GROWSDOWN);
    E(msync, "invalidate a locked map", shared, 4096L, MS_INVALIDATE);
    E(mincore, "length wraps", area, -1L, area);
    E(munmap, "length wraps", area, -4096L);
    E(process_madvise, "bad descriptor", 99, 0L, 0L, MADV_COLD, 0);
    E(membarrier, "query is not negative", 0x7fff, 0, 0);
    V(membarrier, "query", Q(membarrier, MEMBARRIER_CMD_QUERY, 0, 0) > 0);
    E(membarrier, "not registered", MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
    E(membarrier, "register", MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
    E(membarrier, "registered", MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
    E(membarrier, "global", MEMBARRIER_CMD_GLOBAL, 0, 0);
    E(membarrier, "flags", MEMBARRIER_CMD_GLOBAL, 8, 0);
}

static void small_calls(void)
{
    static const struct {
        int option;
        long argument;
        const char *name;
    } asked[] = {{PR_GET_KEEPCAPS, 0, "GET_KEEPCAPS"},
                 {PR_SET_KEEPCAPS, 1, "SET_KEEPCAPS"},
                 {PR_GET_KEEPCAPS, 0, "GET_KEEPCAPS then"},
                 {PR_SET_KEEPCAPS, 2, "SET_KEEPCAPS wrong"},
                 {PR_GET_TIMERSLACK, 0, "GET_TIMERSLACK"},
                 {PR_SET_TIMERSLACK, 1000, "SET_TIMERSLACK"},
                 {PR_GET_TIMERSLACK, 0, "GET_TIMERSLACK then"},
                 {PR_SET_TIMERSLACK, 0, "SET_TIMERSLACK back"},
                 {PR_GET_TIMERSLACK, 0, "GET_TIMERSLACK back"},
                 {PR_CAPBSET_READ, 0, "CAPBSET_READ"},
                 {PR_CAPBSET_READ, 99, "CAPBSET_READ wrong"},
                 {PR_GET_SECUREBITS, 0, "GET_SECUREBITS"},
                 {PR_GET_SECCOMP, 0, "GET_SECCOMP"},
                 {PR_GET_TIMING, 0, "GET_TIMING"},
                 {PR_SET_TIMING, 0, "SET_TIMING"},
                 {PR_SET_TIMING, 1, "SET_TIMING stamps"},
                 {PR_GET_UNALIGN, 0, "GET_UNALIGN"},
                 {PR_GET_FPEMU, 0, "GET_FPEMU"},
                 {PR_GET_TSC, 0, "GET_TSC"},
                 {PR_GET_ENDIAN, 0, "GET_ENDIAN"},
                 {PR_GET_NO_NEW_PRIVS, 0, "GET_NO_NEW_PRIVS"},
                 {PR_GET_THP_DISABLE, 0, "GET_THP_DISABLE"},
                 {PR_MCE_KILL_GET, 0, "MCE_KILL_GET"},
                 {PR_SET_PTRACER, 0, "SET_PTRACER"},
                 {PR_TASK_PERF_EVENTS_DISABLE, 0, "PERF_EVENTS_DISABLE"},
                 {PR_GET_IO_FLUSHER, 0, "GET_IO_FLUSHER"},
                 {PR_GET_SPECULATION_CTRL, 0, "GET_SPECULATION_CTRL"}};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        E(prctl, asked[i].name, asked[i].option, asked[i].argument, 0L, 0L, 0L);
    E(prctl, "CAP_AMBIENT is set", PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 0L, 0L, 0L);
    E(prctl, "SET_VMA name", PR_SET_VMA, 0L, 0x10000L, 4096L, "name");
    struct {
        unsigned version;
        int pid;
    } header = {0x20080522, 0};
    struct {
        unsigned effective, permitted, inheritable;
    } sets[2];
    Q(capget, &header, sets);
    E(capset, "the same", &header, sets);
    sets[0].inheritable = ~0u, sets[0].permitted &= ~1u;
    E(capset, "effective, not permitted", &header, sets);
    E(capset, "bad pointer", &header, BAD);
    E(capset, "bad header", BAD, sets);
    header.pid = 1;
    E(capset, "another", &header, sets);
    header = (typeof(header)){5, 0};
    E(capset, "bad version", &header, sets);
    E(pidfd_open, "no such", 99999, 0);
    E(pidfd_open, "negative", -1, 0);
    E(pidfd_open, "flags", getpid(), 1);
    long p = Q(pidfd_open, getpid(), 0);
    V(pidfd_open, "own", p > 0);
    E(pidfd_send_signal, "own, 0", p, 0, 0L, 0);
    E(pidfd_send_signal, "bad signal", p, 99, 0L, 0);
    E(pidfd_send_signal, "bad descriptor", 99, 0, 0L, 0);
    E(pidfd_send_signal, "not a process", 0, 0, 0L, 0);
    pid_t pid = fork();
    if (!pid) pause(), _exit(0);
    p = Q(pidfd_open, pid, 0);
    siginfo_t info = {0};
    E(pidfd_send_signal, "child", p, SIGTERM, 0L, 0);
    E(waitid, "by descriptor", 3, p, &info, WEXITED, 0L);
    V(waitid, "by descriptor, signal", info.si_status);
    E(pidfd_send_signal, "gone", p, 0, 0L, 0);
    E(waitid, "by a bad descriptor", 3, 99, &info, WEXITED, 0L);
    E(rseq, "wrong size", 0L, 1L, 0, 0);
    E(quotactl, "bad command", -1, 0L, 0, 0L);
    E(kcmp, "own files", getpid(), getpid(), 0, 0L, 0L);
    E(futex_waitv, "none", 0L, 0, 0, 0L, 0);
    E(name_to_handle_at, "bad pointer", AT_FDCWD, "named", BAD, BAD, 0);
    E(io_uring_setup, "none", 0, 0L);
    K(landlock_create_ruleset, "version", 0L, 0L, 1);
    E(seccomp, "wrong", 99, 0, 0L);
    K(fsopen, "tmpfs", "tmpfs", 0);
    K(open_tree, "here", AT_FDCWD, ".", 0);
}

static void moving(void)
{
    int p[2], q[2];
    char b[16] = {0};
    long f = make_file("spliced", "0123456789"), offset = 2;
    pipe(p), pipe(q);
    fcntl(p[0], F_SETFL, O_NONBLOCK), fcntl(q[0], F_SETFL, O_NONBLOCK);
    E(splice, "file to pipe", f, &offset, p[1], 0L, 4L, 0);
    V(splice, "offset then", offset);
    E(tee, "to another pipe", p[0], q[1], 100L, 0);
    V(read, "spliced", read(p[0], b, 16));
    show_text("splice", "text", b);
    E(splice, "pipe to file", q[0], 0L, f, 0L, 100L, 0);
    E(splice, "empty pipe, no wait", p[0], 0L, f, 0L, 10L, SPLICE_F_NONBLOCK);
    E(splice, "no pipe", f, 0L, f, 0L, 10L, 0);
    E(splice, "offset of a pipe", f, 0L, p[1], &offset, 10L, 0);
    E(splice, "unknown flags", f, 0L, p[1], 0L, 10L, 0x100);
    E(splice, "nothing", f, 0L, p[1], 0L, 0L, 0);
    E(splice, "bad descriptor", 99, 0L, p[1], 0L, 10L, 0);
    E(splice, "wrong end", f, 0L, p[0], 0L, 10L, 0);
    E(tee, "no pipe", f, q[1], 10L, 0);
    E(tee, "itself", p[0], p[1], 10L, 0);
    struct iovec v = {b, 5};
    E(vmsplice, "into a pipe", p[1], &v, 1L, 0);
    E(vmsplice, "file", f, &v, 1L, 0);
}

static void sysv_limits(void)
{
    struct shminfo shm_limits = {0};
    struct shm_info shm_use = {0};
    struct msginfo messages = {0};
    struct seminfo semaphores = {0};
    struct shmid_ds segment;
    long id = Q(shmget, 77, 4096L, IPC_CREAT | 0600), set = Q(semget, 77, 2, IPC_CREAT | 0600),
         queue = Q(msgget, 77, IPC_CREAT | 0600);
    K(shmctl, "INFO", 0, IPC_INFO, &shm_limits);
    V(shmctl, "least", shm_limits.shmmin), V(shmctl, "segments at most", shm_limits.shmmni);
    K(shmctl, "SHM_INFO", 0, SHM_INFO, &shm_use);
    V(shmctl, "used", shm_use.used_ids);
    V(shmctl, "SHM_STAT", Q(shmctl, 0, SHM_STAT, &segment) == id);
    E(shmctl, "SHM_STAT beyond", 500, SHM_STAT, &segment);
    E(shmctl, "LOCK", id, SHM_LOCK, 0L);
    Q(shmctl, id, IPC_STAT, &segment);
    V(shmctl, "mode when locked", segment.shm_perm.mode);
    E(shmctl, "UNLOCK", id, SHM_UNLOCK, 0L);
    segment.shm_perm.mode = 0644, segment.shm_perm.uid = 5;
    E(shmctl, "SET", id, IPC_SET, &segment);
    Q(shmctl, id, IPC_STAT, &segment);
    V(shmctl, "mode set", segment.shm_perm.mode), V(shmctl, "owner set", segment.shm_perm.uid),
        V(shmctl, "maker", segment.shm_perm.cuid);
    K(msgctl, "INFO", 0, IPC_INFO, &messages);
    V(msgctl, "longest", messages.msgmax), V(msgctl, "bytes of a queue", messages.msgmnb),
        V(msgctl, "queues at most", messages.msgmni);
    K(msgctl, "MSG_INFO", 0, MSG_INFO, &messages);
    V(msgctl, "queues", messages.msgpool);
    K(semctl, "INFO", 0, 0, IPC_INFO, &semaphores);
    V(semctl, "of a set", semaphores.semmsl), V(semctl, "operations", semaphores.semopm),
        V(semctl, "largest", semaphores.semvmx);
    K(semctl, "SEM_INFO", 0, 0, SEM_INFO, &semaphores);
    V(semctl, "sets", semaphores.semusz), V(semctl, "semaphores", semaphores.semaem);
    Q(shmctl, id, IPC_RMID, 0L), Q(semctl, set, 0, IPC_RMID, 0L), Q(msgctl, queue, IPC_RMID, 0L);
}

static volatile int handled, nested, code;
static void *volatile address;
static void handler(int signal, siginfo_t *info, void *context)
{
    (void)context;
    code = info->si_code, address = info->si_addr;
    if (++handled == 1 && signal == SIGUSR1) raise(SIGUSR1), nested = handled;
}

static void on(int signal, int flags)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
    handled = nested = code = 0;
    sigaction(signal, &action, 0);
}

static void reads_null(void) { on(SIGSEGV, SA_RESETHAND), (void)*(volatile int *)8; }

static void signals_more(void)
{
    on(SIGUSR1, 0), raise(SIGUSR1);
    V(rt_sigaction, "blocked in its handler", nested), V(rt_sigaction, "and after it", handled);
    on(SIGUSR1, SA_NODEFER), raise(SIGUSR1);
    V(rt_sigaction, "not blocked in its handler", nested);
    on(SIGUSR2, SA_RESETHAND), raise(SIGUSR2);
    struct sigaction then;
    sigaction(SIGUSR2, 0, &then);
    V(rt_sigaction, "reset to default", then.sa_handler == SIG_DFL);
    on(SIGCHLD, 0);
    pid_t pid = fork();
    if (!pid) _exit(3);
    wait_for(pid);
    V(rt_sigaction, "code of a child's end", code);
    on(SIGCHLD, SA_NOCLDSTOP);
    if (!(pid = fork())) raise(SIGSTOP), _exit(0);
    int status;
    waitpid(pid, &status, WUNTRACED);
    V(rt_sigaction, "not told of a stop", handled);
    kill(pid, SIGCONT), wait_for(pid);
    on(SIGCHLD, SA_NOCLDWAIT);
    if (!(pid = fork())) _exit(0);
    E(wait4, "children wait for nobody", -1, &status, 0, 0L);
    signal(SIGCHLD, SIG_IGN);
    if (!(pid = fork())) _exit(0);
    E(wait4, "SIGCHLD ignored", -1, &status, 0, 0L);
    signal(SIGCHLD, SIG_DFL);
    show_child("rt_sigaction", "handler of a fault, once", reads_null);
    on(SIGRTMIN, 0);
    sigset_t set, old;
    sigemptyset(&set), sigaddset(&set, SIGRTMIN), sigprocmask(SIG_BLOCK, &set, &old);
    for (int i = 0; i < 3; i++) raise(SIGRTMIN);
    sigprocmask(SIG_SETMASK, &old, 0);
    V(rt_sigaction, "real time, three times", handled);
    on(SIGUSR2, 0), sigaddset(&set, SIGUSR2), sigprocmask(SIG_BLOCK, &set, &old);
    for (int i = 0; i < 3; i++) raise(SIGUSR2);
    sigprocmask(SIG_SETMASK, &old, 0);
    V(rt_sigaction, "ordinary, three times", handled);
    struct rlimit few = {2, 2}, limit;
    getrlimit(RLIMIT_SIGPENDING, &limit), few.rlim_max = limit.rlim_max;
    setrlimit(RLIMIT_SIGPENDING, &few);
    sigprocmask(SIG_BLOCK, &set, &old);
    int queued = 0;
    while (queued < 10 && !sigqueue(getpid(), SIGRTMIN, (union sigval){0})) queued++;
    V(rt_sigqueueinfo, "as many as the limit", queued);
    E(tgkill, "real time beyond the limit", getpid(), getpid(), SIGRTMIN);
    sigprocmask(SIG_SETMASK, &old, 0);
}

void family_more(void)
{
    setvbuf(stdout, 0, _IOLBF, 0);
    locks();
    owners_and_sizes();
    seals();
    paths_and_nameless();
    show_child("execveat", "itself", runs_itself);
    maps();
    small_calls();
    moving();
    sysv_limits();
    signals_more();
}
