/* What a program tells about its memory: madvise, msync, mincore, mlock. */
#include "base/errno.h"
#include "base/string.h"
#include "fs/vfs.h"
#include "kern/process.h"
#include "mm/space_internal.h"
#include "mm/swap.h"
#include "mm/usercopy.h"

enum {
    MADV_NORMAL,
    MADV_RANDOM,
    MADV_SEQUENTIAL,
    MADV_WILLNEED,
    MADV_DONTNEED,
    MADV_FREE = 8,
    MADV_REMOVE,
    MADV_DONTFORK,
    MADV_DOFORK,
    MADV_MERGEABLE,
    MADV_UNMERGEABLE,
    MADV_HUGEPAGE,
    MADV_NOHUGEPAGE,
    MADV_DONTDUMP,
    MADV_DODUMP,
    MADV_WIPEONFORK,
    MADV_KEEPONFORK,
    MADV_COLD,
    MADV_PAGEOUT,
    MADV_POPULATE_READ,
    MADV_POPULATE_WRITE,
    MADV_DONTNEED_LOCKED,
};
enum { MS_ASYNC = 1, MS_INVALIDATE = 2, MS_SYNC = 4 };
enum { MCL_CURRENT = 1, MCL_FUTURE = 2, MCL_ONFAULT = 4 };

static bool range_ok(uint64_t addr, uint64_t len)
{
    return !(addr & PAGE_MASK) && len <= USER_TOP && addr <= USER_TOP - PAGE_ROUND_UP(len);
}

/* Cuts areas so that [start, end) consists of whole ones. mm->lock held. */
static int cut(struct mm *mm, uint64_t start, uint64_t end)
{
    struct area *a = area_find(&mm->areas, start);
    int error = a && a->start < start ? area_split(a, start) : 0;
    if (error) return error;
    a = area_find(&mm->areas, end - 1);
    return a && a->end > end ? area_split(a, end) : 0;
}

/* Sets and clears flags of all areas in the range. -ENOMEM: there are holes (the rest is done). */
static int change_flags(struct mm *mm, uint64_t start, uint64_t end, unsigned set, unsigned clear)
{
    int error = cut(mm, start, end);
    if (error) return error;
    uint64_t at = start;
    for (struct area *a = area_at_or_after(&mm->areas, start); a && a->start < end; a = area_next(a)) {
        if (a->start > at) error = -ENOMEM;
        uint64_t pages = (a->end - a->start) >> PAGE_SHIFT;
        if (set & AREA_LOCKED && !(a->flags & AREA_LOCKED)) mm->locked_pages += pages;
        if (clear & AREA_LOCKED && a->flags & AREA_LOCKED) mm->locked_pages -= pages;
        a->flags = (a->flags | set) & ~clear;
        area_join_neighbours(a);
        at = a->end; /* with the next one, if that had the flags already */
    }
    return at < end ? -ENOMEM : error;
}

/* One area's part of an advice that acts on pages. */
static int advise_area(struct mm *mm, struct area *a, uint64_t start, uint64_t end, int advice)
{
    switch (advice) {
    case MADV_FREE:
        if (a->mapping) return -EINVAL;
        /* The pages may read as zero from now on, so they may as well go. */
        __attribute__((fallthrough));
    case MADV_DONTNEED:
        if (a->flags & AREA_LOCKED) return -EINVAL;
        __attribute__((fallthrough));
    case MADV_DONTNEED_LOCKED: mm_zap(mm, start, end); return 0;
    case MADV_REMOVE:
        if (area_is_private(a) || !a->mapping || !a->mapping->memory || !(a->prot & PROT_WRITE)) return -EINVAL;
        pagecache_punch(a->mapping, area_index(a, start) << PAGE_SHIFT, area_index(a, end) << PAGE_SHIFT);
        return 0;
    case MADV_WILLNEED:
        if (a->mapping) pagecache_ahead(a->mapping, area_index(a, start), (end - start) >> PAGE_SHIFT);
        return 0;
    default: return 0;
    }
}

