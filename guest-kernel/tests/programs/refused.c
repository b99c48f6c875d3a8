/*
 * refused.c - disks with one damaged structure each, mounted in the running kernel: each mount is refused with an errno, and the kernel's log has got
 * exactly one line. A good image is on /dev/vda; the damaged ones are written to /dev/vdb. Checksums are right unless they are the damage.
 *
 * As the first process, with a disk of each.
 */
#define _GNU_SOURCE
#include "check.h"
#include "fs/kfs_format.h"
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

static unsigned char *good, *bad;
static size_t image_bytes;
static struct kfs_super super; /* of the good image */
static int kmsg;

static void *block(uint32_t number) { return bad + (size_t)number * KFS_BLOCK_BYTES; }

/* Superblocks: the change is made in all three. */
static void each_super(void (*change)(struct kfs_super *))
{
    for (unsigned replica = 0; replica < 3; replica++) {
        struct kfs_super *s = block(kfs_replica_block(super.blocks, replica));
        change(s);
        s->checksum = kfs_super_checksum(s);
    }
}
#define SUPER(name, statement)                                                                                         \
    static void name##_in(struct kfs_super *s) { statement; }                                                          \
    static void name(void) { each_super(name##_in); }
SUPER(super_magic, s->magic ^= 1)
SUPER(super_version, s->version = 2)
SUPER(super_block_bytes, s->block_bytes = 512)
SUPER(super_no_blocks, s->blocks = 0)
SUPER(super_many_blocks, s->blocks++)
SUPER(super_most_blocks, s->blocks = UINT32_MAX)
SUPER(super_no_inodes, s->inodes = 0)
SUPER(super_odd_inodes, s->inodes++)
SUPER(super_most_inodes, s->inodes = 0xfffffff0)
SUPER(super_inode_bitmap, s->inode_bitmap = 0)
SUPER(super_block_bitmap, s->block_bitmap++)
SUPER(super_inode_table, s->inode_table = UINT32_MAX)
SUPER(super_log_start, s->log_start = 0)
SUPER(super_log_small, (s->log_blocks = 1, s->data_start = s->log_start + 1))
SUPER(super_log_large, s->log_blocks = UINT32_MAX)
SUPER(super_data_start, s->data_start = s->blocks)
static void super_checksum(void)
{
    for (unsigned replica = 0; replica < 3; replica++) {
        struct kfs_super *s = block(kfs_replica_block(super.blocks, replica));
        s->checksum ^= 0x100;
    }
}
static void zeros(void) { memset(bad, 0, image_bytes); }
static void ones(void) { memset(bad, 0xff, image_bytes); }

/* The log's header. */
static void change_log(void (*change)(struct kfs_log_record *))
{
    struct kfs_log_record *record = block(super.log_start);
    change(record);
    record->checksum = 0;
    record->checksum = kfs_record_checksum(record);
}
#define LOG(name, statement)                                                                                           \
    static void name##_in(struct kfs_log_record *r) { statement; }                                                     \
    static void name(void) { change_log(name##_in); }
LOG(log_magic, r->magic = 0)
LOG(log_kind, r->kind = KFS_LOG_COMMIT)
LOG(log_start_0, r->count = 0)
LOG(log_start_behind, r->count = super.log_blocks)
LOG(log_sequence, r->sequence = 0)
static void log_checksum(void) { ((struct kfs_log_record *)block(super.log_start))->checksum ^= 1; }
static void log_zeros(void) { memset(block(super.log_start), 0, KFS_BLOCK_BYTES); }

/* The root directory: its inode, its first block. */
static struct kfs_inode *root(void) { return (struct kfs_inode *)block(super.inode_table) + KFS_ROOT_INODE; }
#define ROOT(name, statement)                                                                                          \
    static void name(void)                                                                                             \
    {                                                                                                                  \
        struct kfs_inode *i = root();                                                                                  \
        statement;                                                                                                     \
        i->checksum = kfs_inode_checksum(i);                                                                           \
    }
ROOT(root_free, i->mode = 0)
ROOT(root_file, i->mode = S_IFREG | 0755)
ROOT(root_link, i->mode = S_IFLNK | 0755)
ROOT(root_kind, i->mode = 0755)
ROOT(root_number, i->number = 3)
ROOT(root_no_links, i->links = 0)
ROOT(root_empty, i->size = 0)
ROOT(root_odd_size, i->size++)
ROOT(root_large, i->size = UINT64_MAX << 12)
ROOT(root_hole, i->direct[0] = 0)
ROOT(root_in_super, i->direct[0] = KFS_SUPER_BLOCK)
ROOT(root_in_table, i->direct[0] = super.inode_table)
ROOT(root_behind, i->direct[0] = super.blocks)
static void root_checksum(void) { root()->checksum ^= 1; }
static struct kfs_dirent *names(void) { return block(root()->direct[0]); }
static void names_zeros(void) { memset(names(), 0, KFS_BLOCK_BYTES); }
static void names_length(void) { names()->bytes = 8; }
static void names_dot(void) { names()->inode = 3; }
static void names_dots(void) { ((struct kfs_dirent *)((char *)names() + KFS_DIRENT_BYTES(1)))->inode = 3; }
static void names_slash(void) { names()->name[0] = '/'; }

/* More than one thing, of which the first alone would be mended with a line of its own. */
static void replica_and_root(void)
{
    memset(block(KFS_SUPER_BLOCK), 0, KFS_BLOCK_BYTES);
    root_file();
}
SUPER(had_errors, s->state = KFS_STATE_IN_USE | KFS_STATE_ERRORS)
static void errors_and_root(void)
{
    had_errors();
    root_file();
}
static void orphan_and_root(void)
{
    had_errors();
    for (unsigned n = KFS_FIRST_INODE; n < 20; n++) {
        struct kfs_inode *i = root() - KFS_ROOT_INODE + n;
        if (!i->mode) continue;
        i->links = 0;
        if (n % 2) i->checksum = kfs_inode_checksum(i);
    }
    names_dots();
}

#define CASE(name)                                                                                                     \
    {                                                                                                                  \
#name, name                                                                                                    \
    }
static const struct damage {
    const char *name;
    void (*make)(void);
} cases[] = {
    CASE(super_magic),
    CASE(super_version),
    CASE(super_block_bytes),
    CASE(super_no_blocks),
    CASE(super_many_blocks),
    CASE(super_most_blocks),
    CASE(super_no_inodes),
    CASE(super_odd_inodes),
    CASE(super_most_inodes),
    CASE(super_inode_bitmap),
    CASE(super_block_bitmap),
    CASE(super_inode_table),
    CASE(super_log_start),
    CASE(super_log_small),
    CASE(super_log_large),
    CASE(super_data_start),
    CASE(super_checksum),
    CASE(zeros),
    CASE(ones),
    CASE(log_magic),
    CASE(log_kind),
    CASE(log_start_0),
    CASE(log_start_behind),
    CASE(log_sequence),
    CASE(log_checksum),
    CASE(log_zeros),
    CASE(root_free),
    CASE(root_file),
    CASE(root_link),
    CASE(root_kind),
    CASE(root_number),
    CASE(root_no_links),
    CASE(root_empty),
    CASE(root_odd_size),
    CASE(root_large),
    CASE(root_hole),
    CASE(root_in_super),
    CASE(root_in_table),
    CASE(root_behind),
    CASE(root_checksum),
    CASE(names_zeros),
    CASE(names_length),
    CASE(names_dot),
    CASE(names_dots),
    CASE(names_slash),
    CASE(replica_and_root),
    CASE(errors_and_root),
    CASE(orphan_and_root),
};

static int write_bad(void)
{
    int fd = open("/dev/vdb", O_WRONLY);
    int written = fd >= 0 && pwrite(fd, bad, image_bytes, 0) == (ssize_t)image_bytes && !fsync(fd);
    if (fd >= 0) close(fd);
    return written;
}

/* The kernel's lines since the last call. */
static unsigned count_lines(char *last, size_t room)
{
    unsigned lines = 0;
    for (ssize_t n; (n = read(kmsg, last, room - 1)) > 0; lines++) last[n] = 0;
    return lines;
}

static void mount_bad(const char *name, unsigned long flags)
{
    char line[1000] = "";
    count_lines(line, sizeof line);
    line[0] = 0;
    int refused = mount("/dev/vdb", "/mnt", "kfs", flags, 0), why = errno;
    unsigned lines = count_lines(line, sizeof line);
    int sound = refused && (why == EINVAL || why == EUCLEAN || why == EIO) && lines == 1;
    if (!sound)
        printf("%s: %s, errno %d, %u lines, the last: %s\n", name, refused ? "refused" : "mounted", why, lines, line);
    CHECK(sound);
    if (!refused) umount("/mnt");
}

static int load_good(void)
{
    int fd = open("/dev/vda", O_RDONLY);
    off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    if (size <= 0) return 0;
    image_bytes = (size_t)size;
    good = malloc(image_bytes), bad = malloc(image_bytes);
    int loaded = good && bad && pread(fd, good, image_bytes, 0) == size;
    close(fd);
    if (loaded) memcpy(&super, good + KFS_SUPER_BLOCK * KFS_BLOCK_BYTES, sizeof super);
    return loaded && !kfs_super_wrong(&super, image_bytes / KFS_BLOCK_BYTES);
}

int main(void)
{
    char line[1000];
    mkdir("/mnt", 0755);
    kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
    CHECK(kmsg >= 0 && load_good());
    if (checks_failed) return finish();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int read_only = 0; read_only < 2; read_only++) {
            memcpy(bad, good, image_bytes);
            cases[i].make();
            CHECK(write_bad());
            mount_bad(cases[i].name, read_only ? MS_RDONLY : 0);
        }
    }
    memcpy(bad, good, image_bytes); /* the last word: a good one is mounted, without a line */
    CHECK(write_bad());
    count_lines(line, sizeof line);
    CHECK(!mount("/dev/vdb", "/mnt", "kfs", 0, 0) && !umount("/mnt") && count_lines(line, sizeof line) == 0);
    return finish();
}
