/*
 * fsck.kfs - checks and repairs a KFS file system. Exit status as e2fsck's: 0 nothing wrong, 1 mended, 4 wrong and left, 8 could not
 * be checked, 16 wrong usage.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/fsck.h"

int main(int argc, char **argv)
{
    struct fsck f = {0};
    bool look_only = false;
    for (int option; (option = getopt(argc, argv, "npyafq")) != -1;) {
        switch (option) {
        case 'n': look_only = true; break;
        case 'q': f.quiet = true; break;
        case 'p':
        case 'y':
        case 'a':
        case 'f': break;
        default: optind = argc + 1;
        }
    }
    if (optind + 1 != argc) {
        fprintf(stderr, "usage: fsck.kfs [-n] [-y] [-q] IMAGE      -n: look only\n");
        return FSCK_USAGE;
    }
    struct image image;
    if (!image_open(&image, "fsck.kfs", argv[optind], !look_only)) return FSCK_FAILED;
    f.image = &image;
    f.fix = !look_only;
    int result = fsck_run(&f);
    if (result != FSCK_FAILED && !f.quiet)
        printf("%s: %llu files, %llu of %u blocks in use%s\n", image.path, (unsigned long long)f.files,
               (unsigned long long)f.blocks_used, image.super.blocks, f.found ? "" : ", clean");
    close(image.fd);
    return result;
}
