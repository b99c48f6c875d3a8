/*
 * flock.h - locks on files and on parts of files, between processes that agree to ask for them.
 */
#ifndef KEPLER_FS_FLOCK_H
#define KEPLER_FS_FLOCK_H

#include "fs/vfs.h"

enum lock_kind { LOCK_READ, LOCK_WRITE, LOCK_NONE };

struct lock_range {
    enum lock_kind kind;
    uint64_t first, last; /* bytes, both included; last UINT64_MAX: to the end, wherever it is */
    int pid;              /* who holds it; -1 for open-file-description locks */
};

/* owner: the descriptor table (POSIX locks) or the struct file (OFD locks). whole: flock(2), which knows only whole files and does
 * not meet the others. Waits if `wait`. 0, -EAGAIN, -EDEADLK, -ENOLCK, -ERESTARTSYS. */
int lock_set(struct inode *inode, void *owner, bool whole, const struct lock_range *range, bool wait);
/* Replaces *range by the first lock that stands in its way; kind LOCK_NONE: nothing does. */
void lock_test(struct inode *inode, void *owner, struct lock_range *range);

#endif
