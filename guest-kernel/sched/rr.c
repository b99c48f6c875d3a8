/*
 * rr.c - round robin.
 *
 * First come, first served, but nobody keeps the hart longer than a quantum: then he goes to the end of the queue. Response
 * is quick (three jobs: the last starts after two quanta), turnaround is poor: all finish late together. A short quantum
 * answers faster and spends more time in context switches.
 */
#include "sched/sched.h"

static struct list queue;
static uint64_t quantum;

static void rr_start(uint64_t quantum_ns)
{
    list_init(&queue);
    quantum = quantum_ns;
}

static void rr_enqueue(struct sched_entity *entity, uint64_t now_ns)
{
    (void)now_ns;
    list_push_back(&queue, &entity->link);
}

static struct sched_entity *rr_choose(bool (*allowed)(const struct sched_entity *entity), uint64_t now_ns)
{
    (void)now_ns;
    struct sched_entity *entity;
    list_for_each(entity, &queue, link)
    {
        if (!allowed(entity)) continue;
        list_remove(&entity->link);
        return entity;
    }
    return NULL;
}

static void rr_dequeue(struct sched_entity *entity) { list_remove(&entity->link); }

static uint64_t rr_slice(const struct sched_entity *entity)
{
    (void)entity;
    return quantum;
}

static void rr_account(struct sched_entity *entity, uint64_t ran_ns, bool waits)
{
    (void)entity, (void)ran_ns, (void)waits;
}

const struct sched_policy sched_rr = {
    .name = "rr",
    .chapter = "round robin: in turn, a quantum each",
    .start = rr_start,
    .enqueue = rr_enqueue,
    .choose = rr_choose,
    .dequeue = rr_dequeue,
    .slice = rr_slice,
    .account = rr_account,
};
