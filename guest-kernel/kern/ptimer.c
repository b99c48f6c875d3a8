/*
 * ptimer.c - POSIX timers. See ptimer.h.
 *
 * A timer that expires sends its signal, and a periodic one starts anew, but only when the signal has been *delivered*: until then
 * further expirations are not sent, they are counted ("overrun") by dividing the time that has passed. So neither a short
 * interval nor a program that blocks the signal can flood the kernel with interrupts or queue entries, and the one
 * entry that a timer needs is part of it: no signal is lost for want of memory.
 *
 * Timers on a CPU clock have no interrupt of their own: they are looked at whenever CPU time is charged (cputime.c).
 */
#include "kern/ptimer.h"

#include "arch/time.h"
#include "base/errno.h"
#include "base/string.h"
#include "kern/cputime.h"
#include "kern/process_internal.h"
#include "mm/slab.h"

#define LEAST_NS 1000000ul /* between expirations that nobody is told of */

static bool on_cpu(const struct ptimer *timer) { return clock_is_cpu(&timer->clock); }

/* On the clock that expiry_ns is about. */
static uint64_t now_of(const struct ptimer *timer)
{
    return on_cpu(timer) || timer->date ? clock_now_locked(&timer->clock) : time_ns();
}

static void arm(struct ptimer *timer)
{
    if (on_cpu(timer))
        cputime_changed(timer->process);
    else if (timer->signal && timer->date)
        timer_start_wall(&timer->timer, timer->expiry_ns);
    else if (timer->signal)
        timer_start(&timer->timer, timer->expiry_ns);
}

/* Moves the expiry of a periodic timer beyond `now`; the number of expirations that were passed over. */
static uint64_t forward(struct ptimer *timer, uint64_t now)
{
    if (now < timer->expiry_ns) return 0;
    uint64_t passed = (now - timer->expiry_ns) / timer->interval_ns + 1;
    timer->expiry_ns += passed * timer->interval_ns;
    return passed;
}

static void expire(struct ptimer *timer)
{
    if (timer->queued) return;
    timer->overrun = 0;
    if (timer->task && timer->task->exiting) return;
    timer->queued = signal_queue_entry(timer->process, timer->task, &timer->entry);
    if (timer->queued || !timer->interval_ns) {
        if (!timer->interval_ns) timer->expiry_ns = 0;
        return;
    }
    /* The signal is ignored: the clock goes on, but nobody needs it to be exact. */
    uint64_t now = now_of(timer);
    forward(timer, now);
    timer->expiry_ns = MAX(timer->expiry_ns, now + LEAST_NS);
    arm(timer);
}

static void rings(struct timer *timer)
{
    struct ptimer *self = container_of(timer, struct ptimer, timer);
    spin_lock(&process_lock);
    bool wanted = self->process && self->expiry_ns && !self->queued;
    if (wanted && now_of(self) >= self->expiry_ns)
        expire(self);
    else if (wanted)
        arm(self); /* set to another time meanwhile, it or the clock */
    spin_unlock(&process_lock);
}

/* The signal has left its queue: the next expiration can come. Returns how many have been passed over. */
static uint64_t go_on(struct ptimer *timer)
{
    timer->queued = false;
    if (!timer->interval_ns || !timer->expiry_ns) return 0;
    uint64_t passed = forward(timer, now_of(timer));
    arm(timer);
    return passed ? passed - 1 : 0;
}

void ptimer_delivered(struct ptimer *timer, struct siginfo *info)
{
    timer->overrun = MIN(go_on(timer), (uint64_t)INT32_MAX);
    info->overrun = (int32_t)timer->overrun;
}

void ptimer_dropped(struct ptimer *timer) { go_on(timer); }

bool ptimer_counts_cputime(const struct process *process)
{
    const struct ptimer *timer;
    list_for_each(timer, &process->ptimers, link) if (on_cpu(timer) && timer->expiry_ns) return true;
    return false;
}

void ptimer_charge(struct process *process)
{
    struct ptimer *timer;
    list_for_each(timer, &process->ptimers, link)
    {
        if (!on_cpu(timer) || !timer->expiry_ns || timer->queued || !timer->signal) continue;
        if (clock_now_locked(&timer->clock) >= timer->expiry_ns) expire(timer);
    }
}

/* What programs ask for */

