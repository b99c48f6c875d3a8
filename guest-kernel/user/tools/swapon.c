/*
 * swapon.c - swapon and swapoff: gives the kernel a partition or file for pages that do not fit into memory, or takes it back.
 *
 * swapon without a name shows what is in use. swapoff has to bring every page back first, so it may take time, or fail for want of frames.
 */
#include <string.h>
#include <sys/swap.h>
#include <unistd.h>

#include "lib/util.h"

int main(int argc, char **argv)
{
    util_start(argv);
    bool off = !strcmp(program, "swapoff");
    struct text t = {0};
    int worst = 0;
    if (argc == 1 && !off) {
        if (!read_file("/proc/swaps", &t)) fail_errno("/proc/swaps");
        fputs(text_str(&t), stdout);
        text_free(&t);
        return util_end(0);
    }
    if (argc == 1 || argv[1][0] == '-') fail_usage("FILE...");
    for (int i = 1; i < argc; i++) {
        if (!(off ? swapoff(argv[i]) : swapon(argv[i], 0))) continue;
        warn_errno("%s", argv[i]);
        worst = 1;
    }
    return worst;
}
