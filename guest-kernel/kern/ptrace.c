/*
 * ptrace.c - tracing: the stops of a tracee, and who hears of them. See ptrace.h.
 *
 * A stop is a meeting of two tasks. The tracee writes down why it stops, tells the tracer, and sleeps in the state STOPPED. The
 * tracer, woken in wait4, sees the stop and does its work; when it lets the tracee go on it says with which signal, and
 * the tracee finds that when it runs again. Only two things wake a tracee: its tracer, and being killed; SIGCONT does not, unless
 * the tracer has said that it only listens.
 *
 * If the tracer ends, all its tracees go on by themselves. What the tracer must hear of a tracee that has ended (it need not
 * be its child) is kept in the struct tracee, which outlives the task.
 */
#include "kern/ptrace.h"

#include "base/errno.h"
#include "kern/process_internal.h"
#include "mm/slab.h"

static void tell(struct tracee *tracee, int code, int status)
{
    struct siginfo info = {.signo = SIGCHLD, .code = code, .pid = tracee->pid, .status = status};
    if (tracee->task) info.uid = tracee->task->cred.uid;
    signal_queue(tracee->tracer, NULL, SIGCHLD, &info);
    wake_all(&tracee->tracer->children_wait);
}

/* Stops; returns the signal with which the tracer lets it go on, 0 if it is gone or the task is being killed. */
static int stop(int status, const struct siginfo *info, uint64_t message, int call_phase)
{
    struct tracee *tracee = current->tracee;
    tracee->stopped = true;
    tracee->reported = tracee->listening = tracee->interrupt = false;
    tracee->stop_status = status;
    tracee->signal = 0;
    tracee->message = message;
    tracee->call_phase = call_phase;
    tracee->has_info = info;
    if (info) tracee->info = *info;
    tell(tracee, CLD_TRAPPED, status);
    spin_lock(&sched_lock);
    spin_unlock(&process_lock);
    current->state = TASK_STOPPED;
    current->sched.switches_voluntary++;
    sched_switch();
    spin_unlock(&sched_lock);
    spin_lock(&process_lock);
    if (current->tracee != tracee) return current->untraced_signal;
    if (!tracee->stopped) return tracee->signal;
    tracee->stopped = false; /* killed */
    return 0;
}

static bool being_killed(void) { return current->process->exiting || current->must_exit; }

static void event_stop(int event, int signal, uint64_t message)
{
    int status = signal | event << 8;
    struct siginfo info = {.signo = signal, .code = status, .pid = current->tgid, .uid = current->cred.uid};
    int wanted = stop(status, &info, message, 0);
    if (wanted && event != EVENT_STOP) signal_queue(current->process, current, wanted, NULL);
}

void ptrace_event(int event, uint64_t message)
{
    spin_lock(&process_lock);
    if (current->tracee && !being_killed()) event_stop(event, SIGTRAP, message);
    spin_unlock(&process_lock);
}

void ptrace_syscall(bool begins)
{
    spin_lock(&process_lock);
    struct tracee *tracee = current->tracee;
    if (tracee && tracee->syscalls && !being_killed()) {
        int status = SIGTRAP | (tracee->options & TRACE_SYSGOOD ? 0x80 : 0);
        struct siginfo info = {.signo = SIGTRAP, .code = status, .pid = current->tgid, .uid = current->cred.uid};
        int wanted = stop(status, &info, begins ? 1 : 2, begins ? 1 : 2);
        if (wanted) signal_queue(current->process, current, wanted, NULL);
    }
    spin_unlock(&process_lock);
}

void ptrace_exec(int old_pid)
{
    spin_lock(&process_lock);
    struct tracee *tracee = current->tracee;
    if (tracee && !being_killed()) {
        tracee->pid = current->pid;
        struct siginfo info = {.signo = SIGTRAP, .code = SI_USER, .pid = current->tgid, .uid = current->cred.uid};
        if (tracee->options & TRACE_EXEC)
            event_stop(EVENT_EXEC, SIGTRAP, (uint64_t)old_pid);
        else if (!tracee->seized)
            signal_queue(current->process, current, SIGTRAP, &info);
    }
    spin_unlock(&process_lock);
}

void ptrace_exit(int status)
{
    spin_lock(&process_lock);
    if (current->process->exiting) status = current->process->exit_status;
    if (current->tracee && (current->tracee->options & TRACE_EXIT)) event_stop(EVENT_EXIT, SIGTRAP, (uint64_t)status);
    spin_unlock(&process_lock);
}

int ptrace_signal(int signal, struct siginfo *info)
{
    if (signal == SIGKILL) return signal;
    int wanted = stop(signal, info, 0, 0);
    if (being_killed()) return 0;
    if (wanted == signal && current->tracee) *info = current->tracee->info; /* PTRACE_SETSIGINFO */
    if (wanted && wanted != signal)
        *info = (struct siginfo){.signo = wanted, .code = SI_USER, .pid = current->process->parent->pid};
    if (wanted && (current->signals.blocked & SIGBIT(wanted))) { /* it has to wait */
        signal_queue(current->process, current, wanted, info);
        return 0;
    }
    return wanted;
}

void ptrace_interrupted(void)
{
    struct process *process = current->process;
    event_stop(EVENT_STOP, process->stopping ? process->stop_signal : SIGTRAP, 0);
}

void ptrace_job_stop(int signal)
{
    struct tracee *tracee = current->tracee;
    if (tracee->seized)
        event_stop(EVENT_STOP, signal, 0);
    else
        stop(signal, NULL, 0, 0);
    if (current->tracee == tracee && !tracee->listening) tracee->passes_stop = true;
}

