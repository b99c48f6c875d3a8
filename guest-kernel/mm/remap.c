/*
 * mremap: a map that grows, shrinks or moves. Moving takes the page-table entries along, not the contents: a
 * gigabyte moves as fast as its tables can be walked. An anonymous frame remembers its virtual page (see
 * rmap.c), so it is told its new one; a frame that a fork has left to several spaces cannot have two, so it is
 * first copied for us, by a fault.
 */
#include "base/errno.h"
#include "fs/vfs.h"
#include "kern/process.h"
#include "mm/space_internal.h"
#include "mm/swap.h"

enum { MREMAP_MAYMOVE = 1, MREMAP_FIXED = 2, MREMAP_DONTUNMAP = 4 };

/* Can the frame be told a new place? Under the family's lock, so that the pager does not look meanwhile. */
static bool move_frame(struct page *p, uint64_t index)
{
    spin_lock(&p->family->lock);
    bool alone = atomic_load(&p->maps) == 1 && !page_flag(p, PG_SWAP);
    if (alone) p->index = index;
    spin_unlock(&p->family->lock);
    return alone;
}

/* Moves one entry. 0: moved (or nothing there); 1: the page must be made private first. */
static int move_entry(struct mm *mm, uint64_t from, uint64_t to, struct pt_spare *spare, struct release *r)
{
    int result = 0;
    /* The frame, if it is anonymous, keeps its old place until the entry is out of the table. */
    spin_lock(&mm->table_lock);
    pte_t *old = pt_find(mm->root, from);
    pte_t e = old ? *old : 0;
    struct page *p = pte_present(e) ? page_of(pte_pa(e)) : NULL;
    bool anon = p && page_flag(p, PG_ANON);
    if (anon) page_get(p);
    spin_unlock(&mm->table_lock);
    if (!e) return 0;
    if (anon && !move_frame(p, to >> PAGE_SHIFT)) result = 1;
    spin_lock(&mm->table_lock);
    if (!result && (old = pt_find(mm->root, from)) && pte_present(*old) == pte_present(e) &&
        pte_pa(*old) == pte_pa(e)) {
        e = atomic_swap(old, 0ul);
        tlb_flush(mm, from, from + PAGE_SIZE);
        if (anon || pte_is_swap(e) || p == zero_page) {
            *pt_make(mm->root, to, spare) = e;
        } else {
            /* A file's page comes back by a fault. */
            mm->rss_file--;
            atomic_add(&p->maps, -1u);
            r->page[r->pages++] = p;
        }
    } else if (!result) {
        result = 1; /* the pager was faster */
    }
    spin_unlock(&mm->table_lock);
    if (anon) page_put(p);
    return result;
}

/* All entries of [from, from + len) to `to`. mm->lock held. */
static int move_entries(struct mm *mm, uint64_t from, uint64_t to, uint64_t len)
{
    for (uint64_t done = 0; done < len;) {
        spin_lock(&mm->table_lock);
        uint64_t next = pt_next(mm->root, from + done, from + len);
        spin_unlock(&mm->table_lock);
        if ((done = next - from) >= len) break;
        struct pt_spare spare = {0};
        struct release r = {0};
        if (pt_spare_fill(&spare)) {
            pt_spare_drop(&spare);
            return -ENOMEM;
        }
        int again = move_entry(mm, from + done, to + done, &spare, &r);
        pt_spare_drop(&spare);
        release_all(&r);
        if (again) {
            int error = mm_own_page(mm, from + done);
            if (error) return error;
            continue;
        }
        done += PAGE_SIZE;
    }
    return 0;
}

/* The area that holds all of [addr, addr + len); NULL: *error. */
static struct area *whole_area(struct mm *mm, uint64_t addr, uint64_t len, int *error)
{
    struct area *a = area_find(&mm->areas, addr);
    *error = -EFAULT;
    return a && addr + len <= a->end ? a : NULL;
}

/* In place: the hole behind it must be large enough. */
static bool grow_in_place(struct mm *mm, struct area *a, uint64_t addr, uint64_t old_len, uint64_t new_len)
{
    if (a->end != addr + old_len || addr + new_len > USER_TOP || !area_range_free(&mm->areas, a->end, addr + new_len))
        return false;
    uint64_t more = (new_len - old_len) >> PAGE_SHIFT;
    mm->virtual_pages += more;
    if (a->flags & AREA_LOCKED) mm->locked_pages += more;
    area_set_bounds(a, a->start, addr + new_len, a->offset);
    area_join_neighbours(a);
    return true;
}