static int flags_of_advice(int advice, unsigned *set, unsigned *clear)
{
    switch (advice) {
    case MADV_NORMAL:
    case MADV_SEQUENTIAL: *clear = AREA_RANDOM; return 1;
    case MADV_RANDOM: *set = AREA_RANDOM; return 1;
    case MADV_DONTFORK: *set = AREA_NO_FORK; return 1;
    case MADV_DOFORK: *clear = AREA_NO_FORK; return 1;
    case MADV_WIPEONFORK: *set = AREA_WIPE_FORK; return 1;
    case MADV_KEEPONFORK: *clear = AREA_WIPE_FORK; return 1;
    case MADV_WILLNEED:
    case MADV_DONTNEED:
    case MADV_DONTNEED_LOCKED:
    case MADV_FREE:
    case MADV_REMOVE: return 0;
    /* Hints about what this kernel does not do: equal pages, large pages, core dumps; and about age, which the reference bits
     * tell. */
    case MADV_MERGEABLE:
    case MADV_UNMERGEABLE:
    case MADV_HUGEPAGE:
    case MADV_NOHUGEPAGE:
    case MADV_DONTDUMP:
    case MADV_DODUMP:
    case MADV_COLD:
    case MADV_PAGEOUT: return 0;
    default: return -EINVAL;
    }
}

int mm_advise(struct mm *mm, uint64_t addr, uint64_t len, int advice)
{
    unsigned set = 0, clear = 0;
    bool populate = advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE;
    int kind = populate ? 0 : flags_of_advice(advice, &set, &clear);
    if (kind < 0 || addr & PAGE_MASK || addr + PAGE_ROUND_UP(len) < addr || (len && !PAGE_ROUND_UP(len)))
        return -EINVAL;
    if (!len) return 0;
    if (!range_ok(addr, len)) return -ENOMEM;
    uint64_t end = addr + PAGE_ROUND_UP(len);
    if (populate) {
        for (uint64_t va = addr; va < end; va += PAGE_SIZE) {
            struct page *p;
            int error = mm_pin(mm, va, advice == MADV_POPULATE_WRITE ? MM_WRITE : MM_READ, &p);
            if (error) return error == -EFAULT ? -ENOMEM : error;
            page_put(p);
        }
        return 0;
    }
    mutex_lock(&mm->lock);
    int result = 0;
    if (kind) {
        struct area *a = area_find(&mm->areas, addr);
        if (advice == MADV_WIPEONFORK && a && (a->mapping || !area_is_private(a)))
            result = -EINVAL;
        else
            result = change_flags(mm, addr, end, set, clear);
    } else {
        uint64_t at = addr;
        for (struct area *a = area_at_or_after(&mm->areas, addr); a && a->start < end; a = area_next(a)) {
            if (a->start > at) result = -ENOMEM; /* a hole: the rest is done all the same, as on Linux */
            int error = advise_area(mm, a, MAX(a->start, addr), MIN(a->end, end), advice);
            at = a->end;
            if (error) {
                result = error;
                break;
            }
        }
        if (at < end && !result) result = -ENOMEM;
    }
    mutex_unlock(&mm->lock);
    return result;
}

int mm_sync(struct mm *mm, uint64_t addr, uint64_t len, int flags)
{
    if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) || addr & PAGE_MASK || (flags & MS_ASYNC && flags & MS_SYNC))
        return -EINVAL;
    if (!len) return 0;
    if (!range_ok(addr, len)) return -ENOMEM;
    uint64_t end = addr + PAGE_ROUND_UP(len);
    int result = 0;
    while (addr < end) {
        mutex_lock(&mm->lock);
        struct area *a = area_at_or_after(&mm->areas, addr);
        if (!a || a->start > addr) result = -ENOMEM;
        struct file *file = NULL;
        if (!a || a->start >= end) {
            mutex_unlock(&mm->lock);
            break;
        }
        uint64_t from = MAX(addr, a->start);
        addr = MIN(end, a->end);
        uint64_t first = area_index(a, from) << PAGE_SHIFT, past = area_index(a, addr) << PAGE_SHIFT;
        struct mapping *m = a->mapping;
        if (flags & MS_INVALIDATE && a->flags & AREA_LOCKED) result = -EBUSY;
        if (a->flags & AREA_SHARED && a->file && flags & MS_SYNC) file = file_get(a->file);
        mutex_unlock(&mm->lock);
        if (!file) continue;
        int error = pagecache_flush(m, first, past);
        if (!error) error = file_sync(file, true);
        file_put(file);
        if (error && error != -EINVAL) return error; /* a device that is mapped need not know fsync */
    }
    return result;
}

