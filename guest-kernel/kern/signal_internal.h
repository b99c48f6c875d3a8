/* signal_internal.h - what trap handling, fork, exec and exit need of signals. */
#ifndef KEPLER_KERN_SIGNAL_INTERNAL_H
#define KEPLER_KERN_SIGNAL_INTERNAL_H

#include "kern/process.h"
#include "kern/signal.h"

/* Information about a pending signal. */
struct ptimer;
struct sigqueue {
    struct list link;
    struct siginfo info;
    struct ptimer *timer; /* whose part the entry is; NULL: allocated */
};
/* The entry is off its queue and not needed any more. process_lock is held. */
void sigqueue_release(struct sigqueue *entry);
/* Sends a timer's signal: true if the entry is queued now, false if the signal is ignored. And takes it back. process_lock is held. */
bool signal_queue_entry(struct process *process, struct task *task, struct sigqueue *entry);
void signal_unqueue_entry(struct process *process, struct task *task, struct sigqueue *entry);

/* Something is to be done before the current task goes to user mode: a signal, a stop, the end. */
bool signal_work_pending(void);
/* Does it: may change the frame so that a handler runs, may stop, may not return. Interrupts on. */
void signal_deliver(struct trapframe *frame);
/* ipc/signalfd.c: woken under process_lock whenever a signal has become pending somewhere. */
extern struct waitq signal_arrived;
/* Takes the first pending signal of `which` off its set. 0: there is none. process_lock is held. */
int signal_take(sigset which, struct siginfo *info);
void signal_set_mask(sigset mask);

/* sigframe.c: starting a handler and coming back from it. */
bool sigframe_push(struct trapframe *frame, const struct sigaction *action, const struct siginfo *info, sigset mask);
/* False if the frame cannot be read or is nonsense. */
bool sigframe_pop(struct trapframe *frame);

#define SS_ONSTACK    1u
#define SS_DISABLE    2u
#define SS_AUTODISARM 0x80000000u
#define MINSIGSTKSZ   2048u

#endif
