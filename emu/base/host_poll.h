/* Waiting for the host: file descriptors, the clock, sleeping. The only place that knows of poll(2) and clock_gettime(2).
 *
 * A `struct port` is a source of host input: a terminal, a file, a socket, a network stack. The machine asks all ports which
 * descriptors they want watched, waits (or only looks), and lets each port serve what came. It does so at round boundaries only:
 * ports are the recorded entrance of everything that is not a function of the guest's instructions. */
#ifndef ORRERY_BASE_HOST_POLL_H
#define ORRERY_BASE_HOST_POLL_H

#include "emu/base/err.h"
#include "emu/base/types.h"
#include <poll.h>

#define HOST_POLL_MAX 256

struct host_poll {
    struct pollfd fds[HOST_POLL_MAX];
    unsigned count;
    int64_t timeout_ns; /* a port may lower it; negative: no limit */
};

/* Adds a descriptor with poll(2)'s events; returns its index for host_poll_revents, or -1 if the set is full. */
int host_poll_add(struct host_poll *p, int fd, short events);
short host_poll_revents(const struct host_poll *p, int index); /* 0 for index -1 */
static inline void host_poll_limit(struct host_poll *p, int64_t ns)
{
    if (p->timeout_ns < 0 || ns < p->timeout_ns) p->timeout_ns = ns;
}
/* Waits at most timeout_ns; returns early on a ready descriptor or a signal. */
void host_poll_wait(struct host_poll *p);

struct port {
    void (*prepare)(void *self, struct host_poll *p); /* adds descriptors, lowers the timeout; may be NULL */
    void (*serve)(void *self, struct host_poll *p);   /* after every wait, whether or not something is ready */
    bool (*live)(void *self); /* input may still come: idling waits on the host clock. NULL: yes */
    void *self;
};

/* Monotonic host time in nanoseconds, from an arbitrary start. */
uint64_t host_clock_ns(void);
/* Wall clock, nanoseconds since the epoch. */
uint64_t host_wall_ns(void);

#endif
