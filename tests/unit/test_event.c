#include "emu/base/event.h"
#include "emu/base/state.h"
#include <criterion/criterion.h>

struct trail {
    struct event_queue q;
    ps_t now;
    int fired[8];
    int count, earlier;
};

struct marker {
    struct event event;
    struct trail *trail;
    int id;
};

static ps_t trail_clock(void *t) { return ((struct trail *)t)->now; }
static void trail_earlier(void *t) { ((struct trail *)t)->earlier++; }

static void fire(void *owner)
{
    struct marker *m = owner;
    m->trail->fired[m->trail->count++] = m->id;
}

static void run_until(struct trail *t, ps_t until)
{
    for (struct event *e; (e = event_take(&t->q, until));) {
        t->now = e->when;
        e->fire(e->owner);
    }
}

Test(event, equal_times_fire_in_order_of_scheduling)
{
    struct trail t = {0};
    struct marker m[4];
    event_queue_init(&t.q, trail_clock, trail_earlier, &t);
    for (int i = 0; i < 4; i++) {
        m[i] = (struct marker){.trail = &t, .id = i};
        event_init(&m[i].event, "marker", fire, &m[i]);
    }
    event_schedule(&t.q, &m[2].event, 50);
    event_schedule(&t.q, &m[0].event, 50);
    event_schedule(&t.q, &m[1].event, 10);
    event_schedule(&t.q, &m[3].event, 50);
    cr_assert_eq(t.earlier, 2);
    event_schedule(&t.q, &m[2].event, 50); /* rescheduled: now last */
    run_until(&t, 49);
    cr_assert_eq(t.count, 1);
    run_until(&t, 50);
    cr_assert_eq(t.count, 4);
    int want[] = {1, 0, 3, 2};
    cr_assert_arr_eq(t.fired, want, sizeof want);
    event_queue_finish(&t.q);
}

Test(event, cancelled_events_do_not_fire_and_heap_stays_ordered)
{
    enum { N = 500 };
    static struct marker m[N];
    struct trail t = {0};
    event_queue_init(&t.q, trail_clock, NULL, &t);
    uint32_t seed = 12345;
    for (int i = 0; i < N; i++) {
        m[i].trail = &t;
        event_init(&m[i].event, "marker", fire, &m[i]);
        seed = seed * 1664525u + 1013904223u;
        event_schedule(&t.q, &m[i].event, seed >> 20);
    }
    for (int i = 0; i < N; i += 3) event_cancel(&t.q, &m[i].event);
    ps_t last = 0;
    int count = 0;
    for (struct event *e; (e = event_take(&t.q, PS_NEVER - 1)); count++) {
        cr_assert_geq(e->when, last);
        last = e->when;
        cr_assert_neq(((struct marker *)e->owner - m) % 3, 0);
    }
    cr_assert_eq(count, N - (N + 2) / 3);
    event_queue_finish(&t.q);
}

Test(state, a_truncated_stream_is_refused)
{
    struct state s;
    state_init_save(&s);
    uint64_t v = 42;
    state_tag(&s, "thing", 1);
    state_u64(&s, &v);
    struct state r;
    uint64_t back = 0;
    state_init_restore(&r, s.data, s.length - 1);
    state_tag(&r, "thing", 1);
    state_u64(&r, &back);
    cr_assert(!state_ok(&r));
    cr_assert_eq(back, 0);
    state_init_restore(&r, s.data, s.length);
    state_tag(&r, "thing", 2);
    cr_assert(!state_ok(&r));
    state_init_restore(&r, s.data, s.length);
    state_tag(&r, "thing", 1);
    state_u64(&r, &back);
    cr_assert(state_ok(&r));
    cr_assert_eq(back, 42);
    state_finish(&s);
}
