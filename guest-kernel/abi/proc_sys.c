/*
 * proc_sys.c - /proc/sys: numbers and names that programs (sysctl among them) expect there, and /dev/kmsg: the kernel's messages
 * as a file.
 *
 * What can be written changes something; the others are facts about this kernel. A read of /dev/kmsg gives one message,
 * "priority,number,microseconds,-;text", the number being the position in the ring; a write adds a message, as printk does.
 */
#include "abi/system.h"
#include "arch/time.h"
#include "base/format.h"
#include "base/string.h"
#include "fs/fdtable.h"
#include "fs/memdev.h"
#include "fs/vfs.h"
#include "kern/init.h"
#include "kern/print.h"
#include "kern/task.h"
#include "kern/wait.h"
#include "mm/slab.h"

static void show_name(struct proc_text *text, void *which)
{
    char name[SYSTEM_NAME_ROOM];
    system_name_get((enum system_name)(uintptr_t)which, name);
    proc_print(text, "%s\n", name);
}

static int store_name(const char *line, void *which)
{
    if (!cred_is_root()) return -EPERM;
    system_name_set((enum system_name)(uintptr_t)which, line);
    return 0;
}

static void show_number(struct proc_text *text, void *number)
{
    proc_print(text, "%lu\n", (uint64_t)(uintptr_t)number);
}

static void show_files(struct proc_text *text, void *unused)
{
    (void)unused;
    proc_print(text, "%u\t0\t%lu\n", file_count(), (uint64_t)INT64_MAX);
}

