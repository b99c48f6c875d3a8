/*
 * ln.c - another name for a file.
 *
 * A hard link is a second directory entry with the same inode number: both names are equal, and the inode counts them. A symbolic link
 * (-s) is a small file that holds a path; it may point to another file system, to a directory, or to nothing.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/util.h"

int main(int argc, char **argv)
{
    bool symbolic = false, force = false, no_folder = false;
    struct stat status;
    int worst = 0;
    util_start(argv);
    for (int c; (c = getopt(argc, argv, "sfn")) != -1;) {
        if (c == '?') fail_usage("[-sfn] FILE... TARGET");
        symbolic |= c == 's';
        force |= c == 'f';
        no_folder |= c == 'n';
    }
    if (optind == argc) fail_usage("[-sfn] FILE... TARGET");
    int last = argc - optind > 1 ? argc - 1 : argc;
    const char *target = last < argc ? argv[last] : ".";
    bool into = !(no_folder ? lstat(target, &status) : stat(target, &status)) && S_ISDIR(status.st_mode);
    if (!into && last - optind > 1) fail_text("%s: not a directory", target);
    for (int i = optind; i < last; i++) {
        char *name = into ? path_join(target, path_base(argv[i])) : xstrdup(target);
        if (force) unlink(name);
        if (symbolic ? symlink(argv[i], name) : link(argv[i], name)) {
            warn_errno("%s", name);
            worst = 1;
        }
        free(name);
    }
    return worst;
}
