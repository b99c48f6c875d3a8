/*
 * sjf.c - shortest job first, and its preemptive form, shortest time to completion first.
 *
 * Serving the shortest burst first gives the least average turnaround of all policies, if lengths are known. They are known only
 * if the program declares them; otherwise the next burst is guessed from the past ones by an exponential average, which
 * gives each older burst half the weight of the one after it:
 *
 *      estimate(n+1) = 1/2 burst(n) + 1/2 estimate(n)
 *
 * sjf lets a running burst finish. stcf compares what is *left* of the running burst with each burst that becomes ready, and
 * lets the shorter one run.
 */
#include "sched/sched.h"

#define FIRST_ESTIMATE_NS 10000000 /* of a task nobody has seen run yet */

static struct list queue;

static void sjf_start(uint64_t quantum_ns)
{
    (void)quantum_ns;
    list_init(&queue);
}

static uint64_t length_ns(const struct sched_entity *entity)
{
    if (entity->declared_ns) return entity->declared_ns;
    return entity->estimate_ns ? entity->estimate_ns : FIRST_ESTIMATE_NS;
}

static uint64_t left_ns(const struct sched_entity *entity, uint64_t used_ns)
{
    uint64_t length = length_ns(entity);
    return length > used_ns ? length - used_ns : 0;
}

static void sjf_enqueue(struct sched_entity *entity, uint64_t now_ns)
{
    (void)now_ns;
    list_push_back(&queue, &entity->link);
}

static struct sched_entity *sjf_choose(bool (*allowed)(const struct sched_entity *entity), uint64_t now_ns)
{
    (void)now_ns;
    struct sched_entity *entity, *best = NULL;
    list_for_each(entity, &queue, link)
    {
        if (!allowed(entity)) continue;
        if (!best || left_ns(entity, entity->burst_ns) < left_ns(best, best->burst_ns)) best = entity;
    }
    if (best) list_remove(&best->link);
    return best;
}

static void sjf_dequeue(struct sched_entity *entity) { list_remove(&entity->link); }

static uint64_t sjf_slice(const struct sched_entity *entity)
{
    (void)entity;
    return 0;
}

static bool stcf_preempts(const struct sched_entity *ready, const struct sched_entity *running, uint64_t now_ns)
{
    uint64_t used = running->burst_ns + (now_ns - running->run_since_ns);
    return left_ns(ready, ready->burst_ns) < left_ns(running, used);
}

static void sjf_account(struct sched_entity *entity, uint64_t ran_ns, bool waits)
{
    (void)ran_ns;
    if (!waits) return;
    entity->estimate_ns = entity->burst_ns / 2 + (entity->estimate_ns ? entity->estimate_ns : FIRST_ESTIMATE_NS) / 2;
    if (!entity->estimate_ns) entity->estimate_ns = 1;
}

const struct sched_policy sched_sjf = {
    .name = "sjf",
    .chapter = "shortest job first: by declared length or exponential average, no preemption",
    .start = sjf_start,
    .enqueue = sjf_enqueue,
    .choose = sjf_choose,
    .dequeue = sjf_dequeue,
    .slice = sjf_slice,
    .account = sjf_account,
};

const struct sched_policy sched_stcf = {
    .name = "stcf",
    .chapter = "shortest time to completion first: shortest job first with preemption",
    .start = sjf_start,
    .enqueue = sjf_enqueue,
    .choose = sjf_choose,
    .dequeue = sjf_dequeue,
    .slice = sjf_slice,
    .preempts = stcf_preempts,
    .account = sjf_account,
};
