/* trace.c - looking into other processes, and POSIX timers. */
#include "conformance.h"
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <time.h>

static void timers(void)
{
    struct sigevent e = {.sigev_notify = SIGEV_NONE};
    struct itimerspec s = {{0, 0}, {100, 0}}, got, wrong = {{0, 0}, {0, -1}};
    int id = -1, other;
    E(timer_create, "ok", CLOCK_MONOTONIC, &e, &id);
    V(timer_create, "first id", id);
    E(timer_create, "bad clock", 99, &e, &other);
    E(timer_create, "raw clock", CLOCK_MONOTONIC_RAW, &e, &other);
    E(timer_create, "bad event", CLOCK_MONOTONIC, BAD, &other);
    E(timer_create, "bad id pointer", CLOCK_MONOTONIC, &e, BAD);
    e.sigev_notify = SIGEV_SIGNAL, e.sigev_signo = 0;
    E(timer_create, "signal 0", CLOCK_MONOTONIC, &e, &other);
    e.sigev_signo = 65;
    E(timer_create, "signal 65", CLOCK_MONOTONIC, &e, &other);
    e.sigev_notify = 77, e.sigev_signo = SIGUSR1;
    E(timer_create, "bad kind", CLOCK_MONOTONIC, &e, &other);
    E(timer_settime, "ok", id, 0, &s, 0L);
    E(timer_settime, "wrong", id, 0, &wrong, 0L);
    E(timer_settime, "no value", id, 0, 0L, 0L);
    E(timer_settime, "bad pointer", id, 0, BAD, 0L);
    E(timer_settime, "bad old pointer", id, 0, &s, BAD);
    E(timer_settime, "no such", 9999, 0, &s, 0L);
    E(timer_gettime, "ok", id, &got);
    V(timer_gettime, "about", got.it_value.tv_sec >= 99);
    E(timer_gettime, "bad pointer", id, BAD);
    E(timer_gettime, "no such", 9999, &got);
    E(timer_getoverrun, "none", id);
    E(timer_getoverrun, "no such", 9999);
    E(timer_delete, "ok", id);
    E(timer_delete, "again", id);
    sigset_t set;
    siginfo_t info;
    sigemptyset(&set), sigaddset(&set, SIGUSR1), sigprocmask(SIG_BLOCK, &set, 0);
    e = (struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42};
    Q(timer_create, CLOCK_MONOTONIC, &e, &id);
    s.it_value = (struct timespec){0, 1000000};
    Q(timer_settime, id, 0, &s, 0L);
    V(timer_settime, "signal comes", sigwaitinfo(&set, &info));
    V(timer_settime, "its code", info.si_code), V(timer_settime, "its value", info.si_value.sival_int);
    Q(timer_delete, id);
}

static void memory(void)
{
    char here[16] = "", there[16] = "copied";
    struct iovec local = {here, 7}, remote = {there, 7}, bad = {BAD, 7};
    E(process_vm_readv, "own", getpid(), &local, 1L, &remote, 1L, 0L);
    show_text("process_vm_readv", "text", here);
    E(process_vm_readv, "bad there", getpid(), &local, 1L, &bad, 1L, 0L);
    E(process_vm_readv, "bad here", getpid(), &bad, 1L, &remote, 1L, 0L);
    E(process_vm_readv, "bad vector", getpid(), BAD, 1L, &remote, 1L, 0L);
    E(process_vm_readv, "flags", getpid(), &local, 1L, &remote, 1L, 1L);
    E(process_vm_readv, "no such process", 99999, &local, 1L, &remote, 1L, 0L);
    E(process_vm_readv, "too many", getpid(), &local, 1025L, &remote, 1L, 0L);
    E(process_vm_readv, "none", getpid(), &local, 0L, &remote, 1L, 0L);
    strcpy(here, "back");
    local.iov_len = remote.iov_len = 5;
    E(process_vm_writev, "own", getpid(), &local, 1L, &remote, 1L, 0L);
    show_text("process_vm_writev", "text", there);
    struct iovec protected = {read_only, 5};
    E(process_vm_writev, "read-only there", getpid(), &local, 1L, &protected, 1L, 0L);
    E(process_vm_writev, "no such process", 99999, &local, 1L, &remote, 1L, 0L);
    E(process_vm_writev, "flags", getpid(), &local, 1L, &remote, 1L, 9L);
}

static void tracing(void)
{
    int status;
    long word = 5;
    pid_t pid = fork();
    if (!pid) {
        E(ptrace, "trace me", PTRACE_TRACEME, 0, 0L, 0L);
        E(ptrace, "trace me again", PTRACE_TRACEME, 0, 0L, 0L);
        raise(SIGUSR1);
        _exit(word == 6 ? 3 : 4);
    }
    waitpid(pid, &status, 0);
    V(ptrace, "stopped status", status);
    E(ptrace, "no such process", PTRACE_CONT, 99999, 0L, 0L);
    E(ptrace, "not traced", PTRACE_CONT, getppid(), 0L, 0L);
    E(ptrace, "unknown request", 0x7777, pid, 0L, 0L);
    E(ptrace, "peek", PTRACE_PEEKDATA, pid, &word, &word);
    V(ptrace, "peeked", word);
    E(ptrace, "peek nowhere", PTRACE_PEEKDATA, pid, BAD, &word);
    E(ptrace, "poke", PTRACE_POKEDATA, pid, &word, 6L);
    long regs[32];
    struct iovec io = {regs, sizeof regs};
    E(ptrace, "registers", PTRACE_GETREGSET, pid, 1L, &io);
    V(ptrace, "registers, bytes", io.iov_len);
    E(ptrace, "unknown registers", PTRACE_GETREGSET, pid, 0x7777L, &io);
    E(ptrace, "bad vector", PTRACE_GETREGSET, pid, 1L, BAD);
    E(ptrace, "bad options", PTRACE_SETOPTIONS, pid, 0L, 0x80000000L);
    E(ptrace, "bad signal", PTRACE_CONT, pid, 0L, 1000L);
    E(ptrace, "continue without the signal", PTRACE_CONT, pid, 0L, 0L);
    waitpid(pid, &status, 0);
    V(ptrace, "it saw what was poked", status);
}

static void plain_user(void)
{
    struct iovec one = {&one, 8};
    syscall(SYS_setresuid, 1000, 1000, 1000);
    E(vhangup, "user");
    E(process_vm_readv, "user: init", 1, &one, 1L, &one, 1L, 0L);
    E(ptrace, "user: init", PTRACE_ATTACH, 1, 0L, 0L);
}

void family_trace(void)
{
    timers();
    memory();
    tracing();
    show_child("vhangup", "user", plain_user);
}
