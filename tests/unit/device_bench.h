/* A small workbench for device tests: a clock that the test turns, wires that remember, register access through the mmio table. */
#ifndef ORRERY_TESTS_DEVICE_BENCH_H
#define ORRERY_TESTS_DEVICE_BENCH_H

#include "devices/device.h"
#include <criterion/criterion.h>

struct bench {
    struct event_queue events;
    ps_t now;
    struct log log;
    struct device_host host;
    bool wire[32];
    int edges[32];
};

static inline ps_t bench_clock(void *b) { return ((struct bench *)b)->now; }

static inline void bench_init(struct bench *b)
{
    memset(b, 0, sizeof *b);
    event_queue_init(&b->events, bench_clock, NULL, b);
    b->log = (struct log){.file = stderr};
    b->host = (struct device_host){.events = &b->events, .log = &b->log};
}

static inline void bench_wire_set(void *target, unsigned n, bool level)
{
    struct bench *b = target;
    b->edges[n] += b->wire[n] != level;
    b->wire[n] = level;
}

static inline struct irq_line bench_wire(struct bench *b, unsigned n)
{
    return (struct irq_line){.set = bench_wire_set, .target = b, .n = n};
}

/* Lets guest time pass, firing what falls due. */
static inline void bench_pass(struct bench *b, ps_t duration)
{
    ps_t until = b->now + duration;
    for (struct event *e; (e = event_take(&b->events, until));) {
        if (e->when > b->now) b->now = e->when;
        e->fire(e->owner);
    }
    b->now = until;
}

#endif
