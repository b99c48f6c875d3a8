/*
 * tty_ioctl.c - the controls of terminals: modes, window size, job control, flushing.
 *
 * Each is one request number of ioctl(2), with a pointer or a number as argument. Those that change the terminal are not for
 * background jobs: they are stopped first (SIGTTOU), as if they had written. Programs set modes with TCSETS at once, with
 * TCSETSW after what was written has gone out, with TCSETSF after dropping unread input as well.
 *
 * A window change is told to the foreground job with SIGWINCH, so that an editor can draw itself anew.
 *
 * Source: ioctl_tty(2) and termios(3), Linux's numbers for riscv64.
 */
#include "base/string.h"
#include "dev/tty.h"
#include "kern/process.h"
#include "kern/signal.h"
#include "kern/wait.h"
#include "mm/usercopy.h"

enum {
    TCGETS = 0x5401,
    TCSETS,
    TCSETSW,
    TCSETSF,
    TCSBRK = 0x5409,
    TCXONC,
    TCFLSH,
    TIOCEXCL,
    TIOCNXCL,
    TIOCSCTTY,
    TIOCGPGRP,
    TIOCSPGRP,
    TIOCOUTQ,
    TIOCSTI,
    TIOCGWINSZ,
    TIOCSWINSZ,
    TIOCMGET,
    TIOCMBIS,
    TIOCMBIC,
    TIOCMSET,
    FIONREAD = 0x541b,
    TIOCNOTTY = 0x5422,
    TIOCSETD,
    TIOCGETD,
    TCSBRKP,
    TIOCGSID = 0x5429,
    TIOCVHANGUP = 0x5437,
    TIOCGEXCL = 0x80045440,
    TIOCGDEV = 0x80045432,
    TCGETS2 = 0x802c542a,
    TCSETS2 = 0x402c542b,
    TCSETSW2,
    TCSETSF2
};

#define OLD_TERMIOS_BYTES offsetof(struct termios, ispeed)

static long put(uint64_t to, const void *from, size_t n) { return copy_to_user(to, from, n) ? -EFAULT : 0; }
static long put_int(uint64_t to, int value) { return put(to, &value, sizeof value); }

static long get_modes(struct tty *tty, uint64_t to, size_t bytes)
{
    spin_lock(&tty->lock);
    struct termios modes = tty->termios;
    spin_unlock(&tty->lock);
    return put(to, &modes, bytes);
}

/* Until all that was written has gone out. */
static long drain(struct file *file, struct tty *tty)
{
    int error = 0;
    spin_lock(&tty->lock);
    while (!error && tty->driver->pending && tty->driver->pending(tty) && !tty->gone)
        error = wait_on(&tty->writable, &tty->lock, true, 0);
    spin_unlock(&tty->lock);
    (void)file;
    return error ? -ERESTARTSYS : 0;
}

static uint32_t speed_of(uint32_t cflag, uint32_t stated)
{
    static const uint32_t slow[] = {0,   50,   75,   110,  134,  150,  200,   300,
                                    600, 1200, 1800, 2400, 4800, 9600, 19200, 38400};
    static const uint32_t fast[] = {57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000};
    uint32_t code = cflag & 010017u;
    if (code < ARRAY_SIZE(slow)) return slow[code];
    if (code > 010000 && code - 010001 < ARRAY_SIZE(fast)) return fast[code - 010001];
    return code == 010000 ? stated : 38400;
}

static long set_modes(struct file *file, struct tty *tty, uint64_t from, size_t bytes, bool wait, bool flush)
{
    struct termios modes;
    spin_lock(&tty->lock);
    modes = tty->termios;
    spin_unlock(&tty->lock);
    if (copy_from_user(&modes, from, bytes)) return -EFAULT;
    modes.ospeed = speed_of(modes.cflag, modes.ospeed);
    modes.ispeed = modes.cflag >> 16 & 010017 ? speed_of(modes.cflag >> 16, modes.ispeed) : modes.ospeed;
    long error = wait || flush ? drain(file, tty) : 0;
    if (error) return error;
    spin_lock(&tty->lock);
    if (flush) ldisc_flush_input(tty);
    ldisc_set_modes(tty, &modes);
    spin_unlock(&tty->lock);
    return 0;
}

static long set_window(struct tty *tty, uint64_t from)
{
    struct winsize window;
    if (copy_from_user(&window, from, sizeof window)) return -EFAULT;
    spin_lock(&tty->lock);
    bool changes = memcmp(&window, &tty->window, sizeof window) != 0;
    tty->window = window;
    spin_unlock(&tty->lock);
    if (changes) job_signal_foreground(tty, SIGWINCH);
    return 0;
}

static long flush(struct tty *tty, uint64_t which)
{
    if (which > 2) return -EINVAL;
    spin_lock(&tty->lock);
    if (which != 1) ldisc_flush_input(tty);
    if (which != 0) {
        tty->echo_tail = tty->echo_head;
        if (tty->driver->flush) tty->driver->flush(tty);
        wake_all(&tty->writable);
    }
    spin_unlock(&tty->lock);
    return 0;
}

