#define _GNU_SOURCE /* ppoll */
#include "emu/base/host_poll.h"

#include "emu/base/bits.h"
#include <time.h>

int host_poll_add(struct host_poll *p, int fd, short events)
{
    if (p->count == HOST_POLL_MAX) return -1;
    p->fds[p->count] = (struct pollfd){.fd = fd, .events = events};
    return (int)p->count++;
}

short host_poll_revents(const struct host_poll *p, int index)
{
    return index < 0 || (unsigned)index >= p->count ? 0 : p->fds[index].revents;
}

void host_poll_wait(struct host_poll *p)
{
    struct timespec t = {.tv_sec = p->timeout_ns / 1000000000, .tv_nsec = p->timeout_ns % 1000000000};
    if (ppoll(p->fds, p->count, p->timeout_ns < 0 ? NULL : &t, NULL) >= 0) return;
    for (unsigned i = 0; i < p->count; i++) p->fds[i].revents = 0; /* interrupted by a signal */
}

static uint64_t read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t host_clock_ns(void) { return read_clock(CLOCK_MONOTONIC); }
uint64_t host_wall_ns(void) { return read_clock(CLOCK_REALTIME); }
