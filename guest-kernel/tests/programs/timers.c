/* Clocks and timers: POSIX timers on all clocks, overruns, interval timers, sleeping on clocks. */
#define _GNU_SOURCE
#include "check.h"
#include <pthread.h>
#include <poll.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>

#define MS 1000000L

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
static void spin(double length)
{
    for (double begin = seconds(CLOCK_THREAD_CPUTIME_ID); seconds(CLOCK_THREAD_CPUTIME_ID) - begin < length;) {
    }
}
static struct itimerspec times_of(long value_ns, long interval_ns)
{
    return (struct itimerspec){{interval_ns / (1000 * MS), interval_ns % (1000 * MS)},
                               {value_ns / (1000 * MS), value_ns % (1000 * MS)}};
}

static volatile sig_atomic_t got;
static volatile int got_value, got_overrun, got_code, got_id;
static volatile pthread_t got_thread;
static void count(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    got++;
    got_value = info->si_value.sival_int, got_overrun = info->si_overrun, got_code = info->si_code;
    got_id = info->si_timerid;
    got_thread = pthread_self();
}
static void handle(int signal)
{
    struct sigaction action = {.sa_sigaction = count, .sa_flags = SA_SIGINFO};
    sigaction(signal, &action, NULL);
    got = 0;
}
static void wait_until(int n, double limit)
{
    for (double begin = seconds(CLOCK_MONOTONIC); got < n && seconds(CLOCK_MONOTONIC) - begin < limit;) usleep(500);
}

static void test_one_shot(void)
{
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 4711};
    struct itimerspec t = times_of(20 * MS, 0), left;
    handle(SIGUSR1);
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    CHECK(timer_gettime(timer, &left) == 0 && !left.it_value.tv_nsec);
    CHECK(timer_settime(timer, 0, &t, NULL) == 0);
    CHECK(timer_gettime(timer, &left) == 0 && left.it_value.tv_nsec > 0 && left.it_value.tv_nsec <= 20 * MS);
    wait_until(1, 2);
    CHECK(got == 1 && got_value == 4711 && got_code == SI_TIMER && got_overrun == 0);
    usleep(30000);
    CHECK(got == 1);
    CHECK(timer_gettime(timer, &left) == 0 && !left.it_value.tv_nsec && !left.it_value.tv_sec);
    clock_gettime(CLOCK_MONOTONIC, &t.it_value);
    CHECK(timer_settime(timer, TIMER_ABSTIME, &t, NULL) == 0); /* has passed already */
    wait_until(2, 2);
    CHECK(got == 2);
    t = times_of(20 * MS, 0);
    CHECK(timer_settime(timer, 0, &t, NULL) == 0);
    t = times_of(0, 0);
    CHECK(timer_settime(timer, 0, &t, &left) == 0 && left.it_value.tv_nsec > 0);
    usleep(40000);
    CHECK(got == 2);
    CHECK(timer_delete(timer) == 0);
    CHECK(timer_delete(timer) == -1 && errno == EINVAL);
    /* On the time of day, absolute; without an event: SIGALRM with the timer's number. */
    handle(SIGALRM);
    int id;
    CHECK(syscall(SYS_timer_create, CLOCK_REALTIME, NULL, &id) == 0);
    clock_gettime(CLOCK_REALTIME, &t.it_value);
    t.it_value.tv_nsec += 20 * MS;
    if (t.it_value.tv_nsec >= 1000 * MS) t.it_value.tv_nsec -= 1000 * MS, t.it_value.tv_sec++;
    CHECK(syscall(SYS_timer_settime, id, TIMER_ABSTIME, &t, NULL) == 0);
    wait_until(1, 2);
    CHECK(got == 1 && got_value == id && got_id == id);
    CHECK(syscall(SYS_timer_delete, id) == 0);
}

