/*
 * The page cache: finding frames of files, reading them in, and the reads and writes of programs on top. What
 * becomes dirty is written by mm/writeback.c.
 *
 * A frame on its way in is in the tree already, locked and not up to date: who comes second waits for the lock
 * instead of reading the page twice. Reading ahead (prepaging): a miss that continues a sequential use brings in
 * the next pages with the same request.
 *
 * A memory object (tmpfs, shared anonymous memory) has no file to read from. Its missing pages are zero, and the
 * tree may hold, instead of a frame, the swap slot where the page is: an odd value.
 */
#include "mm/pagecache.h"
#include "base/atomic.h"
#include "base/errno.h"
#include "base/string.h"
#include "kern/print.h"
#include "mm/pagecache_internal.h"
#include "mm/replace.h"
#include "mm/space_internal.h"
#include "mm/swap.h"
#include "mm/usercopy.h"

#define AHEAD 32 /* pages read together along a sequential use */

struct pagecache_counts cache_counts;

void mapping_init(struct mapping *m, const struct mapping_ops *ops, void *owner, uint64_t size)
{
    *m = (struct mapping){.ops = ops, .owner = owner, .size = size};
    spin_init(&m->lock, "page cache", RANK_PAGECACHE);
    list_init(&m->areas);
    list_init(&m->dirty_link);
}

void mapping_init_memory(struct mapping *m, void *owner, uint64_t size)
{
    mapping_init(m, NULL, owner, size);
    m->memory = true;
    memory_mapping_add(m);
}

static bool is_slot(const void *value) { return (uintptr_t)value & 1; }
static void *slot_value(uint64_t slot) { return (void *)(slot << 1 | 1); }

/* The frame in the tree, referenced, in whatever state. */
static struct page *find(struct mapping *m, uint64_t index)
{
    spin_lock(&m->lock);
    struct page *p = radix_find(&m->pages, index);
    if (is_slot(p)) p = NULL;
    if (p) page_get(p);
    spin_unlock(&m->lock);
    return p;
}

/* A use that no page table sees; the replacement policy takes it for a reference bit. */
static void touch(struct page *p)
{
    if (!page_flag(p, PG_TOUCHED)) page_flag_set(p, PG_TOUCHED);
}

struct page *pagecache_find(struct mapping *m, uint64_t index)
{
    struct page *p = find(m, index);
    if (!p) return NULL;
    if (!page_flag(p, PG_UPTODATE)) {
        page_put(p);
        return NULL;
    }
    touch(p);
    return p;
}

/* Puts a new frame into the tree, with a reference of its own. The frame is locked. 0; -EEXIST: there is one;
 * -ENOMEM. */
static int insert(struct mapping *m, uint64_t index, struct page *p)
{
    spin_lock(&m->lock);
    void *there = radix_find(&m->pages, index);
    int error = there && !is_slot(there) ? -EEXIST : radix_set(&m->pages, index, p);
    if (!error) {
        page_get(p);
        p->mapping = m;
        p->index = index;
        p->slot = is_slot(there) ? (uintptr_t)there >> 1 : SLOT_NONE;
        page_flag_set(p, PG_CACHE);
        m->resident++;
    }
    spin_unlock(&m->lock);
    if (error) return error;
    __atomic_fetch_add(&cache_counts.frames, 1, __ATOMIC_RELAXED);
    if (m->memory) __atomic_fetch_add(&cache_counts.memory_frames, 1, __ATOMIC_RELAXED);
    replace_add(p);
    return 0;
}

/* A new locked frame in the tree; NULL: *error is -EEXIST or -ENOMEM. */
static struct page *create(struct mapping *m, uint64_t index, unsigned want, int *error)
{
    struct page *p = page_alloc(0, want);
    *error = -ENOMEM;
    if (!p) return NULL;
    page_flag_set(p, PG_LOCKED);
    *error = insert(m, index, p);
    if (!*error) return p;
    page_unlock(p);
    page_put(p);
    return NULL;
}

