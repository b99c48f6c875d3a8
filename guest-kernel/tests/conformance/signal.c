/* signal.c - signals: sending, masks, handlers, waiting. */
#include "conformance.h"
#include <sys/time.h>
#include <ucontext.h>

struct action { /* as the kernel has it */
    void (*handler)(int);
    unsigned long flags;
    uint64_t mask;
};
#define BIT(n) (1ull << ((n)-1))

static volatile int caught, last_code;
static void catch (int number) { caught = number; }
static void catch_info(int number, siginfo_t *info, void *context)
{
    caught = number, last_code = info->si_code;
    (void)context;
}

static void sending(void)
{
    E(kill, "self, 0", getpid(), 0);
    E(kill, "no such process", 99999, 0);
    E(kill, "bad signal", getpid(), 65);
    E(kill, "negative signal", getpid(), -1);
    E(kill, "no such group", -99999, 0);
    E(kill, "INT_MIN", (int)0x80000000, 0);
    E(tkill, "self, 0", gettid(), 0);
    E(tkill, "no such task", 99999, 0);
    E(tkill, "pid 0", 0, 0);
    E(tkill, "bad signal", gettid(), 65);
    E(tgkill, "self, 0", getpid(), gettid(), 0);
    E(tgkill, "wrong group", 1, gettid(), 0);
    E(tgkill, "group 0", 0, gettid(), 0);
    E(tgkill, "tid -1", getpid(), -1, 0);
    siginfo_t info = {.si_code = SI_QUEUE};
    E(rt_sigqueueinfo, "self, 0", getpid(), 0, &info);
    E(rt_sigqueueinfo, "bad signal", getpid(), 70, &info);
    E(rt_sigqueueinfo, "bad pointer", getpid(), 0, BAD);
    E(rt_sigqueueinfo, "no such process", 99999, 0, &info);
    info.si_code = SI_USER;
    E(rt_sigqueueinfo, "as if by kill, to init", 1, 0, &info);
    info.si_code = SI_QUEUE;
    E(rt_tgsigqueueinfo, "self, 0", getpid(), gettid(), 0, &info);
    E(rt_tgsigqueueinfo, "tid 0", getpid(), 0, 0, &info);
    E(rt_tgsigqueueinfo, "bad pointer", getpid(), gettid(), 0, BAD);
}

static void handlers(void)
{
    struct action a = {catch, 0, 0}, old;
    stack_t stack = {0}, got;
    static char room[8192];
    E(rt_sigaction, "ok", SIGUSR1, &a, &old, 8L);
    V(rt_sigaction, "old was default", old.handler == SIG_DFL);
    E(rt_sigaction, "wrong size", SIGUSR1, &a, 0L, 16L);
    E(rt_sigaction, "SIGKILL", SIGKILL, &a, 0L, 8L);
    E(rt_sigaction, "SIGSTOP, only asking", SIGSTOP, 0L, &old, 8L);
    E(rt_sigaction, "signal 0", 0, &a, 0L, 8L);
    E(rt_sigaction, "signal 65", 65, &a, 0L, 8L);
    E(rt_sigaction, "bad pointer", SIGUSR1, BAD, 0L, 8L);
    E(rt_sigaction, "bad old pointer", SIGUSR1, 0L, BAD, 8L);
    kill(getpid(), SIGUSR1);
    V(rt_sigaction, "handler ran", caught == SIGUSR1);
    a = (struct action){(void (*)(int))catch_info, SA_SIGINFO | SA_RESETHAND, 0};
    Q(rt_sigaction, SIGUSR1, &a, 0L, 8L);
    tgkill(getpid(), gettid(), SIGUSR1);
    V(rt_sigaction, "code of tgkill", last_code);
    Q(rt_sigaction, SIGUSR1, 0L, &old, 8L);
    V(rt_sigaction, "reset then", old.handler == SIG_DFL);
    V(rt_sigaction, "flags kept", (old.flags & ~0x04000000ul) == (SA_SIGINFO | SA_RESETHAND));
    E(sigaltstack, "ask", 0L, &got);
    V(sigaltstack, "none", got.ss_flags);
    stack = (stack_t){room, 0, 100};
    E(sigaltstack, "too small", &stack, 0L);
    stack = (stack_t){room, 0x55, sizeof room};
    E(sigaltstack, "bad flags", &stack, 0L);
    E(sigaltstack, "bad pointer", BAD, 0L);
    E(sigaltstack, "bad old pointer", 0L, BAD);
    stack = (stack_t){room, 0, sizeof room};
    E(sigaltstack, "ok", &stack, &got);
    stack.ss_flags = SS_DISABLE;
    E(sigaltstack, "off", &stack, &got);
    V(sigaltstack, "size was", got.ss_size);
}

