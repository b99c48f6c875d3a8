/*
 * tty.c - terminals as files: open, read, write, poll, close, hang up. See tty.h for the picture.
 *
 * A reader waits for a whole line, or in raw mode for VMIN bytes or until VTIME tenths of a second are over:
 *
 *      VMIN > 0, VTIME = 0     until VMIN bytes are there
 *      VMIN > 0, VTIME > 0     so, but no longer than VTIME after any byte but the first
 *      VMIN = 0, VTIME > 0     until one byte is there or the time is over
 *      VMIN = 0, VTIME = 0     not at all
 *
 * User memory is never touched under the terminal's spinlock: bytes go through a block on the stack.
 *
 * After a hang-up the files that were open are dead (reads find the end, writes fail), but the terminal can be opened
 * again: the next login is another session and must not share anything with the last one. So each file remembers how many
 * hang-ups there had been when it was opened.
 */
#include "dev/tty.h"

#include "arch/time.h"
#include "base/string.h"
#include "fs/poll.h"
#include "kern/signal.h"
#include "kern/task.h"
#include "kern/wait.h"
#include "mm/slab.h"

#define BLOCK 256

const struct termios tty_usual_modes = {
    .iflag = ICRNL | IXON,
    .oflag = OPOST | ONLCR,
    .cflag = B38400 | CS8 | CREAD | HUPCL,
    .lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
    .cc =
        {
            [VINTR] = 'C' & 31,
            [VQUIT] = '\\' & 31,
            [VERASE] = 127,
            [VKILL] = 'U' & 31,
            [VEOF] = 'D' & 31,
            [VMIN] = 1,
            [VSTART] = 'Q' & 31,
            [VSTOP] = 'S' & 31,
            [VSUSP] = 'Z' & 31,
            [VREPRINT] = 'R' & 31,
            [VDISCARD] = 'O' & 31,
            [VWERASE] = 'W' & 31,
            [VLNEXT] = 'V' & 31,
        },
    .ispeed = 38400,
    .ospeed = 38400,
};

void tty_init(struct tty *tty, const struct tty_driver *driver, uint64_t rdev)
{
    ref_init(&tty->refs);
    spin_init(&tty->lock, "terminal", RANK_TTY);
    waitq_init(&tty->readable);
    waitq_init(&tty->writable);
    tty->driver = driver;
    tty->rdev = rdev;
    tty->termios = tty_usual_modes;
}

void tty_put(struct tty *tty)
{
    if (ref_put(&tty->refs) && tty->driver->free) tty->driver->free(tty);
}

static struct tty_file *tty_file(struct file *file) { return file->private; }
static bool is_dead(struct file *file) { return tty_file(file)->hangups != tty_file(file)->tty->hangups; }

int tty_open(struct file *file, struct tty *tty, bool may_control)
{
    struct tty_file *entry = kmalloc(sizeof *entry);
    if (!entry) return -ENOMEM;
    spin_lock(&tty->lock);
    bool busy = tty->exclusive && !cred_is_root();
    if (!busy) tty->opens++;
    *entry = (struct tty_file){.tty = tty, .hangups = tty->hangups};
    spin_unlock(&tty->lock);
    if (busy) {
        kfree(entry);
        return -EBUSY;
    }
    tty_get(tty);
    file->private = entry;
    file->ops = &tty_ops;
    if (may_control && file_readable(file) && !(file->flags & O_NOCTTY)) job_try_control(tty);
    return 0;
}

static void tty_release(struct file *file)
{
    struct tty *tty = tty_file(file)->tty;
    spin_lock(&tty->lock);
    bool last = --tty->opens == 0;
    if (last) {
        tty->exclusive = false;
        tty->stopped = false;
        if (tty->driver->closed) tty->driver->closed(tty);
    }
    spin_unlock(&tty->lock);
    if (last) job_forget(tty);
    kfree(file->private);
    tty_put(tty);
}

/* Reading */

struct reading {
    struct file *file;
    struct tty *tty;
    uint64_t minimum; /* raw mode: bytes to wait for */
    uint64_t between_ns, deadline_ns;
    bool canonical;
};

static void plan(struct reading *r, uint64_t wanted)
{
    const struct termios *modes = &r->tty->termios;
    r->canonical = modes->lflag & ICANON;
    uint64_t least = modes->cc[VMIN], time_ns_ = modes->cc[VTIME] * (NS_PER_S / 10);
    r->minimum = r->canonical ? 1 : MIN(MAX(least, 1ul), wanted);
    r->between_ns = !r->canonical && least ? time_ns_ : 0;
    if (!r->canonical && !least) r->deadline_ns = time_ns() + MAX(time_ns_, 1ul);
}

