/* proc.c - calls on processes and on the system as a whole. */
#include "conformance.h"
#include <linux/reboot.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <sys/utsname.h>

static void exits_with_300(void) { syscall(SYS_exit, 300); }
static void exits_group(void) { syscall(SYS_exit_group, -1); }
static void killed(void) { kill(getpid(), SIGKILL), pause(); }

static pid_t child(int code)
{
    pid_t pid = fork();
    if (!pid) _exit(code);
    return pid;
}

static void waiting(void)
{
    int status = 0;
    siginfo_t info = {0};
    struct rusage usage;
    E(wait4, "no children", -1, &status, 0, 0L);
    pid_t pid = child(7);
    V(wait4, "child", Q(wait4, pid, &status, 0, &usage) == pid);
    V(wait4, "status", status);
    E(wait4, "again", pid, &status, 0, 0L);
    E(wait4, "bad options", -1, &status, 0x100, 0L);
    E(wait4, "not a child", 1, &status, 0, 0L);
    E(wait4, "group INT_MIN", (int)0x80000000, &status, 0, 0L);
    pid = child(1);
    usleep(20000);
    E(wait4, "bad status pointer", pid, BAD, 0, 0L);
    E(wait4, "after the bad pointer", pid, &status, 0, 0L);
    pid = fork();
    if (!pid) pause(), _exit(0);
    E(wait4, "nothing yet", pid, &status, WNOHANG, 0L);
    kill(pid, SIGSTOP);
    V(wait4, "stopped", Q(wait4, pid, &status, WUNTRACED, 0L) == pid);
    V(wait4, "stopped status", status);
    kill(pid, SIGCONT);
    V(wait4, "continued", Q(wait4, pid, &status, WCONTINUED, 0L) == pid);
    V(wait4, "continued status", status);
    kill(pid, SIGTERM);
    E(waitid, "leave it", P_PID, pid, &info, WEXITED | WNOWAIT, 0L);
    V(waitid, "code", info.si_code), V(waitid, "status", info.si_status), V(waitid, "signal", info.si_signo);
    V(waitid, "its pid", info.si_pid == pid);
    E(waitid, "take it", P_PID, pid, &info, WEXITED, 0L);
    E(waitid, "none", P_ALL, 0, &info, WEXITED, 0L);
    E(waitid, "no options", P_ALL, 0, &info, 0, 0L);
    E(waitid, "bad options", P_ALL, 0, &info, 0x1000, 0L);
    E(waitid, "bad kind", 9, 0, &info, WEXITED, 0L);
    E(waitid, "pid 0", P_PID, 0, &info, WEXITED, 0L);
    pid = child(3);
    usleep(20000);
    E(waitid, "bad pointer", P_PID, pid, BAD, WEXITED, 0L);
    while (waitpid(-1, 0, WNOHANG) > 0) {
    }
    show_child("exit", "code is 8 bits", exits_with_300);
    show_child("exit_group", "-1", exits_group);
    show_child("exit", "killed", killed);
}

static int thread(void *argument)
{
    *(volatile int *)argument = 5;
    return 0;
}

static void making(void)
{
    static char stack[16384] __attribute__((aligned(16)));
    E(clone, "signal handlers without memory", CLONE_SIGHAND, 0L, 0L, 0L, 0L);
    E(clone, "thread without handlers", CLONE_THREAD, 0L, 0L, 0L, 0L);
    E(clone, "new and shared directory", CLONE_NEWNS | CLONE_FS, 0L, 0L, 0L, 0L);
    E(clone3, "too small", stack, 10L);
    E(clone3, "bad pointer", BAD, 88L);
    E(clone3, "too large", stack, 5000L);
    uint64_t args[11] = {0};
    args[4] = 1000;
    E(clone3, "bad signal", args, 88L);
    args[4] = 0, args[5] = 0x1000;
    E(clone3, "stack without size", args, 88L);
    volatile int shared = 1;
    int pid = clone(thread, stack + sizeof stack, CLONE_VM | SIGCHLD, (void *)&shared), status;
    waitpid(pid, &status, 0);
    V(clone, "shared memory", shared);
    shared = 1;
    pid = clone(thread, stack + sizeof stack, SIGCHLD, (void *)&shared);
    waitpid(pid, &status, 0);
    V(clone, "own memory", shared);
    pid = clone(thread, stack + sizeof stack, CLONE_VM | CLONE_VFORK, (void *)&shared);
    E(wait4, "child without signal", pid, &status, 0, 0L);
    V(wait4, "child without signal, __WALL", waitpid(pid, &status, __WALL) == pid);
    char *const words[] = {"x", 0}, *none[] = {0}, *wild[] = {(char *)BAD, 0};
    mkdir("d", 0755);
    close((int)make_file("noexec", "#!/bin/sh\n")), close((int)make_file("junk", "junk")), chmod("junk", 0755);
    close((int)make_file("badscript", "#!/no/such/interpreter\n")), chmod("badscript", 0755);
    close((int)make_file("empty", "")), chmod("empty", 0755);
    close((int)make_file("elf", "\177ELF\2\1\1")), chmod("elf", 0755);
    close((int)make_file("selfscript", "#!selfscript\n")), chmod("selfscript", 0755);
    E(execve, "no such", "none", words, none);
    E(execve, "directory", "d", words, none);
    E(execve, "not executable", "noexec", words, none);
    E(execve, "junk", "junk", words, none);
    E(execve, "empty", "empty", words, none);
    E(execve, "half an ELF", "elf", words, none);
    E(execve, "no interpreter", "badscript", words, none);
    E(execve, "script of itself", "selfscript", words, none);
    E(execve, "bad path", BAD, words, none);
    E(execve, "bad words", "/proc/self/exe", wild, none);
    E(execve, "bad vector", "/proc/self/exe", BAD, none);
    E(execve, "empty path", "", words, none);
}

