/*
 * head.c - the first lines (-n) or bytes (-c) of files.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/util.h"

static long long count = 10;
static bool bytes, titles, quiet, again;

static int head(FILE *in, const char *name)
{
    int c = 0;
    if (titles && !quiet) printf("%s==> %s <==\n", again ? "\n" : "", name);
    again = true;
    for (long long left = count; left > 0 && (c = getc(in)) != EOF;) {
        putchar(c);
        if (bytes || c == '\n') left--;
    }
    return 0;
}

int main(int argc, char **argv)
{
    util_start(argv);
    if (argc > 1 && argv[1][0] == '-' && argv[1][1] >= '0' && argv[1][1] <= '9') { /* head -5 */
        if (!parse_number(argv[1] + 1, &count)) fail_text("%s: not a number", argv[1] + 1);
        argv[1] = argv[0];
        argv++;
        argc--;
    }
    for (int c; (c = getopt(argc, argv, "n:c:qv")) != -1;) {
        if (c == 'q')
            quiet = true;
        else if (c == 'v')
            titles = true;
        else if (c == '?' || !parse_size(optarg, &count) || count < 0)
            fail_usage("[-n LINES | -c BYTES] [-qv] [FILE...]");
        else
            bytes = c == 'c';
    }
    titles |= argc - optind > 1;
    return util_end(each_input(argv + optind, head));
}
