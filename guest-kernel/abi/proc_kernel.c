/*
 * proc_kernel.c - what the kernel shows of itself in /proc, and the controls it takes there.
 *
 *      policy/sched    the scheduling policy; write "rr quantum=5ms", "mlfq", "preempt=off"
 *      sched_history   the measures of the last processes that ended
 *      harts           what each hart does and has done
 *      queues          in which state and on which queue every process is (proc_queues.c)
 *      trace           the trace ring; write the names of events to switch them on
 *      syscalls        the table of system calls, as strace and the documentation use it
 *      interrupts      connected interrupts and how often they came
 */
#include "abi/syscall.h"
#include "arch/hart.h"
#include "arch/irq.h"
#include "arch/machine.h"
#include "arch/time.h"
#include "fs/vfs.h"
#include "kern/init.h"
#include "kern/print.h"
#include "kern/task.h"
#include "kern/trace.h"
#include "sched/sched.h"

static void show_policy(struct proc_text *text, void *unused)
{
    char line[512];
    (void)unused;
    sched_describe(line, sizeof line);
    proc_print(text, "%s", line);
}

static int store_policy(const char *line, void *unused)
{
    (void)unused;
    return sched_configure(line);
}

static void show_history(struct proc_text *text, void *unused)
{
    struct sched_record r;
    (void)unused;
    proc_print(text, "# pid name arrival_us turnaround_us response_us waiting_us running_us\n");
    for (uint64_t at = 0; sched_history(&at, &r);)
        proc_print(text, "%d %s %lu %lu %lu %lu %lu\n", r.pid, r.name, r.created_ns / 1000, r.turnaround_ns / 1000,
                   r.response_ns / 1000, r.waiting_ns / 1000, r.run_ns / 1000);
}

static void show_harts(struct proc_text *text, void *unused)
{
    (void)unused;
    proc_print(text, "# hart id running switches interrupts idle_us\n");
    for (unsigned i = 0; i < machine.harts; i++) {
        if (!harts[i].online) continue;
        spin_lock(&sched_lock);
        int pid = harts[i].running == harts[i].idle ? 0 : harts[i].running->pid;
        uint64_t idle = harts[i].idle_ns;
        spin_unlock(&sched_lock);
        proc_print(text, "%u %lu %d %lu %lu %lu\n", i, harts[i].id, pid, harts[i].switches, harts[i].interrupts,
                   idle / 1000);
    }
}

static void show_trace(struct proc_text *text, void *unused)
{
    char line[160];
    (void)unused;
    proc_print(text, "# time hart pid event; states: 0 new 1 ready 2 running 3 waiting 4 stopped 5 terminated\n");
    for (uint64_t at = 0; trace_read(&at, line, sizeof line);) proc_print(text, "%s", line);
}

static int store_trace(const char *line, void *unused)
{
    (void)unused;
    return trace_configure(line);
}

static void show_syscalls(struct proc_text *text, void *unused)
{
    char line[160];
    (void)unused;
    for (unsigned number = 0; syscall_describe(&number, line, sizeof line); number++) proc_print(text, "%s", line);
}

static void show_interrupts(struct proc_text *text, void *unused)
{
    const char *name;
    uint64_t count;
    (void)unused;
    for (unsigned irq = 0; irq_describe(&irq, &name, &count); irq++)
        proc_print(text, "%3u: %10lu  PLIC  %s\n", irq, count, name);
}

static void proc_kernel_init(void)
{
    int error = proc_add("policy/sched", 0644, show_policy, store_policy, NULL);
    if (!error) error = proc_add("sched_history", 0444, show_history, NULL, NULL);
    if (!error) error = proc_add("harts", 0444, show_harts, NULL, NULL);
    if (!error) error = proc_add("trace", 0644, show_trace, store_trace, NULL);
    if (!error) error = proc_add("syscalls", 0444, show_syscalls, NULL, NULL);
    if (!error) error = proc_add("interrupts", 0444, show_interrupts, NULL, NULL);
    if (error) printk("/proc: error %d\n", -error);
}
INIT(INIT_FILESYSTEM, proc_kernel_init);
