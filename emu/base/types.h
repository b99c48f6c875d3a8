/* The address and time types that every folder shares.
 *
 * gva_t  guest virtual address, as an instruction computes it
 * gpa_t  guest physical address, as it stands on the bus
 * ps_t   guest time since power-on in picoseconds; 2^64 ps are 213 days
 *
 * Host addresses are always real pointers, so the three kinds cannot be mixed silently in a prototype. */
#ifndef ORRERY_BASE_TYPES_H
#define ORRERY_BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t gva_t;
typedef uint64_t gpa_t;
typedef uint64_t ps_t;

#define PS_PER_NS UINT64_C(1000)
#define PS_PER_S  UINT64_C(1000000000000)
#define PS_NEVER  UINT64_MAX

#define GUEST_PAGE_LOG2  12
#define GUEST_PAGE_BYTES (UINT64_C(1) << GUEST_PAGE_LOG2)
#define GUEST_PAGE_MASK  (~(GUEST_PAGE_BYTES - 1))

#endif
