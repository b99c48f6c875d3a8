/*
 * chown.c - changes owner and group: USER, USER:GROUP, :GROUP; -R the whole tree, -h symbolic links themselves.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/util.h"

static uid_t uid = (uid_t)-1;
static gid_t gid = (gid_t)-1;
static bool links;

static int change(const char *path, const struct stat *status, void *unused)
{
    (void)unused;
    (void)status;
    if (!(links ? lchown(path, uid, gid) : chown(path, uid, gid))) return 0;
    warn_errno("%s", path);
    return 1;
}

int main(int argc, char **argv)
{
    bool recursive = false;
    int worst = 0;
    util_start(argv);
    for (int c; (c = getopt(argc, argv, "Rh")) != -1;) {
        recursive |= c == 'R';
        links |= c == 'h' || c == 'R';
        if (c == '?') fail_usage("[-Rh] USER[:GROUP] FILE...");
    }
    if (argc - optind < 2) fail_usage("[-Rh] USER[:GROUP] FILE...");
    char *user = xstrdup(argv[optind++]), *group = strchr(user, ':');
    if (group) *group++ = 0;
    if (*user && !user_id(user, &uid, NULL)) fail_text("%s: no such user", user);
    if (group && *group && !group_id(group, &gid)) fail_text("%s: no such group", group);
    free(user);
    for (int i = optind; i < argc; i++)
        worst |= recursive ? walk_tree(argv[i], false, change, NULL) : change(argv[i], NULL, NULL);
    return worst;
}
