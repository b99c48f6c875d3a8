/*
 * Write-back: dirty frames of files go to the disk some time after they were written (periodic flush), when a
 * program asks for it (fsync, msync, sync), or when too many frames are dirty.
 *
 * A frame that is mapped and writable could change without the kernel knowing. Therefore a shared page of a file
 * is mapped read-only until it is written; the fault marks it dirty. Writing it back goes the other way round:
 * first the mark goes, then the right to write, then the frame is written, so a change at any moment either is
 * in what is written or marks the frame again.
 */
#include "arch/time.h"
#include "base/atomic.h"
#include "base/errno.h"
#include "kern/init.h"
#include "kern/print.h"
#include "kern/task.h"
#include "mm/pagecache_internal.h"
#include "mm/space_internal.h"

#define BATCH          32
#define FLUSH_EVERY_NS (2 * NS_PER_S)
#define FLUSH_AGE_NS   (5 * NS_PER_S) /* a frame stays dirty about that long */

static struct list dirty_mappings = LIST_INIT(dirty_mappings);
/* Memory objects are never on the list of dirty mappings; here swapoff finds them. */
static struct list memory_mappings = LIST_INIT(memory_mappings);
static struct spinlock dirty_lock = SPINLOCK_INIT("dirty mappings", RANK_WRITEBACK);
static struct waitq flusher_queue = WAITQ_INIT(flusher_queue); /* the flusher sleeps */
static struct waitq throttled = WAITQ_INIT(throttled);         /* writers wait for it */
static struct waitq written = WAITQ_INIT(written);             /* who waits for what others write */
static unsigned flush_now;
bool pagecache_periodic = true, pagecache_write_through;

void pagecache_dirty(struct mapping *m, struct page *p)
{
    page_flag_clear(p, PG_FETCHED); /* instructions may have changed */
    if (page_flag(p, PG_DIRTY)) return;
    bool first = false;
    spin_lock(&m->lock);
    if (page_flag(p, PG_CACHE) && p->mapping == m && !(atomic_or(&p->flags, PG_DIRTY) & PG_DIRTY) && !m->memory) {
        radix_mark(&m->pages, p->index, true);
        first = m->dirty++ == 0;
        if (first) m->dirty_since_ns = time_ns();
        __atomic_fetch_add(&cache_counts.dirty, 1, __ATOMIC_RELAXED);
    }
    spin_unlock(&m->lock);
    if (!first) return;
    spin_lock(&dirty_lock);
    if (list_empty(&m->dirty_link)) list_push_back(&dirty_mappings, &m->dirty_link);
    spin_unlock(&dirty_lock);
}

void memory_mapping_add(struct mapping *m)
{
    spin_lock(&dirty_lock);
    list_push_back(&memory_mappings, &m->dirty_link);
    spin_unlock(&dirty_lock);
}

struct mapping *memory_mapping_each(struct mapping *m)
{
    if (!m) spin_lock(&dirty_lock);
    struct list *next = m ? m->dirty_link.next : memory_mappings.next;
    return next == &memory_mappings ? NULL : list_entry(next, struct mapping, dirty_link);
}

bool memory_mapping_find(const struct mapping *wanted)
{
    struct mapping *m = memory_mapping_each(NULL);
    while (m && m != wanted) m = memory_mapping_each(m);
    return m;
}

void memory_mappings_unlock(void) { spin_unlock(&dirty_lock); }

void writeback_forget(struct mapping *m)
{
    spin_lock(&dirty_lock);
    list_remove(&m->dirty_link);
    spin_unlock(&dirty_lock);
}

/* The next dirty frames of [*index, end), consecutive, locked, no longer marked. Their number. */
static unsigned collect(struct mapping *m, uint64_t *index, uint64_t end, struct page **pages)
{
    unsigned n = 0, most = m->ops->write_pages ? BATCH : 1;
    while (n < most) {
        spin_lock(&m->lock);
        uint64_t at = *index;
        struct page *p = radix_next_marked(&m->pages, &at);
        bool ok = p && at < end && (!n || at == *index);
        if (ok) page_get(p);
        spin_unlock(&m->lock);
        if (!ok) break;
        /* Only the first may be waited for: who waits for one lock while holding another might wait in a circle. */
        if (n && !page_trylock(p)) {
            page_put(p);
            break;
        }
        if (!n) page_lock(p);
        *index = at + 1;
        spin_lock(&m->lock);
        bool dirty = page_flag(p, PG_CACHE) && p->mapping == m && page_flag(p, PG_DIRTY);
        if (dirty) {
            radix_mark(&m->pages, at, false);
            page_flag_clear(p, PG_DIRTY);
            m->dirty--;
            m->writing++;
            __atomic_fetch_sub(&cache_counts.dirty, 1, __ATOMIC_RELAXED);
        }
        spin_unlock(&m->lock);
        if (dirty) {
            rmap_write_protect(p);
            pages[n++] = p;
        } else {
            page_unlock(p);
            page_put(p);
            if (n) break;
        }
    }
    return n;
}

