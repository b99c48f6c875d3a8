/* structs.h - structures of Linux's riscv64 interface that several handlers read or write. */
#ifndef KEPLER_ABI_STRUCTS_H
#define KEPLER_ABI_STRUCTS_H

#include "arch/time.h"
#include "base/errno.h"
#include "base/types.h"
#include "mm/usercopy.h"

struct user_timespec {
    int64_t s, ns;
};
struct user_timeval {
    int64_t s, us;
};

static inline struct user_timespec timespec_of(uint64_t ns)
{
    return (struct user_timespec){(int64_t)(ns / NS_PER_S), (int64_t)(ns % NS_PER_S)};
}
static inline struct user_timeval timeval_of(uint64_t ns)
{
    return (struct user_timeval){(int64_t)(ns / NS_PER_S), (int64_t)(ns % NS_PER_S / 1000)};
}

/* Longest time that is told apart from "for ever": 146 years. */
#define TIME_MAX_NS (UINT64_MAX / 4)

/* 0, -EFAULT, -EINVAL (negative, or the fraction is out of range). Long times become TIME_MAX_NS. */
static inline int timespec_from_user(uint64_t from, uint64_t *ns)
{
    struct user_timespec t;
    if (copy_from_user(&t, from, sizeof t)) return -EFAULT;
    if (t.s < 0 || t.ns < 0 || (uint64_t)t.ns >= NS_PER_S) return -EINVAL;
    *ns = (uint64_t)t.s >= TIME_MAX_NS / NS_PER_S ? TIME_MAX_NS : (uint64_t)t.s * NS_PER_S + (uint64_t)t.ns;
    return 0;
}
static inline int timeval_from_user(uint64_t from, uint64_t *ns)
{
    struct user_timeval t;
    if (copy_from_user(&t, from, sizeof t)) return -EFAULT;
    if (t.s < 0 || t.us < 0 || t.us >= 1000000) return -EINVAL;
    *ns = (uint64_t)t.s >= TIME_MAX_NS / NS_PER_S ? TIME_MAX_NS : (uint64_t)t.s * NS_PER_S + (uint64_t)t.us * 1000;
    return 0;
}

#endif
