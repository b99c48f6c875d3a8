/*
 * ptimer.h - POSIX timers: a process is sent a signal at a time, or again and again, by any clock.
 */
#ifndef KEPLER_KERN_PTIMER_H
#define KEPLER_KERN_PTIMER_H

#include "kern/clock.h"
#include "kern/process.h"
#include "kern/signal_internal.h"

struct ptimer {
    struct list link;        /* in process.ptimers; under process_lock, as all below */
    struct process *process; /* NULL: deleted */
    int id, signal;          /* signal 0: none is sent */
    struct task *task;       /* who gets it (with a reference); NULL: any task of the process */
    struct clock clock;
    uint64_t expiry_ns;   /* on its clock, but since the start instead of the time of day unless `date`; 0: not armed */
    bool date;            /* a time of day was asked for */
    uint64_t interval_ns; /* 0: once */
    uint64_t overrun;     /* expirations between the last signal's sending and its delivery */
    struct timer timer;
    struct sigqueue entry; /* its one signal on its way */
    bool queued;
};

struct ptimer_setting {
    uint64_t value_ns, interval_ns; /* time until the next expiration (0: not armed), and between them */
};

/* The new timer's id, -EAGAIN or -ENOMEM. Takes over the clock; `task` gets a reference. */
int ptimer_create(struct clock *clock, int signal, struct task *task, uint64_t value, bool value_is_id);
/* 0 or -EINVAL: there is no such timer. */
int ptimer_set(int id, const struct ptimer_setting *setting, bool absolute, struct ptimer_setting *old);
int ptimer_get(int id, struct ptimer_setting *setting);
int ptimer_overrun(int id);
int ptimer_delete(int id);
void ptimer_delete_all(struct process *process); /* exec, exit; no locks held */

/* For signals and CPU time; process_lock is held. */
void ptimer_delivered(struct ptimer *timer, struct siginfo *info); /* the signal is about to reach the program */
void ptimer_dropped(struct ptimer *timer);                         /* it has been thrown away */
bool ptimer_counts_cputime(const struct process *process);
void ptimer_charge(struct process *process); /* the current task has used CPU time */

#endif
