/* Signals and limits: queueing and order, restarting, masks, what siginfo says, children, limits that end in a signal. */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

static volatile sig_atomic_t got, order[16];
static siginfo_t last;
static void note(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    if (got < 16) order[got] = info->si_signo < 32 ? info->si_signo : info->si_value.sival_int;
    got++;
    last = *info;
}
static void handle(int signal, int flags)
{
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO | flags};
    sigaction(signal, &action, NULL);
    got = 0;
}
static sigset_t set_of(int a, int b)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, a), sigaddset(&set, b);
    return set;
}
static int status_of(pid_t pid)
{
    int status = -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

static void test_queue(void)
{
    sigset_t set = set_of(SIGRTMIN, SIGRTMIN + 1), old;
    handle(SIGRTMIN, 0), handle(SIGRTMIN + 1, 0), handle(SIGUSR1, 0);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &old);
    for (int i = 0; i < 3; i++) {
        CHECK(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 200 + i}) == 0);
        CHECK(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 100 + i}) == 0);
        kill(getpid(), SIGUSR1);
    }
    sigset_t pending;
    CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGRTMIN) && sigismember(&pending, SIGUSR1));
    struct timespec none = {0, 0};
    siginfo_t info;
    sigset_t only = set_of(SIGRTMIN + 1, SIGRTMIN + 1);
    CHECK(sigtimedwait(&only, &info, &none) == SIGRTMIN + 1 && info.si_value.sival_int == 200);
    CHECK(info.si_code == SI_QUEUE && info.si_pid == getpid() && info.si_uid == getuid());
    /* The one with the lowest number is delivered first; handlers are stacked, so with all blocked in each the order of
     * running is seen by taking them one by one. */
    sigset_t all = set_of(SIGRTMIN, SIGRTMIN + 1);
    int values[6], n = 0;
    while (n < 6 && sigtimedwait(&all, &info, &none) > 0) values[n++] = info.si_value.sival_int;
    CHECK(n == 5 && values[0] == 100 && values[1] == 101 && values[2] == 102 && values[3] == 201 && values[4] == 202);
    CHECK(sigtimedwait(&all, &info, &none) == -1 && errno == EAGAIN);
    sigprocmask(SIG_SETMASK, &old, NULL);
    CHECK(got == 1 && order[0] == SIGUSR1 && last.si_code == SI_USER && last.si_pid == getpid());
    CHECK(syscall(SYS_rt_sigqueueinfo, 1, SIGUSR1, &(siginfo_t){.si_code = SI_USER}) == -1 || getpid() == 1);
    struct rlimit limit = {5, 5};
    pid_t pid = fork();
    if (!pid) {
        setrlimit(RLIMIT_SIGPENDING, &limit);
        sigprocmask(SIG_BLOCK, &set, NULL);
        int sent = 0;
        while (sent < 20 && sigqueue(getpid(), SIGRTMIN, (union sigval){0}) == 0) sent++;
        _exit(sent < 20 && errno == EAGAIN ? 1 : 0);
    }
    CHECK(WEXITSTATUS(status_of(pid)) == 1);
}

/* A child that sends SIGUSR1 after 20 ms and writes into the pipe after 60 ms. */
static pid_t disturb(int fd)
{
    pid_t pid = fork();
    if (pid) return pid;
    usleep(20000);
    kill(getppid(), SIGUSR1);
    usleep(40000);
    if (fd >= 0) write(fd, "x", 1);
    _exit(7);
}

static void test_restart(void)
{
    int ends[2], status;
    char c;
    pipe(ends);
    handle(SIGUSR1, SA_RESTART);
    pid_t pid = disturb(ends[1]);
    CHECK(read(ends[0], &c, 1) == 1 && got == 1);
    status_of(pid);
    pid = disturb(-1);
    CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7 && got == 2);
    struct pollfd p = {ends[0], POLLIN, 0};
    pid = disturb(ends[1]);
    CHECK(poll(&p, 1, 1000) == -1 && errno == EINTR && got == 3); /* never restarted */
    status_of(pid), read(ends[0], &c, 1);
    handle(SIGUSR1, 0);
    pid = disturb(ends[1]);
    CHECK(read(ends[0], &c, 1) == -1 && errno == EINTR && got == 1);
    status_of(pid), read(ends[0], &c, 1);
    struct timespec t = {1, 0}, left;
    pid = disturb(-1);
    CHECK(nanosleep(&t, &left) == -1 && errno == EINTR && left.tv_sec == 0 && left.tv_nsec > 0);
    status_of(pid);
    /* An ignored signal disturbs nothing. */
    signal(SIGUSR1, SIG_IGN);
    pid = disturb(ends[1]);
    CHECK(read(ends[0], &c, 1) == 1);
    status_of(pid);
    close(ends[0]), close(ends[1]);
}

