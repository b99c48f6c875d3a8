/*
 * softirq.h - soft-interrupt threads.
 *
 * An interrupt must be served quickly, with interrupts off, and cannot sleep. So its handler only puts a request into the queue
 * of a soft-interrupt thread, a kernel thread, which does the bulk of the work and may take mutexes and sleep.
 *
 *      device --interrupt--> handler --softirq_raise--> queue --> thread --> wakes whoever waits for the device
 */
#ifndef KEPLER_KERN_SOFTIRQ_H
#define KEPLER_KERN_SOFTIRQ_H

#include "base/list.h"
#include "base/types.h"

/* Set up once with softirq_init; may be raised again and again. Raising a request that is queued already does nothing; one
 * raised while its function runs is run once more. A request never runs twice at a time. */
struct softirq {
    struct list link;
    void (*function)(void *context);
    void *context;
    const char *name;
    bool busy, again; /* running; raised meanwhile */
    uint64_t runs;    /* statistics */
};

void softirq_init(struct softirq *request, const char *name, void (*function)(void *), void *context);
void softirq_raise(struct softirq *request); /* any context */

#endif
