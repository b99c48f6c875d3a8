/*
 * Page faults: how a promise (an area) becomes a frame.
 *
 *   the entry is            and the page is                     then
 *   empty                   anonymous, read                     the zero page, shared by everybody, write-protected
 *                           anonymous, written                  a new frame of zero bytes
 *                           a file's                            its frame in the page cache; a private page that is written: a copy
 *   a swap slot             in the swap cache or on the disk    that frame
 *   there, not writable     private and shared with others      a copy (copy on write)
 *                           private, nobody else's              made writable
 *                           a file's, shared                    marked dirty and made writable
 *   there                   -                                   the hart only wanted its A or D bit set, or another thread was faster
 *
 * The space's mutex keeps the areas as they are, but it is never held while the disk works: then the fault lets
 * go of everything but the frame it waits for, and starts again from the beginning. Entries may change at any
 * time (the pager takes frames away), so each step looks at the entry, prepares without the table lock, and puts
 * the new entry in only if the old one is still there.
 */
#include "mm/space_internal.h"
#include "arch/hart.h"
#include "arch/machine.h"
#include "arch/riscv.h"
#include "arch/sbi.h"
#include "base/errno.h"
#include "base/string.h"
#include "fs/vfs.h"
#include "kern/process.h"
#include "kern/signal.h"
#include "mm/replace.h"
#include "mm/swap.h"

/* Internal results: start over at once, or after bringing something in. */
enum { AGAIN = 1, BRING_IN = 2 };

struct fault {
    struct mm *mm;
    struct area *area;
    uint64_t va; /* of the page */
    enum mm_access access;
    /* What to bring in without locks, with references: */
    uint64_t slot; /* or SLOT_NONE */
    struct mapping *mapping;
    struct file *file;
    struct memobj *object;
    uint64_t index;
    bool make_writable;
    /* What earlier rounds have brought: */
    struct page *held;       /* keeps the frame from being replaced before it is mapped */
    uint64_t writable_index; /* the object has agreed to a write of this page */
    bool major;
};

#define AROUND 16 /* the prepaging window: pages of a file mapped together if they are in memory */

void page_make_fetchable(struct page *p)
{
    if (page_flag(p, PG_FETCHED)) return;
    fence_i();
    bool on = interrupts_off();
    sbi_remote_fence_i(((1u << machine.harts) - 1) & ~(1u << this_hart()->number));
    interrupts_restore(on);
    page_flag_set(p, PG_FETCHED);
}

static pte_t entry_for(const struct fault *f, struct page *p, bool writable)
{
    uint64_t bits = prot_bits(f->area->prot) | PTE_V | PTE_U | PTE_A;
    if (f->area->prot & PROT_EXEC) page_make_fetchable(p);
    if (writable) bits |= PTE_W | PTE_D;
    if (f->area->flags & AREA_LOCKED) bits |= PTE_LOCKED;
    return pte_make(page_pa(p), bits);
}

/* Puts an entry in place of `old`; the new frame's reference goes to the entry. False: the entry has changed
 * meanwhile. */
static bool install(struct fault *f, pte_t old, pte_t new, struct page *p)
{
    struct mm *mm = f->mm;
    spin_lock(&mm->table_lock);
    pte_t *at = pt_find(mm->root, f->va);
    bool same = at && *at == old;
    /* A frame that left the page cache (truncate) must not be mapped any more. Who takes it out first clears PG_CACHE and then looks whether it
     * is mapped; counted first and looked at then, one of us sees the other. */
    if (same && p != zero_page) {
        atomic_add(&p->maps, 1u);
        same = page_flag(p, PG_CACHE | PG_ANON);
        if (!same) atomic_add(&p->maps, -1u);
    }
    if (same) {
        atomic_store(at, new);
        if (pte_is_swap(old)) mm->swapped--;
        if (p != zero_page) {
            if (page_flag(p, PG_ANON))
                mm->rss_anon++;
            else
                mm->rss_file++;
        }
        struct page *before = pte_present(old) ? page_of(pte_pa(old)) : NULL;
        if (before && before != zero_page) {
            atomic_add(&before->maps, -1u);
            if (page_flag(before, PG_ANON))
                mm->rss_anon--;
            else
                mm->rss_file--;
        }
        if (before) tlb_flush(mm, f->va, f->va + PAGE_SIZE);
    }
    spin_unlock(&mm->table_lock);
    sfence_page(f->va); /* harts may remember that there was nothing */
    return same;
}