/* Waits until there is input. 1: there is; 0: the end, or the time is over; or an error. tty.lock is held. */
static int await_input(struct reading *r)
{
    struct tty *tty = r->tty;
    while (!ldisc_has_input(tty)) {
        if (is_dead(r->file)) return 0;
        if (tty->gone) return -EIO;
        if (r->file->flags & O_NONBLOCK) return -EAGAIN;
        int error = wait_on(&tty->readable, &tty->lock, true, r->deadline_ns);
        if (error == -ETIMEDOUT) return ldisc_has_input(tty);
        if (error) return -ERESTARTSYS;
        /* Somebody else may have taken the terminal meanwhile. */
        spin_unlock(&tty->lock);
        error = job_check(tty, SIGTTIN);
        spin_lock(&tty->lock);
        if (error) return error;
    }
    return !is_dead(r->file);
}

static ssize_t tty_read(struct file *file, struct uio *uio)
{
    struct reading r = {.file = file, .tty = tty_file(file)->tty};
    char block[BLOCK];
    ssize_t done = 0;
    if (is_dead(file)) return 0;
    int error = job_check(r.tty, SIGTTIN);
    if (error) return error;
    spin_lock(&r.tty->lock);
    plan(&r, uio->left);
    spin_unlock(&r.tty->lock);
    for (bool end = false; uio->left && !end;) {
        spin_lock(&r.tty->lock);
        int ready = done && r.canonical ? ldisc_has_input(r.tty) : await_input(&r);
        size_t n = ready > 0 ? ldisc_take(r.tty, block, MIN(uio->left, sizeof block), &end) : 0;
        spin_unlock(&r.tty->lock);
        if (ready <= 0) return done ? done : ready;
        ssize_t put = n ? uio_put(uio, block, n) : 0;
        if (put < 0) return done ? done : put;
        done += put;
        if ((size_t)put < n || (!r.canonical && (uint64_t)done >= r.minimum && !ldisc_has_input(r.tty))) break;
        if (r.between_ns && done) r.deadline_ns = time_ns() + r.between_ns;
    }
    return done;
}

/* Writing */

/* 0: there may be room now; or an error. tty.lock is held. */
static int await_room(struct file *file, struct tty *tty)
{
    if (file->flags & O_NONBLOCK) return -EAGAIN;
    return wait_on(&tty->writable, &tty->lock, true, 0) ? -ERESTARTSYS : 0;
}

/* Writes what stands in kernel memory. */
static ssize_t write_block(struct file *file, struct tty *tty, const char *bytes, size_t n)
{
    size_t done = 0;
    int error = 0;
    spin_lock(&tty->lock);
    while (done < n && !error) {
        if (is_dead(file) || tty->gone) {
            error = -EIO;
            break;
        }
        ldisc_flush_echo(tty);
        size_t step = ldisc_write(tty, bytes + done, n - done);
        done += step;
        if (!step) error = await_room(file, tty);
    }
    spin_unlock(&tty->lock);
    return done ? (ssize_t)done : error;
}

static ssize_t tty_write(struct file *file, struct uio *uio)
{
    struct tty *tty = tty_file(file)->tty;
    ssize_t done = 0;
    if (is_dead(file)) return -EIO;
    int error = tty->termios.lflag & TOSTOP ? job_check(tty, SIGTTOU) : 0;
    if (error) return error;
    while (uio->left) {
        char block[BLOCK];
        ssize_t n = uio_get(uio, block, sizeof block);
        if (n <= 0) return done ? done : n;
        ssize_t written = write_block(file, tty, block, (size_t)n);
        if (written < 0) return done ? done : written;
        done += written;
        if (written < n) break;
    }
    return done;
}

static unsigned tty_poll(struct file *file, struct poll_table *table)
{
    struct tty *tty = tty_file(file)->tty;
    unsigned events = 0;
    poll_wait(table, &tty->readable);
    poll_wait(table, &tty->writable);
    if (is_dead(file)) return POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDNORM | POLLWRNORM;
    spin_lock(&tty->lock);
    const struct termios *modes = &tty->termios;
    uint32_t least = modes->lflag & ICANON || modes->cc[VTIME] || !modes->cc[VMIN] ? 1 : modes->cc[VMIN];
    if (tty->lines - tty->tail >= least) events |= POLLIN | POLLRDNORM;
    if (tty->gone) events |= POLLHUP | POLLIN | POLLRDNORM;
    if (!tty->stopped && tty->driver->room(tty) >= 8) events |= POLLOUT | POLLWRNORM;
    spin_unlock(&tty->lock);
    return events;
}

static long tty_file_ioctl(struct file *file, unsigned request, uint64_t argument)
{
    if (is_dead(file)) return request == 0x5410 /* TIOCSPGRP */ ? -ENOTTY : -EIO;
    return tty_ioctl(file, tty_file(file)->tty, false, request, argument);
}

void tty_hang_up(struct tty *tty)
{
    spin_lock(&tty->lock);
    tty->hangups++;
    ldisc_flush_input(tty);
    tty->echo_tail = tty->echo_head;
    tty->stopped = false;
    wake_all(&tty->readable);
    wake_all(&tty->writable);
    spin_unlock(&tty->lock);
    job_hang_up(tty);
}

const struct file_ops tty_ops = {
    .read = tty_read,
    .write = tty_write,
    .ioctl = tty_file_ioctl,
    .poll = tty_poll,
    .release = tty_release,
    .flags = FOPS_STREAM,
};
