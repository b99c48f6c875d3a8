/*
 * LRU, approximated by reference-bit histories (notes, "Page replacement"). True LRU would need the time of each
 * access. Instead, at each tick the reference bit of every frame is shifted into its history from the left; a
 * smaller history means used less recently. The victim is the frame with the smallest one, the longest resident
 * of these. With a tick after every reference the order is exactly that of the last uses, as long as the history
 * reaches back: that is how the unit test compares it with LRU's table.
 *
 * A tick looks at a part of the frames only, so that the lock is not held long; the frames looked at go to the tail.
 */
#include "mm/replace.h"

static void lru_add(struct replace_set *s, struct page *p)
{
    p->history = 0x80;
    list_push_back(&s->frames, &p->link);
}

static void lru_remove(struct replace_set *s, struct page *p)
{
    (void)s;
    list_remove(&p->link);
}

static void lru_tick(struct replace_set *s)
{
    for (uint64_t n = s->count < s->budget ? s->count : s->budget; n; n--) {
        struct page *p = list_first(&s->frames, struct page, link);
        p->history = (uint8_t)(p->history >> 1 | (s->referenced(p) ? 0x80 : 0));
        list_remove(&p->link);
        list_push_back(&s->frames, &p->link);
    }
}

static struct page *lru_victim(struct replace_set *s)
{
    struct page *best = NULL, *p;
    list_for_each(p, &s->frames, link)
    {
        if (!best || p->history < best->history) best = p;
        if (!best->history || !s->budget--) break;
    }
    return best;
}

const struct replace_policy replace_lru = {"lru", lru_add, lru_remove, lru_victim, lru_tick};
