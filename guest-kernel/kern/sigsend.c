/*
 * sigsend.c - sending signals, and the state that decides what becomes of them.
 *
 * A signal is pending in a set of bits, one set for each task and one for each process. Sending sets the bit and makes sure that
 * somebody looks: a task that sleeps interruptibly is woken, one that runs in user mode on another hart gets an interrupt. What
 * the receiver would ignore anyway is not even marked, so that it does not disturb a system call.
 *
 * Stopping and continuing cancel each other: SIGCONT removes pending stop signals and the other way round; SIGCONT and SIGKILL
 * also wake what is stopped, at once, whatever is blocked.
 */
#include "arch/hart.h"
#include "base/errno.h"
#include "base/string.h"
#include "kern/print.h"
#include "kern/process_internal.h"
#include "kern/ptimer.h"
#include "kern/ptrace.h"
#include "kern/signal_internal.h"
#include "kern/trace.h"
#include "mm/slab.h"

#define STOP_SIGNALS    (SIGBIT(SIGSTOP) | SIGBIT(SIGTSTP) | SIGBIT(SIGTTIN) | SIGBIT(SIGTTOU))
#define UNBLOCKABLE     (SIGBIT(SIGKILL) | SIGBIT(SIGSTOP))
#define IGNORED_DEFAULT (SIGBIT(SIGCHLD) | SIGBIT(SIGCONT) | SIGBIT(SIGURG) | SIGBIT(SIGWINCH))

bool default_is_ignore(int signal) { return SIGBIT(signal) & IGNORED_DEFAULT; }
bool default_is_stop(int signal) { return SIGBIT(signal) & STOP_SIGNALS; }

/* Handlers */

struct sighand *sighand_create(void)
{
    struct sighand *sighand = kzalloc(sizeof *sighand);
    if (sighand) ref_init(&sighand->refs);
    return sighand;
}

struct sighand *sighand_copy(const struct sighand *from)
{
    struct sighand *copy = sighand_create();
    if (!copy) return NULL;
    spin_lock(&process_lock);
    memcpy(copy->action, from->action, sizeof copy->action);
    spin_unlock(&process_lock);
    return copy;
}

void sighand_put(struct sighand *sighand)
{
    if (ref_put(&sighand->refs)) kfree(sighand);
}

/* exec: handlers are code of the old program; what was ignored stays ignored. */
void signal_exec_reset(void)
{
    spin_lock(&process_lock);
    for (int i = 0; i < SIGNAL_MAX; i++) {
        struct sigaction *action = &current->process->sighand->action[i];
        uint64_t handler = action->handler == SIG_IGN ? SIG_IGN : SIG_DFL;
        *action = (struct sigaction){.handler = handler};
    }
    current->signals.stack_base = current->signals.stack_bytes = 0;
    current->signals.stack_flags = 0;
    spin_unlock(&process_lock);
}

/* Pending sets */

void sigqueue_release(struct sigqueue *entry)
{
    if (entry->timer)
        ptimer_dropped(entry->timer);
    else
        kfree(entry);
}

void signal_flush(struct sigpending *pending, sigset which)
{
    struct sigqueue *entry, *after;
    pending->set &= ~which;
    list_for_each_safe(entry, after, &pending->queue, link)
    {
        if (!(SIGBIT(entry->info.signo) & which)) continue;
        list_remove(&entry->link);
        pending->count--;
        sigqueue_release(entry);
    }
}

static void flush_everywhere(struct process *process, sigset which)
{
    struct task *task;
    signal_flush(&process->pending, which);
    list_for_each(task, &process->tasks, process_link) signal_flush(&task->signals.pending, which);
}

/* `ready`: the entry is there already (a timer's). */
static void mark(struct sigpending *pending, int signal, const struct siginfo *info, struct sigqueue *ready)
{
    bool classic = signal < 32;
    if (classic && !ready && (pending->set & SIGBIT(signal))) return;
    pending->set |= SIGBIT(signal);
    struct sigqueue *entry = ready ? ready : kmalloc(sizeof *entry);
    if (!entry) return; /* the signal comes, without information */
    if (!ready) {
        entry->info = info ? *info : (struct siginfo){.code = SI_KERNEL};
        entry->info.signo = signal;
        entry->timer = NULL;
    }
    list_push_back(&pending->queue, &entry->link);
    pending->count++;
}

