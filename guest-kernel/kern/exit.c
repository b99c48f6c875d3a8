/*
 * exit.c - the end of a task and of a process, and waiting for it.
 *
 * A task gives back what it holds, in an order that matters: first what it promised to do in user memory (robust futexes, the
 * thread id that pthread_join waits for), then the memory, files and directories, then its place in the process. The last
 * task takes the process along: it becomes a *zombie*, of which nothing is left but the status, until the parent has asked for it.
 * Its children get a new parent: init, or the nearest ancestor that asked to be one (subreaper).
 */
#include "arch/hart.h"
#include "arch/riscv.h"
#include "arch/time.h"
#include "base/errno.h"
#include "fs/fdtable.h"
#include "fs/vfs.h"
#include "ipc/message.h"
#include "ipc/sysv.h"
#include "kern/exit.h"
#include "kern/print.h"
#include "kern/process_internal.h"
#include "kern/ptimer.h"
#include "kern/ptrace.h"
#include "mm/space.h"

bool group_is_orphaned_locked(int pgid, const struct process *except);

static void leave_memory(void)
{
    struct mm *mm = current->mm;
    spin_lock(&process_lock); /* who looks for it there takes a reference under the lock */
    current->mm = NULL;
    mm_switch(NULL);
    spin_unlock(&process_lock);
    vfork_release(current);
    mm_put(mm);
}

static bool parent_does_not_care(struct process *process)
{
    if (!process->parent || process->exit_signal != SIGCHLD) return false;
    const struct sigaction *action = &process->parent->sighand->action[SIGCHLD - 1];
    return action->handler == SIG_IGN || (action->flags & SA_NOCLDWAIT);
}

/* Takes a zombie out of the tree. process_lock is held; the caller then calls release_zombie without it. */
static void unlink_zombie(struct process *process)
{
    list_remove(&process->sibling);
    list_remove(&process->all_link);
    if (process->parent) {
        struct usage usage = process_usage(process);
        usage_add(&process->parent->dead_children, &usage);
        usage_add(&process->parent->dead_children, &process->dead_children);
    }
    process->parent = NULL;
}

static void release_zombie(struct process *process)
{
    struct task *leader = process->leader;
    process->leader = NULL;
    task_unpublish(leader);
    process_put(process);
}

static struct process *new_parent(struct process *process)
{
    for (struct process *up = process->parent; up; up = up->parent)
        if (up->subreaper && !up->zombie) return up;
    return init_process;
}

/* If the group has lost its last link to the session and has stopped members, they are told: hang up, and go on. */
static void check_orphaned_group(int pgid, struct process *leaving)
{
    struct process *process;
    bool any_stopped = false;
    if (!group_is_orphaned_locked(pgid, leaving)) return;
    list_for_each(process, &process_list, all_link) if (process->pgid == pgid && process != leaving && process->stopped)
        any_stopped = true;
    if (!any_stopped) return;
    list_for_each(process, &process_list, all_link)
    {
        if (process->pgid != pgid || process == leaving || process->zombie) continue;
        signal_queue(process, NULL, SIGHUP, NULL);
        signal_queue(process, NULL, SIGCONT, NULL);
    }
}

static void give_children_away(struct process *process)
{
    struct process *adopter = new_parent(process), *child, *after;
    list_for_each_safe(child, after, &process->children, sibling)
    {
        list_remove(&child->sibling);
        child->parent = adopter;
        list_push_back(&adopter->children, &child->sibling);
        child->exit_signal = SIGCHLD;
        if (child->parent_death_signal) signal_queue(child, NULL, child->parent_death_signal, NULL);
        if (child->zombie) notify_parent(child, 0, 0);
        if (child->sid == process->sid && child->pgid != process->pgid) check_orphaned_group(child->pgid, process);
    }
}

void notify_parent(struct process *child, int code, int status)
{
    struct process *parent = child->parent;
    if (!parent) return;
    if (!code) {
        bool killed = child->exit_status & 0x7f;
        code = killed ? CLD_KILLED : CLD_EXITED;
        status = killed ? child->exit_status & 0x7f : child->exit_status >> 8;
    }
    struct usage usage = process_usage(child);
    struct siginfo info = {
        .signo = SIGCHLD,
        .code = code,
        .pid = child->pid,
        .uid = child->leader ? child->leader->cred.uid : 0,
        .status = status,
        .utime = (int64_t)(usage.user_ns / 10000000),
        .stime = (int64_t)(usage.system_ns / 10000000),
    };
    bool about_stop = code == CLD_STOPPED || code == CLD_CONTINUED;
    int signal = about_stop ? SIGCHLD : child->exit_signal;
    info.signo = signal;
    if (signal && !(about_stop && (parent->sighand->action[SIGCHLD - 1].flags & SA_NOCLDSTOP)))
        signal_queue(parent, NULL, signal, &info);
    wake_all(&parent->children_wait);
}