/* Out of the tree and out of every address space. The page is locked and stays referenced by the caller. */
void pagecache_remove(struct page *p)
{
    struct mapping *m = p->mapping;
    spin_lock(&m->lock);
    radix_remove(&m->pages, p->index);
    m->resident--;
    uint32_t old = atomic_and(&p->flags, ~(uint32_t)(PG_CACHE | PG_DIRTY));
    if (old & PG_DIRTY && !m->memory) {
        m->dirty--;
        __atomic_fetch_sub(&cache_counts.dirty, 1, __ATOMIC_RELAXED);
    }
    spin_unlock(&m->lock);
    __atomic_fetch_sub(&cache_counts.frames, 1, __ATOMIC_RELAXED);
    if (m->memory) __atomic_fetch_sub(&cache_counts.memory_frames, 1, __ATOMIC_RELAXED);
    /* Faults map only frames that are PG_CACHE, so after this no entry can come back. */
    rmap_unmap(p, m, true);
    if (p->slot != SLOT_NONE && !(old & PG_UPTODATE)) slot_put(p->slot);
    page_put(p);
}

/* Replacement: as above for a clean, unmapped frame, if nobody but the cache and the caller has it. A memory
 * object remembers the slot. */
bool pagecache_evict(struct page *p, uint64_t slot)
{
    struct mapping *m = p->mapping;
    spin_lock(&m->lock);
    bool free = page_refs(p) == 2 && !atomic_load(&p->maps) && !page_flag(p, PG_DIRTY);
    if (free) {
        if (slot != SLOT_NONE)
            radix_set(&m->pages, p->index, slot_value(slot)); /* replaces: needs no memory */
        else
            radix_remove(&m->pages, p->index);
        m->resident--;
        page_flag_clear(p, PG_CACHE);
    }
    spin_unlock(&m->lock);
    if (!free) return false;
    __atomic_fetch_sub(&cache_counts.frames, 1, __ATOMIC_RELAXED);
    if (m->memory) __atomic_fetch_sub(&cache_counts.memory_frames, 1, __ATOMIC_RELAXED);
    page_put(p);
    return true;
}

/* Fills consecutive locked frames. 0 or -errno for all. */
static int fill(struct mapping *m, struct page **pages, unsigned n)
{
    int error = 0;
    if (pages[0]->slot != SLOT_NONE) {
        error = slot_read(pages[0]->slot, pages[0]); /* memory objects come one by one */
        if (!error) {
            slot_put(pages[0]->slot);
            pages[0]->slot = SLOT_NONE;
            page_flag_set(pages[0], PG_DIRTY);
        }
    } else if (!m->ops || !m->ops->read_page) {
        for (unsigned i = 0; i < n; i++) memset(page_va(pages[i]), 0, PAGE_SIZE);
    } else if (n > 1 && m->ops->read_pages) {
        error = m->ops->read_pages(m, pages[0]->index, pages, n);
    } else {
        for (unsigned i = 0; i < n && !error; i++) error = m->ops->read_page(m, pages[i]->index, pages[i]);
    }
    if (!error)
        for (unsigned i = 0; i < n; i++) page_flag_set(pages[i], PG_UPTODATE);
    return error;
}

/* Brings in page `index` and up to n-1 that follow, as long as they are not there yet. The frames' lock and
 * references are given back, but for the first one's reference. -EEXIST: somebody else was faster. */
static int bring_in(struct mapping *m, uint64_t index, unsigned n, struct page **first)
{
    struct page *pages[AHEAD];
    unsigned count = 0;
    int error;
    if (!(pages[0] = create(m, index, PAGE_USER, &error))) return error;
    uint64_t end = (m->size + PAGE_MASK) >> PAGE_SHIFT;
    for (count = 1; count < n && index + count < end; count++) {
        int ignored;
        if (!(pages[count] = create(m, index + count, PAGE_USER | PAGE_NOWAIT, &ignored))) break;
    }
    error = fill(m, pages, count);
    if (error && count > 1) error = fill(m, pages, 1); /* perhaps only the others are bad */
    for (unsigned i = 0; i < count; i++) {
        struct page *p = pages[i];
        bool bad = !page_flag(p, PG_UPTODATE);
        if (i && !bad) page_flag_set(p, PG_AHEAD);
        if (bad) pagecache_remove(p);
        page_unlock(p);
        if (i || bad) page_put(p);
    }
    if (count > 1) {
        COUNT_MANY(prepaged, count - 1);
        __atomic_fetch_add(&cache_counts.read_ahead, count - 1, __ATOMIC_RELAXED);
    }
    *first = error ? NULL : pages[0];
    return error;
}

