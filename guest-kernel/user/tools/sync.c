/*
 * sync.c - writes to the disks what is still only in memory: everything, or (with names) those files.
 */
#include <fcntl.h>
#include <unistd.h>

#include "lib/util.h"

int main(int argc, char **argv)
{
    int worst = 0;
    util_start(argv);
    if (argc == 1) sync();
    for (int i = 1; i < argc; i++) {
        int fd = open(argv[i], O_RDONLY);
        if (fd < 0 || fsync(fd)) {
            warn_errno("%s", argv[i]);
            worst = 1;
        }
        if (fd >= 0) close(fd);
    }
    return worst;
}
