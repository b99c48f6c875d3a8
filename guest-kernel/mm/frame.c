/*
 * Frames for everybody: the buddy system behind a lock, the free-frame pool's marks, reference counts and the
 * page lock.
 *
 * The free-frame pool keeps some frames unused, so that a page fault seldom has to wait for a replacement: below
 * the `low` mark the pager starts to replace pages, above `high` it stops. Under a third mark only those may
 * take frames who free memory themselves (PAGE_RESERVE); without that, the pager could wait for the pager.
 */
#include "arch/hart.h"
#include "arch/layout.h"
#include "arch/machine.h"
#include "arch/riscv.h"
#include "base/atomic.h"
#include "base/string.h"
#include "kern/init.h"
#include "kern/print.h"
#include "kern/wait.h"
#include "mm/buddy.h"
#include "mm/reclaim.h"
#include "mm/replace.h"

static struct buddy buddy;
static struct spinlock frame_lock = SPINLOCK_INIT("frames", RANK_FRAME);
static uint64_t mark_reserve, mark_low, mark_high;

/* Tasks that wait for a page lock sleep in one of these rings, chosen by the page's address. */
#define PAGE_WAIT_RINGS 32
static struct {
    struct spinlock lock;
    struct waitq queue;
} page_waits[PAGE_WAIT_RINGS];

static void frame_set_marks(void)
{
    uint64_t total = buddy.total_frames;
    mark_reserve = MIN(total / 64, 256ul);
    mark_low = mark_reserve + MIN(total / 32, 2048ul);
    mark_high = mark_low + MIN(total / 32, 2048ul);
}

/* Frees what lies in [base, end) outside the reserved regions with numbers `from` and up. */
static void free_unreserved(paddr_t base, paddr_t end, unsigned from)
{
    for (unsigned i = from; i < machine.reservations; i++) {
        paddr_t low = machine.reserved[i].base & ~PAGE_MASK;
        paddr_t high = ALIGN_UP(machine.reserved[i].base + machine.reserved[i].bytes, PAGE_SIZE);
        if (high <= base || low >= end) continue;
        if (low > base) free_unreserved(base, low, i + 1);
        if (high < end) free_unreserved(high, end, i + 1);
        return;
    }
    buddy_add_free(&buddy, base >> PAGE_SHIFT, (end - base) >> PAGE_SHIFT);
}

static void frame_init(void)
{
    buddy_init(&buddy);
    for (unsigned i = 0; i < PAGE_WAIT_RINGS; i++) {
        spin_init(&page_waits[i].lock, "page lock", RANK_PAGE_WAIT);
        waitq_init(&page_waits[i].queue);
    }
    for (unsigned i = 0; i < machine.memories; i++) {
        uint64_t frames = machine.memory[i].bytes >> PAGE_SHIFT;
        void *pages = early_alloc(ALIGN_UP(frames * sizeof(struct page), PAGE_SIZE) >> PAGE_SHIFT);
        if (!buddy_add_zone(&buddy, machine.memory[i].base >> PAGE_SHIFT, frames, pages)) break;
    }
    early_alloc_end();
    for (unsigned i = 0; i < buddy.zone_count; i++) {
        const struct buddy_zone *z = &buddy.zones[i];
        free_unreserved(z->first << PAGE_SHIFT, (z->first + z->frames) << PAGE_SHIFT, 0);
    }
    frame_set_marks();
    printk("mm: %lu KiB of memory, %lu KiB free\n", buddy.total_frames * 4, buddy.free_frames * 4);
}
INIT(INIT_MEMORY, frame_init);

static struct page *take(unsigned order, unsigned want)
{
    uint64_t floor = want & PAGE_RESERVE || pager_is_current() ? 0 : want & PAGE_USER ? mark_reserve : mark_reserve / 2;
    spin_lock(&frame_lock);
    struct page *p = NULL;
    if (buddy.free_frames >= floor + (1ul << order)) p = buddy_take(&buddy, order);
    bool scarce = buddy.free_frames < mark_low;
    spin_unlock(&frame_lock);
    if (scarce) pager_wake();
    return p;
}

