/*
 * echo.c - echo and printf, as commands and as the shell's built-ins.
 *
 * echo prints its arguments with blanks between them; -n leaves out the newline, -e understands \n and its like. printf takes a
 * format as C's function does; the format is used again until all arguments are printed.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util.h"

/* The character that `\...` at s means; *s is moved behind it. -1: \c, print no more. `octal0`: octal needs a leading 0. */
static int escape(const char **s, bool octal0)
{
    static const char from[] = "abfnrtv\\\"'e", to[] = "\a\b\f\n\r\t\v\\\"'\033";
    const char *p = *s;
    int value = 0, digits = 0;
    const char *simple = *p ? strchr(from, *p) : NULL;
    if (simple) {
        *s = p + 1;
        return (unsigned char)to[simple - from];
    }
    if (*p == 'c' && octal0) return -1;
    if (*p == 'x' && isxdigit((unsigned char)p[1])) {
        for (p++; digits < 2 && isxdigit((unsigned char)*p); p++, digits++)
            value = value * 16 + (isdigit((unsigned char)*p) ? *p - '0' : (*p | 0x20) - 'a' + 10);
        *s = p;
        return value;
    }
    if ((*p == '0' || !octal0) && *p >= '0' && *p <= '7') {
        if (octal0) p++;
        for (; digits < 3 && *p >= '0' && *p <= '7'; p++, digits++) value = value * 8 + *p - '0';
        *s = p;
        return value & 255;
    }
    return '\\'; /* not an escape: the backslash itself */
}

/* Prints with escapes; false after \c. */
static bool put_escaped(const char *s, bool octal0)
{
    while (*s) {
        int c = (unsigned char)*s++;
        if (c == '\\') c = escape(&s, octal0);
        if (c < 0) return false;
        putchar(c);
    }
    return true;
}

int echo_command(int argc, char **argv)
{
    bool newline = true, escapes = false;
    int i = 1;
    for (; i < argc && argv[i][0] == '-' && argv[i][1] && !argv[i][strspn(argv[i] + 1, "neE") + 1]; i++) {
        for (const char *o = argv[i] + 1; *o; o++) {
            if (*o == 'n')
                newline = false;
            else
                escapes = *o == 'e';
        }
    }
    for (; i < argc; i++) {
        if (!escapes)
            fputs(argv[i], stdout);
        else if (!put_escaped(argv[i], true))
            return 0;
        if (i + 1 < argc) putchar(' ');
    }
    if (newline) putchar('\n');
    return 0;
}

struct arguments {
    char **at;
    int status;
};

static const char *take(struct arguments *a) { return *a->at ? *a->at++ : NULL; }

static long long number_of(struct arguments *a)
{
    const char *s = take(a);
    char *end;
    if (!s) return 0;
    if (*s == '\'' || *s == '"') return (unsigned char)s[1];
    errno = 0;
    long long value = *s == '-' || *s == '+' ? strtoll(s, &end, 0) : (long long)strtoull(s, &end, 0);
    if (end == s || *end || errno) {
        warn_text("%s: not a number", s);
        a->status = 1;
    }
    return value;
}

static double real_of(struct arguments *a)
{
    const char *s = take(a);
    char *end;
    if (!s) return 0;
    double value = strtod(s, &end);
    if (end == s || *end) {
        warn_text("%s: not a number", s);
        a->status = 1;
    }
    return value;
}

/* One conversion; `at` is behind its %. The place behind it, NULL: stop. */
static const char *convert(const char *at, struct arguments *a)
{
    char format[64] = "%";
    size_t n = 1;
    while (*at && strchr("-+ #0", *at) && n < 20) format[n++] = *at++;
    for (int part = 0; part < 2; part++) {
        if (part && *at != '.') break;
        if (part) format[n++] = *at++;
        if (*at == '*') {
            n += (size_t)snprintf(format + n, 16, "%d", (int)number_of(a));
            at++;
        } else {
            while (isdigit((unsigned char)*at) && n < 40) format[n++] = *at++;
        }
    }
    char kind = *at;
    if (kind == '%') {
        putchar('%');
    } else if (kind && strchr("diouxX", kind)) {
        format[n++] = 'l', format[n++] = 'l', format[n++] = kind, format[n] = 0;
        printf(format, number_of(a));
    } else if (kind && strchr("eEfFgGaA", kind)) {
        format[n++] = kind, format[n] = 0;
        printf(format, real_of(a));
    } else if (kind == 'c') {
        const char *s = take(a);
        if (s && *s) putchar(*s);
    } else if (kind == 's') {
        const char *s = take(a);
        format[n++] = 's', format[n] = 0;
        printf(format, s ? s : "");
    } else if (kind == 'b') {
        const char *s = take(a);
        if (s && !put_escaped(s, true)) return NULL;
    } else {
        warn_text("%%%c: no such conversion", kind ? kind : ' ');
        a->status = 1;
        return NULL;
    }
    return at + 1;
}

int printf_command(int argc, char **argv)
{
    int first = argc > 1 && !strcmp(argv[1], "--") ? 2 : 1;
    if (argc <= first) {
        warn_text("usage: printf FORMAT [ARGUMENT...]");
        return 2;
    }
    struct arguments a = {argv + first + 1, 0};
    char **before;
    do {
        before = a.at;
        for (const char *at = argv[first]; *at;) {
            if (*at == '\\') {
                at++;
                int c = escape(&at, false);
                putchar(c);
            } else if (*at == '%') {
                if (!(at = convert(at + 1, &a))) return a.status;
            } else {
                putchar(*at++);
            }
        }
    } while (*a.at && a.at != before);
    return a.status;
}
