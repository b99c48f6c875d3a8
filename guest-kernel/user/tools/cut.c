/*
 * cut.c - parts of each line: characters (-c), bytes (-b) or fields (-f, with -d between them, -s without lines that have none).
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/util.h"

static struct {
    long from, to;
} ranges[64];
static int range_count;
static char delimiter = '\t';
static bool by_field, only_delimited;

static void read_ranges(char *text)
{
    char *rest;
    for (char *part = strtok_r(text, ",", &rest); part; part = strtok_r(NULL, ",", &rest)) {
        char *end = part;
        long from = *part == '-' ? 1 : strtol(part, &end, 10), to = from;
        if (*end == '-') to = end[1] ? strtol(end + 1, &end, 10) : (end++, 1L << 30);
        if (from < 1 || to < from || *end || range_count == 64) fail_text("%s: not a list of positions", part);
        ranges[range_count].from = from;
        ranges[range_count++].to = to;
    }
}

static bool chosen(long position)
{
    for (int i = 0; i < range_count; i++)
        if (position >= ranges[i].from && position <= ranges[i].to) return true;
    return false;
}

static void cut_fields(const char *line)
{
    bool first = true;
    if (!strchr(line, delimiter)) {
        if (!only_delimited) puts(line);
        return;
    }
    for (long i = 1; line; i++) {
        const char *end = strchr(line, delimiter);
        size_t n = end ? (size_t)(end - line) : strlen(line);
        if (chosen(i)) {
            if (!first) putchar(delimiter);
            printf("%.*s", (int)n, line);
            first = false;
        }
        line = end ? end + 1 : NULL;
    }
    putchar('\n');
}

static int cut(FILE *in, const char *name)
{
    char *line = NULL;
    size_t room = 0;
    (void)name;
    for (ssize_t n; (n = getline(&line, &room, in)) > 0;) {
        if (line[n - 1] == '\n') line[--n] = 0;
        if (by_field) {
            cut_fields(line);
            continue;
        }
        for (long i = 0; i < n; i++)
            if (chosen(i + 1)) putchar(line[i]);
        putchar('\n');
    }
    free(line);
    return 0;
}

int main(int argc, char **argv)
{
    util_start(argv);
    for (int c; (c = getopt(argc, argv, "c:b:f:d:s")) != -1;) {
        if (c == 's')
            only_delimited = true;
        else if (c == 'd')
            delimiter = *optarg;
        else if (c == '?')
            fail_usage("-c LIST | -f LIST [-d C] [-s] [FILE...]");
        else
            read_ranges(optarg), by_field = c == 'f';
    }
    if (!range_count) fail_usage("-c LIST | -f LIST [-d C] [-s] [FILE...]");
    return util_end(each_input(argv + optind, cut));
}
