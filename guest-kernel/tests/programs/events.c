/* Event files as programs see them: epoll in all modes, eventfd, timerfd, signalfd. */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>

static int fails(long result, int wanted) { return result == -1 && errno == wanted; }

static int ctl(int ep, int op, int fd, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.fd = fd};
    return epoll_ctl(ep, op, fd, &e);
}

/* The events of the only ready descriptor, which must be fd; 0: none. */
static uint32_t one(int ep, int fd)
{
    struct epoll_event e[4];
    int n = epoll_wait(ep, e, 4, 0);
    if (n == 1 && e[0].data.fd == fd) return e[0].events;
    return n ? 0xdeadbeef : 0;
}

static void levels(void)
{
    int ep = epoll_create1(EPOLL_CLOEXEC), p[2];
    char c;
    CHECK(ep >= 0 && pipe(p) == 0 && fails(epoll_create1(1), EINVAL));
    CHECK(ctl(ep, EPOLL_CTL_ADD, p[0], EPOLLIN) == 0 && fails(ctl(ep, EPOLL_CTL_ADD, p[0], EPOLLIN), EEXIST));
    CHECK(fails(ctl(ep, EPOLL_CTL_MOD, p[1], EPOLLIN), ENOENT) && fails(ctl(ep, EPOLL_CTL_DEL, p[1], 0), ENOENT));
    CHECK(fails(ctl(ep, EPOLL_CTL_ADD, ep, EPOLLIN), EINVAL) && fails(ctl(ep, EPOLL_CTL_ADD, 99, EPOLLIN), EBADF));
    CHECK(fails(ctl(p[0], EPOLL_CTL_ADD, p[1], EPOLLIN), EINVAL) && fails(ctl(ep, 9, p[0], 0), EINVAL));
    int dir = open("/", O_RDONLY);
    CHECK(fails(ctl(ep, EPOLL_CTL_ADD, dir, EPOLLIN), EPERM));
    close(dir);
    CHECK(one(ep, p[0]) == 0);
    write(p[1], "ab", 2);
    CHECK(one(ep, p[0]) == EPOLLIN && one(ep, p[0]) == EPOLLIN); /* again and again */
    read(p[0], &c, 1), read(p[0], &c, 1);
    CHECK(one(ep, p[0]) == 0);
    CHECK(ctl(ep, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLET) == 0);
    write(p[1], "a", 1);
    CHECK(one(ep, p[0]) == EPOLLIN && one(ep, p[0]) == 0); /* once for each edge */
    write(p[1], "b", 1);
    CHECK(one(ep, p[0]) == EPOLLIN && one(ep, p[0]) == 0);
    CHECK(ctl(ep, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLONESHOT) == 0);
    CHECK(one(ep, p[0]) == EPOLLIN && one(ep, p[0]) == 0);
    write(p[1], "c", 1);
    CHECK(one(ep, p[0]) == 0);
    CHECK(ctl(ep, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLONESHOT) == 0 && one(ep, p[0]) == EPOLLIN);
    CHECK(ctl(ep, EPOLL_CTL_MOD, p[0], EPOLLIN) == 0);
    close(p[1]);
    CHECK(one(ep, p[0]) == (EPOLLIN | EPOLLHUP));
    int copy = dup(p[0]);
    close(p[0]); /* the copy keeps the open file */
    CHECK(one(ep, p[0]) == (EPOLLIN | EPOLLHUP));
    close(copy);
    CHECK(one(ep, p[0]) == 0);
    struct epoll_event e;
    CHECK(fails(epoll_wait(ep, &e, 0, 0), EINVAL) && fails(epoll_wait(0, &e, 1, 0), EINVAL));
    close(ep);
}

static void nests(void)
{
    int ep[8], p[2];
    CHECK(pipe(p) == 0);
    for (int i = 0; i < 8; i++) ep[i] = epoll_create1(0);
    CHECK(ctl(ep[0], EPOLL_CTL_ADD, p[0], EPOLLIN) == 0 && ctl(ep[1], EPOLL_CTL_ADD, ep[0], EPOLLIN) == 0);
    CHECK(ctl(ep[2], EPOLL_CTL_ADD, ep[1], EPOLLIN) == 0);
    CHECK(fails(ctl(ep[0], EPOLL_CTL_ADD, ep[2], EPOLLIN), ELOOP));
    CHECK(one(ep[2], ep[1]) == 0);
    write(p[1], "x", 1);
    CHECK(one(ep[2], ep[1]) == EPOLLIN && one(ep[0], p[0]) == EPOLLIN);
    struct pollfd q = {ep[2], POLLIN, 0};
    CHECK(poll(&q, 1, 0) == 1);
    int i;
    for (i = 3; i < 8 && ctl(ep[i], EPOLL_CTL_ADD, ep[i - 1], EPOLLIN) == 0; i++) {
    }
    CHECK(i < 8 && (errno == ELOOP || errno == EINVAL));
    close(p[0]);
    CHECK(one(ep[2], ep[1]) == 0);
    for (i = 0; i < 8; i++) close(ep[i]);
    close(p[1]);
}

