/* text.c - strings and memory blocks, byte by byte: the firmware copies little, and rarely. */
#include "text.h"

void *memcpy(void *to, const void *from, size_t bytes)
{
    return memmove(to, from, bytes);
}

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

bool text_equal(const char *a, const char *b)
{
    for (; *a && *a == *b; a++) b++;
    return *a == *b;
}

bool text_isa_contains(const char *isa, const char *name)
{
    for (const char *at = isa; *at; at++) {
        if (*at != '_') continue;
        const char *a = at + 1, *b = name;
        while (*b && *a == *b) a++, b++;
        if (!*b && (!*a || *a == '_')) return true;
    }
    return false;
}