static void end_writing(struct mapping *m, unsigned n)
{
    spin_lock(&m->lock);
    m->writing -= n;
    if (!m->writing) wake_all(&written);
    spin_unlock(&m->lock);
}

/* A frame that the flusher has begun to write is not dirty any more, but not on the disk either: fsync must not overtake it. */
static void wait_for_others(struct mapping *m)
{
    spin_lock(&m->lock);
    while (m->writing) wait_on(&written, &m->lock, false, 0);
    spin_unlock(&m->lock);
}

static int write_back(struct mapping *m, uint64_t from, uint64_t to)
{
    if (m->memory || !m->ops || !m->ops->write_page) return 0;
    uint64_t index = from >> PAGE_SHIFT,
             end = to > UINT64_MAX - PAGE_MASK ? UINT64_MAX : PAGE_ROUND_UP(to) >> PAGE_SHIFT;
    struct page *pages[BATCH];
    int result = 0;
    for (unsigned n; (n = collect(m, &index, end, pages));) {
        int error = n > 1 ? m->ops->write_pages(m, pages[0]->index, pages, n)
                          : m->ops->write_page(m, pages[0]->index, pages[0]);
        for (unsigned i = 0; i < n; i++) {
            page_unlock(pages[i]);
            if (error) pagecache_dirty(m, pages[i]);
            page_put(pages[i]);
        }
        end_writing(m, n);
        __atomic_fetch_add(&cache_counts.written, n, __ATOMIC_RELAXED);
        if (error && !result) result = error;
    }
    return result;
}

int pagecache_flush(struct mapping *m, uint64_t from, uint64_t to)
{
    int error = write_back(m, from, to);
    wait_for_others(m);
    return error;
}

int pagecache_error(struct mapping *m) { return atomic_swap(&m->error, 0); }

/* A mapping with dirty frames older than `before`, kept alive by its owner; NULL: there is none left among the
 * next *budget on the list. */
static struct mapping *next_mapping(uint64_t before, unsigned *budget)
{
    struct mapping *found = NULL;
    spin_lock(&dirty_lock);
    while (*budget && !found && !list_empty(&dirty_mappings)) {
        struct mapping *m = list_first(&dirty_mappings, struct mapping, dirty_link);
        list_remove(&m->dirty_link);
        --*budget;
        if (!atomic_load(&m->dirty) && !atomic_load(&m->writing))
            continue; /* becomes dirty again: comes back on the list */
        list_push_back(&dirty_mappings, &m->dirty_link);
        if (atomic_load(&m->dirty_since_ns) > before) continue;
        if (!m->ops->hold || m->ops->hold(m)) found = m;
    }
    spin_unlock(&dirty_lock);
    return found;
}

static unsigned dirty_count(void)
{
    unsigned n = 0;
    struct list *at;
    spin_lock(&dirty_lock);
    for (at = dirty_mappings.next; at != &dirty_mappings; at = at->next) n++;
    spin_unlock(&dirty_lock);
    return n;
}

/* `flush`: pagecache_flush, which waits for others, or write_back: the flusher must not wait for a writer that may wait for memory. */
static int flush_older(uint64_t before, int (*flush)(struct mapping *, uint64_t, uint64_t))
{
    unsigned budget = dirty_count();
    int result = 0;
    for (struct mapping *m; (m = next_mapping(before, &budget));) {
        atomic_store(&m->dirty_since_ns, time_ns()); /* what becomes dirty from now on is young */
        int error = flush(m, 0, UINT64_MAX);
        if (error) {
            int none = 0;
            atomic_cas(&m->error, &none, error);
            result = error;
        }
        if (m->ops->release) m->ops->release(m);
    }
    return result;
}

int pagecache_flush_all(void) { return flush_older(UINT64_MAX, pagecache_flush); }

static bool too_dirty(unsigned percent)
{
    struct frame_stats s = frame_stats();
    return atomic_load(&cache_counts.dirty) > s.total * percent / 100;
}

void writeback_kick(void)
{
    atomic_store(&flush_now, 1u);
    wake_one(&flusher_queue);
}

void pagecache_throttle(void)
{
    if (too_dirty(15)) writeback_kick();
    for (unsigned rounds = 0; rounds < 50 && too_dirty(30); rounds++) {
        writeback_kick();
        if (wait_on(&throttled, NULL, true, time_ns() + NS_PER_S / 5) == -EINTR) return;
    }
}

static void flusher(void *unused)
{
    (void)unused;
    for (;;) {
        if (!atomic_load(&flush_now)) wait_on(&flusher_queue, NULL, false, time_ns() + FLUSH_EVERY_NS);
        bool all = atomic_swap(&flush_now, 0u);
        uint64_t now = time_ns();
        if (all || pagecache_periodic)
            flush_older(all ? UINT64_MAX : now > FLUSH_AGE_NS ? now - FLUSH_AGE_NS : 0, write_back);
        wake_all(&throttled);
    }
}

static void writeback_start(void)
{
    if (!kthread_start("flusher", flusher, NULL)) panic("mm: no memory for the flusher");
}
INIT(INIT_SUBSYSTEM, writeback_start);
