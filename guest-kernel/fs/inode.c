/*
 * inode.c - the active-file table: every file that is in use, or was a short time ago, exactly once.
 *
 * Two processes that open the same file must find the same struct inode, or they would not see each other's writes. So inodes
 * are looked up by (file system, number) in a hash table, and loaded by the file system only when they are not there.
 *
 * An inode is kept while somebody holds a reference. When the last one goes, a file without names is deleted now; another
 * file stays in the table with its cached pages, on the list of unused inodes, since files are often opened again. The list is
 * ordered by age and cut from its old end.
 *
 * The count is changed without the table's lock where possible (the pager asks under its own locks to keep a file
 * alive). An inode that is being thrown away has a negative count, and nobody gets a reference to it any more;
 * who looks for the file waits until it is gone and loads it anew. Unmounting waits, too: whoever throws an inode away
 * needs the file system until it is done.
 */
#include "arch/time.h"
#include "base/string.h"
#include "fs/vfs_internal.h"
#include "kern/print.h"
#include "kern/wait.h"
#include "mm/frame.h"

#define BUCKETS    1024
#define REFS_DYING (-0x40000000)

static struct spinlock table_lock = SPINLOCK_INIT("inode table", RANK_INODE_TABLE);
static struct list buckets[BUCKETS];
static struct list unused = LIST_INIT(unused); /* oldest first */
static size_t unused_count;
static struct waitq table_wait = WAITQ_INIT(table_wait); /* a load has ended, or an inode has gone */
static bool table_ready;

static struct list *bucket_of(struct superblock *sb, uint64_t ino)
{
    if (!table_ready) {
        for (size_t i = 0; i < BUCKETS; i++) list_init(&buckets[i]);
        table_ready = true;
    }
    uint64_t mix = (ino ^ (uint64_t)(uintptr_t)sb >> 4) * 0x9e3779b97f4a7c15ull;
    return &buckets[mix >> 54];
}

int64_t inode_now(void) { return (int64_t)time_wall_ns(); }

/* One more reference, from any context, unless the inode is on its way out. */
bool inode_ref_unless_dying(struct inode *inode)
{
    int refs = atomic_load(&inode->refs.value);
    while (refs >= 0)
        if (atomic_cas(&inode->refs.value, &refs, refs + 1)) return true;
    return false;
}

struct inode *inode_ref(struct inode *inode)
{
    bool alive = inode_ref_unless_dying(inode);
    ASSERT(alive);
    return inode;
}

struct inode *inode_ref_named(struct inode *inode)
{
    spin_lock(&table_lock);
    inode_ref(inode);
    spin_unlock(&table_lock);
    return inode;
}

bool inode_mapping_hold(struct mapping *mapping) { return inode_ref_unless_dying(mapping->owner); }
void inode_mapping_release(struct mapping *mapping) { inode_put(mapping->owner); }

static void inode_setup(struct inode *inode, struct superblock *sb, uint64_t ino)
{
    ref_init(&inode->refs);
    inode->sb = sb;
    inode->ino = ino;
    inode->links = 1;
    mutex_init(&inode->lock, "inode");
    list_init(&inode->locks);
    list_init(&inode->watches);
    list_init(&inode->table_link);
    list_init(&inode->unused_link);
    list_init(&inode->sb_link);
    inode->atime_ns = inode->mtime_ns = inode->ctime_ns = inode->btime_ns = inode_now();
}

static void insert(struct inode *inode)
{
    list_push_front(bucket_of(inode->sb, inode->ino), &inode->table_link);
    list_push_back(&inode->sb->inodes, &inode->sb_link);
    inode->hashed = true;
}

/* Found, with a reference; NULL: not there. May give up the lock and take it again: then *again is set. */
static struct inode *find(struct superblock *sb, uint64_t ino, bool *again)
{
    struct inode *inode;
    *again = false;
    list_for_each(inode, bucket_of(sb, ino), table_link)
    {
        if (inode->sb != sb || inode->ino != ino) continue;
        if (!inode_ref_unless_dying(inode)) {
            wait_on(&table_wait, &table_lock, false, 0);
            *again = true;
            return 0;
        }
        if (!list_empty(&inode->unused_link)) {
            list_remove(&inode->unused_link);
            unused_count--;
        }
        return inode;
    }
    return 0;
}

struct inode *inode_new(struct superblock *sb, uint64_t ino)
{
    struct inode *inode = sb->ops->alloc(sb);
    if (!inode) return ERR_PTR(-ENOMEM);
    inode_setup(inode, sb, ino);
    spin_lock(&table_lock);
    insert(inode);
    spin_unlock(&table_lock);
    return inode;
}

/* Waits until somebody else's load is over. */
static struct inode *await_load(struct inode *inode)
{
    while (inode->loading) wait_on(&table_wait, &table_lock, false, 0);
    bool failed = inode->failed;
    spin_unlock(&table_lock);
    if (!failed) return inode;
    inode_put(inode);
    return ERR_PTR(-EIO);
}

static struct inode *load(struct inode *inode)
{
    int error = inode->sb->ops->load(inode);
    spin_lock(&table_lock);
    inode->loading = false;
    inode->failed = error != 0;
    wake_all(&table_wait);
    spin_unlock(&table_lock);
    if (!error) return inode;
    inode_put(inode);
    return ERR_PTR(error);
}