/* A new anonymous frame, content undefined, already of the family. */
static struct page *anon_page(struct fault *f, unsigned want)
{
    struct page *p = page_alloc(0, want | PAGE_USER);
    if (!p) return NULL;
    p->family = f->mm->family;
    ref_get(&p->family->refs);
    p->index = f->va >> PAGE_SHIFT;
    page_flag_set(p, PG_ANON | PG_UPTODATE | PG_DIRTY);
    return p;
}

/* Lets go of what an entry held before, once no hart can reach it. */
static void release_old(pte_t old)
{
    struct release r = {0};
    if (pte_present(old) && page_of(pte_pa(old)) != zero_page) r.page[r.pages++] = page_of(pte_pa(old));
    if (pte_is_swap(old)) r.slot[r.slots++] = pte_slot(old);
    release_all(&r);
}

/* Maps an anonymous frame that nobody else has; takes over its reference. */
static int install_anon(struct fault *f, pte_t old, struct page *p)
{
    page_get(p); /* ours, until the policy knows it */
    if (install(f, old, entry_for(f, p, f->area->prot & PROT_WRITE), p)) {
        replace_add(p);
        page_put(p);
        release_old(old);
        return 0;
    }
    page_put(p);
    page_put(p);
    return AGAIN;
}

static int fault_zero(struct fault *f)
{
    if (!(f->access & MM_WRITE)) return install(f, 0, entry_for(f, zero_page, false), zero_page) ? 0 : AGAIN;
    struct page *p = anon_page(f, PAGE_ZEROED);
    return p ? install_anon(f, 0, p) : -ENOMEM;
}

/* A private copy of `from`, in place of entry `old`. */
static int fault_copy(struct fault *f, pte_t old, struct page *from)
{
    struct page *p = anon_page(f, from == zero_page ? PAGE_ZEROED : 0);
    if (!p) return -ENOMEM;
    if (from != zero_page) {
        memcpy(page_va(p), page_va(from), PAGE_SIZE);
        COUNT(cow_copies);
    }
    return install_anon(f, old, p);
}

/* --- files */

static void want_object(struct fault *f, uint64_t index)
{
    f->mapping = f->area->mapping;
    f->index = index;
    if ((f->file = f->area->file)) file_get(f->file);
    if ((f->object = f->area->object)) memobj_get(f->object);
}

static bool past_end(const struct area *a, uint64_t index)
{
    return index >= (atomic_load(&a->mapping->size) + PAGE_MASK) >> PAGE_SHIFT;
}

/* Maps the neighbours that are in memory anyway: locality says that they will be touched soon. */
static void map_around(struct fault *f)
{
    struct fault near = *f;
    uint64_t first = ALIGN_DOWN(f->va, AROUND * PAGE_SIZE), end = first + AROUND * PAGE_SIZE;
    first = MAX(first, f->area->start);
    end = MIN(end, f->area->end);
    for (near.va = first; near.va < end; near.va += PAGE_SIZE) {
        spin_lock(&f->mm->table_lock);
        pte_t *at = pt_find(f->mm->root, near.va);
        bool empty = at && !*at;
        spin_unlock(&f->mm->table_lock);
        uint64_t index = area_index(f->area, near.va);
        if (!empty || past_end(f->area, index)) continue;
        struct page *p = pagecache_find(f->area->mapping, index);
        if (!p) continue;
        pte_t e = entry_for(&near, p, false) & ~PTE_A; /* not touched yet */
        if (install(&near, 0, e, p))
            COUNT(prepaged);
        else
            page_put(p);
    }
}

