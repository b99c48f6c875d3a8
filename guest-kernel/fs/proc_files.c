/*
 * proc_files.c - the files of /proc that are about the whole system, in the formats that free, top, uptime, mount, df read.
 */
#include "arch/hart.h"
#include "arch/machine.h"
#include "arch/time.h"
#include "base/string.h"
#include "blk/blk.h"
#include "fs/bcache.h"
#include "fs/procfs.h"
#include "fs/vfs.h"
#include "kern/init.h"
#include "kern/process.h"
#include "kern/task.h"
#include "mm/frame.h"
#include "mm/space.h"
#include "sched/sched.h"

#define TICKS(ns) ((ns) / 10000000) /* USER_HZ is 100 */

static void show_meminfo(struct proc_text *text, void *argument)
{
    (void)argument;
    struct mem_stats m;
    mem_stats(&m);
    const struct {
        const char *name;
        uint64_t frames;
    } rows[] = {{"MemTotal", m.total},
                {"MemFree", m.free},
                {"MemAvailable", m.available},
                {"Buffers", bcache_stats.blocks},
                {"Cached", m.cached},
                {"SwapCached", m.swap_cached},
                {"SwapTotal", m.swap_total},
                {"SwapFree", m.swap_free},
                {"Dirty", m.dirty},
                {"Writeback", m.writeback},
                {"AnonPages", m.anon},
                {"Mapped", m.mapped},
                {"Shmem", m.shmem},
                {"Slab", m.slab},
                {"KernelStack", m.stacks},
                {"PageTables", m.tables}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        size_t pad = 15 - strlen(rows[i].name);
        proc_print(text, "%s:%*s%8lu kB\n", rows[i].name, (int)pad, "", rows[i].frames * 4);
    }
}

/* Times of all processes that are there; those of finished ones have gone to their parents. */
static void sum_times(uint64_t *user, uint64_t *system, unsigned *processes)
{
    int pid = 1;
    for (struct task *task; (task = task_next(&pid)); pid++) {
        *user += task->sched.user_ns;
        *system += task->sched.system_ns;
        ++*processes;
        task_put(task);
    }
}

static uint64_t idle_time(void)
{
    uint64_t idle = 0;
    for (unsigned i = 0; i < machine.harts; i++) idle += harts[i].idle_ns;
    return idle;
}

static void show_stat(struct proc_text *text, void *argument)
{
    (void)argument;
    uint64_t user = 0, system = 0, switches = 0, interrupts = 0, now = time_ns();
    unsigned tasks = 0;
    sum_times(&user, &system, &tasks);
    proc_print(text, "cpu  %lu 0 %lu %lu 0 0 0 0 0 0\n", TICKS(user), TICKS(system), TICKS(idle_time()));
    for (unsigned i = 0; i < machine.harts; i++) {
        uint64_t busy = now > harts[i].idle_ns ? now - harts[i].idle_ns : 0;
        uint64_t mine = user + system ? busy / 100 * (user * 100 / (user + system)) : 0;
        proc_print(text, "cpu%u %lu 0 %lu %lu 0 0 0 0 0 0\n", i, TICKS(mine), TICKS(busy - mine),
                   TICKS(harts[i].idle_ns));
        switches += harts[i].switches;
        interrupts += harts[i].interrupts;
    }
    proc_print(text, "intr %lu\nctxt %lu\nbtime %lu\nprocesses %lu\nprocs_running %lu\nprocs_blocked 0\n", interrupts,
               switches, (time_wall_ns() - now) / NS_PER_S, task_count_made(), sched_load());
}

static void show_uptime(struct proc_text *text, void *argument)
{
    (void)argument;
    uint64_t up = time_ns() / 10000000, idle = idle_time() / 10000000;
    proc_print(text, "%lu.%02lu %lu.%02lu\n", up / 100, up % 100, idle / 100, idle % 100);
}

