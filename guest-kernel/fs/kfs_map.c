/*
 * kfs_map.c - from a position in a file to a block of the disk: direct pointers, then one, two, three levels of pointer blocks.
 *
 * Pointers come from the disk and are checked before use. A file is shortened from its end, a bounded number of blocks in each
 * transaction; a crash between two of them finds a valid, shorter file and a note in the inode to go on (kfs_inode.c).
 */
#include "fs/kfs.h"

static uint32_t *root_slot(struct kfs_file *file, int level, const unsigned *index)
{
    return level ? &file->indirect[index[0]] : &file->direct[index[0]];
}

static int check_pointer(struct kfs *kfs, uint32_t block)
{
    return !block || kfs_is_data(kfs, block) ? 0 : kfs_damaged(kfs, "pointer out of range", block);
}

int kfs_map(struct kfs_file *file, uint64_t position, uint32_t *block)
{
    struct kfs *kfs = kfs_of(&file->inode);
    unsigned index[4];
    int level = kfs_path_to(position, index), error;
    if (level < 0) return -EFBIG;
    *block = *root_slot(file, level, index);
    for (int i = 1; i <= level && *block; i++) {
        if ((error = check_pointer(kfs, *block))) return error;
        struct buffer *buffer = buffer_get(&kfs->cache, *block);
        if (IS_ERR(buffer)) return (int)PTR_ERR(buffer);
        *block = ((uint32_t *)(void *)buffer->data)[index[i]];
        buffer_put(&kfs->cache, buffer);
    }
    return check_pointer(kfs, *block);
}

unsigned kfs_map_cost(struct kfs_file *file, uint64_t position)
{
    struct kfs *kfs = kfs_of(&file->inode);
    unsigned index[4];
    int level = kfs_path_to(position, index);
    if (level < 0) return 0;
    uint32_t block = *root_slot(file, level, index);
    for (int i = 1; i <= level; i++) {
        if (!block || !kfs_is_data(kfs, block)) return (unsigned)(level - i) + 2;
        struct buffer *buffer = buffer_get(&kfs->cache, block);
        if (IS_ERR(buffer)) return (unsigned)(level - i) + 2;
        block = ((uint32_t *)(void *)buffer->data)[index[i]];
        buffer_put(&kfs->cache, buffer);
    }
    return block ? 0 : 1;
}

/* Takes a block and writes its number to *slot; `parent` is the buffer that holds the slot (NULL: the inode). */
static int take_block(struct kfs_file *file, struct handle *handle, struct buffer *parent, uint32_t *slot,
                      bool promised, bool pointers)
{
    struct kfs *kfs = kfs_of(&file->inode);
    uint32_t block;
    int error = parent ? journal_join(handle, parent) : 0;
    if (!error) error = kfs_alloc_block(kfs, handle, file->goal, promised, &block);
    if (error) return error;
    if (pointers) { /* a pointer block or directory block starts as zeros */
        struct buffer *fresh = buffer_new(&kfs->cache, block);
        error = IS_ERR(fresh) ? (int)PTR_ERR(fresh) : journal_join(handle, fresh);
        if (!IS_ERR(fresh)) buffer_put(&kfs->cache, fresh);
        if (error) {
            kfs_return_block(kfs, handle, block);
            return error;
        }
    }
    *slot = block;
    file->goal = block + 1;
    file->blocks++;
    return 0;
}

int kfs_map_new(struct kfs_file *file, struct handle *handle, uint64_t position, bool promised, bool metadata,
                uint32_t *block)
{
    struct kfs *kfs = kfs_of(&file->inode);
    unsigned index[4];
    int level = kfs_path_to(position, index);
    if (level < 0) return -EFBIG;
    uint32_t *slot = root_slot(file, level, index);
    struct buffer *parent = 0;
    int error = 0;
    for (int i = 0; i <= level && !error; i++) {
        if (!*slot) error = take_block(file, handle, parent, slot, promised, i < level || metadata);
        if (!error) error = check_pointer(kfs, *slot);
        if (error || i == level) break;
        struct buffer *next = buffer_get(&kfs->cache, *slot);
        if (parent) buffer_put(&kfs->cache, parent);
        parent = IS_ERR(next) ? 0 : next;
        if (!parent) return (int)PTR_ERR(next);
        slot = &((uint32_t *)(void *)parent->data)[index[i + 1]];
    }
    *block = error ? 0 : *slot;
    if (parent) buffer_put(&kfs->cache, parent);
    return error;
}

