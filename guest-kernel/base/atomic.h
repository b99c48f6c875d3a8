/*
 * atomic.h - counters that several harts change without a lock.
 *
 * Everything else that is shared is protected by a lock (kern/lock.h). `struct refcount` counts the holders of an
 * object; the holder who brings it to zero destroys the object.
 */
#ifndef KEPLER_BASE_ATOMIC_H
#define KEPLER_BASE_ATOMIC_H

#include "base/types.h"

#define atomic_load(p)           __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define atomic_store(p, v)       __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define atomic_add(p, v)         __atomic_add_fetch(p, v, __ATOMIC_ACQ_REL) /* the new value */
#define atomic_swap(p, v)        __atomic_exchange_n(p, v, __ATOMIC_ACQ_REL)
#define atomic_or(p, v)          __atomic_fetch_or(p, v, __ATOMIC_ACQ_REL)  /* the old value */
#define atomic_and(p, v)         __atomic_fetch_and(p, v, __ATOMIC_ACQ_REL) /* the old value */
#define atomic_cas(p, old, wish) __atomic_compare_exchange_n(p, old, wish, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)

struct refcount {
    int value;
};

static inline void ref_init(struct refcount *r) { atomic_store(&r->value, 1); }
static inline void ref_get(struct refcount *r) { __atomic_fetch_add(&r->value, 1, __ATOMIC_RELAXED); }
/* True for the last holder. */
static inline bool ref_put(struct refcount *r) { return atomic_add(&r->value, -1) == 0; }
static inline int ref_count(struct refcount *r) { return atomic_load(&r->value); }

#endif
