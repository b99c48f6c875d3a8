/*
 * sched.c - the scheduler's framework: states, the ready queue's lock, the context switch, the measures.
 *
 * The scheduler runs when the running task ends, goes to wait, gives up the hart by itself, has used up its quantum, or
 * when a task becomes ready that the policy prefers. Which ready task comes next is the policy's choice (sched.h).
 *
 * Two kinds of task are outside the policy. Kernel threads (soft interrupts, the pager) do the work of interrupts: they go
 * first, in order of arrival; the program they displace keeps the rest of its quantum and its place. And each hart has an idle task, which
 * runs if there is nothing else and waits for an interrupt.
 *
 * A context switch holds sched_lock all the way: the task that goes takes it, the task that comes frees it. So no other hart can
 * pick up a task whose registers are not yet saved.
 */
#include "sched/sched.h"

#include "arch/hart.h"
#include "arch/machine.h"
#include "arch/riscv.h"
#include "arch/time.h"
#include "base/errno.h"
#include "base/format.h"
#include "base/string.h"
#include "kern/cputime.h"
#include "kern/init.h"
#include "kern/print.h"
#include "kern/task.h"
#include "kern/task_internal.h"
#include "kern/timer.h"
#include "kern/trace.h"
#include "mm/space.h"

struct spinlock sched_lock = SPINLOCK_INIT("scheduler", RANK_SCHED);

static const struct sched_policy *const policies[] = {&sched_rr, &sched_fcfs, &sched_sjf, &sched_stcf, &sched_mlfq};
static const struct sched_policy *policy = &sched_rr;
static uint64_t quantum_ns = 10000000;
static bool preemption = true;
static struct list kernel_queue = LIST_INIT(kernel_queue); /* ready kernel threads */
static uint64_t ready_count;
static unsigned choosing; /* number of the hart for which the policy chooses */

#define HISTORY 64
static struct sched_record history[HISTORY];
static uint64_t history_count;

static struct task *task_of(const struct sched_entity *entity) { return container_of(entity, struct task, sched); }
static bool is_kernel_thread(const struct task *task) { return !task->process; }
static bool may_run_here(const struct sched_entity *entity) { return entity->affinity >> choosing & 1; }

/* Queues */

static void enqueue(struct task *task, uint64_t now)
{
    task->state = TASK_READY;
    task->sched.ready_since_ns = now;
    ready_count++;
    if (is_kernel_thread(task)) {
        list_push_back(&kernel_queue, &task->sched.link);
    } else {
        if (!task->sched.preempted) task->sched.arrival_ns = now, task->sched.burst_ns = 0;
        policy->enqueue(&task->sched, now);
    }
}

static struct task *choose(struct hart *hart, uint64_t now)
{
    choosing = hart->number;
    struct task *task;
    list_for_each(task, &kernel_queue, sched.link)
    {
        if (!may_run_here(&task->sched)) continue;
        list_remove(&task->sched.link);
        ready_count--;
        return task;
    }
    if ((task = hart->interrupted)) {
        hart->interrupted = NULL;
        ready_count--;
        return task;
    }
    struct sched_entity *entity = policy->choose(may_run_here, now);
    if (!entity) return hart->idle;
    ready_count--;
    return task_of(entity);
}

/* A task has become ready: does some hart have to look? An idle hart goes first, then one whose task gives way. */
static void find_hart(struct task *task, uint64_t now)
{
    struct hart *victim = NULL;
    for (unsigned i = 0; i < machine.harts && !victim; i++) {
        struct hart *hart = &harts[i];
        if (hart->online && hart->running == hart->idle && !hart->need_resched && task->sched.affinity >> i & 1)
            victim = hart;
    }
    for (unsigned i = 0; i < machine.harts && !victim; i++) {
        struct hart *hart = &harts[(this_hart()->number + i) % machine.harts];
        if (!hart->online || hart->need_resched || !(task->sched.affinity >> hart->number & 1)) continue;
        if (is_kernel_thread(hart->running)) continue;
        if (is_kernel_thread(task) ||
            (preemption && policy->preempts && policy->preempts(&task->sched, &hart->running->sched, now)))
            victim = hart;
    }
    if (!victim) return;
    victim->need_resched = true;
    if (victim != this_hart()) hart_call(victim->number, IPI_RESCHEDULE);
}