static long move_area(struct mm *mm, struct area *a, uint64_t addr, uint64_t old_len, uint64_t new_len, int flags,
                      uint64_t to)
{
    if (mm->areas.count + 3 > AREAS_MAX) return -ENOMEM;
    if (!(flags & MREMAP_FIXED)) to = area_find_hole(&mm->areas, new_len, PAGE_SIZE * 16, MAP_TOP);
    if (!to) return -ENOMEM;
    struct area *b = area_create(mm, to, to + new_len, a->prot, a->flags & ~(unsigned)(AREA_GROWS | AREA_STACK));
    if (!b) return -ENOMEM;
    uint64_t offset = area_index(a, addr);
    if (a->mapping)
        area_attach(b, a->mapping, a->file, a->object, offset);
    else
        b->offset = to >> PAGE_SHIFT;
    area_add(&mm->areas, b);
    mm->virtual_pages += new_len >> PAGE_SHIFT;
    if (b->flags & AREA_LOCKED) mm->locked_pages += new_len >> PAGE_SHIFT;
    int error = old_len ? move_entries(mm, addr, to, old_len) : 0;
    if (error) {
        move_entries(mm, to, addr, old_len);
        mm_unmap_locked(mm, to, to + new_len);
        return error;
    }
    if (old_len && !(flags & MREMAP_DONTUNMAP)) mm_unmap_locked(mm, addr, addr + old_len);
    return (long)to;
}

static long remap_locked(struct mm *mm, uint64_t addr, uint64_t old_len, uint64_t new_len, int flags, uint64_t to)
{
    int error;
    struct area *a = whole_area(mm, addr, old_len, &error);
    if (!a) return error;
    if (!old_len && !(a->flags & AREA_SHARED)) return -EINVAL;
    if (flags & MREMAP_DONTUNMAP && (a->mapping || new_len != old_len)) return -EINVAL;
    if (flags & MREMAP_FIXED) {
        if (to & PAGE_MASK || to > USER_TOP - new_len || to < PAGE_SIZE * 16) return -EINVAL;
        if (addr + old_len > to && to + new_len > addr) return -EINVAL;
        error = mm_unmap_locked(mm, to, to + new_len);
        if (error) return error;
        /* The area may have been cut by that, or be gone. */
        if (!(a = whole_area(mm, addr, old_len, &error))) return error;
    }
    if (old_len > new_len) {
        error = mm_unmap_locked(mm, addr + new_len, addr + old_len);
        if (error) return error;
        old_len = new_len;
        a = area_find(&mm->areas, addr);
    }
    if (current->process && new_len > old_len) {
        uint64_t limit = process_limit(RLIMIT_AS);
        if (limit != RLIM_INFINITY && mm->virtual_pages + ((new_len - old_len) >> PAGE_SHIFT) > limit >> PAGE_SHIFT)
            return -ENOMEM;
    }
    if (a->flags & AREA_LOCKED && new_len > old_len && !mm_may_lock(mm, (new_len - old_len) >> PAGE_SHIFT))
        return -EAGAIN;
    if (!(flags & (MREMAP_FIXED | MREMAP_DONTUNMAP))) {
        if (new_len == old_len) return (long)addr;
        if (old_len && grow_in_place(mm, a, addr, old_len, new_len)) return (long)addr;
        if (!(flags & MREMAP_MAYMOVE)) return -ENOMEM;
    }
    return move_area(mm, a, addr, old_len, new_len, flags, to);
}

long mm_remap(struct mm *mm, uint64_t addr, uint64_t old_len, uint64_t new_len, int flags, uint64_t to)
{
    if (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP) || addr & PAGE_MASK) return -EINVAL;
    if (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) && !(flags & MREMAP_MAYMOVE)) return -EINVAL;
    if (!new_len || new_len > USER_TOP || old_len > USER_TOP) return -EINVAL;
    old_len = PAGE_ROUND_UP(old_len);
    new_len = PAGE_ROUND_UP(new_len);
    if (addr > USER_TOP - old_len) return -EFAULT;
    mutex_lock(&mm->lock);
    long at = remap_locked(mm, addr, old_len, new_len, flags, to);
    struct area *a = at >= 0 ? area_find(&mm->areas, (uint64_t)at) : NULL;
    bool locked = a && a->flags & AREA_LOCKED;
    mutex_unlock(&mm->lock);
    if (locked) mm_populate(mm, (uint64_t)at, (uint64_t)at + new_len);
    return at;
}
