/*
 * What one process may see of another of the same user in /proc: nothing of one that is not "dumpable", since it has acted for somebody else; and
 * what belongs to a process rather than to its number: descriptors of processes, the registration for memory barriers.
 */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <grp.h>
#include <linux/membarrier.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define USER       1000
#define PRIVILEGED "/tmp/private-suid"
#define BARRIER    MEMBARRIER_CMD_PRIVATE_EXPEDITED

static int membarrier(int command) { return (int)syscall(SYS_membarrier, command, 0, 0); }

static const char *of(pid_t pid, const char *name)
{
    static char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return path;
}

/* 0, or the error of reading the link. */
static int link_error(pid_t pid, const char *name)
{
    char to[256];
    return readlink(of(pid, name), to, sizeof to) >= 0 ? 0 : errno;
}

/* The number of bytes there are, or the error with a minus. */
static long file_bytes(pid_t pid, const char *name)
{
    static char bytes[1 << 16];
    int f = open(of(pid, name), O_RDONLY);
    if (f < 0) return -errno;
    long n = read(f, bytes, sizeof bytes);
    if (n < 0) n = -errno;
    close(f);
    return n;
}

static int status_of(pid_t pid)
{
    int status = -1;
    waitpid(pid, &status, 0);
    return status;
}

/* A child that does `prepare' and then waits for its end; it returns when the child is ready. */
static pid_t waiting_child(void (*prepare)(void))
{
    int ready[2];
    char byte;
    if (pipe(ready)) return -1;
    pid_t pid = fork();
    if (!pid) {
        if (prepare) prepare();
        write(ready[1], "x", 1);
        for (;;) pause();
    }
    read(ready[0], &byte, 1);
    close(ready[0]), close(ready[1]);
    return pid;
}

static void end(pid_t pid) { kill(pid, SIGKILL), status_of(pid); }
static void hide(void) { prctl(PR_SET_DUMPABLE, 0); }

static void test_looking(void)
{
    pid_t pid = waiting_child(NULL);
    CHECK(!link_error(pid, "exe") && !link_error(pid, "fd/1") && !link_error(pid, "cwd"));
    CHECK(file_bytes(pid, "maps") > 0 && file_bytes(pid, "environ") > 0 && file_bytes(pid, "fdinfo/1") > 0);
    end(pid);
    pid = waiting_child(hide);
    CHECK(link_error(pid, "exe") == EACCES && link_error(pid, "fd/1") == EACCES && link_error(pid, "cwd") == EACCES);
    CHECK(file_bytes(pid, "maps") == -EACCES && file_bytes(pid, "environ") == -EACCES);
    CHECK(file_bytes(pid, "fdinfo/1") == -EACCES);
    CHECK(file_bytes(pid, "stat") > 0 && file_bytes(pid, "cmdline") > 0);
    end(pid);
}

/* fork passes it on; and a process may look at itself. */
static void test_inheriting(void)
{
    pid_t pid = fork();
    if (!pid) {
        hide();
        pid_t child = fork();
        if (!child) _exit(prctl(PR_GET_DUMPABLE) == 0 && !link_error(getpid(), "fd/1") && !link_error(getpid(), "exe"));
        _exit(WEXITSTATUS(status_of(child)));
    }
    CHECK(WEXITSTATUS(status_of(pid)) == 1);
}

static void test_zombie(void)
{
    siginfo_t info;
    pid_t pid = fork();
    if (!pid) _exit(0);
    CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
    CHECK(link_error(pid, "exe") == ENOENT && link_error(pid, "cwd") == ENOENT && link_error(pid, "root") == ENOENT);
    CHECK(file_bytes(pid, "maps") == 0);
    status_of(pid);
}

/* Open files of /proc do not outlive the right to look: the process runs a privileged program meanwhile. */
static void test_privileged_exec(void)
{
    char bytes[4096], byte;
    int go[2], ready[2];
    if (pipe(go) || pipe(ready)) return;
    pid_t pid = fork();
    if (!pid) {
        dup2(ready[1], 1);
        read(go[0], &byte, 1);
        execl(PRIVILEGED, PRIVILEGED, "--wait", NULL);
        _exit(1);
    }
    int maps = open(of(pid, "maps"), O_RDONLY), environment = open(of(pid, "environ"), O_RDONLY);
    CHECK(maps >= 0 && environment >= 0 && read(maps, bytes, sizeof bytes) > 0);
    write(go[1], "x", 1);
    CHECK(read(ready[0], &byte, 1) == 1);
    lseek(maps, 0, SEEK_SET);
    CHECK(read(maps, bytes, sizeof bytes) <= 0);
    CHECK(read(environment, bytes, sizeof bytes) <= 0);
    CHECK(link_error(pid, "exe") == EACCES && file_bytes(pid, "maps") == -EACCES);
    close(maps), close(environment), close(go[1]);
    end(pid);
    close(go[0]), close(ready[0]), close(ready[1]);
}