void sched_make_ready(struct task *task)
{
    ASSERT(spin_held(&sched_lock));
    uint64_t now = time_ns();
    task->sched.preempted = false;
    enqueue(task, now);
    trace(TRACE_READY, task->pid, 0, 0);
    find_hart(task, now);
}

/* The switch */

/* Harts' clocks agree, but one may read it a moment before the other's reading gets to memory. */
static uint64_t since(uint64_t now, uint64_t then) { return now > then ? now - then : 0; }

static void account_out(struct task *task, uint64_t now)
{
    struct sched_entity *entity = &task->sched;
    uint64_t ran = since(now, entity->run_since_ns);
    entity->run_ns += ran;
    entity->burst_ns += ran;
    entity->system_ns += since(now, entity->mode_since_ns);
    if (task == this_hart()->idle)
        this_hart()->idle_ns += ran;
    else if (!is_kernel_thread(task))
        policy->account(entity, ran, task->state == TASK_WAITING || task->state == TASK_TERMINATED);
    trace(TRACE_SLICE, task->pid, (long)ran, 0);
}

static void account_in(struct task *task, uint64_t now)
{
    struct sched_entity *entity = &task->sched;
    entity->run_since_ns = entity->mode_since_ns = now;
    if (task == this_hart()->idle) return;
    entity->waiting_ns += since(now, entity->ready_since_ns);
    if (!entity->first_run_ns) entity->first_run_ns = now;
}

static void begin_slice(struct hart *hart, struct task *task, uint64_t now)
{
    uint64_t slice = 0;
    if (!is_kernel_thread(task) && preemption) {
        slice = hart->slice_left_ns ? hart->slice_left_ns : policy->slice(&task->sched);
        hart->slice_left_ns = 0;
    }
    hart->slice_end_ns = slice ? now + slice : 0;
    hart->tick_ns = task->process && task->process->counts_cputime ? now + CPUTIME_TICK_NS : 0;
    if (slice || hart->tick_ns) timer_reprogram();
}

static void save_floating_point(struct task *task)
{
    struct trapframe *frame = task_frame(task);
    if (!task->fp_used || (frame->status & SSTATUS_FS) != SSTATUS_FS_DIRTY) return;
    csr_set("sstatus", SSTATUS_FS_CLEAN);
    floating_save(&task->fp);
    csr_clear("sstatus", SSTATUS_FS);
    frame->status = (frame->status & ~(uint64_t)SSTATUS_FS) | SSTATUS_FS_CLEAN;
}

static void load_floating_point(struct task *task)
{
    if (!task->fp_used) return;
    csr_set("sstatus", SSTATUS_FS_CLEAN);
    floating_load(&task->fp);
    csr_clear("sstatus", SSTATUS_FS);
}

/* What the task that comes does for itself and for the one that went. */
static void arrive(struct task *previous)
{
    load_floating_point(current);
    task_after_switch(previous);
}

void sched_switch(void)
{
    struct hart *hart = this_hart();
    struct task *previous = current;
    ASSERT(spin_held(&sched_lock) && hart->locks_held == 1 && !hart->in_interrupt);
    uint64_t now = time_ns();
    account_out(previous, now);
    hart->need_resched = false;
    struct task *next = choose(hart, now);
    next->state = TASK_RUNNING;
    account_in(next, now);
    begin_slice(hart, next, now);
    if (next == previous) return;

    trace(TRACE_SWITCH, previous->pid, next->pid, previous->state);
    hart->switches++;
    hart->running = next;
    next->hart = hart;
    save_floating_point(previous);
    bool interrupts_before = hart->interrupts_before;
    if (next->mm != previous->mm) mm_switch(next->mm);
    previous = context_switch(previous, next);
    /* From here on the task runs again, perhaps on another hart. */
    this_hart()->interrupts_before = interrupts_before;
    arrive(previous);
}

