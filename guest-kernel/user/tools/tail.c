/*
 * tail.c - the last lines (-n) or bytes (-c) of files; -f goes on when the file grows.
 *
 * A pipe cannot be read backwards; so tail keeps the last lines that it has seen in a ring and prints the ring at the end.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/util.h"

static long long count = 10;
static bool bytes, from_start, follow, titles, quiet, again;

static void skip(FILE *in)
{
    int c;
    for (long long left = count - 1; left > 0 && (c = getc(in)) != EOF;)
        if (bytes || c == '\n') left--;
    while ((c = getc(in)) != EOF) putchar(c);
}

static void last_lines(FILE *in)
{
    size_t room = (size_t)count, at = 0;
    char **ring = calloc(room + 1, sizeof *ring), *line = NULL;
    size_t *lengths = calloc(room + 1, sizeof *lengths), size = 0;
    if (!ring || !lengths) fail_text("out of memory");
    for (ssize_t n; (n = getline(&line, &size, in)) > 0; at++) {
        free(ring[at % room]);
        ring[at % room] = line;
        lengths[at % room] = (size_t)n;
        line = NULL;
        size = 0;
    }
    for (size_t i = at > room ? at - room : 0; i < at; i++) fwrite(ring[i % room], 1, lengths[i % room], stdout);
    for (size_t i = 0; i < room; i++) free(ring[i]);
    free(line);
    free(ring);
    free(lengths);
}

static void last_bytes(FILE *in)
{
    size_t room = (size_t)count, at = 0;
    char *ring = xmalloc(room);
    for (int c; (c = getc(in)) != EOF; at++) ring[at % room] = (char)c;
    for (size_t i = at > room ? at - room : 0; i < at; i++) putchar(ring[i % room]);
    free(ring);
}

static int tail(FILE *in, const char *name)
{
    if (titles && !quiet) printf("%s==> %s <==\n", again ? "\n" : "", name);
    again = true;
    if (from_start)
        skip(in);
    else if (count && bytes)
        last_bytes(in);
    else if (count)
        last_lines(in);
    while (follow && fflush(stdout) == 0) {
        int c;
        clearerr(in);
        while ((c = getc(in)) != EOF) putchar(c);
        fflush(stdout);
        usleep(200000);
    }
    return 0;
}

static void read_count(const char *text)
{
    from_start = *text == '+';
    if (*text == '+' || *text == '-') text++;
    if (!parse_size(text, &count) || count < 0 || (!from_start && count > 100000000))
        fail_text("%s: not a count", text);
}

int main(int argc, char **argv)
{
    util_start(argv);
    if (argc > 1 && (argv[1][0] == '-' || argv[1][0] == '+') && argv[1][1] >= '0' && argv[1][1] <= '9') {
        read_count(argv[1]);
        argv[1] = argv[0];
        argv++;
        argc--;
    }
    for (int c; (c = getopt(argc, argv, "n:c:fqv")) != -1;) {
        switch (c) {
        case 'n':
        case 'c':
            bytes = c == 'c';
            read_count(optarg);
            break;
        case 'f': follow = true; break;
        case 'q': quiet = true; break;
        case 'v': titles = true; break;
        default: fail_usage("[-n [+]LINES | -c [+]BYTES] [-fqv] [FILE...]");
        }
    }
    titles |= argc - optind > 1;
    return util_end(each_input(argv + optind, tail));
}