/* tcflow: hold or release the output; or send the other side the characters that mean so. */
static long flow(struct tty *tty, uint64_t action)
{
    if (action > 3) return -EINVAL;
    spin_lock(&tty->lock);
    if (action < 2) {
        tty->stopped = action == 0;
        if (!tty->stopped) ldisc_flush_echo(tty), wake_all(&tty->writable);
    } else {
        char c = (char)tty->termios.cc[action == 2 ? VSTOP : VSTART];
        if (c) tty->driver->write(tty, &c, 1);
    }
    spin_unlock(&tty->lock);
    return 0;
}

static bool changes_terminal(unsigned request)
{
    switch (request) {
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
    case TCSETS2:
    case TCSETSW2:
    case TCSETSF2:
    case TCSBRK:
    case TCSBRKP:
    case TCXONC:
    case TCFLSH:
    case TIOCSPGRP:
    case TIOCSETD: return true;
    default: return false;
    }
}

static long modes_ioctl(struct file *file, struct tty *tty, unsigned request, uint64_t argument)
{
    const size_t old = OLD_TERMIOS_BYTES, new = sizeof(struct termios);
    switch (request) {
    case TCGETS: return get_modes(tty, argument, old);
    case TCGETS2: return get_modes(tty, argument, new);
    case TCSETS: return set_modes(file, tty, argument, old, false, false);
    case TCSETSW: return set_modes(file, tty, argument, old, true, false);
    case TCSETSF: return set_modes(file, tty, argument, old, true, true);
    case TCSETS2: return set_modes(file, tty, argument, new, false, false);
    case TCSETSW2: return set_modes(file, tty, argument, new, true, false);
    case TCSETSF2: return set_modes(file, tty, argument, new, true, true);
    default: return -ENOTTY;
    }
}

static long job_ioctl(struct file *file, struct tty *tty, bool master, unsigned request, uint64_t argument)
{
    int value;
    long error;
    switch (request) {
    case TIOCSCTTY: return job_take(tty, argument == 1, file_readable(file));
    case TIOCNOTTY: return job_give_up(tty);
    case TIOCGPGRP: error = job_get_foreground(tty, master, &value); return error ? error : put_int(argument, value);
    case TIOCGSID: error = job_get_session(tty, master, &value); return error ? error : put_int(argument, value);
    case TIOCSPGRP:
        if (copy_from_user(&value, argument, sizeof value)) return -EFAULT;
        return job_set_foreground(tty, value);
    default: return modes_ioctl(file, tty, request, argument);
    }
}

static long set_exclusive(struct tty *tty, bool on)
{
    spin_lock(&tty->lock);
    tty->exclusive = on;
    spin_unlock(&tty->lock);
    return 0;
}

static long vhangup(struct tty *tty)
{
    if (!cred_is_root()) return -EPERM;
    tty_hang_up(tty);
    return 0;
}

static long only_discipline(uint64_t from)
{
    int number;
    if (copy_from_user(&number, from, sizeof number)) return -EFAULT;
    return number == 0 ? 0 : -EINVAL;
}

static int count_input(struct tty *tty)
{
    spin_lock(&tty->lock);
    int n = (int)ldisc_readable(tty);
    spin_unlock(&tty->lock);
    return n;
}

static int count_output(struct tty *tty)
{
    spin_lock(&tty->lock);
    size_t n = tty->driver->pending ? tty->driver->pending(tty) : 0;
    spin_unlock(&tty->lock);
    return (int)n;
}

long tty_ioctl(struct file *file, struct tty *tty, bool master, unsigned request, uint64_t argument)
{
    long result = changes_terminal(request) && !master ? job_check(tty, SIGTTOU) : 0;
    if (result) return result;
    switch (request) {
    case TIOCGWINSZ: return put(argument, &tty->window, sizeof tty->window);
    case TIOCSWINSZ: return set_window(tty, argument);
    case FIONREAD: return put_int(argument, count_input(tty));
    case TIOCOUTQ: return put_int(argument, count_output(tty));
    case TCFLSH: return flush(tty, argument);
    case TCXONC: return flow(tty, argument);
    case TCSBRK:
    case TCSBRKP: return drain(file, tty);
    case TIOCSTI: return -EIO; /* pushing input into a terminal has served attackers only */
    case TIOCEXCL: return set_exclusive(tty, true);
    case TIOCNXCL: return set_exclusive(tty, false);
    case TIOCGEXCL: return put_int(argument, tty->exclusive);
    case TIOCGETD: return put_int(argument, 0);
    case TIOCSETD: return only_discipline(argument);
    case TIOCGDEV: return put_int(argument, (int)dev_encode(tty->rdev));
    case TIOCVHANGUP: return vhangup(tty);
    default: break;
    }
    result = tty->driver->ioctl ? tty->driver->ioctl(file, tty, request, argument) : -ENOTTY;
    return result == -ENOTTY ? job_ioctl(file, tty, master, request, argument) : result;
}
