/*
 * dumpfs - prints the structures of a KFS disk readably: where everything is, bitmaps, inodes with their blocks, directories, the log.
 *
 * usage: dumpfs IMAGE              superblock, areas, use
 *        dumpfs IMAGE inode N      one inode, its blocks and, for a directory, its names
 *        dumpfs IMAGE inodes       all inodes in use, a line each
 *        dumpfs IMAGE log          what stands in the intentions log
 *        dumpfs IMAGE tree         all names
 *
 * Exit status 2, with one line: wrong usage, or IMAGE is no KFS disk.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/image.h"

static struct image disk;

static const char *kind_of(unsigned mode)
{
    switch (mode & 0170000) {
    case 0040000: return "directory";
    case 0100000: return "file";
    case 0120000: return "symbolic link";
    case 0020000: return "character device";
    case 0060000: return "block device";
    case 0010000: return "pipe";
    case 0140000: return "socket";
    default: return "?";
    }
}

static uint32_t count_used(uint32_t first, uint32_t bits)
{
    uint8_t block[KFS_BLOCK_BYTES];
    uint32_t used = 0;
    for (uint32_t i = 0; i < bits; i++) {
        if (i % KFS_BITS_BLOCK == 0 && image_read(&disk, first + i / KFS_BITS_BLOCK, block))
            memset(block, 0, sizeof block);
        used += block[i % KFS_BITS_BLOCK / 8] >> i % 8 & 1;
    }
    return used;
}

static void print_area(const char *name, uint32_t first, uint32_t behind)
{
    if (behind > first) printf("  %8u .. %8u  %s\n", first, behind - 1, name);
}

static void print_super(void)
{
    const struct kfs_super *s = &disk.super;
    printf("KFS version %u, \"%.16s\", %u blocks of %u bytes, state%s%s%s\n", s->version, s->label, s->blocks,
           s->block_bytes, s->state & KFS_STATE_CLEAN ? " clean" : "", s->state & KFS_STATE_IN_USE ? " in-use" : "",
           s->state & KFS_STATE_ERRORS ? " errors" : "");
    printf("blocks:\n");
    print_area("boot block", 0, 1);
    print_area("superblock", 1, 2);
    print_area("inode bitmap", s->inode_bitmap, s->block_bitmap);
    print_area("block bitmap", s->block_bitmap, s->inode_table);
    print_area("inode table", s->inode_table, s->log_start);
    print_area("intentions log", s->log_start, s->data_start);
    print_area("data, with a superblock replica in the middle and one at the end", s->data_start, s->blocks);
    printf("%u of %u inodes and %u of %u blocks in use\n", count_used(s->inode_bitmap, s->inodes), s->inodes,
           count_used(s->block_bitmap, s->blocks), s->blocks);
}

static void print_inode_line(uint32_t number, const struct kfs_inode *inode)
{
    printf("%6u %06o %3u links %5u:%-5u %12llu bytes %8llu blocks  %s\n", number, inode->mode, inode->links, inode->uid,
           inode->gid, (unsigned long long)inode->size, (unsigned long long)inode->blocks, kind_of(inode->mode));
}

static void print_inodes(void)
{
    struct kfs_inode inode;
    for (uint32_t n = 1; n < disk.super.inodes; n++)
        if (image_inode(&disk, n, &inode) && inode.mode) print_inode_line(n, &inode);
}

/* Runs of neighbouring blocks. Large holes are passed over level by level through the size only. */
static void print_blocks(const struct kfs_inode *inode)
{
    uint64_t blocks = (inode->size + KFS_BLOCK_BYTES - 1) / KFS_BLOCK_BYTES, found = 0;
    uint64_t start = 0;
    uint32_t first = 0, count = 0;
    for (uint64_t p = 0; p < blocks && found < inode->blocks; p++) {
        uint32_t block = image_block_of(&disk, inode, p);
        found += block != 0;
        if (block && count && block == first + count) {
            count++;
            continue;
        }
        if (count) printf("  position %llu: blocks %u .. %u\n", (unsigned long long)start, first, first + count - 1);
        start = p;
        first = block;
        count = block != 0;
    }
    if (count) printf("  position %llu: blocks %u .. %u\n", (unsigned long long)start, first, first + count - 1);
    for (int i = 0; i < 3; i++)
        if (inode->indirect[i]) printf("  %d-fold indirection: block %u\n", i + 1, inode->indirect[i]);
}

/* Calls f for every name of the directory. */
static void each_name(const struct kfs_inode *inode, int depth, void (*f)(const struct kfs_dirent *, int))
{
    uint8_t block[KFS_BLOCK_BYTES];
    for (uint64_t p = 0; p < inode->size / KFS_BLOCK_BYTES && p < KFS_START_DOUBLE; p++) {
        uint32_t at = image_block_of(&disk, inode, p);
        const char *wrong = !at || image_read(&disk, at, block) ? "cannot be read" : kfs_dirblock_wrong(block);
        if (wrong) {
            printf("  directory block %llu: %s\n", (unsigned long long)p, wrong);
            continue;
        }
        for (unsigned i = 0; i < KFS_BLOCK_BYTES;) {
            const struct kfs_dirent *entry = (const void *)(block + i);
            if (entry->inode) f(entry, depth);
            i += entry->bytes;
        }
    }
}