static bool is_ignored(const struct process *process, int signal)
{
    uint64_t handler = process->sighand->action[signal - 1].handler;
    if (handler == SIG_IGN) return true;
    if (handler != SIG_DFL) return false;
    /* Nothing that would kill or stop init by default reaches it. */
    return default_is_ignore(signal) || (process == init_process && signal != SIGCHLD);
}

static bool blocks(const struct task *task, int signal)
{
    return (task->signals.blocked & SIGBIT(signal)) || (task->signals.waited & SIGBIT(signal));
}

/* The task that is to act on a signal to the process: the sender's own, else the first that does not block it. */
static struct task *find_receiver(struct process *process, int signal)
{
    struct task *task;
    if (current->process == process && !current->exiting && !(current->signals.blocked & SIGBIT(signal)))
        return current;
    list_for_each(task, &process->tasks,
                  process_link) if (!task->exiting && (!(task->signals.blocked & SIGBIT(signal)) ||
                                                       (task->signals.waited & SIGBIT(signal)))) return task;
    return NULL;
}

/* Job control comes first, even if the signal itself is blocked or ignored. */
static void prepare_job_control(struct process *process, int signal)
{
    if (default_is_stop(signal)) flush_everywhere(process, SIGBIT(SIGCONT));
    if (signal != SIGCONT && signal != SIGKILL) return;
    flush_everywhere(process, STOP_SIGNALS);
    process->stopping = false;
    struct task *task;
    list_for_each(task, &process->tasks, process_link)
    {
        if (!ptrace_lets_continue(task)) continue;
        spin_lock(&sched_lock);
        if (task->state == TASK_STOPPED) sched_make_ready(task);
        spin_unlock(&sched_lock);
    }
    if (signal == SIGCONT && process->stopped) {
        process->stopped = false;
        process->continued = true;
        notify_parent(process, CLD_CONTINUED, SIGCONT);
    }
}

/* False: nothing was queued. */
static bool send(struct process *process, struct task *task, int signal, const struct siginfo *info,
                 struct sigqueue *ready)
{
    if (process->zombie || process->exiting || !process->sighand) return false;
    trace(TRACE_SIGNAL, signal, task ? task->pid : process->pid, 0);
    prepare_job_control(process, signal);
    if (signal == SIGKILL && process != init_process) {
        process_kill(process, SIGKILL);
        return false;
    }
    struct task *receiver = task ? task : find_receiver(process, signal);
    bool blocked = !receiver || blocks(receiver, signal);
    bool traced = receiver && receiver->tracee; /* the tracer is to hear of it all the same */
    if (!blocked && !traced && is_ignored(process, signal)) return false;
    mark(task ? &task->signals.pending : &process->pending, signal, info, ready);
    if (receiver) wake_for_signal(receiver, false);
    if (waitq_busy(&signal_arrived)) wake_all(&signal_arrived);
    return true;
}

void signal_queue(struct process *process, struct task *task, int signal, const struct siginfo *info)
{
    send(process, task, signal, info, NULL);
}

bool signal_queue_entry(struct process *process, struct task *task, struct sigqueue *entry)
{
    return send(process, task, entry->info.signo, NULL, entry);
}

void signal_unqueue_entry(struct process *process, struct task *task, struct sigqueue *entry)
{
    struct sigpending *pending = task ? &task->signals.pending : &process->pending;
    const struct sigqueue *other;
    list_remove(&entry->link);
    pending->count--;
    list_for_each(other, &pending->queue, link) if (other->info.signo == entry->info.signo) return;
    pending->set &= ~SIGBIT(entry->info.signo);
}

void signal_send_process(struct process *process, int signal, const struct siginfo *info)
{
    spin_lock(&process_lock);
    signal_queue(process, NULL, signal, info);
    spin_unlock(&process_lock);
}

