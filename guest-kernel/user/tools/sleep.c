/*
 * sleep.c - waits for the sum of its arguments: seconds, or with m, h, d behind the number.
 */
#include <errno.h>
#include <time.h>

#include "lib/util.h"

int main(int argc, char **argv)
{
    double total = 0, one;
    util_start(argv);
    if (argc < 2) fail_usage("SECONDS[smhd]...");
    for (int i = 1; i < argc; i++) {
        if (!parse_seconds(argv[i], &one)) fail_text("%s: not a time", argv[i]);
        total += one;
    }
    if (total > 1e9) total = 1e9;
    struct timespec left = {(time_t)total, (long)((total - (double)(time_t)total) * 1e9)};
    while (nanosleep(&left, &left) && errno == EINTR) {
    }
    return 0;
}
