/*
 * mkfs.kfs - makes a KFS file system, empty or with the content of a folder.
 *
 * The image depends on nothing but the folder's names and contents and the options: names are taken in alphabetical order, everything
 * belongs to root, all times are the one given with -T. Two runs give the same bytes.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/image.h"

static struct image disk;
static uint8_t *inode_bits, *block_bits;
static uint32_t next_block, next_inode = KFS_FIRST_INODE;
static int64_t time_ns;

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "mkfs.kfs: %s: %s\n", what, why);
    exit(2);
}

static void put(uint32_t block, const void *data)
{
    if (image_write(&disk, block, data)) fail(disk.path, "cannot be written");
}

static void mark(uint8_t *bits, uint32_t n) { bits[n / 8] |= (uint8_t)(1u << n % 8); }
static bool marked(const uint8_t *bits, uint32_t n) { return bits[n / 8] >> n % 8 & 1; }

static uint32_t take_block(void)
{
    while (next_block < disk.super.blocks && marked(block_bits, next_block)) next_block++;
    if (next_block >= disk.super.blocks) fail(disk.path, "the content does not fit; make the image larger with -s");
    mark(block_bits, next_block);
    return next_block++;
}

static uint32_t take_inode(void)
{
    if (next_inode >= disk.super.inodes) fail(disk.path, "too many files; make more inodes with -N");
    mark(inode_bits, next_inode);
    return next_inode++;
}

/* Gives block `position` of the file a place, and pointer blocks on the way. The block. */
static uint32_t take_position(struct kfs_inode *inode, uint64_t position)
{
    unsigned index[4];
    uint32_t pointers[KFS_POINTERS], parent = 0;
    int level = kfs_path_to(position, index);
    if (level < 0) fail(disk.path, "a file is too large");
    uint32_t *slot = level ? &inode->indirect[index[0]] : &inode->direct[index[0]];
    for (int i = 0;; i++) {
        bool fresh = !*slot;
        if (fresh) {
            *slot = take_block();
            inode->blocks++;
            if (parent) put(parent, pointers);
        }
        if (i == level) return *slot;
        parent = *slot;
        if (fresh)
            memset(pointers, 0, sizeof pointers);
        else if (image_read(&disk, parent, pointers))
            fail(disk.path, "cannot be read");
        slot = &pointers[index[i + 1]];
    }
}

static struct kfs_inode new_inode(unsigned mode)
{
    return (struct kfs_inode){.mode = (uint16_t)mode,
                              .links = 1,
                              .generation = 1,
                              .atime_ns = time_ns,
                              .mtime_ns = time_ns,
                              .ctime_ns = time_ns,
                              .btime_ns = time_ns};
}

static void put_inode(uint32_t number, struct kfs_inode *inode)
{
    if (!image_inode_write(&disk, number, inode)) fail(disk.path, "cannot be written");
}

/* A directory being made. */
struct directory {
    uint32_t number;
    struct kfs_inode inode;
    uint8_t block[KFS_BLOCK_BYTES];
    unsigned used, last; /* bytes; where the last entry starts */
};

static void flush_directory(struct directory *d)
{
    if (!d->used) return;
    struct kfs_dirent *last = (void *)(d->block + d->last);
    last->bytes = (uint16_t)(KFS_BLOCK_BYTES - d->last); /* the last entry fills the block */
    put(take_position(&d->inode, d->inode.size / KFS_BLOCK_BYTES), d->block);
    d->inode.size += KFS_BLOCK_BYTES;
    memset(d->block, 0, sizeof d->block);
    d->used = 0;
}

static void add_name(struct directory *d, const char *name, uint32_t inode, unsigned mode)
{
    size_t bytes = strlen(name);
    const char *wrong = kfs_name_wrong(name, bytes);
    if (wrong) fail(name, wrong);
    unsigned need_bytes = KFS_DIRENT_BYTES(bytes);
    if (d->used + need_bytes > KFS_BLOCK_BYTES) flush_directory(d);
    struct kfs_dirent *entry = (void *)(d->block + d->used);
    *entry = (struct kfs_dirent){
        .inode = inode, .bytes = (uint16_t)need_bytes, .name_bytes = (uint8_t)bytes, .type = (uint8_t)(mode >> 12)};
    memcpy(entry->name, name, bytes);
    d->last = d->used;
    d->used += need_bytes;
}

static struct directory *start_directory(uint32_t number, uint32_t parent, unsigned mode)
{
    struct directory *d = need(calloc(1, sizeof *d));
    d->number = number;
    d->inode = new_inode(S_IFDIR | (mode & 07777));
    d->inode.links = 2;
    add_name(d, ".", number, S_IFDIR);
    add_name(d, "..", parent, S_IFDIR);
    return d;
}