static void session_child(void)
{
    V(setsid, "new", setsid() == getpid());
    E(setsid, "leader already", 0);
    V(getsid, "own", getsid(0) == getpid());
    E(setpgid, "leader of a session", 0, 0);
}

static void groups(void)
{
    V(getpid, "not 0", getpid() > 0), V(getppid, "not 0", getppid() > 0), V(gettid, "is pid", gettid() == getpid());
    E(setpgid, "negative", 0, -1);
    E(setpgid, "no such process", 99999, 0);
    E(setpgid, "no such group", 0, 99999);
    E(setpgid, "own", 0, 0);
    E(getpgid, "no such process", 99999);
    E(getpgid, "negative", -1);
    V(getpgid, "own", Q(getpgid, 0) == getpid());
    E(getsid, "no such process", 99999);
    show_child("setsid", "child", session_child);
    V(set_tid_address, "is tid", Q(set_tid_address, 0L) == gettid());
    char head[24];
    void *got;
    size_t size;
    E(set_robust_list, "wrong size", head, 23L);
    E(set_robust_list, "ok", head, 24L);
    E(get_robust_list, "own", 0, &got, &size);
    V(get_robust_list, "is it", got == head && size == 24);
    E(get_robust_list, "no such task", 99999, &got, &size);
    E(get_robust_list, "bad pointer", 0, BAD, &size);
    Q(set_robust_list, 0L, 24L);
}

static void limits(void)
{
    struct rlimit l, old;
    struct rusage u;
    struct tms t;
    E(getrlimit, "ok", RLIMIT_NOFILE, &l);
    V(getrlimit, "NOFILE soft", l.rlim_cur), V(getrlimit, "NOFILE hard", l.rlim_max);
    getrlimit(RLIMIT_STACK, &l);
    V(getrlimit, "STACK soft", l.rlim_cur);
    getrlimit(RLIMIT_CORE, &l);
    V(getrlimit, "CORE soft", l.rlim_cur);
    E(getrlimit, "bad number", 16, &l);
    E(getrlimit, "bad pointer", RLIMIT_NOFILE, BAD);
    l = (struct rlimit){100, 50};
    E(setrlimit, "soft above hard", RLIMIT_NOFILE, &l);
    l = (struct rlimit){64, 4096};
    E(setrlimit, "ok", RLIMIT_NOFILE, &l);
    E(dup3, "at the limit", 0, 64, 0);
    E(fcntl, "DUPFD at the limit", 0, F_DUPFD, 64L);
    E(setrlimit, "bad number", 16, &l);
    E(setrlimit, "bad pointer", RLIMIT_NOFILE, BAD);
    E(prlimit64, "both", 0, RLIMIT_NOFILE, &l, &old);
    V(prlimit64, "old", old.rlim_cur);
    E(prlimit64, "no such process", 99999, RLIMIT_NOFILE, 0L, &old);
    E(prlimit64, "bad number", 0, 99, 0L, &old);
    E(prlimit64, "bad pointer", 0, RLIMIT_NOFILE, BAD, 0L);
    E(getrusage, "self", RUSAGE_SELF, &u);
    E(getrusage, "children", RUSAGE_CHILDREN, &u);
    E(getrusage, "thread", RUSAGE_THREAD, &u);
    E(getrusage, "bad who", 5, &u);
    E(getrusage, "bad pointer", RUSAGE_SELF, BAD);
    K(times, "ok", &t);
    K(times, "no pointer", 0L);
    E(times, "bad pointer", BAD);
}

