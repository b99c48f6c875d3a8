/* time.c - clocks, sleeping, interval timers, futexes. */
#include "conformance.h"
#include <linux/futex.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>

static void clocks(void)
{
    struct timespec t, wrong = {0, 1000000000};
    static const int all[] = {0, 1, 2, 3, 4, 5, 6, 7};
    for (unsigned i = 0; i < 8; i++) {
        char what[20];
        snprintf(what, sizeof what, "clock %d", all[i]);
        E(clock_gettime, what, all[i], &t);
        E(clock_getres, what, all[i], &t);
        snprintf(what, sizeof what, "clock %d, ns", all[i]);
        V(clock_getres, what, t.tv_nsec);
    }
    E(clock_gettime, "bad clock", 99, &t);
    E(clock_gettime, "bad pointer", 0, BAD);
    E(clock_gettime, "own process", -6 ^ (getpid() << 3) ^ (getpid() << 3), &t);
    E(clock_getres, "no pointer", 0, 0L);
    E(clock_getres, "bad clock", 99, &t);
    E(clock_settime, "monotonic", 1, &t);
    E(clock_settime, "bad clock", 99, &t);
    E(clock_settime, "wrong ns", 0, &wrong);
    E(clock_settime, "bad pointer", 0, BAD);
    struct timeval v;
    struct timezone z;
    E(gettimeofday, "ok", &v, &z);
    E(gettimeofday, "nothing", 0L, 0L);
    E(gettimeofday, "bad pointer", BAD, 0L);
    v = (struct timeval){0, 1000000};
    E(settimeofday, "wrong us", &v, 0L);
    E(settimeofday, "bad pointer", BAD, 0L);
    E(settimeofday, "nothing", 0L, 0L);
}

static void sleeping(void)
{
    struct timespec t = {0, 1000000}, wrong = {0, -1}, negative = {-1, 0}, past = {0, 0};
    E(nanosleep, "ok", &t, 0L);
    E(nanosleep, "wrong ns", &wrong, 0L);
    E(nanosleep, "negative", &negative, 0L);
    E(nanosleep, "bad pointer", BAD, 0L);
    E(clock_nanosleep, "ok", CLOCK_MONOTONIC, 0, &t, 0L);
    E(clock_nanosleep, "the past", CLOCK_REALTIME, TIMER_ABSTIME, &past, 0L);
    E(clock_nanosleep, "bad clock", 99, 0, &t, 0L);
    E(clock_nanosleep, "thread's clock", CLOCK_THREAD_CPUTIME_ID, 0, &t, 0L);
    E(clock_nanosleep, "raw clock", CLOCK_MONOTONIC_RAW, 0, &t, 0L);
    E(clock_nanosleep, "wrong ns", CLOCK_MONOTONIC, 0, &wrong, 0L);
    E(clock_nanosleep, "bad pointer", CLOCK_MONOTONIC, 0, BAD, 0L);
    struct itimerval i = {{0, 0}, {100, 0}}, old, bad = {{0, 0}, {0, 1000000}};
    E(setitimer, "virtual", ITIMER_VIRTUAL, &i, 0L);
    E(getitimer, "virtual", ITIMER_VIRTUAL, &old);
    V(getitimer, "about", old.it_value.tv_sec >= 99);
    E(setitimer, "wrong us", ITIMER_VIRTUAL, &bad, 0L);
    E(setitimer, "bad kind", 3, &i, 0L);
    E(setitimer, "bad pointer", ITIMER_VIRTUAL, BAD, 0L);
    E(setitimer, "bad old pointer", ITIMER_VIRTUAL, &i, BAD);
    E(getitimer, "bad kind", 3, &old);
    E(getitimer, "bad pointer", ITIMER_VIRTUAL, BAD);
    Q(setitimer, ITIMER_VIRTUAL, 0L, 0L);
    E(getitimer, "after null", ITIMER_VIRTUAL, &old);
    V(getitimer, "off", old.it_value.tv_sec);
}

