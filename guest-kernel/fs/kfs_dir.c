/*
 * kfs_dir.c - directories: files made of names (kfs_format.h has the picture).
 *
 * A name is looked for from the start to the end, or in a large directory by its hash (kfs_index.c). A new one goes into the first gap that
 * is large enough; a removed one leaves its room to the entry before it. Blocks are metadata: they go through the buffer cache and
 * the log.
 */
#include "fs/kfs.h"

#include "base/string.h"

static struct kfs_dirent *entry_at(struct buffer *buffer, unsigned at) { return (void *)(buffer->data + at); }

/* Block n of the directory, checked. */
static struct buffer *dir_block(struct inode *directory, uint64_t n)
{
    struct kfs *kfs = kfs_of(directory);
    struct kfs_file *file = kfs_file(directory);
    uint32_t block;
    mutex_lock(&file->map_lock);
    int error = kfs_map(file, n, &block);
    mutex_unlock(&file->map_lock);
    if (!error && !block) error = kfs_damaged(kfs, "hole in directory", directory->ino);
    if (error) return ERR_PTR(error);
    struct buffer *buffer = buffer_get(&kfs->cache, block);
    if (IS_ERR(buffer) || buffer->checked) return buffer;
    if (!kfs_dirblock_wrong(buffer->data)) {
        buffer->checked = true;
        return buffer;
    }
    buffer_put(&kfs->cache, buffer);
    return ERR_PTR(kfs_damaged(kfs, "damaged directory", directory->ino));
}

/* Finds the name in block n. -ENOENT. */
static int find_in_block(struct inode *directory, uint32_t n, const struct name *name, struct kfs_place *place)
{
    struct buffer *buffer = dir_block(directory, n);
    if (IS_ERR(buffer)) return (int)PTR_ERR(buffer);
    for (unsigned at = 0; at < KFS_BLOCK_BYTES; at += entry_at(buffer, at)->bytes) {
        struct kfs_dirent *entry = entry_at(buffer, at);
        if (entry->inode && entry->name_bytes == name->bytes && !memcmp(entry->name, name->text, name->bytes)) {
            *place = (struct kfs_place){buffer, at, n};
            return 0;
        }
    }
    buffer_put(&kfs_of(directory)->cache, buffer);
    return -ENOENT;
}

static uint32_t blocks_of(const struct inode *directory) { return (uint32_t)(directory->size / KFS_BLOCK_BYTES); }

/* Notes all names of a directory that has become large. What cannot be read is left to the search without an index. */
static void build_index(struct inode *directory)
{
    struct kfs_file *file = kfs_file(directory);
    if (file->index || blocks_of(directory) < KFS_INDEX_BLOCKS || !kfs_index_start(file)) return;
    for (uint32_t n = 0; n < blocks_of(directory) && file->index; n++) {
        struct buffer *buffer = dir_block(directory, n);
        if (IS_ERR(buffer)) {
            kfs_index_drop(file);
            return;
        }
        for (unsigned at = 0; at < KFS_BLOCK_BYTES; at += entry_at(buffer, at)->bytes) {
            struct kfs_dirent *entry = entry_at(buffer, at);
            if (entry->inode) kfs_index_add(file, &(struct name){entry->name, entry->name_bytes}, n);
        }
        buffer_put(&kfs_of(directory)->cache, buffer);
    }
}

int kfs_dir_find(struct inode *directory, const struct name *name, uint32_t *number, struct kfs_place *place)
{
    struct kfs_file *file = kfs_file(directory);
    int error = -ENOENT;
    build_index(directory);
    uint32_t hash = file->index ? kfs_name_hash(name) : 0, step = 0, n = 0;
    if (file->index)
        while (error == -ENOENT && kfs_index_next(file, hash, &step, &n))
            error = find_in_block(directory, n, name, place);
    else
        for (; n < blocks_of(directory) && error == -ENOENT; n++) error = find_in_block(directory, n, name, place);
    if (!error) *number = entry_at(place->buffer, place->at)->inode;
    return error;
}

static void fill(struct kfs_dirent *entry, const struct name *name, uint32_t number, unsigned mode)
{
    entry->inode = number;
    entry->name_bytes = (uint8_t)name->bytes;
    entry->type = (uint8_t)(mode >> 12);
    memcpy(entry->name, name->text, name->bytes);
}

