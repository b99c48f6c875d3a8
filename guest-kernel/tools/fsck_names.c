/*
 * fsck_names.c - the tree of names: directories, what hangs on them, link counts.
 */
#include <stdio.h>
#include <string.h>

#include "tools/fsck.h"

static struct kfs_dirent *entry_at(uint8_t *block, unsigned at) { return (void *)(block + at); }

static void empty_block(uint8_t *block)
{
    memset(block, 0, KFS_BLOCK_BYTES);
    entry_at(block, 0)->bytes = KFS_BLOCK_BYTES;
}

/* Puts "." and ".." at the start of an emptied first block. */
static void put_dots(uint8_t *block, uint32_t self, uint32_t parent)
{
    empty_block(block);
    struct kfs_dirent *dot = entry_at(block, 0), *dots = entry_at(block, 12);
    *dot = (struct kfs_dirent){.inode = self, .bytes = 12, .name_bytes = 1, .type = 4};
    dot->name[0] = '.';
    *dots = (struct kfs_dirent){.inode = parent, .bytes = KFS_BLOCK_BYTES - 12, .name_bytes = 2, .type = 4};
    memcpy(dots->name, "..", 2);
}

static bool name_is(const struct kfs_dirent *entry, const char *name)
{
    return entry->inode && entry->name_bytes == strlen(name) && !memcmp(entry->name, name, entry->name_bytes);
}

/* One name. True: the entry was changed. */
static bool check_entry(struct fsck *f, uint32_t directory, struct kfs_dirent *entry)
{
    uint32_t to = entry->inode;
    const char *wrong = 0;
    if (!to || name_is(entry, ".") || name_is(entry, "..")) return false;
    if (to >= f->image->super.inodes || to < KFS_ROOT_INODE)
        wrong = "leads to an impossible inode";
    else if (!f->inode[to].mode)
        wrong = "leads to a free inode";
    else if (fsck_is_dir(&f->inode[to]) && (to == KFS_ROOT_INODE || f->parent[to]))
        wrong = "is a second name of a directory";
    if (wrong) {
        if (!fsck_problem(f, "directory %u: name `%.*s' %s", directory, entry->name_bytes, entry->name, wrong))
            return false;
        entry->inode = 0;
        return true;
    }
    f->names[to]++;
    if (fsck_is_dir(&f->inode[to])) f->parent[to] = directory;
    unsigned type = f->inode[to].mode >> 12;
    if (entry->type == type ||
        !fsck_problem(f, "directory %u: name `%.*s' has the wrong type", directory, entry->name_bytes, entry->name))
        return false;
    entry->type = (uint8_t)type;
    return true;
}

/* A block of a directory that is missing or cannot be used gets a new, empty content. */
static uint32_t directory_block(struct fsck *f, uint32_t number, uint64_t position, uint8_t *block, bool *changed)
{
    struct kfs_inode *inode = &f->inode[number];
    uint32_t at = image_block_of(f->image, inode, position);
    const char *wrong = !at                               ? "has a hole"
                        : image_read(f->image, at, block) ? "cannot be read"
                                                          : kfs_dirblock_wrong(block);
    if (!wrong) return at;
    bool mend = fsck_problem(f, "directory %u: block %llu: %s: emptied", number, (unsigned long long)position, wrong);
    empty_block(block);
    if (!mend) return 0;
    if (!at && position < KFS_DIRECT && !inode->direct[position]) {
        at = fsck_take_block(f);
        inode->direct[position] = at;
        inode->blocks += at != 0;
        f->changed[number] = true;
    } else if (!at) { /* too deep to mend in place: the directory ends here */
        inode->size = position ? position * KFS_BLOCK_BYTES : KFS_BLOCK_BYTES;
        f->changed[number] = true;
    }
    *changed = true;
    return at;
}

static void check_directory(struct fsck *f, uint32_t number)
{
    uint8_t block[KFS_BLOCK_BYTES];
    for (uint64_t position = 0; position < f->inode[number].size / KFS_BLOCK_BYTES; position++) {
        bool changed = false;
        uint32_t at = directory_block(f, number, position, block, &changed);
        if (position == 0 && (!name_is(entry_at(block, 0), ".") || entry_at(block, 0)->inode != number ||
                              entry_at(block, 0)->bytes != 12 || !name_is(entry_at(block, 12), ".."))) {
            if (fsck_problem(f, "directory %u: does not start with `.' and `..'", number)) {
                put_dots(block, number, KFS_ROOT_INODE);
                changed = true;
            }
        }
        for (unsigned i = 0; i < KFS_BLOCK_BYTES; i += entry_at(block, i)->bytes)
            changed |= check_entry(f, number, entry_at(block, i));
        if (changed && at) image_write(f->image, at, block);
    }
}

