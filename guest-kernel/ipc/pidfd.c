/*
 * pidfd.c - a process as a file: a descriptor that means one process and never another, as a pid may when it is used again. poll() waits for
 * the process's end, pidfd_send_signal sends it a signal, waitid(P_PIDFD) waits for it as its parent.
 *
 * The file holds a reference to the process, so what is left of a zombie's structure stays until the last descriptor is closed; its pid is
 * free before.
 */
#include "abi/syscall.h"
#include "fs/fdtable.h"
#include "ipc/epoll.h"
#include "ipc/eventfd.h"
#include "kern/process_internal.h"
#include "kern/wait.h"

static unsigned pidfd_poll(struct file *file, struct poll_table *table)
{
    struct process *process = file->private;
    poll_wait(table, &process->exec_wait); /* woken when a task of the process ends */
    spin_lock(&process_lock);
    unsigned events = process->zombie ? POLLIN : 0;
    if (process->zombie && !process->leader) events |= POLLHUP;
    spin_unlock(&process_lock);
    return events;
}

static void pidfd_release(struct file *file) { process_put(file->private); }

static const struct file_ops pidfd_ops = {
    .poll = pidfd_poll, .seek = event_seek, .release = pidfd_release, .flags = FOPS_STREAM};

struct process *pidfd_process(int fd, unsigned *flags)
{
    struct file *file = fd_get(fd);
    if (!file) return 0;
    struct process *process = file->ops == &pidfd_ops ? process_get(file->private) : 0;
    if (flags) *flags = file->flags;
    file_put(file);
    return process;
}

long sys_pidfd_open(K_PID pid, K_FLAGS flags)
{
    if ((flags & ~(unsigned)O_NONBLOCK) || pid <= 0) return -EINVAL;
    struct process *process = process_find(pid);
    if (!process) {
        struct task *task = task_find(pid);
        if (task) task_put(task);
        return task ? -EINVAL : -ESRCH; /* a thread that is not the first is no process */
    }
    struct file *file = event_file(&pidfd_ops, "anon_inode:[pidfd]", O_RDWR | flags, process);
    if (!file) {
        process_put(process);
        return -ENOMEM;
    }
    long fd = fd_install(file, true);
    if (fd < 0) file_put(file);
    return fd;
}
