/* Processes: fork, wait, exec, groups, sessions, signals, timers. */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>

static char *self;

static int wait_status(pid_t pid)
{
    int status = -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void test_fork(void)
{
    static int variable = 1;
    int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid = fork();
    if (!pid) {
        variable = 2;
        *shared = getppid();
        _exit(7);
    }
    int status = wait_status(pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    CHECK(variable == 1);
    CHECK(*shared == getpid());
    CHECK(waitpid(pid, &status, 0) == -1 && errno == ECHILD);
    CHECK(waitpid(-1, &status, WNOHANG) == -1 && errno == ECHILD);
    if (!(pid = fork())) kill(getpid(), SIGKILL);
    status = wait_status(pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    if (!(pid = fork())) *(volatile int *)8 = 1;
    status = wait_status(pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    if (!(pid = fork())) __asm__ volatile(".word 0");
    status = wait_status(pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGILL);
    munmap(shared, 4096);
}

static void test_waitid(void)
{
    siginfo_t info;
    pid_t pid = fork();
    if (!pid) _exit(5);
    CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
    CHECK(info.si_pid == pid && info.si_code == CLD_EXITED && info.si_status == 5);
    CHECK(waitid(P_ALL, 0, &info, WEXITED) == 0 && info.si_pid == pid);
    CHECK(waitid(P_ALL, 0, &info, WEXITED) == -1 && errno == ECHILD);
    CHECK(waitid(P_ALL, 0, &info, 0) == -1 && errno == EINVAL);
}

static void test_orphan(void)
{
    int ends[2], parent = 0;
    CHECK(pipe(ends) == 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t reaper = getpid(), pid = fork();
    if (!pid) {
        pid_t middle = getpid();
        if (!fork()) {
            while (getppid() == middle) usleep(1000);
            int now = getppid();
            write(ends[1], &now, sizeof now);
            _exit(9);
        }
        _exit(0);
    }
    wait_status(pid);
    CHECK(read(ends[0], &parent, sizeof parent) == sizeof parent && parent == reaper);
    int status;
    CHECK(wait(&status) > 0 && WEXITSTATUS(status) == 9);
    close(ends[0]), close(ends[1]);
}

static void test_groups(void)
{
    pid_t pid = fork();
    if (!pid) {
        int good = setsid() == getpid() && getsid(0) == getpid() && getpgrp() == getpid();
        good &= setsid() == -1 && errno == EPERM;
        good &= setpgid(0, 0) == -1 && errno == EPERM;
        _exit(good);
    }
    CHECK(WEXITSTATUS(wait_status(pid)) == 1);
    int ends[2];
    CHECK(pipe(ends) == 0);
    if (!(pid = fork())) {
        char c;
        close(ends[1]);
        read(ends[0], &c, 1);
        _exit(3);
    }
    CHECK(setpgid(pid, pid) == 0 && getpgid(pid) == pid);
    CHECK(setpgid(pid, 99999) == -1 && errno == EPERM);
    CHECK(waitpid(0, NULL, WNOHANG) == -1 && errno == ECHILD);
    CHECK(kill(-pid, SIGTERM) == 0);
    int status = 0;
    CHECK(waitpid(-pid, &status, 0) == pid && WTERMSIG(status) == SIGTERM);
    CHECK(kill(-pid, 0) == -1 && errno == ESRCH);
    close(ends[0]), close(ends[1]);
}

static void test_job_control(void)
{
    int status;
    siginfo_t info;
    pid_t pid = fork();
    if (!pid)
        for (;;) pause();
    usleep(1000);
    CHECK(kill(pid, SIGSTOP) == 0);
    CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    CHECK(waitpid(pid, &status, WUNTRACED | WNOHANG) == 0);
    CHECK(kill(pid, SIGCONT) == 0);
    CHECK(waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status));
    kill(pid, SIGSTOP);
    CHECK(waitid(P_PID, (id_t)pid, &info, WSTOPPED) == 0 && info.si_code == CLD_STOPPED && info.si_status == SIGSTOP);
    CHECK(kill(pid, SIGKILL) == 0);
    status = wait_status(pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static volatile sig_atomic_t got, got_code, got_pid;
static void count(int signal) { got += signal; }
static void inform(int signal, siginfo_t *info, void *context)
{
    (void)context;
    got = signal, got_code = info->si_code, got_pid = info->si_pid;
}

static void handle(int signal, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigaction(signal, &action, NULL);
}

static void test_signals(void)
{
    struct sigaction action = {.sa_sigaction = inform, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &action, NULL);
    CHECK(kill(getpid(), SIGUSR1) == 0);
    CHECK(got == SIGUSR1 && got_code == SI_USER && got_pid == getpid());
    CHECK(syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1) == 0 && got_code == SI_TKILL);
    union sigval value = {.sival_int = 42};
    CHECK(sigqueue(getpid(), SIGUSR1, value) == 0 && got_code == SI_QUEUE);

    sigset_t mask, old, pending;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    sigprocmask(SIG_BLOCK, &mask, &old);
    got = 0;
    raise(SIGUSR1), raise(SIGUSR1);
    sigpending(&pending);
    CHECK(!got && sigismember(&pending, SIGUSR1));
    handle(SIGUSR1, count, 0);
    sigprocmask(SIG_SETMASK, &old, NULL);
    CHECK(got == SIGUSR1); /* once */

    sigprocmask(SIG_BLOCK, &mask, NULL);
    got = 0;
    raise(SIGUSR1);
    sigemptyset(&pending);
    CHECK(sigsuspend(&pending) == -1 && errno == EINTR && got == SIGUSR1);
    sigprocmask(SIG_BLOCK, NULL, &pending);
    CHECK(sigismember(&pending, SIGUSR1));
    siginfo_t info;
    struct timespec shortly = {0, 10000000};
    CHECK(sigtimedwait(&mask, &info, &shortly) == -1 && errno == EAGAIN);
    raise(SIGUSR1);
    CHECK(sigtimedwait(&mask, &info, &shortly) == SIGUSR1 && info.si_pid == getpid());
    sigprocmask(SIG_SETMASK, &old, NULL);

    handle(SIGUSR1, SIG_IGN, 0);
    CHECK(raise(SIGUSR1) == 0);
    handle(SIGUSR1, count, (int)SA_RESETHAND);
    got = 0;
    raise(SIGUSR1);
    sigaction(SIGUSR1, NULL, &action);
    CHECK(got == SIGUSR1 && action.sa_handler == SIG_DFL);
    CHECK(signal(SIGKILL, SIG_IGN) == SIG_ERR && errno == EINVAL);
    CHECK(kill(getpid(), 65) == -1 && errno == EINVAL);
    CHECK(kill(999999, 0) == -1 && errno == ESRCH);

    sigset_t realtime;
    sigemptyset(&realtime);
    sigaddset(&realtime, SIGRTMIN + 1);
    sigprocmask(SIG_BLOCK, &realtime, NULL);
    for (int i = 0; i < 3; i++) value.sival_int = i, sigqueue(getpid(), SIGRTMIN + 1, value);
    for (int i = 0; i < 3; i++) CHECK(sigwaitinfo(&realtime, &info) == SIGRTMIN + 1 && info.si_value.sival_int == i);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

static void test_restart(void)
{
    int ends[2];
    char c = 0;
    CHECK(pipe(ends) == 0);
    for (int restart = 0; restart < 2; restart++) {
        handle(SIGUSR1, count, restart ? SA_RESTART : 0);
        pid_t parent = getpid(), pid = fork();
        if (!pid) {
            usleep(20000);
            kill(parent, SIGUSR1);
            usleep(20000);
            write(ends[1], "x", 1);
            _exit(0);
        }
        ssize_t n = read(ends[0], &c, 1);
        if (restart)
            CHECK(n == 1 && c == 'x');
        else
            CHECK(n == -1 && errno == EINTR);
        wait_status(pid);
        if (!restart) CHECK(read(ends[0], &c, 1) == 1);
    }
    /* Ignored and stopping signals do not disturb. */
    handle(SIGUSR1, SIG_IGN, 0);
    pid_t parent = getpid(), pid = fork();
    if (!pid) {
        usleep(10000);
        kill(parent, SIGUSR1), kill(parent, SIGWINCH);
        usleep(10000);
        write(ends[1], "y", 1);
        _exit(0);
    }
    CHECK(read(ends[0], &c, 1) == 1 && c == 'y');
    wait_status(pid);
    close(ends[0]), close(ends[1]);

    handle(SIGALRM, count, 0);
    struct timespec wish = {0, 100000000}, left = {0, 0};
    struct itimerval timer = {.it_value = {0, 20000}};
    setitimer(ITIMER_REAL, &timer, NULL);
    CHECK(nanosleep(&wish, &left) == -1 && errno == EINTR && left.tv_nsec > 40000000 && left.tv_nsec < 90000000);
    /* A sleep that is stopped and continued takes its time in all, not more. */
    double start = seconds();
    if (!(pid = fork())) {
        wish.tv_nsec = 200000000;
        _exit(nanosleep(&wish, NULL) != 0);
    }
    usleep(50000);
    kill(pid, SIGSTOP), kill(pid, SIGCONT);
    CHECK(wait_status(pid) == 0);
    CHECK(seconds() - start > 0.195 && seconds() - start < 0.35);
}

static sigjmp_buf jump;
static volatile char *stack_seen;
static void on_stack(int signal)
{
    char here;
    (void)signal;
    stack_seen = &here;
    siglongjmp(jump, 1);
}
static int overflow(int n)
{
    volatile char room[4096];
    room[0] = (char)n;
    return overflow(n + 1) + room[0];
}

static void test_alternate_stack(void)
{
    static char room[65536];
    stack_t stack = {.ss_sp = room, .ss_size = sizeof room}, old;
    struct rlimit limit = {1 << 20, RLIM_INFINITY}, before;
    getrlimit(RLIMIT_STACK, &before);
    CHECK(sigaltstack(&stack, NULL) == 0);
    handle(SIGSEGV, on_stack, SA_ONSTACK);
    if (!sigsetjmp(jump, 1)) overflow(0);
    CHECK(stack_seen >= room && stack_seen < room + sizeof room);
    (void)limit;
    CHECK(sigaltstack(NULL, &old) == 0 && old.ss_sp == room && old.ss_flags == 0);
    stack.ss_flags = SS_DISABLE;
    CHECK(sigaltstack(&stack, NULL) == 0);
    stack.ss_flags = 0, stack.ss_size = 100;
    CHECK(sigaltstack(&stack, NULL) == -1 && errno == ENOMEM);
    handle(SIGSEGV, SIG_DFL, 0);
}

/* Floating-point registers survive signals and preemption. */
static volatile double sum_in_handler;
static void compute(int signal)
{
    double x = 0;
    (void)signal;
    for (int i = 1; i < 50; i++) x += 1.0 / i;
    sum_in_handler = x;
}
static double series(int n)
{
    double x = 0;
    for (int i = 1; i <= n; i++) x += 1.0 / ((double)i * i);
    return x;
}
static void test_floating_point(void)
{
    double expected = series(200000);
    handle(SIGALRM, compute, SA_RESTART);
    struct itimerval timer = {{0, 1000}, {0, 1000}}, off = {0};
    setitimer(ITIMER_REAL, &timer, NULL);
    pid_t pids[4];
    for (int i = 0; i < 4; i++) {
        if ((pids[i] = fork())) continue;
        int good = 1;
        for (int k = 0; k < 5; k++) good &= series(200000) == expected;
        _exit(good);
    }
    for (int k = 0; k < 5; k++) CHECK(series(200000) == expected);
    for (int i = 0; i < 4; i++) CHECK(WEXITSTATUS(wait_status(pids[i])) == 1);
    setitimer(ITIMER_REAL, &off, NULL);
    CHECK(sum_in_handler > 4.47 && sum_in_handler < 4.48);
}

static void test_exec(void)
{
    char *const arguments[] = {"name", "--exec-child", "a b", "", NULL};
    char *const environment[] = {"ONE=1", "TWO=", NULL};
    pid_t pid = fork();
    if (!pid) {
        handle(SIGUSR1, SIG_IGN, 0);
        handle(SIGUSR2, count, 0);
        execve(self, arguments, environment);
        _exit(99);
    }
    CHECK(WEXITSTATUS(wait_status(pid)) == 42);
    if (!(pid = vfork())) {
        execve(self, arguments, environment);
        _exit(99);
    }
    CHECK(pid > 0 && (WEXITSTATUS(wait_status(pid)) & 42) == 42);
    /* A signal does not let the parent of a vfork run before the child has let go of its memory. */
    static volatile int turn;
    handle(SIGUSR2, count, 0);
    if (!(pid = vfork())) {
        syscall(SYS_kill, syscall(SYS_getppid), SIGUSR2);
        struct timespec shortly = {0, 20000000};
        syscall(SYS_nanosleep, &shortly, NULL);
        turn = 1;
        _exit(0);
    }
    CHECK(turn == 1 && wait_status(pid) == 0);

    CHECK(execve("/nowhere", arguments, environment) == -1 && errno == ENOENT);
    CHECK(execve("/", arguments, environment) == -1 && errno == EACCES);
    CHECK(execve(self, (char **)8, environment) == -1 && errno == EFAULT);
    CHECK(execve((char *)8, arguments, environment) == -1 && errno == EFAULT);
    CHECK(execve("", arguments, environment) == -1 && errno == ENOENT);
    char *huge = malloc(200000);
    memset(huge, 'x', 199999);
    huge[199999] = 0;
    char *const too_long[] = {"name", huge, NULL};
    CHECK(execve(self, too_long, environment) == -1 && errno == E2BIG);
    free(huge);

    static const struct {
        const char *content;
        size_t bytes;
        int expected;
    } files[] = {{"\177ELF garbage", 12, ENOEXEC},
                 {"", 0, ENOEXEC},
                 {"#!", 2, EACCES},
                 {"#!/nowhere\n", 11, ENOENT},
                 {"#!/tmp/program\n", 15, ELOOP},
                 {"just text\n", 10, ENOEXEC}};
    for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
        int fd = open("/tmp/program", O_CREAT | O_TRUNC | O_WRONLY, 0755);
        write(fd, files[i].content, files[i].bytes);
        close(fd);
        int result = execve("/tmp/program", arguments, environment);
        CHECK(result == -1 && errno == files[i].expected);
    }
    chmod("/tmp/program", 0644);
    CHECK(execve("/tmp/program", arguments, environment) == -1 && errno == EACCES);
    unlink("/tmp/program");
}

static int exec_child(int argc, char **argv)
{
    struct sigaction one, two;
    sigaction(SIGUSR1, NULL, &one), sigaction(SIGUSR2, NULL, &two);
    int good = argc == 4 && !strcmp(argv[0], "name") && !strcmp(argv[2], "a b") && !*argv[3];
    good &= getenv("ONE") && !strcmp(getenv("ONE"), "1") && getenv("TWO") && !*getenv("TWO") && !getenv("PATH");
    good &= two.sa_handler == SIG_DFL;
    return good ? 42 | (one.sa_handler == SIG_IGN ? 0 : 1) : 0;
}

static void test_limits_and_times(void)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 1024);
    limit.rlim_cur = 100;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 100);
    limit.rlim_cur = limit.rlim_max + 1;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == -1 && errno == EINVAL);
    CHECK(getrlimit(99, &limit) == -1 && errno == EINVAL);
    struct rusage usage;
    CHECK(getrusage(RUSAGE_SELF, &usage) == 0 && usage.ru_utime.tv_sec + usage.ru_utime.tv_usec > 0);
    CHECK(getrusage(7, &usage) == -1 && errno == EINVAL);
    struct tms tms;
    CHECK(times(&tms) != (clock_t)-1 && tms.tms_utime >= 0);
    struct timespec t;
    CHECK(clock_gettime(99, &t) == -1 && errno == EINVAL);
    CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0 && t.tv_sec + t.tv_nsec > 0);
    double start = seconds();
    usleep(30000);
    CHECK(seconds() - start >= 0.03 && seconds() - start < 0.2);
    struct timespec bad = {0, 1000000000};
    CHECK(nanosleep(&bad, NULL) == -1 && errno == EINVAL);
    CHECK(sched_yield() == 0);
    cpu_set_t set;
    CHECK(sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) >= 1);
}

