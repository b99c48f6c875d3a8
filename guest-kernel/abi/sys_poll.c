/*
 * sys_poll.c - ppoll and pselect6: one wait for many descriptors (fs/poll.c).
 */
#include "abi/file_abi.h"
#include "abi/syscall.h"
#include "arch/time.h"
#include "base/bitmap.h"
#include "base/string.h"
#include "fs/fdtable.h"
#include "fs/poll.h"
#include "kern/process.h"
#include "kern/task.h"
#include "mm/slab.h"
#include "mm/usercopy.h"

/* A relative timespec from user memory as a deadline; 0: none. `now`: zero time, look only. */
static int deadline_from_user(uint64_t user, uint64_t *deadline, bool *now)
{
    struct linux_timespec t;
    *deadline = 0;
    *now = false;
    if (!user) return 0;
    if (copy_from_user(&t, user, sizeof t)) return -EFAULT;
    if (t.sec < 0 || t.nsec < 0 || t.nsec >= 1000000000) return -EINVAL;
    *now = !t.sec && !t.nsec;
    uint64_t seconds = MIN((uint64_t)t.sec, (uint64_t)1 << 32);
    *deadline = time_ns() + seconds * NS_PER_S + (uint64_t)t.nsec;
    return 0;
}

/* The time that is left goes back to the caller, as Linux does for both calls. */
static void give_rest(uint64_t user, uint64_t deadline)
{
    if (!user) return;
    uint64_t now = time_ns(), rest = deadline > now ? deadline - now : 0;
    struct linux_timespec t = {(int64_t)(rest / NS_PER_S), (int64_t)(rest % NS_PER_S)};
    (void)!copy_to_user(user, &t, sizeof t);
}

struct watch {
    struct file *file; /* NULL: not open */
    int fd;
    unsigned wanted, seen;
};

static unsigned look(struct watch *watch, unsigned n, struct poll_table *table)
{
    unsigned ready = 0;
    for (unsigned i = 0; i < n; i++) {
        if (watch[i].fd < 0) continue;
        watch[i].seen = POLLNVAL;
        if (watch[i].file)
            watch[i].seen = file_poll(watch[i].file, ready ? 0 : table) & (watch[i].wanted | POLLERR | POLLHUP);
        if (watch[i].seen) ready++;
    }
    return ready;
}

/* How many are ready; 0: time is over; -EINTR, -ENOMEM. */
static long await(struct watch *watch, unsigned n, uint64_t deadline, bool now)
{
    struct poll_table table;
    poll_table_init(&table);
    long result;
    for (;;) {
        result = look(watch, n, now ? 0 : &table);
        if (result || now) break;
        result = poll_table_wait(&table, deadline);
        if (result == -ETIMEDOUT) {
            result = look(watch, n, 0);
            break;
        }
        if (result) break;
    }
    poll_table_free(&table);
    return result;
}

/* Waits with the signal mask of the call, if there is one. */
static long await_masked(struct watch *watch, unsigned n, uint64_t deadline, bool now, uint64_t user_mask,
                         uint64_t size)
{
    sigset mask;
    if (user_mask) {
        if (size != sizeof mask) return -EINVAL;
        if (copy_from_user(&mask, user_mask, sizeof mask)) return -EFAULT;
        signal_mask_begin(mask);
    }
    long result = await(watch, n, deadline, now);
    if (user_mask && result != -EINTR) signal_mask_end();
    return result == -EINTR ? -ERESTARTNOHAND : result;
}

static void forget(struct watch *watch, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (watch[i].file) file_put(watch[i].file);
    kfree(watch);
}

long sys_ppoll(uint64_t user, unsigned n, uint64_t timeout, uint64_t mask, uint64_t mask_bytes)
{
    uint64_t deadline;
    bool now;
    if (n > process_limit(RLIMIT_NOFILE)) return -EINVAL;
    long result = deadline_from_user(timeout, &deadline, &now);
    if (result) return result;
    struct linux_pollfd *fds = kmalloc(n * sizeof *fds + 1);
    struct watch *watch = kzalloc(n * sizeof *watch + 1);
    result = fds && watch ? 0 : -ENOMEM;
    if (!result && copy_from_user(fds, user, n * sizeof *fds)) result = -EFAULT;
    for (unsigned i = 0; !result && i < n; i++)
        watch[i] = (struct watch){fd_get(fds[i].fd), fds[i].fd, (unsigned)(uint16_t)fds[i].events, 0};
    bool looked = !result;
    if (!result) result = await_masked(watch, n, deadline, now, mask, mask_bytes);
    for (unsigned i = 0; looked && i < n; i++) fds[i].revents = (int16_t)watch[i].seen;
    if (result >= 0 && copy_to_user(user, fds, n * sizeof *fds)) result = -EFAULT;
    if (looked) give_rest(timeout, deadline);
    if (watch) forget(watch, looked ? n : 0);
    kfree(fds);
    return result;
}

