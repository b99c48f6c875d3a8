/*
 * tty.h - terminals.
 *
 *      keyboard, or the other side of a pseudo terminal
 *         |                                        ^
 *         v  tty_receive                           | driver->write
 *      +-----------------------------------------------------+
 *      |  line discipline (ldisc.c): editing, echo, signals  |
 *      +-----------------------------------------------------+
 *         |  input queue: whole lines, or bytes    ^  output processing: "\n" -> "\r\n"
 *         v  read(2)                               | write(2)
 *      program
 *
 * A `struct tty` is the line and its discipline; a driver takes the bytes that come out at the lower end (console.c, pty.c).
 *
 * Job control. A terminal belongs to at most one *session* (all that was started from one login); in it one process
 * group, the *foreground job*, may read and gets the signals of the keyboard; the others are stopped when they try. These
 * fields and process.tty stand under process_lock, everything else here under tty.lock.
 */
#ifndef KEPLER_DEV_TTY_H
#define KEPLER_DEV_TTY_H

#include "fs/vfs.h"
#include "kern/lock.h"

/* Modes and control characters, with Linux's numbers. */
enum tty_iflag {
    BRKINT = 02,
    ISTRIP = 040,
    INLCR = 0100,
    IGNCR = 0200,
    ICRNL = 0400,
    IUCLC = 01000,
    IXON = 02000,
    IXANY = 04000,
    IMAXBEL = 020000,
    IUTF8 = 040000
};
enum tty_oflag { OPOST = 1, OLCUC = 2, ONLCR = 4, OCRNL = 8, ONOCR = 020, ONLRET = 040, TABDLY = 014000 };
enum tty_lflag {
    ISIG = 1,
    ICANON = 2,
    ECHO = 010,
    ECHOE = 020,
    ECHOK = 040,
    ECHONL = 0100,
    NOFLSH = 0200,
    TOSTOP = 0400,
    ECHOCTL = 01000,
    ECHOPRT = 02000,
    ECHOKE = 04000,
    IEXTEN = 0100000
};
enum tty_cc {
    VINTR,
    VQUIT,
    VERASE,
    VKILL,
    VEOF,
    VTIME,
    VMIN,
    VSWTC,
    VSTART,
    VSTOP,
    VSUSP,
    VEOL,
    VREPRINT,
    VDISCARD,
    VWERASE,
    VLNEXT,
    VEOL2
};
#define TTY_CCS 19
#define B38400  017u
#define CS8     060u
#define CREAD   0200u
#define HUPCL   02000u

struct termios { /* struct termios2 of the system-call interface; struct termios is all but the speeds */
    uint32_t iflag, oflag, cflag, lflag;
    uint8_t line, cc[TTY_CCS];
    uint32_t ispeed, ospeed;
};
_Static_assert(sizeof(struct termios) == 44, "Linux's size");
struct winsize {
    uint16_t rows, columns, x_pixels, y_pixels;
};

#define TTY_INPUT 4096u /* bytes of the input queue; a power of two */
#define TTY_ECHO  1024u /* bytes of echo that the driver could not take yet; a power of two */

struct tty;
struct tty_driver {
    /* Takes bytes that go out, as many as there is room for. tty.lock is held. */
    size_t (*write)(struct tty *tty, const char *bytes, size_t n);
    size_t (*room)(struct tty *tty);    /* bytes that write would take now */
    size_t (*pending)(struct tty *tty); /* bytes that have been taken and not gone out; NULL: none ever */
    void (*flush)(struct tty *tty);     /* forget these; may be NULL */
    /* The terminal has room for input again. May be NULL. tty.lock is held. */
    void (*unthrottle)(struct tty *tty);
    void (*closed)(struct tty *tty); /* nobody has it open any more; may be NULL */
    long (*ioctl)(struct file *file, struct tty *tty, unsigned request, uint64_t argument); /* -ENOTTY: not mine */
    void (*free)(struct tty *tty); /* the last reference has gone; NULL: it is there for ever */
};

struct tty {
    struct refcount refs;
    struct spinlock lock; /* RANK_TTY */
    const struct tty_driver *driver;
    uint64_t rdev;
    struct termios termios;
    struct winsize window;
    struct waitq readable, writable;