static void whole_system(void)
{
    struct utsname name;
    struct sysinfo info;
    char b[64];
    E(uname, "ok", &name);
    show_text("uname", "machine", name.machine);
    E(uname, "bad pointer", BAD);
    E(sethostname, "ok", "orrery", 6);
    uname(&name);
    show_text("uname", "node", name.nodename);
    E(sethostname, "too long", b, 65);
    E(sethostname, "negative", b, -1);
    E(sethostname, "bad pointer", BAD, 5);
    E(setdomainname, "ok", "domain", 6);
    E(setdomainname, "too long", b, 65);
    E(setdomainname, "bad pointer", BAD, 5);
    E(sysinfo, "ok", &info);
    V(sysinfo, "unit", info.mem_unit), V(sysinfo, "has memory", info.totalram > info.freeram && info.freeram > 0);
    E(sysinfo, "bad pointer", BAD);
    E(getrandom, "some", b, 16L, 0);
    E(getrandom, "nothing", b, 0L, 0);
    E(getrandom, "bad flags", b, 16L, 8);
    E(getrandom, "contradiction", b, 16L, 6);
    E(getrandom, "bad pointer", BAD, 16L, 0);
    K(syslog, "size", 10, 0L, 0);
    E(syslog, "bad command", 99, 0L, 0);
    E(syslog, "no buffer", 3, 0L, 10);
    E(syslog, "negative size", 3, b, -1);
    E(reboot, "bad magic", 1, 2, LINUX_REBOOT_CMD_RESTART, 0L);
    E(reboot, "bad command", (int)0xfee1dead, 672274793, 0x12345, 0L);
    unsigned cpu = 77;
    E(getcpu, "ok", &cpu, 0L, 0L);
    V(getcpu, "number", cpu < 8);
    E(getcpu, "bad pointer", BAD, 0L, 0L);
    E(getcpu, "no pointers", 0L, 0L, 0L);
    E(personality, "ask", 0xffffffffL);
    E(personality, "set", 0x0040000L);
    E(personality, "then", 0L);
    E(prctl, "bad", 9999, 0L, 0L, 0L, 0L);
    E(prctl, "set name", PR_SET_NAME, "conform", 0L, 0L, 0L);
    E(prctl, "get name", PR_GET_NAME, b, 0L, 0L, 0L);
    show_text("prctl", "name", b);
    E(prctl, "get name, bad pointer", PR_GET_NAME, BAD, 0L, 0L, 0L);
    E(prctl, "set death signal", PR_SET_PDEATHSIG, SIGTERM, 0L, 0L, 0L);
    E(prctl, "set bad death signal", PR_SET_PDEATHSIG, 100, 0L, 0L, 0L);
    int value = 0;
    E(prctl, "get death signal", PR_GET_PDEATHSIG, &value, 0L, 0L, 0L);
    V(prctl, "death signal", value);
    Q(prctl, PR_SET_PDEATHSIG, 0L);
    E(prctl, "dumpable", PR_GET_DUMPABLE, 0L, 0L, 0L, 0L);
    E(prctl, "set dumpable wrong", PR_SET_DUMPABLE, 5L, 0L, 0L, 0L);
    E(prctl, "no new privileges", PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 0L);
    E(prctl, "no new privileges, wrong", PR_SET_NO_NEW_PRIVS, 2L, 0L, 0L, 0L);
    E(prctl, "subreaper", PR_SET_CHILD_SUBREAPER, 0L, 0L, 0L, 0L);
    E(prctl, "get subreaper", PR_GET_CHILD_SUBREAPER, &value, 0L, 0L, 0L);
    errno = 0;
    V(restart_syscall, "nothing to restart", syscall(SYS_restart_syscall));
    V(unknown, "number 499", syscall(499)), V(unknown, "huge number", syscall(0x7fffffff));
    V(unknown, "negative number", syscall(-5));
}

static void plain_user(void)
{
    struct rlimit l = {100000, 100000};
    syscall(SYS_setresuid, 1000, 1000, 1000);
    E(setrlimit, "user: raise the hard limit", RLIMIT_NOFILE, &l);
    E(prlimit64, "user: another process", 1, RLIMIT_NOFILE, 0L, &l);
    E(sethostname, "user", "x", 1);
    E(reboot, "user", (int)0xfee1dead, 672274793, LINUX_REBOOT_CMD_RESTART, 0L);
    E(swapon, "user", "none", 0);
    E(swapoff, "user", "none");
    E(personality, "user", 0xffffffffL);
    E(get_robust_list, "user: another process", 1, &l, &l);
    E(getsid, "user: another process", 1);
    E(syslog, "user: clear", 5, 0L, 0);
    E(clone, "user: name space", CLONE_NEWNS | SIGCHLD, 0L, 0L, 0L, 0L);
}

void family_proc(void)
{
    waiting();
    making();
    groups();
    show_child("prlimit64", "limits", limits);
    whole_system();
    show_child("setrlimit", "user", plain_user);
}
