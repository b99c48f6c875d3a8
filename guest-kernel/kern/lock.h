/*
 * lock.h - mutual exclusion.
 *
 * A *spinlock* is for a few instructions: whoever finds it taken turns in a circle until it is free. Interrupts are off on
 * this hart while any spinlock is held, since an interrupt handler that wanted the same lock would turn for ever on the hart
 * that should free it. Spinlocks nest, in the order of lockrank.h; they may be freed in any order; interrupts come back
 * with the last. A hart that holds one must not sleep, touch user memory, or wait for a device.
 *
 * A *mutex* is for longer: whoever finds it taken sleeps. Only tasks can take one, never interrupt handlers, never under a
 * spinlock.
 */
#ifndef KEPLER_KERN_LOCK_H
#define KEPLER_KERN_LOCK_H

#include "base/list.h"
#include "base/types.h"
#include "kern/lockrank.h"

struct hart;
struct task;

struct spinlock {
    uint32_t taken;
    struct hart *holder;
    const char *name;
    enum lock_rank rank;
};
#define SPINLOCK_INIT(text, number)                                                                                    \
    {                                                                                                                  \
        .name = (text), .rank = (number)                                                                               \
    }

void spin_init(struct spinlock *lock, const char *name, enum lock_rank rank);
void spin_lock(struct spinlock *lock);
void spin_unlock(struct spinlock *lock);
bool spin_held(const struct spinlock *lock); /* by this hart */

/* Wait queue: the tasks that wait for one event; kern/wait.h. It stands here because a mutex has one. */
struct waitq {
    struct list waiters;
};

struct mutex {
    struct task *owner;
    struct waitq queue;
    const char *name;
};
#define MUTEX_INIT(variable, text)                                                                                     \
    {                                                                                                                  \
        .queue = {LIST_INIT((variable).queue.waiters)}, .name = (text)                                                 \
    }

void mutex_init(struct mutex *mutex, const char *name);
void mutex_lock(struct mutex *mutex);
bool mutex_try(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);
bool mutex_held(const struct mutex *mutex); /* by the current task */

#endif
