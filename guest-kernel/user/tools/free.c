/*
 * free.c - how many frames are used for what. Memory that caches files is not lost: it is given back when somebody needs it.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/util.h"

static unsigned long long value(const char *text, const char *name)
{
    char *line = xprintf("\n%s:", name);
    const char *at = strncmp(text, line + 1, strlen(line) - 1) ? strstr(text, line) : text - 1;
    unsigned long long kib = at ? strtoull(at + strlen(line), NULL, 10) : 0;
    free(line);
    return kib;
}

int main(int argc, char **argv)
{
    struct text mem = {0};
    unsigned shift = 0;
    util_start(argv);
    for (int c; (c = getopt(argc, argv, "km")) != -1;) {
        if (c == '?') fail_usage("[-km]");
        shift = c == 'm' ? 10 : 0;
    }
    if (!read_file("/proc/meminfo", &mem)) fail_errno("/proc/meminfo");
    const char *t = text_str(&mem);
    unsigned long long total = value(t, "MemTotal"), unused = value(t, "MemFree"),
                       cached = value(t, "Cached") + value(t, "Buffers");
    unsigned long long used = total - unused - (cached < total - unused ? cached : 0), swap = value(t, "SwapTotal"),
                       swap_free = value(t, "SwapFree");
    printf("%-6s%12s%12s%12s%12s%12s%12s\n", "", "total", "used", "free", "shared", "buff/cache", "available");
    printf("%-6s%12llu%12llu%12llu%12llu%12llu%12llu\n", "Mem:", total >> shift, used >> shift, unused >> shift,
           value(t, "Shmem") >> shift, cached >> shift, value(t, "MemAvailable") >> shift);
    printf("%-6s%12llu%12llu%12llu\n", "Swap:", swap >> shift, (swap - swap_free) >> shift, swap_free >> shift);
    text_free(&mem);
    return util_end(0);
}
