/* Tracing: stops at calls and signals, events of children, registers and memory, attaching and letting go. */
#define _GNU_SOURCE
#include "check.h"
#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#define EVENT(status) ((status) >> 16)

static int next_stop(pid_t pid)
{
    int status = -1;
    pid_t got = waitpid(pid, &status, __WALL);
    return got == pid ? status : -1;
}
static int is_stop(int status, int signal) { return status != -1 && WIFSTOPPED(status) && status >> 8 == signal; }
static long go(int request, pid_t pid, int signal) { return ptrace(request, pid, 0, (long)signal); }

static volatile long word = 0x1122334455667788;
static char text[] = "some text of the child";

static pid_t start_traced(void (*work)(void))
{
    pid_t pid = fork();
    if (!pid) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        work();
        _exit(0);
    }
    CHECK(is_stop(next_stop(pid), SIGSTOP));
    return pid;
}

static void make_calls(void)
{
    syscall(SYS_getppid);
    syscall(SYS_lseek, -1, 4711, 0);
    _exit(word == 42 ? 7 : 8);
}

static void test_calls(void)
{
    struct __ptrace_syscall_info call;
    pid_t pid = start_traced(make_calls);
    CHECK(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD) == 0);
    CHECK(ptrace(PTRACE_PEEKDATA, pid, &word, 0) == 0x1122334455667788);
    CHECK(ptrace(PTRACE_POKEDATA, pid, &word, 42L) == 0);
    errno = 0;
    CHECK(ptrace(PTRACE_PEEKDATA, pid, 8L, 0) == -1 && errno == EIO);
    char copy[sizeof text] = "";
    struct iovec here = {copy, sizeof copy}, there = {text, sizeof text};
    CHECK(process_vm_readv(pid, &here, 1, &there, 1, 0) == sizeof text && !strcmp(copy, text));
    there.iov_base = (void *)8;
    CHECK(process_vm_readv(pid, &here, 1, &there, 1, 0) == -1 && errno == EFAULT);
    int seen_getppid = 0, seen_seek = 0, status;
    for (;;) {
        if (go(PTRACE_SYSCALL, pid, 0)) break;
        status = next_stop(pid);
        if (!WIFSTOPPED(status)) break;
        CHECK(is_stop(status, SIGTRAP | 0x80));
        memset(&call, 0xff, sizeof call);
        long n = ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof call, &call);
        CHECK(n == 80 && call.op == PTRACE_SYSCALL_INFO_ENTRY && call.instruction_pointer && call.stack_pointer);
        uint64_t number = call.entry.nr;
        if (number == SYS_lseek) seen_seek = (int)call.entry.args[0] == -1 && call.entry.args[1] == 4711;
        if (number == SYS_exit_group) {
            CHECK(call.entry.args[0] == 7);
            continue;
        }
        CHECK(go(PTRACE_SYSCALL, pid, 0) == 0 && is_stop(status = next_stop(pid), SIGTRAP | 0x80));
        n = ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof call, &call);
        CHECK(n == 33 && call.op == PTRACE_SYSCALL_INFO_EXIT);
        if (number == SYS_getppid) seen_getppid = call.exit.rval == getpid() && !call.exit.is_error;
        if (number == SYS_lseek) CHECK(call.exit.rval == -EBADF && call.exit.is_error);
    }
    CHECK(seen_getppid && seen_seek);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    CHECK(ptrace(PTRACE_CONT, pid, 0, 0) == -1 && errno == ESRCH);
}

static volatile sig_atomic_t got;
static void note(int signal) { got = signal; }

static void take_signals(void)
{
    signal(SIGUSR1, note), signal(SIGUSR2, note), signal(SIGCHLD, SIG_IGN);
    raise(SIGUSR1); /* is swallowed */
    if (got) _exit(1);
    raise(SIGUSR1); /* comes */
    if (got != SIGUSR1) _exit(2);
    raise(SIGUSR1); /* becomes another */
    if (got != SIGUSR2) _exit(3);
    raise(SIGCHLD); /* the tracer hears even of what is ignored */
    _exit(5);
}

