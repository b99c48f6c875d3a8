/*
 * hexdump.c - bytes as hexadecimal numbers and characters, 16 in a row; equal rows are shown as one *. -n N bytes, -s N skipped. (As hexdump -C.)
 */
#include <ctype.h>
#include <string.h>
#include <unistd.h>

#include "lib/util.h"

static long long limit = -1, start;

static void print_row(unsigned long long offset, const unsigned char *row, size_t n)
{
    printf("%08llx ", offset);
    for (size_t i = 0; i < 16; i++) {
        if (i % 8 == 0) putchar(' ');
        if (i < n)
            printf("%02x ", row[i]);
        else
            printf("   ");
    }
    printf(" |");
    for (size_t i = 0; i < n; i++) putchar(isprint(row[i]) ? row[i] : '.');
    puts("|");
}

static int dump(FILE *in, const char *name)
{
    unsigned char row[16], last[16];
    unsigned long long offset = (unsigned long long)start;
    bool repeated = false, any = false;
    (void)name;
    if (start && fseeko(in, start, SEEK_SET))
        for (long long i = 0; i < start && getc(in) != EOF; i++) {
        }
    for (;;) {
        size_t wanted = limit >= 0 && limit < 16 ? (size_t)limit : 16, n = fread(row, 1, wanted, in);
        if (!n) break;
        if (limit >= 0) limit -= (long long)n;
        if (any && n == 16 && !memcmp(row, last, 16)) {
            if (!repeated) puts("*");
            repeated = true;
        } else {
            print_row(offset, row, n);
            repeated = false;
        }
        memcpy(last, row, 16);
        any = n == 16;
        offset += n;
    }
    printf("%08llx\n", offset);
    return 0;
}

int main(int argc, char **argv)
{
    util_start(argv);
    for (int c; (c = getopt(argc, argv, "Cn:s:v")) != -1;) {
        if (c == 'C' || c == 'v') continue;
        if (c == '?' || !parse_size(optarg, c == 'n' ? &limit : &start))
            fail_usage("[-C] [-n BYTES] [-s SKIP] [FILE...]");
    }
    return util_end(each_input(argv + optind, dump));
}