struct page *page_alloc(unsigned order, unsigned want)
{
    if (order > PAGE_ORDER_MAX) return NULL;
    struct page *p;
    for (unsigned tries = 0; !(p = take(order, want)); tries++) {
        /* With interrupts off a spinlock is held or an interrupt is being served: sleeping is out of the question. */
        if (want & PAGE_NOWAIT || !interrupts_are_on() || !pager_wait(order, want, tries)) return NULL;
    }
    list_init(&p->link);
    p->maps = 0;
    p->history = 0;
    p->inuse = 0;
    p->mapping = NULL;
    p->index = 0;
    p->slot = 0;
    atomic_store(&p->refs, 1u);
    if (want & PAGE_ZEROED) memset(page_va(p), 0, PAGE_SIZE << order);
    return p;
}

void page_get(struct page *p)
{
    if (!(p->flags & PG_FIXED)) __atomic_fetch_add(&p->refs, 1, __ATOMIC_RELAXED);
}

void page_put(struct page *p)
{
    if (p->flags & PG_FIXED) return;
    uint32_t left = atomic_add(&p->refs, -1);
    ASSERT(left != UINT32_MAX);
    if (left) return;
    if (page_flag(p, PG_RESIDENT)) replace_remove(p);
    ASSERT(!p->maps && !(p->flags & (PG_CACHE | PG_SWAP | PG_RESIDENT | PG_LOCKED | PG_BUDDY)));
    if (p->flags & PG_ANON) family_page_free(p);
    spin_lock(&frame_lock);
    buddy_give(&buddy, p, p->order);
    spin_unlock(&frame_lock);
    pager_freed();
}

uint64_t page_number(const struct page *p) { return buddy_frame(&buddy, p); }
paddr_t page_pa(const struct page *p) { return buddy_frame(&buddy, p) << PAGE_SHIFT; }
void *page_va(const struct page *p) { return pa_to_va(page_pa(p)); }
struct page *page_of(paddr_t pa) { return buddy_page(&buddy, pa >> PAGE_SHIFT); }
struct page *page_of_va(const void *va) { return page_of(va_to_pa(va)); }
unsigned page_refs(const struct page *p) { return atomic_load(&p->refs); }

void page_flag_set(struct page *p, uint32_t flags) { atomic_or(&p->flags, flags); }
void page_flag_clear(struct page *p, uint32_t flags) { atomic_and(&p->flags, ~flags); }
bool page_flag(const struct page *p, uint32_t flags) { return atomic_load(&p->flags) & flags; }

bool page_trylock(struct page *p) { return !(atomic_or(&p->flags, PG_LOCKED) & PG_LOCKED); }

void page_lock(struct page *p)
{
    unsigned ring = (uintptr_t)p / sizeof *p % PAGE_WAIT_RINGS;
    while (!page_trylock(p)) {
        spin_lock(&page_waits[ring].lock);
        /* PG_WAITED goes up before the look, so that the holder, who clears PG_LOCKED first, cannot miss us. */
        while (atomic_or(&p->flags, PG_WAITED) & PG_LOCKED)
            wait_on(&page_waits[ring].queue, &page_waits[ring].lock, false, 0);
        spin_unlock(&page_waits[ring].lock);
    }
}

void page_unlock(struct page *p)
{
    unsigned ring = (uintptr_t)p / sizeof *p % PAGE_WAIT_RINGS;
    uint32_t old = atomic_and(&p->flags, ~(uint32_t)(PG_LOCKED | PG_WAITED));
    ASSERT(old & PG_LOCKED);
    if (!(old & PG_WAITED)) return;
    spin_lock(&page_waits[ring].lock);
    wake_all(&page_waits[ring].queue);
    spin_unlock(&page_waits[ring].lock);
}

struct frame_stats frame_stats(void)
{
    return (struct frame_stats){buddy.total_frames, atomic_load(&buddy.free_frames), mark_low, mark_high};
}

uint64_t frame_free_blocks(unsigned order) { return order > PAGE_ORDER_MAX ? 0 : atomic_load(&buddy.blocks[order]); }