static void end_directory(struct directory *d)
{
    flush_directory(d);
    put_inode(d->number, &d->inode);
    free(d);
}

static bool all_zero(const uint8_t *block) { return !block[0] && !memcmp(block, block + 1, KFS_BLOCK_BYTES - 1); }

/* A file of gigabytes may be nearly empty: goes on where there is data again. The blocks that were passed over. */
static uint64_t skip_hole(int fd, uint64_t at, struct kfs_inode *inode)
{
    off_t data = lseek(fd, (off_t)at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) data = lseek(fd, 0, SEEK_END); /* no more data */
    uint64_t blocks = data > (off_t)at ? ((uint64_t)data - at) / KFS_BLOCK_BYTES : 0;
    lseek(fd, (off_t)(at + blocks * KFS_BLOCK_BYTES), SEEK_SET);
    inode->size += blocks * KFS_BLOCK_BYTES;
    return blocks;
}

static void copy_file(const char *path, struct kfs_inode *inode)
{
    uint8_t block[KFS_BLOCK_BYTES];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) fail(path, strerror(errno));
    struct stat st;
    bool sparse = !fstat(fd, &st) && st.st_blocks * 512 < st.st_size;
    for (uint64_t position = 0;; position++) {
        size_t have = 0;
        position += sparse ? skip_hole(fd, position * KFS_BLOCK_BYTES, inode) : 0;
        ssize_t n = 1;
        while (have < sizeof block && (n = read(fd, block + have, sizeof block - have)) > 0) have += (size_t)n;
        if (n < 0) fail(path, strerror(errno));
        if (!have) break;
        memset(block + have, 0, sizeof block - have);
        if (!all_zero(block)) put(take_position(inode, position), block);
        inode->size += have;
        if (have < sizeof block) break;
    }
    close(fd);
}

static void copy_link(const char *path, struct kfs_inode *inode)
{
    uint8_t block[KFS_BLOCK_BYTES] = {0};
    ssize_t bytes = readlink(path, (char *)block, sizeof block - 1);
    if (bytes < 0) fail(path, strerror(errno));
    inode->size = (uint64_t)bytes;
    if ((size_t)bytes <= KFS_SHORT_SYMLINK)
        memcpy(inode->symlink, block, (size_t)bytes);
    else
        put(take_position(inode, 0), block);
}

/* Files with several names that were met before. */
struct seen {
    dev_t dev;
    ino_t ino;
    uint32_t number;
};
static struct seen *seen;
static size_t seen_count;

static uint32_t seen_before(const struct stat *st)
{
    for (size_t i = 0; i < seen_count; i++)
        if (seen[i].dev == st->st_dev && seen[i].ino == st->st_ino) return seen[i].number;
    return 0;
}

static void copy_tree(const char *path, struct directory *d, uint32_t parent);

static void copy_entry(const char *path, const char *name, struct directory *parent)
{
    struct stat st;
    if (lstat(path, &st)) fail(path, strerror(errno));
    uint32_t number = S_ISDIR(st.st_mode) || st.st_nlink < 2 ? 0 : seen_before(&st);
    if (number) {
        struct kfs_inode old;
        image_inode(&disk, number, &old);
        old.links++;
        put_inode(number, &old);
        add_name(parent, name, number, st.st_mode);
        return;
    }
    number = take_inode();
    add_name(parent, name, number, st.st_mode);
    if (S_ISDIR(st.st_mode)) {
        parent->inode.links++;
        struct directory *d = start_directory(number, parent->number, st.st_mode);
        copy_tree(path, d, parent->number);
        end_directory(d);
        return;
    }
    struct kfs_inode inode = new_inode(st.st_mode & (S_IFMT | 07777));
    if (S_ISREG(st.st_mode)) copy_file(path, &inode);
    if (S_ISLNK(st.st_mode)) copy_link(path, &inode);
    if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) {
        unsigned major = (unsigned)(st.st_rdev >> 8 & 0xfff),
                 minor = (unsigned)((st.st_rdev & 0xff) | (st.st_rdev >> 12 & 0xfff00));
        inode.rdev = (minor & 0xff) | major << 8 | (minor & ~0xffu) << 12;
    }
    put_inode(number, &inode);
    if (st.st_nlink > 1) {
        seen = need(realloc(seen, (seen_count + 1) * sizeof *seen));
        seen[seen_count++] = (struct seen){st.st_dev, st.st_ino, number};
    }
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static void copy_tree(const char *path, struct directory *d, uint32_t parent)
{
    struct dirent **list;
    (void)parent;
    int n = scandir(path, &list, 0, by_name);
    if (n < 0) fail(path, strerror(errno));
    for (int i = 0; i < n; i++) {
        const char *name = list[i]->d_name;
        if (strcmp(name, ".") && strcmp(name, "..")) {
            char *full;
            if (asprintf(&full, "%s/%s", path, name) < 0) need(0);
            copy_entry(full, name, d);
            free(full);
        }
        free(list[i]);
    }
    free(list);
}

