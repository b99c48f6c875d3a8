/*
 * touch.c - sets a file's times to now (or to those of another file, -r, or to seconds since 1970, -d @N), making it if need be.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/util.h"

int main(int argc, char **argv)
{
    struct timespec times[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
    struct stat status;
    bool make = true, access_only = false, change_only = false;
    long long seconds;
    int worst = 0;
    util_start(argv);
    for (int c; (c = getopt(argc, argv, "camr:d:")) != -1;) {
        switch (c) {
        case 'c': make = false; break;
        case 'a': access_only = true; break;
        case 'm': change_only = true; break;
        case 'r':
            if (stat(optarg, &status)) fail_errno("%s", optarg);
            times[0] = status.st_atim;
            times[1] = status.st_mtim;
            break;
        case 'd':
            if (*optarg != '@' || !parse_number(optarg + 1, &seconds)) fail_text("%s: @SECONDS is understood", optarg);
            times[0] = times[1] = (struct timespec){(time_t)seconds, 0};
            break;
        default: fail_usage("[-cam] [-r FILE | -d @SECONDS] FILE...");
        }
    }
    if (optind == argc) fail_usage("[-cam] [-r FILE | -d @SECONDS] FILE...");
    if (access_only && !change_only) times[1].tv_nsec = UTIME_OMIT;
    if (change_only && !access_only) times[0].tv_nsec = UTIME_OMIT;
    for (int i = optind; i < argc; i++) {
        if (!utimensat(AT_FDCWD, argv[i], times, 0)) continue;
        int fd = errno == ENOENT && make ? open(argv[i], O_WRONLY | O_CREAT, 0666) : -1;
        if (fd >= 0 && !futimens(fd, times)) {
            close(fd);
        } else if (errno != ENOENT || make) {
            warn_errno("%s", argv[i]);
            worst = 1;
        }
    }
    return worst;
}