static void *quiet_thread(void *gate)
{
    char c;
    read(*(int *)gate, &c, 1);
    return NULL;
}

static void test_masks(void)
{
    sigset_t set = set_of(SIGUSR1, SIGUSR1), old, none;
    struct timespec t = {1, 0};
    int ends[2];
    sigemptyset(&none);
    pipe(ends);
    handle(SIGUSR1, 0);
    sigprocmask(SIG_BLOCK, &set, &old);
    kill(getpid(), SIGUSR1);
    CHECK(got == 0);
    struct pollfd p = {ends[0], POLLIN, 0};
    CHECK(ppoll(&p, 1, &t, &none) == -1 && errno == EINTR && got == 1); /* at once: it was pending */
    sigset_t now;
    sigprocmask(SIG_SETMASK, NULL, &now);
    CHECK(sigismember(&now, SIGUSR1));
    kill(getpid(), SIGUSR1);
    CHECK(sigsuspend(&none) == -1 && errno == EINTR && got == 2);
    kill(getpid(), SIGUSR1);
    fd_set fds;
    FD_ZERO(&fds);
    FD_SET(ends[0], &fds);
    CHECK(pselect(ends[0] + 1, &fds, NULL, NULL, &t, &none) == -1 && errno == EINTR && got == 3);
    /* A signal to the process goes to the thread that does not block it; one to a thread stays with it. */
    pthread_t thread;
    sigprocmask(SIG_SETMASK, &old, NULL);
    pthread_create(&thread, NULL, quiet_thread, &ends[0]);
    sigprocmask(SIG_BLOCK, &set, &old);
    kill(getpid(), SIGUSR1);
    for (int i = 0; i < 200 && got < 4; i++) usleep(1000);
    CHECK(got == 4);
    CHECK(syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1) == 0);
    usleep(20000);
    CHECK(got == 4);
    sigprocmask(SIG_SETMASK, &old, NULL);
    CHECK(got == 5 && last.si_code == SI_TKILL);
    CHECK(syscall(SYS_tgkill, getpid() + 1, gettid(), SIGUSR1) == -1 && errno == ESRCH);
    CHECK(syscall(SYS_tgkill, getpid(), gettid(), 99) == -1 && errno == EINVAL);
    write(ends[1], "x", 1);
    pthread_join(thread, NULL);
    close(ends[0]), close(ends[1]);
}

static sigjmp_buf back;
static volatile sig_atomic_t fault_signal, fault_code, on_alternate;
static void *volatile fault_address;
static char alternate[65536];
static void catch_fault(int signal, siginfo_t *info, void *context)
{
    char here;
    (void)context;
    fault_signal = signal, fault_code = info->si_code, fault_address = info->si_addr;
    on_alternate = &here >= alternate && &here < alternate + sizeof alternate;
    siglongjmp(back, 1);
}
static int recurse(int depth)
{
    volatile char room[4096];
    room[0] = (char)depth;
    return depth ? recurse(depth - 1) + room[0] : 0;
}

