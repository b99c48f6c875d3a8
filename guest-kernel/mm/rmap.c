/*
 * Reverse mapping: from a frame to the page-table entries that point to it. The pager needs it to see whether a
 * frame was used, and to take it away from everybody.
 *
 * A frame of a file is mapped by areas that the file's mapping lists: page `index` can only be at one address in
 * each. An anonymous frame can only be at its own virtual page number, in one of the spaces of its family. So no
 * list of entries has to be kept; whether an entry really points to the frame is seen in the page table.
 */
#include "mm/pagecache_internal.h"
#include "mm/space_internal.h"
#include "mm/swap.h"

struct visit {
    struct page *page;
    /* Looks at (and changes) the entry of `va`, which points to the page. Table lock held. False: enough. */
    bool (*entry)(struct visit *, struct mm *, uint64_t va, pte_t *);
    bool found, force, blocked;
    unsigned removed; /* references to give back */
};

static bool visit_entry(struct visit *v, struct mm *mm, uint64_t va)
{
    bool more = true;
    spin_lock(&mm->table_lock);
    pte_t *at = pt_find(mm->root, va);
    if (at && pte_present(*at) && page_of(pte_pa(*at)) == v->page) more = v->entry(v, mm, va, at);
    spin_unlock(&mm->table_lock);
    return more;
}

/* Every entry that points to the page. A frame of the cache is passed with its mapping, which must stay (page
 * locked). */
static void visit_all(struct visit *v, struct mapping *m)
{
    struct page *p = v->page;
    if (m) {
        struct area *a;
        spin_lock(&m->lock);
        list_for_each(a, &m->areas, mapping_link)
        {
            uint64_t pages = (a->end - a->start) >> PAGE_SHIFT;
            if (p->index - a->offset < pages && atomic_load(&p->maps) &&
                !visit_entry(v, a->mm, a->start + ((p->index - a->offset) << PAGE_SHIFT)))
                break;
        }
        spin_unlock(&m->lock);
    } else if (page_flag(p, PG_ANON)) {
        struct mm *mm;
        spin_lock(&p->family->lock);
        list_for_each(mm, &p->family->members, family_link)
        {
            if (atomic_load(&p->maps) && !visit_entry(v, mm, p->index << PAGE_SHIFT)) break;
        }
        spin_unlock(&p->family->lock);
    }
}

static struct mapping *mapping_of(struct page *p) { return page_flag(p, PG_CACHE) ? p->mapping : NULL; }

static bool take_reference_bit(struct visit *v, struct mm *mm, uint64_t va, pte_t *at)
{
    (void)va;
    if (*at & PTE_LOCKED) v->found = true;
    if (!(*at & PTE_A)) return true;
    v->found = true;
    atomic_and(at, ~PTE_A);
    /* Harts that remember the entry do not set the bit again before they forget it; at the next switch is soon enough. */
    tlb_flush_later(mm);
    return true;
}

bool rmap_referenced(struct page *p)
{
    struct visit v = {.page = p, .entry = take_reference_bit};
    if (atomic_load(&p->maps)) visit_all(&v, mapping_of(p));
    return v.found;
}

static bool remove_entry(struct visit *v, struct mm *mm, uint64_t va, pte_t *at)
{
    struct page *p = v->page;
    if (*at & PTE_LOCKED && !v->force) {
        v->blocked = true;
        return false;
    }
    bool to_slot = page_flag(p, PG_ANON) && page_flag(p, PG_SWAP);
    if (page_flag(p, PG_ANON) && !to_slot) {
        v->blocked = true; /* nowhere to go */
        return false;
    }
    if (to_slot) slot_get(p->slot);
    pte_t old = atomic_swap(at, to_slot ? pte_swap(p->slot) : 0ul);
    tlb_flush(mm, va, va + PAGE_SIZE);
    if (page_flag(p, PG_ANON)) {
        mm->rss_anon--;
        mm->swapped++;
        if (old & PTE_D) page_flag_set(p, PG_DIRTY);
    } else {
        mm->rss_file--;
    }
    atomic_add(&p->maps, -1u);
    v->removed++;
    return true;
}

bool rmap_unmap(struct page *p, struct mapping *m, bool force)
{
    struct visit v = {.page = p, .entry = remove_entry, .force = force};
    if (atomic_load(&p->maps)) visit_all(&v, m);
    while (v.removed--) page_put(p); /* the caller's own reference keeps it */
    return !v.blocked && !atomic_load(&p->maps);
}

static bool protect_entry(struct visit *v, struct mm *mm, uint64_t va, pte_t *at)
{
    (void)v;
    if (!(*at & PTE_W)) return true;
    atomic_and(at, ~(PTE_W | PTE_D));
    tlb_flush(mm, va, va + PAGE_SIZE);
    return true;
}

void rmap_write_protect(struct page *p)
{
    struct visit v = {.page = p, .entry = protect_entry};
    if (atomic_load(&p->maps)) visit_all(&v, mapping_of(p));
}
