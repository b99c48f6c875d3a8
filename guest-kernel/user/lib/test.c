/*
 * test.c - test, also called `[`: questions about strings, numbers and files, answered by the exit status (0 yes, 1 no, 2 nonsense).
 *
 * With up to four arguments POSIX says exactly which are operators: so `test "$x" = "("` works whatever x holds. Longer expressions
 * are parsed: -o binds weaker than -a, then !, then primaries and parentheses.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/util.h"

struct test {
    char **at, **end;
    bool error;
};

static bool complain(struct test *t, const char *what, const char *why)
{
    if (!t->error) warn_text("%s: %s", what, why);
    t->error = true;
    return false;
}

static long long integer(struct test *t, const char *s)
{
    char *end;
    errno = 0;
    long long value = strtoll(s, &end, 10);
    while (*end == ' ' || *end == '\t') end++;
    if (end == s || *end || errno) complain(t, s, "not an integer");
    return value;
}

static bool is_unary(const char *s) { return s[0] == '-' && s[1] && !s[2] && strchr("bcdefghLkprsStuwxzn", s[1]); }

static bool unary(struct test *t, char operator, const char * s)
{
    struct stat status;
    long long fd;
    switch (operator) {
    case 'n': return *s;
    case 'z': return !*s;
    case 't': fd = integer(t, s); return !t->error && isatty((int)fd);
    case 'r': return !access(s, R_OK);
    case 'w': return !access(s, W_OK);
    case 'x': return !access(s, X_OK);
    case 'h':
    case 'L': return !lstat(s, &status) && S_ISLNK(status.st_mode);
    }
    if (stat(s, &status)) return false;
    switch (operator) {
    case 'b': return S_ISBLK(status.st_mode);
    case 'c': return S_ISCHR(status.st_mode);
    case 'd': return S_ISDIR(status.st_mode);
    case 'f': return S_ISREG(status.st_mode);
    case 'p': return S_ISFIFO(status.st_mode);
    case 'S': return S_ISSOCK(status.st_mode);
    case 'g': return status.st_mode & S_ISGID;
    case 'u': return status.st_mode & S_ISUID;
    case 'k': return status.st_mode & S_ISVTX;
    case 's': return status.st_size > 0;
    default: return true; /* -e */
    }
}

static const char *const binaries[] = {"=",   "==",  "!=",  "<",   ">",   "-eq", "-ne",
                                       "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef"};

static int binary_index(const char *s)
{
    for (size_t i = 0; i < sizeof binaries / sizeof *binaries; i++)
        if (!strcmp(s, binaries[i])) return (int)i;
    return -1;
}

static bool newer(const char *a, const char *b)
{
    struct stat x, y;
    if (stat(a, &x)) return false;
    if (stat(b, &y)) return true;
    return x.st_mtim.tv_sec != y.st_mtim.tv_sec ? x.st_mtim.tv_sec > y.st_mtim.tv_sec
                                                : x.st_mtim.tv_nsec > y.st_mtim.tv_nsec;
}

static bool binary(struct test *t, const char *a, int operator, const char * b)
{
    struct stat x, y;
    if (operator>= 5 && operator<= 10) {
        long long p = integer(t, a), q = integer(t, b);
        switch (operator) {
        case 5: return p == q;
        case 6: return p != q;
        case 7: return p < q;
        case 8: return p <= q;
        case 9: return p > q;
        default: return p >= q;
        }
    }
    switch (operator) {
    case 0:
    case 1: return !strcmp(a, b);
    case 2: return strcmp(a, b);
    case 3: return strcmp(a, b) < 0;
    case 4: return strcmp(a, b) > 0;
    case 11: return newer(a, b);
    case 12: return newer(b, a);
    default: return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
    }
}

static bool parse_or(struct test *t);

static bool parse_primary(struct test *t)
{
    long left = t->end - t->at;
    if (left <= 0) return complain(t, "test", "an argument is missing");
    if (left >= 3 && binary_index(t->at[1]) >= 0) {
        t->at += 3;
        return binary(t, t->at[-3], binary_index(t->at[-2]), t->at[-1]);
    }
    if (left >= 2 && is_unary(t->at[0])) {
        t->at += 2;
        return unary(t, t->at[-2][1], t->at[-1]);
    }
    if (!strcmp(t->at[0], "(") && left > 1) {
        t->at++;
        bool result = parse_or(t);
        if (t->at >= t->end || strcmp(*t->at, ")")) return complain(t, "(", "the closing parenthesis is missing");
        t->at++;
        return result;
    }
    return *t->at++[0];
}

static bool parse_not(struct test *t)
{
    if (t->end - t->at > 1 && !strcmp(*t->at, "!")) {
        t->at++;
        return !parse_not(t);
    }
    return parse_primary(t);
}

static bool parse_and(struct test *t)
{
    bool result = parse_not(t);
    while (t->at < t->end && !strcmp(*t->at, "-a")) {
        t->at++;
        result &= parse_not(t);
    }
    return result;
}

static bool parse_or(struct test *t)
{
    bool result = parse_and(t);
    while (t->at < t->end && !strcmp(*t->at, "-o")) {
        t->at++;
        result |= parse_and(t);
    }
    return result;
}

/* Up to four arguments, by number. */
static bool evaluate(struct test *t)
{
    long n = t->end - t->at;
    char **a = t->at;
    if (n == 0) return false;
    if (n == 1) return a[0][0];
    if (n == 2 && !strcmp(a[0], "!")) return !a[1][0];
    if (n == 2 && is_unary(a[0])) return unary(t, a[0][1], a[1]);
    if (n == 2) return complain(t, a[0], "not an operator with one operand");
    if (n == 3 && binary_index(a[1]) >= 0) return binary(t, a[0], binary_index(a[1]), a[2]);
    if (n <= 4 && !strcmp(a[0], "!")) {
        t->at++;
        return !evaluate(t);
    }
    bool result = parse_or(t);
    if (!t->error && t->at < t->end) return complain(t, *t->at, "not expected here");
    return result;
}

int test_command(int argc, char **argv)
{
    const char *name = path_base(argv[0]);
    if (!strcmp(name, "[")) {
        if (argc < 2 || strcmp(argv[argc - 1], "]")) {
            warn_text("[: the closing ] is missing");
            return 2;
        }
        argc--;
    }
    struct test t = {argv + 1, argv + argc, false};
    bool result = evaluate(&t);
    return t.error ? 2 : !result;
}
