/*
 * clock.c - the clocks that programs can ask. See clock.h.
 *
 * Used CPU time is known at every entry to the kernel and every switch (sched/sched.c), so that reading such a clock costs no more
 * than adding up what the tasks of the process have used. What a task on another hart has used since it last entered the kernel is
 * not in the sum yet.
 */
#include "kern/clock.h"

#include "arch/time.h"
#include "base/errno.h"
#include "kern/process_internal.h"

static int open_other(int id, struct clock *clock)
{
    int pid = ~(id >> 3);
    if ((id & 3) == 3) return -EINVAL; /* the number of a descriptor */
    if (!pid) pid = id & 4 ? current->pid : current->tgid;
    struct task *task = task_find(pid);
    if (!task) return -EINVAL;
    if ((id & 4) && task->tgid == current->tgid)
        clock->task = task_get(task);
    else if (!(id & 4) && task->process && task->pid == task->tgid)
        clock->process = process_get(task->process);
    task_put(task);
    return clock_is_cpu(clock) ? 0 : -EINVAL;
}

int clock_open(int id, struct clock *clock)
{
    *clock = (struct clock){0};
    switch (id) {
    case CLOCK_TAI:
    case CLOCK_REALTIME: clock->real = true; return 0;
    case CLOCK_REALTIME_COARSE: clock->real = clock->coarse = true; return 0;
    case CLOCK_MONOTONIC_COARSE: clock->coarse = true; return 0;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_BOOTTIME: return 0;
    case CLOCK_PROCESS_CPUTIME_ID: clock->process = process_get(current->process); return 0;
    case CLOCK_THREAD_CPUTIME_ID: clock->task = task_get(current); return 0;
    default: return id < 0 ? open_other(id, clock) : -EINVAL;
    }
}

void clock_close(struct clock *clock)
{
    if (clock->process) process_put(clock->process);
    if (clock->task) task_put(clock->task);
}

uint64_t clock_now_locked(const struct clock *clock)
{
    if (!clock_is_cpu(clock)) return clock->real ? time_wall_ns() : time_ns();
    struct usage usage = clock->process ? process_usage(clock->process) : task_usage(clock->task);
    return usage.user_ns + usage.system_ns;
}

uint64_t clock_now(const struct clock *clock)
{
    if (!clock_is_cpu(clock)) return clock_now_locked(clock);
    spin_lock(&process_lock);
    uint64_t now = clock_now_locked(clock);
    spin_unlock(&process_lock);
    return now;
}