static void test_overrun(void)
{
    timer_t timer;
    sigset_t set, old;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1};
    struct itimerspec t = times_of(2 * MS, 2 * MS), left;
    handle(SIGRTMIN + 1);
    sigemptyset(&set), sigaddset(&set, SIGRTMIN + 1);
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    sigprocmask(SIG_BLOCK, &set, &old);
    CHECK(timer_settime(timer, 0, &t, NULL) == 0);
    usleep(51000);
    CHECK(timer_gettime(timer, &left) == 0 && left.it_interval.tv_nsec == 2 * MS && left.it_value.tv_nsec <= 2 * MS);
    sigprocmask(SIG_SETMASK, &old, NULL);
    wait_until(1, 2);
    CHECK(got >= 1);
    int n = got;
    wait_until(n + 5, 2);
    CHECK(got >= n + 5);
    CHECK(timer_getoverrun(timer) >= 0);
    sigprocmask(SIG_BLOCK, &set, NULL);
    usleep(40000);
    siginfo_t info;
    struct timespec none = {0, 0};
    CHECK(sigtimedwait(&set, &info, &none) == SIGRTMIN + 1 && info.si_overrun >= 15 && info.si_code == SI_TIMER);
    CHECK(timer_getoverrun(timer) == info.si_overrun);
    CHECK(timer_delete(timer) == 0);
    sigprocmask(SIG_SETMASK, &old, NULL);
    /* An ignored signal's timer, with an interval shorter than any kernel can serve, does no harm. */
    signal(SIGUSR2, SIG_IGN);
    event.sigev_signo = SIGUSR2;
    t = times_of(1, 1);
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &t, NULL) == 0);
    usleep(20000);
    CHECK(timer_delete(timer) == 0);
}

static void test_cpu_clocks(void)
{
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec t = times_of(30 * MS, 0);
    handle(SIGUSR1);
    CHECK(timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer) == 0 && timer_settime(timer, 0, &t, NULL) == 0);
    usleep(60000);
    CHECK(got == 0);
    double before = seconds(CLOCK_PROCESS_CPUTIME_ID);
    while (!got && seconds(CLOCK_PROCESS_CPUTIME_ID) - before < 1) spin(0.001);
    CHECK(got == 1 && seconds(CLOCK_PROCESS_CPUTIME_ID) - before < 0.2);
    timer_delete(timer);
    CHECK(timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) == 0 && timer_settime(timer, 0, &t, NULL) == 0);
    spin(0.08);
    CHECK(got == 2);
    timer_delete(timer);
    clockid_t other;
    CHECK(clock_getcpuclockid(getpid(), &other) == 0 && seconds(other) > 0.05);
    CHECK(pthread_getcpuclockid(pthread_self(), &other) == 0 && seconds(other) > 0.05);
    struct timespec resolution;
    CHECK(clock_getres(CLOCK_MONOTONIC, &resolution) == 0 && resolution.tv_sec == 0);
    CHECK(clock_getres(CLOCK_PROCESS_CPUTIME_ID, &resolution) == 0);
    CHECK(clock_gettime(77, &resolution) == -1 && errno == EINVAL);
}

static pthread_t other_thread;
static int other_tid;
static void *be_there(void *ready)
{
    other_tid = gettid();
    pthread_barrier_wait(ready);
    for (int i = 0; i < 400 && got < 3; i++) usleep(5000);
    return NULL;
}

static void test_thread(void)
{
    timer_t timer;
    pthread_barrier_t ready;
    pthread_barrier_init(&ready, NULL, 2);
    handle(SIGUSR1);
    pthread_create(&other_thread, NULL, be_there, &ready);
    pthread_barrier_wait(&ready);
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};
    event._sigev_un._tid = other_tid;
    struct itimerspec t = times_of(5 * MS, 5 * MS);
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &t, NULL) == 0);
    pthread_join(other_thread, NULL);
    CHECK(got >= 3 && pthread_equal(got_thread, other_thread));
    timer_delete(timer);
    event._sigev_un._tid = 1234567;
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == -1 && errno == EINVAL);
    event = (struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = 99};
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == -1 && errno == EINVAL);
    event = (struct sigevent){.sigev_notify = SIGEV_NONE};
    struct itimerspec left;
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &t, NULL) == 0);
    usleep(2000);
    CHECK(timer_gettime(timer, &left) == 0 && left.it_value.tv_nsec < 5 * MS && left.it_value.tv_nsec > 0);
    timer_delete(timer);
}

