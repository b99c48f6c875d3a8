/*
 * sys_timer.c - POSIX timers as programs see them; kern/ptimer.c is what happens inside.
 */
#include "abi/structs.h"
#include "abi/syscall.h"
#include "kern/process_internal.h"
#include "kern/ptimer.h"

#define TIMER_ABSTIME 1u

enum { SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD, SIGEV_THREAD_ID = 4 };

struct user_sigevent {
    uint64_t value;
    int32_t signal, notify, tid, room[11];
};
_Static_assert(sizeof(struct user_sigevent) == 64, "Linux's size");

struct user_itimerspec {
    struct user_timespec interval, value;
};

/* Checks what is to happen; *task: who is to hear of it, with a reference (NULL: the process). */
static int check_event(struct user_sigevent *event, struct task **task)
{
    *task = NULL;
    if (event->notify == SIGEV_NONE) {
        event->signal = 0;
        return 0;
    }
    if (event->notify != SIGEV_SIGNAL && event->notify != SIGEV_THREAD && event->notify != SIGEV_THREAD_ID)
        return -EINVAL;
    if (event->signal < 1 || event->signal > SIGNAL_MAX) return -EINVAL;
    if (event->notify != SIGEV_THREAD_ID) return 0;
    *task = task_find(event->tid);
    if (*task && (*task)->tgid == current->tgid) return 0;
    if (*task) task_put(*task);
    return -EINVAL;
}

long sys_timer_create(K_INT clock_id, K_IN event_address, K_OUT id_address)
{
    struct user_sigevent event = {.signal = SIGALRM};
    struct clock clock;
    struct task *task;
    if (event_address && copy_from_user(&event, event_address, sizeof event)) return -EFAULT;
    int error = clock_open(clock_id, &clock);
    if (error) return error;
    error = clock.coarse || clock_id == 4 /* MONOTONIC_RAW */ ? -EOPNOTSUPP : check_event(&event, &task);
    if (error) {
        clock_close(&clock);
        return error;
    }
    int id = ptimer_create(&clock, event.signal, task, event.value, !event_address);
    if (task) task_put(task);
    if (id < 0) clock_close(&clock);
    if (id >= 0 && copy_to_user(id_address, &id, sizeof id)) {
        ptimer_delete(id);
        return -EFAULT;
    }
    return MIN(id, 0);
}

static int setting_to_user(uint64_t to, const struct ptimer_setting *setting)
{
    struct user_itimerspec out = {timespec_of(setting->interval_ns), timespec_of(setting->value_ns)};
    return copy_to_user(to, &out, sizeof out);
}

long sys_timer_settime(K_INT id, K_FLAGS flags, K_IN new_setting, K_OUT old_setting)
{
    struct ptimer_setting new, old;
    if (!new_setting) return -EINVAL;
    int error = timespec_from_user(new_setting, &new.interval_ns);
    if (!error) error = timespec_from_user(new_setting + sizeof(struct user_timespec), &new.value_ns);
    if (!error) error = ptimer_set(id, &new, flags & TIMER_ABSTIME, &old);
    return !error && old_setting && setting_to_user(old_setting, &old) ? -EFAULT : error;
}

long sys_timer_gettime(K_INT id, K_OUT to)
{
    struct ptimer_setting setting;
    int error = ptimer_get(id, &setting);
    return !error && setting_to_user(to, &setting) ? -EFAULT : error;
}

long sys_timer_getoverrun(K_INT id) { return ptimer_overrun(id); }
long sys_timer_delete(K_INT id) { return ptimer_delete(id); }
