/*
 * Swap areas, their slots, and the swap cache. See swap.h.
 *
 * A slot's number holds the area in the upper bits and the place in the lower ones; place 0 is the header that
 * mkswap wrote:
 *
 *      byte 1024: version (1)   last page   number of bad pages      byte 4086: "SWAPSPACE2"
 */
#include "mm/swap.h"
#include "arch/riscv.h"
#include "base/atomic.h"
#include "base/errno.h"
#include "base/radix.h"
#include "base/string.h"
#include "fs/vfs.h"
#include "kern/lock.h"
#include "kern/print.h"
#include "mm/pagecache_internal.h"
#include "mm/replace.h"
#include "mm/slab.h"
#include "mm/space_internal.h"

#define AREAS      8
#define AREA_SHIFT 40
#define PREPAGE    8 /* slots read together */

struct swap_area {
    struct file *file; /* NULL: unused */
    struct mapping *mapping;
    uint64_t slots, used, next;
    uint16_t *holders; /* of each slot */
    bool closing;
    int priority;
    char name[64];
};

static struct swap_area areas[AREAS];
static struct spinlock swap_lock = SPINLOCK_INIT("swap", RANK_SWAP);   /* areas' slots, and the cache */
static struct mutex swap_mutex = MUTEX_INIT(swap_mutex, "swap areas"); /* swapon and swapoff */
static struct radix cache;                                             /* slot → struct page * */

static struct swap_area *area_of(uint64_t slot) { return &areas[slot >> AREA_SHIFT]; }
static uint64_t place_of(uint64_t slot) { return slot & ((1ull << AREA_SHIFT) - 1); }
static uint16_t *holders_of(uint64_t slot) { return &area_of(slot)->holders[place_of(slot)]; }

unsigned swap_area_of(uint64_t slot) { return (unsigned)(slot >> AREA_SHIFT); }

uint64_t slot_alloc(void)
{
    uint64_t found = SLOT_NONE;
    spin_lock(&swap_lock);
    for (unsigned i = 0; i < AREAS && found == SLOT_NONE; i++) {
        struct swap_area *a = &areas[i];
        if (!a->file || a->closing || a->used == a->slots) continue;
        /* Going round: pages that leave together get neighbouring slots, and come back together. */
        for (uint64_t n = 0; n < a->slots; n++) {
            uint64_t at = a->next;
            a->next = a->next + 1 == a->slots ? 1 : a->next + 1;
            if (a->holders[at]) continue;
            a->holders[at] = 1;
            a->used++;
            found = (uint64_t)i << AREA_SHIFT | at;
            break;
        }
    }
    spin_unlock(&swap_lock);
    return found;
}

void slot_get(uint64_t slot)
{
    spin_lock(&swap_lock);
    ASSERT(*holders_of(slot) && *holders_of(slot) != UINT16_MAX);
    ++*holders_of(slot);
    spin_unlock(&swap_lock);
}

void slot_put(uint64_t slot)
{
    spin_lock(&swap_lock);
    ASSERT(*holders_of(slot));
    if (!--*holders_of(slot)) area_of(slot)->used--;
    spin_unlock(&swap_lock);
}

unsigned slot_holders(uint64_t slot) { return atomic_load(holders_of(slot)); }

int slot_read(uint64_t slot, struct page *p)
{
    struct mapping *m = area_of(slot)->mapping;
    int error = m->ops->read_page(m, place_of(slot), p);
    if (!error) COUNT(swapped_in);
    return error;
}

int slot_write(uint64_t slot, struct page *p)
{
    struct mapping *m = area_of(slot)->mapping;
    return m->ops->write_page(m, place_of(slot), p);
}

/* --- the swap cache */

static struct page *cache_find(uint64_t slot)
{
    spin_lock(&swap_lock);
    struct page *p = radix_find(&cache, slot);
    if (p) page_get(p);
    spin_unlock(&swap_lock);
    return p;
}

