/*
 * load.c - the load averages: how many tasks wanted a hart, over the last 1, 5 and 15 minutes.
 *
 * Every 5 seconds the number of tasks that run or are ready is mixed into each average, with the weight that makes an old value
 * count 1/e after the average's time (exponential averaging, as SJF does it with bursts):
 *
 *      average = average * w + n * (1 - w),     w = exp(-5 s / 60 s), ...
 *
 * Numbers are fixed-point with 11 bits behind the point, as in Linux, whose format getloadavg reads.
 */
#include "arch/time.h"
#include "base/atomic.h"
#include "kern/init.h"
#include "kern/timer.h"
#include "sched/sched.h"

#define PERIOD_NS 5000000000ul

static const uint64_t weight[3] = {1884, 2014, 2037};
static uint64_t average[3];
static struct timer timer;

static void sample(struct timer *self)
{
    uint64_t n = sched_load() << LOAD_SHIFT;
    for (int i = 0; i < 3; i++) {
        uint64_t mixed = average[i] * weight[i] + n * ((1u << LOAD_SHIFT) - weight[i]);
        if (n >= average[i]) mixed += (1u << LOAD_SHIFT) - 1;
        atomic_store(&average[i], mixed >> LOAD_SHIFT);
    }
    timer_start(self, self->deadline_ns + PERIOD_NS);
}

uint64_t sched_load_average(int which) { return atomic_load(&average[which]); }

static void load_start(void)
{
    timer_setup(&timer, sample);
    timer_start(&timer, time_ns() + PERIOD_NS);
}
INIT(INIT_SUBSYSTEM, load_start);
