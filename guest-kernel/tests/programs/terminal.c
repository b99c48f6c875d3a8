/* Terminals: editing, modes, job control, hang-ups; a pseudo terminal stands for the person. */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

static int master, terminal;
static char path[64];

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void open_pair(void)
{
    master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    CHECK(master >= 0);
    CHECK(grantpt(master) == 0 && unlockpt(master) == 0 && ptsname_r(master, path, sizeof path) == 0);
    terminal = open(path, O_RDWR | O_NOCTTY);
    CHECK(terminal >= 0);
}

static void close_pair(void) { close(terminal), close(master); }

static void set_modes(tcflag_t on, tcflag_t off, int least, int tenths)
{
    struct termios t;
    tcgetattr(terminal, &t);
    t.c_lflag = (t.c_lflag | on) & ~off;
    t.c_cc[VMIN] = (cc_t)least, t.c_cc[VTIME] = (cc_t)tenths;
    tcsetattr(terminal, TCSANOW, &t);
}

static void type_bytes(const char *bytes, size_t n) { CHECK(write(master, bytes, n) == (ssize_t)n); }
#define TYPE(text) type_bytes(text, sizeof(text) - 1)

/* What comes from `fd` within a short time. */
static size_t take(int fd, char *to, size_t room)
{
    size_t n = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (n < room && poll(&p, 1, n ? 30 : 1000) > 0 && (p.revents & POLLIN)) {
        ssize_t got = read(fd, to + n, room - n);
        if (got <= 0) break;
        n += (size_t)got;
    }
    return n;
}

static int matches(int line, const char *got, size_t n, const char *wanted, size_t m)
{
    if (n == m && !memcmp(got, wanted, n)) return 1;
    printf("line %d: wanted %zu bytes, got %zu:", line, m, n);
    for (size_t i = 0; i < n; i++) printf(got[i] > 32 && got[i] < 127 ? "%c" : " %02x ", (unsigned char)got[i]);
    printf("\n");
    return 0;
}

static void reads_exactly(int line, int fd, const char *wanted, size_t m)
{
    char got[512];
    ssize_t n = read(fd, got, sizeof got);
    CHECK(matches(line, got, n < 0 ? 0 : (size_t)n, wanted, m));
}
static void shows_exactly(int line, const char *wanted, size_t m)
{
    char got[512];
    CHECK(matches(line, got, take(master, got, m ? m : 1), wanted, m));
}
#define READS(text) reads_exactly(__LINE__, terminal, text, sizeof(text) - 1)
#define SHOWS(text) shows_exactly(__LINE__, text, sizeof(text) - 1)

static void test_lines(void)
{
    open_pair();
    TYPE("abc\n"), READS("abc\n"), SHOWS("abc\r\n");
    TYPE("abX\177c\r"), READS("abc\n"), SHOWS("abX\b \bc\r\n");
    TYPE("junk\025ok\n"), READS("ok\n"), SHOWS("junk\b \b\b \b\b \b\b \bok\r\n");
    TYPE("foo bar \027baz\n"), READS("foo baz\n");
    SHOWS("foo bar \b \b\b \b\b \b\b \bbaz\r\n");
    TYPE("\026\003\n"), READS("\003\n"), SHOWS("^\b^C\r\n");
    TYPE("part\004"), READS("part"), SHOWS("part");
    TYPE("\004"), READS("");
    TYPE("x\001\177y\n"), READS("xy\n"), SHOWS("x^A\b \b\b \by\r\n");
    TYPE("ab\t\177c\n"), READS("abc\n"), SHOWS("ab\t\b\b\b\b\b\bc\r\n");
    TYPE("re\022x\n"), READS("rex\n"), SHOWS("re^R\r\nrex\r\n");
    TYPE("one\ntwo\n");
    usleep(10000);
    int waiting = 0;
    CHECK(ioctl(terminal, FIONREAD, &waiting) == 0 && waiting == 8);
    char small[3];
    CHECK(read(terminal, small, 2) == 2 && !memcmp(small, "on", 2));
    READS("e\n"), READS("two\n"), SHOWS("one\r\ntwo\r\n");
    TYPE("gone\n");
    usleep(10000);
    CHECK(tcflush(terminal, TCIFLUSH) == 0 && ioctl(terminal, FIONREAD, &waiting) == 0 && waiting == 0);
    SHOWS("gone\r\n");
    set_modes(0, ECHO, 1, 0);
    TYPE("secret\n"), READS("secret\n");
    set_modes(ECHONL, ECHO, 1, 0);
    TYPE("secret\n"), READS("secret\n"), SHOWS("\r\n");
    close_pair();
}