static void test_signals(void)
{
    siginfo_t info;
    pid_t pid = start_traced(take_signals);
    go(PTRACE_CONT, pid, 0);
    CHECK(is_stop(next_stop(pid), SIGUSR1));
    CHECK(ptrace(PTRACE_GETSIGINFO, pid, 0, &info) == 0 && info.si_signo == SIGUSR1 && info.si_pid == pid);
    go(PTRACE_CONT, pid, 0);
    CHECK(is_stop(next_stop(pid), SIGUSR1));
    go(PTRACE_CONT, pid, SIGUSR1);
    CHECK(is_stop(next_stop(pid), SIGUSR1));
    go(PTRACE_CONT, pid, SIGUSR2);
    CHECK(is_stop(next_stop(pid), SIGCHLD));
    go(PTRACE_CONT, pid, 0);
    int status = next_stop(pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
    /* Killed while it is stopped. */
    pid = start_traced(take_signals);
    kill(pid, SIGKILL);
    status = next_stop(pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void *thread(void *unused)
{
    syscall(SYS_getuid);
    return unused;
}
static void have_children(void)
{
    pthread_t other;
    pid_t pid = fork();
    if (!pid) _exit(3);
    waitpid(pid, NULL, 0);
    pthread_create(&other, NULL, thread, NULL);
    pthread_join(other, NULL);
    if (!(pid = vfork())) _exit(4);
    waitpid(pid, NULL, 0);
    execl("/proc/self/exe", "tracing", "program", NULL);
    _exit(9);
}

/* Follows everything; counts the events. */
static void test_events(void)
{
    int events[8] = {0}, ends = 0, exits = 0, threes = 0, status, born = 0;
    pid_t pid = start_traced(have_children), who;
    long options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |
                   PTRACE_O_TRACEEXIT | PTRACE_O_TRACEVFORKDONE;
    CHECK(ptrace(PTRACE_SETOPTIONS, pid, 0, options) == 0);
    go(PTRACE_CONT, pid, 0);
    while ((who = waitpid(-1, &status, __WALL)) > 0) {
        if (WIFEXITED(status)) {
            ends++;
            threes += WEXITSTATUS(status) == 3;
            if (who == pid) CHECK(WEXITSTATUS(status) == 11);
            continue;
        }
        CHECK(WIFSTOPPED(status));
        int event = EVENT(status);
        unsigned long message = 0;
        CHECK(!event || ptrace(PTRACE_GETEVENTMSG, who, 0, &message) == 0);
        if (event >= 1 && event <= 3) CHECK((pid_t)message != who && message > 0);
        if (event == PTRACE_EVENT_EXEC) CHECK((pid_t)message == pid);
        if (event == PTRACE_EVENT_EXIT) exits++;
        if (event < 8) events[event]++;
        if (!event && WSTOPSIG(status) == SIGSTOP) born++;
        int pass = !event && WSTOPSIG(status) != SIGSTOP && WSTOPSIG(status) != SIGTRAP ? WSTOPSIG(status) : 0;
        go(PTRACE_CONT, who, pass);
    }
    CHECK(events[PTRACE_EVENT_FORK] == 1 && events[PTRACE_EVENT_CLONE] == 1 && events[PTRACE_EVENT_VFORK] == 1);
    CHECK(events[PTRACE_EVENT_EXEC] == 1 && events[PTRACE_EVENT_VFORK_DONE] == 1);
    CHECK(exits == 4 && ends == 4 && threes == 1 && born == 3);
}

static void sleep_long(void)
{
    struct timespec t = {0, 150000000};
    _exit(nanosleep(&t, NULL) ? 1 : 6);
}

static void test_seize(void)
{
    int status;
    pid_t pid = fork();
    if (!pid) sleep_long();
    usleep(30000);
    CHECK(ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD) == 0);
    CHECK(ptrace(PTRACE_SEIZE, pid, 0, 0) == -1 && errno == EPERM);
    CHECK(ptrace(PTRACE_PEEKDATA, pid, &word, 0) == -1 && errno == ESRCH); /* it does not stand */
    CHECK(ptrace(PTRACE_INTERRUPT, pid, 0, 0) == 0);
    status = next_stop(pid);
    CHECK(WIFSTOPPED(status) && EVENT(status) == PTRACE_EVENT_STOP && WSTOPSIG(status) == SIGTRAP);
    CHECK(ptrace(PTRACE_DETACH, pid, 0, 0) == 0);
    CHECK(WEXITSTATUS(next_stop(pid)) == 6);
    /* A job-control stop is seen, and left by SIGCONT. */
    if (!(pid = fork())) sleep_long();
    usleep(10000);
    CHECK(ptrace(PTRACE_SEIZE, pid, 0, 0) == 0);
    kill(pid, SIGSTOP);
    CHECK(is_stop(next_stop(pid), SIGSTOP));
    go(PTRACE_CONT, pid, SIGSTOP);
    status = next_stop(pid);
    CHECK(WIFSTOPPED(status) && EVENT(status) == PTRACE_EVENT_STOP && WSTOPSIG(status) == SIGSTOP);
    CHECK(ptrace(PTRACE_LISTEN, pid, 0, 0) == 0);
    CHECK(waitpid(pid, &status, WNOHANG) == 0);
    kill(pid, SIGCONT);
    for (int i = 0; i < 4 && WIFSTOPPED(status = next_stop(pid)); i++) go(PTRACE_CONT, pid, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 6);
    /* Attaching stops it with SIGSTOP. */
    if (!(pid = fork())) sleep_long();
    CHECK(ptrace(PTRACE_ATTACH, pid, 0, 0) == 0 && is_stop(next_stop(pid), SIGSTOP));
    CHECK(ptrace(PTRACE_DETACH, pid, 0, 0) == 0 && WEXITSTATUS(next_stop(pid)) == 6);
    CHECK(ptrace(PTRACE_ATTACH, getpid(), 0, 0) == -1 && errno == EPERM);
    CHECK(ptrace(PTRACE_ATTACH, 999999, 0, 0) == -1 && errno == ESRCH);
    CHECK(ptrace(99, getpid(), 0, 0) == -1);
}

/* The tracer ends: its tracee goes on, unless it asked for the opposite. */
static void test_tracer_ends(void)
{
    for (int kill_it = 0; kill_it < 2; kill_it++) {
        int status;
        pid_t pid = fork();
        if (!pid) sleep_long();
        pid_t tracer = fork();
        if (!tracer) {
            long options = kill_it ? PTRACE_O_EXITKILL : 0;
            if (ptrace(PTRACE_SEIZE, pid, 0, options) || ptrace(PTRACE_INTERRUPT, pid, 0, 0)) _exit(1);
            _exit(waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status));
        }
        CHECK(waitpid(tracer, &status, 0) == tracer && status == 0);
        CHECK(waitpid(pid, &status, 0) == pid);
        CHECK(kill_it ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 6);
    }
}

#ifdef __riscv
static void return_number(void) { _exit((int)syscall(SYS_getpid) == 77 ? 1 : 2); }

static void test_registers(void)
{
    uint64_t registers[32], floating[33];
    struct iovec vector = {registers, sizeof registers};
    pid_t pid = start_traced(return_number);
    CHECK(ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &vector) == 0 && vector.iov_len == 256);
    CHECK(registers[0] && registers[2] && registers[4]);
    vector = (struct iovec){floating, sizeof floating};
    CHECK(ptrace(PTRACE_GETREGSET, pid, NT_PRFPREG, &vector) == 0);
    do go(PTRACE_SYSCALL, pid, 0), next_stop(pid), vector = (struct iovec){registers, sizeof registers};
    while (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &vector) == 0 && registers[17] != SYS_getpid);
    go(PTRACE_SYSCALL, pid, 0), next_stop(pid);
    vector = (struct iovec){registers, sizeof registers};
    ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &vector);
    CHECK((pid_t)registers[10] == pid);
    registers[10] = 77;
    CHECK(ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &vector) == 0);
    go(PTRACE_CONT, pid, 0);
    CHECK(WEXITSTATUS(next_stop(pid)) == 1);
}
#else
static void test_registers(void) {}
#endif