void signal_send_task(struct task *task, int signal, const struct siginfo *info)
{
    if (!task->process) return;
    spin_lock(&process_lock);
    if (!task->exiting) signal_queue(task->process, task, signal, info);
    spin_unlock(&process_lock);
}

int signal_send_group(int pgid, int signal)
{
    struct process *process;
    int result = -ESRCH;
    spin_lock(&process_lock);
    list_for_each(process, &process_list, all_link)
    {
        if (process->pgid != pgid) continue;
        result = 0;
        if (signal) signal_queue(process, NULL, signal, NULL);
    }
    spin_unlock(&process_lock);
    return result;
}

void signal_fault(int signal, int code, uint64_t address)
{
    struct siginfo info = {.signo = signal, .code = code, .address = address};
    struct process *process = current->process;
    spin_lock(&process_lock);
    struct sigaction *action = &process->sighand->action[signal - 1];
    /* A fault that is blocked or ignored would come back for ever: it kills instead. */
    bool blocked = current->signals.blocked & SIGBIT(signal);
    if (blocked || action->handler == SIG_IGN) {
        action->handler = SIG_DFL;
        current->signals.blocked &= ~SIGBIT(signal);
    }
    if (action->handler == SIG_DFL)
        process_kill(process, signal);
    else
        mark(&current->signals.pending, signal, &info, NULL);
    spin_unlock(&process_lock);
}

/* Looks */

static sigset deliverable(const struct task *task)
{
    return (task->signals.pending.set | task->process->pending.set) & ~task->signals.blocked;
}

bool signal_fatal_pending(void)
{
    return current->process && (atomic_load(&current->process->exiting) || atomic_load(&current->must_exit));
}

bool signal_pending(void)
{
    if (!current->process) return false;
    return signal_fatal_pending() || (atomic_load(&current->process->stopping) && !ptrace_passes_stop(current)) ||
           ptrace_wants_stop(current) || deliverable(current);
}

bool signal_work_pending(void)
{
    /* The signal that interrupted the call may be gone by now (SIGSTOP, then SIGCONT): the call is to be finished all the same. */
    return signal_pending() || current->signals.restore_mask || current->signals.unfinished_call;
}

bool signal_is_ignored_or_blocked(int signal)
{
    spin_lock(&process_lock);
    bool result =
        (current->signals.blocked & SIGBIT(signal)) || current->process->sighand->action[signal - 1].handler == SIG_IGN;
    spin_unlock(&process_lock);
    return result;
}

void signal_set_mask(sigset mask)
{
    spin_lock(&process_lock);
    current->signals.blocked = mask & ~UNBLOCKABLE;
    /* Signals of the process that this task no longer takes may be for another one. */
    struct task *task;
    sigset shared = current->process->pending.set & mask;
    if (shared)
        list_for_each(task, &current->process->tasks,
                      process_link) if (task != current && (shared & ~task->signals.blocked))
            wake_for_signal(task, false);
    spin_unlock(&process_lock);
}

void signal_mask_begin(sigset mask)
{
    current->signals.saved_mask = current->signals.blocked;
    current->signals.restore_mask = true;
    signal_set_mask(mask);
}

void signal_mask_end(void)
{
    if (!current->signals.restore_mask) return;
    current->signals.restore_mask = false;
    signal_set_mask(current->signals.saved_mask);
}

void signal_describe(struct task *task, sigset *pending, sigset *shared, sigset *blocked, sigset *ignored,
                     sigset *caught)
{
    *ignored = *caught = 0;
    spin_lock(&process_lock);
    *pending = task->signals.pending.set;
    *shared = task->process->pending.set;
    *blocked = task->signals.blocked;
    const struct sighand *sighand = task->process->sighand;
    for (int signal = 1; sighand && signal <= SIGNAL_MAX; signal++) {
        uint64_t handler = sighand->action[signal - 1].handler;
        if (handler == SIG_IGN)
            *ignored |= SIGBIT(signal);
        else if (handler != SIG_DFL)
            *caught |= SIGBIT(signal);
    }
    spin_unlock(&process_lock);
}
