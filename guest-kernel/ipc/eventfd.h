/* eventfd.h - counters, timers and signals as files. */
#ifndef KEPLER_IPC_EVENTFD_H
#define KEPLER_IPC_EVENTFD_H

#include "fs/vfs.h"
#include "kern/signal.h"

struct file *eventfd_open(uint64_t count, bool semaphore, unsigned flags); /* NULL: no memory */

/* A timer on one of the clocks; `wall`: CLOCK_REALTIME. NULL: no memory. */
struct file *timerfd_open(bool wall, unsigned flags);
bool file_is_timerfd(struct file *file);
struct timer_setting {
    uint64_t interval_ns, value_ns; /* value 0: off */
};
/* `absolute`: value_ns is a time of the timer's clock. *old (may be NULL): what was set, relative. */
void timerfd_set(struct file *file, const struct timer_setting *setting, bool absolute, struct timer_setting *old);
void timerfd_get(struct file *file, struct timer_setting *setting);

struct file *signalfd_open(sigset which, unsigned flags); /* NULL: no memory */
bool file_is_signalfd(struct file *file);
void signalfd_set(struct file *file, sigset which);

/*
 * The process that the descriptor stands for (pidfd_open), with a reference; NULL: not such a descriptor. *flags (may be NULL): how the
 * descriptor is open (O_NONBLOCK: waitid does not wait).
 */
struct process *pidfd_process(int fd, unsigned *flags);

#endif