static void *later(void *argument)
{
    usleep(30000);
    uint64_t n = 1;
    write(*(int *)argument, &n, 8);
    return 0;
}

static void counters(void)
{
    uint64_t n = 5;
    int e = eventfd(3, EFD_NONBLOCK);
    CHECK(write(e, &n, 8) == 8 && read(e, &n, 8) == 8 && n == 8 && fails(read(e, &n, 8), EAGAIN));
    CHECK(fails(read(e, &n, 4), EINVAL) && fails(write(e, &n, 7), EINVAL));
    n = UINT64_MAX;
    CHECK(fails(write(e, &n, 8), EINVAL));
    n = UINT64_MAX - 1;
    CHECK(write(e, &n, 8) == 8);
    struct pollfd p = {e, POLLIN | POLLOUT, 0};
    CHECK(poll(&p, 1, 0) == 1 && p.revents == POLLIN);
    n = 1;
    CHECK(fails(write(e, &n, 8), EAGAIN));
    close(e);
    e = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
    CHECK(read(e, &n, 8) == 8 && n == 1 && read(e, &n, 8) == 8 && fails(read(e, &n, 8), EAGAIN));
    close(e);
    CHECK(fails(eventfd(0, 4), EINVAL));
    e = eventfd(0, 0);
    int ep = epoll_create1(0);
    struct epoll_event event;
    pthread_t thread;
    ctl(ep, EPOLL_CTL_ADD, e, EPOLLIN);
    pthread_create(&thread, 0, later, &e);
    CHECK(epoll_wait(ep, &event, 1, 5000) == 1 && event.data.fd == e && event.events == EPOLLIN);
    pthread_join(thread, 0);
    CHECK(read(e, &n, 8) == 8 && n == 1);
    pthread_create(&thread, 0, later, &e);
    CHECK(read(e, &n, 8) == 8 && n == 1); /* waits */
    pthread_join(thread, 0);
    CHECK(epoll_wait(ep, &event, 1, 20) == 0);
    close(e), close(ep);
}

static void timers(void)
{
    int t = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    uint64_t n = 0;
    struct itimerspec s = {{0, 10000000}, {0, 20000000}}, old;
    CHECK(fails(read(t, &n, 8), EAGAIN) && timerfd_settime(t, 0, &s, 0) == 0);
    struct pollfd p = {t, POLLIN, 0};
    CHECK(poll(&p, 1, 5000) == 1 && read(t, &n, 8) == 8 && n >= 1);
    usleep(60000);
    CHECK(read(t, &n, 8) == 8 && n >= 5);
    CHECK(timerfd_gettime(t, &old) == 0 && old.it_interval.tv_nsec == 10000000 && old.it_value.tv_nsec <= 10000000);
    s = (struct itimerspec){0};
    CHECK(timerfd_settime(t, 0, &s, &old) == 0 && timerfd_gettime(t, &old) == 0 && !old.it_value.tv_nsec);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    s.it_value = now; /* the past */
    CHECK(timerfd_settime(t, TFD_TIMER_ABSTIME, &s, 0) == 0 && read(t, &n, 8) == 8 && n == 1);
    s = (struct itimerspec){{0, 1}, {0, 1}};
    CHECK(timerfd_settime(t, 0, &s, 0) == 0);
    usleep(1000);
    CHECK(read(t, &n, 8) == 8 && n > 100000);
    s.it_value.tv_nsec = 2000000000;
    CHECK(fails(timerfd_settime(t, 0, &s, 0), EINVAL) && fails(timerfd_create(99, 0), EINVAL));
    CHECK(fails(timerfd_gettime(0, &old), EINVAL) && fails(write(t, &n, 8), EINVAL));
    close(t);
    t = timerfd_create(CLOCK_REALTIME, 0);
    s = (struct itimerspec){{0, 0}, {0, 5000000}};
    CHECK(timerfd_settime(t, 0, &s, 0) == 0 && read(t, &n, 8) == 8 && n == 1);
    close(t);
}

