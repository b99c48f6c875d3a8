/*
 * sys_time.c - clocks, sleeping, interval timers, futexes (which are waits with a timeout).
 *
 * CLOCK_REALTIME can be set and jumps; CLOCK_MONOTONIC counts from the start and never jumps. A sleep until an absolute
 * time simply starts over after a signal; a sleep for some time must not, it would last longer each time: its end is
 * remembered and restart_syscall goes on with it.
 */
#include "abi/structs.h"
#include "abi/syscall.h"
#include "arch/machine.h"
#include "kern/clock.h"
#include "kern/cputime.h"
#include "kern/futex.h"
#include "kern/process_internal.h"
#include "kern/wait.h"

#define TIMER_ABSTIME 1u

static int read_clock(int id, uint64_t *ns)
{
    struct clock clock;
    int error = clock_open(id, &clock);
    if (error) return error;
    *ns = clock_now(&clock);
    clock_close(&clock);
    return 0;
}

long sys_clock_gettime(K_INT clock, K_OUT to)
{
    uint64_t ns;
    int error = read_clock(clock, &ns);
    if (error) return error;
    struct user_timespec t = timespec_of(ns);
    return copy_to_user(to, &t, sizeof t) ? -EFAULT : 0;
}

long sys_clock_getres(K_INT clock, K_OUT to)
{
    uint64_t ns;
    int error = read_clock(clock, &ns);
    if (error) return error;
    struct user_timespec t = {0, clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE ? 4000000 : 1};
    return to && copy_to_user(to, &t, sizeof t) ? -EFAULT : 0;
}

long sys_clock_settime(K_INT clock, K_IN from)
{
    uint64_t ns;
    if (clock != CLOCK_REALTIME) return -EINVAL;
    int error = timespec_from_user(from, &ns);
    if (error) return error;
    if (!cred_is_root()) return -EPERM;
    timer_set_wall(ns);
    return 0;
}

long sys_gettimeofday(K_OUT to, K_OUT zone)
{
    struct user_timeval t = timeval_of(time_wall_ns());
    int32_t none[2] = {0, 0};
    if (to && copy_to_user(to, &t, sizeof t)) return -EFAULT;
    return zone && copy_to_user(zone, none, sizeof none) ? -EFAULT : 0;
}

long sys_settimeofday(K_IN from, K_IN zone)
{
    uint64_t ns;
    (void)zone;
    if (!from) return 0;
    int error = timeval_from_user(from, &ns);
    if (error) return error;
    if (!cred_is_root()) return -EPERM;
    timer_set_wall(ns);
    return 0;
}

/* Sleeping */

static long sleep_on(struct restart *restart)
{
    uint64_t deadline = restart->deadline_ns, user = restart->address;
    int error = sleep_until(deadline, true);
    restart->function = NULL;
    if (!error) return 0;
    uint64_t now = time_ns();
    struct user_timespec left = timespec_of(deadline > now ? deadline - now : 0);
    if (user && copy_to_user(user, &left, sizeof left)) return -EFAULT;
    restart->function = sleep_on;
    return -ERESTART_RESTARTBLOCK;
}

static long sleep_for(uint64_t ns, uint64_t left)
{
    current->restart = (struct restart){.function = sleep_on, .deadline_ns = time_ns() + ns, .address = left};
    return sleep_on(&current->restart);
}

long sys_nanosleep(K_IN request, K_OUT left)
{
    uint64_t ns;
    int error = timespec_from_user(request, &ns);
    return error ? error : sleep_for(ns, left);
}

/* Until a CPU clock stands at `end`. It does not run faster than all harts together, so it is looked at again and again. */
static int sleep_on_cpu_clock(struct clock *clock, uint64_t end)
{
    int error = 0;
    for (uint64_t now; !error && (now = clock_now(clock)) < end;)
        error = sleep_until(time_ns() + MAX((end - now) / machine.harts, NS_PER_S / 1000), true);
    return error;
}

static long sleep_cpu(int id, bool absolute, uint64_t ns)
{
    struct clock clock;
    int error = clock_open(id, &clock);
    if (error) return error;
    if (clock_is_cpu(&clock))
        error = sleep_on_cpu_clock(&clock, absolute ? ns : clock_now(&clock) + ns);
    else
        error = -EOPNOTSUPP;
    clock_close(&clock);
    return error == -EINTR ? -ERESTARTNOHAND : error;
}

long sys_clock_nanosleep(K_INT clock, K_FLAGS flags, K_IN request, K_OUT left)
{
    uint64_t ns, now = 0;
    if (clock == CLOCK_THREAD_CPUTIME_ID) return -EOPNOTSUPP;
    if (read_clock(clock, &now)) return -EINVAL;
    int error = timespec_from_user(request, &ns);
    if (error) return error;
    bool absolute = flags & TIMER_ABSTIME;
    if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME && clock != CLOCK_TAI)
        return sleep_cpu(clock, absolute, ns);
    if (!absolute) return sleep_for(ns, left);
    bool date = clock == CLOCK_REALTIME || clock == CLOCK_TAI;
    error = date || ns ? sleep_until(date ? ns | WAIT_DATE : ns, true) : 0;
    return error ? -ERESTARTNOHAND : 0;
}

/* Interval timers */

