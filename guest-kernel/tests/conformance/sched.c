/* sched.c - scheduling: policies as Linux names them, priorities, harts. */
#include "conformance.h"
#include <sched.h>
#include <sys/resource.h>
#include <time.h>

struct attributes { /* struct sched_attr */
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

static void plain_user(void)
{
    struct sched_param p = {10};
    syscall(SYS_setresuid, 1000, 1000, 1000);
    E(setpriority, "user: better", PRIO_PROCESS, 0, -5);
    E(setpriority, "user: init", PRIO_PROCESS, 1, 5);
    E(sched_setscheduler, "user: FIFO", 0, SCHED_FIFO, &p);
    E(sched_setscheduler, "user: init", 1, SCHED_OTHER, &(struct sched_param){0});
}

void family_sched(void)
{
    struct sched_param p = {0}, ten = {10};
    struct timespec t;
    unsigned long set[16] = {0}, none[16] = {0};
    struct attributes a = {0};
    E(sched_yield, "ok");
    E(sched_getscheduler, "own", 0);
    E(sched_getscheduler, "no such", 99999);
    E(sched_getscheduler, "negative", -1);
    E(sched_getparam, "own", 0, &p);
    E(sched_getparam, "bad pointer", 0, BAD);
    E(sched_getparam, "no pointer", 0, 0L);
    E(sched_getparam, "no such", 99999, &p);
    E(sched_setparam, "own", 0, &p);
    E(sched_setparam, "priority for OTHER", 0, &ten);
    E(sched_setparam, "bad pointer", 0, BAD);
    E(sched_setparam, "no pointer", 0, 0L);
    E(sched_setscheduler, "OTHER", 0, SCHED_OTHER, &p);
    E(sched_setscheduler, "BATCH", 0, SCHED_BATCH, &p);
    E(sched_getscheduler, "then", 0);
    E(sched_setscheduler, "bad policy", 0, 77, &p);
    E(sched_setscheduler, "negative policy", 0, -1, &p);
    E(sched_setscheduler, "FIFO without priority", 0, SCHED_FIFO, &p);
    E(sched_setscheduler, "OTHER with priority", 0, SCHED_OTHER, &ten);
    E(sched_setscheduler, "no such", 99999, SCHED_OTHER, &p);
    E(sched_setscheduler, "bad pointer", 0, SCHED_OTHER, BAD);
    Q(sched_setscheduler, 0, SCHED_OTHER, &p);
    E(sched_get_priority_max, "OTHER", SCHED_OTHER), E(sched_get_priority_max, "FIFO", SCHED_FIFO);
    E(sched_get_priority_max, "bad", 77);
    E(sched_get_priority_min, "RR", SCHED_RR), E(sched_get_priority_min, "bad", -1);
    E(sched_rr_get_interval, "own", 0, &t);
    E(sched_rr_get_interval, "no such", 99999, &t);
    E(sched_rr_get_interval, "bad pointer", 0, BAD);
    E(sched_getaffinity, "too small", 0, 4L, set);
    E(sched_getaffinity, "odd size", 0, 9L, set);
    E(sched_getaffinity, "bad pointer", 0, 128L, BAD);
    E(sched_getaffinity, "no such", 99999, 128L, set);
    V(sched_getaffinity, "has one", (Q(sched_getaffinity, 0, 128L, set), set[0] & 1));
    E(sched_setaffinity, "none", 0, 128L, none);
    E(sched_setaffinity, "first", 0, 8L, &(unsigned long){1});
    E(sched_setaffinity, "bad pointer", 0, 128L, BAD);
    E(sched_setaffinity, "no such", 99999, 128L, set);
    E(getpriority, "own", PRIO_PROCESS, 0);
    E(setpriority, "nice 5", PRIO_PROCESS, 0, 5);
    E(getpriority, "then", PRIO_PROCESS, 0);
    E(setpriority, "far too nice", PRIO_PROCESS, 0, 100);
    E(getpriority, "clamped", PRIO_PROCESS, 0);
    E(setpriority, "bad kind", 9, 0, 0);
    E(setpriority, "no such", PRIO_PROCESS, 99999, 0);
    E(getpriority, "bad kind", 9, 0);
    E(getpriority, "no such", PRIO_PROCESS, 99999);
    E(setpriority, "back", PRIO_PROCESS, 0, 0);
    E(sched_getattr, "own", 0, &a, (int)sizeof a, 0);
    V(sched_getattr, "policy", a.policy);
    E(sched_getattr, "too small", 0, &a, 4, 0);
    E(sched_getattr, "flags", 0, &a, (int)sizeof a, 1);
    E(sched_getattr, "bad pointer", 0, BAD, (int)sizeof a, 0);
    E(sched_getattr, "no such", 99999, &a, (int)sizeof a, 0);
    a = (struct attributes){.size = sizeof a};
    E(sched_setattr, "own", 0, &a, 0);
    E(sched_setattr, "flags", 0, &a, 1);
    E(sched_setattr, "bad pointer", 0, BAD, 0);
    a.policy = 77;
    E(sched_setattr, "bad policy", 0, &a, 0);
    a = (struct attributes){.size = 10};
    E(sched_setattr, "too small", 0, &a, 0);
    V(sched_setattr, "size told", a.size);
    show_child("sched_setscheduler", "user", plain_user);
}