/* The last task has gone. process_lock is held. True if nobody will ever wait for it. */
static bool become_zombie(struct process *process)
{
    process->zombie = true;
    process->exiting = true;
    give_children_away(process);
    check_orphaned_group(process->pgid, process);
    bool unwanted = parent_does_not_care(process);
    notify_parent(process, 0, 0);
    if (unwanted) unlink_zombie(process);
    return unwanted;
}

/* True for the last of its tasks to go. */
static bool is_last_to_leave(struct process *process)
{
    spin_lock(&process_lock);
    bool last = ++process->leaving == process->live;
    spin_unlock(&process_lock);
    return last;
}

_Noreturn void task_exit(int status)
{
    struct process *process = current->process;
    ptrace_exit(status);
    current->exiting = true;
    if (process == init_process && process->live == 1) panic("init ended with status %#x", status);
    futex_task_exit();
    leave_memory();
    struct fdtable *files = current->files;
    struct fs_context *fs = current->fs;
    spin_lock(&process_lock);
    current->files = NULL;
    spin_unlock(&process_lock);
    fdtable_put(files);
    if (is_last_to_leave(process) && process->sid == process->pid) tty_session_ends(process);
    spin_lock(&process_lock);
    current->fs = NULL;
    spin_unlock(&process_lock);
    fs_context_put(fs);

    spin_lock(&process_lock);
    signal_flush(&current->signals.pending, ~0ull);
    struct usage usage = task_usage(current);
    usage_add(&process->dead_tasks, &usage);
    list_remove(&current->process_link);
    process->leaving--;
    bool last = --process->live == 0, is_leader = current == process->leader;
    if (last && !process->exiting) process->exit_status = status;
    struct file *exe = last ? process->exe : NULL;
    struct sighand *sighand = NULL;
    bool unwanted = false;
    if (!is_leader) ptrace_task_ends(current, process->exiting ? process->exit_status : status);
    if (last) {
        process->exe = NULL;
        ptrace_task_ends(process->leader, process->exit_status);
        ptrace_tracer_ends(process);
        unwanted = become_zombie(process);
    }
    wake_all(&process->exec_wait);
    spin_unlock(&process_lock);
    if (last) {
        timer_cancel(&process->real_timer);
        ptimer_delete_all(process);
        message_process_ends(process);
        semaphores_process_ends(process);
        spin_lock(&process_lock);
        sighand = process->sighand;
        process->sighand = NULL;
        spin_unlock(&process_lock);
        sighand_put(sighand);
    }
    if (exe) {
        file_allow_write(exe);
        file_put(exe);
    }
    if (unwanted) release_zombie(process);
    if (!is_leader) task_unpublish(current);
    task_finish();
}

void process_kill(struct process *process, int status)
{
    if (!process->exiting) {
        process->exiting = true;
        process->exit_status = status;
    }
    struct task *task;
    list_for_each(task, &process->tasks, process_link) wake_for_signal(task, true);
}

_Noreturn void process_exit(int status)
{
    spin_lock(&process_lock);
    process_kill(current->process, status);
    spin_unlock(&process_lock);
    task_exit(status);
}

int process_become_single(void)
{
    struct process *process = current->process;
    struct task *task;
    spin_lock(&process_lock);
    if (process->exiting || current->must_exit || process->exec_task) {
        spin_unlock(&process_lock);
        return -EAGAIN;
    }
    process->exec_task = current;
    list_for_each(task, &process->tasks, process_link)
    {
        if (task == current) continue;
        task->must_exit = true;
        wake_for_signal(task, true);
    }
    while (process->live > 1 && !process->exiting) wait_on(&process->exec_wait, &process_lock, false, 0);
    process->exec_task = NULL;
    struct task *leader = process->leader;
    if (leader != current && leader->tracee) ptrace_detach(leader->tracee, 0); /* its end is not news */
    bool failed = process->exiting;
    spin_unlock(&process_lock);
    if (failed) return -EAGAIN;
    if (leader != current) task_take_over_pid(leader);
    return 0;
}

