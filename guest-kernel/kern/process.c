/*
 * process.c - processes: making, finding, grouping, measuring. See process.h for the picture.
 *
 * A process is found by pid through its first task, the leader, whose PCB stays findable until the process has been waited
 * for. Groups and sessions have no object of their own: a group is all processes with the same pgid. Walking over all processes
 * to find them costs little at the sizes this kernel is for, and nothing can be out of step.
 */
#include "kern/process.h"

#include "arch/hart.h"
#include "arch/machine.h"
#include "arch/time.h"
#include "base/errno.h"
#include "base/string.h"
#include "fs/vfs.h"
#include "kern/print.h"
#include "kern/process_internal.h"
#include "kern/ptrace.h"
#include "mm/slab.h"
#include "mm/space.h"

struct spinlock process_lock = SPINLOCK_INIT("processes", RANK_PROCESS);
struct list process_list = LIST_INIT(process_list);
struct process *init_process;

static const struct rlimit first_limits[RLIMITS] = {
    [RLIMIT_CPU] = {RLIM_INFINITY, RLIM_INFINITY},
    [RLIMIT_FSIZE] = {RLIM_INFINITY, RLIM_INFINITY},
    [RLIMIT_DATA] = {RLIM_INFINITY, RLIM_INFINITY},
    [RLIMIT_STACK] = {8 << 20, RLIM_INFINITY},
    [RLIMIT_CORE] = {0, RLIM_INFINITY},
    [RLIMIT_RSS] = {RLIM_INFINITY, RLIM_INFINITY},
    [RLIMIT_NPROC] = {4096, 4096},
    [RLIMIT_NOFILE] = {1024, 4096},
    [RLIMIT_MEMLOCK] = {8 << 20, 8 << 20},
    [RLIMIT_AS] = {RLIM_INFINITY, RLIM_INFINITY},
    [RLIMIT_LOCKS] = {RLIM_INFINITY, RLIM_INFINITY},
    [RLIMIT_SIGPENDING] = {4096, 4096},
    [RLIMIT_MSGQUEUE] = {819200, 819200},
    [RLIMIT_NICE] = {0, 0},
    [RLIMIT_RTPRIO] = {0, 0},
    [RLIMIT_RTTIME] = {RLIM_INFINITY, RLIM_INFINITY},
};

static void alarm_rings(struct timer *timer)
{
    struct process *process = container_of(timer, struct process, real_timer);
    spin_lock(&process_lock);
    if (!process->zombie) {
        signal_queue(process, NULL, SIGALRM, NULL);
        if (process->real_interval_ns)
            timer_start(timer, MAX(timer->deadline_ns + process->real_interval_ns, time_ns() + 10000));
    }
    spin_unlock(&process_lock);
}

struct process *process_create(const struct process *from)
{
    struct process *process = kzalloc(sizeof *process);
    if (!process) return NULL;
    ref_init(&process->refs);
    list_init(&process->tasks);
    list_init(&process->children);
    list_init(&process->sibling);
    list_init(&process->all_link);
    list_init(&process->pending.queue);
    list_init(&process->ptimers);
    list_init(&process->tracees);
    waitq_init(&process->children_wait);
    waitq_init(&process->exec_wait);
    timer_setup(&process->real_timer, alarm_rings);
    process->start_ns = time_ns();
    process->dumpable = !from || from->dumpable;
    process->membarrier = from && atomic_load(&from->membarrier);
    process->exit_signal = SIGCHLD;
    memcpy(process->limits, from ? from->limits : first_limits, sizeof process->limits);
    process->persona = from ? from->persona : 0;
    if (from) {
        process->pgid = from->pgid;
        process->sid = from->sid;
        process->tty = from->tty;
        process->arg_start = from->arg_start, process->arg_end = from->arg_end;
        process->env_start = from->env_start, process->env_end = from->env_end;
        process->exe = from->exe ? file_get(from->exe) : NULL;
        if (process->exe) file_deny_write(process->exe);
    }
    return process;
}

void process_put(struct process *process)
{
    if (!ref_put(&process->refs)) return;
    signal_flush(&process->pending, ~0ull);
    kfree(process->mailbox);
    kfree(process);
}

void process_add(struct process *process, struct task *task)
{
    list_push_back(&process->tasks, &task->process_link);
    process->live++;
    task->tgid = process->pid;
}

void process_add_first(struct process *process, struct task *task, struct process *parent)
{
    process->pid = task->pid;
    process->leader = task;
    if (!process->pgid) process->pgid = process->sid = process->pid;
    process->parent = parent;
    if (parent) list_push_back(&parent->children, &process->sibling);
    list_push_back(&process_list, &process->all_link);
    process_add(process, task);
}

struct process *process_find(int pid)
{
    struct task *task = task_find(pid);
    if (!task) return NULL;
    struct process *process = task->process && task->process->pid == pid ? process_get(task->process) : NULL;
    task_put(task);
    return process;
}

uint64_t process_limit(enum rlimit_number number)
{
    return current->process ? atomic_load(&current->process->limits[number].soft) : RLIM_INFINITY;
}

bool cred_in_group(uint32_t gid)
{
    const struct cred *cred = &current->cred;
    if (cred->fsgid == gid) return true;
    for (unsigned i = 0; i < cred->groups; i++)
        if (cred->group[i] == gid) return true;
    return false;
}