static void show_uuid(struct proc_text *text, void *fixed)
{
    static uint8_t boot[16];
    uint8_t id[16];
    if (fixed && !boot[6]) random_bytes(boot, sizeof boot), boot[6] |= 1;
    if (fixed)
        memcpy(id, boot, sizeof id);
    else
        random_bytes(id, sizeof id);
    id[6] = (uint8_t)((id[6] & 15) | 0x40), id[8] = (uint8_t)((id[8] & 63) | 0x80); /* RFC 9562, version 4 */
    for (int i = 0; i < 16; i++) proc_print(text, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", id[i]);
    proc_print(text, "\n");
}

/* As on Linux, only what is clean goes: `sync' first. */
static int store_drop(const char *line, void *unused)
{
    (void)unused;
    if (line[0] < '1' || line[0] > '3' || line[1]) return -EINVAL;
    vfs_drop_caches((unsigned)(line[0] - '0'));
    return 0;
}

/* /dev/kmsg. file->private: position in the ring of the next message. */

/* The message at *at, without its stamp, which becomes *us; moves *at on. 0: there is none. */
static size_t next_message(uint64_t *at, char *to, size_t room, uint64_t *number, uint64_t *us)
{
    char line[512];
    uint64_t from = *at;
    size_t n = print_ring_read(&from, line, sizeof line);
    uint64_t start = from - n; /* later than *at if the ring has been overwritten */
    char *end = memchr(line, '\n', n);
    if (!n || (!end && n < sizeof line)) return 0;
    size_t bytes = end ? (size_t)(end - line) : n;
    *at = start + bytes + (end != NULL);
    *number = start;
    *us = 0;
    const char *text = line;
    if (bytes > 15 && line[0] == '[') { /* "[    1.234567] text" */
        for (; *text != ']' && text < line + bytes; text++)
            if (*text >= '0' && *text <= '9') *us = *us * 10 + (uint64_t)(*text - '0');
        text = text + 2 <= line + bytes ? text + 2 : line + bytes;
    }
    bytes = MIN(bytes - (size_t)(text - line), room);
    memcpy(to, text, bytes);
    return bytes + 1;
}

static ssize_t kmsg_read(struct file *file, struct uio *uio)
{
    char text[512], out[600];
    uint64_t number, us;
    size_t n;
    while (!(n = next_message(file->private, text, sizeof text - 1, &number, &us))) {
        if (file->flags & O_NONBLOCK) return -EAGAIN;
        struct waiter waiter, *waiters[] = {&waiter};
        waiter_add(&waiter, print_ring_queue());
        /* Some messages wake nobody (print.c), so it is looked again from time to time. */
        int error = wait_any(waiters, 1, true, time_ns() + NS_PER_S / 10);
        waiter_remove(&waiter);
        if (error == -EINTR) return -ERESTARTSYS;
    }
    text[n - 1] = 0;
    int bytes = format(out, sizeof out, "6,%lu,%lu,-;%s\n", number, us, text);
    return (uint64_t)bytes > uio->left ? -EINVAL : uio_put(uio, out, (size_t)bytes);
}

static ssize_t kmsg_write(struct file *file, struct uio *uio)
{
    char line[256];
    (void)file;
    size_t all = uio->left;
    if (all >= sizeof line) return -EINVAL;
    ssize_t n = uio_get(uio, line, all);
    if (n < 0) return n;
    while (n > 0 && line[n - 1] == '\n') n--;
    line[n] = 0;
    printk("%s: %s\n", current->name, line);
    return (ssize_t)all;
}

static unsigned kmsg_poll(struct file *file, struct poll_table *table)
{
    poll_wait(table, print_ring_queue());
    return print_ring_end() != *(uint64_t *)file->private ? POLLIN | POLLRDNORM : 0;
}

static int64_t kmsg_seek(struct file *file, int64_t offset, int whence)
{
    if (offset || whence > 2 || whence < 0) return -EINVAL;
    *(uint64_t *)file->private = whence == 2 ? print_ring_end() : 0;
    return 0;
}

static int kmsg_open(struct file *file)
{
    file->private = kzalloc(sizeof(uint64_t));
    return file->private ? 0 : -ENOMEM;
}

static void kmsg_release(struct file *file) { kfree(file->private); }

static const struct file_ops kmsg_ops = {
    .read = kmsg_read,
    .write = kmsg_write,
    .poll = kmsg_poll,
    .seek = kmsg_seek,
    .open = kmsg_open,
    .release = kmsg_release,
};

static int add(const char *path, void (*show)(struct proc_text *, void *), int (*store)(const char *, void *),
               uint64_t argument)
{
    return proc_add(path, store ? 0644 : 0444, show, store, (void *)(uintptr_t)argument);
}

static void proc_sys_init(void)
{
    int error = add("sys/kernel/ostype", show_name, NULL, NAME_SYSTEM);
    if (!error) error = add("sys/kernel/hostname", show_name, store_name, NAME_NODE);
    if (!error) error = add("sys/kernel/osrelease", show_name, NULL, NAME_RELEASE);
    if (!error) error = add("sys/kernel/version", show_name, NULL, NAME_VERSION);
    if (!error) error = add("sys/kernel/domainname", show_name, store_name, NAME_DOMAIN);
    if (!error) error = add("sys/kernel/pid_max", show_number, NULL, PID_MAX);
    if (!error) error = add("sys/kernel/ngroups_max", show_number, NULL, TASK_GROUPS_MAX);
    if (!error) error = add("sys/kernel/cap_last_cap", show_number, NULL, 40);
    if (!error) error = add("sys/kernel/tainted", show_number, NULL, 0);
    if (!error) error = add("sys/kernel/random/uuid", show_uuid, NULL, 0);
    if (!error) error = add("sys/kernel/random/boot_id", show_uuid, NULL, 1);
    if (!error) error = add("sys/vm/overcommit_memory", show_number, NULL, 0);
    if (!error) error = add("sys/vm/max_map_count", show_number, NULL, 65530);
    if (!error) error = proc_add("sys/vm/drop_caches", 0200, show_number, store_drop, NULL);
    if (!error) error = add("sys/fs/file-nr", show_files, NULL, 0);
    if (!error) error = add("sys/fs/file-max", show_number, NULL, INT64_MAX);
    if (!error) error = add("sys/fs/pipe-max-size", show_number, NULL, 65536);
    if (!error) error = device_register(false, 1, 11, 1, &kmsg_ops);
    if (!error) error = devfs_add("kmsg", S_IFCHR | 0600, DEV_MAKE(1, 11));
    if (error) printk("/proc/sys: error %d\n", -error);
}
INIT(INIT_FILESYSTEM, proc_sys_init);