/* Device files of the root's directory `dev`, from a list of "name type major minor mode". */
static void add_devices(struct directory *root, const char *list)
{
    FILE *file = fopen(list, "r");
    if (!file) fail(list, strerror(errno));
    uint32_t number = take_inode();
    struct directory *d = start_directory(number, root->number, 0755);
    char line[256], name[200], type;
    unsigned major, minor, mode;
    add_name(root, "dev", number, S_IFDIR);
    root->inode.links++;
    while (fgets(line, sizeof line, file)) {
        if (line[0] == '#' || line[0] == '\n') continue;
        if (sscanf(line, "%199s %c %u %u %o", name, &type, &major, &minor, &mode) != 5 || (type != 'c' && type != 'b'))
            fail(list, "a line is not `name c|b major minor mode'");
        struct kfs_inode inode = new_inode((type == 'c' ? S_IFCHR : S_IFBLK) | (mode & 07777));
        inode.rdev = (minor & 0xff) | major << 8 | (minor & ~0xffu) << 12;
        uint32_t device = take_inode();
        add_name(d, name, device, inode.mode);
        put_inode(device, &inode);
    }
    fclose(file);
    end_directory(d);
}

static uint64_t number_of(const char *text, const char *option)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 0);
    unsigned shift = *end == 'K' || *end == 'k'   ? 10
                     : *end == 'M' || *end == 'm' ? 20
                     : *end == 'G' || *end == 'g' ? 30
                                                  : 0;
    if (shift) end++;
    if (errno || end == text || *end || text[0] == '-' || value > UINT64_MAX >> shift) fail(option, "wants a number");
    return (uint64_t)value << shift;
}

/* Where everything goes. */
static void lay_out(uint64_t blocks, uint64_t inodes, uint64_t log_blocks, const char *label)
{
    struct kfs_super *s = &disk.super;
    if (!inodes) inodes = blocks / 4 < 64 ? 64 : blocks / 4;
    inodes = (inodes + KFS_INODES_BLOCK - 1) / KFS_INODES_BLOCK * KFS_INODES_BLOCK;
    if (!log_blocks) log_blocks = blocks / 32 < KFS_LOG_MIN ? KFS_LOG_MIN : blocks / 32 > 4096 ? 4096 : blocks / 32;
    if (blocks < KFS_BLOCKS_MIN || blocks > KFS_BLOCKS_MAX)
        fail(disk.path, "the size is not between 256 KiB and 16 TiB");
    if (inodes > KFS_BLOCKS_MAX || log_blocks < KFS_LOG_MIN || log_blocks > blocks)
        fail(disk.path, "-N or -J is impossible");
    *s = (struct kfs_super){.magic = KFS_MAGIC, .version = KFS_VERSION, .state = KFS_STATE_CLEAN};
    s->block_bytes = KFS_BLOCK_BYTES;
    s->blocks = (uint32_t)blocks;
    s->inodes = (uint32_t)inodes;
    s->inode_bitmap = KFS_SUPER_BLOCK + 1;
    s->block_bitmap = s->inode_bitmap + (s->inodes + KFS_BITS_BLOCK - 1) / KFS_BITS_BLOCK;
    s->inode_table = s->block_bitmap + (uint32_t)((blocks + KFS_BITS_BLOCK - 1) / KFS_BITS_BLOCK);
    s->log_start = s->inode_table + s->inodes / KFS_INODES_BLOCK;
    s->log_blocks = (uint32_t)log_blocks;
    s->data_start = s->log_start + s->log_blocks;
    s->made_at = (uint64_t)(time_ns / 1000000000);
    strncpy(s->label, label, sizeof s->label - 1);
    for (unsigned i = 0; i < 16; i += 4) { /* an identity that a second run gives again */
        uint32_t crc = kfs_crc(i, s, sizeof *s);
        memcpy(s->uuid + i, &crc, 4);
    }
    s->checksum = kfs_super_checksum(s);
    const char *wrong = kfs_super_wrong(s, blocks);
    if (wrong) fail(disk.path, wrong);
}