struct page *swap_cache_find(uint64_t slot)
{
    struct page *p = cache_find(slot);
    if (p && !page_flag(p, PG_UPTODATE)) {
        page_put(p);
        p = NULL;
    }
    return p;
}

/* The cache becomes a holder of the frame; it takes over a hold on the slot that the caller has. */
static int cache_insert(uint64_t slot, struct page *p)
{
    spin_lock(&swap_lock);
    int error = radix_find(&cache, slot) ? -EEXIST : radix_set(&cache, slot, p);
    if (!error) {
        page_get(p);
        p->slot = slot;
        page_flag_set(p, PG_SWAP);
    }
    spin_unlock(&swap_lock);
    return error;
}

int swap_cache_add(struct page *p)
{
    uint64_t slot = slot_alloc();
    if (slot == SLOT_NONE) return -ENOMEM;
    int error = cache_insert(slot, p);
    if (error)
        slot_put(slot);
    else
        page_flag_set(p, PG_DIRTY); /* the slot holds nothing of it yet */
    return error;
}

bool swap_cache_remove(struct page *p, unsigned extra)
{
    spin_lock(&swap_lock);
    unsigned maps = atomic_load(&p->maps);
    bool remove = page_flag(p, PG_SWAP) && page_refs(p) == maps + 1 + extra;
    /* Mapped: only if no other entry needs the slot. Not mapped: who holds the slot will read it, so it must be
     * up to date. */
    if (remove) remove = *holders_of(p->slot) == 1 || (!maps && !page_flag(p, PG_DIRTY));
    if (remove) {
        radix_remove(&cache, p->slot);
        page_flag_clear(p, PG_SWAP);
        if (maps) page_flag_set(p, PG_DIRTY); /* no copy on the disk any more */
        if (!--*holders_of(p->slot)) area_of(p->slot)->used--;
    }
    spin_unlock(&swap_lock);
    if (remove) page_put(p);
    return remove;
}

void swap_cache_try_free(struct page *p)
{
    if (!page_trylock(p)) return; /* the pager works on it and will see */
    if (page_flag(p, PG_SWAP) && !atomic_load(&p->maps) && slot_holders(p->slot) == 1) swap_cache_remove(p, 1);
    page_unlock(p);
}

/* The frame could not be read. Others may wait for its lock, and must not find it again. */
static void cache_forget(struct page *p)
{
    spin_lock(&swap_lock);
    radix_remove(&cache, p->slot);
    page_flag_clear(p, PG_SWAP);
    if (!--*holders_of(p->slot)) area_of(p->slot)->used--;
    spin_unlock(&swap_lock);
    page_put(p);
}

/* Reads a slot into a new frame of the cache. The caller holds the slot. -EEXIST: it is there already. */
static int read_in(uint64_t slot, unsigned want, struct page **page)
{
    struct page *p = page_alloc(0, want);
    if (!p) return -ENOMEM;
    page_flag_set(p, PG_LOCKED);
    slot_get(slot);
    int error = cache_insert(slot, p);
    if (error) {
        slot_put(slot);
    } else {
        error = slot_read(slot, p);
        if (!error) page_flag_set(p, PG_UPTODATE);
        if (error) cache_forget(p);
    }
    page_unlock(p);
    if (!error) {
        replace_add(p);
        *page = p;
    } else {
        page_put(p);
    }
    return error;
}

/* Prepaging: slots near this one were written at the same time, so they are probably wanted together. */
static void prepage(uint64_t slot)
{
    if (!mm_prepage) return;
    uint64_t first = slot & ~(uint64_t)(PREPAGE - 1);
    for (uint64_t near = first; near < first + PREPAGE && place_of(near) < area_of(slot)->slots; near++) {
        spin_lock(&swap_lock);
        /* Place 0 is the header: held, but no page. */
        bool wanted =
            near != slot && place_of(near) && *holders_of(near) && !radix_find(&cache, near) && !area_of(near)->closing;
        if (wanted) ++*holders_of(near);
        spin_unlock(&swap_lock);
        if (!wanted) continue;
        struct page *p;
        if (!read_in(near, PAGE_NOWAIT | PAGE_USER, &p)) {
            COUNT(prepaged);
            slot_put(near);
            swap_cache_try_free(p);
            page_put(p);
        } else {
            slot_put(near);
        }
    }
}

