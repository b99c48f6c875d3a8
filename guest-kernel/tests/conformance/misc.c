/* misc.c - calls that stock programs ask for and mostly do without: attributes of files, priorities of the disk, files without names. */
#include "conformance.h"
#include <sched.h>
#include <sys/uio.h>

static void attributes(void)
{
    char name[300], b[16];
    memset(name, 'n', sizeof name), memcpy(name, "user.", 5), name[256] = 0;
    long f = make_file("x", "x"), path = open("x", O_PATH);
    symlink("nowhere", "l");
    E(setxattr, "no such file", "none", "user.a", "v", 1L, 0);
    E(setxattr, "wrong flags", "x", "user.a", "v", 1L, 8);
    E(setxattr, "empty name", "x", "", "v", 1L, 0);
    E(setxattr, "long name", "x", name, "v", 1L, 0);
    E(setxattr, "bad name", "x", BAD, "v", 1L, 0);
    E(setxattr, "bad path", BAD, "user.a", "v", 1L, 0);
    E(setxattr, "too large", "x", "user.a", "v", 65537L, 0);
    E(setxattr, "bad value", "x", "user.a", BAD, 5L, 0);
    E(setxattr, "unknown kind", "x", "other.a", "v", 1L, 0);
    E(setxattr, "link to nothing", "l", "user.a", "v", 1L, 0);
    E(setxattr, "ok", "x", "user.a", "v", 1L, 0);
    E(lsetxattr, "unknown kind", "l", "other.a", "v", 1L, 0);
    E(fsetxattr, "unknown kind", f, "other.a", "v", 1L, 0);
    E(fsetxattr, "bad descriptor", 99, "user.a", "v", 1L, 0);
    E(fsetxattr, "O_PATH", path, "user.a", "v", 1L, 0);
    E(getxattr, "no such file", "none", "user.b", b, 16L);
    E(getxattr, "not there", "x", "user.b", b, 16L);
    E(getxattr, "unknown kind", "x", "other.a", b, 16L);
    E(getxattr, "empty name", "x", "", b, 16L);
    E(getxattr, "bad name", "x", BAD, b, 16L);
    E(lgetxattr, "unknown kind", "l", "other.a", b, 16L);
    E(fgetxattr, "unknown kind", f, "other.a", b, 16L);
    E(fgetxattr, "bad descriptor", 99, "user.a", b, 16L);
    f = make_file("y", "y");
    E(listxattr, "none", "y", b, 16L);
    E(listxattr, "no such file", "none", b, 16L);
    E(llistxattr, "none", "l", b, 16L);
    E(flistxattr, "none", f, b, 16L);
    E(flistxattr, "bad descriptor", 99, b, 16L);
    E(removexattr, "not there", "y", "user.b");
    E(removexattr, "no such file", "none", "user.b");
    E(removexattr, "unknown kind", "y", "other.b");
    E(lremovexattr, "unknown kind", "l", "other.b");
    E(fremovexattr, "unknown kind", f, "other.b");
    E(fremovexattr, "bad descriptor", 99, "user.b");
}

enum { PROCESS = 1, GROUP, USER, REAL_TIME = 1 << 13, BEST_EFFORT = 2 << 13, IDLE = 3 << 13 };

static void user_priorities(void)
{
    syscall(SYS_setresuid, 1000, 1000, 1000);
    E(ioprio_set, "user: real time", PROCESS, 0, REAL_TIME);
    E(ioprio_set, "user: another's", PROCESS, 1, IDLE);
    E(ioprio_set, "user: own", PROCESS, 0, IDLE);
}

static void priorities(void)
{
    E(ioprio_get, "at first", PROCESS, 0);
    E(ioprio_get, "wrong kind", 0, 0);
    E(ioprio_get, "wrong kind, 4", 4, 0);
    E(ioprio_get, "no such process", PROCESS, 99999);
    E(ioprio_get, "no such group", GROUP, 99999);
    E(ioprio_set, "best effort", PROCESS, 0, BEST_EFFORT | 6);
    E(ioprio_get, "as set", PROCESS, 0);
    E(ioprio_set, "by number", PROCESS, getpid(), BEST_EFFORT | 2);
    E(ioprio_get, "by number", PROCESS, getpid());
    pid_t pid = fork();
    if (!pid) _exit(Q(ioprio_get, PROCESS, 0) & 7);
    int status;
    waitpid(pid, &status, 0);
    V(ioprio_get, "in the child", WEXITSTATUS(status));
    E(ioprio_set, "idle", PROCESS, 0, IDLE);
    E(ioprio_get, "idle", PROCESS, 0);
    E(ioprio_set, "real time", PROCESS, 0, REAL_TIME | 1);
    E(ioprio_set, "wrong class", PROCESS, 0, 5 << 13);
    E(ioprio_set, "none with a level", PROCESS, 0, 3);
    E(ioprio_set, "none", PROCESS, 0, 0);
    E(ioprio_get, "none", PROCESS, 0);
    E(ioprio_set, "wrong kind", 9, 0, IDLE);
    E(ioprio_set, "no such process", PROCESS, 99999, IDLE);
    E(ioprio_set, "no such group", GROUP, 99999, IDLE);
    show_child("ioprio_set", "user", user_priorities);
}