static void clear_areas(void)
{
    static const uint8_t zeros[KFS_BLOCK_BYTES];
    uint8_t log[KFS_BLOCK_BYTES];
    for (uint32_t b = 0; b < disk.super.log_start; b++) put(b, zeros);
    kfs_log_format(log, 1, 1);
    put(disk.super.log_start, log);
    put(disk.super.log_start + 1, zeros); /* no transaction of an earlier life follows the header */
}

static void put_bitmap(uint32_t first, const uint8_t *bits, uint32_t count)
{
    for (uint32_t i = 0; i < (count + KFS_BITS_BLOCK - 1) / KFS_BITS_BLOCK; i++)
        put(first + i, bits + (size_t)i * KFS_BLOCK_BYTES);
}

static uint8_t *new_bits(uint32_t count)
{
    size_t bytes = ((size_t)count + KFS_BITS_BLOCK - 1) / KFS_BITS_BLOCK * KFS_BLOCK_BYTES;
    uint8_t *bits = need(calloc(1, bytes));
    for (uint64_t n = count; n < bytes * 8; n++) bits[n / 8] |= (uint8_t)(1u << n % 8);
    return bits;
}

static void put_supers(void)
{
    for (unsigned replica = 0; replica < 3; replica++) {
        uint8_t block[KFS_BLOCK_BYTES] = {0};
        disk.super.replica = replica;
        disk.super.checksum = kfs_super_checksum(&disk.super);
        memcpy(block, &disk.super, sizeof disk.super);
        put(kfs_replica_block(disk.super.blocks, replica), block);
    }
}

static void usage(void)
{
    fprintf(
        stderr,
        "usage: mkfs.kfs [-s SIZE] [-d FOLDER] [-D DEVICE-LIST] [-L LABEL] [-N INODES] [-J LOG-BLOCKS] [-T SECONDS] "
        "IMAGE\n");
    exit(2);
}

/* A regular file is emptied and gets that size; a device or a partition keeps its own. */
static void set_size(const char *path, uint64_t size)
{
    struct stat st;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || fstat(fd, &st)) fail(path, strerror(errno));
    if (S_ISREG(st.st_mode) && (ftruncate(fd, 0) || ftruncate(fd, (off_t)size))) fail(path, strerror(errno));
    close(fd);
}

int main(int argc, char **argv)
{
    const char *folder = 0, *label = "", *devices = 0;
    uint64_t size = 0, inodes = 0, log_blocks = 0;
    for (int option; (option = getopt(argc, argv, "s:d:D:L:N:J:T:")) != -1;) {
        switch (option) {
        case 's': size = number_of(optarg, "-s"); break;
        case 'd': folder = optarg; break;
        case 'D': devices = optarg; break;
        case 'L': label = optarg; break;
        case 'N': inodes = number_of(optarg, "-N"); break;
        case 'J': log_blocks = number_of(optarg, "-J"); break;
        case 'T': time_ns = (int64_t)(number_of(optarg, "-T") % 9000000000ull) * 1000000000; break;
        default: usage();
        }
    }
    if (optind + 1 != argc) usage();
    const char *path = argv[optind];
    if (size) set_size(path, size);
    if (!image_open(&disk, "mkfs.kfs", path, true)) return 2;
    lay_out(size && size / KFS_BLOCK_BYTES < disk.blocks ? size / KFS_BLOCK_BYTES : disk.blocks, inodes, log_blocks,
            label);
    disk.blocks = disk.super.blocks;
    inode_bits = new_bits(disk.super.inodes);
    block_bits = new_bits(disk.super.blocks);
    clear_areas();
    for (uint32_t b = 0; b < disk.super.data_start; b++) mark(block_bits, b);
    for (unsigned replica = 1; replica < 3; replica++) mark(block_bits, kfs_replica_block(disk.super.blocks, replica));
    for (uint32_t i = 0; i < KFS_FIRST_INODE; i++) mark(inode_bits, i);
    next_block = disk.super.data_start;

    struct directory *root = start_directory(KFS_ROOT_INODE, KFS_ROOT_INODE, 0755);
    if (folder) copy_tree(folder, root, KFS_ROOT_INODE);
    if (devices) add_devices(root, devices);
    end_directory(root);
    put_bitmap(disk.super.inode_bitmap, inode_bits, disk.super.inodes);
    put_bitmap(disk.super.block_bitmap, block_bits, disk.super.blocks);
    put_supers();
    if (image_flush(&disk)) fail(path, "cannot be written");
    return 0;
}