struct user_itimer {
    struct user_timeval interval, value;
};

static int check_itimer(uint64_t from, uint64_t *value, uint64_t *interval)
{
    int error = timeval_from_user(from, interval);
    return error ? error : timeval_from_user(from + sizeof(struct user_timeval), value);
}

/* The CPU-time timers are counted by the clock that accounts user and system time; both kinds are kept in the process. */
static struct user_itimer read_itimer(struct process *process, int which)
{
    uint64_t now = time_ns(), left = 0, interval = 0;
    switch (which) {
    case 0:
        if (process->real_timer.hart)
            left = process->real_timer.deadline_ns > now ? process->real_timer.deadline_ns - now : 1000;
        interval = process->real_interval_ns;
        break;
    case 1: left = process->virtual_left_ns, interval = process->virtual_interval_ns; break;
    case 2: left = process->prof_left_ns, interval = process->prof_interval_ns; break;
    }
    return (struct user_itimer){timeval_of(interval), timeval_of(left)};
}

long sys_getitimer(K_INT which, K_OUT to)
{
    if (which < 0 || which > 2) return -EINVAL;
    spin_lock(&process_lock);
    struct user_itimer out = read_itimer(current->process, which);
    spin_unlock(&process_lock);
    return copy_to_user(to, &out, sizeof out) ? -EFAULT : 0;
}

long sys_setitimer(K_INT which, K_IN from, K_OUT old)
{
    struct process *process = current->process;
    uint64_t value = 0, interval = 0;
    if (which < 0 || which > 2) return -EINVAL;
    int error = from ? check_itimer(from, &value, &interval) : 0;
    if (error) return error;
    spin_lock(&process_lock);
    struct user_itimer out = read_itimer(process, which);
    if (which == 1) process->virtual_left_ns = value, process->virtual_interval_ns = interval;
    if (which == 2) process->prof_left_ns = value, process->prof_interval_ns = interval;
    cputime_changed(process);
    spin_unlock(&process_lock);
    if (which == 0) {
        timer_cancel(&process->real_timer); /* its function takes process_lock */
        spin_lock(&process_lock);
        process->real_interval_ns = interval;
        if (value) timer_start(&process->real_timer, time_ns() + value);
        spin_unlock(&process_lock);
    }
    return old && copy_to_user(old, &out, sizeof out) ? -EFAULT : 0;
}

/* Futexes */

enum {
    FUTEX_WAIT,
    FUTEX_WAKE,
    FUTEX_REQUEUE = 3,
    FUTEX_CMP_REQUEUE,
    FUTEX_WAKE_OP,
    FUTEX_WAIT_BITSET = 9,
    FUTEX_WAKE_BITSET,
    FUTEX_PRIVATE = 128,
    FUTEX_CLOCK_REALTIME = 256,
};

static long wait_again(struct restart *restart)
{
    long result =
        futex_wait(restart->address, restart->flags, (uint32_t)restart->value, FUTEX_BITSET_ALL, restart->deadline_ns);
    if (result != -EINTR) return result;
    restart->function = wait_again;
    return -ERESTART_RESTARTBLOCK;
}

/* WAIT has a relative timeout, WAIT_BITSET an absolute one. */
static long wait_with_timeout(uint64_t address, bool shared, uint32_t value, uint64_t timeout, bool absolute, bool real,
                              uint32_t bitset)
{
    uint64_t deadline = 0;
    if (timeout) {
        int error = timespec_from_user(timeout, &deadline);
        if (error) return error;
        if (!absolute)
            deadline += time_ns();
        else if (real)
            deadline |= WAIT_DATE;
        if (!deadline) deadline = 1;
    }
    long result = futex_wait(address, shared, value, bitset, deadline);
    if (result != -EINTR) return result;
    if (!timeout || absolute) return -ERESTARTSYS;
    current->restart = (struct restart){wait_again, deadline, address, value, shared};
    return -ERESTART_RESTARTBLOCK;
}

long sys_futex(K_PTR address, K_INT operation, K_UINT value, K_IN timeout, K_PTR address2, K_UINT value3)
{
    bool shared = !(operation & FUTEX_PRIVATE), real = operation & FUTEX_CLOCK_REALTIME;
    int count = (int)value, count2 = (int)timeout, what = operation & ~(FUTEX_PRIVATE | FUTEX_CLOCK_REALTIME);
    if (real && what != FUTEX_WAIT && what != FUTEX_WAIT_BITSET) return -ENOSYS;
    switch (what) {
    case FUTEX_WAIT: return wait_with_timeout(address, shared, value, timeout, false, real, FUTEX_BITSET_ALL);
    case FUTEX_WAIT_BITSET: return wait_with_timeout(address, shared, value, timeout, true, real, value3);
    case FUTEX_WAKE: return futex_wake(address, shared, count, FUTEX_BITSET_ALL);
    case FUTEX_WAKE_BITSET: return futex_wake(address, shared, count, value3);
    case FUTEX_REQUEUE: return futex_requeue(address, address2, shared, count, count2, NULL);
    case FUTEX_CMP_REQUEUE: return futex_requeue(address, address2, shared, count, count2, &value3);
    case FUTEX_WAKE_OP: return futex_wake_op(address, address2, shared, count, count2, value3);
    default: return -ENOSYS;
    }
}
