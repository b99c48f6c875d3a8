/*
 * rmdir.c - removes directories that hold nothing but . and ..
 */
#include <string.h>
#include <unistd.h>

#include "lib/util.h"

int main(int argc, char **argv)
{
    int worst = 0;
    bool parents = false;
    util_start(argv);
    for (int c; (c = getopt(argc, argv, "p")) != -1;) {
        if (c == '?') fail_usage("[-p] DIRECTORY...");
        parents = true;
    }
    if (optind == argc) fail_usage("[-p] DIRECTORY...");
    for (int i = optind; i < argc; i++) {
        for (char *slash = argv[i]; slash; slash = parents ? strrchr(argv[i], '/') : NULL) {
            if (slash != argv[i]) *slash = 0;
            if (rmdir(argv[i])) {
                warn_errno("%s", argv[i]);
                worst = 1;
                break;
            }
        }
    }
    return worst;
}
