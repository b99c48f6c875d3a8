/*
 * image.h - a KFS disk as a file, for mkfs.kfs, fsck.kfs and dumpfs.
 *
 * The image may be anything, so every block number is checked before use: reading outside of it is an error, never a crash.
 */
#ifndef KEPLER_TOOLS_IMAGE_H
#define KEPLER_TOOLS_IMAGE_H

#include "fs/kfs_format.h"

struct image {
    const char *program, *path; /* for messages */
    int fd;
    uint64_t start; /* bytes: where the file system begins in the file */
    bool writable;
    uint64_t blocks; /* of the file or device, whole ones */
    uint8_t *memory; /* not NULL: the image is in memory, for tests */
    struct kfs_super super;
};

/* Opens; fills in `blocks`. `path` may end in ":1" ... ":4": that partition of a disk image. False with a message on standard error. */
bool image_open(struct image *image, const char *program, const char *path, bool writable);
/* 0, or -5 (EIO) for blocks outside of the image and failed transfers. The first argument is a struct image, as struct kfs_io wants. */
int image_read(void *image, uint32_t block, void *to);
int image_write(void *image, uint32_t block, const void *from);
int image_flush(void *image);
/* Reads the superblock (replica 0, 1, 2) to image->super. NULL, or what is wrong with it. */
const char *image_super(struct image *image, unsigned replica);
struct kfs_io image_io(struct image *image);

/* Reads inode `number`; false if it lies outside of the table or cannot be read. */
bool image_inode(struct image *image, uint32_t number, struct kfs_inode *inode);
bool image_inode_write(struct image *image, uint32_t number, struct kfs_inode *inode); /* sets number and checksum */
/* The block that holds block `position` of the file: 0 for a hole or what cannot be. */
uint32_t image_block_of(struct image *image, const struct kfs_inode *inode, uint64_t position);
/* Is this a block that a file may own? */
bool image_is_data(const struct image *image, uint32_t block);

void *need(void *memory); /* ends the program without memory */

#endif
