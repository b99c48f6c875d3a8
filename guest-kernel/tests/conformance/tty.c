/* tty.c - pseudo terminals as programs that show other programs use them: modes, window sizes, packets, jobs, the end of a side. */
#include "conformance.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

#define IOCTL(what, ...)      E(ioctl, what, __VA_ARGS__)
#define IOCTL_V(what, number) V(ioctl, what, number)

struct old_modes { /* struct termios of the system call, without speeds */
    unsigned input, output, control, local;
    unsigned char line, character[19];
};

static int master, slave;

static void open_two(void)
{
    char name[32];
    int unlock = 0, number = -1;
    master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    Q(ioctl, master, TIOCSPTLCK, &unlock);
    Q(ioctl, master, TIOCGPTN, &number);
    snprintf(name, sizeof name, "/dev/pts/%d", number);
    slave = open(name, O_RDWR | O_NOCTTY);
}

static void close_two(void) { close(master), close(slave); }

static void opening(void)
{
    char name[32], link[40], text[40] = {0};
    int number = -1, locked = -1, on = 1;
    master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    V(openat, "terminal's master", master > 0);
    IOCTL("GPTN", master, TIOCGPTN, &number);
    IOCTL("GPTN bad pointer", master, TIOCGPTN, BAD);
    IOCTL("GPTLCK", master, TIOCGPTLCK, &locked);
    IOCTL_V("GPTLCK is", locked);
    snprintf(name, sizeof name, "/dev/pts/%d", number);
    E(openat, "locked terminal", AT_FDCWD, name, O_RDWR | O_NOCTTY);
    locked = 0;
    IOCTL("SPTLCK", master, TIOCSPTLCK, &locked);
    IOCTL("SPTLCK bad pointer", master, TIOCSPTLCK, BAD);
    slave = open(name, O_RDWR | O_NOCTTY);
    V(openat, "terminal", slave > 0);
    IOCTL("GPTN of the slave", slave, TIOCGPTN, &number);
    IOCTL_V("GPTPEER", Q(ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY) > 0);
    IOCTL("GPTPEER of the slave", slave, TIOCGPTPEER, O_RDWR);
    IOCTL("EXCL", slave, TIOCEXCL, 0L);
    IOCTL("GEXCL", slave, TIOCGEXCL, &on);
    IOCTL_V("GEXCL is", on);
    K(openat, "exclusive terminal, root", AT_FDCWD, name, O_RDWR | O_NOCTTY);
    IOCTL("NXCL", slave, TIOCNXCL, 0L);
    snprintf(link, sizeof link, "/proc/self/fd/%d", slave);
    readlink(link, text, sizeof text - 1);
    V(readlinkat, "terminal", !strcmp(text, name));
    E(lseek, "terminal", slave, 0L, SEEK_SET);
    E(pread64, "terminal", slave, text, 1L, 0L);
    E(ftruncate, "terminal", slave, 0L);
    E(fsync, "terminal", slave);
    E(openat, "no such terminal", AT_FDCWD, "/dev/pts/99", O_RDWR);
    E(openat, "no terminal of its own", AT_FDCWD, "/dev/tty", O_RDWR);
    close_two();
}

static void modes(void)
{
    struct old_modes m = {0};
    struct winsize w = {1, 2, 3, 4};
    int number;
    open_two();
    IOCTL("TCGETS", slave, TCGETS, &m);
    IOCTL_V("input modes", m.input);
    IOCTL_V("output modes", m.output);
    IOCTL_V("control modes", m.control & 0xffff);
    IOCTL_V("local modes", m.local);
    IOCTL_V("line", m.line);
    for (int i = 0; i < 17; i++) {
        char what[20];
        snprintf(what, sizeof what, "character %d", i);
        IOCTL_V(what, m.character[i]);
    }
    IOCTL("TCGETS of the master", master, TCGETS, &m);
    IOCTL_V("local modes of the master", m.local);
    IOCTL("TCGETS bad pointer", slave, TCGETS, BAD);
    IOCTL("TCSETS bad pointer", slave, TCSETS, BAD);
    m.local &= ~(unsigned)ECHO;
    IOCTL("TCSETS by the master", master, TCSETS, &m);
    Q(ioctl, slave, TCGETS, &m);
    IOCTL_V("local modes then", m.local);
    IOCTL("GWINSZ", slave, TIOCGWINSZ, &w);
    IOCTL_V("rows at first", w.ws_row);
    w = (struct winsize){30, 100, 0, 0};
    IOCTL("SWINSZ", master, TIOCSWINSZ, &w);
    w.ws_col = 0, Q(ioctl, slave, TIOCGWINSZ, &w);
    IOCTL_V("columns then", w.ws_col);
    IOCTL("SWINSZ bad pointer", slave, TIOCSWINSZ, BAD);
    IOCTL("GPGRP, not ours", slave, TIOCGPGRP, &number);
    IOCTL("GPGRP of the master", master, TIOCGPGRP, &number);
    IOCTL_V("GPGRP of the master is", number);
    IOCTL("GSID, not ours", slave, TIOCGSID, &number);
    number = getpgrp();
    IOCTL("SPGRP, not ours", slave, TIOCSPGRP, &number);
    IOCTL("NOTTY, not ours", slave, TIOCNOTTY, 0L);
    IOCTL("GETD", slave, TIOCGETD, &number);
    IOCTL_V("GETD is", number);
    number = 77;
    IOCTL("SETD unknown", slave, TIOCSETD, &number);
    IOCTL("TCFLSH", slave, TCFLSH, 2L);
    IOCTL("TCFLSH wrong", slave, TCFLSH, 9L);
    IOCTL("TCXONC wrong", slave, TCXONC, 9L);
    IOCTL("TCSBRK", slave, TCSBRK, 1L);
    IOCTL("STI, user's terminal", slave, TIOCSTI, "x");
    IOCTL("unknown of a terminal", slave, 0x5499, 0L);
    IOCTL("MGET", slave, TIOCMGET, &number);
    IOCTL("OUTQ", slave, TIOCOUTQ, &number);
    IOCTL_V("OUTQ is", number);
    close_two();
}