static void thread_function(union sigval value) { __atomic_add_fetch((int *)value.sival_ptr, 1, __ATOMIC_SEQ_CST); }

static void test_notify_thread(void)
{
    timer_t timer;
    static int calls;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_value.sival_ptr = &calls};
    event.sigev_notify_function = thread_function;
    struct itimerspec t = times_of(5 * MS, 5 * MS);
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &t, NULL) == 0);
    for (int i = 0; i < 400 && __atomic_load_n(&calls, __ATOMIC_SEQ_CST) < 3; i++) usleep(5000);
    CHECK(__atomic_load_n(&calls, __ATOMIC_SEQ_CST) >= 3);
    timer_delete(timer);
    usleep(20000);
}

/* Timers end with the program: neither a child nor a new program has them. */
static void test_inheritance(char *self)
{
    timer_t timer;
    struct itimerspec t = times_of(20 * MS, 0);
    signal(SIGALRM, SIG_DFL);
    CHECK(timer_create(CLOCK_MONOTONIC, NULL, &timer) == 0);
    pid_t pid = fork();
    if (!pid) _exit(timer_settime(timer, 0, &t, NULL) == -1 && errno == EINVAL);
    int status;
    waitpid(pid, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    if (!(pid = fork())) {
        timer_create(CLOCK_MONOTONIC, NULL, &timer);
        timer_settime(timer, 0, &t, NULL);
        execl(self, self, "sleep", NULL);
        _exit(99);
    }
    waitpid(pid, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
    timer_delete(timer);
}

static void test_interval_timers(void)
{
    struct itimerval t = {{0, 10000}, {0, 10000}}, old;
    handle(SIGALRM);
    CHECK(setitimer(ITIMER_REAL, &t, NULL) == 0);
    wait_until(3, 2);
    CHECK(got >= 3);
    t = (struct itimerval){0};
    CHECK(setitimer(ITIMER_REAL, &t, &old) == 0 && old.it_interval.tv_usec == 10000);
    handle(SIGVTALRM);
    t.it_value.tv_usec = 20000;
    CHECK(setitimer(ITIMER_VIRTUAL, &t, NULL) == 0);
    for (volatile long i = 0; i < 2000000000 && !got; i++) {
    }
    CHECK(got == 1);
    handle(SIGPROF);
    CHECK(setitimer(ITIMER_PROF, &t, NULL) == 0);
    for (volatile long i = 0; i < 2000000000 && !got; i++) {
    }
    CHECK(got == 1);
    struct tms tms;
    struct rusage usage;
    CHECK(times(&tms) != -1 && tms.tms_utime > 0 && getrusage(RUSAGE_SELF, &usage) == 0);
    CHECK(usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec > 10000);
}

static void test_sleeping(void)
{
    struct timespec at, left, length = {0, 30 * MS};
    double begin = seconds(CLOCK_MONOTONIC);
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += 30 * MS;
    if (at.tv_nsec >= 1000 * MS) at.tv_nsec -= 1000 * MS, at.tv_sec++;
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == 0);
    CHECK(seconds(CLOCK_MONOTONIC) - begin > 0.029);
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == 0);
    CHECK(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &length, NULL) == EINVAL);
    handle(SIGUSR1);
    pid_t self = getpid(), pid = fork();
    if (!pid) usleep(20000), kill(self, SIGUSR1), _exit(0);
    length = (struct timespec){1, 0};
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &length, &left) == EINTR && left.tv_sec == 0 && left.tv_nsec > 500 * MS);
    waitpid(pid, NULL, 0);
    /* A stop and a continue in between do not make the sleep longer. */
    begin = seconds(CLOCK_MONOTONIC);
    if (!(pid = fork())) {
        length = (struct timespec){0, 100 * MS};
        _exit(nanosleep(&length, NULL) != 0);
    }
    usleep(20000), kill(pid, SIGSTOP), usleep(20000), kill(pid, SIGCONT);
    int status;
    waitpid(pid, &status, 0);
    CHECK(status == 0 && seconds(CLOCK_MONOTONIC) - begin < 0.3 && seconds(CLOCK_MONOTONIC) - begin > 0.09);
}

