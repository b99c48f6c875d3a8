/*
 * hostname.c - shows or sets the machine's name.
 */
#include <string.h>
#include <unistd.h>

#include "lib/util.h"

int main(int argc, char **argv)
{
    char name[256] = "";
    util_start(argv);
    if (argc > 2) fail_usage("[NAME]");
    if (argc == 2) {
        if (sethostname(argv[1], strlen(argv[1]))) fail_errno("%s", argv[1]);
        return 0;
    }
    if (gethostname(name, sizeof name - 1)) fail_errno("the name");
    puts(name);
    return util_end(0);
}
