/*
 * sys_signal.c - signals as programs see them. What happens inside is in kern/sigsend.c, sigdeliver.c, sigframe.c.
 */
#include "abi/structs.h"
#include "abi/syscall.h"
#include "base/string.h"
#include "ipc/eventfd.h"
#include "kern/process_internal.h"
#include "kern/signal_internal.h"

#define UNBLOCKABLE (SIGBIT(SIGKILL) | SIGBIT(SIGSTOP))

static bool is_signal(int number) { return number >= 1 && number <= SIGNAL_MAX; }

static int read_mask(uint64_t from, uint64_t size, sigset *mask)
{
    if (size != sizeof *mask) return -EINVAL;
    return copy_from_user(mask, from, sizeof *mask);
}

/* Permission and sending */

static bool may_send(const struct process *target, int signal)
{
    const struct cred *self = &current->cred;
    if (self->euid == 0 || target == current->process) return true;
    if (signal == SIGCONT && target->sid == current->process->sid) return true;
    if (!target->leader) return false;
    const struct cred *other = &target->leader->cred;
    return self->euid == other->suid || self->euid == other->uid || self->uid == other->suid || self->uid == other->uid;
}

static struct siginfo own_info(int signal, int code)
{
    return (struct siginfo){.signo = signal, .code = code, .pid = current->tgid, .uid = current->cred.uid};
}

/* RLIMIT_SIGPENDING: whoever queues information with a real-time signal is told that there is no room for it. process_lock is held. */
static bool has_room(const struct process *process, const struct task *task, int signal, const struct siginfo *info)
{
    uint64_t count = process->pending.count + (task ? task->signals.pending.count : 0);
    return signal < 32 || info->code == SI_USER || count < process->limits[RLIMIT_SIGPENDING].soft;
}

/* kill(0), kill(-1), kill(-pgid) */
static long send_to_many(int pid, int signal)
{
    struct siginfo info = own_info(signal, SI_USER);
    int pgid = pid == 0 ? current->process->pgid : -pid;
    bool found = false, sent = false;
    struct process *process;
    spin_lock(&process_lock);
    list_for_each(process, &process_list, all_link)
    {
        bool wanted = pid == -1 ? process != init_process && process != current->process : process->pgid == pgid;
        if (!wanted) continue;
        found = true;
        if (!may_send(process, signal)) continue;
        sent = true;
        if (signal) signal_queue(process, NULL, signal, &info);
    }
    spin_unlock(&process_lock);
    return sent ? 0 : found ? -EPERM : -ESRCH;
}

/* Takes over the reference. */
static long send_and_put(struct process *process, int signal, const struct siginfo *info)
{
    spin_lock(&process_lock);
    long result = process->leader ? 0 : -ESRCH;
    if (!result && !may_send(process, signal)) result = -EPERM;
    if (!result && signal && !has_room(process, NULL, signal, info)) result = -EAGAIN;
    if (!result && signal) signal_queue(process, NULL, signal, info);
    spin_unlock(&process_lock);
    process_put(process);
    return result;
}

static long send_to_process(int pid, int signal, const struct siginfo *info)
{
    struct process *process = process_find(pid);
    if (!process) {
        struct task *task = task_find(pid); /* any thread's id names its process */
        if (task && task->process) process = process_get(task->process);
        if (task) task_put(task);
    }
    return process ? send_and_put(process, signal, info) : -ESRCH;
}

long sys_kill(K_PID pid, K_SIG signal)
{
    if (signal < 0 || signal > SIGNAL_MAX) return -EINVAL;
    if (pid == INT32_MIN) return -ESRCH;
    if (pid <= 0) return send_to_many(pid, signal);
    struct siginfo info = own_info(signal, SI_USER);
    return send_to_process(pid, signal, &info);
}

static long send_to_task(int tgid, int pid, int signal, const struct siginfo *info)
{
    if (pid <= 0 || signal < 0 || signal > SIGNAL_MAX) return -EINVAL;
    struct task *task = task_find(pid);
    if (!task) return -ESRCH;
    long result = -ESRCH;
    if (task->process && (!tgid || task->tgid == tgid)) {
        spin_lock(&process_lock);
        result = may_send(task->process, signal) ? 0 : -EPERM;
        if (!result && signal && !has_room(task->process, task, signal, info)) result = -EAGAIN;
        if (!result && signal && !task->exiting) signal_queue(task->process, task, signal, info);
        spin_unlock(&process_lock);
    }
    task_put(task);
    return result;
}

