/*
 * signal.h - signals: interrupts for user programs.
 *
 * Sending a signal marks it *pending*, in one task or in a process; delivering it happens later, in the receiver, on its
 * way back to user mode. Signals below 32 are only marked; real-time signals (32..64) queue up with their
 * information. All signal state is protected by process_lock.
 *
 * Structures that user programs see (siginfo, sigaction) have Linux's layout for riscv64.
 */
#ifndef KEPLER_KERN_SIGNAL_H
#define KEPLER_KERN_SIGNAL_H

#include "base/list.h"
#include "base/types.h"

#define SIGNAL_MAX 64

enum {
    SIGHUP = 1,
    SIGINT,
    SIGQUIT,
    SIGILL,
    SIGTRAP,
    SIGABRT,
    SIGBUS,
    SIGFPE,
    SIGKILL,
    SIGUSR1,
    SIGSEGV,
    SIGUSR2,
    SIGPIPE,
    SIGALRM,
    SIGTERM,
    SIGSTKFLT,
    SIGCHLD,
    SIGCONT,
    SIGSTOP,
    SIGTSTP,
    SIGTTIN,
    SIGTTOU,
    SIGURG,
    SIGXCPU,
    SIGXFSZ,
    SIGVTALRM,
    SIGPROF,
    SIGWINCH,
    SIGIO,
    SIGPWR,
    SIGSYS,
};

typedef uint64_t sigset; /* bit n-1: signal n */
#define SIGBIT(signal) (1ull << ((signal)-1))

/* si_code */
enum {
    SI_USER = 0,
    SI_KERNEL = 0x80,
    SI_QUEUE = -1,
    SI_TIMER = -2,
    SI_TKILL = -6,
    CLD_EXITED = 1,
    CLD_KILLED,
    CLD_DUMPED,
    CLD_TRAPPED,
    CLD_STOPPED,
    CLD_CONTINUED,
    SEGV_MAPERR = 1,
    SEGV_ACCERR = 2,
    BUS_ADRALN = 1,
    BUS_ADRERR = 2,
    ILL_ILLOPC = 1,
    TRAP_BRKPT = 1,
};

struct siginfo {
    int32_t signo, error, code, padding;
    union {
        struct {
            int32_t pid;
            uint32_t uid;
            union {
                int32_t status; /* SIGCHLD */
                uint64_t value; /* sigqueue */
            };
            int64_t utime, stime;
        };
        struct {
            int32_t timer_id, overrun;
            uint64_t timer_value;
        };
        uint64_t address; /* SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP */
        uint8_t room[112];
    };
};
_Static_assert(sizeof(struct siginfo) == 128, "Linux's size");

#define SA_NOCLDSTOP 1u
#define SA_NOCLDWAIT 2u
#define SA_SIGINFO   4u
#define SA_ONSTACK   0x08000000u
#define SA_RESTART   0x10000000u
#define SA_NODEFER   0x40000000u
#define SA_RESETHAND 0x80000000u

#define SIG_DFL 0ul
#define SIG_IGN 1ul

/* riscv64 has no sa_restorer: the kernel maps a page with the return sequence. */
struct sigaction {
    uint64_t handler;
    uint64_t flags;
    sigset mask;
};

struct sigpending {
    sigset set;
    struct list queue; /* struct sigqueue: information for the signals in set */
    unsigned count;    /* of these */
};

/* Signal state of one task. */
struct signals {
    sigset blocked;
    sigset waited;     /* being waited for by sigtimedwait: sent although blocked */
    sigset saved_mask; /* to be put back after the handler, by sigsuspend and its kind */
    bool restore_mask;
    bool unfinished_call; /* the system call has returned a restart code */
    struct sigpending pending;
    uint64_t stack_base, stack_bytes; /* sigaltstack */
    uint32_t stack_flags;
};

/* Handlers, shared by the tasks of a process (and across CLONE_SIGHAND). */
struct sighand;

struct task;
struct process;

/* Sends; info may be NULL (as from the kernel). Takes process_lock. Any context. */
void signal_send_task(struct task *task, int signal, const struct siginfo *info);
void signal_send_process(struct process *process, int signal, const struct siginfo *info);
/* To every process of group `pgid`; -ESRCH if there is none. For terminals (SIGINT, SIGHUP, SIGTSTP, SIGTTIN, ...). */
int signal_send_group(int pgid, int signal);
/* A fault of the current task: not blockable, kills if there is no handler. */
void signal_fault(int signal, int code, uint64_t address);
/* Is `signal` blocked or ignored by the current task? Terminals ask before stopping a background reader. */
bool signal_is_ignored_or_blocked(int signal);

/* ppoll, pselect, sigsuspend: a mask for the length of one call. The old one comes back after the handler has run; the call
 * must end with signal_mask_end on every path on which it was not interrupted. */
void signal_mask_begin(sigset mask);
void signal_mask_end(void);

/* For the text of /proc/PID/status. */
void signal_describe(struct task *task, sigset *pending, sigset *shared, sigset *blocked, sigset *ignored,
                     sigset *caught);

#endif
