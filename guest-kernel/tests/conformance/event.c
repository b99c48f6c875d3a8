/* event.c - poll, select, epoll, and files that stand for events. */
#include "conformance.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>

static void polls(void)
{
    int p[2], full[2];
    struct timespec none = {0, 0}, wrong = {0, -1}, some = {0, 5000000};
    uint64_t mask = 0;
    char b[4096] = {0};
    pipe(p), pipe2(full, O_NONBLOCK);
    while (write(full[1], b, sizeof b) > 0) {
    }
    long f = make_file("f", "x"), d = open(".", O_RDONLY);
    struct pollfd one[6] = {{p[0], POLLIN, 0}, {p[1], POLLOUT, 0}, {full[1], POLLOUT, 0},
                            {99, POLLIN, 0},   {-1, POLLIN, 0},    {(int)f, POLLIN | POLLOUT, 0}};
    E(ppoll, "six", one, 6, &none, 0L, 8L);
    for (int i = 0; i < 6; i++) {
        char what[20];
        snprintf(what, sizeof what, "six, number %d", i);
        V(ppoll, what, one[i].revents);
    }
    E(ppoll, "none", 0L, 0, &none, 0L, 8L);
    E(ppoll, "time is over", one, 1, &some, 0L, 8L);
    E(ppoll, "wrong time", one, 1, &wrong, 0L, 8L);
    E(ppoll, "bad time", one, 1, BAD, 0L, 8L);
    E(ppoll, "bad pointer", BAD, 1, &none, 0L, 8L);
    E(ppoll, "too many", one, 100000, &none, 0L, 8L);
    E(ppoll, "mask of wrong size", one, 1, &none, &mask, 4L);
    E(ppoll, "bad mask", one, 1, &none, BAD, 8L);
    struct pollfd dir = {(int)d, POLLIN | POLLOUT | POLLPRI, 0};
    E(ppoll, "directory", &dir, 1, &none, 0L, 8L);
    V(ppoll, "directory has", dir.revents);
    dir = (struct pollfd){open("/dev/null", O_RDWR), POLLIN | POLLOUT | POLLPRI, 0};
    Q(ppoll, &dir, 1, &none, 0L, 8L);
    V(ppoll, "/dev/null has", dir.revents);
    close(p[1]);
    one[0].events = POLLIN | POLLOUT;
    E(ppoll, "no writer", one, 1, &none, 0L, 8L);
    V(ppoll, "no writer has", one[0].revents);
    close(full[0]);
    one[2].events = POLLOUT;
    E(ppoll, "no reader", &one[2], 1, &none, 0L, 8L);
    V(ppoll, "no reader has", one[2].revents);
    fd_set in, out;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(p[0], &in);
    FD_SET(f, &out);
    E(pselect6, "two", (int)f + 1, &in, &out, 0L, &none, 0L);
    V(pselect6, "in", FD_ISSET(p[0], &in) != 0), V(pselect6, "out", FD_ISSET(f, &out) != 0);
    E(pselect6, "negative", -1, 0L, 0L, 0L, &none, 0L);
    E(pselect6, "wrong time", 1, 0L, 0L, 0L, &wrong, 0L);
    FD_SET(98, &in);
    E(pselect6, "not open", 99, &in, 0L, 0L, &none, 0L);
    E(pselect6, "bad pointer", 5, BAD, 0L, 0L, &none, 0L);
    E(pselect6, "bad mask", 0, 0L, 0L, 0L, &none, BAD);
    E(pselect6, "more than there can be", 1 << 20, 0L, 0L, 0L, &none, 0L);
    close_range(3, 1000, 0);
}

