/*
 * date.c - shows the time, as +FORMAT (strftime's) says; -u in UTC; -d @SECONDS another time; -s @SECONDS sets the clock.
 */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/util.h"

int main(int argc, char **argv)
{
    const char *format = "%a %b %e %H:%M:%S %Z %Y", *usage = "[-u] [-d @SECONDS | -r FILE | -s @SECONDS] [+FORMAT]";
    struct timespec now;
    struct stat status;
    bool utc = false;
    char line[1024];
    long long seconds;
    util_start(argv);
    clock_gettime(CLOCK_REALTIME, &now);
    for (int c; (c = getopt(argc, argv, "ud:s:r:")) != -1;) {
        if (c == 'u') {
            utc = true;
        } else if (c == 'r') {
            if (stat(optarg, &status)) fail_errno("%s", optarg);
            now = status.st_mtim;
        } else if (c == '?' || *optarg != '@' || !parse_number(optarg + 1, &seconds)) {
            fail_usage(usage);
        } else {
            now = (struct timespec){(time_t)seconds, 0};
            if (c == 's' && clock_settime(CLOCK_REALTIME, &now)) fail_errno("the clock");
        }
    }
    if (optind < argc && *argv[optind] != '+') fail_usage(usage);
    if (optind < argc) format = argv[optind] + 1;
    struct tm *tm = utc ? gmtime(&now.tv_sec) : localtime(&now.tv_sec);
    struct text with_nanoseconds = {0}; /* %N is not strftime's */
    for (const char *p = format; *p; p++) {
        if (p[0] == '%' && p[1] == 'N')
            text_print(&with_nanoseconds, "%09ld", now.tv_nsec), p++;
        else if (p[0] == '%' && p[1])
            text_put(&with_nanoseconds, *p++), text_put(&with_nanoseconds, *p);
        else
            text_put(&with_nanoseconds, *p);
    }
    size_t n = with_nanoseconds.n ? strftime(line, sizeof line, with_nanoseconds.s, tm) : 0;
    line[n] = 0;
    puts(line);
    text_free(&with_nanoseconds);
    return util_end(0);
}
