/*
 * fsck.h - the checker's state, shared by its passes.
 *
 * All inodes are read into memory, looked at, mended there, and written back when everything is consistent; the bitmaps are not
 * trusted but made anew from what the inodes own, and compared.
 */
#ifndef KEPLER_TOOLS_FSCK_H
#define KEPLER_TOOLS_FSCK_H

#include "tools/image.h"

enum { FSCK_CLEAN = 0, FSCK_FIXED = 1, FSCK_LEFT = 4, FSCK_FAILED = 8, FSCK_USAGE = 16 }; /* as e2fsck's */

struct fsck {
    struct image *image;
    bool fix, quiet;
    unsigned found, left; /* problems; of these not mended */
    char first[160];      /* the first problem's text */
    struct kfs_inode *inode;
    bool *changed;    /* by inode: must be written back */
    uint32_t *names;  /* by inode: directory entries that lead to it */
    uint32_t *parent; /* by directory: the one that holds its name; 0: none yet */
    uint8_t *used;    /* by block, one bit */
    uint64_t files, blocks_used;
};

/* The image's superblock need not be read. FSCK_CLEAN ... FSCK_FAILED. */
int fsck_run(struct fsck *f);

/* Reports a problem; true: mend it. */
bool fsck_problem(struct fsck *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool fsck_used(const struct fsck *f, uint32_t block);
void fsck_use(struct fsck *f, uint32_t block);
uint32_t fsck_take_block(struct fsck *f); /* a free one, 0: none */
static inline bool fsck_is_dir(const struct kfs_inode *inode) { return (inode->mode & 0170000) == 0040000; }
static inline bool fsck_short_link(const struct kfs_inode *inode)
{
    return (inode->mode & 0170000) == 0120000 && inode->size <= KFS_SHORT_SYMLINK;
}

/* fsck_blocks.c: inodes and what they own. */
void fsck_inodes(struct fsck *f);
/* fsck_names.c: directories, connections, link counts. */
void fsck_directories(struct fsck *f);
void fsck_connections(struct fsck *f);
void fsck_links(struct fsck *f);

#endif
