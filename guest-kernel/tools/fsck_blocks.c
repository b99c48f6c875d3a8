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
    uint64_t keep;     /* positions from here on are behind the end of the file */
    bool behind, drop; /* there are blocks behind the end; and they are taken from it */
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

/* What a file owns behind its end would show once the file grows over it. */
static bool behind_end(struct owner *o, uint64_t position)
{
    if (position < o->keep) return false;
    if (!o->behind) o->drop = fsck_problem(o->f, "inode %u: owns blocks behind its end", o->number);
    o->behind = true;
    return o->drop;
}

static uint64_t span(int level) { return level ? KFS_POINTERS * span(level - 1) : 1; }

/* *pointer, which stands for `position` and those behind it, and everything below it. True: it was changed. */
static bool walk(struct owner *o, uint32_t *pointer, int level, uint64_t position)
{
    uint32_t table[KFS_POINTERS];
    if (!*pointer) return false;
    if (behind_end(o, position)) {
        *pointer = 0;
        return true;
    }
    bool valid = image_is_data(o->f->image, *pointer) && !fsck_used(o->f, *pointer);
    if (!claim(o, *pointer)) {
        *pointer = 0;
        return true;
    }
    if (!level || !valid) return false;
    if (image_read(o->f->image, *pointer, table)) return false;
    bool changed = false;
    for (unsigned i = 0; i < KFS_POINTERS; i++)
        changed |= walk(o, &table[i], level - 1, position + i * span(level - 1));
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
    bool is_link = (inode->mode & 0170000) == 0120000;
    if ((fsck_is_dir(inode) || is_link) && !inode->size) return inode->links ? "is empty" : "was being deleted";
    if (fsck_is_dir(inode) && inode->size % KFS_BLOCK_BYTES) return "directory size is impossible";
    if (fsck_is_dir(inode) && inode->size / KFS_BLOCK_BYTES > KFS_START_DOUBLE) return "directory is too large";
    if (is_link && inode->size >= KFS_BLOCK_BYTES) return "link is impossible";
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
    static const uint64_t starts[3] = {KFS_START_SINGLE, KFS_START_DOUBLE, KFS_START_TRIPLE};
    struct owner o = {.f = f, .number = number, .keep = UINT64_MAX};
    if ((inode->mode & 0170000) == 0100000) o.keep = (inode->size + KFS_BLOCK_BYTES - 1) / KFS_BLOCK_BYTES;
    bool changed = false;
    for (unsigned i = 0; i < KFS_DIRECT; i++) changed |= walk(&o, &inode->direct[i], 0, i);
    for (int i = 0; i < 3; i++) changed |= walk(&o, &inode->indirect[i], i + 1, starts[i]);
    if (o.blocks != inode->blocks && fsck_problem(f, "inode %u: owns %llu blocks, not %llu", number,
                                                  (unsigned long long)o.blocks, (unsigned long long)inode->blocks)) {
        inode->blocks = o.blocks;
        changed = true;
    }
    if ((inode->flags & KFS_INODE_TRUNCATING) && fsck_problem(f, "inode %u: was being truncated", number)) {
        inode->flags &= (uint16_t)~KFS_INODE_TRUNCATING;
        changed = true;
    }
    if (changed) f->changed[number] = true;
}

void fsck_inodes(struct fsck *f)
{
    for (uint32_t n = 1; n < f->image->super.inodes; n++)
        if (f->inode[n].mode) check_inode(f, n);
}
