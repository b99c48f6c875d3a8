/*
 * proc_pid.c - the files of /proc/PID, in the formats that ps, top and friends read.
 *
 * "stat" is one line of 52 numbers, in an order that history has given it; "status" says much the same in words.
 */
#include "arch/time.h"
#include "base/format.h"
#include "base/string.h"
#include "fs/fdtable.h"
#include "fs/procfs.h"
#include "kern/process.h"
#include "kern/task.h"
#include "mm/slab.h"
#include "mm/space.h"

#define TICKS(ns) ((ns) / 10000000) /* USER_HZ is 100 */

/* The task's address space with a reference; NULL: none. */
static struct mm *space_of(struct task *task)
{
    spin_lock(&process_lock);
    struct mm *mm = task->mm;
    if (mm) mm_get(mm);
    spin_unlock(&process_lock);
    return mm;
}

static struct mm_stats memory_of(struct task *task)
{
    struct mm_stats stats = {0};
    struct mm *mm = space_of(task);
    if (!mm) return stats;
    mm_stats(mm, &stats);
    mm_put(mm);
    return stats;
}

static void show_stat(struct proc_text *text, struct task *task)
{
    struct process_view v;
    process_describe(task, true, &v);
    struct mm_stats m = memory_of(task);
    proc_print(text, "%d (%s) %c %d %d %d %d %d 0 %lu 0 %lu 0 %lu %lu %lu %lu %d %d %u 0 %lu %lu %lu ", v.tgid, v.name,
               v.state, v.ppid, v.pgid, v.sid, v.has_tty ? (int)dev_encode(v.tty_rdev) : 0,
               v.has_tty ? v.tty_foreground : -1, v.faults_minor, v.faults_major, TICKS(v.user_ns), TICKS(v.system_ns),
               TICKS(v.children_user_ns), TICKS(v.children_system_ns), v.priority, v.nice, v.threads, TICKS(v.start_ns),
               m.virtual_pages * 4096, m.rss_anon + m.rss_file);
    proc_print(text, "%lu 0 0 0 0 0 %lu %lu %lu %lu 0 0 0 17 %u 0 0 0 0 0 0 0 0 0 0 0 0 0\n", (uint64_t)RLIM_INFINITY,
               v.pending, v.blocked, v.ignored, v.caught, v.hart);
}

static unsigned umask_of(struct task *task)
{
    spin_lock(&process_lock);
    struct fs_context *context = task->fs;
    unsigned umask = context ? context->umask : 0;
    spin_unlock(&process_lock);
    return umask;
}

static unsigned descriptors_of(struct task *task)
{
    spin_lock(&process_lock);
    struct fdtable *table = task->files;
    if (table) fdtable_get(table);
    spin_unlock(&process_lock);
    unsigned slots = table ? fdtable_size(table) : 0;
    if (table) fdtable_put(table);
    return slots;
}

static void show_memory_sizes(struct proc_text *text, const struct mm_stats *m)
{
    const struct {
        const char *name;
        uint64_t pages;
    } rows[] = {{"VmSize", m->virtual_pages}, {"VmLck", m->locked},     {"VmRSS", m->rss_anon + m->rss_file},
                {"RssAnon", m->rss_anon},     {"RssFile", m->rss_file}, {"VmData", m->data},
                {"VmStk", m->stack},          {"VmExe", m->text},       {"VmPTE", m->tables},
                {"VmSwap", m->swapped}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) proc_print(text, "%s:\t%8lu kB\n", rows[i].name, rows[i].pages * 4);
}

/* As on Linux: "0-2,5". */
static void show_harts(struct proc_text *text, uint64_t mask)
{
    const char *comma = "";
    for (unsigned from = 0, to; from < 64; from = to + 1) {
        for (to = from; to < 64 && mask >> to & 1; to++) {
        }
        if (to == from) continue;
        proc_print(text, to - from > 1 ? "%s%u-%u" : "%s%u", comma, from, to - 1);
        comma = ",";
    }
}

