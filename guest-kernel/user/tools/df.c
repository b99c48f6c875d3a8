/*
 * df.c - how full the mounted file systems are. -h with units, -i inodes instead of blocks, -a also those without blocks.
 */
#include <string.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/util.h"

static bool human, inodes, all;

static int show(const char *source, const char *target)
{
    struct statvfs s;
    char sizes[3][16];
    if (statvfs(target, &s)) {
        warn_errno("%s", target);
        return 1;
    }
    unsigned long long total = inodes ? s.f_files : s.f_blocks, left = inodes ? s.f_ffree : s.f_bfree,
                       usable = inodes ? s.f_ffree : s.f_bavail;
    unsigned long long used = total - left, unit = inodes ? 1 : s.f_frsize;
    if (!total && !all) return 0;
    printf("%-16s", source);
    const unsigned long long values[3] = {total, used, usable};
    for (int i = 0; i < 3; i++) {
        if (human && !inodes)
            printf(" %9s", human_size(values[i] * unit, sizes[i]));
        else
            printf(" %9llu", inodes ? values[i] : values[i] * unit / 1024);
    }
    if (used + usable)
        printf(" %3llu%%", (used * 100 + used + usable - 1) / (used + usable));
    else
        printf("    -");
    printf(" %s\n", target);
    return 0;
}

static char *line_of(char **rest)
{
    char *line = *rest;
    if (!line || !*line) return NULL;
    char *end = strchr(line, '\n');
    *rest = end ? end + 1 : NULL;
    if (end) *end = 0;
    return line;
}

int main(int argc, char **argv)
{
    struct text mounts = {0};
    int worst = 0;
    util_start(argv);
    for (int c; (c = getopt(argc, argv, "hiak")) != -1;) {
        human |= c == 'h';
        inodes |= c == 'i';
        all |= c == 'a';
        if (c == '?') fail_usage("[-hiak] [FILE...]");
    }
    if (!read_file("/proc/mounts", &mounts)) fail_errno("/proc/mounts");
    printf("%-16s %9s %9s %9s %4s %s\n", "file system",
           inodes  ? "inodes"
           : human ? "size"
                   : "KiB",
           "used", "free", "use", "mounted on");
    if (optind == argc) {
        char source[128], target[256], *rest = mounts.s;
        for (char *line; (line = line_of(&rest));)
            if (sscanf(line, "%127s %255s", source, target) == 2) worst |= show(source, target);
    }
    for (int i = optind; i < argc; i++) {
        /* the file system of a file: the mount whose root is on the same device */
        struct stat file, root;
        char *copy = xstrdup(text_str(&mounts)), *rest = copy, source[128] = "-", target[256], found[256] = "";
        if (stat(argv[i], &file)) {
            warn_errno("%s", argv[i]);
            worst = 1;
            free(copy);
            continue;
        }
        char found_source[128] = "-";
        for (char *line; (line = line_of(&rest));) {
            if (sscanf(line, "%127s %255s", source, target) != 2 || stat(target, &root) || root.st_dev != file.st_dev)
                continue;
            snprintf(found, sizeof found, "%s", target);
            snprintf(found_source, sizeof found_source, "%s", source);
        }
        all = true;
        worst |= show(found_source, *found ? found : argv[i]);
        free(copy);
    }
    text_free(&mounts);
    return util_end(worst);
}
