/* bitmap.h - sets of small numbers as arrays of 64-bit words. The caller does the locking. */
#ifndef KEPLER_BASE_BITMAP_H
#define KEPLER_BASE_BITMAP_H

#include "base/types.h"

#define BITMAP_WORDS(bits) (((bits) + 63) / 64)

static inline bool bitmap_test(const uint64_t *map, size_t bit) { return map[bit / 64] >> bit % 64 & 1; }
static inline void bitmap_set(uint64_t *map, size_t bit) { map[bit / 64] |= 1ull << bit % 64; }
static inline void bitmap_clear(uint64_t *map, size_t bit) { map[bit / 64] &= ~(1ull << bit % 64); }

/* The first clear bit from `start` on, or `bits` if there is none. */
static inline size_t bitmap_find_clear(const uint64_t *map, size_t bits, size_t start)
{
    for (size_t i = start; i < bits;) {
        uint64_t word = ~map[i / 64] >> i % 64;
        if (word) {
            size_t found = i + (size_t)__builtin_ctzll(word);
            return found < bits ? found : bits;
        }
        i = (i / 64 + 1) * 64;
    }
    return bits;
}

#endif