bool process_group_exists(int pgid, int sid)
{
    bool found = false;
    struct process *process;
    spin_lock(&process_lock);
    list_for_each(process, &process_list, all_link) if (process->pgid == pgid && process->sid == sid) found = true;
    spin_unlock(&process_lock);
    return found;
}

bool group_is_orphaned_locked(int pgid, const struct process *except);

/* A group is orphaned if no member has a parent in another group of the same session: nobody could continue it. */
bool group_is_orphaned_locked(int pgid, const struct process *except)
{
    struct process *process;
    list_for_each(process, &process_list, all_link)
    {
        if (process->pgid != pgid || process == except || process->zombie || !process->parent) continue;
        if (process->parent->pgid != pgid && process->parent->sid == process->sid) return false;
    }
    return true;
}

bool process_group_is_orphaned(int pgid)
{
    spin_lock(&process_lock);
    bool orphaned = group_is_orphaned_locked(pgid, NULL);
    spin_unlock(&process_lock);
    return orphaned;
}

/* Measures */

void usage_add(struct usage *sum, const struct usage *more)
{
    sum->user_ns += more->user_ns;
    sum->system_ns += more->system_ns;
    sum->faults_minor += more->faults_minor;
    sum->faults_major += more->faults_major;
    sum->switches_voluntary += more->switches_voluntary;
    sum->switches_forced += more->switches_forced;
    sum->rss_max_pages = MAX(sum->rss_max_pages, more->rss_max_pages);
}

struct usage task_usage(struct task *task)
{
    struct usage usage = {
        .user_ns = task->sched.user_ns,
        .system_ns = task->sched.system_ns,
        .faults_minor = task->faults_minor,
        .faults_major = task->faults_major,
        .switches_voluntary = task->sched.switches_voluntary,
        .switches_forced = task->sched.switches_forced,
    };
    /* What the running program has used since its last trap is not in its sums yet. */
    if (task == current) usage.system_ns += time_ns() - task->sched.mode_since_ns;
    return usage;
}

struct usage process_usage(struct process *process)
{
    struct usage sum = process->dead_tasks;
    struct task *task;
    list_for_each(task, &process->tasks, process_link)
    {
        struct usage usage = task_usage(task);
        usage_add(&sum, &usage);
    }
    return sum;
}

static const struct {
    char letter;
    const char *name;
} states[] = {
    [TASK_NEW] = {'R', "new"},         [TASK_READY] = {'R', "ready"},     [TASK_RUNNING] = {'R', "running"},
    [TASK_WAITING] = {'S', "waiting"}, [TASK_STOPPED] = {'T', "stopped"}, [TASK_TERMINATED] = {'Z', "terminated"},
};

static void describe_process(struct process *process, bool whole, struct task *task, struct process_view *view)
{
    view->pgid = process->pgid;
    view->sid = process->sid;
    view->ppid = process->parent ? process->parent->pid : 0;
    view->threads = process->live;
    view->has_tty = process->tty;
    if (process->tty) tty_describe(process->tty, &view->tty_rdev, &view->tty_foreground);
    memcpy(view->limits, process->limits, sizeof view->limits);
    struct usage usage = whole ? process_usage(process) : task_usage(task);
    view->user_ns = usage.user_ns, view->system_ns = usage.system_ns;
    view->faults_minor = usage.faults_minor, view->faults_major = usage.faults_major;
    view->switches_voluntary = usage.switches_voluntary, view->switches_forced = usage.switches_forced;
    view->children_user_ns = process->dead_children.user_ns;
    view->children_system_ns = process->dead_children.system_ns;
    if (process->zombie) view->state = 'Z', view->state_name = "terminated";
}

void process_describe(struct task *task, bool whole, struct process_view *view)
{
    const struct sched_entity *e = &task->sched;
    uint64_t now = time_ns();
    memset(view, 0, sizeof *view);
    spin_lock(&process_lock);
    view->pid = task->pid, view->tgid = task->tgid;
    memcpy(view->name, task->name, sizeof view->name);
    view->state = states[task->state].letter, view->state_name = states[task->state].name;
    if (task->state == TASK_WAITING && !task->wait_interruptible) view->state = 'D';
    if (task->tracee) {
        view->tracer = task->tracee->tracer->pid;
        if (task->tracee->stopped) view->state = 't', view->state_name = "stopped for its tracer";
    }
    view->cred = task->cred;
    view->start_ns = task->start_ns;
    view->threads = 1;
    view->user_ns = e->user_ns, view->system_ns = e->system_ns;
    view->turnaround_ns = (e->finished_ns ? e->finished_ns : now) - e->created_ns;
    view->response_ns = e->first_run_ns ? e->first_run_ns - e->created_ns : 0;
    view->waiting_ns = e->waiting_ns + (task->state == TASK_READY ? now - e->ready_since_ns : 0);
    view->nice = e->nice;
    view->priority = 20 + e->nice;
    view->hart = task->hart ? task->hart->number : 0;
    view->policy_mask = e->affinity & ((1ull << machine.harts) - 1);
    uint64_t offset, pc = task->wait_pc;
    if (pc) view->wait_for = symbol_find(pc, &offset);
    view->kernel_thread = !task->process;
    if (task->process) describe_process(task->process, whole, task, view);
    spin_unlock(&process_lock);
    if (task->process)
        signal_describe(task, &view->pending, &view->shared_pending, &view->blocked, &view->ignored, &view->caught);
}
