/* damage.c - damage to a KFS image at random (damage.h). */
#include "damage.h"

#include <string.h>

#include "fs/kfs_format.h"

static uint8_t *work;
static const uint8_t *good;
static size_t image_bytes;
static struct kfs_super super;
static uint64_t random_state;

bool damage_start(const uint8_t *image, size_t bytes)
{
    good = image;
    image_bytes = bytes;
    memcpy(&super, good + KFS_SUPER_BLOCK * KFS_BLOCK_BYTES, sizeof super);
    return !kfs_super_wrong(&super, bytes / KFS_BLOCK_BYTES);
}

void damage_seed(uint64_t seed) { random_state = seed; }

uint32_t damage_random(uint32_t n)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(random_state >> 33) % n;
}

static uint32_t pick_block(void)
{
    switch (damage_random(8)) {
    case 0: return KFS_SUPER_BLOCK;
    case 1: return super.inode_bitmap + damage_random(super.inode_table - super.inode_bitmap);
    case 2:
    case 3: return super.inode_table + damage_random(4);
    case 4: return super.log_start + damage_random(20);
    default: return super.data_start + damage_random(60);
    }
}

static struct kfs_inode *pick_inode(void)
{
    uint8_t *table = work + (size_t)super.inode_table * KFS_BLOCK_BYTES;
    return (struct kfs_inode *)(void *)table + KFS_ROOT_INODE + damage_random(40);
}

static uint32_t odd_number(void)
{
    static const uint32_t odd[] = {0, 1, 2, 3, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff};
    if (damage_random(3) == 0) return odd[damage_random(sizeof odd / sizeof odd[0])];
    return damage_random(2) ? damage_random(super.blocks) : damage_random(super.inodes);
}

static void damage_inode(struct kfs_inode *inode)
{
    switch (damage_random(9)) {
    case 0: inode->mode = (uint16_t)(damage_random(16) << 12 | (inode->mode & 07777)); break;
    case 1: inode->size = (uint64_t)odd_number() << damage_random(32); break;
    case 2: inode->direct[damage_random(KFS_DIRECT)] = odd_number(); break;
    case 3: inode->indirect[damage_random(3)] = odd_number(); break;
    case 4: inode->links = odd_number(); break;
    case 5: inode->blocks = odd_number(); break;
    case 6: inode->flags ^= (uint16_t)(1u << damage_random(16)); break;
    case 7: memcpy(inode->direct, pick_inode()->direct, sizeof inode->direct); break; /* two files share blocks */
    default: *inode = *pick_inode(); break;
    }
}

static void damage_words(uint32_t block)
{
    uint32_t *words = (void *)(work + (size_t)block * KFS_BLOCK_BYTES);
    switch (damage_random(4)) {
    case 0: words[damage_random(KFS_POINTERS)] ^= 1u << damage_random(32); break;
    case 1: words[damage_random(KFS_POINTERS)] = odd_number(); break;
    case 2: words[damage_random(16)] = odd_number(); break;
    default: memcpy(words, good + (size_t)pick_block() * KFS_BLOCK_BYTES, KFS_BLOCK_BYTES); break;
    }
}

/* An entry of a directory block leads somewhere else: to itself, to its parent, to a free inode. */
static void damage_directory(uint32_t block)
{
    uint8_t *at = work + (size_t)block * KFS_BLOCK_BYTES;
    struct kfs_dirent *entry = (void *)at;
    for (unsigned steps = damage_random(12); steps && entry->bytes >= 8 && entry->bytes % 4 == 0; steps--) {
        if ((uint8_t *)entry + entry->bytes + 8 > at + KFS_BLOCK_BYTES) break;
        entry = (void *)((uint8_t *)entry + entry->bytes);
    }
    switch (damage_random(4)) {
    case 0: entry->inode = odd_number(); break;
    case 1: entry->inode = KFS_ROOT_INODE + damage_random(20); break;
    case 2: entry->bytes = (uint16_t)odd_number(); break;
    default: entry->name_bytes = (uint8_t)odd_number(); break;
    }
}

static void mend_checksums(void)
{
    struct kfs_super *s = (void *)(work + KFS_SUPER_BLOCK * KFS_BLOCK_BYTES);
    s->checksum = kfs_super_checksum(s);
    struct kfs_inode *inode = (void *)(work + (size_t)super.inode_table * KFS_BLOCK_BYTES);
    for (uint32_t i = 0; i < super.inodes; i++)
        if (inode[i].mode && damage_random(16)) inode[i].number = i, inode[i].checksum = kfs_inode_checksum(&inode[i]);
    for (uint32_t i = 0; i < super.log_blocks; i++) {
        struct kfs_log_record *record = (void *)(work + (size_t)(super.log_start + i) * KFS_BLOCK_BYTES);
        if (record->magic == KFS_LOG_MAGIC) record->checksum = kfs_record_checksum(record);
    }
}

void damage(uint8_t *image)
{
    static const uint8_t counts[] = {1, 1, 2, 3, 8, 40};
    work = image;
    memcpy(work, good, image_bytes);
    for (unsigned n = counts[damage_random(sizeof counts)]; n; n--) {
        switch (damage_random(4)) {
        case 0:
            work[(size_t)pick_block() * KFS_BLOCK_BYTES + damage_random(KFS_BLOCK_BYTES)] ^=
                (uint8_t)(1u << damage_random(8));
            break;
        case 1: damage_words(pick_block()); break;
        case 2: damage_inode(pick_inode()); break;
        default: damage_directory(super.data_start + damage_random(30)); break;
        }
    }
    if (damage_random(4)) mend_checksums();
}
