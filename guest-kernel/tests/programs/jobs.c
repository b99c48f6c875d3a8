/*
 * The textbook's job sets on the running kernel: children that compute for a known time, their lengths declared. The measures
 * are averages in units of the job's time; turnaround = end - arrival, response = first run - arrival. The argument names the
 * policy that the machine was started with.
 */
#define _GNU_SOURCE
#include "check.h"
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define UNIT_NS 1000000.0 /* one unit of the textbook: 1 ms */

struct record {
    double start, end;
};
static struct record *records;
static const char *policy;

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return ((double)t.tv_sec * 1e9 + (double)t.tv_nsec) / UNIT_NS;
}

/* As Linux's struct sched_attr; the run time is this kernel's way to declare how long the next burst is. */
static void declare(double units)
{
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } attributes = {.size = 48, .runtime = (uint64_t)(units * UNIT_NS)};
    syscall(SYS_sched_setattr, 0, &attributes, 0);
}

/* A little less than the full length, so that what comes around it does not cost a job one more turn. */
static void compute(int index, double units)
{
    units *= 0.985;
    records[index].start = now(CLOCK_MONOTONIC);
    double used = now(CLOCK_PROCESS_CPUTIME_ID);
    while (now(CLOCK_PROCESS_CPUTIME_ID) - used < units) {
    }
    records[index].end = now(CLOCK_MONOTONIC);
    _exit(0);
}

/* All jobs are created first, each waiting for its own pipe; then they are let go at their times. */
static void run(const int *arrival, const int *length, int n, double *turnaround, double *response)
{
    int gates[8][2];
    double arrived[8];
    char c = 0;
    for (int i = 0; i < n; i++) {
        pipe(gates[i]);
        if (fork()) continue;
        declare(length[i]);
        read(gates[i][0], &c, 1);
        compute(i, length[i]);
    }
    declare(0.001); /* this program is not one of the jobs: it goes first */
    usleep(20000);
    double begin = now(CLOCK_MONOTONIC) + 1;
    for (int i = 0; i < n; i++) {
        double wait = begin + arrival[i] - now(CLOCK_MONOTONIC);
        if (wait > 0 && (!i || arrival[i] != arrival[i - 1])) usleep((useconds_t)(wait * UNIT_NS / 1000));
        arrived[i] = now(CLOCK_MONOTONIC);
        write(gates[i][1], "", 1);
    }
    *turnaround = *response = 0;
    while (wait(NULL) > 0) {
    }
    for (int i = 0; i < n; i++) {
        *turnaround += (records[i].end - arrived[i]) / n;
        *response += (records[i].start - arrived[i]) / n;
        close(gates[i][0]), close(gates[i][1]);
    }
}

static void expect(const char *which, const int *arrival, const int *length, double turnaround, double response)
{
    double t, r;
    if (strncmp(policy, which, strlen(which))) return;
    run(arrival, length, 3, &t, &r);
    printf("%s %d,%d,%d: turnaround %.2f (%.2f) response %.2f (%.2f)\n", policy, length[0], length[1], length[2], t,
           turnaround, r, response);
    CHECK(fabs(t - turnaround) < 0.03 * turnaround + 0.5);
    CHECK(response < 0 || fabs(r - response) < 0.03 * response + 0.5);
}

int main(int argc, char **argv)
{
    static const int together[] = {0, 0, 0};
    static const int equal[] = {10, 10, 10}, convoy[] = {100, 10, 10}, fives[] = {5, 5, 5};
    setvbuf(stdout, NULL, _IOLBF, 0);
    policy = argc > 1 ? argv[1] : "";
    records = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    expect("fcfs", together, equal, 20, 10);
    expect("fcfs", together, convoy, 110, 70);
    expect("sjf", together, convoy, 50, 10);
    expect("sjf", together, fives, 10, 5);
    expect("stcf", together, convoy, 50, 10);
    expect("rr", together, fives, 14, 1);
    expect("mlfq", together, fives, 10, 5); /* shorter than the first quantum: nobody is interrupted */
    return finish();
}
