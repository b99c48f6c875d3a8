/*
 * wait.h - wait queues: how a task waits for an event ("device queue" in the notes, where the event comes from a device).
 *
 * The classic mistake is the lost wakeup: a task looks, finds nothing, and goes to sleep; between the look and the sleep
 * the event comes and finds nobody to wake. So looking and falling asleep must be one step for the waker. wait_on() gives up
 * the caller's lock only when the task is already on the queue:
 *
 *      spin_lock(&l);                                  spin_lock(&l);
 *      while (!condition && !error)                    condition = true;
 *          error = wait_on(&q, &l, true, 0);           wake_all(&q);
 *      spin_unlock(&l);                                spin_unlock(&l);
 *
 * "while", not "if": another task may have been faster.
 *
 * Who waits for several events at once (poll) hangs one `struct waiter` on each queue, *then* looks at the conditions, then
 * calls wait_any, which does not sleep if any of the queues was woken in between.
 *
 * Wake functions may be called from anywhere, interrupts too, and under any lock of rank below RANK_SCHED.
 */
#ifndef KEPLER_KERN_WAIT_H
#define KEPLER_KERN_WAIT_H

#include "kern/lock.h"

struct waiter {
    struct list link; /* in waitq.waiters until woken */
    struct task *task;
    bool woken;
    void (*function)(
        struct waiter *); /* instead of a task: called at each wake-up, sched_lock held; it stays on the queue */
};

#define WAITQ_INIT(variable)                                                                                           \
    {                                                                                                                  \
        LIST_INIT((variable).waiters)                                                                                  \
    }
void waitq_init(struct waitq *queue);

/*
 * Gives up `held` (NULL: none), sleeps until woken, takes `held` again. 0: woken (perhaps for nothing); -EINTR: a signal is
 * pending (only if interruptible; turn it into -ERESTARTSYS or -EINTR); -ETIMEDOUT: deadline_ns (as of time_ns, or WAIT_DATE and a date;
 * 0: none) has passed. `held` must be the only spinlock that is held.
 */
#define WAIT_DATE ((uint64_t)1 << 63) /* the other bits are ns since 1970; who sets the clock moves this deadline */
int wait_on(struct waitq *queue, struct spinlock *held, bool interruptible, uint64_t deadline_ns);

/* For several queues: add, look, wait_any, ..., remove. A waiter may be added again only after it was removed. */
void waiter_add(struct waiter *waiter, struct waitq *queue);
void waiter_add_function(struct waiter *waiter, struct waitq *queue, void (*function)(struct waiter *));
void waiter_remove(struct waiter *waiter);
/* Sleeps until one of the current task's n waiters has been woken (clears their marks and puts them back on no queue: add
 * them again before the next look). Results as wait_on. n may be 0: a plain sleep. */
int wait_any(struct waiter *waiters[], size_t n, bool interruptible, uint64_t deadline_ns);

void wake_one(struct waitq *queue); /* the one that waits longest */
void wake_all(struct waitq *queue);
/* The same where sched_lock is held. */
void wake_one_locked(struct waitq *queue);
void wake_all_locked(struct waitq *queue);
/* True if somebody waits; a hint unless the caller's own lock keeps waiters out. */
bool waitq_busy(const struct waitq *queue);

/* Sleeps until the deadline; -EINTR if interrupted. */
int sleep_until(uint64_t deadline_ns, bool interruptible);

#endif
