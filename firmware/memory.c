/*
 * memory.c - blocks of memory, byte by byte: the firmware copies little, and rarely. Apart from text.c because the compiler may turn any
 * loop into a call of these, and because code that is tested on a host uses the host's.
 */
#include "text.h"

void *memcpy(void *to, const void *from, size_t bytes) { return memmove(to, from, bytes); }

void *memmove(void *to, const void *from, size_t bytes)
{
    uint8_t *target = to;
    const uint8_t *source = from;
    if ((uintptr_t)target < (uintptr_t)source)
        for (size_t i = 0; i < bytes; i++) target[i] = source[i];
    else
        for (size_t i = bytes; i-- > 0;) target[i] = source[i];
    return to;
}

void *memset(void *to, int value, size_t bytes)
{
    uint8_t *target = to;
    for (size_t i = 0; i < bytes; i++) target[i] = (uint8_t)value;
    return to;
}
