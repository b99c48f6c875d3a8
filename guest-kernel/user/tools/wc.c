/*
 * wc.c - counts lines, words and bytes.
 */
#include <ctype.h>
#include <string.h>
#include <unistd.h>

#include "lib/util.h"

struct counts {
    unsigned long long lines, words, bytes, longest;
};
static struct counts total;
static bool lines, words, bytes, longest, single;

static void print(const struct counts *c, const char *name)
{
    const struct {
        bool on;
        unsigned long long value;
    } columns[] = {{lines, c->lines}, {words, c->words}, {bytes, c->bytes}, {longest, c->longest}};
    bool first = true;
    for (int i = 0; i < 4; i++) {
        if (!columns[i].on) continue;
        printf(single ? "%s%llu" : "%s%9llu", first ? "" : " ", columns[i].value);
        first = false;
    }
    if (strcmp(name, "-")) printf(" %s", name);
    putchar('\n');
}

static int count(FILE *in, const char *name)
{
    static char block[65536];
    struct counts c = {0};
    unsigned long long column = 0;
    bool inside = false;
    for (size_t n; (n = fread(block, 1, sizeof block, in)) > 0;) {
        c.bytes += n;
        for (size_t i = 0; i < n; i++) {
            bool blank = isspace((unsigned char)block[i]);
            c.words += !blank && !inside;
            inside = !blank;
            column = block[i] == '\n' ? 0 : column + 1;
            if (column > c.longest) c.longest = column;
            c.lines += block[i] == '\n';
        }
    }
    print(&c, name);
    total.lines += c.lines;
    total.words += c.words;
    total.bytes += c.bytes;
    if (c.longest > total.longest) total.longest = c.longest;
    return 0;
}

int main(int argc, char **argv)
{
    util_start(argv);
    for (int c; (c = getopt(argc, argv, "lwcmL")) != -1;) {
        lines |= c == 'l';
        words |= c == 'w';
        bytes |= c == 'c' || c == 'm';
        longest |= c == 'L';
        if (c == '?') fail_usage("[-lwcL] [FILE...]");
    }
    if (!lines && !words && !bytes && !longest) lines = words = bytes = true;
    single = lines + words + bytes + longest == 1 && argc - optind < 2;
    int worst = each_input(argv + optind, count);
    if (argc - optind > 1) print(&total, "total");
    return util_end(worst);
}
