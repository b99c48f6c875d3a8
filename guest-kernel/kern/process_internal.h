/* process_internal.h - what fork, exec, exit, wait and signals share. */
#ifndef KEPLER_KERN_PROCESS_INTERNAL_H
#define KEPLER_KERN_PROCESS_INTERNAL_H

#include "kern/process.h"
#include "kern/task_internal.h"

struct sighand {
    struct refcount refs;
    struct sigaction action[SIGNAL_MAX]; /* of signal i + 1; under process_lock */
};
struct sighand *sighand_create(void);
struct sighand *sighand_copy(const struct sighand *from); /* takes process_lock; NULL: out of memory */
void sighand_put(struct sighand *sighand);

/* A process without tasks, parent or pid; `from`: whose limits, group and session it inherits (NULL: the first process). */
struct process *process_create(const struct process *from);
/* First task, child of `parent` (NULL: init). process_lock is held; the task has been published. */
void process_add_first(struct process *process, struct task *task, struct process *parent);
/* Another task. process_lock is held. */
void process_add(struct process *process, struct task *task);

#define CSIGNAL              0xffu
#define CLONE_VM             0x100u
#define CLONE_FS             0x200u
#define CLONE_FILES          0x400u
#define CLONE_SIGHAND        0x800u
#define CLONE_PIDFD          0x1000u
#define CLONE_VFORK          0x4000u
#define CLONE_PARENT         0x8000u
#define CLONE_THREAD         0x10000u
#define CLONE_NEWNS          0x20000u
#define CLONE_SYSVSEM        0x40000u
#define CLONE_SETTLS         0x80000u
#define CLONE_PARENT_SETTID  0x100000u
#define CLONE_CHILD_CLEARTID 0x200000u
#define CLONE_DETACHED       0x400000u
#define CLONE_CHILD_SETTID   0x1000000u
#define CLONE_NEW_ANY        0x7e020080u /* namespaces */
#define CLONE_CLEAR_SIGHAND  0x100000000ull

struct clone_request {
    uint64_t flags; /* without the exit signal */
    int exit_signal;
    uint64_t stack; /* 0: as the parent's */
    uint64_t tls, parent_tid, child_tid;
};
/* The new task's pid, or a negative error. */
long task_clone(const struct clone_request *request);

/* Program arguments and environment on their way from the old program to the new one; kernel copies. */
struct exec_strings;
struct exec_strings *exec_strings_create(void);
void exec_strings_free(struct exec_strings *strings);
/* 0, -E2BIG, -ENOMEM, -EFAULT. Arguments come first, then the environment. */
int exec_add_kernel(struct exec_strings *strings, const char *text, bool environment);
int exec_add_user(struct exec_strings *strings, uint64_t vector, bool environment);
/* Replaces the current program. Returns an error, or 0: the frame of the current task is that of the new program. */
int task_exec(const char *path, struct exec_strings *strings);

/* Ends the current task; the process too if it is the last one. `status` counts only if the process has none yet. */
_Noreturn void task_exit(int status);
/* Marks the process as ending and wakes all its tasks. process_lock is held. */
void process_kill(struct process *process, int status);
/* Lets the parent of a vfork go on. */
void vfork_release(struct task *task);
/* Makes the current task the only one of its process. 0 or -EAGAIN: somebody else was faster. */
int process_become_single(void);

/* Signals; process_lock is held. */
void signal_queue(struct process *process, struct task *task, int signal, const struct siginfo *info);
void signal_flush(struct sigpending *pending, sigset which);
void signal_exec_reset(void);
void notify_parent(struct process *child, int code, int status);
bool default_is_ignore(int signal);
bool default_is_stop(int signal);

struct usage process_usage(struct process *process); /* its tasks, living and dead; process_lock is held */
void usage_add(struct usage *sum, const struct usage *more);
struct usage task_usage(struct task *task);

_Noreturn void enter_user(struct trapframe *frame); /* trap_entry.S */

/* futex.c */
void futex_task_exit(void); /* robust list, clear_child_tid */

#define SIGRETURN_PAGE 0x3fffffe000ul /* page with the return sequence of signal handlers, near the top of user space */
#define STACK_TOP      0x3ffffff000ul - 0x10000ul

#endif
