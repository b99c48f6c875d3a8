/*
 * futex.c - fast user-space mutexes.
 *
 * A lock that is free is taken by one atomic instruction in user memory, without the kernel. Only who finds it taken calls
 * the kernel: "put me to sleep, if the word still has the value I saw". The look and the falling asleep must be one step, or a
 * wakeup in between is lost: so the word is read under the lock that a waker needs too.
 *
 * Waiters stand in a hash table by the identity of the word (mm_futex_key): two processes that share the page find each
 * other, whatever its address in each. Reading user memory may need the disk, and then the lock cannot be held: so it is read
 * without, to bring the page in, and the look is tried again.
 */
#include "kern/futex.h"

#include "base/errno.h"
#include "kern/lock.h"
#include "kern/print.h"
#include "kern/process_internal.h"
#include "kern/wait.h"
#include "mm/space.h"
#include "mm/usercopy.h"

#define BUCKETS 256u

struct futex_waiter {
    struct list link;
    struct mm_key key;
    uint32_t bitset;
    bool woken;
    struct waitq queue;
};

static struct spinlock futex_lock = SPINLOCK_INIT("futexes", RANK_FUTEX);
static struct list buckets[BUCKETS];

static struct list *bucket_of(const struct mm_key *key)
{
    uint64_t hash = (key->object ^ key->offset >> 2) * 0x9e3779b97f4a7c15;
    struct list *bucket = &buckets[hash >> 56];
    if (!bucket->next) list_init(bucket);
    return bucket;
}

static bool same(const struct mm_key *a, const struct mm_key *b)
{
    return a->object == b->object && a->offset == b->offset;
}

/* Reads the word under futex_lock; gives the lock up in between if the page has to be brought in. */
static int load_locked(uint64_t address, uint32_t *value)
{
    for (;;) {
        int error = user_load32_nofault(address, value);
        if (error != -EAGAIN) return error;
        spin_unlock(&futex_lock);
        error = user_load32(address, value);
        spin_lock(&futex_lock);
        if (error) return error;
    }
}

int futex_wait(uint64_t address, bool shared, uint32_t value, uint32_t bitset, uint64_t deadline_ns)
{
    struct futex_waiter self = {.bitset = bitset};
    uint32_t now;
    if (!bitset) return -EINVAL;
    int error = mm_futex_key(current->mm, address, shared, &self.key);
    if (error) return error;
    waitq_init(&self.queue);
    spin_lock(&futex_lock);
    error = load_locked(address, &now);
    if (!error && now != value) error = -EAGAIN;
    if (!error) {
        list_push_back(bucket_of(&self.key), &self.link);
        while (!self.woken && !error) error = wait_on(&self.queue, &futex_lock, true, deadline_ns);
        if (self.woken)
            error = 0;
        else
            list_remove(&self.link);
    }
    spin_unlock(&futex_lock);
    return error;
}

static void wake(struct futex_waiter *waiter)
{
    list_remove(&waiter->link);
    waiter->woken = true;
    wake_all(&waiter->queue);
}

static long wake_locked(const struct mm_key *key, int n, uint32_t bitset)
{
    struct futex_waiter *waiter, *after;
    long woken = 0;
    list_for_each_safe(waiter, after, bucket_of(key), link)
    {
        if (woken >= n) break;
        if (!same(&waiter->key, key) || !(waiter->bitset & bitset)) continue;
        wake(waiter);
        woken++;
    }
    return woken;
}

long futex_wake(uint64_t address, bool shared, int n, uint32_t bitset)
{
    struct mm_key key;
    if (!bitset) return -EINVAL;
    int error = mm_futex_key(current->mm, address, shared, &key);
    if (error) return error;
    spin_lock(&futex_lock);
    long woken = wake_locked(&key, n, bitset);
    spin_unlock(&futex_lock);
    return woken;
}

long futex_requeue(uint64_t address, uint64_t to, bool shared, int n, int move, const uint32_t *expected)
{
    struct mm_key from_key, to_key;
    if (n < 0 || move < 0) return -EINVAL;
    int error = mm_futex_key(current->mm, address, shared, &from_key);
    if (!error) error = mm_futex_key(current->mm, to, shared, &to_key);
    if (error) return error;
    uint32_t now;
    spin_lock(&futex_lock);
    if (expected) {
        error = load_locked(address, &now);
        if (!error && now != *expected) error = -EAGAIN;
    }
    long done = 0;
    if (!error) {
        done = wake_locked(&from_key, n, FUTEX_BITSET_ALL);
        struct futex_waiter *waiter, *after;
        struct list moved = LIST_INIT(moved);
        list_for_each_safe(waiter, after, bucket_of(&from_key), link)
        {
            if (move == 0) break;
            if (!same(&waiter->key, &from_key)) continue;
            list_remove(&waiter->link);
            waiter->key = to_key;
            list_push_back(&moved, &waiter->link);
            move--, done++;
        }
        list_splice_back(bucket_of(&to_key), &moved);
    }
    spin_unlock(&futex_lock);
    return error ? error : done;
}

