/*
 * lock.c - spinlocks with an order checker, and mutexes. See lock.h.
 *
 * A spinlock is one word, set by an atomic exchange: whoever got a zero back has the lock. Others look, without writing, until it is
 * zero again. Tickets would serve harts in the order in which they came, but then the lock can be waiting for a hart that is itself
 * not running: under an emulator or a hypervisor with fewer processors than harts, that makes a contended lock many times slower. Each hart keeps the list of what it holds; the checker compares ranks with it. Interrupts go off with the
 * first lock and come back with the last, if they were on.
 */
#include "kern/lock.h"

#include "arch/hart.h"
#include "arch/riscv.h"
#include "base/atomic.h"
#include "kern/print.h"
#include "kern/task.h"

void spin_init(struct spinlock *lock, const char *name, enum lock_rank rank)
{
    *lock = (struct spinlock){.name = name, .rank = rank};
}

static void check_order(struct hart *hart, const struct spinlock *lock)
{
    for (unsigned i = 0; i < hart->locks_held; i++)
        if (hart->locks[i]->rank >= lock->rank)
            panic("lock order: %s (rank %d) while holding %s (rank %d)", lock->name, lock->rank, hart->locks[i]->name,
                  hart->locks[i]->rank);
    if (hart->locks_held == LOCKS_HELD_MAX) panic("%s: too many locks held", lock->name);
}

void spin_lock(struct spinlock *lock)
{
    bool before = interrupts_off();
    struct hart *hart = this_hart();
    check_order(hart, lock);
    while (atomic_swap(&lock->taken, 1))
        while (__atomic_load_n(&lock->taken, __ATOMIC_RELAXED)) hart_pause();
    lock->holder = hart;
    if (!hart->locks_held) hart->interrupts_before = before;
    hart->locks[hart->locks_held++] = lock;
}

void spin_unlock(struct spinlock *lock)
{
    if (!spin_held(lock)) panic("%s: freed by a hart that does not hold it", lock->name);
    struct hart *hart = this_hart();
    unsigned at = hart->locks_held;
    while (hart->locks[--at] != lock) {
    }
    hart->locks_held--;
    for (; at < hart->locks_held; at++) hart->locks[at] = hart->locks[at + 1];
    lock->holder = NULL;
    atomic_store(&lock->taken, 0);
    if (!hart->locks_held) interrupts_restore(hart->interrupts_before);
}

/* Only this hart can make it true or false, so the answer is stable. */
bool spin_held(const struct spinlock *lock)
{
    bool on = interrupts_off();
    bool held = __atomic_load_n(&lock->holder, __ATOMIC_RELAXED) == this_hart();
    interrupts_restore(on);
    return held;
}

/* Mutexes. Owner and queue are protected by sched_lock, like all wait queues. */

void mutex_init(struct mutex *mutex, const char *name)
{
    *mutex = (struct mutex){.name = name};
    waitq_init(&mutex->queue);
}

bool mutex_try(struct mutex *mutex)
{
    struct task *nobody = NULL;
    return atomic_cas(&mutex->owner, &nobody, current);
}

void mutex_lock(struct mutex *mutex)
{
    ASSERT(!mutex_held(mutex));
    while (!mutex_try(mutex)) {
        spin_lock(&sched_lock);
        /* Freed in between? mutex_unlock clears the owner before it looks at the queue, under the same lock. */
        if (atomic_load(&mutex->owner)) wait_on(&mutex->queue, &sched_lock, false, 0);
        spin_unlock(&sched_lock);
    }
}

void mutex_unlock(struct mutex *mutex)
{
    if (!mutex_held(mutex)) panic("%s: freed by a task that does not own it", mutex->name);
    spin_lock(&sched_lock);
    atomic_store(&mutex->owner, NULL);
    wake_one_locked(&mutex->queue);
    spin_unlock(&sched_lock);
}

bool mutex_held(const struct mutex *mutex) { return __atomic_load_n(&mutex->owner, __ATOMIC_RELAXED) == current; }
