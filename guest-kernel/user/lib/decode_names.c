/*
 * decode_names.c - numbers that have names: flags, signals, errors, requests.
 *
 * A table for each kind of argument. A table of flags may begin with values of several bits (O_RDWR): the
 * first entries that fit are taken off, what is left over is printed as a number.
 */
#include "lib/decode.h"

#include <asm/unistd.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#define N(name)                                                                                                        \
    {                                                                                                                  \
        (unsigned long)(name), #name                                                                                   \
    }
#define END                                                                                                            \
    {                                                                                                                  \
        0, NULL                                                                                                        \
    }
#define TABLE static const struct number_name

TABLE open_flags[] = {N(O_RDWR),     N(O_WRONLY),  N(O_CREAT),   N(O_EXCL),  N(O_NOCTTY), N(O_TRUNC),   N(O_APPEND),
                      N(O_NONBLOCK), N(O_SYNC),    N(O_DSYNC),   N(O_ASYNC), N(O_DIRECT), N(O_TMPFILE), N(O_DIRECTORY),
                      N(O_NOFOLLOW), N(O_NOATIME), N(O_CLOEXEC), N(O_PATH),  END};
TABLE at_flags[] = {N(AT_SYMLINK_NOFOLLOW), N(AT_REMOVEDIR),  N(AT_SYMLINK_FOLLOW),
                    N(AT_NO_AUTOMOUNT),     N(AT_EMPTY_PATH), END};
TABLE wait_flags[] = {N(WNOHANG), N(WSTOPPED), N(WEXITED), N(WCONTINUED), N(WNOWAIT), N(__WALL), N(__WCLONE), END};
TABLE protections[] = {N(PROT_READ), N(PROT_WRITE), N(PROT_EXEC), END};
TABLE map_flags[] = {N(MAP_SHARED_VALIDATE), N(MAP_SHARED),    N(MAP_PRIVATE),         N(MAP_FIXED),
                     N(MAP_ANONYMOUS),       N(MAP_GROWSDOWN), N(MAP_LOCKED),          N(MAP_NORESERVE),
                     N(MAP_POPULATE),        N(MAP_STACK),     N(MAP_FIXED_NOREPLACE), END};
TABLE clone_flags[] = {N(CLONE_VM),       N(CLONE_FS),       N(CLONE_FILES),         N(CLONE_SIGHAND),
                       N(CLONE_PTRACE),   N(CLONE_VFORK),    N(CLONE_PARENT),        N(CLONE_THREAD),
                       N(CLONE_SYSVSEM),  N(CLONE_SETTLS),   N(CLONE_PARENT_SETTID), N(CLONE_CHILD_CLEARTID),
                       N(CLONE_DETACHED), N(CLONE_UNTRACED), N(CLONE_CHILD_SETTID),  END};
TABLE socket_types[] = {
    N(SOCK_RAW), N(SOCK_SEQPACKET), N(SOCK_DGRAM), N(SOCK_STREAM), N(SOCK_NONBLOCK), N(SOCK_CLOEXEC), END};
TABLE whences[] = {N(SEEK_SET), N(SEEK_CUR), N(SEEK_END), END};
TABLE clocks[] = {N(CLOCK_REALTIME),          N(CLOCK_MONOTONIC),     N(CLOCK_PROCESS_CPUTIME_ID),
                  N(CLOCK_THREAD_CPUTIME_ID), N(CLOCK_MONOTONIC_RAW), N(CLOCK_REALTIME_COARSE),
                  N(CLOCK_MONOTONIC_COARSE),  N(CLOCK_BOOTTIME),      END};
TABLE hows[] = {N(SIG_BLOCK), N(SIG_UNBLOCK), N(SIG_SETMASK), END};
TABLE futexes[] = {N(FUTEX_WAIT),
                   N(FUTEX_WAKE),
                   N(FUTEX_REQUEUE),
                   N(FUTEX_CMP_REQUEUE),
                   N(FUTEX_WAKE_OP),
                   N(FUTEX_WAIT_BITSET),
                   N(FUTEX_WAKE_BITSET),
                   N(FUTEX_WAIT_PRIVATE),
                   N(FUTEX_WAKE_PRIVATE),
                   N(FUTEX_CMP_REQUEUE_PRIVATE),
                   N(FUTEX_WAKE_OP_PRIVATE),
                   N(FUTEX_WAIT_BITSET_PRIVATE),
                   N(FUTEX_WAKE_BITSET_PRIVATE),
                   {FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, "FUTEX_WAIT_BITSET_PRIVATE|FUTEX_CLOCK_REALTIME"},
                   END};
TABLE fcntls[] = {N(F_DUPFD),         N(F_GETFD),      N(F_SETFD),      N(F_GETFL),  N(F_SETFL),
                  N(F_GETLK),         N(F_SETLK),      N(F_SETLKW),     N(F_SETOWN), N(F_GETOWN),
                  N(F_DUPFD_CLOEXEC), N(F_SETPIPE_SZ), N(F_GETPIPE_SZ), END};
