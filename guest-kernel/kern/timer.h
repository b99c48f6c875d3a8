/*
 * timer.h - something to be done at a time.
 *
 * Each hart keeps its timers in a tree ordered by time and asks the machine for one interrupt, at the earliest. There
 * is no periodic tick: an idle hart sleeps until something is due.
 *
 * A timer may wait for a date instead. When that comes is known only as long as nobody sets the clock or lets it run faster or slower
 * (adjtimex); so these timers have a tree of their own, ordered by date, and when the clock is changed each hart computes
 * anew how long the first of them has to wait.
 */
#ifndef KEPLER_KERN_TIMER_H
#define KEPLER_KERN_TIMER_H

#include "base/rbtree.h"
#include "base/types.h"

struct hart;
struct timer {
    struct rb_node node;
    uint64_t deadline_ns;
    bool wall;                        /* the deadline is a date */
    void (*function)(struct timer *); /* runs in interrupt context, without locks; may add the timer again */
    struct hart *hart;                /* whose tree it is in; NULL: none */
};

void timer_setup(struct timer *timer, void (*function)(struct timer *));
/* Adds, or moves. Any context. */
void timer_start(struct timer *timer, uint64_t deadline_ns);
void timer_start_wall(struct timer *timer, uint64_t wall_ns);
/* As time_set_wall and time_set_pace: all who wait for a date are told. No locks are held. */
void timer_set_wall(uint64_t ns);
void timer_set_pace(int64_t millionths, int64_t slew_ns);
/* Removes; when it returns the function is not running and will not. True if it was still to come. Not from the function
 * itself and not under a lock that the function takes. */
bool timer_cancel(struct timer *timer);

/* hart->slice_end_ns of this hart, or the date, has changed. Interrupts are off. */
void timer_reprogram(void);
/* From the trap handler. */
void timer_interrupt(void);

#endif
