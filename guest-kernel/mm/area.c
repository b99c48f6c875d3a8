/*
 * The tree of areas: finding by address, finding a hole. mmap() places a new area as high as possible below the
 * stack, so that the heap may grow upwards and the maps downwards to meet it.
 *
 * The search for a hole goes down area by area. Programs that map many things one after the other would make it
 * look at all of them each time; therefore the tree remembers the last place given out: above it there is no
 * hole of that size unless something was unmapped there.
 */
#include "mm/area.h"
#include "base/list.h"

void area_tree_init(struct area_tree *t) { *t = (struct area_tree){.hint = UINT64_MAX}; }

static struct area *area_of(struct rb_node *n) { return n ? rb_entry(n, struct area, node) : NULL; }

struct area *area_at_or_after(const struct area_tree *t, uint64_t addr)
{
    struct rb_node *n = t->tree.root;
    struct area *best = NULL;
    while (n) {
        struct area *a = area_of(n);
        if (a->end > addr) {
            best = a;
            n = n->left;
        } else {
            n = n->right;
        }
    }
    return best;
}

struct area *area_find(const struct area_tree *t, uint64_t addr)
{
    struct area *a = area_at_or_after(t, addr);
    return a && a->start <= addr ? a : NULL;
}

struct area *area_next(const struct area *a) { return area_of(rb_next(&a->node)); }
struct area *area_before(const struct area *a) { return area_of(rb_prev(&a->node)); }

void area_add(struct area_tree *t, struct area *a)
{
    struct rb_node **at = &t->tree.root, *parent = NULL;
    while (*at) {
        parent = *at;
        at = a->start < area_of(parent)->start ? &parent->left : &parent->right;
    }
    rb_insert(&t->tree, &a->node, parent, at);
    t->count++;
}

void area_remove(struct area_tree *t, struct area *a)
{
    if (a->end > t->hint) t->hint = UINT64_MAX;
    rb_remove(&t->tree, &a->node);
    t->count--;
}

bool area_range_free(const struct area_tree *t, uint64_t start, uint64_t end)
{
    struct area *a = area_at_or_after(t, start);
    return !a || a->start >= end;
}

/* A stack reaches down to where it may grow, and keeps its guard. */
static uint64_t lowest_of(const struct area *a)
{
    if (!(a->flags & AREA_GROWS)) return a->start;
    uint64_t most = a->limit > a->end ? a->end : a->limit;
    uint64_t low = a->end - most < a->start ? a->end - most : a->start;
    return low > AREA_GUARD ? low - AREA_GUARD : 0;
}

static uint64_t hole_below(const struct area_tree *t, uint64_t bytes, uint64_t low, uint64_t top)
{
    struct area *a = area_at_or_after(t, top - 1);
    if (a && lowest_of(a) < top) top = lowest_of(a);
    a = a ? area_before(a) : area_of(rb_last(&t->tree));
    for (;; a = area_before(a)) {
        uint64_t floor = a && a->end > low ? a->end : low;
        if (top >= floor && top - floor >= bytes && top >= bytes) return top - bytes;
        if (!a || a->end <= low) return 0;
        if (lowest_of(a) < top) top = lowest_of(a);
    }
}

uint64_t area_find_hole(struct area_tree *t, uint64_t bytes, uint64_t low, uint64_t top)
{
    uint64_t from = t->hint < top && t->hint > low ? t->hint : top;
    uint64_t at = hole_below(t, bytes, low, from);
    if (!at && from != top) at = hole_below(t, bytes, low, top);
    if (at) t->hint = at;
    return at;
}

bool area_can_join(const struct area *a, const struct area *b)
{
    const unsigned never = AREA_GROWS | AREA_STACK;
    return a->end == b->start && a->prot == b->prot && a->flags == b->flags && !(a->flags & never) &&
           a->mapping == b->mapping && a->file == b->file && a->object == b->object &&
           b->offset - a->offset == (a->end - a->start) >> PAGE_SHIFT;
}
