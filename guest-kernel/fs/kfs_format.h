/*
 * kfs_format.h - KFS on the disk: the one description that the kernel and mkfs.kfs, fsck.kfs, dumpfs share.
 *
 * The disk is an array of blocks of 4096 bytes. A "pointer" is a block number, 32 bits; 0 means "no block" (a hole).
 *
 *    block 0      1        2                                                                           last
 *   +--------+---------+--------------+--------------+-------------+--------------+------- ... --+---------+
 *   |  boot  |  super- | inode        | block        | inode table | intentions   |    data      | super-  |
 *   |  block |  block  | bitmap       | bitmap       |             | log          |              | block   |
 *   +--------+---------+--------------+--------------+-------------+--------------+------- ... --+---------+
 *             replica #0                                          replica #1 stands in block total/2, #2 in the last
 *
 * The boot block is not KFS's: a boot loader may stand there. The superblock says where everything is; nothing in it changes
 * while the disk is mounted except `state`, so its replicas stay valid. In the bitmaps bit n of byte n/8 (least significant
 * first) is set when inode or block n is in use; blocks that hold the structures above are always in use, as are the
 * bits behind the end of the disk.
 *
 * An inode ("device directory entry" in the notes) is 256 bytes. Blocks of a file are found by its position n:
 *
 *   n < 32            direct[n]
 *   next 1024         indirect[0] -> block of 1024 pointers -> data               single indirection
 *   next 1024^2       indirect[1] -> pointers -> pointers -> data                 double
 *   next 1024^3       indirect[2] -> pointers -> pointers -> pointers -> data     triple: 4 TiB and a little
 *
 * A symbolic link of up to 139 bytes stands in the place of the pointers; a longer one in its block 0. Device files
 * have their number in `rdev`.
 *
 * A directory is a file of blocks; each is filled exactly by entries:
 *
 *     0       4         6       7      8
 *   +-------+---------+-------+------+----------------+--------
 *   | inode | bytes   | name  | type | name, no NUL   | padding up to `bytes`, a multiple of 4
 *   +-------+---------+-------+------+----------------+--------
 *
 * inode 0 marks free room. The first block starts with "." and "..". No entry crosses a block.
 *
 * The intentions log (journal): log block 0 is the log header, written only when the log is emptied (checkpoint). The others are
 * a ring in which transactions follow one another, numbered without gaps:
 *
 *   ... [ descriptor | copy | copy | ... | descriptor | copy ... | revocation | commit ] [ descriptor ... commit ]
 *
 * A descriptor lists where the copies behind it belong, and their checksums. A transaction counts if it is whole, up to its commit
 * record; what of the log got to the medium first does not matter. Replay copies every block of every counting transaction to its place, in order,
 * except what a revocation of the same or a later transaction names: such a block was freed and may hold a file's
 * data now. Replay changes nothing in the log, so that a crash during replay is followed by the same replay.
 *
 * All numbers are little-endian. Checksums are CRC-32C of the structure with the checksum field zero.
 */
#ifndef KEPLER_FS_KFS_FORMAT_H
#define KEPLER_FS_KFS_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KFS_BLOCK_BYTES   4096u
#define KFS_BLOCK_SHIFT   12
#define KFS_INODE_BYTES   256u
#define KFS_INODES_BLOCK  (KFS_BLOCK_BYTES / KFS_INODE_BYTES) /* 16 */
#define KFS_BITS_BLOCK    (KFS_BLOCK_BYTES * 8u)
#define KFS_POINTERS      (KFS_BLOCK_BYTES / 4u) /* 1024 */
#define KFS_DIRECT        32u
#define KFS_NAME_MAX      255u
#define KFS_LINK_MAX      65000u
#define KFS_SHORT_SYMLINK (KFS_DIRECT * 4 + 12 - 1) /* 139 */
#define KFS_BLOCKS_MAX    0xfffffff0u
/* Positions in a file, in blocks, at which each kind of pointer starts; KFS_FILE_BLOCKS: behind the last. */
#define KFS_START_SINGLE KFS_DIRECT
#define KFS_START_DOUBLE (KFS_START_SINGLE + (uint64_t)KFS_POINTERS)
#define KFS_START_TRIPLE (KFS_START_DOUBLE + (uint64_t)KFS_POINTERS * KFS_POINTERS)
#define KFS_FILE_BLOCKS  (KFS_START_TRIPLE + (uint64_t)KFS_POINTERS * KFS_POINTERS * KFS_POINTERS)

#define KFS_SUPER_BLOCK 1u
#define KFS_ROOT_INODE  2u /* 0 is no inode, 1 is kept for blocks that cannot be read */
#define KFS_FIRST_INODE 3u
#define KFS_MAGIC       0x31530f4bu /* bytes 4b 0f 53 31 */
#define KFS_LOG_MAGIC   0x676f4c4bu /* "KLog" */
#define KFS_VERSION     1u
#define KFS_BLOCKS_MIN  64u /* smallest disk */
#define KFS_LOG_MIN     32u

enum kfs_state {
    KFS_STATE_CLEAN = 1, /* unmounted in order: the log is empty, there are no orphans */
    KFS_STATE_IN_USE = 2,
    KFS_STATE_ERRORS = 4, /* the kernel met something impossible: fsck.kfs is due */
};

