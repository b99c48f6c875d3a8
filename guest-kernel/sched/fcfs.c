/*
 * fcfs.c - first come, first served.
 *
 * The oldest and simplest policy: one queue, served in order of arrival, each until it waits or ends. Fair in order, but a long
 * job makes all who come after it wait (convoy effect): jobs of 100, 10, 10 give an average turnaround of 110.
 */
#include "sched/sched.h"

static struct list queue;

static void fcfs_start(uint64_t quantum_ns)
{
    (void)quantum_ns;
    list_init(&queue);
}

static void fcfs_enqueue(struct sched_entity *entity, uint64_t now_ns)
{
    (void)now_ns;
    list_push_back(&queue, &entity->link);
}

static struct sched_entity *fcfs_choose(bool (*allowed)(const struct sched_entity *entity), uint64_t now_ns)
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

static void fcfs_dequeue(struct sched_entity *entity) { list_remove(&entity->link); }

static uint64_t fcfs_slice(const struct sched_entity *entity)
{
    (void)entity;
    return 0;
}

static void fcfs_account(struct sched_entity *entity, uint64_t ran_ns, bool waits)
{
    (void)entity, (void)ran_ns, (void)waits;
}

const struct sched_policy sched_fcfs = {
    .name = "fcfs",
    .chapter = "first come, first served: in order of arrival, no preemption",
    .start = fcfs_start,
    .enqueue = fcfs_enqueue,
    .choose = fcfs_choose,
    .dequeue = fcfs_dequeue,
    .slice = fcfs_slice,
    .account = fcfs_account,
};
