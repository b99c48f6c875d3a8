/*
 * process.h - processes: the tree, groups and sessions.
 *
 *      init (1)
 *       +- shell            session leader: the tree below it shares a controlling terminal
 *       |   +- ls | more    one process group ("job"): what Ctrl-C reaches
 *       |   +- make &       another
 *
 * process_lock protects the tree, groups, sessions, and all signals. A process whose tasks have all exited stays as a *zombie*
 * (state TERMINATED) until its parent has waited for it. If the parent goes first, init adopts it.
 */
#ifndef KEPLER_KERN_PROCESS_H
#define KEPLER_KERN_PROCESS_H

#include "kern/task.h"
#include "kern/timer.h"

enum rlimit_number {
    RLIMIT_CPU,
    RLIMIT_FSIZE,
    RLIMIT_DATA,
    RLIMIT_STACK,
    RLIMIT_CORE,
    RLIMIT_RSS,
    RLIMIT_NPROC,
    RLIMIT_NOFILE,
    RLIMIT_MEMLOCK,
    RLIMIT_AS,
    RLIMIT_LOCKS,
    RLIMIT_SIGPENDING,
    RLIMIT_MSGQUEUE,
    RLIMIT_NICE,
    RLIMIT_RTPRIO,
    RLIMIT_RTTIME,
    RLIMITS,
};
#define RLIM_INFINITY UINT64_MAX
struct rlimit {
    uint64_t soft, hard;
};

struct tty;
struct file;

/* Times of exited tasks or children, ns; and counts. */
struct usage {
    uint64_t user_ns, system_ns;
    uint64_t faults_minor, faults_major;
    uint64_t switches_voluntary, switches_forced;
    uint64_t rss_max_pages;
};

struct process {
    struct refcount refs;
    int pid; /* = pid of the first task */
    int pgid, sid;
    struct task *leader; /* first task; NULL once reaped */
    struct list tasks;
    unsigned live;    /* tasks that have not exited */
    unsigned leaving; /* of these, on their way out */
    struct process *parent;
    struct list children, sibling;
    struct list all_link; /* in process_list */
    struct tty *tty;      /* controlling terminal; under process_lock, owned by dev/ */
    struct list tracees;  /* struct tracee: tasks that it traces; under process_lock */
    bool did_exec;        /* setpgid of a child after exec is refused */

    struct sighand *sighand;
    struct sigpending pending; /* for any task of the process */

    bool exiting; /* exit_group or a fatal signal: all tasks are to go */
    bool zombie;
    int exit_status;
    int exit_signal;                        /* to the parent at the end; SIGCHLD from fork */
    bool stopped, stop_reported, continued; /* job control, for wait4 */
    bool stopping;                          /* tasks stop on their way to user mode until SIGCONT */
    int stop_signal;
    struct waitq children_wait; /* parent waits here in wait4 */
    struct waitq exec_wait;     /* a task that waits to be the only one */
    struct task *exec_task;     /* that one */

    struct rlimit limits[RLIMITS];
    struct usage dead_tasks, dead_children;
    uint64_t arg_start, arg_end, env_start, env_end; /* strings of exec; under process_lock */
    struct timer real_timer;                         /* ITIMER_REAL */
    uint64_t real_interval_ns;
    uint64_t virtual_left_ns, virtual_interval_ns, prof_left_ns, prof_interval_ns; /* 0: off; counted by the tick */
    struct list ptimers;                                                           /* struct ptimer (kern/ptimer.h) */
    unsigned next_ptimer;
    bool counts_cputime; /* one of them is on, or RLIMIT_CPU is set */
    uint64_t cpu_warned_s;
    uint64_t start_ns;
    struct file *exe; /* the program, write-protected while it runs; under process_lock */
    bool
        dumpable; /* others of the same user may look inside; fork passes it on, exec and a change of user set it anew */
    bool subreaper;
    bool membarrier; /* has said that it will ask for barriers on other harts; fork passes it on, exec ends it */
    int parent_death_signal;
    uint32_t persona;        /* of personality(2) */
    struct mailbox *mailbox; /* ipc/message.c: messages for it; NULL: none yet */
    bool mail_closed;
};

extern struct spinlock process_lock;
extern struct list process_list; /* all, zombies too; under process_lock */
extern struct process *init_process;

#define current_process (current->process)

static inline struct process *process_get(struct process *process)
{
    ref_get(&process->refs);
    return process;
}
void process_put(struct process *process);
/* With a reference, or NULL. */
struct process *process_find(int pid);

/* Soft limit of the current process. */
uint64_t process_limit(enum rlimit_number number);

/* Ends all tasks of the current process. `status` as wait4 reports it: code << 8, or signal. Does not return. */
_Noreturn void process_exit(int status);

/* Terminals. The group's members may be told apart from orphans: an orphaned group is not stopped by the terminal. */
bool process_group_exists(int pgid, int sid);
bool process_group_is_orphaned(int pgid);
/* dev/: a session leader has ended; its terminal hangs up. No locks held. */
void tty_session_ends(struct process *leader);
/* Its device number and foreground group, for /proc. process_lock is held. */
void tty_describe(const struct tty *tty, uint64_t *rdev, int *foreground);

/* A copy of what /proc prints of one process; no reference needed afterwards. */
struct process_view {
    int pid, tgid, ppid, pgid, sid, tracer;
    char name[TASK_NAME_MAX];
    char state;             /* R S D T Z, and N for new */
    const char *state_name; /* "ready", "running", ... */
    unsigned threads;
    struct cred cred;
    uint64_t user_ns, system_ns, children_user_ns, children_system_ns, start_ns;
    uint64_t turnaround_ns, response_ns, waiting_ns; /* up to now */
    uint64_t faults_minor, faults_major, switches_voluntary, switches_forced;
    int priority, nice;
    unsigned hart;
    const char *wait_for; /* NULL: not waiting */
    bool has_tty;
    uint64_t tty_rdev;
    int tty_foreground;
    sigset pending, shared_pending, blocked, ignored, caught;
    uint64_t policy_mask; /* harts it may run on */
    struct rlimit limits[RLIMITS];
    bool kernel_thread;
};
/* Of task `task`; per-process sums if `whole`. */
void process_describe(struct task *task, bool whole, struct process_view *view);

#endif