int swap_in(uint64_t slot, struct page **page, bool *major)
{
    for (;;) {
        struct page *p = cache_find(slot);
        if (!p) {
            int error = read_in(slot, PAGE_USER, page);
            if (error == -EEXIST) continue;
            *major = true;
            if (!error) prepage(slot);
            return error;
        }
        page_lock(p);
        bool ok = page_flag(p, PG_UPTODATE) && page_flag(p, PG_SWAP) && p->slot == slot;
        page_unlock(p);
        if (ok) {
            *page = p;
            return 0;
        }
        page_put(p);
    }
}

/* --- swapon, swapoff */

/* The header, read into a frame; the number of slots or -errno. */
static long read_header(struct mapping *m)
{
    struct page *p = page_alloc(0, 0);
    if (!p) return -ENOMEM;
    page_lock(p);
    long slots = m->ops->read_page(m, 0, p);
    const char *at = page_va(p);
    uint32_t version, last, bad;
    memcpy(&version, at + 1024, 4);
    memcpy(&last, at + 1028, 4);
    memcpy(&bad, at + 1032, 4);
    if (!slots) slots = memcmp(at + 4086, "SWAPSPACE2", 10) || version != 1 || bad || !last ? -EINVAL : (long)last + 1;
    page_unlock(p);
    page_put(p);
    if (slots > 0 && (uint64_t)slots > m->size >> PAGE_SHIFT) slots = -EINVAL; /* says it is larger than it is */
    return slots;
}

static int open_area(struct file *file, const char *name, int flags)
{
    struct inode *inode = file->inode;
    if (!inode || (!S_ISREG(inode->mode) && !S_ISBLK(inode->mode))) return -EINVAL;
    struct mapping *m;
    int error = file_map(file, PROT_READ | PROT_WRITE, MAP_SHARED, &m);
    if (error || !m || !m->ops || !m->ops->read_page || !m->ops->write_page) return -EINVAL;
    struct swap_area *a = NULL;
    for (unsigned i = AREAS; i-- > 0;) {
        if (areas[i].file && areas[i].mapping == m) return -EBUSY;
        if (!areas[i].file) a = &areas[i];
    }
    if (!a) return -EPERM;
    pagecache_flush(m, 0, UINT64_MAX); /* the pages go past the cache from now on */
    pagecache_drop(m, 0, UINT64_MAX);
    long slots = read_header(m);
    if (slots < 0) return (int)slots;
    uint16_t *holders = kzalloc((uint64_t)slots * sizeof *holders);
    if (!holders) return -ENOMEM;
    *a = (struct swap_area){.mapping = m,
                            .slots = (uint64_t)slots,
                            .used = 1,
                            .next = 1,
                            .holders = holders,
                            .priority = flags & 0x8000 ? flags & 0x7fff : -2};
    holders[0] = 1; /* the header */
    text_copy(a->name, name, sizeof a->name);
    spin_lock(&swap_lock);
    a->file = file_get(file);
    spin_unlock(&swap_lock);
    printk("mm: %lu KiB of swap on %s\n", (a->slots - 1) * 4, a->name);
    return 0;
}

int swap_on(struct file *file, const char *name, int flags)
{
    mutex_lock(&swap_mutex);
    int error = open_area(file, name, flags);
    mutex_unlock(&swap_mutex);
    return error;
}

