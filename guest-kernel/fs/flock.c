/*
 * flock.c - file locks.
 *
 * POSIX locks (fcntl) cover bytes and belong to a process: it may lock and unlock any part of what it holds, so a lock may be
 * split or grow together with its neighbours, and all its locks on a file go when it closes any descriptor of that
 * file. Locks of flock(2) cover the whole file and belong to an open-file entry. The two kinds do not see one another.
 *
 * Who waits for a lock says on whom; before sleeping we follow these arrows, and if they lead back to ourselves nobody would ever
 * wake: EDEADLK.
 */
#include "fs/flock.h"

#include "fs/vfs_internal.h"
#include "kern/task.h"
#include "kern/wait.h"
#include "mm/slab.h"

struct file_lock {
    struct list link;
    void *owner;
    bool whole;
    struct lock_range range;
};

struct lock_waiter {
    struct list link;
    void *owner, *holder;
};

static struct spinlock locks_lock = SPINLOCK_INIT("file locks", RANK_FILELOCK);
static struct waitq locks_wait = WAITQ_INIT(locks_wait);
static struct list waiting = LIST_INIT(waiting);

static bool overlap(const struct lock_range *a, const struct lock_range *b)
{
    return a->first <= b->last && b->first <= a->last;
}

static struct file_lock *conflict(struct inode *inode, void *owner, bool whole, const struct lock_range *range)
{
    struct file_lock *lock;
    if (range->kind == LOCK_NONE) return 0;
    list_for_each(lock, &inode->locks, link)
    {
        if (lock->owner == owner || lock->whole != whole || !overlap(&lock->range, range)) continue;
        if (lock->range.kind == LOCK_WRITE || range->kind == LOCK_WRITE) return lock;
    }
    return 0;
}

void lock_test(struct inode *inode, void *owner, struct lock_range *range)
{
    spin_lock(&locks_lock);
    struct file_lock *lock = conflict(inode, owner, false, range);
    if (lock)
        *range = lock->range;
    else
        range->kind = LOCK_NONE;
    spin_unlock(&locks_lock);
}

/* Would waiting for `holder` close a circle? */
static bool is_deadlock(void *owner, void *holder)
{
    for (int steps = 0; steps < 1000; steps++) {
        struct lock_waiter *waiter, *next = 0;
        if (holder == owner) return true;
        list_for_each(waiter, &waiting, link) if (waiter->owner == holder) next = waiter;
        if (!next) return false;
        holder = next->holder;
    }
    return false;
}

/* Cuts `range` out of the owner's locks. `spare` is for the second half of a split lock; returned if it was not needed. */
static struct file_lock *cut(struct inode *inode, void *owner, bool whole, const struct lock_range *range,
                             struct file_lock *spare)
{
    struct file_lock *lock, *after;
    list_for_each_safe(lock, after, &inode->locks, link)
    {
        struct lock_range *r = &lock->range;
        if (lock->owner != owner || lock->whole != whole || !overlap(r, range)) continue;
        bool left = r->first<range->first, right = r->last> range->last;
        if (left && right) {
            *spare = *lock;
            spare->range.first = range->last + 1;
            r->last = range->first - 1;
            list_push_back(&inode->locks, &spare->link);
            return 0; /* nothing else can overlap */
        }
        if (left)
            r->last = range->first - 1;
        else if (right)
            r->first = range->last + 1;
        else {
            list_remove(&lock->link);
            kfree(lock);
        }
    }
    return spare;
}

/* Joins the owner's neighbouring locks of the same kind with this one. */
static void join(struct inode *inode, struct file_lock *mine)
{
    struct file_lock *lock, *after;
    list_for_each_safe(lock, after, &inode->locks, link)
    {
        if (lock == mine || lock->owner != mine->owner || lock->whole != mine->whole) continue;
        if (lock->range.kind != mine->range.kind) continue;
        bool before = lock->range.last != UINT64_MAX && lock->range.last + 1 == mine->range.first;
        bool behind = mine->range.last != UINT64_MAX && mine->range.last + 1 == lock->range.first;
        if (!before && !behind) continue;
        if (before) mine->range.first = lock->range.first;
        if (behind) mine->range.last = lock->range.last;
        list_remove(&lock->link);
        kfree(lock);
    }
}

/* Waits for the lock in the way to change. Lock held. */
static int await(void *owner, struct file_lock *in_the_way, bool whole)
{
    struct lock_waiter waiter = {.owner = owner, .holder = in_the_way->owner};
    if (!whole && is_deadlock(owner, waiter.holder)) return -EDEADLK;
    list_push_back(&waiting, &waiter.link);
    int error = wait_on(&locks_wait, &locks_lock, true, 0);
    list_remove(&waiter.link);
    return error == -EINTR ? -ERESTARTSYS : 0;
}

int lock_set(struct inode *inode, void *owner, bool whole, const struct lock_range *range, bool wait)
{
    struct file_lock *fresh = kzalloc(sizeof *fresh), *spare = kzalloc(sizeof *spare), *other;
    int error = fresh && spare ? 0 : -ENOLCK;
    spin_lock(&locks_lock);
    while (!error && (other = conflict(inode, owner, whole, range)))
        error = wait ? await(owner, other, whole) : -EAGAIN;
    if (!error) {
        spare = cut(inode, owner, whole, range, spare);
        if (range->kind != LOCK_NONE) {
            *fresh = (struct file_lock){.owner = owner, .whole = whole, .range = *range};
            list_push_back(&inode->locks, &fresh->link);
            join(inode, fresh);
            fresh = 0;
        }
        wake_all(&locks_wait);
    }
    spin_unlock(&locks_lock);
    kfree(fresh);
    kfree(spare);
    return error;
}

static void release(struct inode *inode, void *owner, bool whole)
{
    struct file_lock *lock, *after;
    if (list_empty(&inode->locks)) return;
    spin_lock(&locks_lock);
    list_for_each_safe(lock, after, &inode->locks, link)
    {
        if (lock->owner != owner || lock->whole != whole) continue;
        list_remove(&lock->link);
        kfree(lock);
    }
    wake_all(&locks_wait);
    spin_unlock(&locks_lock);
}

void locks_release_owner(struct inode *inode, void *owner) { release(inode, owner, false); }

void locks_release_file(struct inode *inode, struct file *file)
{
    release(inode, file, true);
    release(inode, file, false);
}