long sys_tkill(K_PID pid, K_SIG signal)
{
    struct siginfo info = own_info(signal, SI_TKILL);
    return send_to_task(0, pid, signal, &info);
}

long sys_tgkill(K_PID tgid, K_PID pid, K_SIG signal)
{
    if (tgid <= 0) return -EINVAL;
    struct siginfo info = own_info(signal, SI_TKILL);
    return send_to_task(tgid, pid, signal, &info);
}

/* A program may not pretend to be the kernel. `strict`: nor may the information be about another signal. */
static int read_info(uint64_t from, int signal, struct siginfo *info, bool strict)
{
    if (copy_from_user(info, from, sizeof *info)) return -EFAULT;
    bool other = info->signo != signal;
    info->signo = signal;
    if (other && strict) return -EINVAL;
    return info->code >= 0 || info->code == SI_TKILL ? -EPERM : 0;
}

long sys_rt_sigqueueinfo(K_PID pid, K_SIG signal, K_IN from)
{
    struct siginfo info;
    int error = read_info(from, signal, &info, false);
    if (error && !(error == -EPERM && pid == current->tgid)) return error;
    if (signal < 0 || signal > SIGNAL_MAX) return -EINVAL;
    return send_to_process(pid, signal, &info);
}

long sys_rt_tgsigqueueinfo(K_PID tgid, K_PID pid, K_SIG signal, K_IN from)
{
    struct siginfo info;
    int error = read_info(from, signal, &info, false);
    if (tgid <= 0 || pid <= 0) return -EINVAL;
    if (error && !(error == -EPERM && tgid == current->tgid)) return error;
    return send_to_task(tgid, pid, signal, &info);
}

long sys_pidfd_send_signal(K_FD fd, K_SIG signal, K_IN from, K_FLAGS flags)
{
    struct siginfo info = own_info(signal, SI_USER);
    if (flags) return -EINVAL;
    struct process *process = pidfd_process(fd, NULL);
    if (!process) return -EBADF;
    int error = 0;
    if (from) {
        error = read_info(from, signal, &info, true);
        if (error == -EPERM && process == current->process) error = 0;
    }
    if (!error && (signal < 0 || signal > SIGNAL_MAX)) error = -EINVAL;
    if (!error) return send_and_put(process, signal, &info);
    process_put(process);
    return error;
}

/* Handlers and masks */

long sys_rt_sigaction(K_SIG signal, K_IN new_action, K_OUT old_action, K_SIZE size)
{
    struct sigaction new = {0}, old;
    if (size != sizeof(sigset) || !is_signal(signal)) return -EINVAL;
    if (new_action && (SIGBIT(signal) & UNBLOCKABLE)) return -EINVAL;
    if (new_action && copy_from_user(&new, new_action, sizeof new)) return -EFAULT;
    new.mask &= ~UNBLOCKABLE;
    struct process *process = current->process;
    spin_lock(&process_lock);
    struct sigaction *action = &process->sighand->action[signal - 1];
    old = *action;
    if (new_action) *action = new;
    if (new_action && (new.handler == SIG_IGN || (new.handler == SIG_DFL &&default_is_ignore(signal)))) {
        /* What is pending and now ignored is dropped. */
        struct task *task;
        signal_flush(&process->pending, SIGBIT(signal));
        list_for_each(task, &process->tasks, process_link) signal_flush(&task->signals.pending, SIGBIT(signal));
    }
    spin_unlock(&process_lock);
    return old_action && copy_to_user(old_action, &old, sizeof old) ? -EFAULT : 0;
}

long sys_rt_sigprocmask(K_INT how, K_IN new_mask, K_OUT old_mask, K_SIZE size)
{
    sigset old = current->signals.blocked, mask;
    if (size != sizeof mask) return -EINVAL;
    if (new_mask) {
        if (copy_from_user(&mask, new_mask, sizeof mask)) return -EFAULT;
        switch (how) {
        case 0: mask = old | mask; break;
        case 1: mask = old & ~mask; break;
        case 2: break;
        default: return -EINVAL;
        }
        signal_set_mask(mask);
    }
    return old_mask && copy_to_user(old_mask, &old, sizeof old) ? -EFAULT : 0;
}

