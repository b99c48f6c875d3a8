/*
 * cat.c - copies files, one after the other, to standard output: open, read, write, close, and nothing else.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/util.h"

static int copy(const char *name)
{
    int fd = strcmp(name, "-") ? open(name, O_RDONLY) : 0;
    int result = fd < 0 ? -1 : copy_fd(fd, 1);
    if (result == -1) warn_errno("%s", name);
    if (result == -2) fail_errno("standard output");
    if (fd > 0) close(fd);
    return result ? 1 : 0;
}

int main(int argc, char **argv)
{
    int worst = 0;
    util_start(argv);
    if (getopt(argc, argv, "u") == '?') fail_usage("[FILE...]");
    if (optind == argc) return copy("-");
    for (int i = optind; i < argc; i++) worst |= copy(argv[i]);
    return worst;
}
