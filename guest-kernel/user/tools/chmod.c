/*
 * chmod.c - changes permissions: an octal number or words like u+x,go-w; -R the whole tree.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/util.h"

static const char *mode_text;

static int change(const char *path, const struct stat *status, void *unused)
{
    mode_t mode;
    (void)unused;
    if (S_ISLNK(status->st_mode)) return 0; /* a link's own permissions mean nothing */
    if (parse_mode(mode_text, status->st_mode, S_ISDIR(status->st_mode), &mode) && !chmod(path, mode)) return 0;
    warn_errno("%s", path);
    return 1;
}

int main(int argc, char **argv)
{
    bool recursive = false;
    int worst = 0, i = 1;
    mode_t mode;
    util_start(argv);
    if (i < argc && !strcmp(argv[i], "-R")) recursive = true, i++;
    if (argc - i < 2) fail_usage("[-R] MODE FILE...");
    mode_text = argv[i++];
    if (!parse_mode(mode_text, 0, false, &mode)) fail_text("%s: not a mode", mode_text);
    for (; i < argc; i++) {
        struct stat status;
        if (recursive) {
            worst |= walk_tree(argv[i], false, change, NULL);
        } else if (stat(argv[i], &status)) {
            warn_errno("%s", argv[i]);
            worst = 1;
        } else {
            worst |= change(argv[i], &status, NULL);
        }
    }
    return worst;
}
