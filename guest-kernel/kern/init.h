/*
 * init.h - start-up, in levels. INIT(level, function) registers `void function(void)`; kern/main.c calls all functions of a
 * level before those of the next, so that no central list of everything is needed. Order inside a level is not defined.
 */
#ifndef KEPLER_KERN_INIT_H
#define KEPLER_KERN_INIT_H

/*
 * 1 MEMORY   frame allocator: only early_alloc and printk work; one hart, interrupts off, no tasks
 * 2 SLAB     on top of frames: kmalloc
 * 3 KERNEL   tasks, scheduler, timers, interrupts; kmalloc works, still one hart, interrupts off, nothing may sleep
 * 4 SUBSYSTEM  first level in a kernel thread with all harts running: may sleep, start threads, take mutexes
 * 5 DEVICE   drivers: find devices, connect interrupts
 * 6 FILESYSTEM  root mounted, initrd unpacked, /dev, /proc
 * 7 LATE     background threads and the like; then init is started
 */
#define INIT_MEMORY     1
#define INIT_SLAB       2
#define INIT_KERNEL     3
#define INIT_SUBSYSTEM  4
#define INIT_DEVICE     5
#define INIT_FILESYSTEM 6
#define INIT_LATE       7

#define INIT(level, function)        INIT_EXPAND(level, function)
#define INIT_EXPAND(level, function) INIT_PLACE(#level, function)
#define INIT_PLACE(level, function)                                                                                    \
    static void (*const init_##function)(void) __attribute__((used, section(".init_calls." level))) = function

void init_run(int level);

#endif