long sys_rt_sigpending(K_OUT to, K_SIZE size)
{
    if (size > sizeof(sigset)) return -EINVAL;
    spin_lock(&process_lock);
    sigset pending = current->signals.pending.set | current->process->pending.set;
    pending &= current->signals.blocked;
    spin_unlock(&process_lock);
    return copy_to_user(to, &pending, size) ? -EFAULT : 0;
}

long sys_rt_sigsuspend(K_IN mask_address, K_SIZE size)
{
    sigset mask;
    int error = read_mask(mask_address, size, &mask);
    if (error) return error;
    signal_mask_begin(mask);
    while (!signal_pending()) sleep_until(0, true);
    return -ERESTARTNOHAND; /* the old mask comes back behind the handler */
}

/* The signals waited for are blocked; `waited` lets senders know that they are wanted all the same. */
static int wait_for_signal(sigset which, struct siginfo *info, uint64_t deadline_ns)
{
    struct waitq nothing = WAITQ_INIT(nothing);
    int error = 0, signal;
    spin_lock(&process_lock);
    while (!(signal = signal_take(which, info)) && !error) {
        sigset old = current->signals.blocked;
        current->signals.waited = which;
        current->signals.blocked &= ~which;
        error = wait_on(&nothing, &process_lock, true, deadline_ns);
        current->signals.blocked = old;
        current->signals.waited = 0;
        if (error == -EINTR && ((signal = signal_take(which, info)) != 0)) break;
    }
    spin_unlock(&process_lock);
    if (signal) return signal;
    return error == -ETIMEDOUT ? -EAGAIN : -EINTR;
}

long sys_rt_sigtimedwait(K_IN mask_address, K_OUT info_address, K_IN timeout, K_SIZE size)
{
    sigset which;
    uint64_t deadline = 0;
    int error = read_mask(mask_address, size, &which);
    if (!error && timeout) {
        uint64_t ns = 0;
        error = timespec_from_user(timeout, &ns);
        deadline = time_ns() + ns;
    }
    if (error) return error;
    struct siginfo info;
    int signal = wait_for_signal(which & ~UNBLOCKABLE, &info, deadline);
    if (signal > 0 && info_address && copy_to_user(info_address, &info, sizeof info)) return -EFAULT;
    return signal;
}

long sys_rt_sigreturn(void)
{
    struct trapframe *frame = task_frame(current);
    current->syscall = -1; /* nothing to start over */
    if (!sigframe_pop(frame)) signal_fault(SIGSEGV, SI_KERNEL, frame->sp);
    return (long)frame->a[0];
}

long sys_sigaltstack(K_IN new_stack, K_OUT old_stack)
{
    struct {
        uint64_t base;
        uint32_t flags, padding;
        uint64_t bytes;
    } in, out = {0};
    struct signals *s = &current->signals;
    uint64_t sp = task_frame(current)->sp;
    bool on_it = s->stack_bytes && sp - s->stack_base - 1 < s->stack_bytes;
    out.base = s->stack_base;
    out.bytes = s->stack_bytes;
    out.flags = (!s->stack_bytes ? SS_DISABLE : on_it ? SS_ONSTACK : 0) | (s->stack_flags & SS_AUTODISARM);
    if (new_stack) {
        if (copy_from_user(&in, new_stack, sizeof in)) return -EFAULT;
        if (on_it) return -EPERM;
        uint32_t mode = in.flags & ~SS_AUTODISARM;
        if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0) return -EINVAL;
        if (mode == SS_DISABLE)
            in.base = in.bytes = 0;
        else if (in.bytes < MINSIGSTKSZ)
            return -ENOMEM;
        s->stack_base = in.base;
        s->stack_bytes = in.bytes;
        s->stack_flags = in.flags & SS_AUTODISARM;
    }
    return old_stack && copy_to_user(old_stack, &out, sizeof out) ? -EFAULT : 0;
}

long sys_restart_syscall(void)
{
    struct restart *restart = &current->restart;
    return restart->function ? restart->function(restart) : -EINTR;
}
