/* fsck_memory.c - fsck.kfs on an image in memory, for the crash test. */
#include <stdio.h>
#include <string.h>

#include "tools/fsck.h"

int fsck_memory(uint8_t *image, size_t bytes, char *what, size_t room);

int fsck_memory(uint8_t *memory, size_t bytes, char *what, size_t room)
{
    struct image image = {
        .program = "crash", .path = "disk", .fd = -1, .memory = memory, .blocks = bytes / KFS_BLOCK_BYTES};
    struct fsck f = {.image = &image, .quiet = true};
    int result = fsck_run(&f);
    snprintf(what, room, "fsck.kfs: %d: %s", result, f.first);
    return result;
}
