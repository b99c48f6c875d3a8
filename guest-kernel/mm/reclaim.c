/*
 * The pager and the cleaner: threads that keep the free-frame pool filled, so that replacement happens outside
 * of page faults.
 *
 *      free frames
 *      high  - - - - - - - - - - - - - -  the pager stops
 *      low   - - - - - - - - - - - - - -  the pager starts
 *      0
 *
 * To free a frame means: take it out of all page tables, write it if it is newer than its copy on the disk, take
 * it out of its cache. Clean frames are preferred to dirty ones: a dirty frame of a file is left to the flusher
 * and comes back later. The cleaner writes anonymous frames to their slots ahead of need, so that the pager
 * finds clean ones.
 *
 * When nothing can be freed, memory is really full: then the process with the most anonymous memory is ended,
 * with a message.
 */
#include "mm/reclaim.h"
#include "arch/riscv.h"
#include "arch/time.h"
#include "base/atomic.h"
#include "base/errno.h"
#include "fs/vfs.h"
#include "kern/init.h"
#include "kern/print.h"
#include "kern/process.h"
#include "kern/signal.h"
#include "mm/pagecache_internal.h"
#include "mm/replace.h"
#include "mm/space_internal.h"
#include "mm/swap.h"

static struct task *pager_task, *cleaner_task;
static struct spinlock pager_lock = SPINLOCK_INIT("pager", RANK_POLICY);
static struct waitq pager_queue = WAITQ_INIT(pager_queue); /* the pager sleeps */
static struct waitq cleaner_queue = WAITQ_INIT(cleaner_queue);
static struct waitq frame_waiters = WAITQ_INIT(frame_waiters); /* tasks that need a frame */
static unsigned waiting;
static unsigned pager_wanted, stuck; /* stuck: the pager's last round has freed nothing */

bool pager_is_current(void) { return pager_task && (current == pager_task || current == cleaner_task); }

void pager_wake(void)
{
    if (!pager_task || atomic_swap(&pager_wanted, 1u)) return;
    wake_one(&pager_queue);
}

void pager_freed(void)
{
    if (atomic_load(&waiting)) wake_all(&frame_waiters);
}

/* --- freeing one frame */

/* Writes a locked frame to a slot. The mark goes first: whoever changes the frame meanwhile sets it again. */
static bool write_slot(struct page *p, uint64_t slot)
{
    page_flag_clear(p, PG_DIRTY);
    if (!slot_write(slot, p)) {
        COUNT(swapped_out);
        return true;
    }
    page_flag_set(p, PG_DIRTY);
    return false;
}

static bool free_memory_object_page(struct page *p)
{
    uint64_t slot = SLOT_NONE;
    if (page_flag(p, PG_DIRTY)) {
        if ((slot = slot_alloc()) == SLOT_NONE) return false;
        if (!rmap_unmap(p, p->mapping, false) || !write_slot(p, slot)) {
            slot_put(slot);
            return false;
        }
    } else if (!rmap_unmap(p, p->mapping, false)) {
        return false;
    }
    if (pagecache_evict(p, slot)) return true;
    if (slot != SLOT_NONE) {
        page_flag_set(p, PG_DIRTY);
        slot_put(slot);
    }
    return false;
}

static bool free_file_page(struct page *p)
{
    if (page_flag(p, PG_DIRTY)) {
        writeback_kick();
        return false;
    }
    return rmap_unmap(p, p->mapping, false) && pagecache_evict(p, SLOT_NONE);
}

static bool free_anon_page(struct page *p, bool keep)
{
    if (!page_flag(p, PG_SWAP) && (!atomic_load(&p->maps) || swap_cache_add(p))) return false;
    rmap_unmap(p, NULL, false);
    if (page_flag(p, PG_DIRTY) && (atomic_load(&p->maps) || !write_slot(p, p->slot))) return false;
    return !keep && swap_cache_remove(p, 1);
}

/* True if the frame was freed (or, keep: cleaned). It has a reference for us and is not in the set of resident
 * frames. */
static bool reclaim_page(struct page *p, bool keep)
{
    bool done = false;
    if (page_trylock(p)) {
        if (page_flag(p, PG_CACHE))
            done = !keep && (p->mapping->memory ? free_memory_object_page(p) : free_file_page(p));
        else if (page_flag(p, PG_ANON))
            done = free_anon_page(p, keep);
        else if (page_flag(p, PG_SWAP))
            done = swap_cache_remove(p, 1); /* read ahead and never used */
        page_unlock(p);
    }
    if (done && !keep)
        COUNT(reclaimed);
    else
        replace_add(p);
    page_put(p);
    return done;
}

static bool pool_is_filled(void)
{
    struct frame_stats s = frame_stats();
    return s.free >= s.high;
}

