#include "emu/base/host_term.h"

#include "emu/base/bits.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

static struct termios saved;
static volatile sig_atomic_t raw_fd = -1;
static volatile sig_atomic_t caught;

bool host_is_terminal(int fd) { return isatty(fd); }

/* Async-signal-safe: tcsetattr is on POSIX's list. */
void host_term_restore(void)
{
    int fd = raw_fd;
    raw_fd = -1;
    int before = errno;
    if (fd >= 0) tcsetattr(fd, TCSADRAIN, &saved);
    errno = before;
}

static void die(int number)
{
    host_term_restore();
    signal(number, SIG_DFL);
    raise(number);
}

static void note(int number)
{
    if (caught) die(number);
    caught = number;
}

/* Stopped from outside (kill -STOP works without us; this is kill -TSTP): give the terminal back, take it again afterwards. */
static void suspended(int number)
{
    int fd = raw_fd;
    host_term_restore();
    signal(number, SIG_DFL);
    raise(number);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_UNBLOCK, &set, NULL); /* stops here */
    signal(number, suspended);
    if (fd >= 0) host_term_raw(fd);
}

static void on(int number, void (*handler)(int))
{
    struct sigaction a = {.sa_handler = handler};
    sigaction(number, &a, NULL);
}

void host_term_raw(int fd)
{
    static const int fatal[] = {SIGABRT, SIGSEGV, SIGBUS,  SIGFPE,  SIGILL,  SIGQUIT,
                                SIGPIPE, SIGALRM, SIGUSR1, SIGUSR2, SIGXCPU, SIGXFSZ};
    if (raw_fd >= 0 || !isatty(fd) || tcgetattr(fd, &saved)) return;
    struct termios t = saved;
    t.c_iflag &= (tcflag_t) ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    t.c_oflag |= OPOST; /* a bare newline of our own messages still returns the carriage */
    t.c_lflag &= (tcflag_t) ~(ECHO | ECHONL | ICANON | IEXTEN | ISIG);
    t.c_cflag = (t.c_cflag & (tcflag_t) ~(CSIZE | PARENB)) | CS8;
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    atexit(host_term_restore);
    for (size_t i = 0; i < ARRAY_LEN(fatal); i++) on(fatal[i], die);
    on(SIGTSTP, suspended);
    raw_fd = fd;
    tcsetattr(fd, TCSADRAIN, &t);
}

void host_catch_signals(void)
{
    on(SIGINT, note);
    on(SIGTERM, note);
    on(SIGHUP, note);
}

int host_signal(void) { return caught; }