/* How many pages a miss at `index` should bring: more if it looks like a sequential use. */
static unsigned window(struct mapping *m, uint64_t index)
{
    if (m->memory || !mm_prepage) return 1;
    if (!index) return AHEAD / 2;
    struct page *before = find(m, index - 1);
    if (!before) return 4;
    page_put(before);
    return AHEAD;
}

static int get(struct mapping *m, uint64_t index, unsigned ahead, struct page **page)
{
    for (;;) {
        struct page *p = find(m, index);
        if (!p) {
            int error = bring_in(m, index, ahead ? ahead : window(m, index), page);
            if (error == -EEXIST) continue;
            __atomic_fetch_add(&cache_counts.misses, 1, __ATOMIC_RELAXED);
            return error;
        }
        if (!page_flag(p, PG_UPTODATE)) {
            /* Being read by somebody else: the lock is free when that is over. If it failed, the frame has left
             * the tree. */
            page_lock(p);
            page_unlock(p);
        }
        if (page_flag(p, PG_UPTODATE) && page_flag(p, PG_CACHE)) {
            if (page_flag(p, PG_AHEAD)) page_flag_clear(p, PG_AHEAD);
            touch(p);
            __atomic_fetch_add(&cache_counts.hits, 1, __ATOMIC_RELAXED);
            *page = p;
            return 0;
        }
        page_put(p);
    }
}

int pagecache_get(struct mapping *m, uint64_t index, struct page **page) { return get(m, index, 0, page); }

int pagecache_get_new(struct mapping *m, uint64_t index, struct page **page)
{
    for (;;) {
        struct page *p = find(m, index);
        if (p) {
            page_put(p);
            return get(m, index, 1, page);
        }
        if (m->memory) return get(m, index, 1, page); /* perhaps in a slot */
        int error;
        p = create(m, index, PAGE_ZEROED | PAGE_USER, &error);
        if (p) {
            page_flag_set(p, PG_UPTODATE);
            page_unlock(p);
            *page = p;
            return 0;
        }
        if (error != -EEXIST) return error;
    }
}

void pagecache_ahead(struct mapping *m, uint64_t index, uint64_t count)
{
    uint64_t end = (m->size + PAGE_MASK) >> PAGE_SHIFT;
    if (count > 512) count = 512; /* 2 MiB: more would push out what is in use */
    end = MIN(end, index + count);
    for (; index < end; index++) {
        struct page *p = find(m, index);
        if (!p && bring_in(m, index, (unsigned)MIN(end - index, (uint64_t)AHEAD), &p)) p = NULL;
        if (p) page_put(p);
    }
}

/* --- read and write */

static size_t copy_out(uint64_t buffer, const char *from, size_t n, bool user)
{
    if (user) return copy_to_user_rest(buffer, from, n);
    memcpy((void *)buffer, from, n);
    return 0;
}

static size_t copy_in(char *to, uint64_t buffer, size_t n, bool user)
{
    if (user) return copy_from_user_rest(to, buffer, n);
    memcpy(to, (const void *)buffer, n);
    return 0;
}

long pagecache_read(struct mapping *m, uint64_t offset, uint64_t buffer, size_t n, bool user)
{
    size_t done = 0;
    while (done < n) {
        uint64_t size = atomic_load(&m->size), at = offset + done;
        if (at >= size) break;
        size_t in_page = at & PAGE_MASK;
        size_t part = MIN(MIN(n - done, PAGE_SIZE - in_page), size - at);
        struct page *p;
        int error = pagecache_get(m, at >> PAGE_SHIFT, &p);
        if (error) return done ? (long)done : error;
        size_t rest = copy_out(buffer + done, (char *)page_va(p) + in_page, part, user);
        page_put(p);
        done += part - rest;
        if (rest) return done ? (long)done : -EFAULT;
    }
    return (long)done;
}

