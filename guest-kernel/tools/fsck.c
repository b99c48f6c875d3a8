/*
 * fsck.c - checks a KFS disk and repairs it: the order of the passes, superblock, log and bitmaps.
 *
 *   superblock: if it is damaged, a replica takes its place
 *   log: committed transactions are replayed, as a mount would
 *   inodes: sensible, each block owned once (double allocation), pointers in range
 *   directories: well-formed, names lead to files that exist
 *   connections: what has no name is given one in /lost+found; orphans are deleted
 *   link counts
 *   bitmaps: made anew and compared (allocated and free, in use and not marked)
 */
#include "tools/fsck.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool fsck_problem(struct fsck *f, const char *format, ...)
{
    char text[160];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (!f->found++) memcpy(f->first, text, sizeof text);
    if (!f->fix) f->left++;
    if (!f->quiet) printf("%s: %s%s\n", f->image->path, text, f->fix ? " - mended" : "");
    return f->fix;
}

bool fsck_used(const struct fsck *f, uint32_t block) { return f->used[block / 8] >> block % 8 & 1; }

void fsck_use(struct fsck *f, uint32_t block)
{
    f->used[block / 8] |= (uint8_t)(1u << block % 8);
    f->blocks_used++;
}

uint32_t fsck_take_block(struct fsck *f)
{
    for (uint32_t b = f->image->super.data_start; b < f->image->super.blocks; b++)
        if (!fsck_used(f, b)) {
            fsck_use(f, b);
            return b;
        }
    return 0;
}

static void put_super(struct image *image, unsigned replica)
{
    uint8_t block[KFS_BLOCK_BYTES] = {0};
    image->super.replica = replica;
    image->super.checksum = kfs_super_checksum(&image->super);
    memcpy(block, &image->super, sizeof image->super);
    image_write(image, kfs_replica_block(image->super.blocks, replica), block);
}

/* Finds a good superblock; false: there is none. */
static bool check_super(struct fsck *f)
{
    struct image *image = f->image;
    const char *wrong = image_super(image, 0), *first = wrong;
    for (unsigned replica = 1; wrong && replica < 3; replica++) wrong = image_super(image, replica);
    if (wrong) {
        fprintf(stderr, "fsck.kfs: %s: %s, and so are its replicas\n", image->path, first);
        return false;
    }
    if (first && fsck_problem(f, "superblock: %s; a replica is good", first)) {
        image->super.state = KFS_STATE_IN_USE;
        put_super(image, 0);
    }
    struct kfs_super good = image->super;
    for (unsigned replica = 1; replica < 3; replica++) {
        uint32_t at = kfs_replica_block(good.blocks, replica);
        uint8_t block[KFS_BLOCK_BYTES];
        struct kfs_super copy;
        if (image_read(image, at, block)) return false;
        memcpy(&copy, block, sizeof copy);
        bool same = !kfs_super_wrong(&copy, image->blocks) && copy.blocks == good.blocks &&
                    copy.inodes == good.inodes && copy.log_start == good.log_start &&
                    copy.data_start == good.data_start;
        if (!same && fsck_problem(f, "superblock replica %u is damaged", replica)) put_super(image, replica);
    }
    image->super = good;
    return true;
}

static bool check_log(struct fsck *f)
{
    struct kfs_io io = image_io(f->image);
    struct kfs_replayed result = {0};
    uint8_t block[KFS_BLOCK_BYTES];
    if (!f->fix) return true;
    int error = kfs_replay(&f->image->super, &io, &result);
    if (result.transactions && !f->quiet)
        printf("%s: recovered %u transactions, %u blocks\n", f->image->path, result.transactions, result.blocks);
    if (!error) return true;
    if (!result.damage) return false;
    if (fsck_problem(f, "log: %s", result.damage)) {
        kfs_log_format(block, 1, 1);
        if (image_write(f->image, f->image->super.log_start, block)) return false;
        memset(block, 0, sizeof block);
        return image_write(f->image, f->image->super.log_start + 1, block) == 0;
    }
    return true;
}

/* One bitmap against the truth. */
static void check_bitmap(struct fsck *f, uint32_t first, uint32_t count, bool (*truth)(const struct fsck *, uint32_t),
                         const char *what)
{
    uint8_t disk[KFS_BLOCK_BYTES], right[KFS_BLOCK_BYTES];
    for (uint32_t base = 0, at = first; base < count; base += KFS_BITS_BLOCK, at++) {
        uint32_t marked = 0, unmarked = 0, example = 0;
        if (image_read(f->image, at, disk)) memset(disk, 0, sizeof disk);
        memset(right, 0, sizeof right);
        for (uint32_t i = 0; i < KFS_BITS_BLOCK; i++) {
            bool want = (uint64_t)base + i >= count || truth(f, base + i), have = disk[i / 8] >> i % 8 & 1;
            if (want) right[i / 8] |= (uint8_t)(1u << i % 8);
            if (want == have) continue;
            example = base + i;
            if (have)
                marked++;
            else
                unmarked++;
        }
        bool mend = false;
        if (marked) mend = fsck_problem(f, "%s bitmap: %u in no use but marked, e.g. %u", what, marked, example);
        if (unmarked) mend = fsck_problem(f, "%s bitmap: %u in use but free, e.g. %u", what, unmarked, example);
        if (mend) image_write(f->image, at, right);
        if (base + KFS_BITS_BLOCK < base) break;
    }
}

static bool inode_used(const struct fsck *f, uint32_t n) { return n < KFS_FIRST_INODE || f->inode[n].mode; }

static void write_inodes(struct fsck *f)
{
    for (uint32_t n = 1; n < f->image->super.inodes; n++)
        if (f->changed[n]) image_inode_write(f->image, n, &f->inode[n]);
}

static bool load_inodes(struct fsck *f)
{
    uint32_t inodes = f->image->super.inodes;
    f->inode = need(calloc(inodes, sizeof *f->inode));
    f->changed = need(calloc(inodes, sizeof *f->changed));
    f->names = need(calloc(inodes, sizeof *f->names));
    f->parent = need(calloc(inodes, sizeof *f->parent));
    f->used = need(calloc((size_t)f->image->super.blocks / 8 + 1, 1));
    for (uint32_t n = 0; n < inodes; n++)
        if (!image_inode(f->image, n, &f->inode[n])) return false;
    for (uint32_t b = 0; b < f->image->super.data_start; b++) fsck_use(f, b);
    for (unsigned replica = 1; replica < 3; replica++) fsck_use(f, kfs_replica_block(f->image->super.blocks, replica));
    return true;
}

int fsck_run(struct fsck *f)
{
    int result = FSCK_FAILED;
    if (!check_super(f) || !check_log(f) || !load_inodes(f)) goto out;
    fsck_inodes(f);
    fsck_directories(f);
    fsck_connections(f);
    fsck_links(f);
    check_bitmap(f, f->image->super.inode_bitmap, f->image->super.inodes, inode_used, "inode");
    check_bitmap(f, f->image->super.block_bitmap, f->image->super.blocks, fsck_used, "block");
    if (f->fix) {
        write_inodes(f);
        f->image->super.state = KFS_STATE_CLEAN;
        put_super(f->image, 0);
        if (image_flush(f->image)) goto out;
    }
    result = !f->found ? FSCK_CLEAN : f->left ? FSCK_LEFT : FSCK_FIXED;
out:
    free(f->inode);
    free(f->changed);
    free(f->names);
    free(f->parent);
    free(f->used);
    return result;
}
