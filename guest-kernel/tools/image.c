/*
 * image.c - reading and writing a KFS disk that is a file (image.h).
 */
#define _GNU_SOURCE
#include "tools/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blk/partition.h"

void *need(void *memory)
{
    if (memory) return memory;
    fprintf(stderr, "out of memory\n");
    exit(8);
}

/* "disk.img:2": the length of the file's name, and the number; 0: there is no such ending. */
static unsigned partition_of(const char *path, size_t *bytes)
{
    size_t n = strlen(path);
    bool has = n > 2 && path[n - 2] == ':' && path[n - 1] >= '1' && path[n - 1] <= '4' && access(path, F_OK) != 0;
    *bytes = has ? n - 2 : n;
    return has ? (unsigned)(path[n - 1] - '0') : 0;
}

static const char *find_partition(struct image *image, unsigned number, uint64_t *bytes)
{
    uint8_t sector[512];
    struct partition p;
    if (pread(image->fd, sector, sizeof sector, 0) != sizeof sector) return "the partition table cannot be read";
    if (!partition_read(sector, number, *bytes / 512, &p)) return "no such partition";
    image->start = p.first_sector * 512;
    *bytes = p.sectors * 512;
    return 0;
}

bool image_open(struct image *image, const char *program, const char *path, bool writable)
{
    size_t name_bytes;
    unsigned partition = partition_of(path, &name_bytes);
    char *name = need(strndup(path, name_bytes));
    *image = (struct image){.program = program, .path = path, .writable = writable};
    image->fd = open(name, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    free(name);
    off_t end = image->fd < 0 ? -1 : lseek(image->fd, 0, SEEK_END);
    const char *wrong = end < 0 ? strerror(errno) : 0;
    struct stat st;
    if (!wrong && (fstat(image->fd, &st) || (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))))
        wrong = "neither a file nor a block device";
    uint64_t bytes = (uint64_t)end;
    if (!wrong && partition) wrong = find_partition(image, partition, &bytes);
    if (wrong) {
        fprintf(stderr, "%s: %s: %s\n", program, path, wrong);
        if (image->fd >= 0) close(image->fd);
        return false;
    }
    image->blocks = bytes / KFS_BLOCK_BYTES;
    return true;
}

int image_read(void *context, uint32_t block, void *to)
{
    struct image *image = context;
    if (block >= image->blocks) return -5;
    if (image->memory) {
        memcpy(to, image->memory + (size_t)block * KFS_BLOCK_BYTES, KFS_BLOCK_BYTES);
        return 0;
    }
    ssize_t n = pread(image->fd, to, KFS_BLOCK_BYTES, (off_t)(image->start + (uint64_t)block * KFS_BLOCK_BYTES));
    return n == (ssize_t)KFS_BLOCK_BYTES ? 0 : -5;
}

int image_write(void *context, uint32_t block, const void *from)
{
    struct image *image = context;
    if (block >= image->blocks || !image->writable) return -5;
    if (image->memory) {
        memcpy(image->memory + (size_t)block * KFS_BLOCK_BYTES, from, KFS_BLOCK_BYTES);
        return 0;
    }
    ssize_t n = pwrite(image->fd, from, KFS_BLOCK_BYTES, (off_t)(image->start + (uint64_t)block * KFS_BLOCK_BYTES));
    return n == (ssize_t)KFS_BLOCK_BYTES ? 0 : -5;
}

int image_flush(void *context)
{
    struct image *image = context;
    if (image->memory) return 0;
    return fsync(image->fd) && errno != EINVAL ? -5 : 0;
}

struct kfs_io image_io(struct image *image)
{
    return (struct kfs_io){image_read, image_write, image_flush, malloc, free, image};
}

const char *image_super(struct image *image, unsigned replica)
{
    uint8_t block[KFS_BLOCK_BYTES];
    if (image->blocks < KFS_BLOCKS_MIN) return "too small for a file system";
    if (image_read(image, kfs_replica_block(image->blocks, replica), block)) return "superblock cannot be read";
    memcpy(&image->super, block, sizeof image->super);
    return kfs_super_wrong(&image->super, image->blocks);
}

bool image_inode(struct image *image, uint32_t number, struct kfs_inode *inode)
{
    uint8_t block[KFS_BLOCK_BYTES];
    if (number >= image->super.inodes) return false;
    if (image_read(image, image->super.inode_table + number / KFS_INODES_BLOCK, block)) return false;
    memcpy(inode, block + number % KFS_INODES_BLOCK * KFS_INODE_BYTES, sizeof *inode);
    return true;
}

bool image_inode_write(struct image *image, uint32_t number, struct kfs_inode *inode)
{
    uint8_t block[KFS_BLOCK_BYTES];
    uint32_t at = image->super.inode_table + number / KFS_INODES_BLOCK;
    if (number >= image->super.inodes || image_read(image, at, block)) return false;
    inode->number = number;
    inode->checksum = kfs_inode_checksum(inode);
    memcpy(block + number % KFS_INODES_BLOCK * KFS_INODE_BYTES, inode, sizeof *inode);
    return image_write(image, at, block) == 0;
}

bool image_is_data(const struct image *image, uint32_t block)
{
    const struct kfs_super *s = &image->super;
    return block >= s->data_start && block < s->blocks && block != kfs_replica_block(s->blocks, 1) &&
           block != kfs_replica_block(s->blocks, 2);
}

uint32_t image_block_of(struct image *image, const struct kfs_inode *inode, uint64_t position)
{
    unsigned index[4];
    uint32_t pointers[KFS_POINTERS];
    int level = kfs_path_to(position, index);
    if (level < 0) return 0;
    uint32_t block = level == 0 ? inode->direct[index[0]] : inode->indirect[index[0]];
    for (int i = 1; i <= level && block; i++) {
        if (!image_is_data(image, block) || image_read(image, block, pointers)) return 0;
        block = pointers[index[i]];
    }
    return image_is_data(image, block) ? block : 0;
}
