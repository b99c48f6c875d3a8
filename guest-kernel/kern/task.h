/*
 * task.h - the process control block (PCB).
 *
 * A *task* is one thread of control: a kernel stack, saved registers, a state, a place in one queue. A *process*
 * (process.h) is a group of tasks that share an address space, descriptors and signal handlers, and has a place in the tree of
 * processes. A program with one thread is one process with one task. Kernel threads are tasks without a process.
 *
 * A task is in one of the five states:
 *
 *                     admitted            chosen
 *              NEW ------------> READY ------------> RUNNING ------------> TERMINATED
 *                                  ^  <------------   |        exit
 *                                  |    preempted     |
 *                           event  |                  | waits for an event
 *                                  +----- WAITING <---+
 *
 * READY tasks are on the ready queue (sched/), WAITING ones on a wait queue, the "device queue" of the notes.
 * STOPPED (job control) is a WAITING whose event is SIGCONT. `state` and the queues change only under sched_lock.
 *
 * Who may look: the running task reads and writes its own fields; another's fields need process_lock (tree, signals,
 * credentials) or sched_lock (state), and a reference (task_get) to keep the PCB alive.
 */
#ifndef KEPLER_KERN_TASK_H
#define KEPLER_KERN_TASK_H

/* Offsets that trap.S and switch.S use; checked in task.c. */
#define TASK_KERNEL_SP 0
#define TASK_USER_SP   8
#define TASK_CONTEXT   16

#ifndef __ASSEMBLER__
#include "arch/trap.h"
#include "base/atomic.h"
#include "base/list.h"
#include "base/rbtree.h"
#include "kern/signal.h"
#include "kern/wait.h"
#include "sched/sched.h"

enum task_state { TASK_NEW, TASK_READY, TASK_RUNNING, TASK_WAITING, TASK_STOPPED, TASK_TERMINATED };

#define TASK_NAME_MAX   16
#define TASK_GROUPS_MAX 32
#define PID_MAX         4194304 /* Linux's on 64-bit machines */

/* Who the task acts for. A task's own copy; changed by itself under process_lock. */
struct cred {
    uint32_t uid, euid, suid, fsuid;
    uint32_t gid, egid, sgid, fsgid;
    unsigned groups; /* supplementary groups in group[] */
    uint32_t group[TASK_GROUPS_MAX];
};

/* What a context switch keeps: the registers a C function must preserve. The rest is on the stack already. */
struct context {
    uint64_t ra, sp, s[12];
};

/* A parent that waits for its child to exec or exit; under process_lock. */
struct vfork {
    struct waitq queue;
    bool done;
};

/* A call that has to go on where it was, not start over: a sleep with a relative time. */
struct restart {
    long (*function)(struct restart *restart);
    uint64_t deadline_ns, address, value, flags;
};

struct task {
    uint64_t kernel_sp; /* where the trap frame of a trap from user mode begins */
    uint64_t user_sp;   /* scratch for the trap entry */
    struct context context;
    struct hart *hart; /* where it runs, or ran last */
    void *kstack;      /* top */

    struct refcount refs;
    int pid;  /* unique among tasks; "tid" in user space */
    int tgid; /* pid of the process */
    char name[TASK_NAME_MAX];
    enum task_state state;
    struct process *process;  /* NULL: a kernel thread */
    struct list process_link; /* in process.tasks */
    struct rb_node pid_node;  /* in the pid tree */

    struct mm *mm;         /* address space; NULL in a kernel thread. One reference */
    struct fdtable *files; /* one reference; NULL once it has exited */
    struct fs_context *fs; /* working directory, root, umask; one reference */
    struct cred cred;

    /* floating point: kept in fp while not running, once fp_used */
    struct fpstate fp;
    bool fp_used;

    /* waiting; under sched_lock */
    bool wait_interruptible;
    int wait_result;
    uint64_t wait_pc; /* in the function that waits, for /proc/PID/wchan; 0: does not wait */

    struct sched_entity sched;
    struct signals signals;

    /* user-space addresses that outlive the task */
    uint64_t clear_child_tid; /* zeroed, then futex-woken, at exit; 0: none */
    uint64_t robust_list;     /* head of the list of held robust futexes; 0: none */

    /* faults and time, for getrusage and /proc */
    uint64_t faults_minor, faults_major;
    uint64_t start_ns;
    bool exiting;        /* is on its way out: takes no signals any more */
    bool must_exit;      /* another task of the process calls exec */
    int syscall;         /* number of the call it is in, -1: none */
    struct vfork *vfork; /* the parent waits until this task lets go of the borrowed address space */
    bool only_fatal;     /* its interruptible wait gives up only when it is being killed */
    bool no_new_privileges;
    struct tracee *tracee;  /* NULL: not traced (kern/ptrace.h); under process_lock */
    int untraced_signal;    /* with which its tracer let it go for good */
    struct restart restart; /* how restart_syscall goes on with a call that a signal interrupted */
};

register struct task *current __asm__("tp");

static inline struct trapframe *task_frame(struct task *task) { return (struct trapframe *)task->kernel_sp; }

/* Reference counts keep the PCB, not the task. */
static inline struct task *task_get(struct task *task)
{
    ref_get(&task->refs);
    return task;
}
void task_put(struct task *task);

/* The live task with this pid, with a reference; NULL if there is none. */
struct task *task_find(int pid);
/* The first task with pid >= *pid, with a reference, *pid set to its pid; NULL at the end. For walking over /proc. */
struct task *task_next(int *pid);
int task_last_pid(void);        /* the youngest task's */
uint64_t task_count_made(void); /* since the start */

/* Starts a kernel thread. It ends when f returns. NULL when out of memory. */
struct task *kthread_start(const char *name, void (*f)(void *), void *arg);
_Noreturn void kthread_exit(void);

/* True if a signal is to be acted upon: whoever waits interruptibly gives up with -EINTR (or a restart code). */
bool signal_pending(void);
/* True if the current task is being killed: long loops give up. */
bool signal_fatal_pending(void);

static inline bool cred_is_root(void) { return current->cred.euid == 0; }
/* True if `gid` is the task's fsgid or one of its supplementary groups. */
bool cred_in_group(uint32_t gid);
#endif

#endif
