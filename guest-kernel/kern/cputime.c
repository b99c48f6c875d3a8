/*
 * cputime.c - ITIMER_VIRTUAL, ITIMER_PROF, POSIX timers on CPU clocks, RLIMIT_CPU. See cputime.h.
 *
 * These count what the process has used: ITIMER_VIRTUAL in user mode only, the others in all. Used time is known whenever a task
 * enters or leaves the kernel (sched_enter_kernel), and there it is charged. A program that never enters the kernel by itself
 * is made to by a tick, which only harts running such a process have.
 */
#include "kern/cputime.h"

#include "arch/hart.h"
#include "arch/time.h"
#include "kern/process_internal.h"
#include "kern/ptimer.h"

/* Counts down; true if the timer has run out, and then reloads it. */
static bool count_down(uint64_t *left, uint64_t interval, uint64_t used)
{
    if (!*left) return false;
    if (used < *left) {
        *left -= used;
        return false;
    }
    *left = interval;
    return true;
}

static void check_limit(struct process *process)
{
    const struct rlimit *limit = &process->limits[RLIMIT_CPU];
    if (limit->soft == RLIM_INFINITY) return;
    struct usage usage = process_usage(process);
    uint64_t seconds = (usage.user_ns + usage.system_ns) / NS_PER_S;
    if (seconds >= limit->hard) {
        signal_queue(process, NULL, SIGKILL, NULL);
    } else if (seconds >= limit->soft && seconds >= process->cpu_warned_s) {
        process->cpu_warned_s = seconds + 1; /* once a second from then on */
        signal_queue(process, NULL, SIGXCPU, NULL);
    }
}

void cputime_charge(uint64_t user_ns, uint64_t system_ns)
{
    struct process *process = current->process;
    spin_lock(&process_lock);
    if (count_down(&process->virtual_left_ns, process->virtual_interval_ns, user_ns))
        signal_queue(process, NULL, SIGVTALRM, NULL);
    if (count_down(&process->prof_left_ns, process->prof_interval_ns, user_ns + system_ns))
        signal_queue(process, NULL, SIGPROF, NULL);
    ptimer_charge(process);
    check_limit(process);
    cputime_changed(process);
    spin_unlock(&process_lock);
}

void cputime_changed(struct process *process)
{
    bool counts = process->virtual_left_ns || process->prof_left_ns ||
                  process->limits[RLIMIT_CPU].soft != RLIM_INFINITY || ptimer_counts_cputime(process);
    bool begins = counts && !process->counts_cputime;
    process->counts_cputime = counts;
    if (!begins || process != current->process) return;
    this_hart()->tick_ns = time_ns() + CPUTIME_TICK_NS;
    timer_reprogram();
}
