/* The scheduling policies against the textbook job sets: average turnaround and response times. */
/* kernel: sched/fcfs.c sched/rr.c sched/sjf.c sched/mlfq.c */
#include "sched/sched.h"
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#define MS       1000000ull
#define JOBS_MAX 8

struct job {
    uint64_t arrival_ms, length_ms, io_every_ms, io_ms; /* io_every_ms 0: never waits */
    struct sched_entity entity;
    uint64_t left_ns, burst_left_ns, wake_ns, first_ns, end_ns;
    bool arrived, waiting, started;
};

static bool allow(const struct sched_entity *entity)
{
    (void)entity;
    return true;
}

static struct job *job_of(struct sched_entity *entity) { return container_of(entity, struct job, entity); }

static void new_burst(struct job *job)
{
    uint64_t burst = job->io_every_ms ? job->io_every_ms * MS : job->left_ns;
    job->burst_left_ns = burst < job->left_ns ? burst : job->left_ns;
}

/* Everything that has arrived or has been waited for by now becomes ready; true if the running job has to make room. */
static bool admit(const struct sched_policy *policy, struct job *jobs, int n, uint64_t now, struct job *running)
{
    bool preempt = false;
    for (int i = 0; i < n; i++) {
        struct job *job = &jobs[i];
        bool arrives = !job->arrived && job->arrival_ms * MS <= now;
        if (!arrives && !(job->waiting && job->wake_ns <= now)) continue;
        if (arrives) job->arrived = true, job->left_ns = job->length_ms * MS;
        job->waiting = false;
        new_burst(job);
        job->entity.arrival_ns = now, job->entity.burst_ns = 0, job->entity.preempted = false;
        policy->enqueue(&job->entity, now);
        if (running && policy->preempts && policy->preempts(&job->entity, &running->entity, now)) preempt = true;
    }
    return preempt;
}

static uint64_t next_event(const struct job *jobs, int n, uint64_t now)
{
    uint64_t next = UINT64_MAX;
    for (int i = 0; i < n; i++) {
        uint64_t at = !jobs[i].arrived ? jobs[i].arrival_ms * MS : jobs[i].waiting ? jobs[i].wake_ns : UINT64_MAX;
        if (at > now && at < next) next = at;
    }
    return next;
}

/* One hart, like sched.c: runs until the burst ends, the slice ends, or a preferred job becomes ready. */
static uint64_t run_one(const struct sched_policy *policy, struct job *jobs, int n, struct job *job, uint64_t now)
{
    uint64_t slice = policy->slice(&job->entity), start = now;
    uint64_t end = slice ? now + slice : UINT64_MAX;
    if (!job->started) job->started = true, job->first_ns = now;
    job->entity.run_since_ns = now;
    for (;;) {
        uint64_t stop = start + job->burst_left_ns < end ? start + job->burst_left_ns : end;
        uint64_t event = next_event(jobs, n, now);
        now = event < stop ? event : stop;
        if (admit(policy, jobs, n, now, job) || now == stop) break;
    }
    uint64_t ran = now - start;
    job->left_ns -= ran, job->burst_left_ns -= ran, job->entity.burst_ns += ran;
    bool over = !job->burst_left_ns;
    policy->account(&job->entity, ran, over);
    if (!job->left_ns) {
        job->end_ns = now;
    } else if (over) {
        job->waiting = true, job->wake_ns = now + job->io_ms * MS;
    } else {
        job->entity.preempted = true;
        policy->enqueue(&job->entity, now);
    }
    return now;
}

static void simulate(const struct sched_policy *policy, uint64_t quantum_ms, struct job *jobs, int n,
                     double *turnaround, double *response)
{
    uint64_t now = 0;
    policy->start(quantum_ms * MS);
    admit(policy, jobs, n, now, NULL);
    for (int left = n; left;) {
        struct sched_entity *entity = policy->choose(allow, now);
        if (!entity) {
            now = next_event(jobs, n, now);
            admit(policy, jobs, n, now, NULL);
            continue;
        }
        now = run_one(policy, jobs, n, job_of(entity), now);
        if (!job_of(entity)->left_ns) left--;
    }
    *turnaround = *response = 0;
    for (int i = 0; i < n; i++) {
        *turnaround += (double)(jobs[i].end_ns - jobs[i].arrival_ms * MS) / (double)MS / n;
        *response += (double)(jobs[i].first_ns - jobs[i].arrival_ms * MS) / (double)MS / n;
    }
}