/* Is the page in memory? For a file: is it in the page cache. */
static uint8_t page_in_memory(struct mm *mm, const struct area *a, uint64_t va)
{
    spin_lock(&mm->table_lock);
    pte_t *at = pt_find(mm->root, va);
    pte_t e = at ? *at : 0;
    spin_unlock(&mm->table_lock);
    if (pte_present(e)) return 1;
    struct page *p = pte_is_swap(e)     ? swap_cache_find(pte_slot(e))
                     : !e && a->mapping ? pagecache_find(a->mapping, area_index(a, va))
                                        : NULL;
    if (p) page_put(p);
    return p != NULL;
}

int mm_incore(struct mm *mm, uint64_t addr, uint64_t len, uint64_t vector)
{
    if (addr & PAGE_MASK) return -EINVAL;
    if (!range_ok(addr, len)) return -ENOMEM;
    uint64_t pages = PAGE_ROUND_UP(len) >> PAGE_SHIFT;
    if (!user_range_ok(vector, pages)) return -EFAULT;
    uint8_t piece[256];
    for (uint64_t done = 0; done < pages;) {
        unsigned n = 0;
        int error = 0;
        mutex_lock(&mm->lock);
        for (; n < sizeof piece && done + n < pages; n++) {
            uint64_t va = addr + ((done + n) << PAGE_SHIFT);
            struct area *a = area_find(&mm->areas, va);
            if (!a) {
                error = -ENOMEM;
                break;
            }
            piece[n] = page_in_memory(mm, a, va);
        }
        mutex_unlock(&mm->lock);
        if (copy_to_user(vector + done, piece, n)) return -EFAULT;
        if (error) return error;
        done += n;
    }
    return 0;
}

/* --- mlock: the entries get a mark that keeps the pager off */

static void mark_entries(struct mm *mm, uint64_t start, uint64_t end, bool lock)
{
    spin_lock(&mm->table_lock);
    for (uint64_t va = start; (va = pt_next(mm->root, va, end)) < end; va += PAGE_SIZE) {
        pte_t *at = pt_find(mm->root, va);
        if (!pte_present(*at)) continue;
        if (lock)
            atomic_or(at, PTE_LOCKED);
        else
            atomic_and(at, ~PTE_LOCKED);
    }
    spin_unlock(&mm->table_lock);
}

bool mm_may_lock(const struct mm *mm, uint64_t pages)
{
    uint64_t limit = current->process ? process_limit(RLIMIT_MEMLOCK) : RLIM_INFINITY;
    return cred_is_root() || limit == RLIM_INFINITY || pages + mm->locked_pages <= limit >> PAGE_SHIFT;
}

int mm_lock_range(struct mm *mm, uint64_t addr, uint64_t len, bool lock)
{
    uint64_t start = PAGE_ROUND_DOWN(addr), end = PAGE_ROUND_UP(addr + len);
    if (addr + len < addr || end < start) return -EINVAL;
    if (start == end) return 0;
    if (end > USER_TOP) return -ENOMEM;
    if (lock && !cred_is_root() && !process_limit(RLIMIT_MEMLOCK)) return -EPERM;
    mutex_lock(&mm->lock);
    int error = lock && !mm_may_lock(mm, (end - start) >> PAGE_SHIFT) ? -ENOMEM : 0;
    if (!error) {
        error = change_flags(mm, start, end, lock ? AREA_LOCKED : 0, lock ? 0 : AREA_LOCKED);
        mark_entries(mm, start, end, lock);
    }
    mutex_unlock(&mm->lock);
    if (!error && lock) error = mm_populate(mm, start, end);
    return error == -EFAULT || error == -ENXIO ? -ENOMEM : error;
}

int mm_lock_all(struct mm *mm, int flags)
{
    if (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) || flags == MCL_ONFAULT) return -EINVAL;
    if (flags && !cred_is_root() && !process_limit(RLIMIT_MEMLOCK)) return -EPERM;
    bool current_too = flags & MCL_CURRENT || !flags;
    mutex_lock(&mm->lock);
    int error = flags & MCL_CURRENT && !mm_may_lock(mm, mm->virtual_pages - mm->locked_pages) ? -ENOMEM : 0;
    if (!error) mm->lock_future = flags & MCL_FUTURE;
    if (!error && current_too) {
        /* Holes are no error here. */
        change_flags(mm, 0, USER_TOP, flags ? AREA_LOCKED : 0, flags ? 0 : AREA_LOCKED);
        mark_entries(mm, 0, USER_TOP, flags != 0);
    }
    mutex_unlock(&mm->lock);
    return error;
}
