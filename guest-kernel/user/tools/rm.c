/*
 * rm.c - removes names. The file itself goes when its last name is gone and nobody has it open.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/util.h"

static bool force, verbose;

static int remove_one(const char *path, const struct stat *status, void *unused)
{
    (void)unused;
    if (S_ISDIR(status->st_mode) ? rmdir(path) : unlink(path)) {
        if (force && errno == ENOENT) return 0;
        warn_errno("%s", path);
        return 1;
    }
    if (verbose) printf("removed %s\n", path);
    return 0;
}

int main(int argc, char **argv)
{
    bool recursive = false;
    int worst = 0;
    util_start(argv);
    for (int c; (c = getopt(argc, argv, "rRfv")) != -1;) {
        if (c == '?') fail_usage("[-rfv] FILE...");
        recursive |= c == 'r' || c == 'R';
        force |= c == 'f';
        verbose |= c == 'v';
    }
    if (optind == argc && !force) fail_usage("[-rfv] FILE...");
    for (int i = optind; i < argc; i++) {
        struct stat status;
        const char *base = path_base(argv[i]);
        if (!strcmp(base, ".") || !strcmp(base, "..") || !strcmp(argv[i], "/")) {
            warn_text("%s: not removed", argv[i]);
            worst = 1;
        } else if (lstat(argv[i], &status)) {
            if (force && (errno == ENOENT || errno == ENOTDIR)) continue;
            warn_errno("%s", argv[i]);
            worst = 1;
        } else if (S_ISDIR(status.st_mode) && !recursive) {
            warn_text("%s: is a directory; -r removes it", argv[i]);
            worst = 1;
        } else {
            worst |= walk_tree(argv[i], true, remove_one, NULL);
        }
    }
    return util_end(worst);
}