static int fault_file(struct fault *f)
{
    struct area *a = f->area;
    uint64_t index = area_index(a, f->va);
    if (past_end(a, index)) return -ENXIO;
    struct page *p = pagecache_find(a->mapping, index);
    if (!p) {
        want_object(f, index);
        return BRING_IN;
    }
    if (f->access & MM_WRITE && area_is_private(a)) {
        int result = fault_copy(f, 0, p);
        page_put(p);
        return result;
    }
    /* A shared page is first mapped for reading; if it is to be written, the next round makes it dirty. */
    if (!install(f, 0, entry_for(f, p, false), p)) {
        page_put(p);
        return AGAIN;
    }
    if (mm_prepage && !(a->flags & AREA_RANDOM)) map_around(f);
    return f->access & MM_WRITE ? AGAIN : 0;
}

/* A write to a page of a shared object that is mapped without the right to write. */
static int fault_share_write(struct fault *f, pte_t old, struct page *p)
{
    struct mapping *m = f->area->mapping;
    uint64_t index = area_index(f->area, f->va);
    if (m->ops && m->ops->make_writable && f->writable_index != index) {
        want_object(f, index);
        f->make_writable = true;
        return BRING_IN;
    }
    spin_lock(&f->mm->table_lock);
    pte_t *at = pt_find(f->mm->root, f->va);
    bool same = at && *at == old;
    if (same) page_get(p), atomic_or(at, PTE_W | PTE_D | PTE_A);
    spin_unlock(&f->mm->table_lock);
    sfence_page(f->va);
    if (!same) return AGAIN;
    /* After the entry became writable: the flusher first takes the mark away, then the right to write, so one of
     * us sees the other. */
    pagecache_dirty(m, p);
    page_put(p);
    return 0;
}

/* --- entries that are there */

/* A reference to the frame that the entry points to, if it still does: without one the pager may free it at any time. */
static bool hold_entry(struct fault *f, pte_t old, struct page *p)
{
    spin_lock(&f->mm->table_lock);
    pte_t *at = pt_find(f->mm->root, f->va);
    bool same = at && *at == old;
    if (same) page_get(p);
    spin_unlock(&f->mm->table_lock);
    return same;
}

/* Makes the entry writable if no other entry has the frame. *same: it is still the entry we know. */
static bool take_alone(struct fault *f, pte_t old, struct page *p, bool *same)
{
    spin_lock(&f->mm->table_lock);
    pte_t *at = pt_find(f->mm->root, f->va);
    *same = at && *at == old;
    bool alone = *same && atomic_load(&p->maps) == 1 && !page_flag(p, PG_SWAP);
    if (alone) {
        page_flag_set(p, PG_DIRTY);
        atomic_or(at, PTE_W | PTE_D | PTE_A);
    }
    spin_unlock(&f->mm->table_lock);
    sfence_page(f->va);
    return alone;
}

/* Is the anonymous frame this space's alone? Then it is made writable. */
static int fault_own(struct fault *f, pte_t old, struct page *p)
{
    if (!hold_entry(f, old, p)) return AGAIN;
    bool in_slot = page_flag(p, PG_SWAP), same = true;
    if (in_slot && page_trylock(p)) {
        /* The slot's content is about to be out of date. */
        in_slot = page_flag(p, PG_SWAP) && !swap_cache_remove(p, f->held == p ? 2 : 1);
        page_unlock(p);
    }
    bool alone = !in_slot && take_alone(f, old, p, &same);
    int result = alone ? 0 : same ? fault_copy(f, old, p) : AGAIN;
    page_put(p);
    return result;
}

int mm_own_page(struct mm *mm, uint64_t va)
{
    struct fault f = {.mm = mm, .area = area_find(&mm->areas, va), .va = va, .slot = SLOT_NONE};
    spin_lock(&mm->table_lock);
    pte_t *at = pt_find(mm->root, va), old = at ? *at : 0;
    struct page *p = pte_present(old) ? page_of(pte_pa(old)) : NULL;
    if (p && page_flag(p, PG_ANON))
        page_get(p);
    else
        p = NULL;
    spin_unlock(&mm->table_lock);
    if (!p || !f.area) return 0;
    page_lock(p);
    if (page_flag(p, PG_SWAP)) swap_cache_remove(p, 1);
    page_unlock(p);
    bool alone = atomic_load(&p->maps) == 1 && !page_flag(p, PG_SWAP);
    int result = alone ? 0 : fault_copy(&f, old, p);
    page_put(p);
    return result < 0 ? result : 0;
}

