/*
 * fsck_blocks.c - every inode and every block it owns.
 *
 * A block that two files own would be written by both. The file that is met first keeps it; the other gets a hole, which reads as
 * zeros. The notes' "double allocation".
 */
#include <string.h>

#include "tools/fsck.h"

struct owner {
    struct fsck *f;
    uint32_t number;
    uint64_t blocks;
};

/* The block is this file's, unless it cannot be: then false and the pointer must go. */
static bool claim(struct owner *o, uint32_t block)
{
    struct fsck *f = o->f;
    if (!image_is_data(f->image, block))
        return !fsck_problem(f, "inode %u: pointer %u is out of range", o->number, block);
    if (fsck_used(f, block)) return !fsck_problem(f, "inode %u: block %u is owned twice", o->number, block);
    fsck_use(f, block);
    o->blocks++;
    return true;
}

/* *pointer and everything below it. True: it was changed. */
static bool walk(struct owner *o, uint32_t *pointer, int level)
{
    uint32_t table[KFS_POINTERS];
    if (!*pointer) return false;
    bool valid = image_is_data(o->f->image, *pointer) && !fsck_used(o->f, *pointer);
    if (!claim(o, *pointer)) {
        *pointer = 0;
        return true;
    }
    if (!level || !valid) return false;
    if (image_read(o->f->image, *pointer, table)) return false;
    bool changed = false;
    for (unsigned i = 0; i < KFS_POINTERS; i++) changed |= walk(o, &table[i], level - 1);
    if (changed) image_write(o->f->image, *pointer, table);
    return false;
}

static const char *inode_wrong(const struct kfs_inode *inode, uint32_t number)
{
    static const unsigned types = 1 << 1 | 1 << 2 | 1 << 4 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 12;
    if (inode->checksum != kfs_inode_checksum(inode)) return "checksum is wrong";
    if (inode->number != number) return "number is another one's";
    if (!(types >> (inode->mode >> 12) & 1)) return "file type is impossible";
    if (inode->size > KFS_FILE_BLOCKS * KFS_BLOCK_BYTES) return "size is impossible";
    if (fsck_is_dir(inode) && (!inode->size || inode->size % KFS_BLOCK_BYTES)) return "directory size is impossible";
    if (fsck_is_dir(inode) && inode->size / KFS_BLOCK_BYTES > KFS_START_DOUBLE) return "directory is too large";
    if ((inode->mode & 0170000) == 0120000 && (!inode->size || inode->size >= KFS_BLOCK_BYTES))
        return "link is impossible";
    return 0;
}

static void check_inode(struct fsck *f, uint32_t number)
{
    struct kfs_inode *inode = &f->inode[number];
    const char *wrong = inode_wrong(inode, number);
    if (wrong) {
        bool mend = fsck_problem(f, "inode %u: %s: cleared", number, wrong);
        memset(inode, 0, sizeof *inode); /* not used further in any case */
        f->changed[number] = mend;
        return;
    }
    f->files++;
    if (fsck_short_link(inode)) return;
    struct owner o = {f, number, 0};
    bool changed = false;
    for (unsigned i = 0; i < KFS_DIRECT; i++) changed |= walk(&o, &inode->direct[i], 0);
    for (int i = 0; i < 3; i++) changed |= walk(&o, &inode->indirect[i], i + 1);
    if (o.blocks != inode->blocks && fsck_problem(f, "inode %u: owns %llu blocks, not %llu", number,
                                                  (unsigned long long)o.blocks, (unsigned long long)inode->blocks)) {
        inode->blocks = o.blocks;
        changed = true;
    }
    if ((inode->flags & KFS_INODE_TRUNCATING) && fsck_problem(f, "inode %u: was being truncated", number)) {
        inode->flags &= (uint16_t)~KFS_INODE_TRUNCATING; /* blocks behind the end stay the file's; they do no harm */
        changed = true;
    }
    if (changed) f->changed[number] = true;
}

void fsck_inodes(struct fsck *f)
{
    for (uint32_t n = 1; n < f->image->super.inodes; n++)
        if (f->inode[n].mode) check_inode(f, n);
}
