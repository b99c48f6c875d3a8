/*
 * proc_inventory.c - /proc/inventory: what the kernel holds at this moment, one count per line.
 *
 * A kernel runs for months, so whatever it takes for a process it must give back when the process ends: a frame, an object, an entry of
 * a table that is lost each time is nothing today and an outage in half a year. No single count shows that, since caches
 * grow on purpose; but with the caches emptied (`sync', then 3 into /proc/sys/vm/drop_caches) the counts after a piece of work are those
 * before it, or something has been lost. The random system calls and the stress tests are judged by that (tests/programs/counts.h).
 *
 *      frames_slab     cut into objects; with the objects the same, this may still differ: they lie scattered over more frames
 *      frames_large    kmalloc blocks of more than half a frame
 *      frames_stacks   kernel stacks: an ended thread's is kept for the next one, so this is the most threads there ever were
 *      frames_tables   page tables of processes
 *      frames_files    contents of files, and memory that processes share
 *      frames_other    memory of processes; pipes, buffers of metadata, rings of drivers
 */
#include "abi/syscall.h"
#include "arch/kmap.h"
#include "fs/vfs.h"
#include "kern/init.h"
#include "kern/print.h"
#include "kern/process.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include "mm/space.h"

static void count_file(struct inode *inode, void *count)
{
    (void)inode;
    ++*(uint64_t *)count;
}

static void count_processes(uint64_t *processes, uint64_t *threads)
{
    struct process *p;
    spin_lock(&process_lock);
    list_for_each(p, &process_list, all_link)
    {
        ++*processes;
        *threads += p->live;
    }
    spin_unlock(&process_lock);
}

static void show_inventory(struct proc_text *text, void *unused)
{
    (void)unused;
    struct mem_stats m;
    mem_stats(&m);
    uint64_t large = slab_large(), slab = m.slab - large, files = 0, processes = 0, threads = 0;
    inode_each(count_file, &files);
    count_processes(&processes, &threads);
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {{"frames_slab", slab},
                {"frames_large", large},
                {"frames_stacks", m.stacks},
                {"frames_tables", m.tables},
                {"frames_files", m.cached},
                {"frames_other", m.total - m.free - slab - large - m.stacks - m.tables - m.cached},
                {"swap_slots", m.swap_total - m.swap_free},
                {"objects", slab_objects()},
                {"open_files", file_count()},
                {"active_files", files},
                {"processes", processes},
                {"threads", threads}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) proc_print(text, "%s %lu\n", rows[i].name, rows[i].value);
}

static void proc_inventory_init(void)
{
    int error = proc_add("inventory", 0444, show_inventory, NULL, NULL);
    if (error) printk("/proc/inventory: error %d\n", -error);
}
INIT(INIT_FILESYSTEM, proc_inventory_init);
