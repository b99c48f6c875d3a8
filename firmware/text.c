/* text.c - comparing strings. */
#include "text.h"

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
