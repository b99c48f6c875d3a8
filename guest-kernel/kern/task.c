/*
 * task.c - the life of a PCB: made, published under a pid, run, ended, reaped. Kernel threads.
 *
 * All tasks that have a pid stand in one search tree, so that a pid leads to its task and /proc can walk over all of them. A reference
 * keeps the PCB's memory; the kernel stack goes as soon as the task has left it for the last time. No task can free the stack
 * it stands on: the reaper thread does.
 */
#include "kern/task.h"

#include "arch/hart.h"
#include "arch/kmap.h"
#include "arch/machine.h"
#include "arch/riscv.h"
#include "arch/time.h"
#include "base/string.h"
#include "kern/init.h"
#include "kern/print.h"
#include "kern/task_internal.h"
#include "mm/slab.h"

_Static_assert(offsetof(struct task, kernel_sp) == TASK_KERNEL_SP, "trap.S");
_Static_assert(offsetof(struct task, user_sp) == TASK_USER_SP, "trap.S");
_Static_assert(offsetof(struct task, context) == TASK_CONTEXT, "trap.S");

extern char boot_stack_top[];

/* The task that boots; later the idle task of hart 0. */
struct task boot_task = {.name = "idle/0", .refs = {1}, .state = TASK_RUNNING, .syscall = -1, .hart = &harts[0]};

static struct spinlock pid_lock = SPINLOCK_INIT("pids", RANK_PID);
static struct rb_tree pids;
static int last_pid = 1;                               /* 1 is kept for init */
static uint64_t made;                                  /* tasks ever */
static struct list dead_tasks = LIST_INIT(dead_tasks); /* by sched.link; under sched_lock */
static struct waitq reaper_queue = WAITQ_INIT(reaper_queue);

void task_set_name(struct task *task, const char *name)
{
    const char *base = strrchr(name, '/');
    text_copy(task->name, base && task->process ? base + 1 : name, sizeof task->name);
}

struct task *task_create(const char *name)
{
    struct task *task = kzalloc(sizeof *task);
    if (!task) return NULL;
    task->kstack = kstack_alloc();
    if (!task->kstack) {
        kfree(task);
        return NULL;
    }
    ref_init(&task->refs);
    task->kernel_sp = (uint64_t)task->kstack - FRAME_BYTES;
    memset(task_frame(task), 0, FRAME_BYTES);
    task->context = (struct context){.ra = (uint64_t)task_begin, .sp = task->kernel_sp};
    task->state = TASK_NEW;
    task->syscall = -1;
    task->hart = &harts[0];
    task->start_ns = task->sched.created_ns = time_ns();
    task->sched.affinity = ~0ull;
    list_init(&task->process_link);
    list_init(&task->sched.link);
    list_init(&task->signals.pending.queue);
    task_set_name(task, name);
    return task;
}

void task_put(struct task *task)
{
    if (!ref_put(&task->refs)) return;
    if (task->kstack) kstack_free(task->kstack);
    if (task->process) process_put(task->process);
    kfree(task);
}

/* The first task with at least this pid. pid_lock is held. */
static struct task *lower_bound(int pid)
{
    struct task *found = NULL;
    for (struct rb_node *node = pids.root; node;) {
        struct task *task = rb_entry(node, struct task, pid_node);
        if (task->pid >= pid) {
            found = task;
            node = node->left;
        } else {
            node = node->right;
        }
    }
    return found;
}

static bool pid_taken(int pid)
{
    struct task *task = lower_bound(pid);
    return task && task->pid == pid;
}

static void insert(struct task *task)
{
    struct rb_node **at = &pids.root, *parent = NULL;
    while (*at) {
        parent = *at;
        at = task->pid < rb_entry(parent, struct task, pid_node)->pid ? &parent->left : &parent->right;
    }
    rb_insert(&pids, &task->pid_node, parent, at);
}

void task_publish(struct task *task)
{
    spin_lock(&pid_lock);
    do last_pid = last_pid == PID_MAX - 1 ? 2 : last_pid + 1;
    while (pid_taken(last_pid));
    task->pid = last_pid;
    made++;
    insert(task);
    task_get(task);
    spin_unlock(&pid_lock);
}

void task_unpublish(struct task *task)
{
    spin_lock(&pid_lock);
    rb_remove(&pids, &task->pid_node);
    spin_unlock(&pid_lock);
    task_put(task);
}

void task_take_over_pid(struct task *leader)
{
    spin_lock(&process_lock);
    spin_lock(&pid_lock);
    rb_remove(&pids, &leader->pid_node);
    rb_remove(&pids, &current->pid_node);
    current->pid = leader->pid;
    insert(current);
    current->process->leader = current;
    spin_unlock(&pid_lock);
    spin_unlock(&process_lock);
    task_put(leader);
}

void task_take_first_pid(void)
{
    spin_lock(&pid_lock);
    rb_remove(&pids, &current->pid_node);
    current->pid = 1;
    insert(current);
    spin_unlock(&pid_lock);
    text_copy(current->name, "init", sizeof current->name);
}

struct task *task_find(int pid)
{
    spin_lock(&pid_lock);
    struct task *task = lower_bound(pid);
    if (task && task->pid != pid) task = NULL;
    if (task) task_get(task);
    spin_unlock(&pid_lock);
    return task;
}

struct task *task_next(int *pid)
{
    spin_lock(&pid_lock);
    struct task *task = lower_bound(*pid);
    if (task) {
        task_get(task);
        *pid = task->pid;
    }
    spin_unlock(&pid_lock);
    return task;
}

int task_last_pid(void) { return atomic_load(&last_pid); }
uint64_t task_count_made(void) { return atomic_load(&made); }

/* Kernel threads */

struct task *kthread_start(const char *name, void (*f)(void *), void *arg)
{
    struct task *task = task_create(name);
    if (!task) return NULL;
    task->context.s[1] = (uint64_t)f;
    task->context.s[2] = (uint64_t)arg;
    task_publish(task);
    task->tgid = task->pid;
    spin_lock(&sched_lock);
    sched_make_ready(task);
    spin_unlock(&sched_lock);
    return task;
}

_Noreturn void kthread_exit(void)
{
    task_unpublish(current);
    task_finish();
}

_Noreturn void task_finish(void)
{
    spin_lock(&sched_lock);
    current->state = TASK_TERMINATED;
    if (current->process) sched_finished(current);
    sched_switch();
    panic("a terminated task runs");
}

void task_after_switch(struct task *previous)
{
    if (previous->state != TASK_TERMINATED) return;
    list_push_back(&dead_tasks, &previous->sched.link);
    wake_one_locked(&reaper_queue);
}

static void reaper(void *unused)
{
    (void)unused;
    for (;;) {
        spin_lock(&sched_lock);
        while (list_empty(&dead_tasks)) wait_on(&reaper_queue, &sched_lock, false, 0);
        struct task *task = list_first(&dead_tasks, struct task, sched.link);
        list_remove(&task->sched.link);
        spin_unlock(&sched_lock);
        kstack_free(task->kstack);
        task->kstack = NULL;
        task_put(task);
    }
}

static void reaper_start(void)
{
    if (!kthread_start("reaper", reaper, NULL)) panic("no memory for the reaper");
}
INIT(INIT_SUBSYSTEM, reaper_start);

struct task *task_create_idle(unsigned hart)
{
    struct task *task = task_create("idle/0");
    if (!task) return NULL;
    task->name[5] = (char)('0' + hart);
    task->state = TASK_RUNNING;
    task->sched.affinity = 1ull << hart;
    hart_setup(hart, task);
    return task;
}
