/*
 * umount.c - takes file systems out of the tree of names again, after everything is written; -l as soon as nobody uses it, -r read-only if busy.
 */
#include <errno.h>
#include <sys/mount.h>
#include <unistd.h>

#include "lib/util.h"

int main(int argc, char **argv)
{
    int flags = 0, worst = 0;
    bool read_only = false;
    util_start(argv);
    for (int c; (c = getopt(argc, argv, "lfr")) != -1;) {
        if (c == '?') fail_usage("[-lfr] DIRECTORY...");
        if (c == 'r')
            read_only = true;
        else
            flags |= c == 'l' ? MNT_DETACH : MNT_FORCE;
    }
    if (optind == argc) fail_usage("[-lfr] DIRECTORY...");
    for (int i = optind; i < argc; i++) {
        if (!umount2(argv[i], flags)) continue;
        if (errno == EBUSY && read_only && !mount("none", argv[i], NULL, MS_REMOUNT | MS_RDONLY, NULL)) continue;
        warn_errno("%s", argv[i]);
        worst = 1;
    }
    return worst;
}