/* Waiting */

static bool is_wanted(const struct process *child, const struct wait_request *r)
{
    bool is_clone = child->exit_signal != SIGCHLD;
    if (r->only && child != r->only) return false;
    if (!(r->options & WALL) && is_clone != !!(r->options & WCLONE)) return false;
    switch (r->which) {
    case WAIT_PID: return child->pid == r->id;
    case WAIT_GROUP: return child->pgid == r->id;
    default: return true;
    }
}

static bool traced_by_me(const struct process *child)
{
    const struct tracee *tracee = child->leader->tracee;
    return tracee && tracee->tracer == current->process;
}

/* Of the tracees' tasks only a process's first is meant by its descriptor. What is left of a tracee has a pid only. */
static bool is_of(const struct tracee *tracee, const struct process *only)
{
    if (tracee->pid != only->pid) return false;
    return tracee->task ? tracee->task->process == only : only->zombie;
}

/* True if one of the tasks that this process traces has something to report; takes it. *any: there are some. */
static bool take_tracee_report(const struct wait_request *r, struct wait_report *report, bool *any)
{
    struct tracee *tracee;
    bool keep = r->options & WNOWAIT;
    list_for_each(tracee, &current->process->tracees, link)
    {
        bool wanted = r->which == WAIT_ANY || (r->which == WAIT_PID && tracee->pid == r->id) ||
                      (r->which == WAIT_GROUP && tracee->task && tracee->task->process->pgid == r->id);
        if (!wanted || (r->only && !is_of(tracee, r->only))) continue;
        *any = true;
        report->pid = tracee->pid;
        if (!tracee->task && (r->options & WEXITED)) {
            report->status = tracee->exit_status;
            report->code = tracee->exit_status & 0x7f ? CLD_KILLED : CLD_EXITED;
            if (!keep) ptrace_detach(tracee, 0);
            return true;
        }
        if (!tracee->stopped || tracee->reported) continue;
        report->status = tracee->stop_status << 8 | 0x7f;
        report->code = CLD_TRAPPED;
        report->uid = tracee->task->cred.uid;
        report->usage = task_usage(tracee->task);
        if (!keep) tracee->reported = true;
        return true;
    }
    report->pid = 0;
    return false;
}

/* True if the child has something to report; takes it, unless WNOWAIT. */
static bool take_report(struct process *child, const struct wait_request *r, struct wait_report *report)
{
    bool keep = r->options & WNOWAIT;
    if (child->zombie) {
        if (!(r->options & WEXITED)) return false;
        report->status = child->exit_status;
        report->code = child->exit_status & 0x7f ? CLD_KILLED : CLD_EXITED;
    } else if (child->stopped && !child->stop_reported && (r->options & WSTOPPED) && !traced_by_me(child)) {
        report->status = child->stop_signal << 8 | 0x7f;
        report->code = CLD_STOPPED;
        if (!keep) child->stop_reported = true;
    } else if (child->continued && (r->options & WCONTINUED)) {
        report->status = 0xffff;
        report->code = CLD_CONTINUED;
        if (!keep) child->continued = false;
    } else {
        return false;
    }
    report->pid = child->pid;
    report->uid = child->leader->cred.uid;
    report->usage = process_usage(child);
    usage_add(&report->usage, &child->dead_children);
    return true;
}

int process_wait(const struct wait_request *r, struct wait_report *report)
{
    struct process *process = current->process, *child;
    *report = (struct wait_report){0};
    spin_lock(&process_lock);
    for (;;) {
        bool any = false;
        if (take_tracee_report(r, report, &any)) {
            spin_unlock(&process_lock);
            return report->pid;
        }
        list_for_each(child, &process->children, sibling)
        {
            if (!is_wanted(child, r)) continue;
            any = true;
            if (!take_report(child, r, report)) continue;
            bool reap = child->zombie && !(r->options & WNOWAIT);
            if (reap) unlink_zombie(child);
            spin_unlock(&process_lock);
            if (reap) release_zombie(child);
            return report->pid;
        }
        int result = !any ? -ECHILD : r->options & WNOHANG ? 0 : 1;
        if (result == 1 && wait_on(&process->children_wait, &process_lock, true, 0)) result = -ERESTARTSYS;
        if (result < 1) {
            spin_unlock(&process_lock);
            return result;
        }
    }
}
