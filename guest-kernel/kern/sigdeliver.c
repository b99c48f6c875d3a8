/*
 * sigdeliver.c - acting on signals, on the way back to user mode.
 *
 * For each pending signal that is not blocked: ignore it, or end the process, or stop it, or make the program run its handler (then
 * the trap frame is changed so that user mode continues in the handler, see sigframe.c). Several signals may be pending; their
 * handlers are then stacked, the last one runs first.
 *
 * A system call that a signal interrupted has returned one of the restart codes. What the program sees is decided here,
 * since it depends on the handler: EINTR, or the call starts over: pc goes back to the ecall and a0 gets its old value.
 */
#include "arch/hart.h"
#include "arch/time.h"
#include "base/errno.h"
#include "base/string.h"
#include "kern/print.h"
#include "kern/process_internal.h"
#include "kern/ptimer.h"
#include "kern/ptrace.h"
#include "kern/signal_internal.h"

#define SYNCHRONOUS                                                                                                    \
    (SIGBIT(SIGSEGV) | SIGBIT(SIGBUS) | SIGBIT(SIGILL) | SIGBIT(SIGTRAP) | SIGBIT(SIGFPE) | SIGBIT(SIGSYS))
#define SYS_restart_syscall 128

static int take_from(struct sigpending *pending, sigset which, struct siginfo *info)
{
    sigset candidates = pending->set & which;
    if (!candidates) return 0;
    if (candidates & SYNCHRONOUS) candidates &= SYNCHRONOUS; /* the program cannot go on before these */
    int signal = __builtin_ctzll(candidates) + 1;
    *info = (struct siginfo){.signo = signal, .code = SI_USER};
    struct sigqueue *entry, *found = NULL;
    bool more = false;
    list_for_each(entry, &pending->queue, link)
    {
        if (entry->info.signo != signal) continue;
        if (found) more = true;
        if (!found) found = entry;
    }
    if (found) {
        *info = found->info;
        list_remove(&found->link);
        pending->count--;
        if (found->timer)
            ptimer_delivered(found->timer, info);
        else
            sigqueue_release(found);
    }
    if (!more) pending->set &= ~SIGBIT(signal);
    return signal;
}

int signal_take(sigset which, struct siginfo *info)
{
    int signal = take_from(&current->signals.pending, which, info);
    return signal ? signal : take_from(&current->process->pending, which, info);
}

/* Stops until SIGCONT or SIGKILL. process_lock is held and given up. */
static void stop(void)
{
    struct process *process = current->process;
    struct task *task;
    bool all = true;
    spin_lock(&sched_lock);
    list_for_each(task, &process->tasks,
                  process_link) if (task != current && task->state != TASK_STOPPED && !task->exiting) all = false;
    spin_unlock(&sched_lock);
    if (all && !process->stopped) {
        process->stopped = true;
        process->stop_reported = process->continued = false;
        notify_parent(process, CLD_STOPPED, process->stop_signal);
    }
    if (current->tracee) {
        ptrace_job_stop(process->stop_signal);
        spin_unlock(&process_lock);
        return;
    }
    spin_lock(&sched_lock);
    spin_unlock(&process_lock);
    current->state = TASK_STOPPED;
    current->sched.switches_voluntary++;
    sched_switch();
    spin_unlock(&sched_lock);
}

bool group_is_orphaned_locked(int pgid, const struct process *except);

static void begin_stop(int signal)
{
    struct process *process = current->process;
    if (signal != SIGSTOP && group_is_orphaned_locked(process->pgid, NULL)) return;
    process->stopping = true;
    process->stop_signal = signal;
    struct task *task;
    list_for_each(task, &process->tasks, process_link) if (task != current) wake_for_signal(task, false);
}

static void start_over(struct trapframe *frame, bool with_restart_syscall)
{
    frame->a[0] = frame->orig_a0;
    if (with_restart_syscall) frame->a[7] = SYS_restart_syscall;
    frame->pc -= 4;
}

/* The interrupted call, if there is one: with a handler about to run, or with none. */
static void finish_call(struct trapframe *frame, const struct sigaction *action)
{
    int64_t result = (int64_t)frame->a[0];
    if (!current->signals.unfinished_call) return;
    current->signals.unfinished_call = false;
    if (!action)
        start_over(frame, result == -ERESTART_RESTARTBLOCK);
    else if (result == -ERESTARTSYS && (action->flags & SA_RESTART))
        start_over(frame, false);
    else
        frame->a[0] = (uint64_t)-EINTR;
    if (action) current->restart.function = NULL; /* a handler ends the call for good */
}

static void run_handler(struct trapframe *frame, int signal, struct sigaction *action, const struct siginfo *info)
{
    struct signals *signals = &current->signals;
    sigset old_mask = signals->restore_mask ? signals->saved_mask : signals->blocked;
    signals->restore_mask = false;
    finish_call(frame, action);
    if (!sigframe_push(frame, action, info, old_mask)) process_exit(SIGSEGV);
    sigset mask = signals->blocked | action->mask;
    if (!(action->flags & SA_NODEFER)) mask |= SIGBIT(signal);
    signal_set_mask(mask);
}

/* One signal. False: nothing is pending any more. */
static bool deliver_one(struct trapframe *frame)
{
    struct process *process = current->process;
    struct siginfo info;
    spin_lock(&process_lock);
    if (process->exiting || current->must_exit) {
        int status = process->exit_status;
        spin_unlock(&process_lock);
        task_exit(status);
    }
    if (process->stopping && !ptrace_passes_stop(current)) {
        stop();
        return true;
    }
    if (ptrace_wants_stop(current)) {
        ptrace_interrupted();
        spin_unlock(&process_lock);
        return true;
    }
    int signal = signal_take(~current->signals.blocked, &info);
    if (!signal) {
        spin_unlock(&process_lock);
        return false;
    }
    if (current->tracee && !(signal = ptrace_signal(signal, &info))) {
        spin_unlock(&process_lock);
        return true;
    }
    struct sigaction action = process->sighand->action[signal - 1];
    bool handled = action.handler != SIG_DFL && action.handler != SIG_IGN;
    if (handled && (action.flags & SA_RESETHAND)) process->sighand->action[signal - 1].handler = SIG_DFL;
    if (action.handler == SIG_DFL && process != init_process) {
        if (default_is_stop(signal))
            begin_stop(signal);
        else if (!default_is_ignore(signal))
            process_kill(process, signal);
    }
    spin_unlock(&process_lock);
    if (handled) run_handler(frame, signal, &action, &info);
    return true;
}

void signal_deliver(struct trapframe *frame)
{
    if (!current->process) return;
    while (deliver_one(frame)) {
    }
    finish_call(frame, NULL);
    signal_mask_end();
}
