/*
 * pty.c - pseudo terminals: a terminal whose other side is a program.
 *
 *      terminal emulator, sshd, script          shell, editor
 *              |      ^                            ^     |
 *              v      |                            |     v
 *           /dev/ptmx: "master"                 /dev/pts/N: the terminal
 *              |      ^                            ^     |
 *              |      +------ queue of output <----|-----+
 *              +--------------> line discipline ---+
 *
 * Opening /dev/ptmx makes a new pair. What is written to the master is as if it had been typed; what programs write to
 * the terminal, echo included, is read from the master. When the master is closed the terminal hangs up. When nobody has the
 * terminal open any more, the master reads what is left and then the error EIO.
 *
 * Both sides share tty.lock. The master's open file holds a reference, as every open file of the terminal does.
 */
#include "base/format.h"
#include "dev/tty.h"
#include "fs/fdtable.h"
#include "fs/poll.h"
#include "kern/init.h"
#include "kern/print.h"
#include "kern/signal.h"
#include "kern/task.h"
#include "kern/wait.h"
#include "mm/slab.h"
#include "mm/usercopy.h"

#define OUTPUT    4096u /* a power of two */
#define PTY_MAX   4096
#define PTS_MAJOR 136
#define GROUP_TTY 5

enum {
    TIOCGPTN = 0x80045430,
    TIOCSPTLCK = 0x40045431,
    TIOCGPTLCK = 0x80045439,
    TIOCSIG = 0x40045436,
    TIOCGPGRP = 0x540f,
    TIOCGSID = 0x5429,
};

struct pty {
    struct tty tty;
    struct list link; /* in ptys, by index; while the master is open */
    int index;
    bool locked;   /* the terminal cannot be opened yet: unlockpt */
    bool was_open; /* somebody has had the terminal open: when nobody has, the master reads EIO */
    uint32_t head, tail;
    char output[OUTPUT];
    struct waitq readable, writable; /* the master's */
};

static struct mutex ptys_lock = MUTEX_INIT(ptys_lock, "pseudo terminals");
static struct list ptys = LIST_INIT(ptys);

static struct pty *pty_of(struct tty *tty) { return container_of(tty, struct pty, tty); }

/* The terminal's driver */

static size_t pty_room(struct tty *tty) { return OUTPUT - (pty_of(tty)->head - pty_of(tty)->tail); }
static size_t pty_pending(struct tty *tty) { return pty_of(tty)->head - pty_of(tty)->tail; }

static size_t pty_write(struct tty *tty, const char *bytes, size_t n)
{
    struct pty *pty = pty_of(tty);
    n = MIN(n, pty_room(tty));
    for (size_t i = 0; i < n; i++) pty->output[pty->head++ % OUTPUT] = bytes[i];
    if (n) wake_all(&pty->readable);
    return n;
}

static void pty_flush(struct tty *tty)
{
    pty_of(tty)->tail = pty_of(tty)->head;
    wake_all(&tty->writable);
}

static void pty_unthrottle(struct tty *tty) { wake_all(&pty_of(tty)->writable); }
static void pty_closed(struct tty *tty) { wake_all(&pty_of(tty)->readable); }
static void pty_free(struct tty *tty) { kfree(pty_of(tty)); }

static const struct tty_driver pty_driver = {
    .write = pty_write,
    .room = pty_room,
    .pending = pty_pending,
    .flush = pty_flush,
    .unthrottle = pty_unthrottle,
    .closed = pty_closed,
    .free = pty_free,
};

static int terminal_open(struct file *file)
{
    struct pty *pty, *found = NULL;
    int index = (int)DEV_MINOR(file->inode->rdev), error = -EIO;
    mutex_lock(&ptys_lock);
    list_for_each(pty, &ptys, link) if (pty->index == index) found = pty;
    if (found && !found->locked) {
        spin_lock(&found->tty.lock);
        found->was_open = true;
        spin_unlock(&found->tty.lock);
        error = tty_open(file, &found->tty, true);
    }
    mutex_unlock(&ptys_lock);
    return error;
}

/* The master */

static struct pty *master_of(struct file *file) { return file->private; }

/* Sleeps on the queue; tty.lock is held. */
static int master_sleep(struct file *file, struct waitq *queue)
{
    if (file->flags & O_NONBLOCK) return -EAGAIN;
    return wait_on(queue, &master_of(file)->tty.lock, true, 0) ? -ERESTARTSYS : 0;
}

static ssize_t master_read(struct file *file, struct uio *uio)
{
    struct pty *pty = master_of(file);
    char block[256];
    size_t n = 0;
    int error = 0;
    spin_lock(&pty->tty.lock);
    while (pty->head == pty->tail && !error)
        error = pty->was_open && !pty->tty.opens ? -EIO : master_sleep(file, &pty->readable);
    while (!error && n < MIN(uio->left, sizeof block) && pty->tail != pty->head)
        block[n++] = pty->output[pty->tail++ % OUTPUT];
    if (n) {
        ldisc_flush_echo(&pty->tty);
        wake_all(&pty->tty.writable);
    }
    spin_unlock(&pty->tty.lock);
    return error ? error : uio_put(uio, block, n);
}

