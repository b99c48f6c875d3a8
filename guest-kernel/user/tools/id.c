/*
 * id.c - who this process is: user, group and further groups, as numbers and names. -u, -g: one number; -n: its name.
 */
#include <stdlib.h>
#include <unistd.h>

#include "lib/util.h"

int main(int argc, char **argv)
{
    bool user = false, group = false, name = false, real = false;
    gid_t groups[64];
    util_start(argv);
    for (int c; (c = getopt(argc, argv, "ugnr")) != -1;) {
        user |= c == 'u';
        group |= c == 'g';
        name |= c == 'n';
        real |= c == 'r';
        if (c == '?') fail_usage("[-u | -g] [-nr]");
    }
    uid_t uid = real ? getuid() : geteuid();
    gid_t gid = real ? getgid() : getegid();
    if (user || group) {
        if (name)
            puts(user ? user_name(uid) : group_name(gid));
        else
            printf("%u\n", user ? uid : gid);
        return util_end(0);
    }
    printf("uid=%u(%s)", getuid(), user_name(getuid()));
    printf(" gid=%u(%s)", getgid(), group_name(getgid()));
    if (geteuid() != getuid()) printf(" euid=%u(%s)", geteuid(), user_name(geteuid()));
    int n = getgroups(64, groups);
    for (int i = 0; i < n; i++) printf("%s%u(%s)", i ? "," : " groups=", groups[i], group_name(groups[i]));
    putchar('\n');
    return util_end(0);
}
