/* An address space's life: made empty, filled by mm_map(), copied by fork, and freed with its last reference;
 * and the book-keeping of its areas: splitting, joining, and which object each belongs to. */
#include "base/string.h"
#include "base/errno.h"
#include "fs/vfs.h"
#include "kern/init.h"
#include "kern/print.h"
#include "mm/reclaim.h"
#include "mm/slab.h"
#include "mm/space_internal.h"
#include "mm/swap.h"

static struct slab *mm_slab, *area_slab, *family_slab;
struct list mm_list = LIST_INIT(mm_list);
struct spinlock mm_list_lock = SPINLOCK_INIT("address spaces", RANK_MM_LIST);
struct page *zero_page;
struct mm_events mm_events;

static void space_start(void)
{
    mm_slab = slab_create("mm", sizeof(struct mm));
    area_slab = slab_create("area", sizeof(struct area));
    family_slab = slab_create("family", sizeof(struct family));
    zero_page = page_alloc(0, PAGE_ZEROED);
    if (!mm_slab || !area_slab || !family_slab || !zero_page) panic("mm: too little memory to start");
    page_flag_set(zero_page, PG_FIXED | PG_UPTODATE | PG_FETCHED);
}
INIT(INIT_KERNEL, space_start);

static struct family *family_create(void)
{
    struct family *f = slab_alloc(family_slab);
    if (!f) return NULL;
    ref_init(&f->refs);
    spin_init(&f->lock, "family", RANK_FAMILY);
    list_init(&f->members);
    return f;
}

void family_put(struct family *f)
{
    if (ref_put(&f->refs)) slab_free(family_slab, f);
}

void family_page_free(struct page *p) { family_put(p->family); }

/* A space without areas in the given family (which gains a member's reference). */
static struct mm *mm_new(struct family *f)
{
    struct mm *mm = slab_alloc(mm_slab);
    if (!mm) return NULL;
    *mm = (struct mm){.family = f};
    mm->root = pt_create();
    if (!mm->root) {
        slab_free(mm_slab, mm);
        return NULL;
    }
    ref_init(&mm->refs);
    mutex_init(&mm->lock, "address space");
    area_tree_init(&mm->areas);
    spin_init(&mm->table_lock, "page table", RANK_TABLE);
    ref_get(&f->refs);
    list_init(&mm->family_link);
    list_init(&mm->all_link);
    return mm;
}

/* The space can be found from now on: by the pager, and by who empties a swap area. Not while fork still fills it without its locks. */
static void family_join(struct mm *mm)
{
    spin_lock(&mm_list_lock);
    list_push_back(&mm_list, &mm->all_link);
    spin_unlock(&mm_list_lock);
    spin_lock(&mm->family->lock);
    list_push_back(&mm->family->members, &mm->family_link);
    spin_unlock(&mm->family->lock);
}

struct mm *mm_create(void)
{
    struct family *f = family_create();
    if (!f) return NULL;
    struct mm *mm = mm_new(f);
    family_put(f);
    if (mm) family_join(mm);
    return mm;
}

void mm_get(struct mm *mm) { ref_get(&mm->refs); }

void mm_put(struct mm *mm)
{
    if (!mm || !ref_put(&mm->refs)) return;
    tlb_forget(mm);
    spin_lock(&mm_list_lock);
    list_remove(&mm->all_link);
    spin_unlock(&mm_list_lock);
    mm_zap(mm, 0, USER_TOP);
    for (struct rb_node *n; (n = rb_first(&mm->areas.tree));) {
        struct area *a = rb_entry(n, struct area, node);
        area_remove(&mm->areas, a);
        area_destroy(a);
    }
    ASSERT(!mm->rss_anon && !mm->rss_file && !mm->swapped);
    /* The pager finds a space through its family: after this it cannot any more. */
    spin_lock(&mm->family->lock);
    list_remove(&mm->family_link);
    spin_unlock(&mm->family->lock);
    family_put(mm->family);
    pt_destroy(mm->root);
    slab_free(mm_slab, mm);
}

struct area *area_create(struct mm *mm, uint64_t start, uint64_t end, int prot, unsigned flags)
{
    struct area *a = slab_alloc(area_slab);
    if (!a) return NULL;
    *a = (struct area){
        .start = start, .end = end, .prot = prot, .flags = flags, .mm = mm, .offset = start >> PAGE_SHIFT};
    list_init(&a->mapping_link);
    return a;
}

void area_attach(struct area *a, struct mapping *m, struct file *file, struct memobj *object, uint64_t offset)
{
    a->mapping = m;
    a->offset = offset;
    if ((a->file = file)) file_get(file);
    if ((a->object = object)) memobj_get(object);
    spin_lock(&m->lock);
    list_push_back(&m->areas, &a->mapping_link);
    spin_unlock(&m->lock);
}

void area_destroy(struct area *a)
{
    if (a->mapping) {
        spin_lock(&a->mapping->lock);
        list_remove(&a->mapping_link);
        spin_unlock(&a->mapping->lock);
    }
    if (a->file) file_put(a->file);
    if (a->object) {
        if (a->object->shmid >= 0) shm_detached(a->object);
        memobj_put(a->object);
    }
    slab_free(area_slab, a);
}

