/*
 * sys_sched.c - what programs may ask of the scheduler.
 *
 * Linux's scheduling classes are answered for (SCHED_OTHER), not imitated: the policy is chosen for the whole machine
 * (/proc/policy/sched). One extension: sched_setattr's runtime declares the length of the bursts to come, for SJF.
 */
#include "abi/structs.h"
#include "abi/syscall.h"
#include "arch/hart.h"
#include "arch/machine.h"
#include "base/string.h"
#include "kern/process_internal.h"
#include "sched/sched.h"

/* The task, with a reference; 0 means the caller. NULL: none such. */
static struct task *find(int pid) { return pid ? task_find(pid) : task_get(current); }

static bool may_change(const struct task *task)
{
    return cred_is_root() || current->cred.euid == task->cred.uid || current->cred.euid == task->cred.euid;
}

long sys_sched_yield(void)
{
    sched_yield();
    return 0;
}

long sys_sched_setaffinity(K_PID pid, K_SIZE size, K_IN from)
{
    uint64_t mask = 0;
    if (copy_from_user(&mask, from, MIN(size, sizeof mask))) return -EFAULT;
    mask &= harts_online();
    struct task *task = find(pid);
    if (!task) return -ESRCH;
    long result = !may_change(task) ? -EPERM : !mask ? -EINVAL : 0;
    if (!result) {
        spin_lock(&sched_lock);
        task->sched.affinity = mask;
        if (task->state == TASK_RUNNING) {
            task->hart->need_resched = true;
            if (task != current) hart_call(task->hart->number, IPI_RESCHEDULE);
        }
        spin_unlock(&sched_lock);
    }
    task_put(task);
    return result;
}

long sys_sched_getaffinity(K_PID pid, K_SIZE size, K_OUT to)
{
    if (size < 8 || size % 8) return -EINVAL;
    struct task *task = find(pid);
    if (!task) return -ESRCH;
    uint64_t mask = task->sched.affinity & harts_online();
    task_put(task);
    return copy_to_user(to, &mask, sizeof mask) ? -EFAULT : (long)sizeof mask;
}

long sys_sched_getscheduler(K_PID pid)
{
    struct task *task = pid < 0 ? NULL : find(pid);
    if (!task) return pid < 0 ? -EINVAL : -ESRCH;
    long class = task->sched.class;
    task_put(task);
    return class;
}

long sys_sched_getparam(K_PID pid, K_OUT to)
{
    uint32_t priority = 0;
    if (!to) return -EINVAL;
    long result = sys_sched_getscheduler(pid);
    if (result < 0) return result;
    return copy_to_user(to, &priority, sizeof priority) ? -EFAULT : 0;
}

static long set_scheduler(int pid, int policy, uint64_t from)
{
    int32_t priority;
    if (!from || pid < 0) return -EINVAL;
    if (copy_from_user(&priority, from, sizeof priority)) return -EFAULT;
    struct task *task = find(pid);
    if (!task) return -ESRCH;
    long result = -EINVAL;
    if (policy < 0) policy = task->sched.class;
    if (policy == 1 || policy == 2) /* FIFO, RR */
        result = priority < 1 || priority > 99 ? -EINVAL : -EPERM;
    else if (policy == 0 || policy == 3 || policy == 5) /* OTHER, BATCH, IDLE */
        result = priority ? -EINVAL : may_change(task) ? 0 : -EPERM;
    if (!result) task->sched.class = (uint8_t)policy;
    task_put(task);
    return result;
}

long sys_sched_setscheduler(K_PID pid, K_INT policy, K_IN from)
{
    return policy < 0 ? -EINVAL : set_scheduler(pid, policy & ~0x40000000, from);
}
long sys_sched_setparam(K_PID pid, K_IN from) { return set_scheduler(pid, -1, from); }

long sys_sched_get_priority_max(K_INT policy)
{
    return policy == 1 || policy == 2 ? 99 : policy == 0 || policy == 3 || policy == 5 || policy == 6 ? 0 : -EINVAL;
}
long sys_sched_get_priority_min(K_INT policy)
{
    return policy == 1 || policy == 2 ? 1 : policy == 0 || policy == 3 || policy == 5 || policy == 6 ? 0 : -EINVAL;
}

long sys_sched_rr_get_interval(K_PID pid, K_OUT to)
{
    long result = sys_sched_getscheduler(pid);
    if (result < 0) return result;
    struct user_timespec t = timespec_of(sched_quantum());
    return copy_to_user(to, &t, sizeof t) ? -EFAULT : 0;
}

#define SCHED_ATTR_BYTES 56 /* Linux's, with fields that are not looked at here */
struct user_sched_attr {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns, deadline_ns, period_ns;
};

