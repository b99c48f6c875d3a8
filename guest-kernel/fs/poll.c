/*
 * poll.c - waiting for one of several files.
 *
 * One look at a file answers "what is possible now" and at the same time hangs the task on the wait queues whose wake-up could
 * change the answer. First hang, then look: an event between the look and the sleep finds the task on the queue, and
 * the sleep ends at once.
 */
#include "fs/poll.h"

#include "mm/slab.h"

void poll_table_init(struct poll_table *table) { *table = (struct poll_table){0}; }

static bool make_room(struct poll_table *table)
{
    if (table->count < table->room) return true;
    unsigned room = table->room ? table->room * 2 : 8;
    struct waiter **bigger = krealloc(table->waiter, room * sizeof *bigger);
    if (!bigger) return false;
    table->waiter = bigger;
    while (table->room < room) {
        struct waiter *waiter = kzalloc(sizeof *waiter);
        if (!waiter) break;
        table->waiter[table->room++] = waiter;
    }
    return table->count < table->room;
}

void poll_wait(struct poll_table *table, struct waitq *queue)
{
    if (!table) return;
    if (table->hook) {
        table->hook(table, queue);
        return;
    }
    if (!make_room(table)) {
        table->failed = true;
        return;
    }
    waiter_add(table->waiter[table->count++], queue);
}

void poll_table_clear(struct poll_table *table)
{
    for (unsigned i = 0; i < table->count; i++) waiter_remove(table->waiter[i]);
    table->count = 0;
    table->failed = false;
}

void poll_table_free(struct poll_table *table)
{
    poll_table_clear(table);
    for (unsigned i = 0; i < table->room; i++) kfree(table->waiter[i]);
    kfree(table->waiter);
}

int poll_table_wait(struct poll_table *table, uint64_t deadline_ns)
{
    if (table->failed) return -ENOMEM;
    int result = wait_any(table->waiter, table->count, true, deadline_ns);
    poll_table_clear(table);
    return result;
}
