/*
 * mkdir.c - makes directories; with -p also those above, and what is there already is no error.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/util.h"

static int make(char *path, mode_t mode, bool parents)
{
    for (char *slash = path + 1; parents && *slash && (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        int failed = mkdir(path, 0777);
        if (failed && errno != EEXIST) {
            warn_errno("%s", path);
            return 1;
        }
        *slash = '/';
    }
    struct stat status;
    if (!mkdir(path, mode)) return 0;
    int error = errno;
    if (parents && error == EEXIST && !stat(path, &status) && S_ISDIR(status.st_mode)) return 0;
    errno = error;
    warn_errno("%s", path);
    return 1;
}

int main(int argc, char **argv)
{
    bool parents = false;
    mode_t mode = 0777;
    int worst = 0;
    util_start(argv);
    for (int c; (c = getopt(argc, argv, "pm:")) != -1;) {
        if (c == 'p')
            parents = true;
        else if (c != 'm' || !parse_mode(optarg, 0777, true, &mode))
            fail_usage("[-p] [-m MODE] DIRECTORY...");
        else
            umask(0);
    }
    if (optind == argc) fail_usage("[-p] [-m MODE] DIRECTORY...");
    for (int i = optind; i < argc; i++) worst |= make(argv[i], mode, parents);
    return worst;
}
