/*
 * timer.c - timers and the timer interrupt. See timer.h.
 *
 * Each hart has a tree of its timers ordered by deadline, and its own lock for it. The hart's next interrupt is programmed for the
 * first of them, or for the end of the running task's quantum if that comes first.
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

static struct timer *first_timer(struct hart *hart)
{
    struct rb_node *node = rb_first(&hart->timers);
    return node ? rb_entry(node, struct timer, node) : NULL;
}

/* Asks for the next interrupt of this hart. Its timer_lock is held. */
static void program(struct hart *hart)
{
    struct timer *first = first_timer(hart);
    uint64_t next = first ? first->deadline_ns : UINT64_MAX;
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
    struct rb_node **at = &hart->timers.root, *parent = NULL;
    while (*at) {
        parent = *at;
        at = timer->deadline_ns < rb_entry(parent, struct timer, node)->deadline_ns ? &parent->left : &parent->right;
    }
    rb_insert(&hart->timers, &timer->node, parent, at);
    atomic_store(&timer->hart, hart);
}

static bool take_out(struct hart *hart, struct timer *timer)
{
    if (timer->hart != hart) return false;
    rb_remove(&hart->timers, &timer->node);
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

void timer_start(struct timer *timer, uint64_t deadline_ns)
{
    remove_anywhere(timer);
    bool on = interrupts_off();
    struct hart *hart = this_hart();
    spin_lock(&hart->timer_lock);
    timer->deadline_ns = deadline_ns;
    insert(hart, timer);
    program(hart);
    spin_unlock(&hart->timer_lock);
    interrupts_restore(on);
}

bool timer_cancel(struct timer *timer)
{
    bool removed = remove_anywhere(timer);
    for (unsigned i = 0; i < HART_MAX; i++)
        while (atomic_load(&harts[i].timer_running) == timer) hart_pause();
    return removed || remove_anywhere(timer);
}

void timer_interrupt(void)
{
    struct hart *hart = this_hart();
    spin_lock(&hart->timer_lock);
    uint64_t now = time_ns();
    for (struct timer *timer; (timer = first_timer(hart)) && timer->deadline_ns <= now; now = time_ns()) {
        atomic_store(&hart->timer_running, timer);
        take_out(hart, timer);
        spin_unlock(&hart->timer_lock);
        timer->function(timer); /* the timer may be gone afterwards */
        atomic_store(&hart->timer_running, NULL);
        spin_lock(&hart->timer_lock);
    }
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