void fsck_directories(struct fsck *f)
{
    struct kfs_inode *root = &f->inode[KFS_ROOT_INODE];
    if (!fsck_is_dir(root) && fsck_problem(f, "the root directory is missing: made anew")) {
        uint8_t block[KFS_BLOCK_BYTES];
        uint32_t at = fsck_take_block(f);
        *root = (struct kfs_inode){.mode = 0040755, .links = 2, .size = KFS_BLOCK_BYTES, .blocks = 1, .generation = 1};
        root->direct[0] = at;
        put_dots(block, KFS_ROOT_INODE, KFS_ROOT_INODE);
        if (at) image_write(f->image, at, block);
        f->changed[KFS_ROOT_INODE] = true;
    }
    f->parent[KFS_ROOT_INODE] = KFS_ROOT_INODE;
    for (uint32_t n = KFS_ROOT_INODE; n < f->image->super.inodes; n++)
        if (fsck_is_dir(&f->inode[n]) && (f->inode[n].links || n == KFS_ROOT_INODE)) check_directory(f, n);
}

/* Connections. */

/* Adds a name to the directory; false: no room. */
static bool add_name(struct fsck *f, uint32_t directory, const char *name, uint32_t to)
{
    uint8_t block[KFS_BLOCK_BYTES];
    struct kfs_inode *inode = &f->inode[directory];
    unsigned bytes = (unsigned)strlen(name), wanted = KFS_DIRENT_BYTES(bytes);
    for (uint64_t position = 0; position <= inode->size / KFS_BLOCK_BYTES; position++) {
        uint32_t at = image_block_of(f->image, inode, position);
        if (position == inode->size / KFS_BLOCK_BYTES) { /* one block more */
            if (position >= KFS_DIRECT || inode->direct[position] || !(at = fsck_take_block(f))) return false;
            inode->direct[position] = at;
            inode->blocks++;
            inode->size += KFS_BLOCK_BYTES;
            f->changed[directory] = true;
            empty_block(block);
        } else if (!at || image_read(f->image, at, block) || kfs_dirblock_wrong(block)) {
            continue;
        }
        for (unsigned i = 0; i < KFS_BLOCK_BYTES; i += entry_at(block, i)->bytes) {
            struct kfs_dirent *entry = entry_at(block, i);
            unsigned own = entry->inode ? KFS_DIRENT_BYTES(entry->name_bytes) : 0;
            if (entry->bytes - own < wanted) continue;
            if (own) {
                entry_at(block, i + own)->bytes = (uint16_t)(entry->bytes - own);
                entry->bytes = (uint16_t)own;
                entry = entry_at(block, i + own);
            }
            entry->inode = to;
            entry->name_bytes = (uint8_t)bytes;
            entry->type = (uint8_t)(f->inode[to].mode >> 12);
            memcpy(entry->name, name, bytes);
            image_write(f->image, at, block);
            f->names[to]++;
            return true;
        }
    }
    return false;
}

static uint32_t find_name(struct fsck *f, uint32_t directory, const char *name)
{
    uint8_t block[KFS_BLOCK_BYTES];
    for (uint64_t position = 0; position < f->inode[directory].size / KFS_BLOCK_BYTES; position++) {
        uint32_t at = image_block_of(f->image, &f->inode[directory], position);
        if (!at || image_read(f->image, at, block) || kfs_dirblock_wrong(block)) continue;
        for (unsigned i = 0; i < KFS_BLOCK_BYTES; i += entry_at(block, i)->bytes)
            if (name_is(entry_at(block, i), name)) return entry_at(block, i)->inode;
    }
    return 0;
}

/* /lost+found, made if need be; 0: impossible. */
static uint32_t lost_and_found(struct fsck *f)
{
    uint8_t block[KFS_BLOCK_BYTES];
    uint32_t there = find_name(f, KFS_ROOT_INODE, "lost+found");
    if (there) return there < f->image->super.inodes && fsck_is_dir(&f->inode[there]) ? there : KFS_ROOT_INODE;
    for (uint32_t n = KFS_FIRST_INODE; n < f->image->super.inodes; n++) {
        if (f->inode[n].mode) continue;
        uint32_t at = fsck_take_block(f);
        if (!at) return 0;
        f->inode[n] =
            (struct kfs_inode){.mode = 0040700, .links = 2, .size = KFS_BLOCK_BYTES, .blocks = 1, .generation = 1};
        f->inode[n].direct[0] = at;
        put_dots(block, n, KFS_ROOT_INODE);
        image_write(f->image, at, block);
        f->changed[n] = true;
        if (!add_name(f, KFS_ROOT_INODE, "lost+found", n)) return 0;
        f->parent[n] = KFS_ROOT_INODE;
        return n;
    }
    return 0;
}