static void expect(const struct sched_policy *policy, uint64_t quantum_ms, const int arrival[3], const int length[3],
                   double turnaround, double response)
{
    struct job jobs[3];
    double t, r;
    memset(jobs, 0, sizeof jobs);
    for (int i = 0; i < 3; i++) {
        jobs[i].arrival_ms = (uint64_t)arrival[i];
        jobs[i].length_ms = (uint64_t)length[i];
        jobs[i].entity.declared_ns = (uint64_t)length[i] * MS;
    }
    simulate(policy, quantum_ms, jobs, 3, &t, &r);
    cr_assert(fabs(t - turnaround) < 0.01, "%s: turnaround %.2f, not %.2f", policy->name, t, turnaround);
    cr_assert(response < 0 || fabs(r - response) < 0.01, "%s: response %.2f, not %.2f", policy->name, r, response);
}

static const int together[3] = {0, 0, 0}, later[3] = {0, 10, 10};
static const int equal[3] = {10, 10, 10}, convoy[3] = {100, 10, 10}, fives[3] = {5, 5, 5};

Test(sched, fcfs_serves_in_order_of_arrival)
{
    expect(&sched_fcfs, 10, together, equal, 20, 10);
    expect(&sched_fcfs, 10, together, convoy, 110, 70);
    expect(&sched_fcfs, 10, later, convoy, 310.0 / 3, -1);
}

Test(sched, sjf_serves_the_shortest_first)
{
    expect(&sched_sjf, 10, together, convoy, 50, 10);
    expect(&sched_sjf, 10, later, convoy, 310.0 / 3, -1);
    expect(&sched_sjf, 10, together, fives, 10, 5);
}

Test(sched, stcf_preempts_the_longer_rest)
{
    expect(&sched_stcf, 10, later, convoy, 50, -1);
    expect(&sched_stcf, 10, together, convoy, 50, 10);
}

Test(sched, rr_answers_early_and_finishes_late)
{
    expect(&sched_rr, 1, together, fives, 14, 1);
    expect(&sched_rr, 5, together, fives, 10, 5);
}

Test(sched, sjf_learns_the_length_of_bursts)
{
    struct sched_entity entity = {0};
    for (int i = 0; i < 12; i++) {
        entity.burst_ns = 2 * MS;
        sched_sjf.account(&entity, 2 * MS, true);
    }
    cr_assert(entity.estimate_ns > 2 * MS && entity.estimate_ns < 2 * MS + MS / 100);
    entity.burst_ns = 10 * MS;
    sched_sjf.account(&entity, 10 * MS, true);
    cr_assert(entity.estimate_ns > 6 * MS - MS / 10 && entity.estimate_ns < 6 * MS + MS / 10);
}

/* A long computation sinks; a short one that comes later is served at once. */
Test(sched, mlfq_prefers_short_and_interactive)
{
    struct job jobs[2];
    double t, r;
    memset(jobs, 0, sizeof jobs);
    jobs[0].length_ms = 200;
    jobs[1].arrival_ms = 100, jobs[1].length_ms = 10;
    simulate(&sched_mlfq, 10, jobs, 2, &t, &r);
    cr_assert(jobs[1].first_ns == 100 * MS && jobs[1].end_ns == 110 * MS);
    memset(jobs, 0, sizeof jobs);
    jobs[0].length_ms = 200;
    jobs[1].length_ms = 40, jobs[1].io_every_ms = 1, jobs[1].io_ms = 9; /* waits most of the time, but is never late */
    simulate(&sched_mlfq, 10, jobs, 2, &t, &r);
    cr_assert(jobs[1].end_ns < 450 * MS, "the interactive job ended after %lu ms",
              (unsigned long)(jobs[1].end_ns / MS));
}

/* Who uses just less than a quantum and waits does not stay on top for ever: its time adds up. */
Test(sched, mlfq_cannot_be_gamed)
{
    struct sched_entity entity = {0};
    sched_mlfq.start(10 * MS);
    for (int i = 0; i < 3; i++) sched_mlfq.account(&entity, 9 * MS, true);
    cr_assert(entity.level > 0);
}

Test(sched, mlfq_boosts_everybody)
{
    struct sched_entity a = {.level = 3}, b = {.level = 0};
    sched_mlfq.start(10 * MS);
    sched_mlfq.enqueue(&a, 0);
    a.level = 3;
    sched_mlfq.dequeue(&a);
    sched_mlfq.enqueue(&b, 0);
    sched_mlfq.enqueue(&a, 2000 * MS);
    cr_assert(a.level == 0);
}