/* The next page of a space whose entry names a slot of the area; USER_TOP: none. */
static uint64_t next_swapped(struct mm *mm, const struct swap_area *a, uint64_t va)
{
    spin_lock(&mm->table_lock);
    for (; (va = pt_next(mm->root, va, USER_TOP)) < USER_TOP; va += PAGE_SIZE) {
        pte_t e = *pt_find(mm->root, va);
        if (pte_is_swap(e) && area_of(pte_slot(e)) == a) break;
    }
    spin_unlock(&mm->table_lock);
    return va;
}

/* The first space with swapped pages from number *skip on, with a reference. */
static struct mm *next_space(unsigned *skip)
{
    struct mm *mm, *found = NULL;
    unsigned n = 0;
    spin_lock(&mm_list_lock);
    list_for_each(mm, &mm_list, all_link)
    {
        if (n++ < *skip || !mm->swapped) continue;
        int refs = ref_count(&mm->refs);
        while (refs && !atomic_cas(&mm->refs.value, &refs, refs + 1)) {
        }
        if (!refs) continue;
        found = mm;
        break;
    }
    spin_unlock(&mm_list_lock);
    *skip = n;
    return found;
}

/* Brings every page of the area back into memory by touching it. */
static int empty_area(struct swap_area *a)
{
    unsigned skip = 0;
    int error = 0;
    for (struct mm *mm; !error && (mm = next_space(&skip)); mm_put(mm))
        for (uint64_t va = 0; !error && (va = next_swapped(mm, a, va)) < USER_TOP; va += PAGE_SIZE) {
            error = mm_fault(mm, va, MM_READ, NULL);
            if (error == -EFAULT) error = 0; /* no right to read: it stays, and the area with it */
        }
    if (!error) error = pagecache_unswap((unsigned)(a - areas));
    /* What the cache still holds is mapped or about to go. */
    for (uint64_t place = 1; !error && place < a->slots; place++) {
        struct page *p = a->holders[place] ? cache_find((uint64_t)(a - areas) << AREA_SHIFT | place) : NULL;
        if (!p) continue;
        page_lock(p);
        if (page_flag(p, PG_SWAP)) swap_cache_remove(p, 1);
        page_unlock(p);
        page_put(p);
    }
    return error;
}

int swap_off(struct file *file)
{
    mutex_lock(&swap_mutex);
    struct swap_area *a = NULL;
    for (unsigned i = 0; i < AREAS; i++)
        if (areas[i].file && areas[i].file->inode == file->inode) a = &areas[i];
    int error = a ? 0 : -EINVAL;
    struct file *old = NULL;
    if (a) {
        a->closing = true;
        error = empty_area(a);
        spin_lock(&swap_lock);
        if (!error && a->used > 1) error = -EBUSY; /* pages that nobody may read (PROT_NONE) stay */
        if (!error) {
            old = a->file;
            a->file = NULL;
        }
        a->closing = false;
        spin_unlock(&swap_lock);
        if (old) kfree(a->holders);
    }
    mutex_unlock(&swap_mutex);
    if (old) file_put(old);
    return error;
}

struct swap_stats swap_stats(void)
{
    struct swap_stats s = {.cached = cache.entries};
    spin_lock(&swap_lock);
    for (unsigned i = 0; i < AREAS; i++) {
        if (!areas[i].file) continue;
        s.slots += areas[i].slots - 1;
        s.free += areas[i].slots - areas[i].used;
    }
    spin_unlock(&swap_lock);
    return s;
}

bool swap_describe(unsigned i, struct swap_view *view)
{
    bool found = false;
    mutex_lock(&swap_mutex);
    for (unsigned k = 0; k < AREAS && !found; k++) {
        const struct swap_area *a = &areas[k];
        if (!a->file || i--) continue;
        *view = (struct swap_view){.bytes = (a->slots - 1) * PAGE_SIZE,
                                   .used = (a->used - 1) * PAGE_SIZE,
                                   .priority = a->priority,
                                   .file = S_ISREG(a->file->inode->mode)};
        text_copy(view->name, a->name, sizeof view->name);
        found = true;
    }
    mutex_unlock(&swap_mutex);
    return found;
}