/* Root has every capability, others none (abi/sys_ids.c). */
static void show_rights(struct proc_text *text, const struct process_view *v, bool no_new_privileges)
{
    const uint64_t all = (1ull << 41) - 1, own = v->cred.euid ? 0 : all, may = v->cred.uid && v->cred.euid ? 0 : all;
    proc_print(text, "CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\nCapBnd:\t%016lx\nCapAmb:\t%016lx\n", 0ul, may,
               own, all, 0ul);
    proc_print(text, "NoNewPrivs:\t%u\nSeccomp:\t0\nCpus_allowed:\t%lx\nCpus_allowed_list:\t", no_new_privileges,
               v->policy_mask);
    show_harts(text, v->policy_mask);
}

static void show_status(struct proc_text *text, struct task *task)
{
    struct process_view v;
    process_describe(task, true, &v);
    struct mm_stats m = memory_of(task);
    proc_print(text, "Name:\t%s\n", v.name);
    if (!v.kernel_thread) proc_print(text, "Umask:\t%04o\n", umask_of(task));
    proc_print(text, "State:\t%c (%s)\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t%d\n", v.state,
               v.state_name, v.tgid, v.pid, v.ppid, v.tracer);
    proc_print(text, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\nFDSize:\t%u\nGroups:\t", v.cred.uid, v.cred.euid,
               v.cred.suid, v.cred.fsuid, v.cred.gid, v.cred.egid, v.cred.sgid, v.cred.fsgid, descriptors_of(task));
    for (unsigned i = 0; i < v.cred.groups; i++) proc_print(text, "%u ", v.cred.group[i]);
    if (!v.cred.groups) proc_print(text, " ");
    proc_print(text, "\nNStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\nKthread:\t%u\n", v.tgid, v.pid, v.pgid, v.sid,
               v.kernel_thread);
    if (!v.kernel_thread) show_memory_sizes(text, &m);
    proc_print(text,
               "Threads:\t%u\nSigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\nSigIgn:\t%016lx\nSigCgt:\t%016lx\n",
               v.threads, v.pending, v.shared_pending, v.blocked, v.ignored, v.caught);
    show_rights(text, &v, task->no_new_privileges);
    proc_print(text, "\nvoluntary_ctxt_switches:\t%lu\nnonvoluntary_ctxt_switches:\t%lu\n", v.switches_voluntary,
               v.switches_forced);
    proc_print(text, "TurnaroundNs:\t%lu\nResponseNs:\t%lu\nWaitingNs:\t%lu\n", v.turnaround_ns, v.response_ns,
               v.waiting_ns);
}

static void show_statm(struct proc_text *text, struct task *task)
{
    struct mm_stats m = memory_of(task);
    proc_print(text, "%lu %lu %lu %lu 0 %lu 0\n", m.virtual_pages, m.rss_anon + m.rss_file, m.rss_file, m.text,
               m.data + m.stack);
}

static void show_comm(struct proc_text *text, struct task *task) { proc_print(text, "%s\n", task->name); }

/* A stretch of the process's memory, as its start-up code left it. */
static void show_memory(struct proc_text *text, struct task *task, uint64_t from, uint64_t to)
{
    struct mm *mm = space_of(task);
    char *buffer = mm ? kmalloc(4096) : 0;
    while (buffer && from < to) {
        long n = mm_read(mm, from, buffer, MIN(to - from, (uint64_t)4096));
        if (n <= 0) break;
        proc_put(text, buffer, (size_t)n);
        from += (uint64_t)n;
    }
    kfree(buffer);
    if (mm) mm_put(mm);
}

static void show_cmdline(struct proc_text *text, struct task *task)
{
    uint64_t from = 0, to = 0;
    spin_lock(&process_lock);
    if (task->process) from = task->process->arg_start, to = task->process->arg_end;
    spin_unlock(&process_lock);
    show_memory(text, task, from, to);
}

static void show_environ(struct proc_text *text, struct task *task)
{
    uint64_t from = 0, to = 0;
    spin_lock(&process_lock);
    if (task->process) from = task->process->env_start, to = task->process->env_end;
    spin_unlock(&process_lock);
    show_memory(text, task, from, to);
}

static void show_wchan(struct proc_text *text, struct task *task)
{
    struct process_view v;
    process_describe(task, false, &v);
    proc_print(text, "%s", v.wait_for ? v.wait_for : "0");
}