static void print_name(const struct kfs_dirent *entry, int depth)
{
    (void)depth;
    printf("  %8u %.*s\n", entry->inode, entry->name_bytes, entry->name);
}

static void print_inode(uint32_t number)
{
    struct kfs_inode inode;
    if (!image_inode(&disk, number, &inode)) {
        printf("inode %u: there is none\n", number);
        return;
    }
    print_inode_line(number, &inode);
    if (inode.checksum != kfs_inode_checksum(&inode)) printf("  checksum is wrong\n");
    printf("  times: access %lld change %lld modification %lld birth %lld ns; generation %u\n",
           (long long)inode.atime_ns, (long long)inode.ctime_ns, (long long)inode.mtime_ns, (long long)inode.btime_ns,
           inode.generation);
    if ((inode.mode & 0170000) == 0120000 && inode.size <= KFS_SHORT_SYMLINK)
        printf("  -> %.*s\n", (int)inode.size, inode.symlink);
    else
        print_blocks(&inode);
    if ((inode.mode & 0170000) == 0040000) each_name(&inode, 0, print_name);
}

#define DEPTH_MAX 64
static void print_tree(const struct kfs_dirent *entry, int depth)
{
    struct kfs_inode inode;
    bool dots = entry->name[0] == '.' && (entry->name_bytes == 1 || (entry->name_bytes == 2 && entry->name[1] == '.'));
    if (dots) return;
    printf("%*s%.*s (%u)\n", depth * 2, "", entry->name_bytes, entry->name, entry->inode);
    if (depth < DEPTH_MAX && image_inode(&disk, entry->inode, &inode) && (inode.mode & 0170000) == 0040000)
        each_name(&inode, depth + 1, print_tree);
}

static void print_log(void)
{
    static const char *const kinds[] = {"?", "header", "descriptor", "revocation", "commit"};
    uint8_t block[KFS_BLOCK_BYTES];
    for (uint32_t i = 0; i < disk.super.log_blocks; i++) {
        struct kfs_log_record record;
        if (image_read(&disk, disk.super.log_start + i, block)) break;
        memcpy(&record, block, sizeof record);
        if (record.magic != KFS_LOG_MAGIC) continue;
        bool good = record.checksum == kfs_record_checksum(block);
        printf("%5u %-10s transaction %llu, %u%s", i, kinds[record.kind <= KFS_LOG_COMMIT ? record.kind : 0],
               (unsigned long long)record.sequence, record.count, good ? "" : ", checksum wrong");
        for (uint32_t k = 0; record.kind == KFS_LOG_DESCRIPTOR && k < record.count && k < KFS_LOG_TAGS; k++) {
            struct kfs_log_tag tag;
            memcpy(&tag, block + sizeof record + k * sizeof tag, sizeof tag);
            printf("%s%u", k ? " " : ": copies of ", tag.block);
        }
        printf("\n");
    }
}

/* A good superblock; where it is a replica, that is said. False, with one line: there is none. */
static bool find_super(void)
{
    const char *first = image_super(&disk, 0), *wrong = first;
    unsigned replica = 0;
    while (wrong && ++replica < 3) wrong = image_super(&disk, replica);
    if (wrong)
        fprintf(stderr, "dumpfs: %s: %s, and so are its replicas\n", disk.path, first);
    else if (first)
        printf("superblock: %s; replica %u is used\n", first, replica);
    return !wrong;
}

static bool parse_number(const char *text, uint32_t *number)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 0);
    *number = (uint32_t)value;
    return *text >= '0' && *text <= '9' && !*end && !errno && value <= UINT32_MAX;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 4) {
        fprintf(stderr, "usage: dumpfs IMAGE [inodes | inode N | tree | log]\n");
        return 2;
    }
    if (!image_open(&disk, "dumpfs", argv[1], false)) return 2;
    const char *what = argc > 2 ? argv[2] : "";
    if (!find_super()) return 2;
    uint32_t number = 0;
    bool numbered = argc == 4 && !strcmp(what, "inode") && parse_number(argv[3], &number);
    struct kfs_inode root;
    if (argc == 2)
        print_super();
    else if (argc == 3 && !strcmp(what, "inodes"))
        print_inodes();
    else if (numbered)
        print_inode(number);
    else if (argc == 3 && !strcmp(what, "log"))
        print_log();
    else if (argc == 3 && !strcmp(what, "tree") && image_inode(&disk, KFS_ROOT_INODE, &root))
        each_name(&root, 0, print_tree);
    else
        return fprintf(stderr, "dumpfs: %s%s%s: not understood\n", what, argc > 3 ? " " : "", argc > 3 ? argv[3] : ""),
               2;
    return 0;
}
