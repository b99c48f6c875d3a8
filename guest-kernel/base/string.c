/*
 * string.c - bytes and strings. See string.h.
 *
 * The three mem* functions move most of the bytes the kernel ever moves (pages, pipes, messages), so they work in
 * 64-bit words where source and destination are aligned alike; RISC-V traps or crawls on misaligned words.
 */
#include "base/string.h"

#define WORD sizeof(uint64_t)

void *memcpy(void *to, const void *from, size_t bytes)
{
    unsigned char *t = to;
    const unsigned char *f = from;
    if (((uintptr_t)t ^ (uintptr_t)f) % WORD == 0) {
        for (; bytes && (uintptr_t)t % WORD; bytes--) *t++ = *f++;
        for (; bytes >= 4 * WORD; bytes -= 4 * WORD, t += 4 * WORD, f += 4 * WORD) {
            const uint64_t *words = (const uint64_t *)f;
            uint64_t a = words[0], b = words[1], c = words[2], d = words[3];
            uint64_t *out = (uint64_t *)t;
            out[0] = a, out[1] = b, out[2] = c, out[3] = d;
        }
        for (; bytes >= WORD; bytes -= WORD, t += WORD, f += WORD) *(uint64_t *)t = *(const uint64_t *)f;
    }
    while (bytes--) *t++ = *f++;
    return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
    unsigned char *t = to;
    const unsigned char *f = from;
    if ((uintptr_t)t - (uintptr_t)f >= bytes) return memcpy(to, from, bytes);
    while (bytes--) t[bytes] = f[bytes];
    return to;
}

void *memset(void *to, int value, size_t bytes)
{
    unsigned char *t = to;
    uint64_t pattern = (unsigned char)value * 0x0101010101010101ull;
    for (; bytes && (uintptr_t)t % WORD; bytes--) *t++ = (unsigned char)value;
    for (; bytes >= 4 * WORD; bytes -= 4 * WORD, t += 4 * WORD) {
        uint64_t *out = (uint64_t *)t;
        out[0] = out[1] = out[2] = out[3] = pattern;
    }
    while (bytes--) *t++ = (unsigned char)value;
    return to;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
    const unsigned char *x = a, *y = b;
    for (; bytes; bytes--, x++, y++)
        if (*x != *y) return *x - *y;
    return 0;
}

void *memchr(const void *at, int value, size_t bytes)
{
    for (const unsigned char *p = at; bytes; bytes--, p++)
        if (*p == (unsigned char)value) return (void *)p;
    return NULL;
}

size_t strlen(const char *s)
{
    size_t n = 0;
    while (s[n]) n++;
    return n;
}

size_t strnlen(const char *s, size_t room)
{
    size_t n = 0;
    while (n < room && s[n]) n++;
    return n;
}

int strcmp(const char *a, const char *b)
{
    for (; *a && *a == *b; a++) b++;
    return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t bytes)
{
    for (; bytes && *a && *a == *b; a++, bytes--) b++;
    return bytes ? (unsigned char)*a - (unsigned char)*b : 0;
}

char *strchr(const char *s, int c)
{
    for (;; s++) {
        if (*s == (char)c) return (char *)s;
        if (!*s) return NULL;
    }
}

char *strrchr(const char *s, int c)
{
    const char *last = NULL;
    for (;; s++) {
        if (*s == (char)c) last = s;
        if (!*s) return (char *)last;
    }
}

char *strstr(const char *s, const char *wanted)
{
    size_t n = strlen(wanted);
    for (; *s || !n; s++)
        if (!strncmp(s, wanted, n)) return (char *)s;
    return NULL;
}

bool text_copy(char *to, const char *from, size_t room)
{
    size_t n = strnlen(from, room);
    bool fits = n < room;
    if (!fits) n = room - 1;
    memcpy(to, from, n);
    to[n] = 0;
    return fits;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return 99;
}

bool text_number(const char *s, uint64_t *value)
{
    unsigned base = 10;
    if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) base = 16, s += 2;
    const char *start = s;
    uint64_t n = 0;
    for (; digit_value(*s) < (int)base; s++) {
        unsigned digit = (unsigned)digit_value(*s);
        if (n > (UINT64_MAX - digit) / base) return false;
        n = n * base + digit;
    }
    if (s == start) return false;
    unsigned shift = *s == 'k' || *s == 'K' ? 10 : *s == 'M' ? 20 : *s == 'G' ? 30 : 0;
    if (shift) s++;
    if (*s || n > UINT64_MAX >> shift) return false;
    *value = n << shift;
    return true;
}
