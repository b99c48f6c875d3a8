/*
 * eventfd.c - a counter that can be waited for: the smallest file there is.
 *
 * write() adds to the counter, read() waits until it is not zero, returns it and sets it to zero. As a *semaphore* read() takes one
 * off instead: exactly the P and V of the textbooks, but with a descriptor, so that it can stand in a poll beside sockets
 * and pipes. A writer waits if the counter would overflow.
 */
#include "ipc/eventfd.h"

#include "ipc/epoll.h"
#include "kern/task.h"
#include "kern/wait.h"
#include "mm/slab.h"

struct file *event_file(const struct file_ops *ops, const char *kind, unsigned flags, void *private)
{
    struct inode *inode = anonymous_inode(0600);
    if (IS_ERR(inode)) return 0;
    struct file *file = file_new(ops, inode, flags);
    if (!file) {
        inode_put(inode);
        return 0;
    }
    file->kind = kind;
    file->private = private;
    return file;
}

int64_t event_seek(struct file *file, int64_t offset, int whence)
{
    (void)file, (void)offset, (void)whence;
    return 0;
}

#define COUNT_MAX (UINT64_MAX - 1)

struct eventfd {
    struct spinlock lock;
    struct waitq changed;
    uint64_t count;
    bool semaphore;
};

static ssize_t eventfd_read(struct file *file, struct uio *uio)
{
    struct eventfd *e = file->private;
    uint64_t value = 0;
    int error = 0;
    if (uio->left < sizeof value) return -EINVAL;
    spin_lock(&e->lock);
    while (!e->count && !error) error = file->flags & O_NONBLOCK ? -EAGAIN : wait_on(&e->changed, &e->lock, true, 0);
    if (!error) {
        value = e->semaphore ? 1 : e->count;
        e->count -= value;
        wake_all(&e->changed);
    }
    spin_unlock(&e->lock);
    if (error) return error == -EINTR ? -ERESTARTSYS : error;
    return uio_put(uio, &value, sizeof value) == sizeof value ? (ssize_t)sizeof value : -EFAULT;
}

static ssize_t eventfd_write(struct file *file, struct uio *uio)
{
    struct eventfd *e = file->private;
    uint64_t value;
    int error = 0;
    if (uio->left < sizeof value) return -EINVAL;
    if (uio_get(uio, &value, sizeof value) != sizeof value) return -EFAULT;
    if (value == UINT64_MAX) return -EINVAL;
    spin_lock(&e->lock);
    while (COUNT_MAX - e->count < value && !error)
        error = file->flags & O_NONBLOCK ? -EAGAIN : wait_on(&e->changed, &e->lock, true, 0);
    if (!error) {
        e->count += value;
        wake_all(&e->changed);
    }
    spin_unlock(&e->lock);
    if (error) return error == -EINTR ? -ERESTARTSYS : error;
    return sizeof value;
}

static unsigned eventfd_poll(struct file *file, struct poll_table *table)
{
    struct eventfd *e = file->private;
    poll_wait(table, &e->changed);
    spin_lock(&e->lock);
    unsigned events = (e->count ? POLLIN : 0) | (e->count < COUNT_MAX ? POLLOUT : 0);
    spin_unlock(&e->lock);
    return events;
}

static void eventfd_release(struct file *file) { kfree(file->private); }

static const struct file_ops eventfd_ops = {.read = eventfd_read,
                                            .write = eventfd_write,
                                            .poll = eventfd_poll,
                                            .seek = event_seek,
                                            .release = eventfd_release,
                                            .flags = FOPS_STREAM};

struct file *eventfd_open(uint64_t count, bool semaphore, unsigned flags)
{
    struct eventfd *e = kzalloc(sizeof *e);
    if (!e) return 0;
    spin_init(&e->lock, "eventfd", RANK_IPC);
    waitq_init(&e->changed);
    e->count = count;
    e->semaphore = semaphore;
    struct file *file = event_file(&eventfd_ops, "anon_inode:[eventfd]", O_RDWR | flags, e);
    if (!file) kfree(e);
    return file;
}