enum { SET_READ, SET_WRITE, SET_EXCEPT, SETS };
static const unsigned set_events[SETS] = {POLLIN | POLLRDNORM | POLLHUP | POLLERR, POLLOUT | POLLWRNORM | POLLERR,
                                          POLLPRI};

/* From three bit sets to a list of files. The number, or -EBADF. */
static long collect(uint64_t *set[SETS], unsigned n, struct watch *watch)
{
    unsigned count = 0;
    for (unsigned fd = 0; fd < n; fd++) {
        unsigned wanted = 0;
        for (int s = 0; s < SETS; s++)
            if (set[s] && bitmap_test(set[s], fd)) wanted |= set_events[s];
        if (!wanted) continue;
        watch[count] = (struct watch){fd_get((int)fd), (int)fd, wanted, 0};
        if (!watch[count++].file) {
            for (unsigned i = 0; i < count; i++)
                if (watch[i].file) file_put(watch[i].file);
            return -EBADF;
        }
    }
    return count;
}

static long distribute(uint64_t *set[SETS], unsigned words, struct watch *watch, unsigned count)
{
    long bits = 0;
    for (int s = 0; s < SETS; s++) {
        if (!set[s]) continue;
        for (unsigned i = 0; i < count; i++) { /* forget what was asked, keep what is asked of this set */
            bool asked = bitmap_test(set[s], (unsigned)watch[i].fd);
            watch[i].wanted = asked;
        }
        memset(set[s], 0, words * 8);
        for (unsigned i = 0; i < count; i++) {
            if (!watch[i].wanted || !(watch[i].seen & set_events[s])) continue;
            bitmap_set(set[s], (unsigned)watch[i].fd);
            bits++;
        }
    }
    return bits;
}

static long select_sets(uint64_t *set[SETS], unsigned n, uint64_t deadline, bool now, uint64_t mask,
                        uint64_t mask_bytes)
{
    struct watch *watch = kzalloc(n * sizeof *watch + 1);
    if (!watch) return -ENOMEM;
    long count = collect(set, n, watch), result = count;
    if (count >= 0) {
        result = await_masked(watch, (unsigned)count, deadline, now, mask, mask_bytes);
        if (result >= 0) result = distribute(set, BITMAP_WORDS(n), watch, (unsigned)count);
    }
    forget(watch, count > 0 ? (unsigned)count : 0);
    return result;
}

long sys_pselect6(int nfds, uint64_t in, uint64_t out, uint64_t except, uint64_t timeout, uint64_t mask_pair)
{
    uint64_t deadline, pair[2] = {0, 0}, user[SETS] = {in, out, except}, *set[SETS] = {0};
    bool now;
    if (nfds < 0) return -EINVAL;
    long result = deadline_from_user(timeout, &deadline, &now);
    if (!result && mask_pair && copy_from_user(pair, mask_pair, sizeof pair)) result = -EFAULT;
    if (result) return result;
    unsigned n = MIN((unsigned)nfds, fdtable_size(current->files));
    size_t bytes = BITMAP_WORDS(n) * 8;
    for (int s = 0; s < SETS && !result; s++) {
        if (!user[s]) continue;
        set[s] = kzalloc(bytes + 1);
        if (!set[s])
            result = -ENOMEM;
        else if (copy_from_user(set[s], user[s], (n + 7) / 8))
            result = -EFAULT;
    }
    if (!result) result = select_sets(set, n, deadline, now, pair[0], pair[1]);
    for (int s = 0; s < SETS; s++) {
        if (result >= 0 && set[s] && copy_to_user(user[s], set[s], (n + 7) / 8)) result = -EFAULT;
        kfree(set[s]);
    }
    give_rest(timeout, deadline);
    return result;
}