static void test_long_line(void)
{
    static char line[5001], got[5001];
    open_pair();
    set_modes(0, ECHO, 1, 0);
    memset(line, 'x', 5000);
    line[5000] = '\n';
    struct pollfd p = {.fd = master, .events = POLLOUT};
    for (int i = 0; i < 5001; i += 1000) {
        CHECK(poll(&p, 1, 2000) == 1 && (p.revents & POLLOUT)); /* what is too much is dropped, the end still comes */
        type_bytes(line + i, i == 5000 ? 1 : 1000);
    }
    CHECK(read(terminal, got, sizeof got) == 4096 && got[4095] == '\n' && got[4094] == 'x');
    close_pair();
}

static void test_translation(void)
{
    struct termios t;
    open_pair();
    CHECK(tcgetattr(terminal, &t) == 0);
    CHECK(t.c_iflag == (ICRNL | IXON) && t.c_oflag == (OPOST | ONLCR) && t.c_cc[VINTR] == 3 && t.c_cc[VERASE] == 127);
    CHECK(write(terminal, "a\nb", 3) == 3);
    SHOWS("a\r\nb");
    t.c_oflag &= ~(tcflag_t)OPOST;
    tcsetattr(terminal, TCSADRAIN, &t);
    CHECK(write(terminal, "a\nb", 3) == 3);
    SHOWS("a\nb");
    t.c_oflag |= OPOST | XTABS, t.c_iflag = INLCR, t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    tcsetattr(terminal, TCSAFLUSH, &t);
    CHECK(write(terminal, "\rab\tc", 5) == 5);
    SHOWS("\rab      c");
    TYPE("\n"), READS("\r");
    t.c_iflag = IGNCR;
    tcsetattr(terminal, TCSANOW, &t);
    TYPE("a\rb"), READS("ab");
    t.c_iflag = ISTRIP;
    tcsetattr(terminal, TCSANOW, &t);
    TYPE("\341"), READS("a");
    struct termios again;
    CHECK(tcgetattr(terminal, &again) == 0 && !memcmp(t.c_cc, again.c_cc, sizeof t.c_cc) && again.c_iflag == ISTRIP);
    CHECK(tcgetattr(master, &again) == 0 && again.c_iflag == ISTRIP);
    close_pair();
}

static void type_later(const char *text, int pieces, int ms)
{
    if (fork()) return;
    for (int i = 0; i < pieces; i++) usleep((useconds_t)ms * 1000), write(master, text + i, 1);
    _exit(0);
}

static void test_raw(void)
{
    open_pair();
    set_modes(0, ICANON | ECHO | ISIG, 0, 0);
    READS("");
    TYPE("\003\004x"), usleep(10000), READS("\003\004x");
    set_modes(0, 0, 3, 0);
    type_later("abc", 3, 20);
    READS("abc");
    set_modes(0, 0, 0, 1);
    double begin = seconds();
    READS("");
    CHECK(seconds() - begin > 0.08 && seconds() - begin < 0.5);
    type_later("q", 1, 20);
    READS("q");
    set_modes(0, 0, 10, 2);
    type_later("xy", 2, 30);
    begin = seconds();
    READS("xy");
    CHECK(seconds() - begin > 0.2);
    while (wait(NULL) > 0) {
    }
    fcntl(terminal, F_SETFL, O_RDWR | O_NONBLOCK);
    char c;
    CHECK(read(terminal, &c, 1) == -1 && errno == EAGAIN);
    set_modes(ICANON, 0, 1, 0);
    CHECK(read(terminal, &c, 1) == -1 && errno == EAGAIN);
    TYPE("half");
    usleep(10000);
    CHECK(read(terminal, &c, 1) == -1 && errno == EAGAIN);
    set_modes(0, ICANON, 1, 0); /* what was typed is there now */
    READS("half");
    close_pair();
}