long sys_sched_setattr(K_PID pid, K_IN from, K_FLAGS flags)
{
    struct user_sched_attr attr;
    if (flags || pid < 0) return -EINVAL;
    if (copy_from_user(&attr, from, sizeof attr)) return -EFAULT;
    if (attr.size && attr.size < 48) { /* the first version of the structure */
        attr.size = SCHED_ATTR_BYTES;
        return copy_to_user(from, &attr.size, sizeof attr.size) ? -EFAULT : -E2BIG;
    }
    if (attr.policy != 0 && attr.policy != 3 && attr.policy != 5) return attr.policy > 6 ? -EINVAL : -EPERM;
    struct task *task = find(pid);
    if (!task) return -ESRCH;
    long result = may_change(task) ? 0 : -EPERM;
    if (!result) {
        task->sched.class = (uint8_t)attr.policy;
        task->sched.nice = MIN(MAX(attr.nice, -20), 19);
        sched_declare(task, attr.runtime_ns);
    }
    task_put(task);
    return result;
}

long sys_sched_getattr(K_PID pid, K_OUT to, K_UINT size, K_FLAGS flags)
{
    if (flags || pid < 0 || size < sizeof(struct user_sched_attr)) return -EINVAL;
    struct task *task = find(pid);
    if (!task) return -ESRCH;
    struct user_sched_attr attr = {.size = sizeof attr,
                                   .policy = task->sched.class,
                                   .nice = task->sched.nice,
                                   .runtime_ns = task->sched.declared_ns};
    task_put(task);
    return copy_to_user(to, &attr, sizeof attr) ? -EFAULT : 0;
}

/* Priorities: nice values, kept for each task, of a process, a group or a user. */

static bool is_meant(const struct task *task, int which, int who)
{
    if (!task->process) return false;
    switch (which) {
    case 0: return task->pid == (who ? who : current->pid);
    case 1: return task->process->pgid == (who ? who : current->process->pgid);
    default: return task->cred.uid == (who ? (uint32_t)who : current->cred.uid);
    }
}

static long change_nice(struct task *task, int nice)
{
    if (!may_change(task)) return -EPERM;
    if (nice < task->sched.nice && !cred_is_root()) return -EACCES;
    task->sched.nice = nice;
    return 0;
}

long sys_setpriority(K_INT which, K_INT who, K_INT nice)
{
    if (which < 0 || which > 2) return -EINVAL;
    long result = -ESRCH;
    nice = MIN(MAX(nice, -20), 19);
    struct task *task;
    for (int pid = 1; (task = task_next(&pid)); pid++) {
        if (is_meant(task, which, who)) {
            long error = change_nice(task, nice);
            if (error || result == -ESRCH) result = error;
        }
        task_put(task);
    }
    return result;
}

/* I/O priorities: the same targets, in other words (1 process, 2 group, 3 user). Class 0 none, 1 real time, 2 best effort, 3 idle. */

enum { IO_CLASS_SHIFT = 13, IO_NONE = 0, IO_REAL_TIME, IO_BEST_EFFORT, IO_IDLE };

static long check_io_priority(int priority)
{
    int class = priority >> IO_CLASS_SHIFT & 7, level = priority & 7;
    if (class > IO_IDLE || (class == IO_NONE && level)) return -EINVAL;
    return class == IO_REAL_TIME && !cred_is_root() ? -EPERM : 0;
}

long sys_ioprio_set(K_INT which, K_INT who, K_INT priority)
{
    long error = check_io_priority(priority);
    if (error) return error;
    if (which < 1 || which > 3) return -EINVAL;
    long result = -ESRCH;
    struct task *task;
    for (int pid = 1; (task = task_next(&pid)); pid++) {
        if (is_meant(task, which - 1, who) && (error || result == -ESRCH))
            result = error = may_change(task) ? 0 : -EPERM;
        if (is_meant(task, which - 1, who) && !error) task->sched.io_priority = (uint16_t)priority;
        task_put(task);
        if (error) break;
    }
    return result;
}

/* What holds for the task: without a class of its own, best effort by its nice value. */
static long io_priority_of(const struct task *task)
{
    if (task->sched.io_priority >> IO_CLASS_SHIFT) return task->sched.io_priority;
    return IO_BEST_EFFORT << IO_CLASS_SHIFT | (task->sched.nice + 20) / 5;
}

/* Of several, the highest: the lowest number. One process is told what it has set. */
long sys_ioprio_get(K_INT which, K_INT who)
{
    if (which < 1 || which > 3) return -EINVAL;
    long result = -ESRCH;
    struct task *task;
    for (int pid = 1; (task = task_next(&pid)); pid++) {
        if (is_meant(task, which - 1, who)) {
            long one = which == 1 ? task->sched.io_priority : io_priority_of(task);
            result = result == -ESRCH ? one : MIN(result, one);
        }
        task_put(task);
    }
    return result;
}

/* 20 - nice: the result must not look like an error. */
long sys_getpriority(K_INT which, K_INT who)
{
    if (which < 0 || which > 2) return -EINVAL;
    long result = -ESRCH;
    struct task *task;
    for (int pid = 1; (task = task_next(&pid)); pid++) {
        if (is_meant(task, which, who)) result = MAX(result, 20l - task->sched.nice);
        task_put(task);
    }
    return result;
}

long sys_getcpu(K_OUT hart, K_OUT node)
{
    uint32_t number = current->hart->number, zero = 0;
    if (hart && copy_to_user(hart, &number, sizeof number)) return -EFAULT;
    return node && copy_to_user(node, &zero, sizeof zero) ? -EFAULT : 0;
}
