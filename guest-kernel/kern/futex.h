/* futex.h - waiting in the kernel for a word in user memory. */
#ifndef KEPLER_KERN_FUTEX_H
#define KEPLER_KERN_FUTEX_H

#include "base/types.h"

#define FUTEX_BITSET_ALL 0xffffffffu

/* Sleeps if the word still holds `value`. deadline_ns 0: none. 0: woken; -EAGAIN: it does not; -ETIMEDOUT, -EINTR, -EFAULT, -EINVAL. */
int futex_wait(uint64_t address, bool shared, uint32_t value, uint32_t bitset, uint64_t deadline_ns);
/* Wakes up to n waiters; how many, or an error. */
long futex_wake(uint64_t address, bool shared, int n, uint32_t bitset);
/* Wakes up to n, moves up to `move` others to the second word. expected: NULL, or what the first word must hold (-EAGAIN). */
long futex_requeue(uint64_t address, uint64_t to, bool shared, int n, int move, const uint32_t *expected);
/* FUTEX_WAKE_OP. */
long futex_wake_op(uint64_t address, uint64_t address2, bool shared, int n, int n2, uint32_t operation);

#endif