static void test_flow(void)
{
    struct pollfd p = {.events = POLLIN | POLLOUT};
    open_pair();
    p.fd = terminal;
    CHECK(poll(&p, 1, 0) == 1 && p.revents == POLLOUT);
    TYPE("\023");
    usleep(10000);
    CHECK(poll(&p, 1, 0) == 0);
    fcntl(terminal, F_SETFL, O_RDWR | O_NONBLOCK);
    CHECK(write(terminal, "x", 1) == -1 && errno == EAGAIN);
    TYPE("\021");
    usleep(10000);
    CHECK(write(terminal, "x", 1) == 1);
    SHOWS("x");
    TYPE("line\n");
    CHECK(poll(&p, 1, 1000) == 1 && (p.revents & POLLIN));
    static char much[100000];
    ssize_t all = 0, n;
    while ((n = write(terminal, much, sizeof much)) > 0) all += n;
    CHECK(errno == EAGAIN && all >= 1000);
    close_pair();
}

static void test_names(void)
{
    struct stat st;
    char name[64], c;
    open_pair();
    CHECK(isatty(terminal) && isatty(master) && ttyname_r(terminal, name, sizeof name) == 0 && !strcmp(name, path));
    CHECK(stat(path, &st) == 0 && S_ISCHR(st.st_mode));
    int other = open("/dev/ptmx", O_RDWR | O_NOCTTY), number = -1;
    CHECK(other >= 0 && ioctl(other, TIOCGPTN, &number) == 0);
    snprintf(name, sizeof name, "/dev/pts/%d", number);
    CHECK(strcmp(name, path) != 0 && open(name, O_RDWR | O_NOCTTY) == -1 && errno == EIO); /* locked */
    close(other);
    CHECK(stat(name, &st) == -1 && errno == ENOENT);
    CHECK(write(terminal, "z", 1) == 1);
    close(terminal);
    SHOWS("z");
    CHECK(read(master, &c, 1) == -1 && errno == EIO);
    struct pollfd p = {.fd = master, .events = POLLIN};
    CHECK(poll(&p, 1, 0) == 1 && (p.revents & POLLHUP));
    terminal = open(path, O_RDWR | O_NOCTTY);
    CHECK(terminal >= 0 && poll(&p, 1, 0) == 0);
    close(master);
    CHECK(read(terminal, &c, 1) == 0 && write(terminal, "x", 1) == -1 && errno == EIO);
    p.fd = terminal;
    CHECK(poll(&p, 1, 0) == 1 && (p.revents & POLLHUP));
    close(terminal);
}

/* Job control. The child is a session leader on the terminal; it reports by lines that it writes there. */

static char seen[4096]; /* what has come and was not waited for yet */
static size_t seen_bytes;

static void wait_for(const char *text)
{
    double begin = seconds();
    for (;;) {
        seen[seen_bytes] = 0;
        char *found = strstr(seen, text);
        if (found) {
            seen_bytes -= (size_t)(found + strlen(text) - seen);
            memmove(seen, found + strlen(text), seen_bytes);
            return;
        }
        struct pollfd p = {.fd = master, .events = POLLIN};
        if (seen_bytes == sizeof seen - 1 || seconds() - begin > 5) break;
        if (poll(&p, 1, 100) <= 0) continue;
        ssize_t got = read(master, seen + seen_bytes, sizeof seen - 1 - seen_bytes);
        if (got <= 0) break;
        seen_bytes += (size_t)got;
    }
    printf("did not come: %s; came: %s\n", text, seen);
    CHECK(!"the text comes");
}

static void say(const char *format, ...)
{
    char line[128];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    write(2, line, (size_t)n);
}

static pid_t session(void (*leader)(void))
{
    open_pair();
    seen_bytes = 0;
    pid_t pid = fork();
    if (pid) {
        close(terminal);
        return pid;
    }
    setsid();
    int fd = open(path, O_RDWR);
    for (int i = 0; i < 3; i++) dup2(fd, i);
    close(fd), close(master), close(terminal);
    leader();
    _exit(0);
}

