/*
 * cmp.c - compares two files byte by byte: silent and 0 if they are equal. -s says nothing, -l lists all differences.
 */
#include <string.h>
#include <unistd.h>

#include "lib/util.h"

static FILE *open_input(const char *name)
{
    FILE *in = strcmp(name, "-") ? fopen(name, "re") : stdin;
    if (in) return in;
    warn_errno("%s", name);
    _exit(2);
}

int main(int argc, char **argv)
{
    bool silent = false, list = false, differ = false;
    util_start(argv);
    for (int c; (c = getopt(argc, argv, "sl")) != -1;) {
        if (c == '?') fail_usage("[-sl] FILE FILE");
        silent |= c == 's';
        list |= c == 'l';
    }
    if (argc - optind != 2) fail_usage("[-sl] FILE FILE");
    char **names = argv + optind;
    FILE *a = open_input(names[0]), *b = open_input(names[1]);
    for (unsigned long long at = 1, line = 1;; at++) {
        int x = getc(a), y = getc(b);
        if (x == EOF && y == EOF) break;
        if (x == EOF || y == EOF) {
            fflush(stdout);
            if (!silent) fprintf(stderr, "cmp: EOF on %s\n", names[x != EOF]);
            return 1;
        }
        if (x != y) {
            differ = true;
            if (list)
                printf("%4llu %3o %3o\n", at, x, y);
            else if (!silent)
                printf("%s %s differ: byte %llu, line %llu\n", names[0], names[1], at, line);
            if (!list) break;
        }
        line += x == '\n';
    }
    return util_end(differ);
}