/* Before the page becomes dirty: its write-back, which may come at once, looks at the size. */
static void extend(struct mapping *m, uint64_t size)
{
    spin_lock(&m->lock);
    if (size > m->size) atomic_store(&m->size, size);
    spin_unlock(&m->lock);
}

/* A whole page that is not in memory: it is copied first and put into the tree only if that went well, so
 * nothing is read, and nobody sees a half-written page. 0: done; else the ordinary way. */
static int write_whole_page(struct mapping *m, uint64_t index, uint64_t buffer, bool user)
{
    struct page *p = page_alloc(0, PAGE_USER);
    if (!p) return -ENOMEM;
    int error = copy_in(page_va(p), buffer, PAGE_SIZE, user) ? -EFAULT : 0;
    page_flag_set(p, PG_LOCKED | PG_UPTODATE);
    if (!error) error = insert(m, index, p);
    bool swapped = !error && p->slot != SLOT_NONE;
    if (swapped) slot_put(p->slot); /* its old content is of no interest any more */
    if (swapped) p->slot = SLOT_NONE;
    if (!error) extend(m, (index + 1) << PAGE_SHIFT);
    page_unlock(p);
    if (!error) pagecache_dirty(m, p);
    page_put(p);
    return error;
}

/* The part of a write that lies in one page: bytes, or -errno. */
static long write_part(struct mapping *m, uint64_t at, uint64_t buffer, size_t n, bool user)
{
    uint64_t index = at >> PAGE_SHIFT;
    struct page *p = n == PAGE_SIZE ? find(m, index) : NULL;
    if (p) page_put(p);
    if (n == PAGE_SIZE && !p && !write_whole_page(m, index, buffer, user)) return (long)n;
    bool past = index << PAGE_SHIFT >= m->size;
    int error = past ? pagecache_get_new(m, index, &p) : pagecache_get(m, index, &p);
    if (error) return error;
    size_t rest = copy_in((char *)page_va(p) + (at & PAGE_MASK), buffer, n, user);
    if (rest < n) {
        extend(m, at + n - rest);
        pagecache_dirty(m, p);
    }
    page_put(p);
    return rest == n ? -EFAULT : (long)(n - rest);
}

long pagecache_write(struct mapping *m, uint64_t offset, uint64_t buffer, size_t n, bool user)
{
    size_t done = 0;
    while (done < n) {
        uint64_t at = offset + done;
        size_t part = MIN(n - done, PAGE_SIZE - (at & PAGE_MASK));
        long got = write_part(m, at, buffer + done, part, user);
        if (got < 0) return done ? (long)done : got;
        done += (size_t)got;
        if ((size_t)got < part) break;
    }
    return (long)done;
}

/* --- the size, and the end */

/* Takes out all frames and slots of pages [from, to). `busy` false: only what is clean and mapped nowhere. The
 * number taken. */
static uint64_t remove_range(struct mapping *m, uint64_t from, uint64_t to, bool busy)
{
    uint64_t removed = 0;
    for (uint64_t index = from; index < to; index++) {
        spin_lock(&m->lock);
        struct page *p = radix_next(&m->pages, &index);
        uint64_t slot = SLOT_NONE;
        if (p && index < to) {
            if (!is_slot(p))
                page_get(p);
            else if (busy)
                slot = (uintptr_t)radix_remove(&m->pages, index) >> 1;
        }
        spin_unlock(&m->lock);
        if (!p || index >= to) break;
        if (slot != SLOT_NONE) slot_put(slot);
        if (is_slot(p)) continue;
        if (busy) {
            page_lock(p);
            if (page_flag(p, PG_CACHE)) pagecache_remove(p), removed++;
            page_unlock(p);
        } else if (page_trylock(p)) {
            if (page_flag(p, PG_CACHE) && !m->memory && pagecache_evict(p, SLOT_NONE)) removed++;
            page_unlock(p);
        }
        page_put(p);
    }
    return removed;
}

static void zero_part(struct mapping *m, uint64_t from, uint64_t to)
{
    struct page *p;
    if (from >= to || pagecache_get(m, from >> PAGE_SHIFT, &p)) return;
    memset((char *)page_va(p) + (from & PAGE_MASK), 0, to - from);
    pagecache_dirty(m, p);
    page_put(p);
}

