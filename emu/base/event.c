#include "emu/base/event.h"

#include <stdio.h>
#include <stdlib.h>

void event_queue_init(struct event_queue *q, ps_t (*clock)(void *), void (*on_earlier)(void *), void *machine)
{
    *q = (struct event_queue){.clock = clock, .on_earlier = on_earlier, .machine = machine};
}

void event_queue_finish(struct event_queue *q)
{
    free(q->heap);
    q->heap = NULL;
    q->count = q->room = 0;
}

static bool before(const struct event *a, const struct event *b)
{
    return a->when != b->when ? a->when < b->when : a->order < b->order;
}

static void put(struct event_queue *q, size_t i, struct event *e)
{
    q->heap[i] = e;
    e->place = i + 1;
}

static void sift_up(struct event_queue *q, size_t i, struct event *e)
{
    while (i > 0 && before(e, q->heap[(i - 1) / 2])) {
        put(q, i, q->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    put(q, i, e);
}

static void sift_down(struct event_queue *q, size_t i, struct event *e)
{
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= q->count) break;
        if (child + 1 < q->count && before(q->heap[child + 1], q->heap[child])) child++;
        if (!before(q->heap[child], e)) break;
        put(q, i, q->heap[child]);
        i = child;
    }
    put(q, i, e);
}

void event_cancel(struct event_queue *q, struct event *e)
{
    if (!e->place) return;
    size_t i = e->place - 1;
    struct event *last = q->heap[--q->count];
    e->place = 0;
    if (last == e) return;
    if (i > 0 && before(last, q->heap[(i - 1) / 2]))
        sift_up(q, i, last);
    else
        sift_down(q, i, last);
}

void event_schedule(struct event_queue *q, struct event *e, ps_t when)
{
    event_cancel(q, e);
    if (q->count == q->room) {
        size_t room = q->room ? 2 * q->room : 32;
        struct event **heap = realloc(q->heap, room * sizeof *heap);
        if (!heap) {
            /* The number of events is bounded by the number of devices; a host that cannot hold them cannot go on. */
            fputs("orrery: out of host memory\n", stderr);
            abort();
        }
        q->heap = heap;
        q->room = room;
    }
    e->when = when;
    e->order = q->next_order++;
    bool first = q->count == 0 || when < q->heap[0]->when;
    sift_up(q, q->count++, e);
    if (first && q->on_earlier) q->on_earlier(q->machine);
}

struct event *event_take(struct event_queue *q, ps_t until)
{
    if (!q->count || q->heap[0]->when > until) return NULL;
    struct event *e = q->heap[0];
    event_cancel(q, e);
    return e;
}
