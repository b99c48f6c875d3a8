/*
 * hart.h - per-hart data: one structure for each hart ("hardware thread", a CPU).
 *
 * Found through the running task: tp holds `current` in the kernel, current->hart its hart. A task can be moved to another
 * hart whenever it is preempted or sleeps, so this_hart() is stable only while interrupts are off.
 */
#ifndef KEPLER_ARCH_HART_H
#define KEPLER_ARCH_HART_H

#include "base/types.h"
#include "base/rbtree.h"
#include "kern/lock.h"

struct task;
struct timer;

#define LOCKS_HELD_MAX 12

struct hart {
    unsigned number; /* 0..machine.harts-1 */
    uint64_t id;     /* the SBI's number */
    bool online;
    struct task *running; /* what runs here now */
    struct task *idle;    /* what runs if nothing else is ready */
    struct mm *mm;        /* whose page table satp holds; for mm/ */

    /* locks */
    unsigned locks_held;    /* how many */
    bool interrupts_before; /* were interrupts on before the first? */
    struct spinlock *locks[LOCKS_HELD_MAX];

    /* scheduling */
    bool need_resched; /* the running task is to give up the hart on its way out of the kernel */
    bool in_interrupt;
    uint64_t slice_end_ns;    /* when the running task's quantum ends; 0: no quantum */
    struct task *interrupted; /* had to make room for a kernel thread, goes on next */
    uint64_t slice_left_ns;   /* what is left of its quantum; 0: no quantum */
    uint64_t idle_ns;         /* time spent with nothing to run */
    uint64_t switches;
    uint64_t interrupts;

    /* timers */
    struct spinlock timer_lock;
    struct rb_tree timers, wall_timers; /* by time since boot, by date */
    struct timer *timer_running;
    uint64_t timer_programmed_ns;
    uint64_t tick_ns; /* next tick, for a process that counts its CPU time; 0: none */

    uint64_t work; /* IPI requests: bits of enum ipi, set with atomic_or */
};

enum ipi { IPI_RESCHEDULE = 1 << 0, IPI_STOP = 1 << 1, IPI_TIMER = 1 << 2 };

extern struct hart harts[HART_MAX];

struct hart *this_hart(void); /* interrupts must be off */
uint64_t harts_online(void);  /* bit n: hart n */
void harts_start(void);       /* starts all other harts; returns when all are online */
/* Asks hart `number` to look at its `work`. Any context. */
void hart_call(unsigned number, enum ipi what);

#endif