/* Room that the entry does not use itself. */
static unsigned spare_room(const struct kfs_dirent *entry)
{
    return entry->inode ? entry->bytes - KFS_DIRENT_BYTES(entry->name_bytes) : entry->bytes;
}

/* Puts the name into a gap of the block. -ENOSPC: there is none. */
static int add_to_block(struct handle *handle, struct buffer *buffer, const struct name *name, uint32_t number,
                        unsigned mode)
{
    unsigned need = KFS_DIRENT_BYTES(name->bytes);
    for (unsigned at = 0; at < KFS_BLOCK_BYTES; at += entry_at(buffer, at)->bytes) {
        struct kfs_dirent *entry = entry_at(buffer, at);
        if (spare_room(entry) < need) continue;
        int error = journal_join(handle, buffer);
        if (error) return error;
        if (entry->inode) { /* it keeps what it needs, the new entry gets the rest */
            unsigned own = KFS_DIRENT_BYTES(entry->name_bytes), rest = entry->bytes - own;
            entry->bytes = (uint16_t)own;
            entry = entry_at(buffer, at + own);
            memset(entry, 0, sizeof *entry);
            entry->bytes = (uint16_t)rest;
        }
        fill(entry, name, number, mode);
        return 0;
    }
    return -ENOSPC;
}

/* A new block at the end, one large gap. */
static struct buffer *add_block(struct inode *directory, struct handle *handle)
{
    struct kfs *kfs = kfs_of(directory);
    struct kfs_file *file = kfs_file(directory);
    uint32_t block;
    mutex_lock(&file->map_lock);
    int error = kfs_map_new(file, handle, directory->size / KFS_BLOCK_BYTES, false, true, &block);
    if (error && directory->size) kfs_store(file, handle); /* it may have got a pointer block; an unborn one has none */
    mutex_unlock(&file->map_lock);
    if (error) return ERR_PTR(error);
    struct buffer *buffer = buffer_get(&kfs->cache, block);
    if (IS_ERR(buffer)) return buffer;
    error = journal_join(handle, buffer);
    if (error) {
        buffer_put(&kfs->cache, buffer);
        return ERR_PTR(error);
    }
    memset(buffer->data, 0, KFS_BLOCK_BYTES); /* on a damaged disk it may be an old one */
    buffer->checked = true;
    entry_at(buffer, 0)->bytes = KFS_BLOCK_BYTES;
    directory->size += KFS_BLOCK_BYTES;
    file->disk_size = directory->size;
    return buffer;
}

static void touch(struct inode *directory, struct handle *handle)
{
    directory->mtime_ns = directory->ctime_ns = inode_now();
    kfs_store(kfs_file(directory), handle); /* cannot fail: prepared */
}

int kfs_dir_add(struct inode *directory, struct handle *handle, const struct name *name, uint32_t number, unsigned mode)
{
    struct kfs *kfs = kfs_of(directory);
    struct kfs_file *file = kfs_file(directory);
    int error = -ENOSPC;
    uint32_t n = file->room_from;
    for (; n < blocks_of(directory) && error == -ENOSPC; n += error == -ENOSPC) {
        struct buffer *buffer = dir_block(directory, n);
        if (IS_ERR(buffer)) return (int)PTR_ERR(buffer);
        error = add_to_block(handle, buffer, name, number, mode);
        buffer_put(&kfs->cache, buffer);
    }
    if (error == -ENOSPC) {
        struct buffer *buffer = add_block(directory, handle);
        if (IS_ERR(buffer)) return (int)PTR_ERR(buffer);
        error = add_to_block(handle, buffer, name, number, mode);
        buffer_put(&kfs->cache, buffer);
    }
    if (error) return error;
    if (file->index) file->room_from = n;
    kfs_index_add(file, name, n);
    touch(directory, handle);
    return 0;
}

int kfs_dir_prepare(struct inode *directory, struct handle *handle, const struct name *name, struct kfs_place *place)
{
    uint32_t number;
    int error = kfs_dir_find(directory, name, &number, place);
    if (error) {
        place->buffer = 0;
        return error;
    }
    error = journal_join(handle, place->buffer);
    if (error) kfs_dir_put(directory, place);
    return error;
}

void kfs_dir_put(struct inode *directory, struct kfs_place *place)
{
    if (place->buffer) buffer_put(&kfs_of(directory)->cache, place->buffer);
    place->buffer = 0;
}