static void show_bytes(const char *what, int fd)
{
    char b[64], text[200] = "";
    struct pollfd p = {fd, POLLIN, 0};
    long n = poll(&p, 1, 300) > 0 ? read(fd, b, sizeof b) : -2;
    if (n < 0) {
        show_text("read", what, n == -2 ? "nothing" : strerrorname_np(errno));
        return;
    }
    for (long i = 0; i < n; i++)
        sprintf(text + strlen(text), b[i] > 32 && b[i] < 127 ? "%c" : "<%02x>", (unsigned char)b[i]);
    show_text("read", what, n ? text : "end of file");
}

static void typed(const char *what, const char *keys, size_t n)
{
    char heard[60], shown[60];
    write(master, keys, n);
    snprintf(heard, sizeof heard, "%s, heard", what), snprintf(shown, sizeof shown, "%s, shown", what);
    show_bytes(heard, slave);
    show_bytes(shown, master);
}
#define TYPED(what, keys) typed(what, keys, sizeof(keys) - 1)

static void set(unsigned input_on, unsigned output_off, unsigned local_on, unsigned local_off, int least, int tenths)
{
    struct old_modes m;
    Q(ioctl, slave, TCGETS, &m);
    m.input |= input_on, m.output &= ~output_off, m.local = (m.local | local_on) & ~local_off;
    m.character[VMIN] = (unsigned char)least, m.character[VTIME] = (unsigned char)tenths;
    Q(ioctl, slave, TCSETS, &m);
}

static void lines(void)
{
    char b[8];
    int number = -1;
    open_two();
    TYPED("line", "ab\r");
    TYPED("half a line", "ab");
    TYPED("its rest", "c\r");
    TYPED("erased", "abX\x7f\r");
    TYPED("line erased", "abc\x15x\r");
    TYPED("word erased", "one two\x17x\r");
    TYPED("quoted", "a\x16\x03\r");
    TYPED("end of file", "\x04");
    TYPED("end in a line", "ab\x04");
    TYPED("control shown", "a\x01z\r");
    TYPED("reprint", "ab\x12\r");
    write(master, "1234\r", 5);
    IOCTL("FIONREAD of a line", slave, FIONREAD, &number);
    IOCTL_V("FIONREAD of a line is", number);
    V(read, "a piece of a line", read(slave, b, 2));
    show_bytes("the rest of it", slave);
    show_bytes("what it showed", master);
    V(write, "line out", write(slave, "x\ny\t.", 5));
    show_bytes("line out", master);
    set(0, OPOST, 0, 0, 1, 0);
    write(slave, "x\ny", 3);
    show_bytes("raw line out", master);
    set(0, 0, 0, ICANON | ECHO, 3, 0);
    TYPED("two of three", "ab");
    TYPED("three of three", "c");
    set(0, 0, 0, ICANON | ECHO, 0, 0);
    V(read, "none wanted", read(slave, b, 8));
    set(0, 0, 0, ICANON | ECHO, 0, 1);
    V(read, "none within a tenth", read(slave, b, 8));
    set(ISTRIP | INLCR | IUCLC, 0, 0, 0, 1, 0);
    TYPED("mapped", "A\nB");
    E(read, "bad pointer, terminal", slave, BAD, 0L);
    fcntl(slave, F_SETFL, O_NONBLOCK);
    E(read, "nothing typed, no wait", slave, b, 1L);
    fcntl(master, F_SETFL, O_NONBLOCK);
    E(read, "nothing shown, no wait", master, b, 1L);
    close_two();
}