static void test_faults(void)
{
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate}, old;
    struct sigaction action = {.sa_sigaction = catch_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    CHECK(sigaltstack(&stack, &old) == 0 && (old.ss_flags & SS_DISABLE));
    sigaction(SIGSEGV, &action, NULL), sigaction(SIGBUS, &action, NULL), sigaction(SIGILL, &action, NULL);
    sigaction(SIGTRAP, &action, NULL);
    if (!sigsetjmp(back, 1)) *(volatile char *)0x1234 = 1;
    CHECK(fault_signal == SIGSEGV && fault_code == SEGV_MAPERR && fault_address == (void *)0x1234 && on_alternate);
    char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!sigsetjmp(back, 1)) page[5] = 1;
    CHECK(fault_signal == SIGSEGV && fault_code == SEGV_ACCERR && fault_address == page + 5);
    int fd = open("/tmp/signals.file", O_RDWR | O_CREAT | O_TRUNC, 0600);
    char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (!sigsetjmp(back, 1)) map[4096] = 1;
    CHECK(fault_signal == SIGBUS && fault_code == BUS_ADRERR && fault_address == map + 4096);
    /* The stack is used up: the handler can only run on another one. */
    fault_signal = 0;
    if (!sigsetjmp(back, 1)) recurse(1000000);
    CHECK(fault_signal == SIGSEGV && on_alternate);
    stack.ss_flags = SS_DISABLE;
    CHECK(sigaltstack(&stack, NULL) == 0);
    stack = (stack_t){.ss_sp = alternate, .ss_size = 100};
    CHECK(sigaltstack(&stack, NULL) == -1 && errno == ENOMEM);
    close(fd), unlink("/tmp/signals.file");
    /* A blocked fault ends the process. */
    pid_t pid = fork();
    if (!pid) {
        sigset_t set = set_of(SIGSEGV, SIGSEGV);
        sigprocmask(SIG_BLOCK, &set, NULL);
        *(volatile char *)0x1234 = 1;
        _exit(0);
    }
    CHECK(WTERMSIG(status_of(pid)) == SIGSEGV);
    for (int signal_number = 1; signal_number < 32; signal_number++)
        if (signal_number != SIGKILL && signal_number != SIGSTOP) signal(signal_number, SIG_DFL);
}

static void test_flags(void)
{
    handle(SIGUSR1, SA_RESETHAND);
    raise(SIGUSR1);
    struct sigaction now;
    CHECK(sigaction(SIGUSR1, NULL, &now) == 0 && now.sa_handler == SIG_DFL && got == 1);
    CHECK(sigaction(SIGKILL, NULL, &now) == 0 && sigaction(SIGKILL, &now, NULL) == -1 && errno == EINVAL);
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigprocmask(SIG_SETMASK, NULL, &all);
    CHECK(!sigismember(&all, SIGKILL) && !sigismember(&all, SIGSTOP));
    sigemptyset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
}

static void test_children(void)
{
    siginfo_t info;
    int status;
    handle(SIGCHLD, 0);
    pid_t pid = fork();
    if (!pid) _exit(9);
    CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0 && info.si_status == 9);
    for (int i = 0; i < 100 && !got; i++) usleep(1000);
    CHECK(got == 1 && last.si_pid == pid && last.si_code == CLD_EXITED && last.si_status == 9);
    CHECK(status_of(pid) == 9 << 8);
    if (!(pid = fork())) pause(), _exit(0);
    usleep(5000);
    kill(pid, SIGSTOP);
    CHECK(waitid(P_PID, (id_t)pid, &info, WSTOPPED) == 0 && info.si_code == CLD_STOPPED && info.si_status == SIGSTOP);
    CHECK(waitpid(pid, &status, WNOHANG | WUNTRACED) == 0);
    kill(pid, SIGCONT);
    CHECK(waitid(P_PID, (id_t)pid, &info, WCONTINUED) == 0 && info.si_code == CLD_CONTINUED &&
          info.si_status == SIGCONT);
    kill(pid, SIGTERM);
    CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED) == 0 && info.si_code == CLD_KILLED && info.si_status == SIGTERM);
    handle(SIGCHLD, SA_NOCLDSTOP);
    if (!(pid = fork())) pause(), _exit(0);
    usleep(5000);
    kill(pid, SIGSTOP);
    CHECK(waitpid(pid, &status, WUNTRACED) == pid && got == 0);
    kill(pid, SIGKILL);
    CHECK(WTERMSIG(status_of(pid)) == SIGKILL);
    /* Children that nobody wants to hear of leave no zombies. */
    handle(SIGCHLD, SA_NOCLDWAIT);
    if (!(pid = fork())) _exit(1);
    CHECK(waitpid(pid, &status, 0) == -1 && errno == ECHILD);
    signal(SIGCHLD, SIG_IGN);
    if (!(pid = fork())) _exit(1);
    CHECK(waitpid(pid, &status, 0) == -1 && errno == ECHILD);
    signal(SIGCHLD, SIG_DFL);
}

