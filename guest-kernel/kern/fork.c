/*
 * fork.c - a new process, or a new thread: fork, vfork, clone.
 *
 * fork makes an identical copy of the process that calls it, except that the call returns the child's pid in the parent and 0 in the
 * child. A thread is the same with less copying: what a child shares with its parent instead of getting a copy of
 * is said by flags, one for each part (address space, descriptors, directories, signal handlers, being one process).
 * The copy of the address space is lazy (copy on write, mm_fork).
 *
 * vfork shares the address space even between processes, and the parent waits until the child has called exec or exit.
 */
#include "arch/riscv.h"
#include "base/errno.h"
#include "base/string.h"
#include "fs/fdtable.h"
#include "fs/vfs.h"
#include "kern/print.h"
#include "kern/process_internal.h"
#include "kern/ptrace.h"
#include "mm/slab.h"
#include "mm/space.h"
#include "mm/usercopy.h"

static int check_request(const struct clone_request *r)
{
    if (r->flags & CLONE_NEW_ANY) return -EINVAL;
    if (r->flags & CLONE_PIDFD) return -EINVAL;
    if ((r->flags & CLONE_SIGHAND) && !(r->flags & CLONE_VM)) return -EINVAL;
    if ((r->flags & CLONE_THREAD) && !(r->flags & CLONE_SIGHAND)) return -EINVAL;
    if ((r->flags & CLONE_SIGHAND) && (r->flags & CLONE_CLEAR_SIGHAND)) return -EINVAL;
    if (r->exit_signal < 0 || r->exit_signal > SIGNAL_MAX) return -EINVAL;
    if ((r->flags & CLONE_PARENT) && current->process == init_process) return -EINVAL;
    return 0;
}

static bool too_many_processes(void)
{
    uint64_t limit = process_limit(RLIMIT_NPROC), count = 0;
    if (cred_is_root()) return false;
    struct process *process;
    spin_lock(&process_lock);
    list_for_each(process, &process_list,
                  all_link) if (process->leader && process->leader->cred.uid == current->cred.uid) count +=
        process->live;
    spin_unlock(&process_lock);
    return count >= limit;
}

static void copy_registers(struct task *child, const struct clone_request *r)
{
    bool on = interrupts_off();
    struct trapframe *frame = task_frame(current);
    if (current->fp_used && (frame->status & SSTATUS_FS) == SSTATUS_FS_DIRTY) {
        csr_set("sstatus", SSTATUS_FS_CLEAN);
        floating_save(&current->fp);
        csr_clear("sstatus", SSTATUS_FS);
    }
    interrupts_restore(on);
    child->fp = current->fp;
    child->fp_used = current->fp_used;
    struct trapframe *copy = task_frame(child);
    *copy = *frame;
    copy->a[0] = 0;
    if (child->fp_used) copy->status = (copy->status & ~(uint64_t)SSTATUS_FS) | SSTATUS_FS_CLEAN;
    if (r->stack) copy->sp = r->stack;
    if (r->flags & CLONE_SETTLS) copy->tp = r->tls;
}

static int copy_memory(struct task *child, const struct clone_request *r)
{
    if (r->flags & CLONE_VM) {
        mm_get(current->mm);
        child->mm = current->mm;
        return 0;
    }
    child->mm = mm_fork(current->mm);
    return child->mm ? 0 : -ENOMEM;
}

static int copy_files(struct task *child, const struct clone_request *r)
{
    if (r->flags & CLONE_FILES) {
        fdtable_get(current->files);
        child->files = current->files;
    } else {
        child->files = fdtable_fork(current->files);
    }
    if (r->flags & CLONE_FS) {
        fs_context_get(current->fs);
        child->fs = current->fs;
    } else {
        child->fs = fs_context_fork(current->fs);
    }
    return child->files && child->fs ? 0 : -ENOMEM;
}

static int copy_process(struct task *child, const struct clone_request *r)
{
    if (r->flags & CLONE_THREAD) {
        child->process = process_get(current->process);
        return 0;
    }
    struct process *process = process_create(current->process);
    if (!process) return -ENOMEM;
    process->exit_signal = r->exit_signal;
    if (r->flags & CLONE_SIGHAND) {
        process->sighand = current->process->sighand;
        ref_get(&process->sighand->refs);
    } else {
        process->sighand = sighand_copy(current->process->sighand);
        if (process->sighand && (r->flags & CLONE_CLEAR_SIGHAND)) {
            for (int i = 0; i < SIGNAL_MAX; i++)
                if (process->sighand->action[i].handler != SIG_IGN) process->sighand->action[i] = (struct sigaction){0};
        }
    }
    child->process = process; /* its first reference */
    return process->sighand ? 0 : -ENOMEM;
}

