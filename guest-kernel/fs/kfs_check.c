/*
 * kfs_check.c - checksums and first checks of KFS structures, for the kernel and for the tools alike.
 *
 * What comes from a disk may be anything: a disk of another kind, one with flipped bits, one made by an enemy. So nothing is
 * used before it has been looked at here, and whoever uses it afterwards stays within the areas that the superblock names.
 */
#include "fs/kfs_format.h"

#ifdef KEPLER_HOST_TOOLS
#include <string.h>
#else
#include "base/string.h"
#endif

/* CRC-32C, polynomial 0x1edc6f41 (reflected 0x82f63b78), four bits at a time. */
uint32_t kfs_crc(uint32_t seed, const void *data, size_t bytes)
{
    static const uint32_t nibble[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
                                        0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
                                        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};
    const uint8_t *at = data;
    uint32_t crc = ~seed;
    while (bytes--) {
        crc ^= *at++;
        crc = crc >> 4 ^ nibble[crc & 15];
        crc = crc >> 4 ^ nibble[crc & 15];
    }
    return ~crc;
}

/* Of a structure in which the four bytes at `hole` hold the checksum itself. */
static uint32_t crc_around(const void *data, size_t bytes, size_t hole)
{
    static const uint8_t zeros[4];
    uint32_t crc = kfs_crc(0, data, hole);
    crc = kfs_crc(crc, zeros, 4);
    return kfs_crc(crc, (const uint8_t *)data + hole + 4, bytes - hole - 4);
}

uint32_t kfs_super_checksum(const struct kfs_super *super)
{
    return crc_around(super, sizeof *super, offsetof(struct kfs_super, checksum));
}

uint32_t kfs_inode_checksum(const struct kfs_inode *inode)
{
    return crc_around(inode, sizeof *inode, offsetof(struct kfs_inode, checksum));
}

uint32_t kfs_record_checksum(const void *block)
{
    return crc_around(block, KFS_BLOCK_BYTES, offsetof(struct kfs_log_record, checksum));
}

uint32_t kfs_replica_block(uint64_t device_blocks, unsigned replica)
{
    if (device_blocks > KFS_BLOCKS_MAX) device_blocks = KFS_BLOCKS_MAX;
    return replica == 0 ? KFS_SUPER_BLOCK : (uint32_t)(replica == 1 ? device_blocks / 2 : device_blocks - 1);
}

const char *kfs_super_wrong(const struct kfs_super *s, uint64_t device_blocks)
{
    if (s->magic != KFS_MAGIC) return "not a KFS file system (bad magic)";
    if (s->checksum != kfs_super_checksum(s)) return "superblock checksum is wrong";
    if (s->version != KFS_VERSION) return "unknown version";
    if (s->block_bytes != KFS_BLOCK_BYTES) return "block size is not 4096";
    if (s->blocks < KFS_BLOCKS_MIN || s->blocks > KFS_BLOCKS_MAX) return "impossible number of blocks";
    if (s->blocks > device_blocks) return "file system is larger than the device";
    if (s->inodes < 16 || s->inodes % KFS_INODES_BLOCK || s->inodes > KFS_BLOCKS_MAX)
        return "impossible number of inodes";
    uint64_t at = KFS_SUPER_BLOCK + 1;
    if (s->inode_bitmap != at) return "inode bitmap is misplaced";
    at += ((uint64_t)s->inodes + KFS_BITS_BLOCK - 1) / KFS_BITS_BLOCK;
    if (s->block_bitmap != at) return "block bitmap is misplaced";
    at += ((uint64_t)s->blocks + KFS_BITS_BLOCK - 1) / KFS_BITS_BLOCK;
    if (s->inode_table != at) return "inode table is misplaced";
    at += s->inodes / KFS_INODES_BLOCK;
    if (s->log_start != at) return "log is misplaced";
    at += s->log_blocks;
    if (s->log_blocks < KFS_LOG_MIN) return "log is too small";
    if (s->data_start != at || at >= s->blocks) return "data area is misplaced";
    /* Replica 1 stands among the data, so the structures must end before the middle. */
    if (at > kfs_replica_block(s->blocks, 1)) return "structures reach over the middle";
    return 0;
}

const char *kfs_name_wrong(const char *name, size_t bytes)
{
    if (!bytes || bytes > KFS_NAME_MAX) return "name length is impossible";
    for (size_t i = 0; i < bytes; i++)
        if (name[i] == '/' || !name[i]) return "name holds '/' or NUL";
    return 0;
}

const char *kfs_dirblock_wrong(const void *block)
{
    for (unsigned at = 0; at < KFS_BLOCK_BYTES;) {
        struct kfs_dirent entry;
        if (KFS_BLOCK_BYTES - at < sizeof entry) return "entry crosses the block's end";
        memcpy(&entry, (const uint8_t *)block + at, sizeof entry);
        if (entry.bytes < KFS_DIRENT_BYTES(0) || entry.bytes % 4 || entry.bytes > KFS_BLOCK_BYTES - at)
            return "entry length is impossible";
        if (entry.inode) {
            if (KFS_DIRENT_BYTES(entry.name_bytes) > entry.bytes) return "name is longer than its entry";
            const char *wrong = kfs_name_wrong((const char *)block + at + sizeof entry, entry.name_bytes);
            if (wrong) return wrong;
        }
        at += entry.bytes;
    }
    return 0;
}

int kfs_path_to(uint64_t position, unsigned index[4])
{
    if (position < KFS_START_SINGLE) {
        index[0] = (unsigned)position;
        return 0;
    }
    if (position >= KFS_FILE_BLOCKS) return -1;
    int level = position < KFS_START_DOUBLE ? 1 : position < KFS_START_TRIPLE ? 2 : 3;
    position -= level == 1 ? KFS_START_SINGLE : level == 2 ? KFS_START_DOUBLE : KFS_START_TRIPLE;
    for (int i = level; i > 0; i--) {
        index[i] = (unsigned)(position % KFS_POINTERS);
        position /= KFS_POINTERS;
    }
    index[0] = (unsigned)level - 1; /* which of indirect[] */
    return level;
}
