/*
 * wait.c - wait queues. See wait.h for the rules of use.
 *
 * One lock, sched_lock, protects all wait queues and all task states, which makes "put me on the queue and stop
 * running me" a single step: a waker needs the same lock. A waker takes a waiter off its queue and marks it `woken`; the first mark
 * makes the task ready. A deadline is a timer that wakes the task with -ETIMEDOUT, a signal wakes it with -EINTR; if the event
 * comes too, the event wins.
 */
#include "kern/wait.h"

#include "arch/hart.h"
#include "arch/time.h"
#include "base/errno.h"
#include "kern/print.h"
#include "kern/task.h"
#include "kern/task_internal.h"
#include "kern/timer.h"

void waitq_init(struct waitq *queue) { list_init(&queue->waiters); }

/* Ends a sleep. Does nothing to a task that does not sleep. */
void wake_task_locked(struct task *task, int result)
{
    if (task->state != TASK_WAITING) return;
    task->wait_result = result;
    sched_make_ready(task);
}

static void wake_waiter(struct waiter *waiter)
{
    list_remove(&waiter->link);
    waiter->woken = true;
    wake_task_locked(waiter->task, 0);
}

void wake_one_locked(struct waitq *queue)
{
    struct waiter *waiter, *after;
    list_for_each_safe(waiter, after, &queue->waiters, link)
    {
        if (!waiter->function) {
            wake_waiter(waiter);
            return;
        }
        waiter->function(waiter);
    }
}

void wake_all_locked(struct waitq *queue)
{
    struct waiter *waiter, *after;
    list_for_each_safe(waiter, after, &queue->waiters, link)
    {
        if (waiter->function)
            waiter->function(waiter);
        else
            wake_waiter(waiter);
    }
}

void wake_one(struct waitq *queue)
{
    spin_lock(&sched_lock);
    wake_one_locked(queue);
    spin_unlock(&sched_lock);
}

void wake_all(struct waitq *queue)
{
    spin_lock(&sched_lock);
    wake_all_locked(queue);
    spin_unlock(&sched_lock);
}

bool waitq_busy(const struct waitq *queue) { return !list_empty(&queue->waiters); }

struct deadline {
    struct timer timer;
    struct task *task;
};

static void deadline_passed(struct timer *timer)
{
    struct deadline *deadline = container_of(timer, struct deadline, timer);
    spin_lock(&sched_lock);
    wake_task_locked(deadline->task, -ETIMEDOUT);
    spin_unlock(&sched_lock);
}

static bool has_passed(uint64_t deadline_ns)
{
    return deadline_ns & WAIT_DATE ? time_wall_ns() >= (deadline_ns & ~WAIT_DATE) : time_ns() >= deadline_ns;
}

static void deadline_start(struct deadline *deadline, uint64_t ns)
{
    timer_setup(&deadline->timer, deadline_passed);
    if (ns & WAIT_DATE)
        timer_start_wall(&deadline->timer, ns & ~WAIT_DATE);
    else
        timer_start(&deadline->timer, ns);
}

static bool any_woken(struct waiter *const waiters[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (waiters[i]->woken) return true;
    return false;
}

/* sched_lock is held on entry and on return. */
static int sleep_locked(struct waiter *const waiters[], size_t n, bool interruptible, uint64_t deadline_ns)
{
    if (any_woken(waiters, n)) return 0;
    if (interruptible && (current->only_fatal ? signal_fatal_pending() : signal_pending())) return -EINTR;
    if (deadline_ns && has_passed(deadline_ns)) return -ETIMEDOUT;
    struct deadline deadline = {.task = current};
    if (deadline_ns) deadline_start(&deadline, deadline_ns);
    current->wait_interruptible = interruptible;
    current->wait_result = 0;
    current->state = TASK_WAITING;
    current->sched.switches_voluntary++;
    sched_switch();
    int result = any_woken(waiters, n) ? 0 : current->wait_result;
    if (deadline_ns) {
        spin_unlock(&sched_lock); /* the timer's function takes it */
        timer_cancel(&deadline.timer);
        spin_lock(&sched_lock);
    }
    return result;
}

static void take_off(struct waiter *waiter)
{
    if (!waiter->woken && waiter->link.next) list_remove(&waiter->link);
}

int wait_on(struct waitq *queue, struct spinlock *held, bool interruptible, uint64_t deadline_ns)
{
    struct waiter self = {.task = current}, *waiters[] = {&self};
    current->wait_pc = (uint64_t)__builtin_return_address(0);
    if (held != &sched_lock) spin_lock(&sched_lock);
    list_push_back(&queue->waiters, &self.link);
    if (held && held != &sched_lock) spin_unlock(held);
    ASSERT(this_hart()->locks_held == 1);
    int result = sleep_locked(waiters, 1, interruptible, deadline_ns);
    take_off(&self);
    if (self.woken) result = 0;
    current->wait_pc = 0;
    if (held == &sched_lock) return result;
    spin_unlock(&sched_lock);
    if (held) spin_lock(held);
    return result;
}

void waiter_add_function(struct waiter *waiter, struct waitq *queue, void (*function)(struct waiter *))
{
    *waiter = (struct waiter){.task = current, .function = function};
    spin_lock(&sched_lock);
    list_push_back(&queue->waiters, &waiter->link);
    spin_unlock(&sched_lock);
}

void waiter_add(struct waiter *waiter, struct waitq *queue) { waiter_add_function(waiter, queue, NULL); }

void waiter_remove(struct waiter *waiter)
{
    spin_lock(&sched_lock);
    take_off(waiter);
    waiter->link = (struct list){0};
    spin_unlock(&sched_lock);
}

int wait_any(struct waiter *waiters[], size_t n, bool interruptible, uint64_t deadline_ns)
{
    current->wait_pc = (uint64_t)__builtin_return_address(0);
    spin_lock(&sched_lock);
    ASSERT(this_hart()->locks_held == 1);
    int result = sleep_locked(waiters, n, interruptible, deadline_ns);
    for (size_t i = 0; i < n; i++) {
        take_off(waiters[i]);
        if (waiters[i]->woken) result = 0;
        *waiters[i] = (struct waiter){.task = current};
    }
    spin_unlock(&sched_lock);
    current->wait_pc = 0;
    return result;
}

int sleep_until(uint64_t deadline_ns, bool interruptible)
{
    int result = wait_any(NULL, 0, interruptible, deadline_ns);
    return result == -ETIMEDOUT ? 0 : result;
}

void wake_for_signal(struct task *task, bool fatal)
{
    spin_lock(&sched_lock);
    if (task->wait_interruptible && (fatal || !task->only_fatal)) wake_task_locked(task, -EINTR);
    if (fatal && task->state == TASK_STOPPED) sched_make_ready(task);
    /* If it runs in user mode on another hart, an interrupt brings it into the kernel. */
    if (task->state == TASK_RUNNING && task->hart != this_hart()) hart_call(task->hart->number, IPI_RESCHEDULE);
    spin_unlock(&sched_lock);
}
