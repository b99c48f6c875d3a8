/*
 * proc_queues.c - /proc/queues: where every process is at this moment, in the five-state picture.
 *
 *      new --> ready queue --> running --> terminated
 *                   ^             |
 *                   |             v
 *                 device queues (waiting)          stopped: waits for SIGCONT or its tracer
 *
 * A task is on exactly one queue: on the ready queue of the scheduler, or on the queue of the event that it waits for, which
 * the notes call device queue, since the event is often a device's. A device queue is named here by the function of the kernel
 * that waits. The listing is put together task by task, so that a task that moves meanwhile is shown where it was last seen.
 */
#include "arch/hart.h"
#include "arch/time.h"
#include "base/string.h"
#include "fs/vfs.h"
#include "kern/init.h"
#include "kern/print.h"
#include "kern/process.h"
#include "kern/task.h"
#include "mm/slab.h"
#include "sched/sched.h"

/* What is shown of one task. */
struct seen {
    int pid, hart;
    char name[TASK_NAME_MAX];
    enum task_state state;
    bool zombie, policy; /* policy: subject to the scheduling policy, not a kernel thread */
    uint64_t since_ns;   /* ready: when it became so */
    const char *event;   /* waiting: for what */
    bool interruptible;
};

struct picture {
    struct seen *task;
    size_t count, room;
    uint64_t now_ns;
};

static void look(struct task *task, struct seen *seen)
{
    uint64_t offset;
    *seen = (struct seen){.pid = task->pid, .policy = task->process};
    spin_lock(&process_lock);
    memcpy(seen->name, task->name, sizeof seen->name);
    seen->zombie = task->process && task->process->zombie && task->process->leader == task;
    spin_lock(&sched_lock);
    seen->state = task->state;
    seen->hart = task->hart ? (int)task->hart->number : 0;
    seen->since_ns = task->sched.ready_since_ns;
    seen->interruptible = task->wait_interruptible;
    uint64_t pc = task->wait_pc;
    spin_unlock(&sched_lock);
    spin_unlock(&process_lock);
    if (seen->state == TASK_WAITING) seen->event = pc ? symbol_find(pc, &offset) : NULL;
    if (!seen->event) seen->event = "sleep";
}

static bool take_picture(struct picture *picture)
{
    int pid = 1;
    picture->now_ns = time_ns();
    for (struct task *task; (task = task_next(&pid)); pid++) {
        if (picture->count == picture->room) {
            size_t room = picture->room ? picture->room * 2 : 64;
            struct seen *bigger = krealloc(picture->task, room * sizeof *bigger);
            if (!bigger) {
                task_put(task);
                return false;
            }
            picture->task = bigger;
            picture->room = room;
        }
        look(task, &picture->task[picture->count++]);
        task_put(task);
    }
    return true;
}

static void show_running(struct proc_text *text, const struct picture *picture)
{
    proc_print(text, "running:\n");
    for (size_t i = 0; i < picture->count; i++) {
        const struct seen *t = &picture->task[i];
        if (t->state == TASK_RUNNING) proc_print(text, "    hart %d: %d %s\n", t->hart, t->pid, t->name);
    }
}

/* In the order in which they became ready, which is that of the queue under FCFS and RR. */
static void show_ready(struct proc_text *text, struct picture *picture, bool policy)
{
    for (uint64_t after = 0;;) {
        const struct seen *next = NULL;
        for (size_t i = 0; i < picture->count; i++) {
            const struct seen *t = &picture->task[i];
            if (t->state != TASK_READY || t->policy != policy || t->since_ns <= after) continue;
            if (!next || t->since_ns < next->since_ns) next = t;
        }
        if (!next) return;
        after = next->since_ns;
        uint64_t waits = picture->now_ns > after ? picture->now_ns - after : 0;
        proc_print(text, "    %d %s, for %lu us\n", next->pid, next->name, waits / 1000);
    }
}

static void show_device_queues(struct proc_text *text, const struct picture *picture)
{
    proc_print(text, "device queues (waiting):\n");
    for (size_t i = 0; i < picture->count; i++) {
        const struct seen *first = &picture->task[i];
        bool shown = first->state != TASK_WAITING;
        for (size_t j = 0; j < i && !shown; j++)
            shown = picture->task[j].state == TASK_WAITING && !strcmp(picture->task[j].event, first->event);
        if (shown) continue;
        proc_print(text, "    %s:", first->event);
        for (size_t j = i; j < picture->count; j++) {
            const struct seen *t = &picture->task[j];
            if (t->state == TASK_WAITING && !strcmp(t->event, first->event))
                proc_print(text, " %d %s%s", t->pid, t->name, t->interruptible ? "" : " (not to be interrupted)");
        }
        proc_print(text, "\n");
    }
}

static void show_state(struct proc_text *text, const struct picture *picture, const char *title, enum task_state state)
{
    proc_print(text, "%s:\n", title);
    for (size_t i = 0; i < picture->count; i++) {
        const struct seen *t = &picture->task[i];
        bool here = t->zombie ? state == TASK_TERMINATED : t->state == state;
        if (here)
            proc_print(text, "    %d %s%s\n", t->pid, t->name, t->zombie ? ", its parent has not waited yet" : "");
    }
}

static void show_queues(struct proc_text *text, void *unused)
{
    struct picture picture = {0};
    (void)unused;
    if (take_picture(&picture)) {
        show_state(text, &picture, "new", TASK_NEW);
        proc_print(text, "ready queue (%s):\n", sched_policy_name());
        show_ready(text, &picture, true);
        proc_print(text, "ready kernel threads, which go first:\n");
        show_ready(text, &picture, false);
        show_running(text, &picture);
        show_device_queues(text, &picture);
        show_state(text, &picture, "stopped", TASK_STOPPED);
        show_state(text, &picture, "terminated", TASK_TERMINATED);
    }
    kfree(picture.task);
}

static void proc_queues_init(void)
{
    int error = proc_add("queues", 0444, show_queues, NULL, NULL);
    if (error) printk("/proc/queues: error %d\n", -error);
}
INIT(INIT_FILESYSTEM, proc_queues_init);
