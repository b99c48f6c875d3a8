/*
 * timerfd.c - timers as files: read() waits for the time and tells how often it has come since the last read.
 *
 * The kernel's timer is set for the next time only. An interval is not counted by one interrupt for each period, since a program
 * could ask for a period of a nanosecond: who looks computes how many periods have passed, and sets the timer for the next one.
 */
#include "arch/time.h"
#include "ipc/epoll.h"
#include "ipc/eventfd.h"
#include "kern/task.h"
#include "kern/timer.h"
#include "mm/slab.h"

struct timerfd {
    struct spinlock lock;
    struct waitq expired;
    struct timer timer;
    uint64_t next_ns, interval_ns; /* next_ns 0: off */
    uint64_t count;                /* expirations not yet read */
    bool wall;                     /* on the time of day */
    bool date;                     /* next_ns is a date: the time of day was asked for; else since boot */
};

static uint64_t now_of(const struct timerfd *t) { return t->date ? time_wall_ns() : time_ns(); }

/* Takes no lock: whoever wakes looks at the clock. */
static void timer_expired(struct timer *timer) { wake_all(&container_of(timer, struct timerfd, timer)->expired); }

/* lock is held. Counts the periods that have passed. */
static void catch_up(struct timerfd *t)
{
    uint64_t now = now_of(t);
    if (!t->next_ns || now < t->next_ns) return;
    uint64_t periods = t->interval_ns ? 1 + (now - t->next_ns) / t->interval_ns : 1;
    t->count += periods;
    t->next_ns = t->interval_ns ? t->next_ns + periods * t->interval_ns : 0;
}

/* lock is held. */
static void arm(struct timerfd *t)
{
    if (t->next_ns && t->date) timer_start_wall(&t->timer, t->next_ns);
    if (t->next_ns && !t->date) timer_start(&t->timer, t->next_ns);
}

static ssize_t timerfd_read(struct file *file, struct uio *uio)
{
    struct timerfd *t = file->private;
    uint64_t count;
    int error = 0;
    if (uio->left < sizeof count) return -EINVAL;
    spin_lock(&t->lock);
    for (;;) {
        catch_up(t);
        if (t->count || error) break;
        if (t->date) arm(t); /* it may have rung, and the clock been set back before anybody looked */
        error = file->flags & O_NONBLOCK ? -EAGAIN : wait_on(&t->expired, &t->lock, true, 0);
    }
    count = t->count;
    t->count = 0;
    if (count) arm(t);
    spin_unlock(&t->lock);
    if (!count) return error == -EINTR ? -ERESTARTSYS : error;
    return uio_put(uio, &count, sizeof count) == sizeof count ? (ssize_t)sizeof count : -EFAULT;
}

static unsigned timerfd_poll(struct file *file, struct poll_table *table)
{
    struct timerfd *t = file->private;
    poll_wait(table, &t->expired);
    spin_lock(&t->lock);
    uint64_t before = t->count;
    catch_up(t);
    if (t->count != before || t->date) arm(t);
    unsigned events = t->count ? POLLIN : 0;
    spin_unlock(&t->lock);
    return events;
}

static void timerfd_release(struct file *file)
{
    struct timerfd *t = file->private;
    timer_cancel(&t->timer);
    kfree(t);
}

static const struct file_ops timerfd_ops = {
    .read = timerfd_read, .poll = timerfd_poll, .seek = event_seek, .release = timerfd_release, .flags = FOPS_STREAM};

bool file_is_timerfd(struct file *file) { return file->ops == &timerfd_ops; }

struct file *timerfd_open(bool wall, unsigned flags)
{
    struct timerfd *t = kzalloc(sizeof *t);
    if (!t) return 0;
    spin_init(&t->lock, "timerfd", RANK_IPC);
    waitq_init(&t->expired);
    timer_setup(&t->timer, timer_expired);
    t->wall = wall;
    struct file *file = event_file(&timerfd_ops, "anon_inode:[timerfd]", O_RDWR | flags, t);
    if (!file) kfree(t);
    return file;
}

static void describe(struct timerfd *t, struct timer_setting *setting)
{
    uint64_t now = now_of(t);
    catch_up(t);
    *setting = (struct timer_setting){t->interval_ns, t->next_ns > now ? t->next_ns - now : 0};
}

void timerfd_get(struct file *file, struct timer_setting *setting)
{
    struct timerfd *t = file->private;
    spin_lock(&t->lock);
    uint64_t before = t->count;
    describe(t, setting);
    if (t->count != before) arm(t);
    spin_unlock(&t->lock);
}

void timerfd_set(struct file *file, const struct timer_setting *setting, bool absolute, struct timer_setting *old)
{
    struct timerfd *t = file->private;
    struct timer_setting before;
    timer_cancel(&t->timer);
    spin_lock(&t->lock);
    describe(t, &before);
    t->date = absolute && t->wall;
    t->next_ns = setting->value_ns && !absolute ? time_ns() + setting->value_ns : setting->value_ns;
    t->interval_ns = setting->interval_ns;
    t->count = 0;
    arm(t);
    spin_unlock(&t->lock);
    if (old) *old = before;
}