static void epolls(void)
{
    int p[2], ep = epoll_create1(0), other = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = 77}, got[4];
    struct timespec none = {0, 0}, wrong = {0, -1};
    uint64_t mask = 0;
    pipe(p);
    long f = make_file("f", "x");
    E(epoll_create1, "bad flags", 1);
    K(epoll_create1, "cloexec", EPOLL_CLOEXEC);
    E(epoll_ctl, "add", ep, EPOLL_CTL_ADD, p[0], &e);
    E(epoll_ctl, "add again", ep, EPOLL_CTL_ADD, p[0], &e);
    E(epoll_ctl, "change a stranger", ep, EPOLL_CTL_MOD, p[1], &e);
    E(epoll_ctl, "remove a stranger", ep, EPOLL_CTL_DEL, p[1], &e);
    E(epoll_ctl, "itself", ep, EPOLL_CTL_ADD, ep, &e);
    E(epoll_ctl, "file", ep, EPOLL_CTL_ADD, f, &e);
    E(epoll_ctl, "bad descriptor", ep, EPOLL_CTL_ADD, 99, &e);
    E(epoll_ctl, "bad epoll", 99, EPOLL_CTL_ADD, p[0], &e);
    E(epoll_ctl, "no epoll", p[0], EPOLL_CTL_ADD, p[1], &e);
    E(epoll_ctl, "bad operation", ep, 9, p[0], &e);
    E(epoll_ctl, "bad pointer", ep, EPOLL_CTL_ADD, p[1], BAD);
    E(epoll_ctl, "remove, bad pointer", ep, EPOLL_CTL_DEL, p[1], BAD);
    e.events = EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT;
    E(epoll_ctl, "exclusive one-shot", ep, EPOLL_CTL_ADD, p[1], &e);
    e.events = EPOLLIN;
    E(epoll_ctl, "nested", ep, EPOLL_CTL_ADD, other, &e);
    E(epoll_ctl, "circle", other, EPOLL_CTL_ADD, ep, &e);
    E(epoll_pwait, "nothing", ep, got, 4, 0, 0L, 8L);
    write(p[1], "x", 1);
    E(epoll_pwait, "ready", ep, got, 4, 0, 0L, 8L);
    V(epoll_pwait, "events", got[0].events), V(epoll_pwait, "data", got[0].data.u64);
    E(epoll_pwait, "no room", ep, got, 0, 0, 0L, 8L);
    E(epoll_pwait, "negative room", ep, got, -1, 0, 0L, 8L);
    E(epoll_pwait, "bad pointer", ep, BAD, 4, 0, 0L, 8L);
    E(epoll_pwait, "kernel pointer", ep, KERNEL, 4, 0, 0L, 8L);
    E(epoll_pwait, "still ready", ep, got, 4, 0, &mask, 8L);
    E(epoll_pwait, "mask of wrong size", ep, got, 4, 0, &mask, 4L);
    E(epoll_pwait, "bad mask", ep, got, 4, 0, BAD, 8L);
    E(epoll_pwait, "bad descriptor", 99, got, 4, 0, 0L, 8L);
    E(epoll_pwait, "no epoll", p[0], got, 4, 0, 0L, 8L);
    E(epoll_pwait2, "ready", ep, got, 4, &none, 0L, 8L);
    E(epoll_pwait2, "wrong time", ep, got, 4, &wrong, 0L, 8L);
    E(epoll_pwait2, "bad time", ep, got, 4, BAD, 0L, 8L);
    E(read, "epoll", ep, got, 4);
    E(write, "epoll", ep, got, 4);
    E(lseek, "epoll", ep, 0L, 0);
    struct stat st;
    fstat(ep, &st);
    V(fstat, "epoll mode", st.st_mode);
    char b[64] = "";
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", ep);
    V(readlinkat, "epoll name length", Q(readlinkat, AT_FDCWD, link, b, 63));
    show_text("readlinkat", "epoll name", b);
    close_range(3, 1000, 0);
}

static void event_files(void)
{
    uint64_t n = 0, set = 1ull << (SIGUSR1 - 1);
    struct itimerspec s = {{0, 0}, {100, 0}}, old, wrong = {{0, 0}, {0, -1}};
    int e = eventfd(2, EFD_NONBLOCK), t = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    E(eventfd2, "bad flags", 0, 2);
    K(eventfd2, "semaphore", 0, EFD_SEMAPHORE | EFD_CLOEXEC);
    E(read, "eventfd", e, &n, 8);
    V(read, "eventfd value", n);
    E(read, "eventfd empty", e, &n, 8);
    E(read, "eventfd short", e, &n, 7);
    n = -1;
    E(write, "eventfd all ones", e, &n, 8);
    E(write, "eventfd short", e, &n, 4);
    E(write, "eventfd bad pointer", e, BAD, 8);
    E(lseek, "eventfd", e, 0L, 0);
    E(pread64, "eventfd", e, &n, 8, 0L);
    E(timerfd_create, "bad clock", 2, 0);
    E(timerfd_create, "bad flags", 1, 1);
    K(timerfd_create, "boot time", 7, 0);
    E(timerfd_settime, "ok", t, 0, &s, 0L);
    E(timerfd_settime, "old", t, 0, &s, &old);
    V(timerfd_settime, "old value", old.it_value.tv_sec >= 99);
    E(timerfd_settime, "wrong", t, 0, &wrong, 0L);
    E(timerfd_settime, "bad flags", t, 4, &s, 0L);
    E(timerfd_settime, "bad pointer", t, 0, BAD, 0L);
    E(timerfd_settime, "bad old pointer", t, 0, &s, BAD);
    E(timerfd_settime, "bad descriptor", 99, 0, &s, 0L);
    E(timerfd_settime, "no timer", e, 0, &s, 0L);
    E(timerfd_gettime, "ok", t, &old);
    E(timerfd_gettime, "bad pointer", t, BAD);
    E(timerfd_gettime, "bad descriptor", 99, &old);
    E(timerfd_gettime, "no timer", e, &old);
    E(read, "timer not yet", t, &n, 8);
    E(read, "timer short", t, &n, 4);
    E(write, "timer", t, &n, 8);
    E(signalfd4, "bad flags", -1, &set, 8L, 1);
    E(signalfd4, "wrong size", -1, &set, 4L, 0);
    E(signalfd4, "bad pointer", -1, BAD, 8L, 0);
    E(signalfd4, "bad descriptor", 99, &set, 8L, 0);
    E(signalfd4, "no signalfd", e, &set, 8L, 0);
    Q(rt_sigprocmask, SIG_BLOCK, &set, 0L, 8L);
    int sf = (int)Q(signalfd4, -1, &set, 8L, SFD_NONBLOCK);
    struct signalfd_siginfo info;
    E(read, "signalfd nothing", sf, &info, sizeof info);
    E(read, "signalfd short", sf, &info, 10);
    kill(getpid(), SIGUSR1);
    E(read, "signalfd", sf, &info, sizeof info);
    V(read, "signalfd number", info.ssi_signo), V(read, "signalfd code", info.ssi_code);
    E(write, "signalfd", sf, &info, sizeof info);
    close_range(3, 1000, 0);
}

void family_event(void)
{
    polls();
    epolls();
    event_files();
}