static struct ptimer *find(int id)
{
    struct ptimer *timer;
    list_for_each(timer, &current->process->ptimers, link) if (timer->id == id) return timer;
    return NULL;
}

int ptimer_create(struct clock *clock, int signal, struct task *task, uint64_t value, bool value_is_id)
{
    struct process *process = current->process;
    struct ptimer *timer = kzalloc(sizeof *timer), *other;
    if (!timer) return -ENOMEM;
    uint64_t count = 0;
    timer->process = process;
    timer->signal = signal;
    timer_setup(&timer->timer, rings);
    spin_lock(&process_lock);
    list_for_each(other, &process->ptimers, link) count++;
    bool full = count >= process->limits[RLIMIT_SIGPENDING].soft;
    if (!full) {
        do timer->id = process->next_ptimer++ & INT32_MAX;
        while (find(timer->id));
        timer->clock = *clock;
        timer->task = task ? task_get(task) : NULL;
        timer->entry.timer = timer;
        timer->entry.info = (struct siginfo){.signo = signal, .code = SI_TIMER, .timer_id = timer->id};
        timer->entry.info.timer_value = value_is_id ? (uint64_t)timer->id : value;
        list_push_back(&process->ptimers, &timer->link);
    }
    int id = timer->id;
    spin_unlock(&process_lock);
    if (full) kfree(timer);
    return full ? -EAGAIN : id;
}

static struct ptimer_setting setting_of(struct ptimer *timer)
{
    struct ptimer_setting s = {0, timer->interval_ns};
    if (!timer->expiry_ns) return s;
    uint64_t now = now_of(timer), next = timer->expiry_ns;
    if (next <= now && timer->interval_ns) next += ((now - next) / timer->interval_ns + 1) * timer->interval_ns;
    if (next > now)
        s.value_ns = next - now;
    else if (timer->signal)
        s.value_ns = 1; /* due at this moment */
    return s;
}

int ptimer_set(int id, const struct ptimer_setting *setting, bool absolute, struct ptimer_setting *old)
{
    spin_lock(&process_lock);
    struct ptimer *timer = find(id);
    if (timer) {
        *old = setting_of(timer);
        timer->interval_ns = setting->interval_ns;
        timer->overrun = 0;
        timer->date = absolute && timer->clock.real;
        timer->expiry_ns = setting->value_ns && !absolute ? now_of(timer) + setting->value_ns : setting->value_ns;
        if (timer->queued) { /* a signal of the old setting does not come any more */
            signal_unqueue_entry(timer->process, timer->task, &timer->entry);
            timer->queued = false;
        }
        if (timer->expiry_ns) arm(timer); /* else it finds nothing to do when it rings */
    }
    spin_unlock(&process_lock);
    return timer ? 0 : -EINVAL;
}

int ptimer_get(int id, struct ptimer_setting *setting)
{
    spin_lock(&process_lock);
    struct ptimer *timer = find(id);
    if (timer) *setting = setting_of(timer);
    spin_unlock(&process_lock);
    return timer ? 0 : -EINVAL;
}

int ptimer_overrun(int id)
{
    spin_lock(&process_lock);
    struct ptimer *timer = find(id);
    int overrun = timer ? (int)timer->overrun : -EINVAL;
    spin_unlock(&process_lock);
    return overrun;
}

/* process_lock is held. */
static void take_out(struct ptimer *timer)
{
    list_remove(&timer->link);
    if (timer->queued) signal_unqueue_entry(timer->process, timer->task, &timer->entry);
    timer->queued = false;
    timer->process = NULL;
}

static void destroy(struct ptimer *timer)
{
    timer_cancel(&timer->timer);
    if (timer->task) task_put(timer->task);
    clock_close(&timer->clock);
    kfree(timer);
}

int ptimer_delete(int id)
{
    spin_lock(&process_lock);
    struct ptimer *timer = find(id);
    if (timer) take_out(timer);
    spin_unlock(&process_lock);
    if (timer) destroy(timer);
    return timer ? 0 : -EINVAL;
}

void ptimer_delete_all(struct process *process)
{
    for (;;) {
        spin_lock(&process_lock);
        struct ptimer *timer =
            list_empty(&process->ptimers) ? NULL : list_first(&process->ptimers, struct ptimer, link);
        if (timer) take_out(timer);
        spin_unlock(&process_lock);
        if (!timer) return;
        destroy(timer);
    }
}
