/* The buddy allocator. To allocate, take the smallest free block that is large enough and split off upper halves
 * until it fits; to free, join with the buddy as long as the buddy is free and whole. Both take at most
 * PAGE_ORDER_MAX steps, whatever the size of the memory. */
#include "mm/buddy.h"
#include "kern/print.h"

void buddy_init(struct buddy *b)
{
    *b = (struct buddy){0};
    for (unsigned i = 0; i <= PAGE_ORDER_MAX; i++) list_init(&b->free[i]);
}

bool buddy_add_zone(struct buddy *b, uint64_t first, uint64_t frames, struct page *pages)
{
    if (b->zone_count == BUDDY_ZONES_MAX) return false;
    b->zones[b->zone_count++] = (struct buddy_zone){first, frames, pages};
    return true;
}

static const struct buddy_zone *zone_of(const struct buddy *b, uint64_t frame)
{
    for (unsigned i = 0; i < b->zone_count; i++)
        if (frame - b->zones[i].first < b->zones[i].frames) return &b->zones[i];
    return NULL;
}

struct page *buddy_page(const struct buddy *b, uint64_t frame)
{
    const struct buddy_zone *z = zone_of(b, frame);
    return z ? &z->pages[frame - z->first] : NULL;
}

uint64_t buddy_frame(const struct buddy *b, const struct page *p)
{
    for (unsigned i = 0; i < b->zone_count; i++) {
        const struct buddy_zone *z = &b->zones[i];
        if (p >= z->pages && p < z->pages + z->frames) return z->first + (uint64_t)(p - z->pages);
    }
    panic("buddy: %p is no struct page", (const void *)p);
}

static void put_on_list(struct buddy *b, struct page *p, unsigned order)
{
    p->flags = PG_BUDDY;
    p->order = (uint8_t)order;
    list_push_front(&b->free[order], &p->link);
    b->blocks[order]++;
}

static void take_off_list(struct buddy *b, struct page *p, unsigned order)
{
    p->flags = 0;
    list_remove(&p->link);
    b->blocks[order]--;
}

struct page *buddy_take(struct buddy *b, unsigned order)
{
    unsigned have = order;
    while (have <= PAGE_ORDER_MAX && list_empty(&b->free[have])) have++;
    if (have > PAGE_ORDER_MAX) return NULL;
    struct page *p = list_first(&b->free[have], struct page, link);
    take_off_list(b, p, have);
    while (have > order) {
        have--;
        put_on_list(b, p + (1ul << have), have);
    }
    p->order = (uint8_t)order;
    b->free_frames -= 1ul << order;
    return p;
}

void buddy_give(struct buddy *b, struct page *p, unsigned order)
{
    uint64_t frame = buddy_frame(b, p);
    b->free_frames += 1ul << order;
    /* A block stays within its zone: struct pages of different zones are not neighbours. */
    const struct buddy_zone *z = zone_of(b, frame);
    while (order < PAGE_ORDER_MAX) {
        uint64_t at = (frame ^ 1ul << order) - z->first;
        struct page *other = &z->pages[at];
        if (at >= z->frames || !(other->flags & PG_BUDDY) || other->order != order) break;
        take_off_list(b, other, order);
        frame &= ~(1ul << order);
        order++;
    }
    put_on_list(b, &z->pages[frame - z->first], order);
}

void buddy_add_free(struct buddy *b, uint64_t first, uint64_t frames)
{
    b->total_frames += frames;
    while (frames) {
        unsigned order = PAGE_ORDER_MAX;
        while (first & ((1ul << order) - 1) || 1ul << order > frames) order--;
        buddy_give(b, buddy_page(b, first), order);
        first += 1ul << order;
        frames -= 1ul << order;
    }
}