static int touch_table(void *unused) { return close(0), chdir("/"), 0; }

static void sharing(void)
{
    static char stack[16384];
    E(unshare, "nothing", 0L);
    E(unshare, "unknown", 0x1L);
    E(unshare, "vfork", (long)CLONE_VFORK);
    E(unshare, "files", (long)CLONE_FILES);
    E(unshare, "directory", (long)CLONE_FS);
    E(unshare, "semaphores", (long)CLONE_SYSVSEM);
    E(unshare, "alone: thread", (long)CLONE_THREAD);
    E(unshare, "alone: memory", (long)CLONE_VM);
    int status;
    pid_t pid = clone(touch_table, stack + sizeof stack, CLONE_FILES | CLONE_FS | SIGCHLD, 0);
    waitpid(pid, &status, 0);
    V(unshare, "shared table", fcntl(0, F_GETFD));
    E(unshare, "name space", (long)CLONE_NEWUTS);
}

static void vectors(void)
{
    char b[8] = {0};
    struct iovec v = {b, 3};
    long f = make_file("v", "hello world");
    E(preadv2, "at", f, &v, 1L, 6L, 0L, 0);
    E(preadv2, "position", f, &v, 1L, -1L, 0L, 0);
    V(preadv2, "has moved", lseek(f, 0, 1));
    E(preadv2, "unknown flag", f, &v, 1L, 0L, 0L, 0x1000);
    E(preadv2, "negative", f, &v, 1L, -2L, 0L, 0);
    E(preadv2, "bad descriptor", 99, &v, 1L, 0L, 0L, 0);
    E(preadv2, "bad pointer", f, BAD, 1L, 0L, 0L, 0);
    E(pwritev2, "durable", f, &v, 1L, 0L, 0L, 4);
    E(pwritev2, "data durable", f, &v, 1L, 0L, 0L, 2);
    E(pwritev2, "position", f, &v, 1L, -1L, 0L, 0);
    E(pwritev2, "unknown flag", f, &v, 1L, 0L, 0L, 0x1000);
    E(pwritev2, "read-only", open("v", O_RDONLY), &v, 1L, 0L, 0L, 0);
}

static void nameless(void)
{
    struct stat s;
    char name[300], b[8] = {0};
    memset(name, 'n', sizeof name), name[250] = 0;
    long f = Q(memfd_create, "memory", 1);
    K(memfd_create, "ok", "", 0);
    E(memfd_create, "unknown flags", "a", 0x100);
    E(memfd_create, "both kinds of exec", "a", 0x18);
    E(memfd_create, "long name", name, 0);
    E(memfd_create, "bad name", BAD, 0);
    V(memfd_create, "close on exec", fcntl(f, F_GETFD));
    V(memfd_create, "flags", fcntl(f, F_GETFL) & O_ACCMODE);
    V(memfd_create, "write", write(f, "text", 4));
    V(memfd_create, "truncate", ftruncate(f, 6000));
    fstat(f, &s);
    V(memfd_create, "size", s.st_size), V(memfd_create, "mode", s.st_mode), V(memfd_create, "links", s.st_nlink);
    char *p = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
    p[1] = 'E';
    V(memfd_create, "read back", pread(f, b, 4, 0));
    show_text("memfd_create", "as mapped", b);
    snprintf(name, sizeof name, "/proc/self/fd/%ld", f);
    V(memfd_create, "opened again", open(name, O_RDWR) > 0);
}

static void pipe_again(void)
{
    char name[40], b[8] = {0};
    int p[2];
    pipe(p);
    write(p[1], "left", 4);
    close(p[1]);
    snprintf(name, sizeof name, "/proc/self/fd/%d", p[0]);
    long again = open(name, O_RDONLY);
    V(openat, "pipe without a writer", again > 0);
    V(openat, "what was left in it", read(again, b, 8));
    V(openat, "its end", read(again, b, 8));
    V(openat, "to write", open(name, O_WRONLY) > 0);
}

#ifndef SYS_fchmodat2 /* younger than some C libraries */
#define SYS_fchmodat2 452
#endif
static void modes(void)
{
    struct stat s;
    make_file("m", "");
    symlink("m", "link");
    E(fchmodat2, "ok", AT_FDCWD, "m", 0604, 0);
    stat("m", &s);
    V(fchmodat2, "mode", s.st_mode);
    E(fchmodat2, "of a link", AT_FDCWD, "link", 0600, AT_SYMLINK_NOFOLLOW);
    E(fchmodat2, "no link", AT_FDCWD, "m", 0600, AT_SYMLINK_NOFOLLOW);
    E(fchmodat2, "unknown flag", AT_FDCWD, "m", 0600, 0x10000);
    E(fchmodat2, "no such file", AT_FDCWD, "none", 0600, 0);
    E(fchmodat2, "descriptor", open("m", O_PATH), "", 0600, AT_EMPTY_PATH);
    E(fchmodat2, "empty", open("m", O_RDONLY), "", 0600, 0);
    E(fchmodat2, "bad descriptor", 99, "m", 0600, 0);
    E(fchmodat2, "bad pointer", AT_FDCWD, BAD, 0600, 0);
}

void family_misc(void)
{
    attributes();
    priorities();
    vectors();
    nameless();
    pipe_again();
    modes();
    sharing();
}