static void show_limits(struct proc_text *text, struct task *task)
{
    static const char *const names[RLIMITS] = {
        "Max cpu time",       "Max file size",     "Max data size",         "Max stack size",
        "Max core file size", "Max resident set",  "Max processes",         "Max open files",
        "Max locked memory",  "Max address space", "Max file locks",        "Max pending signals",
        "Max msgqueue size",  "Max nice priority", "Max realtime priority", "Max realtime timeout"};
    struct process_view v;
    process_describe(task, true, &v);
    static const char *const units[RLIMITS] = {"seconds",   "bytes", "bytes", "bytes", "bytes", "bytes",
                                               "processes", "files", "bytes", "bytes", "locks", "signals",
                                               "bytes",     "",      "",      "us"};
    proc_print(text, "%-26s%-21s%-21s%-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (unsigned i = 0; i < RLIMITS; i++) {
        char soft[24] = "unlimited", hard[24] = "unlimited";
        if (v.limits[i].soft != RLIM_INFINITY) format(soft, sizeof soft, "%lu", v.limits[i].soft);
        if (v.limits[i].hard != RLIM_INFINITY) format(hard, sizeof hard, "%lu", v.limits[i].hard);
        proc_print(text, "%-26s%-21s%-21s%-10s\n", names[i], soft, hard, units[i]);
    }
}

/* maps: the areas are gathered first, since a file's name cannot be found without sleeping. */
struct gathered {
    struct mm_area_info *area;
    size_t count, room;
};

static void gather(void *argument, const struct mm_area_info *area)
{
    struct gathered *all = argument;
    if (all->count == all->room) return;
    all->area[all->count] = *area;
    if (area->file) file_get(area->file);
    all->count++;
}

static void count_areas(void *argument, const struct mm_area_info *area)
{
    (void)area;
    ++*(size_t *)argument;
}

static void show_area(struct proc_text *text, const struct mm_area_info *a, char *path)
{
    const char *name = a->name ? a->name : a->stack ? "[stack]" : a->heap ? "[heap]" : "";
    uint64_t dev = 0, ino = 0;
    if (a->file && a->file->inode) {
        dev = a->file->inode->sb->dev;
        ino = a->file->inode->ino;
        if (file_path(a->file, path, PATH_MAX) > 0) name = path;
    }
    proc_print(text, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %-26lu %s\n", a->start, a->end,
               a->prot & PROT_READ ? 'r' : '-', a->prot & PROT_WRITE ? 'w' : '-', a->prot & PROT_EXEC ? 'x' : '-',
               a->shared ? 's' : 'p', a->offset, DEV_MAJOR(dev), DEV_MINOR(dev), ino, name);
}

/* What of the area is in memory, in the words of smaps. */
static void show_area_use(struct proc_text *text, const struct mm_area_info *a)
{
    const struct {
        const char *name;
        uint64_t kib;
    } rows[] = {{"Size", (a->end - a->start) / 1024},
                {"KernelPageSize", 4},
                {"MMUPageSize", 4},
                {"Rss", a->rss_pages * 4},
                {"Pss", a->share_bytes / 1024},
                {"Shared_Clean", a->shared_clean * 4},
                {"Shared_Dirty", a->shared_dirty * 4},
                {"Private_Clean", a->private_clean * 4},
                {"Private_Dirty", a->private_dirty * 4},
                {"Anonymous", a->anon_pages * 4},
                {"Swap", a->swapped_pages * 4},
                {"Locked", a->locked ? a->rss_pages * 4 : 0}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        size_t pad = 15 - strlen(rows[i].name);
        proc_print(text, "%s:%*s%8lu kB\n", rows[i].name, (int)pad, "", rows[i].kib);
    }
    proc_print(text, "VmFlags:%s%s%s%s%s%s \n", a->prot & PROT_READ ? " rd" : "", a->prot & PROT_WRITE ? " wr" : "",
               a->prot & PROT_EXEC ? " ex" : "", a->shared ? " sh" : "", a->stack ? " gd" : "", a->locked ? " lo" : "");
}

static void show_areas(struct proc_text *text, struct task *task, bool use)
{
    struct mm *mm = space_of(task);
    if (!mm) return;
    struct gathered all = {0};
    mm_each_area(mm, count_areas, &all.room);
    all.room += 16;
    all.area = kmalloc(all.room * sizeof *all.area);
    char *path = kmalloc(PATH_MAX);
    if (all.area && path) mm_each_area(mm, gather, &all);
    mm_put(mm);
    for (size_t i = 0; i < all.count; i++) {
        show_area(text, &all.area[i], path);
        if (use) show_area_use(text, &all.area[i]);
        if (all.area[i].file) file_put(all.area[i].file);
    }
    kfree(all.area);
    kfree(path);
}