    /* Input queue: positions count bytes, places are positions modulo its size. [tail, lines): whole lines; [lines, head): the
     * line that is being typed. A set bit of `ends` marks the last byte of a line; a marked 0 is VEOF, which ends it unseen. */
    uint32_t head, lines, tail;
    char input[TTY_INPUT];
    uint64_t ends[TTY_INPUT / 64];
    bool literal;    /* VLNEXT has been typed */
    unsigned column; /* of the cursor */
    unsigned prompt; /* column at which the line being typed began */
    uint32_t echo_head, echo_tail;
    char echo[TTY_ECHO];
    bool stopped;     /* VSTOP: output waits */
    bool gone;        /* the other side has gone (pseudo terminal) */
    bool exclusive;   /* TIOCEXCL */
    unsigned opens;   /* open files */
    unsigned hangups; /* files opened before the last one are dead */

    int session, foreground; /* 0: none; under process_lock */
};

/* What file.private of an open terminal points to. */
struct tty_file {
    struct tty *tty;
    unsigned hangups; /* of the terminal when it was opened */
};

/* tty.c */
void tty_init(struct tty *tty, const struct tty_driver *driver, uint64_t rdev);
extern const struct termios tty_usual_modes;
/* Makes `file` an open file of the terminal; may make it the controlling terminal. 0 or -errno. */
int tty_open(struct file *file, struct tty *tty, bool may_control);
void tty_put(struct tty *tty);
static inline struct tty *tty_get(struct tty *tty)
{
    ref_get(&tty->refs);
    return tty;
}
extern const struct file_ops tty_ops;
/* The line is cut: its session hears of it, open files are dead. No locks held. */
void tty_hang_up(struct tty *tty);

/* ldisc.c; tty.lock is held. */
/* Bytes from the line; `at` most `n`, the number taken. *signals: set of keyboard signals that are to be sent. */
size_t ldisc_receive(struct tty *tty, const char *bytes, size_t n, uint64_t *signals);
/* Takes up to n bytes of what a program wants to write; returns how many, which is 0 without room. */
size_t ldisc_write(struct tty *tty, const char *bytes, size_t n);
void ldisc_flush_echo(struct tty *tty); /* what now has room */
void ldisc_flush_input(struct tty *tty);
void ldisc_set_modes(struct tty *tty, const struct termios *modes);
bool ldisc_is_full(const struct tty *tty);      /* bytes from the line have to wait */
bool ldisc_has_input(const struct tty *tty);    /* a read would get something (or an end of file) */
uint32_t ldisc_readable(const struct tty *tty); /* bytes, for FIONREAD */
/* Moves up to n bytes out of the queue; *end: a line ended with them (or the end of the file was met). */
size_t ldisc_take(struct tty *tty, char *to, size_t n, bool *end);
/* From interrupts and pseudo terminals: ldisc_receive with the lock, and then the signals. Bytes taken. */
size_t tty_receive(struct tty *tty, const char *bytes, size_t n);

/* job.c: the terminal and its session */
/* May the current process do this to its terminal now? `signal`: SIGTTIN or SIGTTOU for those in the background. 0, -EIO,
 * -ERESTARTSYS (it has been sent the signal). */
int job_check(struct tty *tty, int signal);
void job_signal_foreground(struct tty *tty, int signal);
void job_signal_foreground_set(struct tty *tty, uint64_t signals);
/* The terminal of the current process, with a reference; NULL: none. */
struct tty *job_terminal(void);
void job_try_control(struct tty *tty); /* on open: a session leader without a terminal takes it */
long job_take(struct tty *tty, bool steal, bool readable);
long job_give_up(struct tty *tty);
long job_get_foreground(struct tty *tty, bool any, int *pgid);
long job_set_foreground(struct tty *tty, int pgid);
long job_get_session(struct tty *tty, bool any, int *sid);
void job_forget(struct tty *tty);  /* no process has it as its terminal any more */
void job_hang_up(struct tty *tty); /* SIGHUP and SIGCONT to the session, and then job_forget */

/* tty_ioctl.c. `master`: asked by the other side of a pseudo terminal. */
long tty_ioctl(struct file *file, struct tty *tty, bool master, unsigned request, uint64_t argument);

#endif
