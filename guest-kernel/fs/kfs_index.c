/*
 * kfs_index.c - finding a name in a large directory: a hash table in memory.
 *
 * On the disk a directory is a list of names; looking for one means reading all. That is simple and good for the few dozen names that most
 * directories have. For a larger one the first search notes for each name in which block it stands, under a hash of the name; later searches
 * look only into the blocks that the table gives (several names may have one hash), and a name that is not in the table is not in the
 * directory. Whoever adds or removes a name does so here as well. The table is no part of the disk's format and never needed: if there is no
 * memory for it, it is thrown away and the directory is searched from start to end.
 *
 * Open addressing: a slot that is taken sends the search to the next; a removed name leaves a mark, over which searches go on.
 */
#include "fs/kfs.h"

#include "base/string.h"
#include "mm/slab.h"

#define FIRST_SLOTS 1024u

enum { SLOT_EMPTY, SLOT_REMOVED, SLOT_BLOCK }; /* SLOT_BLOCK + n: block n */
struct slot {
    uint32_t hash, what;
};
struct kfs_index {
    uint32_t slots; /* power of two */
    uint32_t used;  /* not empty */
    uint32_t names;
    struct slot slot[];
};

uint32_t kfs_name_hash(const struct name *name) /* FNV-1a */
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < name->bytes; i++) hash = (hash ^ (uint8_t)name->text[i]) * 16777619u;
    return hash;
}

static struct kfs_index *index_new(uint32_t slots)
{
    struct kfs_index *index = kzalloc(sizeof *index + slots * sizeof *index->slot);
    if (index) index->slots = slots;
    return index;
}

static void insert(struct kfs_index *index, uint32_t hash, uint32_t what)
{
    uint32_t at = hash & (index->slots - 1);
    while (index->slot[at].what > SLOT_REMOVED) at = (at + 1) & (index->slots - 1);
    if (index->slot[at].what == SLOT_EMPTY) index->used++;
    index->slot[at] = (struct slot){hash, what};
    index->names++;
}

/* Room for one more, so that a quarter of the slots stays empty. False: no memory. */
static bool make_room(struct kfs_file *file)
{
    struct kfs_index *old = file->index;
    if (old->used + 1 <= old->slots / 4 * 3) return true;
    struct kfs_index *fresh = index_new(old->names + 1 > old->slots / 2 ? old->slots * 2 : old->slots);
    if (!fresh) return false;
    for (uint32_t i = 0; i < old->slots; i++)
        if (old->slot[i].what > SLOT_REMOVED) insert(fresh, old->slot[i].hash, old->slot[i].what);
    kfree(old);
    file->index = fresh;
    return true;
}

void kfs_index_add(struct kfs_file *file, const struct name *name, uint32_t block)
{
    if (!file->index) return;
    if (make_room(file))
        insert(file->index, kfs_name_hash(name), SLOT_BLOCK + block);
    else
        kfs_index_drop(file);
}

void kfs_index_remove(struct kfs_file *file, const struct name *name, uint32_t block)
{
    struct kfs_index *index = file->index;
    if (!index) return;
    if (block < file->room_from) file->room_from = block;
    uint32_t hash = kfs_name_hash(name), at = hash & (index->slots - 1);
    for (; index->slot[at].what != SLOT_EMPTY; at = (at + 1) & (index->slots - 1)) {
        if (index->slot[at].hash != hash || index->slot[at].what != SLOT_BLOCK + block) continue;
        index->slot[at].what = SLOT_REMOVED;
        index->names--;
        return;
    }
}

bool kfs_index_next(const struct kfs_file *file, uint32_t hash, uint32_t *step, uint32_t *block)
{
    const struct kfs_index *index = file->index;
    for (;; ++*step) {
        const struct slot *slot = &index->slot[(hash + *step) & (index->slots - 1)];
        if (slot->what == SLOT_EMPTY) return false;
        if (slot->what == SLOT_REMOVED || slot->hash != hash) continue;
        ++*step;
        *block = slot->what - SLOT_BLOCK;
        return true;
    }
}

bool kfs_index_start(struct kfs_file *file)
{
    file->index = index_new(FIRST_SLOTS);
    file->room_from = 0;
    return file->index;
}

void kfs_index_drop(struct kfs_file *file)
{
    kfree(file->index);
    file->index = 0;
    file->room_from = 0;
}