static void futexes(void)
{
    uint32_t word = 1, other = 2;
    struct timespec t = {0, 1000000}, wrong = {0, -1};
    E(futex, "wait, other value", &word, FUTEX_WAIT, 5, 0L, 0L, 0);
    E(futex, "wait, time is over", &word, FUTEX_WAIT, 1, &t, 0L, 0);
    E(futex, "wait, wrong time", &word, FUTEX_WAIT, 1, &wrong, 0L, 0);
    E(futex, "wait, bad time pointer", &word, FUTEX_WAIT, 1, BAD, 0L, 0);
    E(futex, "wait, bad address", BAD, FUTEX_WAIT, 1, &t, 0L, 0);
    E(futex, "wait, kernel address", KERNEL, FUTEX_WAIT, 1, &t, 0L, 0);
    E(futex, "wait, odd address", (char *)&word + 1, FUTEX_WAIT, 1, &t, 0L, 0);
    E(futex, "wait bitset 0", &word, FUTEX_WAIT_BITSET, 1, &t, 0L, 0);
    E(futex, "wait bitset, the past", &word, FUTEX_WAIT_BITSET, 1, &t, 0L, -1);
    E(futex, "wake nobody", &word, FUTEX_WAKE, 1, 0L, 0L, 0);
    E(futex, "wake, odd address", (char *)&word + 1, FUTEX_WAKE, 1, 0L, 0L, 0);
    E(futex, "wake private, unmapped", BAD, FUTEX_WAKE_PRIVATE, 1, 0L, 0L, 0);
    E(futex, "wake shared, unmapped", (void *)0x1000, FUTEX_WAKE, 1, 0L, 0L, 0);
    E(futex, "wake bitset 0", &word, FUTEX_WAKE_BITSET, 1, 0L, 0L, 0);
    E(futex, "requeue nobody", &word, FUTEX_REQUEUE, 1, 1L, &other, 0);
    E(futex, "cmp requeue, other value", &word, FUTEX_CMP_REQUEUE, 1, 1L, &other, 7);
    E(futex, "cmp requeue", &word, FUTEX_CMP_REQUEUE, 1, 1L, &other, 1);
    E(futex, "requeue negative", &word, FUTEX_REQUEUE, 1, -1L, &other, 0);
    E(futex, "wake op", &word, FUTEX_WAKE_OP, 1, 1L, &other, FUTEX_OP(FUTEX_OP_SET, 9, FUTEX_OP_CMP_EQ, 2));
    V(futex, "wake op set", other);
    E(futex, "unknown", &word, 77, 1, 0L, 0L, 0);
    E(futex, "realtime with wake", &word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1, 0L, 0L, 0);
}

/* Asking and refusals only, and adjustments that are taken back: the clock of the machine goes on as it was. */
static void adjusting(void)
{
    struct timex t = {0};
    V(adjtimex, "asked, worked", adjtimex(&t) >= 0);
    V(adjtimex, "tick", t.tick);
    V(adjtimex, "precision", t.precision);
    V(adjtimex, "tolerance", t.tolerance);
    t = (struct timex){.modes = ADJ_TICK, .tick = 8999};
    E(adjtimex, "tick too short", &t);
    t.tick = 11001;
    E(adjtimex, "tick too long", &t);
    t = (struct timex){.modes = ADJ_FREQUENCY, .freq = 65536};
    E(adjtimex, "frequency", &t);
    V(adjtimex, "frequency then", t.freq);
    t.freq = 1000l << 16;
    V(adjtimex, "too much, worked", adjtimex(&t) >= 0);
    V(adjtimex, "too much, then", t.freq);
    t.freq = 1l << 60;
    E(adjtimex, "far too much", &t);
    t.freq = 0;
    E(adjtimex, "frequency back", &t);
    t = (struct timex){.modes = 0x8000};
    E(adjtimex, "adjtime without offset", &t);
    t = (struct timex){.modes = 0x8001, .offset = 1000};
    E(adjtimex, "adjtime", &t);
    V(adjtimex, "adjtime, before", t.offset);
    t = (struct timex){.modes = 0xa001};
    E(adjtimex, "adjtime, asked", &t);
    V(adjtimex, "adjtime, left", t.offset >= 900 && t.offset <= 1000);
    t = (struct timex){.modes = 0x8001};
    E(adjtimex, "adjtime off", &t);
    t = (struct timex){.modes = ADJ_SETOFFSET, .time = {0, 1000000}};
    E(adjtimex, "jump, wrong us", &t);
    t = (struct timex){.modes = ADJ_ESTERROR | ADJ_TAI, .esterror = 77, .constant = 37};
    E(adjtimex, "error and TAI", &t);
    V(adjtimex, "error then", t.esterror);
    V(adjtimex, "TAI then", t.tai);
    t = (struct timex){.modes = ADJ_STATUS, .status = STA_PLL};
    E(adjtimex, "status synchronised", &t);
    t = (struct timex){.modes = ADJ_STATUS, .status = STA_UNSYNC};
    E(adjtimex, "status unsynchronised", &t);
    E(adjtimex, "bad pointer", BAD);
    E(clock_adjtime, "real", CLOCK_REALTIME, &t);
    E(clock_adjtime, "monotonic", CLOCK_MONOTONIC, &t);
    E(clock_adjtime, "bad clock", 99, &t);
    E(clock_adjtime, "bad pointer", CLOCK_REALTIME, BAD);
    E(clock_adjtime, "bad clock and pointer", 99, BAD);
}

static void plain_user(void)
{
    struct timex x = {.modes = ADJ_FREQUENCY}, old = {.modes = 0x8001}, ask = {0};
    struct timespec t = {1000000000, 0};
    struct timeval v = {1000000000, 0};
    syscall(SYS_setresuid, 1000, 1000, 1000);
    E(clock_settime, "user", 0, &t);
    E(settimeofday, "user", &v, 0L);
    E(adjtimex, "user", &x);
    E(adjtimex, "user: adjtime", &old);
    V(adjtimex, "user: asked, worked", adjtimex(&ask) >= 0);
    E(clock_adjtime, "user", CLOCK_REALTIME, &x);
}

void family_time(void)
{
    clocks();
    sleeping();
    futexes();
    adjusting();
    show_child("clock_settime", "user", plain_user);
}
