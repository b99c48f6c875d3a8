/*
 * mlfq.c - multi-level feedback queue.
 *
 * Nobody tells the scheduler which jobs are short or interactive, so it learns from their behaviour. Rules:
 *
 *      1. A higher level goes first.
 *      2. Within a level: round robin, with that level's quantum.
 *      3. Who arrives starts at the highest level.
 *      4. Who has used up his allotment of CPU time at a level, in however many pieces, goes down one level.
 *      5. Every second everybody moves to the highest level again, so that nobody starves and who has changed his habits is noticed.
 *
 * An interactive task waits before its allotment is used up and so stays high; a long computation sinks.
 */
#include "sched/sched.h"

#define LEVELS          4u
#define BOOST_PERIOD_NS 1000000000ull

static struct list queues[LEVELS];
static uint64_t quantum, epoch, last_boost_ns;

static uint64_t level_quantum(unsigned level) { return quantum << level; }

static void mlfq_start(uint64_t quantum_ns)
{
    for (unsigned i = 0; i < LEVELS; i++) list_init(&queues[i]);
    quantum = quantum_ns;
    epoch++;
}

/* Rule 5. Tasks on no queue notice by the epoch when they come back. */
static void boost_when_due(uint64_t now_ns)
{
    if (now_ns - last_boost_ns < BOOST_PERIOD_NS) return;
    last_boost_ns = now_ns;
    epoch++;
    for (unsigned i = 1; i < LEVELS; i++) list_splice_back(&queues[0], &queues[i]);
}

static void join_epoch(struct sched_entity *entity)
{
    if (entity->epoch == epoch) return;
    entity->epoch = epoch;
    entity->level = 0;
    entity->allotment_ns = 0;
}

static void mlfq_enqueue(struct sched_entity *entity, uint64_t now_ns)
{
    boost_when_due(now_ns);
    join_epoch(entity);
    list_push_back(&queues[entity->level], &entity->link);
}

static struct sched_entity *mlfq_choose(bool (*allowed)(const struct sched_entity *entity), uint64_t now_ns)
{
    boost_when_due(now_ns);
    for (unsigned level = 0; level < LEVELS; level++) {
        struct sched_entity *entity;
        list_for_each(entity, &queues[level], link)
        {
            if (!allowed(entity)) continue;
            list_remove(&entity->link);
            join_epoch(entity);
            return entity;
        }
    }
    return NULL;
}

static void mlfq_dequeue(struct sched_entity *entity) { list_remove(&entity->link); }

static uint64_t mlfq_slice(const struct sched_entity *entity)
{
    uint64_t allotment = level_quantum(entity->level);
    return entity->allotment_ns < allotment ? allotment - entity->allotment_ns : allotment;
}

static bool mlfq_preempts(const struct sched_entity *ready, const struct sched_entity *running, uint64_t now_ns)
{
    (void)now_ns;
    return ready->level < running->level;
}

/* Rule 4. The lowest level has nowhere to go down to; there it is plain round robin. */
static void mlfq_account(struct sched_entity *entity, uint64_t ran_ns, bool waits)
{
    (void)waits;
    entity->allotment_ns += ran_ns;
    if (entity->allotment_ns < level_quantum(entity->level)) return;
    entity->allotment_ns = 0;
    if (entity->level + 1 < LEVELS) entity->level++;
}

const struct sched_policy sched_mlfq = {
    .name = "mlfq",
    .chapter = "multi-level feedback queue: four levels, quantum doubled at each, boost every second",
    .start = mlfq_start,
    .enqueue = mlfq_enqueue,
    .choose = mlfq_choose,
    .dequeue = mlfq_dequeue,
    .slice = mlfq_slice,
    .preempts = mlfq_preempts,
    .account = mlfq_account,
};
