/*
 * mount.c - joins a file system to the tree of names: mount [-t TYPE] [-o OPTION,...] DEVICE DIRECTORY. Without arguments: what is mounted.
 *
 * A mounted directory is covered: its names are those of the other file system's root until it is unmounted. `-o remount` changes the
 * options of one that is mounted already. Words the kernel has no flag for are handed to the file system.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "lib/util.h"

static unsigned long flags;
static struct text options;

static void read_options(char *list)
{
    static const struct {
        const char *word;
        unsigned long set, clear;
    } words[] = {{"ro", MS_RDONLY, 0},       {"rw", 0, MS_RDONLY},   {"nosuid", MS_NOSUID, 0},
                 {"suid", 0, MS_NOSUID},     {"nodev", MS_NODEV, 0}, {"dev", 0, MS_NODEV},
                 {"noexec", MS_NOEXEC, 0},   {"exec", 0, MS_NOEXEC}, {"sync", MS_SYNCHRONOUS, 0},
                 {"remount", MS_REMOUNT, 0}, {"bind", MS_BIND, 0},   {"noatime", MS_NOATIME, 0},
                 {"defaults", 0, 0}};
    char *rest;
    for (char *word = strtok_r(list, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        bool known = false;
        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
            if (strcmp(word, words[i].word)) continue;
            known = true;
            flags = (flags | words[i].set) & ~words[i].clear;
        }
        if (!known) text_print(&options, "%s%s", options.n ? "," : "", word);
    }
}

static int show(void)
{
    struct text mounts = {0};
    char source[128], target[256], type[64], words[128], *rest;
    if (!read_file("/proc/mounts", &mounts)) fail_errno("/proc/mounts");
    for (char *line = strtok_r(mounts.s, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        if (sscanf(line, "%127s %255s %63s %127s", source, target, type, words) == 4)
            printf("%s on %s type %s (%s)\n", source, target, type, words);
    text_free(&mounts);
    return util_end(0);
}

int main(int argc, char **argv)
{
    const char *type = NULL;
    util_start(argv);
    if (argc == 1) return show();
    for (int c; (c = getopt(argc, argv, "t:o:rw")) != -1;) {
        if (c == 't')
            type = optarg;
        else if (c == 'o')
            read_options(optarg);
        else if (c == 'r')
            flags |= MS_RDONLY;
        else if (c == '?')
            fail_usage("[-t TYPE] [-o OPTION,...] [-rw] [DEVICE] DIRECTORY");
    }
    int n = argc - optind;
    if (n < 1 || n > 2 || (n == 1 && !(flags & MS_REMOUNT)))
        fail_usage("[-t TYPE] [-o OPTION,...] [-rw] [DEVICE] DIRECTORY");
    const char *source = n == 2 ? argv[optind] : "none", *target = argv[argc - 1];
    if (!type) type = strncmp(source, "/dev/", 5) ? source : "kfs";
    if (mount(source, target, type, flags, options.n ? options.s : NULL)) fail_errno("%s", target);
    return 0;
}
