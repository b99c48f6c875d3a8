/*
 * epoll.h - files that stand for events: epoll instances (epoll.c), counters, timers and signals (eventfd.c).
 */
#ifndef KEPLER_IPC_EPOLL_H
#define KEPLER_IPC_EPOLL_H

#include "base/rbtree.h"
#include "fs/vfs.h"
#include "kern/wait.h"

enum { EPOLL_CTL_ADD = 1, EPOLL_CTL_DEL, EPOLL_CTL_MOD };

struct epoll_event { /* as user programs see it on riscv64 */
    uint32_t events, padding;
    uint64_t data;
};
_Static_assert(sizeof(struct epoll_event) == 16, "not packed");

/* An open file of its own, with a nameless inode; NULL: no memory. */
struct file *event_file(const struct file_ops *ops, const char *kind, unsigned flags, void *private);

/* file_ops.seek of these files: it does nothing and succeeds. */
int64_t event_seek(struct file *file, int64_t offset, int whence);

struct file *epoll_open(void); /* NULL: no memory */
bool file_is_epoll(struct file *file);
/* 0 or -errno; event is not looked at for EPOLL_CTL_DEL. `file` is what `fd` stands for. */
int epoll_control(struct file *epoll, int op, struct file *file, int fd, const struct epoll_event *event);
/* The number of events written to `user` (at most room > 0); 0 when time is up or `now`; -EINTR, -EFAULT. deadline 0: none. */
long epoll_await(struct file *epoll, uint64_t user, unsigned room, uint64_t deadline_ns, bool now);

#endif