static int fault_present(struct fault *f, pte_t old)
{
    struct page *p = page_of(pte_pa(old));
    if (f->access & MM_WRITE && !(old & PTE_W)) {
        if (!area_is_private(f->area)) return fault_share_write(f, old, p);
        if (page_flag(p, PG_ANON)) return fault_own(f, old, p);
        /* The entry's reference keeps the frame: only the pager could take it away, and then the entry has
         * changed. */
        struct page *stable = p == zero_page ? p : pagecache_find(f->area->mapping, area_index(f->area, f->va));
        if (stable != p) {
            if (stable) page_put(stable);
            return AGAIN;
        }
        int result = fault_copy(f, old, p);
        if (p != zero_page) page_put(p);
        return result;
    }
    spin_lock(&f->mm->table_lock);
    pte_t *at = pt_find(f->mm->root, f->va);
    if (at && *at == old) {
        atomic_or(at, f->access & MM_WRITE ? PTE_A | PTE_D : PTE_A);
        if (f->access & MM_WRITE && page_flag(p, PG_ANON)) page_flag_set(p, PG_DIRTY);
    }
    spin_unlock(&f->mm->table_lock);
    sfence_page(f->va);
    return 0;
}

/* --- swap */

/* Makes a frame from the swap cache an anonymous frame of this place. False: it belongs to another place
 * (mremap), use a copy. */
static bool adopt(struct fault *f, struct page *p)
{
    bool ours = true;
    uint64_t index = f->va >> PAGE_SHIFT;
    if (!page_flag(p, PG_ANON)) {
        p->family = f->mm->family;
        ref_get(&p->family->refs);
        p->index = index;
        page_flag_set(p, PG_ANON);
    } else if (p->index != index) {
        spin_lock(&f->mm->family->lock);
        ours = !atomic_load(&p->maps);
        if (ours) p->index = index;
        spin_unlock(&f->mm->family->lock);
    }
    return ours;
}

static int fault_swap(struct fault *f, pte_t old)
{
    struct page *p = swap_cache_find(pte_slot(old));
    if (!p) {
        /* The slot may be let go by others while we wait: hold it, if it is still what the entry says. */
        spin_lock(&f->mm->table_lock);
        pte_t *at = pt_find(f->mm->root, f->va);
        bool same = at && *at == old;
        if (same) slot_get(pte_slot(old));
        spin_unlock(&f->mm->table_lock);
        if (!same) return AGAIN;
        f->slot = pte_slot(old);
        return BRING_IN;
    }
    page_lock(p);
    int result;
    if (!page_flag(p, PG_SWAP) || p->slot != pte_slot(old)) {
        page_unlock(p);
        page_put(p);
        return AGAIN;
    }
    if (!adopt(f, p)) {
        page_unlock(p);
        result = fault_copy(f, old, p);
        page_put(p);
        return result;
    }
    page_get(p);
    bool done = install(f, old, entry_for(f, p, false), p);
    page_unlock(p);
    if (done) {
        replace_add(p);
        page_put(p);
        release_old(old);
        return f->access & MM_WRITE ? AGAIN : 0; /* the next round decides about a copy */
    }
    page_put(p);
    page_put(p);
    return AGAIN;
}

/* --- one round, and the whole */

static int fault_round(struct fault *f)
{
    struct pt_spare spare = {0};
    if (pt_spare_fill(&spare)) {
        pt_spare_drop(&spare);
        return -ENOMEM;
    }
    spin_lock(&f->mm->table_lock);
    pte_t old = *pt_make(f->mm->root, f->va, &spare);
    spin_unlock(&f->mm->table_lock);
    pt_spare_drop(&spare);
    if (pte_present(old)) return fault_present(f, old);
    if (old) return fault_swap(f, old);
    return f->area->mapping ? fault_file(f) : fault_zero(f);
}

/* Without locks: waits for the disk or for the file system. */
static int bring_in(struct fault *f)
{
    int error = 0;
    if (f->held) page_put(f->held);
    f->held = NULL;
    if (f->slot != SLOT_NONE) {
        error = swap_in(f->slot, &f->held, &f->major);
        slot_put(f->slot);
    } else if (f->make_writable) {
        error = f->mapping->ops->make_writable(f->mapping, f->index);
        if (!error) f->writable_index = f->index;
    } else {
        f->major = true;
        error = pagecache_get(f->mapping, f->index, &f->held);
    }
    f->slot = SLOT_NONE;
    f->make_writable = false;
    if (f->file) file_put(f->file);
    if (f->object) memobj_put(f->object);
    f->file = NULL;
    f->object = NULL;
    return error;
}