/* operation: 4 bits what to do with the second word, 4 bits how to compare its old value, 12 bits each argument. */
static int apply_operation(uint32_t operation, uint32_t old, uint32_t *new, bool *compare)
{
    uint32_t argument = (uint32_t)((int32_t)(operation << 8) >> 20);
    int32_t against = (int32_t)(operation << 20) >> 20, value = (int32_t)old;
    if (operation >> 31) argument = 1u << (argument & 31);
    switch (operation >> 28 & 7) {
    case 0: *new = argument; break;
    case 1: *new = old + argument; break;
    case 2: *new = old | argument; break;
    case 3: *new = old & ~argument; break;
    case 4: *new = old ^ argument; break;
    default: return -ENOSYS;
    }
    switch (operation >> 24 & 15) {
    case 0: *compare = value == against; break;
    case 1: *compare = value != against; break;
    case 2: *compare = value < against; break;
    case 3: *compare = value <= against; break;
    case 4: *compare = value > against; break;
    case 5: *compare = value >= against; break;
    default: return -ENOSYS;
    }
    return 0;
}

long futex_wake_op(uint64_t address, uint64_t address2, bool shared, int n, int n2, uint32_t operation)
{
    struct mm_key key, key2;
    uint32_t old, new, seen;
    bool compare = false;
    int error = mm_futex_key(current->mm, address, shared, &key);
    if (!error) error = mm_futex_key(current->mm, address2, shared, &key2);
    if (error) return error;
    do {
        error = user_load32(address2, &old);
        if (!error) error = apply_operation(operation, old, &new, &compare);
        if (!error) error = user_cmpxchg32(address2, old, new, &seen);
        if (error) return error;
    } while (seen != old);
    spin_lock(&futex_lock);
    long woken = wake_locked(&key, n, FUTEX_BITSET_ALL);
    if (compare) woken += wake_locked(&key2, n2, FUTEX_BITSET_ALL);
    spin_unlock(&futex_lock);
    return woken;
}

/*
 * Robust futexes: a list in user memory of the locks the thread holds. At its end the kernel marks each as orphaned and wakes a
 * waiter. The list is user data: it may be damaged, endless, or point anywhere.
 */
#define FUTEX_TID_MASK   0x3fffffffu
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_WAITERS    0x80000000u
#define ROBUST_MAX       2048

static void release_robust(uint64_t address)
{
    uint32_t old, seen;
    if (user_load32(address, &old)) return;
    while ((old & FUTEX_TID_MASK) == (uint32_t)current->pid) {
        if (user_cmpxchg32(address, old, (old & FUTEX_WAITERS) | FUTEX_OWNER_DIED, &seen)) return;
        if (seen == old) {
            if (old & FUTEX_WAITERS) futex_wake(address, true, 1, FUTEX_BITSET_ALL);
            return;
        }
        old = seen;
    }
}

static void walk_robust_list(void)
{
    struct {
        uint64_t first;
        int64_t offset;
        uint64_t pending;
    } head;
    uint64_t start = current->robust_list;
    if (!start || copy_from_user(&head, start, sizeof head)) return;
    uint64_t at = head.first & ~1ul;
    for (int i = 0; i < ROBUST_MAX && at != start; i++) {
        uint64_t next;
        if (copy_from_user(&next, at, sizeof next)) break;
        if (at != (head.pending & ~1ul)) release_robust(at + (uint64_t)head.offset);
        at = next & ~1ul;
    }
    if (head.pending & ~1ul) release_robust((head.pending & ~1ul) + (uint64_t)head.offset);
}

void futex_task_exit(void)
{
    walk_robust_list();
    current->robust_list = 0;
    uint64_t address = current->clear_child_tid;
    current->clear_child_tid = 0;
    if (!address) return;
    /* The order matters: who is woken must see the zero. */
    if (!user_store32(address, 0)) futex_wake(address, true, 1, FUTEX_BITSET_ALL);
}