static void test_cpu_timers(void)
{
    got = 0;
    handle(SIGVTALRM, count, 0);
    struct itimerval timer = {{0, 0}, {0, 20000}};
    CHECK(setitimer(ITIMER_VIRTUAL, &timer, NULL) == 0);
    usleep(50000);
    CHECK(!got); /* sleeping does not count */
    double start = seconds();
    while (!got && seconds() - start < 5) {
    }
    CHECK(got == SIGVTALRM && seconds() - start > 0.01);
    CHECK(getitimer(ITIMER_VIRTUAL, &timer) == 0 && !timer.it_value.tv_sec && !timer.it_value.tv_usec);
    pid_t pid = fork();
    if (!pid) {
        struct rlimit limit = {0, 1};
        setrlimit(RLIMIT_CPU, &limit);
        for (;;) {
        }
    }
    int status = wait_status(pid);
    CHECK(WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL));
}

static void test_wild_arguments(void)
{
    static const long wild[] = {0,
                                1,
                                -1,
                                8,
                                4095,
                                -4096,
                                0x3fffffffffl,
                                0x4000000000l,
                                0x7fffffffffffffffl,
                                (long)(1ul << 63),
                                (long)0xffffffff80200000ul};
    static const int skipped[] = {SYS_exit,
                                  SYS_exit_group,
                                  SYS_reboot,
                                  SYS_rt_sigreturn,
                                  SYS_clone,
                                  SYS_kill,
                                  SYS_tkill,
                                  SYS_tgkill,
                                  SYS_rt_sigsuspend,
                                  SYS_execve,
                                  SYS_clone3,
                                  SYS_rt_sigtimedwait,
                                  SYS_vhangup,
                                  SYS_munmap,
                                  SYS_mprotect,
                                  SYS_mmap,
                                  SYS_brk,
                                  SYS_mremap,
                                  SYS_close_range,
                                  SYS_madvise,
                                  SYS_restart_syscall,
                                  SYS_ppoll,
                                  SYS_pselect6,
                                  SYS_nanosleep,
                                  SYS_clock_nanosleep,
                                  SYS_read,
                                  SYS_readv,
                                  SYS_futex,
                                  SYS_setrlimit,
                                  SYS_prlimit64,
                                  SYS_rt_sigaction,
                                  SYS_rt_sigprocmask,
                                  SYS_chroot,
                                  SYS_umount2,
                                  SYS_setitimer,
                                  SYS_syslog};
    pid_t pid = fork();
    if (!pid) {
        close(0), close(1), close(2);
        for (int number = 17; number < 300; number++) {
            int skip = 0;
            for (unsigned i = 0; i < sizeof skipped / sizeof *skipped; i++) skip |= number == skipped[i];
            for (unsigned i = 0; i < sizeof wild / sizeof *wild && !skip; i++)
                for (unsigned k = 0; k < sizeof wild / sizeof *wild; k++)
                    syscall(number, wild[i], wild[k], wild[i], wild[k], wild[i], wild[k]);
        }
        _exit(11);
    }
    int status = wait_status(pid);
    CHECK(WIFEXITED(status) ? WEXITSTATUS(status) == 11 : WIFSIGNALED(status));
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1 && !strcmp(argv[1], "--exec-child")) return exec_child(argc, argv);
    self = argv[0];
    test_fork();
    test_waitid();
    if (getpid() != 1) test_orphan();
    test_groups();
    test_job_control();
    test_signals();
    test_restart();
    test_alternate_stack();
    test_floating_point();
    test_exec();
    test_limits_and_times();
    test_cpu_timers();
    if (getenv("WILD") || argc > 1) test_wild_arguments();
    return finish();
}
