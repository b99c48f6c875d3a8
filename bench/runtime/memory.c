/* The four functions that a freestanding compiler may call by itself. */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memmove(void *to, const void *from, size_t count);
void *memset(void *to, int byte, size_t count);
int memcmp(const void *left, const void *right, size_t count);

static int words_fit(const void *to, const void *from) { return (((uintptr_t)to | (uintptr_t)from) & 7) == 0; }

void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
    unsigned char *out = to;
    const unsigned char *in = from;
    if (words_fit(out, in))
        for (; count >= 8; count -= 8, out += 8, in += 8) *(uint64_t *)out = *(const uint64_t *)in;
    while (count--) *out++ = *in++;
    return to;
}

void *memmove(void *to, const void *from, size_t count)
{
    unsigned char *out = to;
    const unsigned char *in = from;
    if ((uintptr_t)out - (uintptr_t)in >= count) return memcpy(to, from, count);
    while (count--) out[count] = in[count];
    return to;
}

void *memset(void *to, int byte, size_t count)
{
    unsigned char *out = to;
    uint64_t word = 0x0101010101010101u * (unsigned char)byte;
    if (words_fit(out, out))
        for (; count >= 8; count -= 8, out += 8) *(uint64_t *)out = word;
    while (count--) *out++ = (unsigned char)byte;
    return to;
}

int memcmp(const void *left, const void *right, size_t count)
{
    const unsigned char *a = left, *b = right;
    for (; count; count--, a++, b++)
        if (*a != *b) return *a - *b;
    return 0;
}