static void set_dots(struct fsck *f, uint32_t number, uint32_t parent)
{
    uint8_t block[KFS_BLOCK_BYTES];
    uint32_t at = image_block_of(f->image, &f->inode[number], 0);
    if (!at || image_read(f->image, at, block) || kfs_dirblock_wrong(block)) return;
    if (!name_is(entry_at(block, 12), "..") || entry_at(block, 12)->inode == parent) return;
    if (!fsck_problem(f, "directory %u: `..' leads to %u, not %u", number, entry_at(block, 12)->inode, parent)) return;
    entry_at(block, 12)->inode = parent;
    image_write(f->image, at, block);
}

static void free_blocks(struct fsck *f, uint32_t pointer, int level)
{
    uint32_t table[KFS_POINTERS];
    if (!pointer || !image_is_data(f->image, pointer) || !fsck_used(f, pointer)) return;
    f->used[pointer / 8] &= (uint8_t) ~(1u << pointer % 8);
    f->blocks_used--;
    if (!level || image_read(f->image, pointer, table)) return;
    for (unsigned i = 0; i < KFS_POINTERS; i++) free_blocks(f, table[i], level - 1);
}

static void delete_inode(struct fsck *f, uint32_t number)
{
    struct kfs_inode *inode = &f->inode[number];
    if (!fsck_short_link(inode)) {
        for (unsigned i = 0; i < KFS_DIRECT; i++) free_blocks(f, inode->direct[i], 0);
        for (int i = 0; i < 3; i++) free_blocks(f, inode->indirect[i], i + 1);
    }
    memset(inode, 0, sizeof *inode);
    f->changed[number] = true;
    f->files--;
}

/* Does climbing from the directory reach the root? */
static bool reaches_root(struct fsck *f, uint32_t number)
{
    for (uint32_t steps = 0; steps < f->image->super.inodes; steps++) {
        if (number == KFS_ROOT_INODE) return true;
        number = f->parent[number];
        if (!number) return false;
    }
    return false;
}

static void rescue(struct fsck *f, uint32_t number)
{
    char name[16];
    if (!fsck_problem(f, "inode %u has no name: put into /lost+found", number)) return;
    uint32_t home = lost_and_found(f);
    snprintf(name, sizeof name, "#%u", number);
    if (!home || home == number || !add_name(f, home, name, number)) {
        f->left++;
        return;
    }
    if (fsck_is_dir(&f->inode[number])) {
        f->parent[number] = home;
        set_dots(f, number, home);
    }
}

void fsck_connections(struct fsck *f)
{
    for (uint32_t n = KFS_FIRST_INODE; n < f->image->super.inodes; n++) {
        if (!f->inode[n].mode || f->names[n]) continue;
        if (f->inode[n].links)
            rescue(f, n);
        else if (fsck_problem(f, "inode %u: was deleted while open", n))
            delete_inode(f, n);
    }
    for (uint32_t n = KFS_FIRST_INODE; n < f->image->super.inodes; n++) {
        if (!fsck_is_dir(&f->inode[n]) || !f->parent[n]) continue;
        if (reaches_root(f, n)) {
            set_dots(f, n, f->parent[n]);
        } else { /* a circle of directories: cut it here */
            f->names[n] = 0;
            rescue(f, n);
        }
    }
}

void fsck_links(struct fsck *f)
{
    uint32_t inodes = f->image->super.inodes;
    uint32_t *wanted = need(__builtin_calloc(inodes, sizeof *wanted));
    for (uint32_t n = KFS_ROOT_INODE; n < inodes; n++) {
        if (!f->inode[n].mode) continue;
        wanted[n] += fsck_is_dir(&f->inode[n]) ? 2 : f->names[n];
        if (fsck_is_dir(&f->inode[n]) && n != KFS_ROOT_INODE && f->parent[n]) wanted[f->parent[n]]++;
    }
    for (uint32_t n = KFS_ROOT_INODE; n < inodes; n++) {
        if (!f->inode[n].mode || f->inode[n].links == wanted[n] || (!f->names[n] && n != KFS_ROOT_INODE)) continue;
        if (!fsck_problem(f, "inode %u: %u links, not %u", n, wanted[n], f->inode[n].links)) continue;
        f->inode[n].links = wanted[n];
        f->changed[n] = true;
    }
    __builtin_free(wanted);
}
