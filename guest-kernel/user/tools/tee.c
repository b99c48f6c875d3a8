/*
 * tee.c - copies standard input to standard output and to files; -a appends.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/util.h"

int main(int argc, char **argv)
{
    static char block[16384];
    int flags = O_WRONLY | O_CREAT | O_TRUNC, worst = 0;
    util_start(argv);
    for (int c; (c = getopt(argc, argv, "ai")) != -1;) {
        if (c == '?') fail_usage("[-ai] [FILE...]");
        if (c == 'i')
            signal(SIGINT, SIG_IGN);
        else
            flags = O_WRONLY | O_CREAT | O_APPEND;
    }
    int n = argc - optind + 1, *fds = xmalloc((size_t)n * sizeof *fds);
    fds[0] = 1;
    for (int i = 1; i < n; i++) {
        fds[i] = open(argv[optind + i - 1], flags, 0666);
        if (fds[i] >= 0) continue;
        warn_errno("%s", argv[optind + i - 1]);
        worst = 1;
    }
    for (ssize_t got; (got = read(0, block, sizeof block)) > 0 || (got < 0 && errno == EINTR);) {
        for (int i = 0; i < n && got > 0; i++) {
            if (fds[i] < 0 || !write_all(fds[i], block, (size_t)got)) continue;
            warn_errno("%s", i ? argv[optind + i - 1] : "standard output");
            fds[i] = -1;
            worst = 1;
        }
    }
    free(fds);
    return worst;
}