/* The pager reads the bounds of areas of an object under the object's lock. */
void area_set_bounds(struct area *a, uint64_t start, uint64_t end, uint64_t offset)
{
    if (a->mapping) spin_lock(&a->mapping->lock);
    a->start = start;
    a->end = end;
    a->offset = offset;
    if (a->mapping) spin_unlock(&a->mapping->lock);
}

/* A second area with everything but the bounds like `a`. */
static struct area *area_clone(struct mm *mm, const struct area *a, uint64_t start, uint64_t end)
{
    struct area *b = area_create(mm, start, end, a->prot, a->flags);
    if (!b) return NULL;
    b->limit = a->limit;
    b->offset = area_index(a, start);
    if (a->mapping) area_attach(b, a->mapping, a->file, a->object, b->offset);
    return b;
}

int area_split(struct area *a, uint64_t at)
{
    if (a->mm->areas.count >= AREAS_MAX) return -ENOMEM;
    struct area *b = area_clone(a->mm, a, at, a->end);
    if (!b) return -ENOMEM;
    /* Only the lowest part of a stack grows. */
    b->flags &= ~(unsigned)AREA_GROWS;
    area_set_bounds(a, a->start, at, a->offset);
    area_add(&a->mm->areas, b);
    return 0;
}

void area_join_neighbours(struct area *a)
{
    struct area *next = area_next(a), *before = area_before(a);
    if (next && area_can_join(a, next)) {
        uint64_t end = next->end;
        area_remove(&a->mm->areas, next);
        area_destroy(next);
        area_set_bounds(a, a->start, end, a->offset);
    }
    if (before && area_can_join(before, a)) {
        uint64_t start = before->start, offset = before->offset;
        area_remove(&a->mm->areas, before);
        area_destroy(before);
        area_set_bounds(a, start, a->end, offset); /* its place in the order stays */
    }
}

/* --- fork */

/* Gives the child the parent's entries of one private area: frames shared and write-protected, slots counted. At
 * most one table's worth of pages under one hold of the lock. */
static int copy_entries(struct mm *child, struct mm *parent, uint64_t start, uint64_t end)
{
    for (uint64_t va = start; (va = pt_next(parent->root, va, end)) < end;) {
        struct pt_spare spare = {0};
        if (pt_spare_fill(&spare)) {
            pt_spare_drop(&spare);
            return -ENOMEM;
        }
        uint64_t stop = MIN(end, ALIGN_DOWN(va, pte_level_bytes(1)) + pte_level_bytes(1));
        spin_lock(&parent->table_lock);
        pte_t *from = pt_find(parent->root, va), *to = NULL; /* the child's table, made when it gets its first entry */
        for (; va < stop; va += PAGE_SIZE, from++) {
            pte_t e = *from;
            if (!e) continue;
            struct page *p = pte_present(e) ? page_of(pte_pa(e)) : NULL;
            if (p && !page_flag(p, PG_ANON | PG_FIXED)) continue; /* a file's page: the child faults it in again */
            if (!to) to = pt_make(child->root, va, &spare) - pte_index(va, 0);
            pte_t *at = to + pte_index(va, 0);
            if (pte_is_swap(e)) {
                slot_get(pte_slot(e));
                child->swapped++;
                *at = e;
                continue;
            }
            /* The hart may set A and D at any moment; so the entry is changed atomically. */
            if (e & PTE_W) e = atomic_and(from, ~PTE_W);
            *at = e & ~(PTE_LOCKED | PTE_A | PTE_W);
            if (p == zero_page) continue;
            page_get(p);
            atomic_add(&p->maps, 1u);
            child->rss_anon++;
        }
        spin_unlock(&parent->table_lock);
        pt_spare_drop(&spare);
    }
    return 0;
}

static int copy_area(struct mm *child, struct mm *parent, const struct area *a)
{
    if (a->flags & AREA_NO_FORK) return 0;
    struct area *b = area_clone(child, a, a->start, a->end);
    if (!b) return -ENOMEM;
    b->flags &= ~(unsigned)AREA_LOCKED;
    area_add(&child->areas, b);
    child->virtual_pages += (b->end - b->start) >> PAGE_SHIFT;
    if (!area_is_private(a) || a->flags & AREA_WIPE_FORK) return 0;
    return copy_entries(child, parent, a->start, a->end);
}

struct mm *mm_fork(struct mm *parent)
{
    struct mm *child = mm_new(parent->family);
    if (!child) return NULL;
    mutex_lock(&parent->lock);
    child->brk_start = parent->brk_start;
    child->brk = parent->brk;
    int error = 0;
    for (struct rb_node *n = rb_first(&parent->areas.tree); n && !error; n = rb_next(n))
        error = copy_area(child, parent, rb_entry(n, struct area, node));
    /* Until here other threads of the parent could write through old translations; now every write faults and
     * copies. */
    tlb_flush_all(parent);
    family_join(child);
    mutex_unlock(&parent->lock);
    if (!error) return child;
    mm_put(child);
    return NULL;
}
