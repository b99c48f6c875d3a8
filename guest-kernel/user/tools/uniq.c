/*
 * uniq.c - leaves out lines that are equal to the one before: -c counts them, -d only those that repeat, -u only those that do not.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/util.h"

static bool counted, doubles, singles, any_case;

static void print(const char *line, unsigned long count)
{
    if (!line || (doubles && count < 2) || (singles && count > 1)) return;
    if (counted) printf("%7lu ", count);
    puts(line);
}

static int uniq(FILE *in, const char *name)
{
    char *line = NULL, *last = NULL;
    size_t room = 0;
    unsigned long count = 0;
    (void)name;
    for (ssize_t n; (n = getline(&line, &room, in)) > 0;) {
        if (line[n - 1] == '\n') line[n - 1] = 0;
        if (last && !(any_case ? strcasecmp(line, last) : strcmp(line, last))) {
            count++;
            continue;
        }
        print(last, count);
        free(last);
        last = xstrdup(line);
        count = 1;
    }
    print(last, count);
    free(last);
    free(line);
    return 0;
}

int main(int argc, char **argv)
{
    util_start(argv);
    for (int c; (c = getopt(argc, argv, "cdui")) != -1;) {
        counted |= c == 'c';
        doubles |= c == 'd';
        singles |= c == 'u';
        any_case |= c == 'i';
        if (c == '?') fail_usage("[-cdui] [FILE [OUTPUT]]");
    }
    if (argc - optind > 2) fail_usage("[-cdui] [FILE [OUTPUT]]");
    if (argc - optind == 2) {
        if (!freopen(argv[optind + 1], "w", stdout)) fail_errno("%s", argv[optind + 1]);
        argv[optind + 1] = NULL;
    }
    return util_end(each_input(argv + optind, uniq));
}