static void show_maps(struct proc_text *text, struct task *task) { show_areas(text, task, false); }
static void show_smaps(struct proc_text *text, struct task *task) { show_areas(text, task, true); }

static void show_mountinfo(struct proc_text *text, struct task *task)
{
    (void)task;
    proc_show_mountinfo(text);
}

static void show_mounts(struct proc_text *text, struct task *task)
{
    (void)task;
    proc_show_mounts(text, 0);
}

static struct inode *context_inode(struct task *task, bool root)
{
    spin_lock(&process_lock);
    struct fs_context *context = task->fs;
    if (context) fs_context_get(context);
    spin_unlock(&process_lock);
    if (!context) return 0;
    spin_lock(&context->lock);
    struct inode *inode = root ? context->root : context->cwd;
    if (inode) inode_ref(inode);
    spin_unlock(&context->lock);
    fs_context_put(context);
    return inode;
}

static struct inode *follow_cwd(struct task *task) { return context_inode(task, false); }
static struct inode *follow_root(struct task *task) { return context_inode(task, true); }

static long path_and_put(struct inode *inode, char *to, size_t room)
{
    if (!inode) return -ENOENT;
    int n = inode_path(inode, to, room);
    inode_put(inode);
    return n > 0 ? n - 1 : n;
}
static long link_cwd(struct task *task, char *to, size_t room) { return path_and_put(follow_cwd(task), to, room); }
static long link_root(struct task *task, char *to, size_t room) { return path_and_put(follow_root(task), to, room); }

/* The program that runs, with a reference; NULL: a kernel thread. */
static struct file *program_of(struct task *task)
{
    spin_lock(&process_lock);
    struct file *file = task->process ? task->process->exe : 0;
    if (file) file_get(file);
    spin_unlock(&process_lock);
    return file;
}

static struct inode *follow_exe(struct task *task)
{
    struct file *file = program_of(task);
    struct inode *inode = file && file->inode ? inode_ref(file->inode) : 0;
    if (file) file_put(file);
    return inode;
}

static long link_exe(struct task *task, char *to, size_t room)
{
    struct file *file = program_of(task);
    if (!file) return -ENOENT;
    int n = file_path(file, to, room);
    file_put(file);
    return n > 0 ? n - 1 : n;
}

/* The threads of a process name one another. */
static int store_comm(struct task *task, const char *name)
{
    if (task->process != current->process) return -EINVAL;
    text_copy(task->name, name, sizeof task->name);
    return 0;
}

const struct proc_pid_file proc_pid_files[] = {
    {"stat", S_IFREG | 0444, show_stat, 0, 0, false, 0},
    {"status", S_IFREG | 0444, show_status, 0, 0, false, 0},
    {"statm", S_IFREG | 0444, show_statm, 0, 0, false, 0},
    {"cmdline", S_IFREG | 0444, show_cmdline, 0, 0, false, 0},
    {"environ", S_IFREG | 0400, show_environ, 0, 0, true, 0},
    {"comm", S_IFREG | 0644, show_comm, 0, 0, false, store_comm},
    {"wchan", S_IFREG | 0444, show_wchan, 0, 0, false, 0},
    {"limits", S_IFREG | 0444, show_limits, 0, 0, false, 0},
    {"maps", S_IFREG | 0444, show_maps, 0, 0, true, 0},
    {"mounts", S_IFREG | 0444, show_mounts, 0, 0, false, 0},
    {"smaps", S_IFREG | 0444, show_smaps, 0, 0, true, 0},
    {"mountinfo", S_IFREG | 0444, show_mountinfo, 0, 0, false, 0},
    {"exe", S_IFLNK | 0777, 0, link_exe, follow_exe, true, 0},
    {"cwd", S_IFLNK | 0777, 0, link_cwd, follow_cwd, true, 0},
    {"root", S_IFLNK | 0777, 0, link_root, follow_root, true, 0},
};
const unsigned proc_pid_file_count = ARRAY_SIZE(proc_pid_files);
