/*
 * uname.c - the system's name (-s), host (-n), release (-r), version (-v), machine (-m), all (-a).
 */
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/util.h"

int main(int argc, char **argv)
{
    struct utsname u;
    unsigned wanted = 0;
    bool first = true;
    util_start(argv);
    for (int c; (c = getopt(argc, argv, "asnrvm")) != -1;) {
        if (c == '?') fail_usage("[-asnrvm]");
        wanted |= c == 's' ? 1 : c == 'n' ? 2 : c == 'r' ? 4 : c == 'v' ? 8 : c == 'm' ? 16 : 31;
    }
    if (optind < argc) fail_usage("[-asnrvm]");
    uname(&u);
    const char *const words[] = {u.sysname, u.nodename, u.release, u.version, u.machine};
    for (int i = 0; i < 5; i++) {
        if (!((wanted ? wanted : 1) >> i & 1)) continue;
        printf("%s%s", first ? "" : " ", words[i]);
        first = false;
    }
    putchar('\n');
    return util_end(0);
}