/* Replaces until the pool is filled. False: nothing was freed though everything was looked at twice. */
static bool fill_pool(void)
{
    uint64_t freed = 0, tries = 0, most = 2 * replace_count() + 256;
    while (!pool_is_filled() && tries < most) {
        struct page *p = replace_victim();
        if (!p) {
            tries += 32;
            continue;
        }
        if (reclaim_page(p, false))
            freed++, tries = 0;
        else
            tries++;
        if (!(++mm_events.pager_steps % 256) && inode_shrink(16)) freed++;
    }
    return freed || pool_is_filled();
}

static void pager(void *unused)
{
    (void)unused;
    for (;;) {
        spin_lock(&pager_lock);
        while (!atomic_load(&pager_wanted)) wait_on(&pager_queue, &pager_lock, false, 0);
        atomic_store(&pager_wanted, 0u);
        spin_unlock(&pager_lock);
        bool ok = fill_pool();
        if (!ok) inode_shrink(64);
        atomic_store(&stuck, ok ? 0u : 1u);
        wake_all(&frame_waiters);
        if (ok) wake_one(&cleaner_queue);
        if (!ok) sleep_until(time_ns() + NS_PER_S / 50, false); /* let others run, and perhaps end */
    }
}

/* Page cleaning: while the pool is not plentiful, frames that have not been used lately are written ahead. */
static void cleaner(void *unused)
{
    (void)unused;
    for (;;) {
        wait_on(&cleaner_queue, NULL, false, time_ns() + NS_PER_S);
        replace_tick();
        struct frame_stats s = frame_stats();
        struct swap_stats swap = swap_stats();
        if (!mm_clean || s.free > 2 * s.high || swap.free < 64) continue;
        for (unsigned i = 0; i < 16; i++) {
            struct page *p = replace_victim();
            if (!p) continue;
            bool dirty_anon = page_flag(p, PG_ANON) && page_flag(p, PG_DIRTY);
            if (!dirty_anon)
                replace_add(p), page_put(p);
            else if (reclaim_page(p, true), !page_flag(p, PG_DIRTY))
                COUNT(cleaned);
        }
    }
}

static void reclaim_start(void)
{
    pager_task = kthread_start("pager", pager, NULL);
    cleaner_task = kthread_start("cleaner", cleaner, NULL);
    if (!pager_task || !cleaner_task) panic("mm: no memory for the pager");
}
INIT(INIT_SUBSYSTEM, reclaim_start);

/* --- out of memory */

static struct mm *largest_space(uint64_t *size)
{
    struct mm *best = NULL, *mm;
    *size = 0;
    spin_lock(&mm_list_lock);
    list_for_each(mm, &mm_list, all_link)
    {
        uint64_t pages = mm->rss_anon + mm->swapped + mm->rss_file / 4;
        if (pages > *size && mm != (init_process && init_process->leader ? init_process->leader->mm : NULL)) {
            best = mm;
            *size = pages;
        }
    }
    spin_unlock(&mm_list_lock);
    return best; /* only to be compared with: it may be gone */
}

/* Ends the process with the most memory, once in a while: the last victim needs time to go. */
static void kill_largest(void)
{
    static uint64_t next_ns;
    uint64_t now = time_ns(), before = atomic_load(&next_ns), size;
    if (now < before || !atomic_cas(&next_ns, &before, now + NS_PER_S)) return;
    struct mm *victim = largest_space(&size);
    if (!victim) return;
    for (int pid = 2;; pid++) {
        struct task *t = task_next(&pid);
        if (!t) return;
        bool found = t->mm == victim && t->process;
        if (found) {
            printk("out of memory: killed process %d (%s), %lu KiB\n", t->tgid, t->name, size * 4);
            signal_send_process(t->process, SIGKILL, NULL);
            COUNT(oom_kills);
        }
        task_put(t);
        if (found) return;
    }
}

bool pager_wait(unsigned order, unsigned want, unsigned tries)
{
    if (!pager_task || pager_is_current()) return false;
    /* A task that is to die gives up at once, so that what it holds becomes free. */
    if (tries && current->process && signal_fatal_pending()) return false;
    if (tries > (want & PAGE_USER ? 100u : 10u)) return false;
    if (order && tries > 3) return false; /* fragmented: waiting does not help */
    atomic_add(&waiting, 1u);
    pager_wake();
    struct frame_stats s = frame_stats();
    if (s.free <= s.low) wait_on(&frame_waiters, NULL, false, time_ns() + NS_PER_S / 20);
    atomic_add(&waiting, -1u);
    if (!atomic_load(&stuck)) return true;
    if (!(want & PAGE_USER)) return tries < 3;
    kill_largest();
    return true;
}