struct inode *inode_get(struct superblock *sb, uint64_t ino)
{
    struct inode *fresh = 0, *inode;
    for (;;) {
        bool again;
        spin_lock(&table_lock);
        inode = find(sb, ino, &again);
        if (again) {
            spin_unlock(&table_lock);
            continue;
        }
        if (inode || fresh) break;
        spin_unlock(&table_lock);
        fresh = sb->ops->alloc(sb);
        if (!fresh) return ERR_PTR(-ENOMEM);
        inode_setup(fresh, sb, ino);
    }
    if (inode) { /* lock held */
        inode = await_load(inode);
        if (fresh) sb->ops->free(fresh);
        return inode;
    }
    fresh->loading = true;
    insert(fresh);
    spin_unlock(&table_lock);
    return load(fresh);
}

/* The count is REFS_DYING: nobody else has it, nobody gets it. */
static void destroy(struct inode *inode)
{
    struct superblock *sb = inode->sb;
    const struct sb_ops *ops = sb->ops;
    if (inode->mapping.ops) {
        if (inode->links && !inode->failed) {
            int error = pagecache_flush(&inode->mapping, 0, UINT64_MAX);
            if (error) printk("%s: inode %lu: data lost: error %d\n", sb->type->name, inode->ino, error);
        }
        pagecache_destroy(&inode->mapping);
    }
    if (!inode->failed && ops->evict) ops->evict(inode);
    spin_lock(&table_lock);
    list_remove(&inode->table_link);
    list_remove(&inode->sb_link); /* from here on the file system may be gone */
    wake_all(&table_wait);
    spin_unlock(&table_lock);
    ops->free(inode);
}

/* Under the table's lock: true if the inode, whose count is 0, is now the caller's to destroy. */
static bool claim(struct inode *inode)
{
    int zero = 0;
    if (!atomic_cas(&inode->refs.value, &zero, REFS_DYING)) return false;
    if (!list_empty(&inode->unused_link)) {
        list_remove(&inode->unused_link);
        unused_count--;
    }
    return true;
}

static size_t unused_limit(void) { return 256 + frame_stats().total / 64; }

void inode_put(struct inode *inode)
{
    if (!inode) return;
    int refs = atomic_load(&inode->refs.value);
    while (refs > 1)
        if (atomic_cas(&inode->refs.value, &refs, refs - 1)) return;
    spin_lock(&table_lock);
    bool last = atomic_add(&inode->refs.value, -1) == 0;
    bool destroyed = false;
    if (last && (!inode->links || !inode->sb->ops->keep || inode->failed || inode->sb->ending)) {
        destroyed = claim(inode);
    } else if (last && list_empty(&inode->unused_link)) {
        list_push_back(&unused, &inode->unused_link);
        unused_count++;
    }
    bool many = unused_count > unused_limit();
    spin_unlock(&table_lock);
    if (destroyed) destroy(inode);
    if (many) inode_shrink(16);
}

size_t inode_shrink(size_t count)
{
    size_t freed = 0;
    while (freed < count) {
        struct inode *inode = 0, *at;
        spin_lock(&table_lock);
        list_for_each(at, &unused, unused_link) if (claim(at))
        {
            inode = at;
            break;
        }
        spin_unlock(&table_lock);
        if (!inode) break;
        destroy(inode);
        freed++;
    }
    return freed;
}

void inode_each(void (*f)(struct inode *inode, void *argument), void *argument)
{
    spin_lock(&table_lock);
    for (size_t i = 0; table_ready && i < BUCKETS; i++) {
        struct inode *inode;
        list_for_each(inode, &buckets[i], table_link) f(inode, argument);
    }
    spin_unlock(&table_lock);
}

/* The file after `previous` (NULL: the first) in its bucket, with a reference; gives back the one to `previous`. */
static struct inode *next_in_bucket(struct list *bucket, struct inode *previous)
{
    struct inode *next = 0;
    spin_lock(&table_lock);
    for (struct list *at = previous ? previous->table_link.next : bucket->next; at != bucket; at = at->next) {
        struct inode *inode = list_entry(at, struct inode, table_link);
        if (inode->loading || !inode_ref_unless_dying(inode)) continue;
        next = inode;
        break;
    }
    spin_unlock(&table_lock);
    inode_put(previous);
    return next;
}

void inode_drop_pages(void)
{
    for (size_t i = 0; table_ready && i < BUCKETS; i++)
        for (struct inode *at = 0; (at = next_in_bucket(&buckets[i], at));)
            if (at->mapping.ops && !at->mapping.memory) pagecache_drop(&at->mapping, 0, UINT64_MAX);
}

static struct inode *claim_one(struct superblock *sb)
{
    struct inode *at;
    list_for_each(at, &sb->inodes, sb_link) if (claim(at)) return at;
    return 0;
}

/* For unmounting: nobody finds a file of the file system any more. Who still has one for a moment (write-back), or is throwing one out, is
 * waited for. */
void inode_drop_all(struct superblock *sb)
{
    spin_lock(&table_lock);
    sb->ending = true;
    while (!list_empty(&sb->inodes)) {
        struct inode *victim = claim_one(sb);
        if (!victim) {
            wait_on(&table_wait, &table_lock, false, 0);
            continue;
        }
        spin_unlock(&table_lock);
        destroy(victim);
        spin_lock(&table_lock);
    }
    spin_unlock(&table_lock);
}

void inode_touch(struct inode *inode, unsigned mask, int64_t now)
{
    struct attr attr = {.mask = mask, .atime_ns = now, .mtime_ns = now, .ctime_ns = now};
    if (inode->ops && inode->ops->setattr && !(inode->sb->flags & MS_RDONLY)) {
        inode->ops->setattr(inode, &attr);
        return;
    }
    if (mask & ATTR_ATIME) inode->atime_ns = now;
    if (mask & ATTR_MTIME) inode->mtime_ns = now;
    if (mask & ATTR_CTIME) inode->ctime_ns = now;
}
