/*
 * timer.c - timers and the timer interrupt. See timer.h.
 *
 * Each hart has a tree of its timers ordered by deadline, one of those that wait for a date, and its own lock for them. The hart's next
 * interrupt is programmed for the first of them, or for the end of the running task's quantum if that comes first. For a date it may come
 * too early, never too late: then it is programmed again.
 */
#include "kern/timer.h"

#include "arch/hart.h"
#include "arch/riscv.h"
#include "arch/time.h"
#include "base/atomic.h"
#include "kern/cputime.h"
#include "kern/lock.h"
#include "kern/print.h"
#include "kern/task.h"

void timer_setup(struct timer *timer, void (*function)(struct timer *))
{
    *timer = (struct timer){.function = function};
}

static struct rb_tree *tree_of(struct hart *hart, bool wall) { return wall ? &hart->wall_timers : &hart->timers; }

static struct timer *first_timer(struct hart *hart, bool wall)
{
    struct rb_node *node = rb_first(tree_of(hart, wall));
    return node ? rb_entry(node, struct timer, node) : NULL;
}

/* Asks for the next interrupt of this hart. Its timer_lock is held. */
static void program(struct hart *hart)
{
    struct timer *first = first_timer(hart, false), *first_wall = first_timer(hart, true);
    uint64_t next = first ? first->deadline_ns : UINT64_MAX;
    if (first_wall) next = MIN(next, time_at_wall(first_wall->deadline_ns));
    if (hart->slice_end_ns) next = MIN(next, hart->slice_end_ns);
    if (hart->tick_ns) next = MIN(next, hart->tick_ns);
    if (next == hart->timer_programmed_ns) return;
    hart->timer_programmed_ns = next;
    time_program(next);
}

void timer_reprogram(void)
{
    struct hart *hart = this_hart();
    spin_lock(&hart->timer_lock);
    program(hart);
    spin_unlock(&hart->timer_lock);
}

static void insert(struct hart *hart, struct timer *timer)
{
    struct rb_tree *tree = tree_of(hart, timer->wall);
    struct rb_node **at = &tree->root, *parent = NULL;
    while (*at) {
        parent = *at;
        at = timer->deadline_ns < rb_entry(parent, struct timer, node)->deadline_ns ? &parent->left : &parent->right;
    }
    rb_insert(tree, &timer->node, parent, at);
    atomic_store(&timer->hart, hart);
}

static bool take_out(struct hart *hart, struct timer *timer)
{
    if (timer->hart != hart) return false;
    rb_remove(tree_of(hart, timer->wall), &timer->node);
    atomic_store(&timer->hart, NULL);
    return true;
}

static bool remove_anywhere(struct timer *timer)
{
    for (;;) {
        struct hart *hart = atomic_load(&timer->hart);
        if (!hart) return false;
        spin_lock(&hart->timer_lock);
        bool removed = take_out(hart, timer);
        spin_unlock(&hart->timer_lock);
        if (removed) return true;
    }
}

static void start(struct timer *timer, uint64_t deadline_ns, bool wall)
{
    remove_anywhere(timer);
    bool on = interrupts_off();
    struct hart *hart = this_hart();
    spin_lock(&hart->timer_lock);
    timer->deadline_ns = deadline_ns;
    timer->wall = wall;
    insert(hart, timer);
    program(hart);
    spin_unlock(&hart->timer_lock);
    interrupts_restore(on);
}

void timer_start(struct timer *timer, uint64_t deadline_ns) { start(timer, deadline_ns, false); }
void timer_start_wall(struct timer *timer, uint64_t wall_ns) { start(timer, wall_ns, true); }

static void date_changed(void)
{
    bool on = interrupts_off();
    for (unsigned i = 0; i < HART_MAX; i++)
        if (harts[i].online && &harts[i] != this_hart()) hart_call(i, IPI_TIMER);
    timer_reprogram();
    interrupts_restore(on);
}

void timer_set_wall(uint64_t ns)
{
    time_set_wall(ns);
    date_changed();
}

void timer_set_pace(int64_t millionths, int64_t slew_ns)
{
    time_set_pace(millionths, slew_ns);
    date_changed();
}

bool timer_cancel(struct timer *timer)
{
    bool removed = remove_anywhere(timer);
    for (unsigned i = 0; i < HART_MAX; i++)
        while (atomic_load(&harts[i].timer_running) == timer) hart_pause();
    return removed || remove_anywhere(timer);
}

/* The first timer that is due; NULL: none. */
static struct timer *due_timer(struct hart *hart)
{
    struct timer *first = first_timer(hart, false), *wall = first_timer(hart, true);
    if (first && first->deadline_ns <= time_ns()) return first;
    return wall && wall->deadline_ns <= time_wall_ns() ? wall : NULL;
}

void timer_interrupt(void)
{
    struct hart *hart = this_hart();
    spin_lock(&hart->timer_lock);
    for (struct timer *timer; (timer = due_timer(hart));) {
        atomic_store(&hart->timer_running, timer);
        take_out(hart, timer);
        spin_unlock(&hart->timer_lock);
        timer->function(timer); /* the timer may be gone afterwards */
        atomic_store(&hart->timer_running, NULL);
        spin_lock(&hart->timer_lock);
    }
    uint64_t now = time_ns();
    if (hart->slice_end_ns && hart->slice_end_ns <= now) {
        hart->need_resched = true;
        hart->slice_end_ns = 0;
    }
    if (hart->tick_ns && hart->tick_ns <= now)
        hart->tick_ns = current->process && current->process->counts_cputime ? now + CPUTIME_TICK_NS : 0;
    hart->timer_programmed_ns = 0; /* in the past: whatever comes next is programmed */
    program(hart);
    spin_unlock(&hart->timer_lock);
}
