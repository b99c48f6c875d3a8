/*
 * ptrace.h - one process watches and steers another: what debuggers and strace are made of.
 *
 * A traced task (the *tracee*) stops at certain points, and its *tracer* hears of it by wait4 as it does of a child:
 *
 *      a signal is about to be acted upon       status: the signal; the tracer may change it or swallow it
 *      a system call begins, or has ended       SIGTRAP, with 0x80 if asked for
 *      fork, clone, exec, the end ...           SIGTRAP and the number of the event << 8
 *      asked to (interrupt), or job control     SIGTRAP or the stop signal, and EVENT_STOP << 8
 *
 * While it is stopped the tracer can look at and change its registers and memory; then it lets it go on.
 *
 * Source: ptrace(2) of the Linux manual.
 */
#ifndef KEPLER_KERN_PTRACE_H
#define KEPLER_KERN_PTRACE_H

#include "kern/process.h"

enum trace_option {
    TRACE_SYSGOOD = 1,
    TRACE_FORK = 2,
    TRACE_VFORK = 4,
    TRACE_CLONE = 8,
    TRACE_EXEC = 0x10,
    TRACE_VFORK_DONE = 0x20,
    TRACE_EXIT = 0x40,
    TRACE_EXITKILL = 0x100000,
    TRACE_OPTIONS = 0x10007f,
};
enum trace_event_number {
    EVENT_FORK = 1,
    EVENT_VFORK,
    EVENT_CLONE,
    EVENT_EXEC,
    EVENT_VFORK_DONE,
    EVENT_EXIT,
    EVENT_STOP = 128,
};

/* One tracee; belongs to the tracer's list. Everything is under process_lock. */
struct tracee {
    struct list link; /* in process.tracees of the tracer */
    struct process *tracer;
    struct task *task; /* NULL: it has ended, and the tracer has not asked yet */
    int pid;
    unsigned options;
    bool seized;   /* PTRACE_SEIZE: stops do not look like signals */
    bool syscalls; /* stop at system calls */
    bool stopped, reported;
    bool listening;   /* stays in a job-control stop, but SIGCONT may end it */
    bool passes_stop; /* let go out of a job-control stop */
    bool interrupt;   /* is to stop as soon as it can */
    bool has_info;
    int stop_status; /* bits 8.. of the wait status */
    int signal;      /* what the tracer wants delivered when it goes on */
    int call_phase;  /* of the present stop: 1 a call begins, 2 it has ended, 0 other */
    struct siginfo info;
    uint64_t message;
    int exit_status;
};

/* From the tracer's side. */
long ptrace_traceme(void);
long ptrace_attach(struct task *task, bool seize, unsigned options);
/* The tracee `task` of the current process if it is stopped (or `any`); NULL. process_lock is held. */
struct tracee *ptrace_of(struct task *task, bool any);
void ptrace_resume(struct tracee *tracee);             /* process_lock is held */
void ptrace_detach(struct tracee *tracee, int signal); /* frees it; process_lock is held */
/* May the current process look inside? What there still is of a task that ends, too. process_lock is held. */
bool ptrace_may_access(struct task *task);
void ptrace_tracer_ends(struct process *tracer); /* process_lock is held */

/* From the tracee's side: all about the current task. */
/* Allowed only without locks: */
void ptrace_syscall(bool begins);
void ptrace_exec(int old_pid);
void ptrace_exit(int status);
/* The tracer wants an event for this clone: its number, or 0. */
int ptrace_clone_event(uint64_t flags, int exit_signal);
void ptrace_event(int event, uint64_t message);
void ptrace_vfork_done(int pid);
struct tracee *ptrace_child_prepare(void); /* memory for a child that is to be traced as well; NULL: none */
/* With process_lock held; those that stop give it up meanwhile. */
void ptrace_child_add(struct task *child, struct tracee *memory);
int ptrace_signal(int signal, struct siginfo *info); /* the signal that is to be acted upon; 0: none */
void ptrace_interrupted(void);
void ptrace_job_stop(int signal);
void ptrace_task_ends(struct task *task, int status); /* the tracer may ask for its status from now on */
/* SIGCONT comes: may the task, if it is stopped, go on? Not if it is stopped for its tracer. process_lock is held. */
bool ptrace_lets_continue(struct task *task);
static inline bool ptrace_passes_stop(const struct task *task) { return task->tracee && task->tracee->passes_stop; }
static inline bool ptrace_wants_stop(const struct task *task) { return task->tracee && task->tracee->interrupt; }

#endif
