/*
 * arith.c - $(( )): C's expressions on 64-bit integers, with the shell's variables.
 *
 * Operators bind with different strength; a table holds the strengths, and one function climbs through them: it reads an operand, then
 * takes operators as long as they bind at least as strongly as its caller wants. What an && or ?: does not choose is parsed but has no
 * effect (`skipping`).
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sh/sh.h"

struct arith {
    const char *p;
    int skipping, depth;
    bool failed;
};

static const struct operator
{
    const char *text;
    int strength;
}
operators[] = {{"||", 1}, {"&&", 2}, {"<<", 8}, {">>", 8}, {"<=", 7}, {">=", 7}, {"==", 6}, {"!=", 6}, {"|", 3},
               {"^", 4},  {"&", 5},  {"<", 7},  {">", 7},  {"+", 9},  {"-", 9},  {"*", 10}, {"/", 10}, {"%", 10}};

static long long expression(struct arith *a);

static long long complain(struct arith *a, const char *what)
{
    if (!a->failed) sh_fatal("arithmetic: %s at `%s'", what, a->p);
    a->failed = true;
    a->p += strlen(a->p);
    return 0;
}

static void blanks(struct arith *a)
{
    while (isspace((unsigned char)*a->p)) a->p++;
}

static bool accept(struct arith *a, const char *text)
{
    blanks(a);
    if (strncmp(a->p, text, strlen(text))) return false;
    a->p += strlen(text);
    return true;
}

static long long value_of(struct arith *a, const char *name)
{
    const char *text = var_get(name);
    char *end;
    if (!text || !*text) {
        if (!text && sh.nounset && !a->skipping) return complain(a, "a variable is not set");
        return 0;
    }
    long long value = strtoll(text, &end, 0);
    while (isspace((unsigned char)*end)) end++;
    if (!*end) return value;
    if (a->depth > 20) return complain(a, "variables that mean one another");
    struct arith inner = {.p = text, .depth = a->depth + 1}; /* a variable may hold an expression */
    value = expression(&inner);
    blanks(&inner);
    if (inner.failed || *inner.p) return complain(a, "not a number in a variable");
    return value;
}

static long long apply(struct arith *a, const char *op, long long x, long long y)
{
    unsigned long long u = (unsigned long long)x, v = (unsigned long long)y;
    switch (op[0]) {
    case '|': return op[1] ? x || y : x | y;
    case '&': return op[1] ? x && y : x & y;
    case '^': return x ^ y;
    case '=': return x == y;
    case '!': return x != y;
    case '<': return op[1] == '<' ? (long long)(u << (y & 63)) : op[1] ? x <= y : x < y;
    case '>': return op[1] == '>' ? x >> (y & 63) : op[1] ? x >= y : x > y;
    case '+': return (long long)(u + v);
    case '-': return (long long)(u - v);
    case '*': return (long long)(u * v);
    }
    if (y == 0) return a->skipping ? 0 : complain(a, "division by zero");
    if (y == -1) return op[0] == '/' ? (long long)(0 - u) : 0; /* the one quotient that does not fit wraps */
    return op[0] == '/' ? x / y : x % y;
}

/* `name`, perhaps with an assignment behind it. */
static long long variable(struct arith *a)
{
    static const char *const assigning[] = {"<<", ">>", "+", "-", "*", "/", "%", "&", "^", "|", ""};
    size_t n = name_length(a->p);
    char *name = xprintf("%.*s", (int)n, a->p), number[24];
    long long value = 0;
    a->p += n;
    blanks(a);
    for (size_t i = 0; i < sizeof assigning / sizeof *assigning; i++) {
        size_t m = strlen(assigning[i]);
        if (strncmp(a->p, assigning[i], m) || a->p[m] != '=' || (!m && a->p[1] == '=')) continue;
        a->p += m + 1;
        value = expression(a);
        if (m) value = apply(a, assigning[i], value_of(a, name), value);
        snprintf(number, sizeof number, "%lld", value);
        if (!a->skipping && !a->failed && !var_set(name, number)) a->failed = true;
        free(name);
        return value;
    }
    value = value_of(a, name);
    free(name);
    return value;
}

static long long operand(struct arith *a)
{
    char *end;
    if (a->depth > 200) return complain(a, "nested too deeply");
    blanks(a);
    if (isdigit((unsigned char)*a->p)) {
        long long value = (long long)strtoull(a->p, &end, 0);
        a->p = end;
        return isalnum((unsigned char)*end) ? complain(a, "not a number") : value;
    }
    if (name_length(a->p)) return variable(a);
    a->depth++;
    long long value;
    if (accept(a, "(")) {
        value = expression(a);
        if (!accept(a, ")")) value = complain(a, "`)' expected");
    } else if (accept(a, "!")) {
        value = !operand(a);
    } else if (accept(a, "~")) {
        value = ~operand(a);
    } else if (accept(a, "-")) {
        value = (long long)(0 - (unsigned long long)operand(a));
    } else if (accept(a, "+")) {
        value = operand(a);
    } else {
        value = complain(a, "a number expected");
    }
    a->depth--;
    return value;
}

static const struct operator* next_operator(struct arith *a)
{
    blanks(a);
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (!strncmp(a->p, operators[i].text, strlen(operators[i].text))) return &operators[i];
    return NULL;
}

static long long climb(struct arith *a, int strength)
{
    long long value = operand(a);
    for (;;) {
        const struct operator* op = next_operator(a);
        if (!op || op->strength < strength || a->failed) return value;
        a->p += strlen(op->text);
        bool skip = (op->strength == 1 && value) || (op->strength == 2 && !value);
        a->skipping += skip;
        long long right = climb(a, op->strength + 1);
        a->skipping -= skip;
        value = apply(a, op->text, value, right);
    }
}

static long long conditional(struct arith *a)
{
    long long value = climb(a, 1);
    if (!accept(a, "?")) return value;
    a->skipping += !value;
    long long yes = expression(a);
    a->skipping -= !value;
    if (!accept(a, ":")) return complain(a, "`:' expected");
    a->skipping += value != 0;
    long long no = conditional(a);
    a->skipping -= value != 0;
    return value ? yes : no;
}

static long long expression(struct arith *a)
{
    if (++a->depth > 200) return complain(a, "nested too deeply");
    long long value = conditional(a);
    while (!a->failed && accept(a, ",")) value = conditional(a);
    a->depth--;
    return value;
}

bool arith(const char *text, long long *value)
{
    struct arith a = {.p = text};
    blanks(&a);
    *value = *a.p ? expression(&a) : 0;
    blanks(&a);
    if (*a.p && !a.failed) complain(&a, "an operator expected");
    return !a.failed;
}