/* Five ways to wait for a date, while the clock is set or told to run faster or slower. */
static struct timespec target;
static double woke[5];
static void *wait_for_date(void *kind)
{
    struct itimerspec setting = {.it_value = target};
    uint64_t expired = 0;
    int fd = timerfd_create(CLOCK_REALTIME, 0);
    switch ((long)kind) {
    case 0: clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &target, NULL); break;
    case 1: timerfd_settime(fd, TFD_TIMER_ABSTIME, &setting, NULL); break;
    case 2: {
        struct pollfd wanted = {fd, POLLIN, 0};
        timerfd_settime(fd, TFD_TIMER_ABSTIME, &setting, NULL);
        poll(&wanted, 1, -1);
        break;
    }
    case 3: {
        sem_t never;
        sem_init(&never, 0, 0);
        sem_timedwait(&never, &target);
        break;
    }
    case 4: {
        timer_t timer;
        sigset_t set;
        int signal;
        struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
        sigemptyset(&set), sigaddset(&set, SIGUSR2);
        timer_create(CLOCK_REALTIME, &event, &timer);
        timer_settime(timer, TIMER_ABSTIME, &setting, NULL);
        sigwait(&set, &signal);
        timer_delete(timer);
        break;
    }
    }
    if ((long)kind == 1) read(fd, &expired, sizeof expired);
    woke[(long)kind] = seconds(CLOCK_REALTIME);
    close(fd);
    return NULL;
}
static void move_clock(double by)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec += (long)by;
    CHECK(clock_settime(CLOCK_REALTIME, &now) == 0);
}
static void set_tick(long us)
{
    struct timex t = {.modes = ADJ_TICK, .tick = us};
    CHECK(adjtimex(&t) != -1);
}
/* The date in `ms` is waited for; meanwhile the clock is moved by whole seconds and its tick (10000 us) is changed. */
static void dates(long ms, long tick, double move, double least, double most)
{
    pthread_t thread[5];
    clock_gettime(CLOCK_REALTIME, &target);
    target.tv_nsec += ms * MS;
    target.tv_sec += target.tv_nsec / (1000 * MS), target.tv_nsec %= 1000 * MS;
    for (long i = 0; i < 5; i++) pthread_create(&thread[i], NULL, wait_for_date, (void *)i);
    usleep(100000);
    double begin = seconds(CLOCK_MONOTONIC);
    set_tick(tick);
    if (move) move_clock(move);
    for (int i = 0; i < 5; i++) pthread_join(thread[i], NULL);
    double took = seconds(CLOCK_MONOTONIC) - begin;
    set_tick(10000);
    for (int i = 0; i < 5; i++) CHECK(woke[i] >= (double)target.tv_sec + (double)target.tv_nsec * 1e-9 - 1e-6);
    CHECK(took > least && took < most);
    if (took <= least || took >= most) printf("tick %ld, moved by %.0f s: %.3f s\n", tick, move, took);
}
static void test_dates(void)
{
    sigset_t set;
    sigemptyset(&set), sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    if (getuid()) return;
    dates(1100, 9000, 0, 1.05, 1.4);   /* 1 s of a slow clock: 1.11 s */
    dates(2100, 11000, 0, 1.7, 1.97);  /* 2 s of a fast one: 1.82 s */
    dates(4000, 10000, 60, -1, 1);     /* set beyond the date: at once */
    dates(1100, 10000, -1, 1.9, 2.4);  /* set back by a second */
    dates(60100, 11000, 59, 0.8, 1.3); /* both */
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "sleep")) {
        usleep(60000);
        return 5;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    test_one_shot();
    test_overrun();
    test_cpu_clocks();
    test_thread();
    test_notify_thread();
    test_inheritance(argv[0]);
    test_interval_timers();
    test_sleeping();
    test_dates();
    return finish();
}
