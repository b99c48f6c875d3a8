/*
 * clock.h - the clocks that programs can ask, by Linux's numbers.
 *
 * A clock counts either the time of day, or the time since the start, or the CPU time that a process or a thread has used. The CPU
 * clock of another process has a negative number made from its pid: ~pid << 3, plus 4 for a thread, plus 2.
 */
#ifndef KEPLER_KERN_CLOCK_H
#define KEPLER_KERN_CLOCK_H

#include "base/types.h"

enum clock_id {
    CLOCK_REALTIME,
    CLOCK_MONOTONIC,
    CLOCK_PROCESS_CPUTIME_ID,
    CLOCK_THREAD_CPUTIME_ID,
    CLOCK_MONOTONIC_RAW,
    CLOCK_REALTIME_COARSE,
    CLOCK_MONOTONIC_COARSE,
    CLOCK_BOOTTIME,
    CLOCK_TAI = 11,
};

struct task;
struct process;

/* What a clock's number means. */
struct clock {
    bool real; /* time of day */
    bool coarse;
    struct process *process; /* CPU clocks, with a reference: of this process */
    struct task *task;       /* or of this task */
};
/* 0 or -EINVAL; end with clock_close. */
int clock_open(int id, struct clock *clock);
void clock_close(struct clock *clock);
static inline bool clock_is_cpu(const struct clock *clock) { return clock->process || clock->task; }
/* Its time now, ns. process_lock is held if it is a CPU clock. */
uint64_t clock_now_locked(const struct clock *clock);
uint64_t clock_now(const struct clock *clock);

#endif
