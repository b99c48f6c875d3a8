/*
 * signalfd.c - signals as a file: read() takes pending signals off the reader, so that a program's main loop can wait for them as for
 * anything else, instead of being interrupted anywhere. The program blocks them first; otherwise they are delivered
 * as usual.
 *
 * What is read depends on who reads, not on who made the file: each reader finds its own signals. So all signalfds wait on one queue,
 * which sending a signal wakes (signal_queue), and each then looks.
 */
#include "ipc/epoll.h"
#include "ipc/eventfd.h"
#include "kern/signal_internal.h"
#include "kern/task.h"
#include "kern/wait.h"
#include "mm/slab.h"

#define NEVER (SIGBIT(SIGKILL) | SIGBIT(SIGSTOP))

struct signalfd_siginfo { /* Linux's */
    uint32_t signo;
    int32_t error, code;
    uint32_t pid, uid;
    int32_t fd;
    uint32_t tid, band, overrun, trapno;
    int32_t status, integer;
    uint64_t pointer, utime, stime, address;
    uint8_t padding[48];
};
_Static_assert(sizeof(struct signalfd_siginfo) == 128, "Linux's size");

struct waitq signal_arrived = WAITQ_INIT(signal_arrived);

struct signalfd {
    sigset which; /* under process_lock */
};

static ssize_t put_one(struct uio *uio, const struct siginfo *info)
{
    struct signalfd_siginfo out = {.signo = (uint32_t)info->signo, .error = info->error, .code = info->code};
    if (info->code == SI_TIMER) {
        out.tid = (uint32_t)info->timer_id;
        out.overrun = (uint32_t)info->overrun;
        out.pointer = info->timer_value;
        out.integer = (int32_t)info->timer_value;
    } else if (info->code > 0 && (info->signo == SIGSEGV || info->signo == SIGBUS || info->signo == SIGILL)) {
        out.address = info->address;
    } else {
        out.pid = (uint32_t)info->pid;
        out.uid = info->uid;
        if (info->signo == SIGCHLD) {
            out.status = info->status;
            out.utime = (uint64_t)info->utime;
            out.stime = (uint64_t)info->stime;
        } else if (info->code < 0) {
            out.pointer = info->value;
            out.integer = (int32_t)info->value;
        }
    }
    return uio_put(uio, &out, sizeof out) == sizeof out ? (ssize_t)sizeof out : -EFAULT;
}

static ssize_t signalfd_read(struct file *file, struct uio *uio)
{
    struct signalfd *s = file->private;
    ssize_t done = 0;
    if (uio->left < sizeof(struct signalfd_siginfo)) return -EINVAL;
    while (uio->left >= sizeof(struct signalfd_siginfo)) {
        struct siginfo info;
        int error = 0;
        spin_lock(&process_lock);
        while (!signal_take(s->which, &info) && !error) {
            error = done || (file->flags & O_NONBLOCK) ? -EAGAIN : wait_on(&signal_arrived, &process_lock, true, 0);
        }
        spin_unlock(&process_lock);
        if (error) return done ? done : error == -EINTR ? -ERESTARTSYS : error;
        ssize_t n = put_one(uio, &info);
        if (n < 0) return done ? done : n;
        done += n;
    }
    return done;
}

static unsigned signalfd_poll(struct file *file, struct poll_table *table)
{
    struct signalfd *s = file->private;
    poll_wait(table, &signal_arrived);
    spin_lock(&process_lock);
    sigset pending = current->process ? current->signals.pending.set | current->process->pending.set : 0;
    unsigned events = pending & s->which ? POLLIN : 0;
    spin_unlock(&process_lock);
    return events;
}

static void signalfd_release(struct file *file) { kfree(file->private); }

static const struct file_ops signalfd_ops = {.read = signalfd_read,
                                             .poll = signalfd_poll,
                                             .seek = event_seek,
                                             .release = signalfd_release,
                                             .flags = FOPS_STREAM};

bool file_is_signalfd(struct file *file) { return file->ops == &signalfd_ops; }

void signalfd_set(struct file *file, sigset which)
{
    struct signalfd *s = file->private;
    spin_lock(&process_lock);
    s->which = which & ~NEVER;
    wake_all(&signal_arrived);
    spin_unlock(&process_lock);
}

struct file *signalfd_open(sigset which, unsigned flags)
{
    struct signalfd *s = kmalloc(sizeof *s);
    if (!s) return 0;
    s->which = which & ~NEVER;
    struct file *file = event_file(&signalfd_ops, "anon_inode:[signalfd]", O_RDWR | flags, s);
    if (!file) kfree(s);
    return file;
}