static void copy_small_things(struct task *child, const struct clone_request *r)
{
    child->cred = current->cred;
    child->no_new_privileges = current->no_new_privileges;
    child->signals.blocked = current->signals.restore_mask ? current->signals.saved_mask : current->signals.blocked;
    if (!(r->flags & CLONE_VM) || (r->flags & CLONE_VFORK)) {
        child->signals.stack_base = current->signals.stack_base;
        child->signals.stack_bytes = current->signals.stack_bytes;
        child->signals.stack_flags = current->signals.stack_flags;
    }
    child->sched.nice = current->sched.nice;
    child->sched.io_priority = current->sched.io_priority;
    child->sched.affinity = current->sched.affinity;
    child->sched.declared_ns = current->sched.declared_ns;
    if (r->flags & CLONE_CHILD_CLEARTID) child->clear_child_tid = r->child_tid;
}

/* Undoes what was done for a child that never ran. */
static void discard(struct task *child, bool thread)
{
    if (child->mm) mm_put(child->mm);
    if (child->files) fdtable_put(child->files);
    if (child->fs) fs_context_put(child->fs);
    struct process *process = child->process;
    if (process && !thread) {
        if (process->sighand) sighand_put(process->sighand);
        if (process->exe) {
            file_allow_write(process->exe);
            file_put(process->exe);
        }
    }
    task_put(child);
}

/* Into the tree, unless the process is just ending. */
static bool link_child(struct task *child, const struct clone_request *r, struct tracee *tracee)
{
    struct process *process = current->process;
    spin_lock(&process_lock);
    bool may = !process->exiting && !current->must_exit && !(process->exec_task && process->exec_task != current);
    if (may && (r->flags & CLONE_THREAD)) {
        process_add(process, child);
    } else if (may) {
        struct process *parent = r->flags & CLONE_PARENT ? process->parent : process;
        /* Groups may have changed since the copy. */
        child->process->pgid = process->pgid;
        child->process->sid = process->sid;
        child->process->tty = process->tty;
        process_get(child->process); /* the tree's, until it is waited for */
        child->tgid = child->pid;
        process_add_first(child->process, child, parent);
    }
    if (may)
        ptrace_child_add(child, tracee);
    else
        kfree(tracee);
    spin_unlock(&process_lock);
    return may;
}

static void wait_for_vfork(struct vfork *vfork, struct task *child)
{
    spin_lock(&process_lock);
    current->only_fatal = true;
    while (!vfork->done && wait_on(&vfork->queue, &process_lock, true, 0) != -EINTR) {
    }
    current->only_fatal = false;
    if (child->vfork == vfork) child->vfork = NULL; /* this task is being killed and does not wait longer */
    spin_unlock(&process_lock);
}

void vfork_release(struct task *task)
{
    spin_lock(&process_lock);
    if (task->vfork) {
        task->vfork->done = true;
        wake_all(&task->vfork->queue);
        task->vfork = NULL;
    }
    spin_unlock(&process_lock);
}

long task_clone(const struct clone_request *r)
{
    int error = check_request(r);
    if (error) return error;
    if (too_many_processes()) return -EAGAIN;
    bool thread = r->flags & CLONE_THREAD;
    struct task *child = task_create(current->name);
    if (!child) return -ENOMEM;
    memcpy(child->name, current->name, sizeof child->name);
    copy_small_things(child, r);
    copy_registers(child, r);
    if ((error = copy_process(child, r)) || (error = copy_memory(child, r)) || (error = copy_files(child, r))) {
        discard(child, thread);
        return error;
    }
    task_publish(child);
    int pid = child->pid;
    if (r->flags & CLONE_PARENT_SETTID) user_store32(r->parent_tid, (uint32_t)pid);
    if (r->flags & CLONE_CHILD_SETTID) mm_write(child->mm, r->child_tid, &pid, sizeof pid);
    struct vfork vfork = {.done = false};
    waitq_init(&vfork.queue);
    if (r->flags & CLONE_VFORK) child->vfork = &vfork;
    int event = current->tracee ? ptrace_clone_event(r->flags, r->exit_signal) : 0;
    if (!link_child(child, r, event ? ptrace_child_prepare() : NULL)) {
        task_unpublish(child);
        discard(child, thread);
        return -EAGAIN;
    }
    task_get(child);
    spin_lock(&sched_lock);
    sched_make_ready(child);
    spin_unlock(&sched_lock);
    if (event) ptrace_event(event, (uint64_t)pid);
    if (r->flags & CLONE_VFORK) wait_for_vfork(&vfork, child);
    if (event == EVENT_VFORK) ptrace_vfork_done(pid);
    task_put(child);
    return pid;
}