/* A stack grows by being touched, down to its limit, and keeps its distance from the area below. */
static bool grow_stack(struct mm *mm, struct area *a, uint64_t va)
{
    if (a->end - va > a->limit) return false;
    struct area *below = area_before(a);
    if (below && below->end + AREA_GUARD > va) return false;
    uint64_t more = (a->start - va) >> PAGE_SHIFT;
    if (a->flags & AREA_LOCKED) {
        if (!mm_may_lock(mm, more)) return false;
        mm->locked_pages += more;
    }
    mm->virtual_pages += more;
    area_set_bounds(a, va, a->end, va >> PAGE_SHIFT);
    return true;
}

static struct area *area_for(struct mm *mm, uint64_t va, enum mm_access access, int *code)
{
    struct area *a = area_at_or_after(&mm->areas, va);
    if (code) *code = SEGV_MAPERR;
    if (!a) return NULL;
    if (a->start > va && (!(a->flags & AREA_GROWS) || !grow_stack(mm, a, va))) return NULL;
    if (code) *code = SEGV_ACCERR;
    int wanted = access & MM_WRITE  ? PROT_WRITE
                 : access & MM_EXEC ? PROT_EXEC
                                    : PROT_READ | PROT_WRITE; /* what may be written may be read */
    return a->prot & wanted ? a : NULL;
}

int mm_fault(struct mm *mm, uint64_t addr, enum mm_access access, int *code)
{
    struct fault f = {
        .mm = mm, .va = PAGE_ROUND_DOWN(addr), .access = access, .slot = SLOT_NONE, .writable_index = UINT64_MAX};
    int result;
    COUNT(faults);
    do {
        if (current->process && signal_fatal_pending()) {
            result = -ENOMEM;
            break;
        }
        mutex_lock(&mm->lock);
        f.area = addr < USER_TOP ? area_for(mm, f.va, access, code) : NULL;
        result = f.area ? fault_round(&f) : -EFAULT;
        mutex_unlock(&mm->lock);
        if (result == BRING_IN && (result = bring_in(&f)) == 0) result = AGAIN;
    } while (result == AGAIN);
    if (f.held) page_put(f.held);
    __atomic_fetch_add(f.major ? &mm->faults_major : &mm->faults_minor, 1, __ATOMIC_RELAXED);
    if (f.major) {
        COUNT(faults_major);
        current->faults_major++;
    } else {
        current->faults_minor++;
    }
    return result;
}

int mm_pin(struct mm *mm, uint64_t addr, enum mm_access access, struct page **page)
{
    for (;;) {
        spin_lock(&mm->table_lock);
        pte_t *at = addr < USER_TOP ? pt_find(mm->root, addr) : NULL;
        pte_t e = at ? *at : 0;
        bool ok = pte_present(e) && e & PTE_U && (!(access & MM_WRITE) || e & PTE_W);
        if (ok) page_get(*page = page_of(pte_pa(e)));
        spin_unlock(&mm->table_lock);
        if (ok) return 0;
        int error = mm_fault(mm, addr, access, NULL);
        if (error) return error;
    }
}

int mm_populate(struct mm *mm, uint64_t start, uint64_t end)
{
    for (uint64_t va = start; va < end; va += PAGE_SIZE) {
        mutex_lock(&mm->lock);
        struct area *a = area_find(&mm->areas, va);
        int prot = a ? a->prot : 0;
        bool private = a && area_is_private(a);
        mutex_unlock(&mm->lock);
        if (!prot) continue;
        enum mm_access access = private && prot & PROT_WRITE      ? MM_WRITE
                                : prot & (PROT_READ | PROT_WRITE) ? MM_READ
                                                                  : MM_EXEC;
        struct page *p;
        int error = mm_pin(mm, va, access, &p);
        if (error) return error;
        page_put(p);
    }
    return 0;
}