void kfs_map_undo(struct kfs_file *file, struct handle *handle, uint64_t position)
{
    struct kfs *kfs = kfs_of(&file->inode);
    unsigned index[4];
    int level = kfs_path_to(position, index);
    uint32_t *slot = root_slot(file, level, index);
    struct buffer *parent = 0;
    for (int i = 1; i <= level; i++) { /* all of them are in the transaction */
        struct buffer *next = buffer_get(&kfs->cache, *slot);
        if (parent) buffer_put(&kfs->cache, parent);
        if (IS_ERR(next)) return;
        parent = next;
        slot = &((uint32_t *)(void *)parent->data)[index[i]];
    }
    kfs_return_block(kfs, handle, *slot);
    *slot = 0;
    file->blocks--;
    if (parent) buffer_put(&kfs->cache, parent);
}

static uint64_t span(int level) /* positions below one pointer at that level */
{
    return level == 0   ? 1
           : level == 1 ? KFS_POINTERS
           : level == 2 ? (uint64_t)KFS_POINTERS * KFS_POINTERS
                        : (uint64_t)KFS_POINTERS * KFS_POINTERS * KFS_POINTERS;
}

#define TRIM_CREDITS 4 /* one step: a bitmap block, a pointer block, the inode */

static bool is_metadata(const struct kfs_file *file) { return !S_ISREG(file->inode.mode); }

/* Frees what lies at or behind position `keep` below the pointer *slot, which stands at position `at`. -EAGAIN: out of credits. */
static int trim(struct kfs_file *file, struct handle *handle, uint32_t *slot, int level, uint64_t at, uint64_t keep)
{
    struct kfs *kfs = kfs_of(&file->inode);
    int error;
    if (!*slot || at + span(level) <= keep) return 0;
    if (handle->credits < TRIM_CREDITS) return -EAGAIN;
    if (level) {
        if ((error = check_pointer(kfs, *slot))) return error;
        struct buffer *buffer = buffer_get(&kfs->cache, *slot);
        if (IS_ERR(buffer)) return (int)PTR_ERR(buffer);
        uint32_t *pointers = (void *)buffer->data;
        /* what will be freed as a whole need not be written first, unless we may have to stop half-way: so always join */
        error = journal_join(handle, buffer);
        for (int i = (int)KFS_POINTERS - 1; i >= 0 && !error; i--)
            error = trim(file, handle, &pointers[i], level - 1, at + (uint64_t)i * span(level - 1), keep);
        buffer_put(&kfs->cache, buffer);
        if (error || at < keep) return error;
    }
    error = kfs_free_block(kfs, handle, *slot, level || is_metadata(file));
    if (error == -EUCLEAN) error = 0; /* a pointer that points at nothing of ours: only forget it */
    if (error) return error;
    *slot = 0;
    file->blocks -= file->blocks ? 1 : 0;
    return 0;
}

int kfs_map_trim(struct kfs_file *file, struct handle *handle, uint64_t size)
{
    static const uint64_t starts[3] = {KFS_START_SINGLE, KFS_START_DOUBLE, KFS_START_TRIPLE};
    uint64_t keep = (size + KFS_BLOCK_BYTES - 1) / KFS_BLOCK_BYTES;
    int error = 0;
    for (int i = 2; i >= 0 && !error; i--) error = trim(file, handle, &file->indirect[i], i + 1, starts[i], keep);
    for (int i = (int)KFS_DIRECT - 1; i >= 0 && !error; i--)
        error = trim(file, handle, &file->direct[i], 0, (uint64_t)i, keep);
    return error;
}