static ssize_t feed(struct file *file, struct pty *pty, const char *bytes, size_t n)
{
    size_t done = 0;
    int error = 0;
    while (done < n && !error) {
        uint64_t signals = 0;
        spin_lock(&pty->tty.lock);
        size_t step = ldisc_receive(&pty->tty, bytes + done, n - done, &signals);
        done += step;
        if (!step) error = master_sleep(file, &pty->writable);
        spin_unlock(&pty->tty.lock);
        if (signals) job_signal_foreground_set(&pty->tty, signals);
    }
    return done ? (ssize_t)done : error;
}

static ssize_t master_write(struct file *file, struct uio *uio)
{
    ssize_t done = 0;
    while (uio->left) {
        char block[256];
        ssize_t n = uio_get(uio, block, sizeof block);
        if (n <= 0) return done ? done : n;
        ssize_t fed = feed(file, master_of(file), block, (size_t)n);
        if (fed < 0) return done ? done : fed;
        done += fed;
        if (fed < n) break;
    }
    return done;
}

static unsigned master_poll(struct file *file, struct poll_table *table)
{
    struct pty *pty = master_of(file);
    unsigned events = 0;
    poll_wait(table, &pty->readable);
    poll_wait(table, &pty->writable);
    spin_lock(&pty->tty.lock);
    if (pty->head != pty->tail) events |= POLLIN | POLLRDNORM;
    if (pty->was_open && !pty->tty.opens) events |= POLLHUP;
    if (!ldisc_is_full(&pty->tty)) events |= POLLOUT | POLLWRNORM;
    spin_unlock(&pty->tty.lock);
    return events;
}

static long put_int(uint64_t to, int value) { return copy_to_user(to, &value, sizeof value) ? -EFAULT : 0; }

static long master_ioctl(struct file *file, unsigned request, uint64_t argument)
{
    struct pty *pty = master_of(file);
    int value;
    switch (request) {
    case TIOCGPTN: return put_int(argument, pty->index);
    case TIOCGPTLCK: return put_int(argument, pty->locked);
    case TIOCSPTLCK:
        if (copy_from_user(&value, argument, sizeof value)) return -EFAULT;
        pty->locked = value;
        return 0;
    case TIOCSIG:
        if (argument != SIGINT && argument != SIGQUIT && argument != SIGTSTP) return -EINVAL;
        job_signal_foreground(&pty->tty, (int)argument);
        return 0;
    default: return tty_ioctl(file, &pty->tty, true, request, argument);
    }
}

static void name_of(const struct pty *pty, char name[16]) { format(name, 16, "pts/%d", pty->index); }

static void master_release(struct file *file)
{
    struct pty *pty = master_of(file);
    char name[16];
    name_of(pty, name);
    mutex_lock(&ptys_lock);
    list_remove(&pty->link);
    devfs_remove(name);
    mutex_unlock(&ptys_lock);
    spin_lock(&pty->tty.lock);
    pty->tty.gone = true;
    spin_unlock(&pty->tty.lock);
    tty_hang_up(&pty->tty);
    tty_put(&pty->tty);
}

static const struct file_ops master_ops = {
    .read = master_read,
    .write = master_write,
    .ioctl = master_ioctl,
    .poll = master_poll,
    .release = master_release,
    .flags = FOPS_STREAM,
};

/* Puts it into the list under the lowest free number. ptys_lock is held. */
static int number(struct pty *pty)
{
    struct list *before = &ptys;
    struct pty *other;
    list_for_each(other, &ptys, link)
    {
        if (other->index != pty->index) break;
        pty->index++;
        before = &other->link;
    }
    if (pty->index >= PTY_MAX) return -ENOSPC;
    list_insert_before(before->next, &pty->link);
    return 0;
}

static int master_open(struct file *file)
{
    struct pty *pty = kzalloc(sizeof *pty);
    if (!pty) return -ENOMEM;
    tty_init(&pty->tty, &pty_driver, 0);
    pty->tty.termios.cflag = B38400 | CS8 | CREAD;
    pty->locked = true;
    waitq_init(&pty->readable);
    waitq_init(&pty->writable);
    char name[16];
    mutex_lock(&ptys_lock);
    int error = number(pty);
    if (!error) {
        pty->tty.rdev = DEV_MAKE(PTS_MAJOR, pty->index);
        name_of(pty, name);
        error = devfs_add_owned(name, S_IFCHR | 0620, pty->tty.rdev, current->cred.fsuid, GROUP_TTY);
        if (error) {
            devfs_remove(name);
            list_remove(&pty->link);
        }
    }
    mutex_unlock(&ptys_lock);
    if (error) {
        kfree(pty);
        return error;
    }
    file->private = pty;
    file->ops = &master_ops;
    return 0;
}

static const struct file_ops open_master_ops = {.open = master_open, .flags = FOPS_STREAM};
static const struct file_ops open_terminal_ops = {.open = terminal_open, .flags = FOPS_STREAM};

static void pty_start(void)
{
    int error = device_register(false, 5, 2, 1, &open_master_ops);
    if (!error) error = device_register(false, PTS_MAJOR, 0, PTY_MAX, &open_terminal_ops);
    if (!error) error = devfs_add("ptmx", S_IFCHR | 0666, DEV_MAKE(5, 2));
    if (!error) error = devfs_add("pts/", S_IFDIR | 0755, 0);
    if (error) printk("pseudo terminals: error %d\n", -error);
}
INIT(INIT_DEVICE, pty_start);
