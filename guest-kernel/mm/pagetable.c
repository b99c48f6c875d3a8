/* User page tables: walking, making and freeing the three levels. The lower half of the root belongs to the
 * space, the upper half is a copy of the kernel's, made once. */
#include "mm/pagetable.h"
#include "arch/kmap.h"
#include "base/errno.h"
#include "base/string.h"
#include "kern/print.h"

static uint64_t tables;
uint64_t pt_tables(void) { return __atomic_load_n(&tables, __ATOMIC_RELAXED); }

static pte_t *table_of(pte_t e) { return pa_to_va(pte_pa(e)); }

static struct page *table_alloc(void)
{
    struct page *p = page_alloc(0, PAGE_ZEROED);
    if (!p) return NULL;
    page_flag_set(p, PG_TABLE);
    __atomic_fetch_add(&tables, 1, __ATOMIC_RELAXED);
    return p;
}

static void table_free(struct page *p)
{
    page_flag_clear(p, PG_TABLE);
    __atomic_fetch_sub(&tables, 1, __ATOMIC_RELAXED);
    page_put(p);
}

pte_t *pt_create(void)
{
    struct page *p = table_alloc();
    if (!p) return NULL;
    pte_t *root = page_va(p);
    memcpy(root + PTES_PER_TABLE / 2, kernel_root + PTES_PER_TABLE / 2, PAGE_SIZE / 2);
    return root;
}

void pt_destroy(pte_t *root)
{
    for (unsigned i = 0; i < PTES_PER_TABLE / 2; i++) {
        if (!pte_present(root[i])) continue;
        pte_t *middle = table_of(root[i]);
        for (unsigned j = 0; j < PTES_PER_TABLE; j++)
            if (pte_present(middle[j])) table_free(page_of(pte_pa(middle[j])));
        table_free(page_of(pte_pa(root[i])));
    }
    table_free(page_of_va(root));
}

pte_t *pt_find(pte_t *root, uint64_t va)
{
    pte_t e = root[pte_index(va, 2)];
    if (!pte_present(e)) return NULL;
    e = table_of(e)[pte_index(va, 1)];
    if (!pte_present(e)) return NULL;
    return &table_of(e)[pte_index(va, 0)];
}

uint64_t pt_next(pte_t *root, uint64_t va, uint64_t end)
{
    while (va < end) {
        unsigned missing = 0; /* the level at which there is no table */
        pte_t e = root[pte_index(va, 2)];
        if (!pte_present(e))
            missing = 2;
        else if (!pte_present(table_of(e)[pte_index(va, 1)]))
            missing = 1;
        if (!missing) return va;
        va = ALIGN_DOWN(va, pte_level_bytes(missing)) + pte_level_bytes(missing);
    }
    return end;
}

int pt_spare_fill(struct pt_spare *s)
{
    while (s->count < 2) {
        if (!(s->frame[s->count] = table_alloc())) return -ENOMEM;
        s->count++;
    }
    return 0;
}

void pt_spare_drop(struct pt_spare *s)
{
    while (s->count) table_free(s->frame[--s->count]);
}

pte_t *pt_make(pte_t *root, uint64_t va, struct pt_spare *s)
{
    pte_t *table = root;
    for (unsigned level = 2; level; level--) {
        pte_t *e = &table[pte_index(va, level)];
        if (!pte_present(*e)) {
            ASSERT(s->count);
            /* The zeroed table must be visible to other harts before the entry that leads to it. */
            __atomic_store_n(e, pte_make(page_pa(s->frame[--s->count]), PTE_V), __ATOMIC_RELEASE);
        }
        table = table_of(*e);
    }
    return &table[pte_index(va, 0)];
}