static void signals(void)
{
    sigset_t set;
    struct signalfd_siginfo info[2];
    sigemptyset(&set), sigaddset(&set, SIGUSR1), sigaddset(&set, SIGRTMIN), sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, 0);
    int s = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC), ep = epoll_create1(0);
    CHECK(s >= 0 && fails(read(s, info, sizeof info), EAGAIN) && fails(read(s, info, 100), EINVAL));
    CHECK(ctl(ep, EPOLL_CTL_ADD, s, EPOLLIN) == 0 && one(ep, s) == 0);
    kill(getpid(), SIGUSR1);
    union sigval value = {.sival_int = 77};
    sigqueue(getpid(), SIGRTMIN, value);
    CHECK(one(ep, s) == EPOLLIN);
    CHECK(read(s, info, sizeof info) == sizeof info && info[0].ssi_signo == SIGUSR1 &&
          (int)info[0].ssi_pid == getpid());
    CHECK(info[1].ssi_signo == (uint32_t)SIGRTMIN && info[1].ssi_int == 77 && info[1].ssi_code == SI_QUEUE);
    CHECK(one(ep, s) == 0);
    pid_t child = fork();
    if (!child) _exit(9);
    struct epoll_event e;
    CHECK(epoll_wait(ep, &e, 1, 5000) == 1 && read(s, info, sizeof info[0]) == sizeof info[0]);
    CHECK(info[0].ssi_signo == SIGCHLD && (int)info[0].ssi_pid == child && info[0].ssi_status == 9);
    waitpid(child, 0, 0);
    sigemptyset(&set);
    CHECK(signalfd(s, &set, 0) == s && fails(signalfd(0, &set, 0), EINVAL) && fails(signalfd(-1, &set, 5), EINVAL));
    kill(getpid(), SIGUSR1);
    CHECK(fails(read(s, info, sizeof info), EAGAIN));
    close(s), close(ep);
}

/* Several threads wait, others make events: every event is seen exactly once in edge-triggered mode with one-shot. */
static int storm_ep, storm_fd[4];
static uint64_t storm_seen;
static int storm_stop;
static void *storm_reader(void *argument)
{
    (void)argument;
    struct epoll_event e;
    while (!__atomic_load_n(&storm_stop, __ATOMIC_ACQUIRE)) {
        if (epoll_wait(storm_ep, &e, 1, 10) != 1) continue;
        uint64_t n;
        while (read(e.data.fd, &n, 8) == 8) __atomic_add_fetch(&storm_seen, n, __ATOMIC_ACQ_REL);
        ctl(storm_ep, EPOLL_CTL_MOD, e.data.fd, EPOLLIN | EPOLLET | EPOLLONESHOT);
    }
    return 0;
}
static void *storm_writer(void *argument)
{
    uint64_t n = 1;
    for (int i = 0; i < 2000; i++) write(storm_fd[(i + (int)(intptr_t)argument) % 4], &n, 8);
    return 0;
}
static void storm(void)
{
    pthread_t readers[3], writers[2];
    storm_ep = epoll_create1(0);
    for (int i = 0; i < 4; i++) {
        storm_fd[i] = eventfd(0, EFD_NONBLOCK);
        ctl(storm_ep, EPOLL_CTL_ADD, storm_fd[i], EPOLLIN | EPOLLET | EPOLLONESHOT);
    }
    for (int i = 0; i < 3; i++) pthread_create(&readers[i], 0, storm_reader, 0);
    for (int i = 0; i < 2; i++) pthread_create(&writers[i], 0, storm_writer, (void *)(intptr_t)i);
    for (int i = 0; i < 2; i++) pthread_join(writers[i], 0);
    for (int i = 0; i < 500 && __atomic_load_n(&storm_seen, __ATOMIC_ACQUIRE) < 4000; i++) usleep(10000);
    CHECK(storm_seen == 4000);
    __atomic_store_n(&storm_stop, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < 3; i++) pthread_join(readers[i], 0);
    for (int i = 0; i < 4; i++) close(storm_fd[i]);
    close(storm_ep);
}

int main(void)
{
    levels();
    nests();
    counters();
    timers();
    signals();
    storm();
    return finish();
}