static int status_of(pid_t pid)
{
    int status = -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

/* A child in a group of its own, in the foreground or not. */
static pid_t job(void (*work)(void), int foreground)
{
    pid_t pid = fork();
    if (!pid) {
        setpgid(0, 0);
        signal(SIGTTOU, SIG_IGN);
        if (foreground) tcsetpgrp(0, getpgrp());
        signal(SIGTTOU, SIG_DFL);
        work();
        _exit(0);
    }
    setpgid(pid, pid);
    return pid;
}

static void wait_for_ever(void)
{
    say("ready\n");
    for (;;) pause();
}
static void read_one(void)
{
    char c;
    ssize_t n = read(0, &c, 1);
    say("read %zd\n", n);
}
static void write_one(void) { write(1, "written\n", 8); }

static void lead_signals(void)
{
    int status, fd = open("/dev/tty", O_RDWR);
    say("own %d %d %d\n", fd >= 0, tcgetpgrp(0) == getpid(), tcgetsid(fd) == getpid());
    close(fd);
    signal(SIGTTOU, SIG_IGN);
    pid_t pid = job(wait_for_ever, 1);
    waitpid(pid, &status, WUNTRACED);
    say("int %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : -1);
    pid = job(wait_for_ever, 1);
    waitpid(pid, &status, WUNTRACED);
    say("stop %d\n", WIFSTOPPED(status) ? WSTOPSIG(status) : -1);
    tcsetpgrp(0, getpgrp());
    kill(-pid, SIGKILL);
    waitpid(pid, &status, 0);
    pid = job(wait_for_ever, 1);
    waitpid(pid, &status, WUNTRACED);
    say("quit %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : -1);
    tcsetpgrp(0, getpgrp());
    say("end\n");
}

static void test_keyboard_signals(void)
{
    pid_t pid = session(lead_signals);
    wait_for("own 1 1 1");
    wait_for("ready"), TYPE("\003"), wait_for("int 2");
    wait_for("ready"), TYPE("\032"), wait_for("stop 20");
    wait_for("ready"), TYPE("\034"), wait_for("quit 3");
    wait_for("end");
    CHECK(status_of(pid) == 0);
    close(master);
}

static void lead_background(void)
{
    int status;
    signal(SIGTTOU, SIG_IGN);
    pid_t pid = job(read_one, 0);
    waitpid(pid, &status, WUNTRACED);
    say("reader %d\n", WIFSTOPPED(status) ? WSTOPSIG(status) : -1);
    tcsetpgrp(0, pid);
    kill(-pid, SIGCONT);
    waitpid(pid, &status, WUNTRACED);
    say("reader ended %d\n", WIFEXITED(status));
    tcsetpgrp(0, getpgrp());
    pid = job(write_one, 0);
    waitpid(pid, &status, WUNTRACED);
    say("writer ended %d\n", WIFEXITED(status));
    struct termios t;
    tcgetattr(0, &t);
    t.c_lflag |= TOSTOP;
    tcsetattr(0, TCSANOW, &t);
    pid = job(write_one, 0);
    waitpid(pid, &status, WUNTRACED);
    say("writer %d\n", WIFSTOPPED(status) ? WSTOPSIG(status) : -1);
    kill(-pid, SIGKILL);
    waitpid(pid, &status, 0);
    say("end\n");
}

static void test_background(void)
{
    pid_t pid = session(lead_background);
    wait_for("reader 21");
    TYPE("x\n");
    wait_for("read 1"), wait_for("reader ended 1"), wait_for("written"), wait_for("writer ended 1");
    wait_for("writer 22"), wait_for("end");
    CHECK(status_of(pid) == 0);
    close(master);
}

static volatile sig_atomic_t windows, hangups;
static void count_window(int signal) { windows += signal == SIGWINCH, hangups += signal == SIGHUP; }

static void lead_window(void)
{
    struct winsize w;
    struct sigaction action = {.sa_handler = count_window};
    sigaction(SIGWINCH, &action, NULL);
    say("ready\n");
    while (!windows) usleep(1000);
    ioctl(0, TIOCGWINSZ, &w);
    say("window %d %d\n", w.ws_row, w.ws_col);
}

static void test_window(void)
{
    struct winsize w = {.ws_row = 50, .ws_col = 132};
    pid_t pid = session(lead_window);
    wait_for("ready");
    CHECK(ioctl(master, TIOCSWINSZ, &w) == 0);
    wait_for("window 50 132");
    CHECK(status_of(pid) == 0);
    close(master);
}

/* When the master goes, the leader gets SIGHUP; when the leader goes, its foreground job does. */
static int report[2];

static void lead_hang_up(void)
{
    signal(SIGHUP, count_window);
    say("ready\n");
    while (!hangups) usleep(1000);
    char c;
    ssize_t n = read(0, &c, 1);
    int dead = write(1, "x", 1) == -1 && errno == EIO, none = open("/dev/tty", O_RDWR) == -1 && errno == ENXIO;
    char result[3] = {n == 0 ? 'y' : 'n', dead ? 'y' : 'n', none ? 'y' : 'n'};
    write(report[1], result, 3);
}

static void hear_hang_up(void)
{
    signal(SIGHUP, count_window);
    say("ready\n");
    while (!hangups) usleep(1000);
    write(report[1], "hup", 3);
}

static void orphan_reads(void)
{
    signal(SIGHUP, SIG_IGN);
    pid_t parent = getppid();
    say("ready\n");
    while (getppid() == parent) usleep(1000);
    char c;
    ssize_t n = read(0, &c, 1);
    write(report[1], n == -1 && errno == EIO ? "eio" : "no!", 3);
}

static void lead_short(void)
{
    signal(SIGTTOU, SIG_IGN);
    job(hear_hang_up, 1);
    usleep(50000);
}

static void start_orphan(void)
{
    job(orphan_reads, 0);
    usleep(50000);
}

static void lead_orphan(void)
{
    job(start_orphan, 0);
    wait(NULL);
    say("waiting\n");
    pause();
}

static void test_hang_up(void)
{
    char result[4] = "";
    pipe(report);
    pid_t pid = session(lead_hang_up);
    wait_for("ready");
    close(master);
    CHECK(read(report[0], result, 3) == 3 && !strcmp(result, "yyy"));
    CHECK(status_of(pid) == 0);
    pid = session(lead_short);
    wait_for("ready");
    CHECK(status_of(pid) == 0);
    CHECK(read(report[0], result, 3) == 3 && !strcmp(result, "hup"));
    close(master);
    pid = session(lead_orphan);
    wait_for("ready");
    CHECK(read(report[0], result, 3) == 3 && !strcmp(result, "eio"));
    kill(pid, SIGKILL);
    CHECK(status_of(pid) == SIGKILL);
    close(master);
}

static void lead_refused(void)
{
    int good = ioctl(0, TIOCSPGRP, &(int){1}) == -1 && errno == EPERM;
    good &= ioctl(0, TIOCSPGRP, &(int){999999}) == -1 && errno == ESRCH;
    good &= ioctl(0, TIOCSPGRP, &(int){-1}) == -1 && errno == EINVAL;
    good &= ioctl(0, TIOCNOTTY) == 0 && tcgetpgrp(0) == -1 && errno == ENOTTY;
    good &= open("/dev/tty", O_RDWR) == -1 && errno == ENXIO;
    good &= ioctl(0, TIOCSCTTY, 0) == 0 && tcgetpgrp(0) == getpid();
    if (!fork()) {
        int fine = setsid() == getpid() && tcgetpgrp(0) == -1 && errno == ENOTTY;
        fine &= ioctl(0, TIOCSCTTY, 0) == -1 && errno == EPERM;
        _exit(fine);
    }
    int status;
    wait(&status);
    say("refused %d %d\n", good, WEXITSTATUS(status));
}

static void test_refusals(void)
{
    signal(SIGHUP, SIG_IGN);
    int ends[2];
    char c;
    pipe(ends);
    CHECK(ioctl(ends[0], TCGETS, &c) == -1 && errno == ENOTTY && !isatty(ends[0]));
    close(ends[0]), close(ends[1]);
    pid_t pid = session(lead_refused);
    wait_for("refused 1 1");
    CHECK(status_of(pid) == 0);
    CHECK(ioctl(master, TIOCSETD, &(int){77}) == -1 && errno == EINVAL);
    CHECK(ioctl(master, 0x5499, 0) == -1 && (errno == ENOTTY || errno == EINVAL));
    CHECK(ioctl(master, TCGETS, 8) == -1 && errno == EFAULT);
    close(master);
    signal(SIGHUP, SIG_DFL);
}

/* Many at once, opened and closed while bytes are on their way. */
static void test_many(void)
{
    int ends[40][2];
    for (int i = 0; i < 40; i++) {
        open_pair();
        ends[i][0] = master, ends[i][1] = terminal;
    }
    for (int i = 0; i < 40; i++) {
        master = ends[i][0], terminal = ends[i][1];
        TYPE("hello\n"), READS("hello\n");
        close_pair();
    }
    for (int i = 0; i < 100; i++) {
        open_pair();
        pid_t pid = fork();
        if (!pid) {
            char c;
            close(master);
            while (read(terminal, &c, 1) > 0) write(terminal, &c, 1);
            _exit(0);
        }
        close(terminal);
        write(master, "some text\nand more\n", 19);
        close(master);
        status_of(pid);
    }
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    test_lines();
    test_long_line();
    test_translation();
    test_raw();
    test_flow();
    test_names();
    test_keyboard_signals();
    test_background();
    test_window();
    test_hang_up();
    test_refusals();
    test_many();
    return finish();
}
