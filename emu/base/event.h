/* The event queue: the one clock of the machine.
 *
 * An event is a struct owned by whoever schedules it (a device embeds it); the queue is a binary heap of pointers ordered by
 * (when, order of scheduling), so equal times fire in the order in which they were asked for: runs are repeatable.
 *
 * `now` while a hart executes is that hart's exact local time; while an event's function runs it is the event's time. The
 * machine supplies it through the clock function. */
#ifndef ORRERY_BASE_EVENT_H
#define ORRERY_BASE_EVENT_H

#include "emu/base/types.h"

struct event {
    void (*fire)(
        void *owner); /* called once, with the event already taken out of the queue: it may schedule itself again */
    void *owner;
    const char *name; /* for traces and monitors; static */
    /* the queue's own: */
    ps_t when;
    uint64_t order;
    size_t place; /* heap index + 1; 0 = not scheduled */
};

struct event_queue {
    struct event **heap;
    size_t count, room;
    uint64_t next_order;
    ps_t (*clock)(void *machine);      /* the present guest time */
    void (*on_earlier)(void *machine); /* the first deadline moved earlier: cut the running slice. May be NULL */
    void *machine;
};

void event_queue_init(struct event_queue *q, ps_t (*clock)(void *), void (*on_earlier)(void *), void *machine);
void event_queue_finish(struct event_queue *q);

static inline void event_init(struct event *e, const char *name, void (*fire)(void *), void *owner)
{
    *e = (struct event){.fire = fire, .owner = owner, .name = name};
}

static inline ps_t event_now(const struct event_queue *q) { return q->clock(q->machine); }

/* (Re)schedules e at the absolute guest time `when`; a time already past fires at the next opportunity. */
void event_schedule(struct event_queue *q, struct event *e, ps_t when);
void event_cancel(struct event_queue *q, struct event *e); /* no-op if it is not scheduled */
static inline bool event_is_scheduled(const struct event *e) { return e->place != 0; }

/* The first deadline, PS_NEVER if there is none. */
static inline ps_t event_next(const struct event_queue *q) { return q->count ? q->heap[0]->when : PS_NEVER; }

/* Takes out and returns the first event if its time is <= until, else NULL. The machine sets its clock to when, then fires it. */
struct event *event_take(struct event_queue *q, ps_t until);

#endif
