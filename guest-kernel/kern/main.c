/*
 * main.c - from the first C function to the first program.
 *
 * The start has three stages. First only this hart, with interrupts off: read the device tree, build the kernel's page table,
 * set up memory, then everything that tasks need. Second the first task, a kernel thread: now sleeping is possible, the
 * other harts are started, drivers find their devices, the root file system is mounted. Third that thread becomes the first
 * program, init, from which every other process descends. What belongs to which stage is said where it is defined (init.h).
 */
#include "abi/boot.h"
#include "arch/hart.h"
#include "arch/irq.h"
#include "arch/kmap.h"
#include "arch/machine.h"
#include "arch/riscv.h"
#include "arch/sbi.h"
#include "arch/time.h"
#include "base/string.h"
#include "kern/init.h"
#include "kern/print.h"
#include "kern/task.h"
#include "kern/task_internal.h"
#include "mm/space.h"

_Noreturn void kernel_start_first(uint64_t hart_id, paddr_t devicetree, paddr_t loaded_at);
extern uint64_t kernel_loaded_at;
extern struct task boot_task;
extern char boot_stack_top[];

typedef void init_call(void);
extern init_call *const init_calls_1[],
    *const init_calls_2[], *const init_calls_3[], *const init_calls_4[], *const init_calls_5[],
                                                                             *const init_calls_6[],
                                                                                 *const init_calls_7[],
                                                                                     *const init_calls_8[];

void init_run(int level)
{
    static init_call *const *const levels[] = {init_calls_1, init_calls_2, init_calls_3, init_calls_4,
                                               init_calls_5, init_calls_6, init_calls_7, init_calls_8};
    for (init_call *const *call = levels[level - 1]; call < levels[level]; call++) (*call)();
}

static void main_thread(void *unused)
{
    (void)unused;
    harts_start();
    printk("%u harts\n", (unsigned)__builtin_popcountll(harts_online()));
    for (int level = INIT_SUBSYSTEM; level <= INIT_LATE; level++) init_run(level);
    init_start();
}

static void print_banner(void)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < machine.memories; i++) bytes += machine.memory[i].bytes;
    printk("Kepler: %lu MiB of memory, loaded at %#lx, clock %lu kHz%s\n", bytes >> 20, kernel_loaded_at,
           machine.timebase_hz / 1000, machine.has_sstc ? " (Sstc)" : "");
    if (machine.cmdline[0]) printk("command line: %s\n", machine.cmdline);
}

_Noreturn void kernel_start_first(uint64_t hart_id, paddr_t devicetree, paddr_t loaded_at)
{
    kernel_loaded_at = loaded_at;
    machine.hart_id[0] = hart_id;
    boot_task.kstack = boot_stack_top;
    boot_task.kernel_sp = (uint64_t)boot_stack_top - FRAME_BYTES;
    boot_task.sched.affinity = 1;
    hart_setup(0, &boot_task);
    trap_init();
    sbi_init();
    if (!machine_read(devicetree)) panic("the device tree at %#lx cannot be read", devicetree);
    kmap_init();
    time_init();
    print_banner();
    for (int level = INIT_MEMORY; level <= INIT_KERNEL; level++) init_run(level);
    mm_hart_start();
    harts[0].online = true;
    irq_init_hart();
    time_program(UINT64_MAX);
    if (!kthread_start("main", main_thread, NULL)) panic("no memory for the first task");
    task_idle();
}
