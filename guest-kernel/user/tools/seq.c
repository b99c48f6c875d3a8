/*
 * seq.c - counts: seq [FROM [STEP]] TO. -s TEXT between the numbers, -w all as wide as the widest.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/util.h"

static double number(const char *s, int *digits)
{
    char *end;
    double value = strtod(s, &end);
    const char *point = strchr(s, '.');
    if (end == s || *end) fail_text("%s: not a number", s);
    int n = point ? (int)strlen(point + 1) : 0;
    if (n > *digits) *digits = n;
    return value;
}

int main(int argc, char **argv)
{
    const char *between = "\n";
    bool wide = false;
    double from = 1, step = 1;
    int digits = 0, width = 0;
    util_start(argv);
    int i = 1;
    for (; i < argc && argv[i][0] == '-' && argv[i][1] && strchr("sw", argv[i][1]); i++) {
        if (argv[i][1] == 'w')
            wide = true;
        else if (argv[i][2])
            between = argv[i] + 2;
        else if (i + 1 < argc)
            between = argv[++i];
    }
    int n = argc - i;
    if (n < 1 || n > 3) fail_usage("[-w] [-s TEXT] [FROM [STEP]] TO");
    if (n > 1) from = number(argv[i], &digits);
    if (n > 2) step = number(argv[i + 1], &digits);
    double to = number(argv[argc - 1], &digits);
    if (step == 0) fail_text("a step of 0 does not get anywhere");
    double steps = (to - from) / step;
    if (wide) {
        int a = snprintf(NULL, 0, "%.*f", digits, from), b = snprintf(NULL, 0, "%.*f", digits, to);
        width = a > b ? a : b;
    }
    for (long long k = 0; (double)k <= steps + 1e-9; k++)
        printf("%s%0*.*f", k ? between : "", width, digits, from + (double)k * step);
    if (steps >= 0) putchar('\n');
    return util_end(0);
}
