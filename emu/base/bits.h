/* Bit fields, sign extension and little-endian memory, all inside defined C. */
#ifndef ORRERY_BASE_BITS_H
#define ORRERY_BASE_BITS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Field [hi:lo] of v, as the manuals write it; 0 <= lo <= hi <= 63. */
static inline uint64_t bits_get(uint64_t v, unsigned hi, unsigned lo)
{
    return (v >> lo) & (UINT64_MAX >> (63 - (hi - lo)));
}

/* v with field [hi:lo] replaced by the low bits of f. */
static inline uint64_t bits_set(uint64_t v, unsigned hi, unsigned lo, uint64_t f)
{
    uint64_t mask = (UINT64_MAX >> (63 - (hi - lo))) << lo;
    return (v & ~mask) | ((f << lo) & mask);
}

static inline bool bit_test(uint64_t v, unsigned n) { return (v >> n) & 1; }

/* v with the bits of mask taken from f (f is in place, not shifted). */
static inline uint64_t bits_merge(uint64_t v, uint64_t mask, uint64_t f) { return (v & ~mask) | (f & mask); }

/* The low n bits of v (1 <= n <= 64), sign-extended. */
static inline int64_t sign_extend(uint64_t v, unsigned n) { return (int64_t)(v << (64 - n)) >> (64 - n); }

static inline bool is_power_of_2(uint64_t v) { return v != 0 && (v & (v - 1)) == 0; }

static inline uint64_t align_up(uint64_t v, uint64_t a) { return (v + a - 1) & ~(a - 1); }

/* Little-endian memory of any alignment. The guest is little-endian; so are all hosts supported so far. */
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "a big-endian host needs byte swaps here"
#endif
static inline uint16_t load_le16(const void *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline uint32_t load_le32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline uint64_t load_le64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline void store_le16(void *p, uint16_t v) { memcpy(p, &v, sizeof v); }
static inline void store_le32(void *p, uint32_t v) { memcpy(p, &v, sizeof v); }
static inline void store_le64(void *p, uint64_t v) { memcpy(p, &v, sizeof v); }

/* size is 1, 2, 4 or 8. */
static inline uint64_t load_le(const void *p, unsigned size)
{
    uint64_t v = 0;
    memcpy(&v, p, size);
    return v;
}
static inline void store_le(void *p, unsigned size, uint64_t v) { memcpy(p, &v, size); }

#endif