TABLE families[] = {N(AF_UNSPEC), N(AF_UNIX), N(AF_INET), N(AF_INET6), {16, "AF_NETLINK"}, END};
TABLE resources[] = {N(RLIMIT_CPU),      N(RLIMIT_FSIZE), N(RLIMIT_DATA),   N(RLIMIT_STACK),
                     N(RLIMIT_CORE),     N(RLIMIT_RSS),   N(RLIMIT_NPROC),  N(RLIMIT_NOFILE),
                     N(RLIMIT_MEMLOCK),  N(RLIMIT_AS),    N(RLIMIT_LOCKS),  N(RLIMIT_SIGPENDING),
                     N(RLIMIT_MSGQUEUE), N(RLIMIT_NICE),  N(RLIMIT_RTPRIO), END};
TABLE requests[] = {N(TCGETS),   N(TCSETS),    N(TCSETSW),   N(TCSETSF),   N(TCSBRK),     N(TCXONC),
                    N(TCFLSH),   N(TIOCSCTTY), N(TIOCGPGRP), N(TIOCSPGRP), N(TIOCGWINSZ), N(TIOCSWINSZ),
                    N(FIONREAD), N(FIONBIO),   N(TIOCNOTTY), N(TIOCGSID),  N(TIOCGPTN),   N(TIOCSPTLCK),
                    N(FIOCLEX),  N(TIOCSTI),   N(TIOCOUTQ),  END};
TABLE traces[] = {N(PTRACE_TRACEME),
                  N(PTRACE_PEEKDATA),
                  N(PTRACE_POKEDATA),
                  N(PTRACE_CONT),
                  N(PTRACE_KILL),
                  N(PTRACE_ATTACH),
                  N(PTRACE_DETACH),
                  N(PTRACE_SYSCALL),
                  N(PTRACE_SETOPTIONS),
                  N(PTRACE_GETEVENTMSG),
                  N(PTRACE_GETSIGINFO),
                  N(PTRACE_GETREGSET),
                  N(PTRACE_SETREGSET),
                  N(PTRACE_SEIZE),
                  N(PTRACE_INTERRUPT),
                  N(PTRACE_LISTEN),
                  {0x420e, "PTRACE_GET_SYSCALL_INFO"},
                  END};

static const struct name_table tables[] = {
    {"OFLAGS", open_flags, true},
    {"FDFLAGS", open_flags + 2, true},
    {"ATFLAGS", at_flags, true},
    {"WAITFLAGS", wait_flags, true},
    {"PROT", protections, true},
    {"MAPFLAGS", map_flags, true},
    {"CLONEFLAGS", clone_flags, true},
    {"SOCKTYPE", socket_types, true},
    {"WHENCE", whences, false},
    {"CLOCK", clocks, false},
    {"HOW", hows, false},
    {"FUTEX", futexes, false},
    {"FCNTL", fcntls, false},
    {"FAMILY", families, false},
    {"RESOURCE", resources, false},
    {"REQUEST", requests, false},
    {"TRACE", traces, false},
};

const struct name_table *decode_names(const char *kind)
{
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (!strcmp(kind, tables[i].kind)) return &tables[i];
    return NULL;
}

/* The way of opening and the kind of a socket are numbers in the lowest bits, not flags. */
void decode_flags(struct text *to, const struct number_name *names, unsigned long value)
{
    bool first = true;
    if (names == open_flags && !(value & O_ACCMODE)) text_add(to, "O_RDONLY"), first = false;
    for (; names->name; names++) {
        if ((value & names->value) != names->value) continue;
        text_print(to, "%s%s", first ? "" : "|", names->name);
        value &= ~names->value;
        first = false;
    }
    if (value || first) text_print(to, first ? "%#lx" : "|%#lx", value);
}

const char *decode_signal(int number)
{
    static const char *const names[] = {
        "0",         "SIGHUP",  "SIGINT",    "SIGQUIT", "SIGILL",   "SIGTRAP", "SIGABRT", "SIGBUS",
        "SIGFPE",    "SIGKILL", "SIGUSR1",   "SIGSEGV", "SIGUSR2",  "SIGPIPE", "SIGALRM", "SIGTERM",
        "SIGSTKFLT", "SIGCHLD", "SIGCONT",   "SIGSTOP", "SIGTSTP",  "SIGTTIN", "SIGTTOU", "SIGURG",
        "SIGXCPU",   "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO",   "SIGPWR",  "SIGSYS"};
    static char text[24];
    if (number >= 0 && number < 32) return names[number];
    snprintf(text, sizeof text, "SIGRT_%d", number - 32);
    return text;
}

const char *decode_errno(int number)
{
    switch (number) {
    case 512: return "ERESTARTSYS";
    case 513: return "ERESTARTNOINTR";
    case 514: return "ERESTARTNOHAND";
    case 516: return "ERESTART_RESTARTBLOCK";
    default: return strerrorname_np(number);
    }
}
