/*
 * du.c - how many blocks files take on their disk, directories with all below. A file with several names is counted once.
 *
 * The size of a file and the space that it takes are two things: blocks are whole, and a hole takes none.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/util.h"

static bool human, sum, all, bytes;
static int worst;
static struct seen {
    dev_t dev;
    ino_t ino;
} * seen;
static size_t seen_count, seen_room;

static bool counted(const struct stat *s)
{
    if (s->st_nlink < 2 || S_ISDIR(s->st_mode)) return false;
    for (size_t i = 0; i < seen_count; i++)
        if (seen[i].dev == s->st_dev && seen[i].ino == s->st_ino) return true;
    if (seen_count == seen_room) seen = xrealloc(seen, (seen_room = seen_room ? seen_room * 2 : 64) * sizeof *seen);
    seen[seen_count++] = (struct seen){s->st_dev, s->st_ino};
    return false;
}

static void print(unsigned long long size, const char *path)
{
    char room[16];
    if (human)
        printf("%s\t%s\n", human_size(size, room), path);
    else
        printf("%llu\t%s\n", bytes ? size : (size + 1023) / 1024, path);
}

static unsigned long long add(const char *path, bool top)
{
    struct stat status;
    if (lstat(path, &status)) {
        warn_errno("%s", path);
        worst = 1;
        return 0;
    }
    if (counted(&status)) return 0;
    unsigned long long size = bytes ? (unsigned long long)status.st_size : (unsigned long long)status.st_blocks * 512;
    if (S_ISDIR(status.st_mode)) {
        DIR *folder = opendir(path);
        if (!folder) {
            warn_errno("%s", path);
            worst = 1;
        }
        for (struct dirent *entry; folder && (entry = readdir(folder));) {
            if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
            char *below = path_join(path, entry->d_name);
            size += add(below, false);
            free(below);
        }
        if (folder) closedir(folder);
    }
    if (top || (!sum && (all || S_ISDIR(status.st_mode)))) print(size, path);
    return size;
}

int main(int argc, char **argv)
{
    util_start(argv);
    for (int c; (c = getopt(argc, argv, "hsakb")) != -1;) {
        human |= c == 'h';
        sum |= c == 's';
        all |= c == 'a';
        bytes |= c == 'b';
        if (c == '?') fail_usage("[-hsakb] [FILE...]");
    }
    if (optind == argc) add(".", true);
    for (int i = optind; i < argc; i++) add(argv[i], true);
    return util_end(worst);
}
