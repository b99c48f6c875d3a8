/*
 * boot.c - the first program: process 1, the ancestor of all others.
 */
#include "abi/boot.h"

#include "arch/layout.h"
#include "arch/machine.h"
#include "arch/sbi.h"
#include "arch/time.h"
#include "base/errno.h"
#include "base/format.h"
#include "base/string.h"
#include "blk/blk.h"
#include "fs/fdtable.h"
#include "fs/memdev.h"
#include "fs/vfs.h"
#include "kern/initrd.h"
#include "kern/print.h"
#include "kern/process_internal.h"

/* The kernel thread gets what a process has. Its pid becomes 1: it is the first to be born as a process. */
static void become_process(void)
{
    struct process *process = process_create(NULL);
    if (!process || !(process->sighand = sighand_create()) || !(current->files = fdtable_create()) ||
        !(current->fs = fs_context_create()))
        panic("no memory for the first process");
    task_take_first_pid();
    spin_lock(&process_lock);
    current->process = process_get(process);
    init_process = process;
    process_add_first(process, current, NULL);
    spin_unlock(&process_lock);
}

/* The disk that holds the root: the one of root=, or, if there is no initrd, the first with a file system. */
static bool mount_root_disk(void)
{
    char device[32];
    const char *type = "kfs";
    bool named = boot_argument("root", device, sizeof device) && device[0];
    if (!named) {
        struct blkdev *found = machine.initrd.bytes ? NULL : vfs_find_disk(&type);
        if (!found) return false;
        format(device, sizeof device, "/dev/%s", found->name);
    }
    int error = vfs_mount(device, "/", type, 0, NULL);
    if (error) printk("root: %s cannot be mounted: error %d\n", device, -error);
    return !error;
}

static void mount_root(void)
{
    if (!mount_root_disk()) { /* then it is in memory */
        int error = vfs_mount("none", "/", "tmpfs", 0, NULL);
        if (error) panic("no root file system: error %d", -error);
        initrd_unpack();
    }
    int error = 0;
    vfs_mkdir(AT_FDCWD, "/dev", 0755);
    error = vfs_mount("none", "/dev", "devfs", 0, NULL);
    if (error) printk("/dev: error %d\n", -error);
}

static void open_console(void)
{
    struct file *file = vfs_open(AT_FDCWD, "/dev/console", O_RDWR, 0);
    if (IS_ERR(file)) {
        printk("/dev/console cannot be opened: error %ld\n", -PTR_ERR(file));
        return;
    }
    for (int i = 0; i < 3; i++) fd_install(file_get(file), false);
    file_put(file);
}

/* What differs between starts: the date, and the device tree, which holds a seed where the machine gives one. */
static void seed_random(void)
{
    uint64_t now = time_wall_ns();
    random_add(&now, sizeof now);
    random_add(pa_to_va(machine.devicetree.base), (size_t)machine.devicetree.bytes);
}

static int run(const char *path, const char *argument)
{
    struct exec_strings *strings = exec_strings_create();
    if (!strings) return -ENOMEM;
    int error = exec_add_kernel(strings, path, false);
    if (!error && argument) error = exec_add_kernel(strings, argument, false);
    if (!error) error = exec_add_kernel(strings, "PATH=/sbin:/bin:/usr/sbin:/usr/bin", true);
    if (!error) error = exec_add_kernel(strings, "HOME=/root", true);
    if (!error) error = exec_add_kernel(strings, "TERM=vt100", true);
    if (error) {
        exec_strings_free(strings);
        return error;
    }
    return task_exec(path, strings);
}

_Noreturn void init_start(void)
{
    static const char *const usual[] = {"/sbin/init", "/etc/init", "/init", "/bin/init", "/bin/sh"};
    char path[256], argument[256];
    bool named = boot_argument("init", path, sizeof path);
    if (!strcmp(path, "none")) {
        printk("init=none: power off\n");
        sbi_power_off(false);
    }
    bool has_argument = boot_argument("initarg", argument, sizeof argument);
    seed_random();
    mount_root();
    become_process();
    open_console();
    int error = -ENOENT;
    if (named) error = run(path, has_argument ? argument : NULL);
    for (unsigned i = 0; error && !named && i < ARRAY_SIZE(usual); i++) {
        text_copy(path, usual[i], sizeof path);
        error = run(path, NULL);
        if (error && error != -ENOENT) break;
    }
    if (error) panic("no program to start: %s: error %d", path, -error);
    enter_user(task_frame(current));
}
