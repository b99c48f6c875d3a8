/*
 * env.c - shows the environment, or runs a program in a changed one: -i empty, -u NAME without one, NAME=VALUE with one.
 *
 * The environment is part of a process and copied by fork; exec replaces the program and keeps it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/util.h"

int main(int argc, char **argv)
{
    util_start(argv);
    for (int c; (c = getopt(argc, argv, "+iu:")) != -1;) {
        if (c == 'i')
            clearenv();
        else if (c == '?' || unsetenv(optarg))
            fail_usage("[-i] [-u NAME] [NAME=VALUE...] [COMMAND [ARGUMENT...]]");
    }
    for (; optind < argc && strchr(argv[optind], '='); optind++)
        if (putenv(argv[optind])) fail_errno("%s", argv[optind]);
    if (optind == argc) {
        for (char **e = environ; e && *e; e++) puts(*e);
        return util_end(0);
    }
    execvp(argv[optind], argv + optind);
    warn_errno("%s", argv[optind]);
    return errno == ENOENT ? 127 : 126;
}