static void test_descriptors(void)
{
    siginfo_t info = {.si_signo = SIGTERM, .si_code = SI_QUEUE};
    pid_t pid = waiting_child(NULL);
    int fd = (int)syscall(SYS_pidfd_open, pid, O_NONBLOCK), other = (int)syscall(SYS_pidfd_open, getppid(), 0);
    CHECK(fd >= 0 && other >= 0);
    CHECK(waitid(P_PIDFD, (id_t)fd, &info, WEXITED) == -1 && errno == EAGAIN);
    CHECK(waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) == 0);
    CHECK(waitid(P_PIDFD, (id_t)other, &info, WEXITED) == -1 && errno == ECHILD);
    CHECK(waitid(P_PIDFD, (id_t)-1, &info, WEXITED) == -1 && errno == EINVAL);
    info = (siginfo_t){.si_signo = SIGTERM, .si_code = SI_QUEUE};
    CHECK(syscall(SYS_pidfd_send_signal, fd, SIGUSR1, &info, 0) == -1 && errno == EINVAL);
    CHECK(syscall(SYS_pidfd_send_signal, fd, SIGTERM, &info, 0) == 0);
    CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
    CHECK(waitid(P_PIDFD, (id_t)fd, &info, WEXITED) == 0 && info.si_pid == pid && info.si_status == SIGTERM);
    CHECK(waitid(P_PIDFD, (id_t)fd, &info, WEXITED) == -1 && errno == ECHILD);
    close(fd), close(other);
}

static void test_barriers(const char *self)
{
    CHECK(membarrier(BARRIER) == -1 && errno == EPERM);
    CHECK(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0 && membarrier(BARRIER) == 0);
    pid_t pid = fork();
    if (!pid) _exit(membarrier(BARRIER) == 0);
    CHECK(WEXITSTATUS(status_of(pid)) == 1);
    pid = fork();
    if (!pid) execl(self, self, "--barrier", NULL), _exit(99);
    CHECK(WEXITSTATUS(status_of(pid)) == EPERM);
}

static int as_user(const char *self)
{
    CHECK(prctl(PR_GET_DUMPABLE) == 1);
    test_looking();
    test_inheriting();
    test_zombie();
    test_privileged_exec();
    test_descriptors();
    test_barriers(self);
    printf("%d of the user's checks passed, %d failed\n", checks_passed, checks_failed);
    return checks_failed != 0;
}

/* Whoever changes its effective or file-system user or group is not dumpable any more; changing the others is nothing. */
static void test_changes(void)
{
    CHECK(setresuid(USER, -1, -1) == 0 && setgroups(0, NULL) == 0 && prctl(PR_GET_DUMPABLE) == 1);
    CHECK(setresuid(0, 0, 0) == 0 && prctl(PR_GET_DUMPABLE) == 1);
    setfsuid(USER);
    CHECK(prctl(PR_GET_DUMPABLE) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0);
    setfsuid(0);
    CHECK(prctl(PR_GET_DUMPABLE) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0);
    CHECK(setregid(-1, USER) == 0 && prctl(PR_GET_DUMPABLE) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0);
    CHECK(setgid(USER) == 0 && prctl(PR_GET_DUMPABLE) == 1);
    CHECK(prctl(PR_SET_PDEATHSIG, SIGUSR1) == 0);
    int signal = -1;
    CHECK(setuid(USER) == 0 && prctl(PR_GET_DUMPABLE) == 0 && prctl(PR_GET_PDEATHSIG, &signal) == 0 && signal == 0);
}

static void privileged_copy(const char *self)
{
    static char bytes[1 << 16];
    int from = open(self, O_RDONLY), to = open(PRIVILEGED, O_WRONLY | O_CREAT | O_TRUNC, 0755);
    for (ssize_t n; (n = read(from, bytes, sizeof bytes)) > 0;) write(to, bytes, (size_t)n);
    fchmod(to, 04755);
    close(from), close(to);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!strcmp(mode, "--user")) return as_user(argv[0]);
    if (!strcmp(mode, "--barrier")) return membarrier(BARRIER) ? errno : 0;
    if (!strcmp(mode, "--wait")) {
        write(1, "x", 1);
        for (;;) pause();
    }
    if (getpid() == 1) mount("none", "/proc", "proc", 0, NULL);
    privileged_copy(argv[0]);
    pid_t pid = fork();
    if (!pid) {
        setenv("NAME", "value", 1);
        test_changes();
        if (checks_failed) _exit(1);
        execl(argv[0], argv[0], "--user", NULL);
        _exit(1);
    }
    CHECK(status_of(pid) == 0);
    unlink(PRIVILEGED);
    return finish();
}