static void mount_proc(void) { mount("none", "/proc", "proc", 0, NULL); }

/* A program that runs with its owner's rights gets none of them while somebody else traces it. */
static void test_set_id(const char *self)
{
    static char data[1 << 16];
    int from = open(self, O_RDONLY), to = open("/tmp/setuid", O_WRONLY | O_CREAT | O_TRUNC, 0755);
    for (ssize_t n; (n = read(from, data, sizeof data)) > 0;) CHECK(write(to, data, (size_t)n) == n);
    CHECK(from >= 0 && fchmod(to, 04755) == 0);
    close(from), close(to);
    for (int traced = 0; traced < 2; traced++) {
        pid_t user = fork();
        if (!user) {
            int status = -1;
            if (setgid(1000) || setuid(1000)) _exit(99);
            pid_t pid = fork();
            if (!pid) {
                if (traced) ptrace(PTRACE_TRACEME, 0, 0, 0);
                execl("/tmp/setuid", "setuid", "euid", NULL);
                _exit(98);
            }
            while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) go(PTRACE_CONT, pid, 0);
            _exit(WEXITSTATUS(status));
        }
        int status = -1;
        waitpid(user, &status, 0);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == (traced ? 21 : 20));
    }
    unlink("/tmp/setuid");
}

/* Who was root and is somebody now is not to be traced by that user, nor are its children, until they execute another program. */
static int attach_fails(pid_t pid) { return ptrace(PTRACE_ATTACH, pid, 0, 0) == -1 && errno == EPERM; }
static int be_dropped(const char *self, int how)
{
    int status = -1;
    if (setgid(1000) || setuid(1000)) return 99;
    pid_t pid = fork();
    if (!pid && how == 0) _exit(!attach_fails(getppid()));
    if (!pid && how == 1) sleep_long();
    if (!pid) execl(self, "tracing", "sleep", NULL);
    if (how == 0) return waitpid(pid, &status, 0) != pid || status;
    usleep(50000);
    int right = attach_fails(pid) == (how == 1);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return !right;
}
static void test_dropped(const char *self)
{
    for (int how = 0; how < 3; how++) {
        int status = -1;
        pid_t pid = fork();
        if (!pid) _exit(be_dropped(self, how));
        waitpid(pid, &status, 0);
        CHECK(status == 0);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "sleep")) sleep_long();
    if (argc > 1 && !strcmp(argv[1], "program")) return 11;
    if (argc > 1 && !strcmp(argv[1], "euid")) return geteuid() ? 21 : 20;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (getpid() == 1) mount_proc();
    test_calls();
    test_signals();
    test_events();
    test_seize();
    test_tracer_ends();
    test_registers();
    if (!getuid()) test_set_id(argv[0]), test_dropped(argv[0]);
    return finish();
}
