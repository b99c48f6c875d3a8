/*
 * unix_rights.c - descriptors in messages, and what becomes of those that nobody can receive any more.
 *
 * A descriptor is a capability, and a message can carry it to another process (SCM_RIGHTS): the message holds a reference to
 * the open-file entry while it is "in flight". That makes circles possible. Send a socket through itself and close it: the queue
 * holds the socket, the socket holds the queue, the count never gets to zero, yet no process can reach either.
 *
 * So this is a small garbage collector. It looks at sockets that are in flight. Such a socket is a *candidate* if every reference to
 * its file comes from a message: no process has a descriptor of it. Then, mark and sweep:
 *
 *   1. From each candidate's count take the references that come from the queues of candidates. What is left over comes from a queue
 *      that somebody can still read.
 *   2. Whatever has some left over is reachable, and so is everything in its queue, and so on.
 *   3. The other candidates can be reached by nobody: their messages are freed, which ends them.
 *
 * All under unix_lock, which keeps queues as they are; only a message could give one of these files to a process, and receiving it
 * needs the lock.
 */
#include "ipc/socket.h"

#define FLIGHT_MAX 16384u /* descriptors in messages, all together */

static struct list flying = LIST_INIT(flying); /* sockets with in_flight > 0; under unix_lock */
static unsigned flight_count;

bool rights_too_many(unsigned more) { return flight_count + more > FLIGHT_MAX; }

void rights_enter(struct message *m)
{
    flight_count += m->file_count;
    for (unsigned i = 0; i < m->file_count; i++) {
        struct socket *s = socket_of(m->files[i]);
        if (s && s->in_flight++ == 0) list_push_back(&flying, &s->flight_link);
    }
}

void rights_leave(struct message *m)
{
    flight_count -= m->file_count;
    for (unsigned i = 0; i < m->file_count; i++) {
        struct socket *s = socket_of(m->files[i]);
        if (s && --s->in_flight == 0) list_remove(&s->flight_link);
    }
}

static void visit_queue(struct socket *s, void (*visit)(struct socket *))
{
    struct message *m;
    list_for_each(m, &s->messages, link)
    {
        for (unsigned i = 0; i < m->file_count; i++) {
            struct socket *inside = socket_of(m->files[i]);
            if (inside && inside->in_flight) visit(inside);
        }
    }
}

/* The sockets in a socket's own queue and in those of the connections that wait at it. */
static void visit_children(struct socket *s, void (*visit)(struct socket *))
{
    struct socket *pending;
    visit_queue(s, visit);
    list_for_each(pending, &s->pending, pending_link) visit_queue(pending, visit);
}

static bool is_candidate(struct socket *s) { return s->file && (unsigned)ref_count(&s->file->refs) == s->in_flight; }
static void explain(struct socket *s) { s->unexplained--; }

/* Reachable sockets go to the end of the list, where the walk over it will find them. */
static void reach(struct socket *s)
{
    if (s->reachable) return;
    s->reachable = true;
    list_remove(&s->flight_link);
    list_push_back(&flying, &s->flight_link);
}

/* True if there was anything. */
static bool empty_queues(struct socket *s, struct list *messages)
{
    bool any = !list_empty(&s->messages);
    struct socket *pending;
    list_for_each(pending, &s->pending, pending_link)
    {
        any = any || !list_empty(&pending->messages);
        messages_take_all(pending, messages);
    }
    messages_take_all(s, messages);
    return any;
}

static void find_garbage(struct list *messages)
{
    struct socket *s;
    bool found;
    list_for_each(s, &flying, flight_link)
    {
        s->unexplained = s->in_flight;
        s->reachable = !is_candidate(s);
    }
    list_for_each(s, &flying, flight_link) if (!s->reachable) visit_children(s, explain);
    /* Reachable ones behind the others, then walk over them while the list grows. */
    struct list others = LIST_INIT(others);
    list_splice_back(&others, &flying);
    while (!list_empty(&others)) {
        s = list_first(&others, struct socket, flight_link);
        list_remove(&s->flight_link);
        bool held = s->reachable || s->unexplained;
        s->reachable = held;
        if (held)
            list_push_back(&flying, &s->flight_link);
        else
            list_push_front(&flying, &s->flight_link);
    }
    list_for_each(s, &flying, flight_link) if (s->reachable) visit_children(s, reach);
    /* Emptying a queue takes others off the list: start over each time. */
    do {
        found = false;
        list_for_each(s, &flying, flight_link)
        {
            found = !s->reachable && empty_queues(s, messages);
            if (found) break;
        }
    } while (found);
}

void rights_collect(void)
{
    struct list messages = LIST_INIT(messages);
    spin_lock(&unix_lock);
    if (!list_empty(&flying)) find_garbage(&messages);
    spin_unlock(&unix_lock);
    messages_free(&messages);
}
