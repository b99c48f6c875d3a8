/*
 * dmesg.c - the kernel's messages, from the ring in its memory: the latest push the oldest out.
 */
#include <stdlib.h>
#include <sys/klog.h>

#include "lib/util.h"

int main(int argc, char **argv)
{
    (void)argc;
    util_start(argv);
    int size = klogctl(10 /* size of the ring */, NULL, 0);
    if (size < 0) fail_errno("the kernel's messages");
    char *ring = xmalloc((size_t)size + 1);
    int n = klogctl(3 /* read all */, ring, size);
    if (n < 0) fail_errno("the kernel's messages");
    for (int i = 0; i < n; i++) { /* <level> at the beginning of a line is left out */
        if (ring[i] == '<' && (!i || ring[i - 1] == '\n') && i + 2 < n && ring[i + 2] == '>') i += 3;
        if (i < n) putchar(ring[i]);
    }
    free(ring);
    return util_end(0);
}