bool ptrace_lets_continue(struct task *task)
{
    struct tracee *tracee = task->tracee;
    if (!tracee) return true;
    tracee->passes_stop = false;
    if (tracee->stopped && !tracee->listening) return false;
    tracee->stopped = tracee->listening = false;
    return true;
}

/* Being traced */

bool ptrace_may_access(struct task *task)
{
    const struct cred *self = &current->cred, *other = &task->cred;
    if (!task->process) return false;
    if (task->process == current->process || cred_is_root()) return true;
    bool same = self->fsuid == other->uid && self->fsuid == other->euid && self->fsuid == other->suid &&
                self->fsgid == other->gid && self->fsgid == other->egid && self->fsgid == other->sgid;
    return same && task->process->dumpable;
}

static void attach(struct task *task, struct process *tracer, struct tracee *tracee)
{
    tracee->task = task;
    tracee->pid = task->pid;
    tracee->tracer = tracer;
    task->tracee = tracee;
    list_push_back(&tracer->tracees, &tracee->link);
}

long ptrace_traceme(void)
{
    struct tracee *tracee = kzalloc(sizeof *tracee);
    if (!tracee) return -ENOMEM;
    spin_lock(&process_lock);
    struct process *parent = current->process->parent;
    bool may = !current->tracee && parent && !parent->exiting;
    if (may) attach(current, parent, tracee);
    spin_unlock(&process_lock);
    if (!may) kfree(tracee);
    return may ? 0 : -EPERM;
}

long ptrace_attach(struct task *task, bool seize, unsigned options)
{
    struct tracee *tracee = kzalloc(sizeof *tracee);
    if (!tracee) return -ENOMEM;
    spin_lock(&process_lock);
    bool may = ptrace_may_access(task) && task->process != current->process && !task->tracee && !task->exiting &&
               task->process != init_process && !task->process->zombie;
    if (may) {
        tracee->seized = seize;
        tracee->options = options;
        attach(task, current->process, tracee);
        if (!seize) signal_queue(task->process, task, SIGSTOP, NULL);
    }
    spin_unlock(&process_lock);
    if (!may) kfree(tracee);
    return may ? 0 : -EPERM;
}

struct tracee *ptrace_of(struct task *task, bool any)
{
    struct tracee *tracee = task->tracee;
    if (!tracee || tracee->tracer != current->process) return NULL;
    return any || (tracee->stopped && !tracee->listening) ? tracee : NULL;
}

void ptrace_resume(struct tracee *tracee)
{
    if (!tracee->stopped) return;
    tracee->stopped = false;
    spin_lock(&sched_lock);
    if (tracee->task->state == TASK_STOPPED) sched_make_ready(tracee->task);
    spin_unlock(&sched_lock);
}

void ptrace_detach(struct tracee *tracee, int signal)
{
    struct task *task = tracee->task;
    list_remove(&tracee->link);
    if (task) {
        task->untraced_signal = signal;
        ptrace_resume(tracee);
        task->tracee = NULL;
    }
    kfree(tracee);
}

void ptrace_tracer_ends(struct process *tracer)
{
    while (!list_empty(&tracer->tracees)) {
        struct tracee *tracee = list_first(&tracer->tracees, struct tracee, link);
        struct task *task = tracee->task;
        bool kill = task && (tracee->options & TRACE_EXITKILL);
        ptrace_detach(tracee, 0);
        if (kill) signal_queue(task->process, NULL, SIGKILL, NULL);
    }
}

void ptrace_task_ends(struct task *task, int status)
{
    struct tracee *tracee = task->tracee;
    if (!tracee) return;
    struct process *process = task->process;
    bool by_parent = task == process->leader && tracee->tracer == process->parent;
    task->tracee = NULL;
    tracee->task = NULL;
    tracee->stopped = false;
    tracee->exit_status = status;
    if (by_parent) { /* it will wait for its child anyway */
        list_remove(&tracee->link);
        kfree(tracee);
        return;
    }
    bool killed = status & 0x7f;
    tell(tracee, killed ? CLD_KILLED : CLD_EXITED, killed ? status & 0x7f : status >> 8);
}

/* Children */

#define CLONE_UNTRACED 0x00800000u

int ptrace_clone_event(uint64_t flags, int exit_signal)
{
    spin_lock(&process_lock);
    unsigned options = current->tracee ? current->tracee->options : 0;
    spin_unlock(&process_lock);
    if (flags & CLONE_UNTRACED) return 0;
    if (flags & CLONE_VFORK) return options & TRACE_VFORK ? EVENT_VFORK : 0;
    if (exit_signal != SIGCHLD) return options & TRACE_CLONE ? EVENT_CLONE : 0;
    return options & TRACE_FORK ? EVENT_FORK : 0;
}

void ptrace_vfork_done(int pid)
{
    spin_lock(&process_lock);
    if (current->tracee && (current->tracee->options & TRACE_VFORK_DONE) && !being_killed())
        event_stop(EVENT_VFORK_DONE, SIGTRAP, (uint64_t)pid);
    spin_unlock(&process_lock);
}

struct tracee *ptrace_child_prepare(void) { return kzalloc(sizeof(struct tracee)); }

void ptrace_child_add(struct task *child, struct tracee *memory)
{
    struct tracee *parent = current->tracee;
    if (!parent || !memory) {
        kfree(memory);
        return;
    }
    memory->options = parent->options;
    memory->seized = parent->seized;
    memory->interrupt = parent->seized;
    attach(child, parent->tracer, memory);
    if (!parent->seized) signal_queue(child->process, child, SIGSTOP, NULL);
}