/* The first thing a new task does; it comes from sched_switch of another task, which holds the lock. */
void task_first_run(struct task *previous)
{
    this_hart()->interrupts_before = true;
    arrive(previous);
    spin_unlock(&sched_lock);
}

void sched_yield(void)
{
    spin_lock(&sched_lock);
    current->sched.preempted = true;
    current->sched.switches_voluntary++;
    enqueue(current, time_ns());
    sched_switch();
    spin_unlock(&sched_lock);
}

/* A program that only makes room for a kernel thread goes on afterwards where it was. */
static bool steps_aside(struct hart *hart, uint64_t now)
{
    if (is_kernel_thread(current) || list_empty(&kernel_queue) || hart->interrupted) return false;
    if (hart->slice_end_ns && hart->slice_end_ns <= now) return false;
    return !preemption || hart->slice_end_ns || policy->slice(&current->sched) == 0;
}

void sched_resched(void)
{
    spin_lock(&sched_lock);
    struct hart *hart = this_hart();
    if (hart->need_resched) {
        uint64_t now = time_ns();
        current->sched.preempted = true;
        current->sched.switches_forced++;
        if (steps_aside(hart, now)) {
            hart->interrupted = current;
            hart->slice_left_ns = hart->slice_end_ns ? hart->slice_end_ns - now : 0;
            current->state = TASK_READY;
            current->sched.ready_since_ns = now;
            ready_count++;
        } else {
            enqueue(current, now);
        }
        sched_switch();
    }
    spin_unlock(&sched_lock);
}

void sched_relax(void)
{
    if (atomic_load(&current->hart->need_resched)) sched_resched();
}

_Noreturn void task_idle(void)
{
    for (;;) {
        interrupts_off();
        if (this_hart()->need_resched) {
            spin_lock(&sched_lock);
            sched_switch();
            spin_unlock(&sched_lock);
        } else {
            wait_for_interrupt();
        }
        interrupts_on();
    }
}

/* User and system time */

void sched_enter_kernel(void)
{
    uint64_t now = time_ns();
    uint64_t used = since(now, current->sched.mode_since_ns);
    current->sched.user_ns += used;
    current->sched.mode_since_ns = now;
    if (current->process->counts_cputime) cputime_charge(used, 0);
}

void sched_leave_kernel(void)
{
    uint64_t now = time_ns();
    uint64_t used = since(now, current->sched.mode_since_ns);
    current->sched.system_ns += used;
    current->sched.mode_since_ns = now;
    if (current->process->counts_cputime) cputime_charge(0, used);
}

/* Measures */

void sched_finished(struct task *task)
{
    struct sched_entity *e = &task->sched;
    uint64_t now = e->finished_ns = time_ns();
    struct sched_record *record = &history[history_count++ % HISTORY];
    *record = (struct sched_record){
        .pid = task->pid,
        .created_ns = e->created_ns,
        .turnaround_ns = now - e->created_ns,
        .response_ns = e->first_run_ns - e->created_ns,
        .waiting_ns = e->waiting_ns,
        .run_ns = e->run_ns + (now - e->run_since_ns),
    };
    text_copy(record->name, task->name, sizeof record->name);
}

size_t sched_history(uint64_t *at, struct sched_record *record)
{
    spin_lock(&sched_lock);
    if (history_count > HISTORY && *at < history_count - HISTORY) *at = history_count - HISTORY;
    bool found = *at < history_count;
    if (found) *record = history[(*at)++ % HISTORY];
    spin_unlock(&sched_lock);
    return found;
}

uint64_t sched_quantum(void) { return quantum_ns; }
const char *sched_policy_name(void) { return policy->name; }

uint64_t sched_load(void)
{
    uint64_t load = ready_count;
    for (unsigned i = 0; i < machine.harts; i++) load += harts[i].online && harts[i].running != harts[i].idle;
    return load;
}

