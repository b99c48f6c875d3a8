/*
 * Taking pages out of page tables. The order matters: first the entries change, then all harts forget the old
 * translations, and only then are the frames let go; otherwise another hart could write into a frame that
 * already belongs to somebody else. The frames of up to RELEASE_MAX entries share one fence.
 */
#include "mm/space_internal.h"
#include "mm/swap.h"

void release_all(struct release *r)
{
    for (unsigned i = 0; i < r->pages; i++) {
        if (page_flag(r->page[i], PG_SWAP)) swap_cache_try_free(r->page[i]);
        page_put(r->page[i]);
    }
    for (unsigned i = 0; i < r->slots; i++) {
        struct page *cached = slot_holders(r->slot[i]) == 2 ? swap_cache_find(r->slot[i]) : NULL;
        slot_put(r->slot[i]);
        if (!cached) continue;
        swap_cache_try_free(cached);
        page_put(cached);
    }
    r->pages = r->slots = 0;
}

/* Empties one entry. */
static void zap_entry(struct mm *mm, pte_t *at, struct release *r)
{
    pte_t e = atomic_swap(at, 0ul);
    if (pte_is_swap(e)) {
        mm->swapped--;
        r->slot[r->slots++] = pte_slot(e);
        return;
    }
    struct page *p = page_of(pte_pa(e));
    if (p == zero_page) return;
    if (page_flag(p, PG_ANON))
        mm->rss_anon--;
    else
        mm->rss_file--;
    /* The dirty bit of a file's page says nothing new: it was marked when it became writable. */
    atomic_add(&p->maps, -1u);
    r->page[r->pages++] = p;
}

void mm_zap(struct mm *mm, uint64_t start, uint64_t end)
{
    for (uint64_t va = start; va < end;) {
        struct release r = {0};
        spin_lock(&mm->table_lock);
        va = pt_next(mm->root, va, end);
        uint64_t first = va, past = va;
        uint64_t stop = MIN(end, ALIGN_DOWN(va, pte_level_bytes(1)) + pte_level_bytes(1));
        if (va < end) {
            for (pte_t *at = pt_find(mm->root, va); va < stop && !release_full(&r); va += PAGE_SIZE, at++) {
                if (!*at) continue;
                zap_entry(mm, at, &r);
                past = va + PAGE_SIZE;
            }
            tlb_flush(mm, first, past);
        }
        spin_unlock(&mm->table_lock);
        release_all(&r);
    }
}

void mm_write_protect(struct mm *mm, uint64_t start, uint64_t end)
{
    spin_lock(&mm->table_lock);
    for (uint64_t va = start; (va = pt_next(mm->root, va, end)) < end; va += PAGE_SIZE) {
        pte_t *at = pt_find(mm->root, va);
        if (pte_present(*at)) atomic_and(at, ~PTE_W);
    }
    tlb_flush(mm, start, end);
    spin_unlock(&mm->table_lock);
}