static void show_loadavg(struct proc_text *text, void *argument)
{
    (void)argument;
    uint64_t user = 0, system = 0;
    unsigned tasks = 0;
    sum_times(&user, &system, &tasks);
    for (int i = 0; i < 3; i++) {
        uint64_t load = sched_load_average(i) + (1u << LOAD_SHIFT) / 200; /* rounded to hundredths */
        proc_print(text, "%lu.%02lu ", load >> LOAD_SHIFT, (load & ((1u << LOAD_SHIFT) - 1)) * 100 >> LOAD_SHIFT);
    }
    proc_print(text, "%lu/%u %d\n", sched_load(), tasks, task_last_pid());
}

static void show_version(struct proc_text *text, void *argument)
{
    (void)argument;
    proc_print(text, "Linux version %s (Kepler) #1\n", "6.1.0-kepler");
}

static void show_cmdline(struct proc_text *text, void *argument)
{
    (void)argument;
    proc_print(text, "%s\n", machine.cmdline);
}

static void show_cpuinfo(struct proc_text *text, void *argument)
{
    (void)argument;
    for (unsigned i = 0; i < machine.harts; i++)
        proc_print(text, "processor\t: %u\nhart\t\t: %lu\nisa\t\t: rv64imafdc\nmmu\t\t: sv39\n\n", i,
                   machine.hart_id[i]);
}

static void show_filesystems(struct proc_text *text, void *argument)
{
    (void)argument;
    for (struct fs_type *type = fs_type_next(0); type; type = fs_type_next(type))
        proc_print(text, "%s\t%s\n", type->needs_device ? "" : "nodev", type->name);
}

static void show_partitions(struct proc_text *text, void *argument)
{
    (void)argument;
    proc_print(text, "major minor  #blocks  name\n\n");
    for (struct blkdev *d = blkdev_next(0); d; d = blkdev_next(d))
        if (d->sectors || !d->whole) /* else a part that is not any more */
            proc_print(text, "%4u  %7u %10lu %s\n", d->major, d->minor, d->sectors / 2, d->name);
}

static void show_diskstats(struct proc_text *text, void *argument)
{
    (void)argument;
    for (struct blkdev *d = blkdev_next(0); d; d = blkdev_next(d)) {
        struct blk_stats s = d->stats;
        proc_print(text, "%4u %7u %s %lu 0 %lu %lu %lu 0 %lu %lu %u %lu %lu %lu 0 0 0 %lu 0\n", d->major, d->minor,
                   d->name, s.reads, s.sectors_read, s.read_ns / 1000000, s.writes, s.sectors_written,
                   s.write_ns / 1000000, s.in_flight, s.busy_ns / 1000000, (s.read_ns + s.write_ns) / 1000000,
                   s.discards, s.flushes);
    }
}

struct inode_line {
    struct proc_text *text;
    unsigned count, used;
};

static void count_inode(struct inode *inode, void *argument)
{
    struct inode_line *line = argument;
    line->count++;
    if (atomic_load(&inode->refs.value) > 0) line->used++;
}

static void show_file_tables(struct proc_text *text, void *argument)
{
    (void)argument;
    struct inode_line line = {text, 0, 0};
    inode_each(count_inode, &line);
    proc_print(text, "open files %u\nactive files %u\nin use %u\n", file_count(), line.count, line.used);
}

static void show_buffers(struct proc_text *text, void *argument)
{
    (void)argument;
    struct bcache_stats s = bcache_stats;
    proc_print(text, "blocks %lu\nhits %lu\nmisses %lu\nevicted %lu\n", s.blocks, s.hits, s.misses, s.evicted);
}

static void proc_files_init(void)
{
    static const struct {
        const char *path;
        void (*show)(struct proc_text *, void *);
    } files[] = {{"meminfo", show_meminfo},       {"stat", show_stat},           {"uptime", show_uptime},
                 {"loadavg", show_loadavg},       {"version", show_version},     {"cmdline", show_cmdline},
                 {"cpuinfo", show_cpuinfo},       {"mounts", proc_show_mounts},  {"filesystems", show_filesystems},
                 {"partitions", show_partitions}, {"diskstats", show_diskstats}, {"filetables", show_file_tables},
                 {"buffers", show_buffers}};
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) proc_add(files[i].path, 0444, files[i].show, 0, 0);
}
INIT(INIT_SUBSYSTEM, proc_files_init);