void kfs_dir_remove(struct inode *directory, struct handle *handle, const struct name *name, struct kfs_place *place)
{
    struct kfs_dirent *entry = entry_at(place->buffer, place->at);
    unsigned before = 0, at = 0; /* the entry in front of it gets its room, in a block's first place nobody */
    for (; at < place->at; at += entry_at(place->buffer, at)->bytes) before = at;
    entry->inode = 0;
    if (before != place->at) {
        struct kfs_dirent *previous = entry_at(place->buffer, before);
        previous->bytes = (uint16_t)(previous->bytes + entry->bytes);
    }
    kfs_index_remove(kfs_file(directory), name, place->block);
    kfs_dir_put(directory, place);
    touch(directory, handle);
}

void kfs_dir_replace(struct inode *directory, struct handle *handle, uint32_t number, unsigned mode,
                     struct kfs_place *place)
{
    entry_at(place->buffer, place->at)->inode = number;
    entry_at(place->buffer, place->at)->type = (uint8_t)(mode >> 12);
    kfs_dir_put(directory, place);
    touch(directory, handle);
}

static bool is_dots(const struct kfs_dirent *entry)
{
    return kfs_name_is_dots(&(struct name){entry->name, entry->name_bytes});
}

int kfs_dir_is_empty(struct inode *directory)
{
    int empty = 1;
    for (uint64_t n = 0; n < directory->size / KFS_BLOCK_BYTES && empty == 1; n++) {
        struct buffer *buffer = dir_block(directory, n);
        if (IS_ERR(buffer)) return (int)PTR_ERR(buffer);
        for (unsigned at = 0; at < KFS_BLOCK_BYTES; at += entry_at(buffer, at)->bytes)
            if (entry_at(buffer, at)->inode && !is_dots(entry_at(buffer, at))) empty = 0;
        buffer_put(&kfs_of(directory)->cache, buffer);
    }
    return empty;
}

int kfs_dir_parent(struct inode *directory, uint32_t *parent)
{
    struct buffer *buffer = dir_block(directory, 0);
    if (IS_ERR(buffer)) return (int)PTR_ERR(buffer);
    struct kfs_dirent *dot = entry_at(buffer, 0), *dots = entry_at(buffer, KFS_DIRENT_BYTES(1));
    bool good = dot->bytes == KFS_DIRENT_BYTES(1) && dot->name_bytes == 1 && is_dots(dot) &&
                dot->inode == directory->ino && dots->inode && dots->name_bytes == 2 && is_dots(dots);
    *parent = dots->inode;
    buffer_put(&kfs_of(directory)->cache, buffer);
    return good ? 0 : kfs_damaged(kfs_of(directory), "directory without . and ..", directory->ino);
}

int kfs_dir_start(struct inode *directory, struct handle *handle, uint32_t parent)
{
    struct kfs *kfs = kfs_of(directory);
    struct buffer *buffer = add_block(directory, handle);
    if (IS_ERR(buffer)) return (int)PTR_ERR(buffer);
    int error = add_to_block(handle, buffer, &(struct name){".", 1}, (uint32_t)directory->ino, S_IFDIR);
    if (!error) error = add_to_block(handle, buffer, &(struct name){"..", 2}, parent, S_IFDIR);
    buffer_put(&kfs->cache, buffer);
    return error;
}

/* A position is the byte at which an entry starts. */
int kfs_readdir(struct file *file, struct dirent_sink *sink)
{
    struct inode *directory = file->inode;
    for (uint64_t n = file->position / KFS_BLOCK_BYTES; n < directory->size / KFS_BLOCK_BYTES; n++) {
        struct buffer *buffer = dir_block(directory, n);
        if (IS_ERR(buffer)) return (int)PTR_ERR(buffer);
        bool more = true;
        for (unsigned at = 0; at < KFS_BLOCK_BYTES && more; at += entry_at(buffer, at)->bytes) {
            struct kfs_dirent *entry = entry_at(buffer, at);
            uint64_t here = n * KFS_BLOCK_BYTES + at;
            if (here < file->position || !entry->inode) continue;
            more = sink->put(sink, entry->name, entry->name_bytes, entry->inode, entry->type, here + entry->bytes);
        }
        buffer_put(&kfs_of(directory)->cache, buffer);
        if (!more) break;
    }
    return 0;
}
