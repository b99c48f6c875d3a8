/*
 * bits.c - counting bits. The compiler calls these by name for __builtin_ctz and its kind, since the plain instruction set has no
 * instruction for them.
 */
#include "base/types.h"

int __popcountdi2(uint64_t value);
int __ctzdi2(uint64_t value);
int __clzdi2(uint64_t value);

/* Sums of neighbours: 2 bits at a time, then 4, then 8; the product adds all bytes into the highest. */
int __popcountdi2(uint64_t value)
{
    value -= value >> 1 & 0x5555555555555555;
    value = (value & 0x3333333333333333) + (value >> 2 & 0x3333333333333333);
    value = (value + (value >> 4)) & 0x0f0f0f0f0f0f0f0f;
    return (int)(value * 0x0101010101010101 >> 56);
}

/* The zeros below the lowest one are the ones of value - 1 that value has not. */
int __ctzdi2(uint64_t value) { return __popcountdi2(~value & (value - 1)); }

int __clzdi2(uint64_t value)
{
    for (unsigned step = 1; step < 64; step *= 2) value |= value >> step;
    return 64 - __popcountdi2(value);
}
