/*
 * poll.h - waiting for one of several files: the set of wait queues that a poll hangs on.
 */
#ifndef KEPLER_FS_POLL_H
#define KEPLER_FS_POLL_H

#include "fs/vfs.h"
#include "kern/wait.h"

struct poll_table {
    struct waiter **waiter; /* each in memory of its own: queues point to them */
    unsigned count, room;
    bool failed; /* out of memory: what is missing may be slept through, so do not sleep */
    void (*hook)(struct poll_table *, struct waitq *); /* instead of all that: called for each queue (ipc/epoll.c) */
};

void poll_table_init(struct poll_table *table);
void poll_table_clear(struct poll_table *table); /* off all queues; keeps the memory */
void poll_table_free(struct poll_table *table);
/* Sleeps until a queue is woken. 0, -EINTR, -ETIMEDOUT, -ENOMEM. Takes the waiters off their queues. */
int poll_table_wait(struct poll_table *table, uint64_t deadline_ns);

/* ipc/epoll.c: the last reference to a file goes; no epoll instance may look at it any more. */
void epoll_file_closes(struct file *file);

#endif