void sched_declare(struct task *task, uint64_t ns) { atomic_store(&task->sched.declared_ns, ns); }

/* Choosing the policy */

struct settings {
    const struct sched_policy *policy;
    uint64_t quantum_ns;
    bool preemption;
};

static bool parse_duration(const char *text, uint64_t *ns)
{
    char number[24];
    size_t n = strlen(text);
    uint64_t unit = 1;
    if (n > 2 && !strcmp(text + n - 2, "ms"))
        unit = 1000000, n -= 2;
    else if (n > 2 && !strcmp(text + n - 2, "us"))
        unit = 1000, n -= 2;
    else if (n > 2 && !strcmp(text + n - 2, "ns"))
        n -= 2;
    else if (n > 1 && text[n - 1] == 's')
        unit = NS_PER_S, n -= 1;
    if (n >= sizeof number) return false;
    memcpy(number, text, n);
    number[n] = 0;
    uint64_t value;
    if (!text_number(number, &value) || !value || value > 1000 * NS_PER_S / unit) return false;
    *ns = value * unit;
    return true;
}

static bool parse_word(const char *word, struct settings *wish)
{
    if (!strncmp(word, "quantum=", 8)) return parse_duration(word + 8, &wish->quantum_ns);
    if (!strcmp(word, "preempt=on")) return wish->preemption = true;
    if (!strcmp(word, "preempt=off")) return !(wish->preemption = false);
    for (unsigned i = 0; i < ARRAY_SIZE(policies); i++) {
        if (strcmp(word, policies[i]->name)) continue;
        wish->policy = policies[i];
        return true;
    }
    return false;
}

static bool may_run_anywhere(const struct sched_entity *entity)
{
    (void)entity;
    return true;
}

static void change_policy(const struct settings *wish)
{
    struct list waiting = LIST_INIT(waiting);
    spin_lock(&sched_lock);
    uint64_t now = time_ns();
    for (struct sched_entity *entity; (entity = policy->choose(may_run_anywhere, now));)
        list_push_back(&waiting, &entity->link);
    policy = wish->policy;
    quantum_ns = wish->quantum_ns;
    preemption = wish->preemption;
    policy->start(quantum_ns);
    while (!list_empty(&waiting)) {
        struct sched_entity *entity = list_first(&waiting, struct sched_entity, link);
        list_remove(&entity->link);
        policy->enqueue(entity, now);
    }
    /* Whoever runs now continues under the new rules: quanta must begin. */
    for (unsigned i = 0; i < machine.harts; i++)
        if (harts[i].online) hart_call(i, IPI_RESCHEDULE);
    spin_unlock(&sched_lock);
}

int sched_configure(const char *text)
{
    struct settings wish = {policy, quantum_ns, preemption};
    char word[32];
    while (*text) {
        size_t n = 0;
        while (*text == ' ' || *text == '\n' || *text == ',') text++;
        for (; *text && *text != ' ' && *text != '\n' && *text != ','; text++)
            if (n + 1 < sizeof word) word[n++] = *text;
        word[n] = 0;
        if (n && !parse_word(word, &wish)) return -EINVAL;
    }
    change_policy(&wish);
    return 0;
}

int sched_describe(char *to, size_t room)
{
    size_t n = (size_t)format(to, room, "%s quantum=%luus preempt=%s\n# policies:", policy->name, quantum_ns / 1000,
                              preemption ? "on" : "off");
    for (unsigned i = 0; i < ARRAY_SIZE(policies); i++)
        n += (size_t)format(n < room ? to + n : NULL, n < room ? room - n : 0, " %s", policies[i]->name);
    n += (size_t)format(n < room ? to + n : NULL, n < room ? room - n : 0, "\n# %s\n", policy->chapter);
    return (int)n;
}

void sched_init(void)
{
    char text[64];
    policy->start(quantum_ns);
    if (boot_argument("sched", text, sizeof text) && sched_configure(text))
        printk("sched=%s: not understood; try fcfs, sjf, stcf, rr or mlfq\n", text);
}
INIT(INIT_KERNEL, sched_init);