struct kfs_super { /* at the start of its block */
    uint32_t magic;
    uint32_t checksum;
    uint32_t version;
    uint32_t state;        /* enum kfs_state */
    uint32_t block_bytes;  /* 4096 */
    uint32_t blocks;       /* of the whole file system */
    uint32_t inodes;       /* number of inodes, a multiple of 16, inode 0 included */
    uint32_t inode_bitmap; /* first block of each area; they stand in this order, without gaps */
    uint32_t block_bitmap;
    uint32_t inode_table;
    uint32_t log_start;
    uint32_t log_blocks;
    uint32_t data_start;
    uint32_t replica; /* number of this copy: 0, 1, 2 */
    uint64_t made_at; /* seconds since 1970 */
    uint8_t uuid[16];
    char label[16];
};

enum kfs_inode_flag {
    KFS_INODE_TRUNCATING = 1, /* blocks behind `size` are being freed: go on with it after a crash */
};

/* mode: file type and permissions as in POSIX (S_IFMT ...). An inode with mode 0 is free. */
struct kfs_inode {
    uint16_t mode;
    uint16_t flags;
    uint32_t links; /* names of it; 0 while mode is not: an orphan, still open when the machine stopped */
    uint32_t uid;
    uint32_t gid;
    uint64_t size;                                  /* bytes */
    uint64_t blocks;                                /* blocks owned, pointer blocks included */
    int64_t atime_ns, mtime_ns, ctime_ns, btime_ns; /* since 1970 */
    uint32_t rdev;       /* as Linux's new_encode_dev: minor & 0xff | major << 8 | (minor & ~0xff) << 12 */
    uint32_t generation; /* how often the inode was used */
    union {
        struct {
            uint32_t direct[KFS_DIRECT];
            uint32_t indirect[3];
        };
        char symlink[KFS_SHORT_SYMLINK + 1];
    };
    uint32_t number;   /* its own, so that a misplaced block is noticed */
    uint32_t checksum; /* over the 256 bytes */
    uint8_t spare[36];
};

struct kfs_dirent {
    uint32_t inode;
    uint16_t bytes;
    uint8_t name_bytes;
    uint8_t type; /* DT_*: mode >> 12 */
    char name[];
};
#define KFS_DIRENT_BYTES(name_bytes) ((8u + (unsigned)(name_bytes) + 3u) & ~3u)

enum kfs_log_kind { KFS_LOG_HEADER = 1, KFS_LOG_DESCRIPTOR, KFS_LOG_REVOKE, KFS_LOG_COMMIT };

struct kfs_log_record { /* at the start of every log block that is not a copy */
    uint32_t magic;
    uint32_t kind;
    uint64_t sequence; /* header: of the first transaction to replay */
    uint32_t checksum; /* over the block */
    uint32_t count; /* descriptor: copies that follow; revocation: blocks listed; commit: log blocks of the transaction;
                          header: log block (1 ...) where the first transaction starts */
    uint64_t spare;
};
struct kfs_log_tag { /* descriptor: from byte 32 on */
    uint32_t block;
    uint32_t checksum; /* of the copy */
};
#define KFS_LOG_TAGS    ((KFS_BLOCK_BYTES - 32u) / 8u) /* 508 */
#define KFS_LOG_REVOKES ((KFS_BLOCK_BYTES - 32u) / 4u) /* 1016 */

_Static_assert(sizeof(struct kfs_super) <= 512, "the superblock is one sector");
_Static_assert(sizeof(struct kfs_inode) == KFS_INODE_BYTES, "inode layout");
_Static_assert(offsetof(struct kfs_inode, direct) == 72, "inode layout");
_Static_assert(sizeof(struct kfs_log_record) == 32 && sizeof(struct kfs_dirent) == 8, "record layouts");

/* fs/kfs_check.c: the code that kernel and tools share. */

uint32_t kfs_crc(uint32_t seed, const void *data, size_t bytes); /* CRC-32C; seed 0, or the result so far */
uint32_t kfs_super_checksum(const struct kfs_super *super);
uint32_t kfs_inode_checksum(const struct kfs_inode *inode);
uint32_t kfs_record_checksum(const void *block); /* of a log block that starts with a struct kfs_log_record */
/* NULL if the superblock describes a disk of `device_blocks` blocks, else what is wrong with it. After NULL all areas lie
 * within the disk and in order. */
const char *kfs_super_wrong(const struct kfs_super *super, uint64_t device_blocks);
/* NULL if the directory block consists of well-formed entries, else what is wrong. */
const char *kfs_dirblock_wrong(const void *block);
/* NULL if the name may stand in a directory. */
const char *kfs_name_wrong(const char *name, size_t bytes);
uint32_t kfs_replica_block(uint64_t device_blocks, unsigned replica); /* where replica 0, 1, 2 stands */
/* Files: how many pointer blocks lead to block `position` (0 to 3), and the index in each of them, top first. -1: too large. */
int kfs_path_to(uint64_t position, unsigned index[4]);

/* Reads or writes whole blocks; 0 or a negative error number. */
struct kfs_io {
    int (*read)(void *context, uint32_t block, void *to);
    int (*write)(void *context, uint32_t block, const void *from);
    int (*flush)(void *context);
    void *(*allocate)(size_t bytes); /* NULL: none */
    void (*release)(void *memory);
    void *context;
};
struct kfs_replayed {
    uint64_t next_sequence; /* for the first new transaction */
    uint32_t transactions, blocks, revoked;
    const char *damage; /* NULL, or why the log could not be followed to its end */
};
/* Copies all committed transactions to their places, then FLUSHes, then empties the log. May be repeated at any point. 0, -EIO,
 * -ENOMEM, -EUCLEAN (the log header is no log header). */
int kfs_replay(const struct kfs_super *super, const struct kfs_io *io, struct kfs_replayed *result);
/* Fills a block with the header of an empty log. */
void kfs_log_format(void *block, uint64_t sequence, uint32_t start);

#endif