void pagecache_truncate(struct mapping *m, uint64_t size)
{
    spin_lock(&m->lock);
    uint64_t old = m->size;
    atomic_store(&m->size, size);
    spin_unlock(&m->lock);
    if (size > old) return;
    remove_range(m, (size + PAGE_MASK) >> PAGE_SHIFT, UINT64_MAX,
                 true); /* the same size: what a reader brought in late */
    if (size < old && (size & PAGE_MASK)) zero_part(m, size, PAGE_ROUND_UP(size));
}

void pagecache_punch(struct mapping *m, uint64_t from, uint64_t to)
{
    to = MIN(to, m->size);
    if (from >= to) return;
    uint64_t first = PAGE_ROUND_UP(from), end = PAGE_ROUND_DOWN(to);
    if (first > end) {
        zero_part(m, from, to);
        return;
    }
    zero_part(m, from, first);
    zero_part(m, end, to);
    remove_range(m, first >> PAGE_SHIFT, end >> PAGE_SHIFT, true);
}

uint64_t pagecache_drop(struct mapping *m, uint64_t from, uint64_t to)
{
    return remove_range(m, PAGE_ROUND_UP(from) >> PAGE_SHIFT, to == UINT64_MAX ? to : to >> PAGE_SHIFT, false);
}

void pagecache_destroy(struct mapping *m)
{
    remove_range(m, 0, UINT64_MAX, true);
    writeback_forget(m);
    ASSERT(list_empty(&m->areas));
}

struct pagecache_stats pagecache_stats(void)
{
    return (struct pagecache_stats){cache_counts.frames, cache_counts.dirty,      cache_counts.hits,
                                    cache_counts.misses, cache_counts.read_ahead, cache_counts.written};
}

/* --- swapoff */

/* The first slot of a swap area among the mapping's pages; with a hold on it. */
static uint64_t find_slot(struct mapping *m, unsigned area, uint64_t *index)
{
    uint64_t slot = SLOT_NONE;
    spin_lock(&m->lock);
    void *value;
    for (*index = 0; (value = radix_next(&m->pages, index)); ++*index)
        if (is_slot(value) && swap_area_of((uintptr_t)value >> 1) == area) break;
    if (value) slot_get(slot = (uintptr_t)value >> 1);
    spin_unlock(&m->lock);
    return slot;
}

/* Puts a frame in place of the slot, if it is still there. The tree's hold on the slot goes to the caller. */
static bool replace_slot(struct mapping *m, uint64_t index, uint64_t slot, struct page *p)
{
    spin_lock(&m->lock);
    bool same = radix_find(&m->pages, index) == slot_value(slot);
    if (same) {
        radix_set(&m->pages, index, p); /* replaces: needs no memory */
        page_get(p);
        p->mapping = m;
        p->index = index;
        p->slot = SLOT_NONE;
        page_flag_set(p, PG_CACHE | PG_UPTODATE | PG_DIRTY);
        m->resident++;
    }
    spin_unlock(&m->lock);
    return same;
}

/*
 * The object may go away while the disk works, and nothing here holds it. So the page is read into a frame of nobody's, and put in only if
 * the object is still on the list and still names the slot.
 */
int pagecache_unswap(unsigned area)
{
    for (;;) {
        uint64_t index, slot = SLOT_NONE;
        struct mapping *m = memory_mapping_each(NULL);
        for (; m; m = memory_mapping_each(m))
            if ((slot = find_slot(m, area, &index)) != SLOT_NONE) break;
        memory_mappings_unlock();
        if (!m) return 0;
        struct page *p = page_alloc(0, PAGE_USER);
        int error = p ? slot_read(slot, p) : -ENOMEM;
        bool placed = false;
        if (!error && memory_mapping_find(m)) placed = replace_slot(m, index, slot, p);
        if (!error) memory_mappings_unlock();
        slot_put(slot);
        if (placed) {
            slot_put(slot);
            __atomic_fetch_add(&cache_counts.frames, 1, __ATOMIC_RELAXED);
            __atomic_fetch_add(&cache_counts.memory_frames, 1, __ATOMIC_RELAXED);
            replace_add(p);
        }
        if (p) page_put(p);
        if (error) return error;
    }
}
