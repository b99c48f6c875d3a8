/*
 * kill.c - sends a signal to processes: TERM unless another is named. A negative number is a process group, -1 everybody.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util.h"

int main(int argc, char **argv)
{
    int number = SIGTERM, i = 1, worst = 0;
    long long pid;
    util_start(argv);
    if (argc > 1 && !strcmp(argv[1], "-l")) {
        for (int n = 1; n < 32; n++) printf("%2d %s\n", n, signal_word(n));
        return util_end(0);
    }
    if (argc > 2 && !strcmp(argv[1], "-s"))
        number = signal_number(argv[2]), i = 3;
    else if (argc > 1 && argv[1][0] == '-' && strcmp(argv[1], "--"))
        number = signal_number(argv[1] + 1), i = 2;
    if (i < argc && !strcmp(argv[i], "--")) i++;
    if (number < 0) fail_text("%s: no such signal", argv[i - 1]);
    if (i >= argc) fail_usage("[-SIGNAL] PID...");
    for (; i < argc; i++) {
        if (!parse_number(argv[i], &pid)) {
            warn_text("%s: not a process", argv[i]);
            worst = 1;
        } else if (kill((pid_t)pid, number)) {
            warn_errno("%s", argv[i]);
            worst = 1;
        }
    }
    return worst;
}