static void masks(void)
{
    uint64_t mask = BIT(SIGUSR1) | BIT(SIGKILL), old, pending;
    struct action a = {catch, 0, 0};
    siginfo_t info;
    struct timespec none = {0, 0}, wrong = {0, -1}, some = {0, 10000000};
    E(rt_sigprocmask, "block", SIG_BLOCK, &mask, &old, 8L);
    Q(rt_sigprocmask, 0, 0L, &old, 8L);
    V(rt_sigprocmask, "SIGKILL is never blocked", old == BIT(SIGUSR1));
    E(rt_sigprocmask, "bad how", 9, &mask, 0L, 8L);
    E(rt_sigprocmask, "bad how, only asking", 9, 0L, &old, 8L);
    E(rt_sigprocmask, "wrong size", SIG_BLOCK, &mask, 0L, 4L);
    E(rt_sigprocmask, "bad pointer", SIG_BLOCK, BAD, 0L, 8L);
    E(rt_sigprocmask, "bad old pointer", SIG_BLOCK, 0L, BAD, 8L);
    caught = 0;
    Q(rt_sigaction, SIGUSR1, &a, 0L, 8L);
    kill(getpid(), SIGUSR1);
    E(rt_sigpending, "ok", &pending, 8L);
    V(rt_sigpending, "it is", pending == BIT(SIGUSR1));
    E(rt_sigpending, "too large", &pending, 16L);
    E(rt_sigpending, "half", &pending, 4L);
    E(rt_sigpending, "bad pointer", BAD, 8L);
    E(rt_sigtimedwait, "take it", &mask, &info, &none, 8L);
    V(rt_sigtimedwait, "code", info.si_code), V(rt_sigtimedwait, "handler did not run", caught == 0);
    E(rt_sigtimedwait, "nothing", &mask, &info, &none, 8L);
    E(rt_sigtimedwait, "time is over", &mask, &info, &some, 8L);
    E(rt_sigtimedwait, "bad time", &mask, &info, &wrong, 8L);
    E(rt_sigtimedwait, "wrong size", &mask, &info, &none, 4L);
    E(rt_sigtimedwait, "bad pointer", BAD, &info, &none, 8L);
    E(rt_sigtimedwait, "bad time pointer", &mask, &info, BAD, 8L);
    kill(getpid(), SIGUSR1);
    E(rt_sigtimedwait, "bad info pointer", &mask, BAD, &none, 8L);
    kill(getpid(), SIGUSR1);
    mask = 0;
    E(rt_sigsuspend, "takes it", &mask, 8L);
    V(rt_sigsuspend, "handler ran", caught == SIGUSR1);
    E(rt_sigsuspend, "wrong size", &mask, 4L);
    E(rt_sigsuspend, "bad pointer", BAD, 8L);
    Q(rt_sigprocmask, SIG_SETMASK, &mask, 0L, 8L);
    signal(SIGUSR1, SIG_IGN);
    E(kill, "ignored", getpid(), SIGUSR1);
    int p[2];
    char c;
    struct itimerval soon = {{0, 0}, {0, 20000}};
    pipe(p);
    a = (struct action){catch, 0, 0};
    Q(rt_sigaction, SIGALRM, &a, 0L, 8L);
    setitimer(ITIMER_REAL, &soon, 0);
    E(read, "interrupted", p[0], &c, 1);
    setitimer(ITIMER_REAL, &soon, 0);
    E(rt_sigtimedwait, "interrupted", &pending, &info, 0L, 8L);
    setitimer(ITIMER_REAL, &soon, 0);
    E(nanosleep, "interrupted", &(struct timespec){5, 0}, 0L);
    alarm(60);
    close(p[0]), close(p[1]);
}

static void broken_return(void) { syscall(SYS_rt_sigreturn); }
static void kills_itself(void) { raise(SIGTERM); }
static void ignores_fault(void)
{
    signal(SIGSEGV, SIG_IGN);
    *(volatile int *)8 = 1;
}
static void aborts(void) { abort(); }

static void plain_user(void)
{
    syscall(SYS_setresuid, 1000, 1000, 1000);
    E(kill, "user: init", 1, 0);
    E(tgkill, "user: init", 1, 1, 0);
    siginfo_t info = {.si_code = SI_QUEUE};
    E(rt_sigqueueinfo, "user: init", 1, 0, &info);
}

void family_signal(void)
{
    sending();
    handlers();
    masks();
    show_child("rt_sigreturn", "without a frame", broken_return);
    show_child("kill", "ends the process", kills_itself);
    show_child("rt_sigaction", "a fault cannot be ignored", ignores_fault);
    show_child("tgkill", "abort", aborts);
    show_child("kill", "user", plain_user);
}
