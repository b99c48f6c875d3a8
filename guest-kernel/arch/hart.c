/*
 * hart.c - per-hart data, starting the other harts, calls between harts.
 *
 * One hart boots; the others wait in the firmware until they are asked for (SBI extension HSM). Each gets an idle task first,
 * because there must always be a current task. A hart that wants another to do something sets a bit in its `work` and sends it
 * an interrupt (IPI).
 */
#include "arch/hart.h"

#include "arch/irq.h"
#include "arch/kmap.h"
#include "arch/layout.h"
#include "arch/machine.h"
#include "arch/riscv.h"
#include "arch/sbi.h"
#include "arch/time.h"
#include "kern/print.h"
#include "kern/task.h"
#include "kern/task_internal.h"
#include "mm/space.h"

struct hart harts[HART_MAX];
uint64_t starting_task; /* idle task of the hart that is being started */

extern char kernel_entry_other[];
_Noreturn void kernel_start_other(void);

struct hart *this_hart(void) { return current->hart; }

uint64_t harts_online(void)
{
    uint64_t mask = 0;
    for (unsigned i = 0; i < machine.harts; i++)
        if (atomic_load(&harts[i].online)) mask |= 1ull << i;
    return mask;
}

void hart_setup(unsigned number, struct task *idle)
{
    struct hart *hart = &harts[number];
    hart->number = number;
    hart->id = machine.hart_id[number];
    hart->idle = hart->running = idle;
    idle->hart = hart;
    spin_init(&hart->timer_lock, "timers", RANK_TIMER);
}

/* The first C function of another hart, on the stack of its idle task. */
_Noreturn void kernel_start_other(void)
{
    trap_init();
    mm_hart_start();
    irq_init_hart();
    time_program(UINT64_MAX);
    atomic_store(&this_hart()->online, true);
    task_idle();
}

void harts_start(void)
{
    for (unsigned i = 1; i < machine.harts; i++) {
        struct task *idle = task_create_idle(i);
        if (!idle) panic("no memory for hart %u", i);
        atomic_store(&starting_task, (uint64_t)idle); /* for entry.S */
        long error = sbi_start_hart(machine.hart_id[i], va_to_pa(kernel_entry_other), (uint64_t)idle);
        if (error) {
            printk("hart %lu does not start: SBI error %ld\n", machine.hart_id[i], error);
            continue;
        }
        uint64_t limit = time_ns() + 5 * NS_PER_S;
        while (!atomic_load(&harts[i].online) && time_ns() < limit) hart_pause();
        if (!atomic_load(&harts[i].online)) printk("hart %lu does not come up\n", machine.hart_id[i]);
    }
}

void hart_call(unsigned number, enum ipi what)
{
    if (!(atomic_or(&harts[number].work, what) & what)) sbi_send_ipi(1ull << number);
}
