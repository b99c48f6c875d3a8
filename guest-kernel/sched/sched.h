/*
 * sched.h - the scheduler: framework and policies.
 *
 * The *framework* (sched.c) owns the lock, the states, the context switch and the measures. A *policy* decides one thing: which
 * ready task runs next, and for how long. It sees tasks only as `struct sched_entity`, has no locks (the framework holds
 * sched_lock around every call) and knows nothing of the machine, so that the same file also runs on the host under unit tests.
 *
 * One ready queue serves all harts.
 *
 * The measures are those of the notes: turnaround time = completion - arrival; response time = first run - arrival; waiting
 * time = time spent ready but not running.
 */
#ifndef KEPLER_SCHED_SCHED_H
#define KEPLER_SCHED_SCHED_H

#include "base/list.h"
#include "base/types.h"

/* What a policy knows of a task. Times in ns. */
struct sched_entity {
    struct list link;      /* on the ready queue */
    uint64_t arrival_ns;   /* of the present burst: when it became ready after waiting */
    uint64_t burst_ns;     /* CPU time used since then */
    uint64_t estimate_ns;  /* SJF: exponential average of past bursts */
    uint64_t declared_ns;  /* SJF: length the program declared; 0: none */
    uint64_t allotment_ns; /* MLFQ: time used at this level */
    unsigned level;        /* MLFQ: 0 is the highest */
    uint64_t epoch;        /* MLFQ: number of the last boost it took part in */
    uint16_t io_priority;  /* of ioprio_set: class << 13 | level; 0: follows nice. Kept; the disk has one queue */
    int nice;              /* -20..19, kept but not used by the textbook policies */
    uint8_t class;         /* SCHED_OTHER, BATCH, IDLE: told, not followed */
    bool preempted;        /* becomes ready because its quantum ended or another was preferred, not after waiting */

    /* measures, kept by the framework */
    uint64_t created_ns, first_run_ns, finished_ns; /* 0: not yet */
    uint64_t ready_since_ns, run_since_ns;
    uint64_t waiting_ns, run_ns;                /* sums */
    uint64_t user_ns, system_ns, mode_since_ns; /* run_ns divided by mode */
    uint64_t switches_voluntary, switches_forced;
    uint64_t affinity; /* bit n: may run on hart n */
};

struct sched_policy {
    const char *name;                   /* boot argument sched=NAME, /proc/policy/sched */
    const char *chapter;                /* what it implements, one line */
    void (*start)(uint64_t quantum_ns); /* empty queue */
    void (*enqueue)(struct sched_entity *entity, uint64_t now_ns);
    /* The best entity for which allowed(entity) holds, taken off the queue; NULL if there is none. */
    struct sched_entity *(*choose)(bool (*allowed)(const struct sched_entity *entity), uint64_t now_ns);
    void (*dequeue)(struct sched_entity *entity);
    /* How long the entity may run before the hart is taken away; 0: as long as it likes. */
    uint64_t (*slice)(const struct sched_entity *entity);
    /* Should `ready`, which was just enqueued, take the hart from `running`? */
    bool (*preempts)(const struct sched_entity *ready, const struct sched_entity *running, uint64_t now_ns);
    /* The entity has run for ran_ns; `waits`: it goes to sleep (the burst is over). */
    void (*account)(struct sched_entity *entity, uint64_t ran_ns, bool waits);
};

extern const struct sched_policy sched_fcfs, sched_sjf, sched_stcf, sched_rr, sched_mlfq;

#ifdef __riscv
#include "kern/lock.h"
struct task;

extern struct spinlock sched_lock;

void sched_init(void);
/* The running task gives up the hart. sched_lock is held, its state is already the new one; returns when it runs again, lock held. */
void sched_switch(void);
/* READY and on the queue. sched_lock is held; the task must be NEW, WAITING or STOPPED. */
void sched_make_ready(struct task *task);
void sched_yield(void);
/* On the way back to user mode: gives up the hart if somebody else is to run. */
void sched_resched(void);
/* In long loops of the kernel, with no lock held. */
void sched_relax(void);
/* Modes of the current task, for user and system times. */
void sched_enter_kernel(void);
void sched_leave_kernel(void);

/* /proc/policy/sched: name and parameters. 0 or -EINVAL. "rr quantum=5ms preempt=on" */
int sched_configure(const char *text);
int sched_describe(char *to, size_t room);
uint64_t sched_quantum(void);
uint64_t sched_load(void); /* tasks ready or running */
/* Averages of it over 1, 5, 15 minutes (which: 0, 1, 2), with LOAD_SHIFT bits behind the point. */
#define LOAD_SHIFT 11
uint64_t sched_load_average(int which);
const char *sched_policy_name(void);
/* Length of the next bursts of `task`, for SJF; 0: unknown, use the average. */
void sched_declare(struct task *task, uint64_t ns);
/* sched_lock is held; the task has ended. */
void sched_finished(struct task *task);
/* The last tasks that ended, oldest first: *at counts them all. 0 at the end. */
struct sched_record {
    int pid;
    char name[16];
    uint64_t created_ns, turnaround_ns, response_ns, waiting_ns, run_ns;
};
size_t sched_history(uint64_t *at, struct sched_record *record);
#endif

#endif