static void test_process_controls(void)
{
    int ends[2], value;
    char name[16], c = 0;
    CHECK(prctl(PR_SET_NAME, "a name that is too long") == 0 && prctl(PR_GET_NAME, name) == 0);
    CHECK(!strcmp(name, "a name that is "));
    CHECK(prctl(PR_SET_PDEATHSIG, 99) == -1 && errno == EINVAL);
    pipe(ends);
    pid_t pid = fork();
    if (!pid) {
        if (!fork()) {
            close(ends[0]);
            prctl(PR_SET_PDEATHSIG, SIGUSR2);
            sigset_t set = set_of(SIGUSR2, SIGUSR2);
            sigprocmask(SIG_BLOCK, &set, NULL);
            write(ends[1], "r", 1);
            siginfo_t info;
            write(ends[1], sigwaitinfo(&set, &info) == SIGUSR2 ? "y" : "n", 1);
            _exit(0);
        }
        read(ends[0], &c, 1);
        _exit(0);
    }
    close(ends[1]);
    status_of(pid);
    CHECK(read(ends[0], &c, 1) == 1 && c == 'y');
    close(ends[0]);
    CHECK(prctl(PR_GET_CHILD_SUBREAPER, &value) == 0);
}

static void child_limits(int which)
{
    struct rlimit limit;
    switch (which) {
    case 0: { /* the file may not grow: a part is written, then a signal, or the error if it is ignored */
        limit = (struct rlimit){1000, 1000};
        setrlimit(RLIMIT_FSIZE, &limit);
        int fd = open("/tmp/limited", O_RDWR | O_CREAT | O_TRUNC, 0600);
        static char block[1500];
        handle(SIGXFSZ, 0);
        int good = write(fd, block, 1500) == 1000 && got == 0;
        good &= write(fd, block, 1) == -1 && errno == EFBIG && got == 1;
        good &= ftruncate(fd, 2000) == -1 && errno == EFBIG && got == 2;
        unlink("/tmp/limited");
        _exit(good);
    }
    case 1: /* processor time: SIGXCPU, then SIGKILL */
        limit = (struct rlimit){1, 2};
        setrlimit(RLIMIT_CPU, &limit);
        signal(SIGXCPU, SIG_DFL);
        for (volatile int i = 0;; i++) {
        }
    case 2:
        limit = (struct rlimit){64 << 20, 64 << 20};
        setrlimit(RLIMIT_AS, &limit);
        _exit(mmap(NULL, 128 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == ENOMEM);
    case 3: { /* descriptors */
        limit = (struct rlimit){10, 10};
        setrlimit(RLIMIT_NOFILE, &limit);
        int fd = 0;
        while (fd >= 0 && fd < 10) fd = dup(0);
        _exit(fd == -1 && errno == EMFILE);
    }
    case 4: { /* processes; root may do what it likes */
        limit = (struct rlimit){3, 3};
        if (setuid(12345)) _exit(1);
        setrlimit(RLIMIT_NPROC, &limit);
        int children = 0;
        pid_t pid;
        while ((pid = fork()) > 0) children++;
        if (!pid) usleep(100000), _exit(0);
        int error = errno;
        while (wait(NULL) > 0) {
        }
        _exit(children <= 3 && error == EAGAIN);
    }
    case 5:
        limit = (struct rlimit){100, 10};
        _exit(setrlimit(RLIMIT_NOFILE, &limit) == -1 && errno == EINVAL && getrlimit(99, &limit) == -1 &&
              errno == EINVAL);
    }
}

static void test_limits(void)
{
    for (int which = 0; which < 6; which++) {
        if (which == 4 && getuid()) continue;
        pid_t pid = fork();
        if (!pid) child_limits(which), _exit(0);
        int status = status_of(pid);
        if (which == 1)
            CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU);
        else
            CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
        if (status != 0x100 && which != 1) printf("limit %d: status %#x\n", which, status);
    }
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    test_queue();
    test_restart();
    test_masks();
    test_faults();
    test_flags();
    test_children();
    test_process_controls();
    test_limits();
    return finish();
}