static int heard;
static void hear(int signal) { heard = signal; }

/* The leader of a session with the terminal. */
static void session(void)
{
    int number = 0;
    char b[8];
    setsid();
    for (int i = 1; i < 32; i++) signal(i, hear);
    open_two();
    IOCTL("SCTTY", slave, TIOCSCTTY, 0L);
    IOCTL("SCTTY again", slave, TIOCSCTTY, 0L);
    IOCTL("GPGRP", slave, TIOCGPGRP, &number);
    IOCTL_V("GPGRP is ours", number == getpgrp());
    IOCTL("GSID", slave, TIOCGSID, &number);
    IOCTL_V("GSID is ours", number == getpid());
    K(openat, "the terminal of its own", AT_FDCWD, "/dev/tty", O_RDWR);
    number = -5;
    IOCTL("SPGRP negative", slave, TIOCSPGRP, &number);
    number = 99999;
    IOCTL("SPGRP no such", slave, TIOCSPGRP, &number);
    number = 1;
    IOCTL("SPGRP of another session", slave, TIOCSPGRP, &number);
    IOCTL("SPGRP bad pointer", slave, TIOCSPGRP, BAD);
    write(master, "\x03", 1), usleep(20000);
    IOCTL_V("interrupt", heard);
    write(master, "\x1c", 1), usleep(20000);
    IOCTL_V("quit", heard);
    write(master, "\x1a", 1), usleep(20000);
    IOCTL_V("stop", heard);
    struct winsize w = {9, 9, 0, 0};
    Q(ioctl, master, TIOCSWINSZ, &w), usleep(20000);
    IOCTL_V("other window", heard);
    heard = 0, Q(ioctl, master, TIOCSWINSZ, &w), usleep(20000);
    IOCTL_V("same window", heard);
    heard = 0, Q(ioctl, master, TIOCSIG, (long)SIGUSR1), usleep(20000);
    IOCTL_V("SIG other", heard);
    Q(ioctl, master, TIOCSIG, (long)SIGINT), usleep(20000);
    IOCTL_V("SIG", heard);
    for (int ignored = 0; ignored < 2; ignored++) { /* a job in the background */
        pid_t job = fork();
        if (!job) {
            setpgid(0, 0);
            for (int i = 1; i < 32; i++) signal(i, ignored && (i == SIGTTIN || i == SIGTTOU) ? SIG_IGN : SIG_DFL);
            E(read, "in the background", slave, b, 1L);
            number = getpid();
            IOCTL("SPGRP in the background", slave, TIOCSPGRP, &number);
            _exit(5);
        }
        int status = 0;
        waitpid(job, &status, WUNTRACED);
        V(wait4, ignored ? "background, ignored" : "background",
          WIFSTOPPED(status) ? WSTOPSIG(status) : WEXITSTATUS(status) + 1000);
        kill(job, SIGKILL);
        if (!ignored) waitpid(job, &status, 0);
        number = getpgrp(), Q(ioctl, slave, TIOCSPGRP, &number);
    }
    heard = 0, close(master), usleep(20000);
    IOCTL_V("hang-up", heard);
    E(read, "after the hang-up", slave, b, 1L);
    E(write, "after the hang-up", slave, b, 1L);
    IOCTL("TCGETS after the hang-up", slave, TCGETS, b);
    fflush(stdout);
}

static void ends(void)
{
    char b[16];
    struct pollfd p;
    open_two();
    close(slave);
    p = (struct pollfd){master, POLLIN | POLLOUT, 0};
    V(ppoll, "master, slave closed", poll(&p, 1, 0)), V(ppoll, "master, slave closed, has", p.revents);
    E(read, "master, slave closed", master, b, 1L);
    close(master);
    open_two();
    p = (struct pollfd){slave, POLLIN | POLLOUT, 0};
    V(ppoll, "terminal", poll(&p, 1, 0)), V(ppoll, "terminal has", p.revents);
    close(master);
    V(ppoll, "terminal, master closed", poll(&p, 1, 0)), V(ppoll, "terminal, master closed, has", p.revents);
    E(write, "terminal, master closed", slave, b, 1L);
    close(slave);
    int on = 1;
    open_two();
    IOCTL("PKT", master, TIOCPKT, &on);
    write(slave, "out", 3);
    show_bytes("packet of output", master);
    Q(ioctl, slave, TCFLSH, 1L);
    show_bytes("packet of a flush", master);
    Q(ioctl, slave, TCXONC, 0L);
    show_bytes("packet of a stop", master);
    IOCTL("GPKT", master, TIOCGPKT, &on);
    IOCTL_V("GPKT is", on);
    close_two();
}

void family_tty(void)
{
    setvbuf(stdout, 0, _IOLBF, 0);
    opening();
    modes();
    lines();
    show_child("ioctl", "session", session);
    ends();
}
