/* The radix tree of radix.h. Each node counts its slots in use and keeps one bit per slot for the marks; a slot
 * of an inner node is marked if anything below it is. */
#include "base/radix.h"
#include "base/errno.h"
#include "base/string.h"
#include "mm/slab.h"

#define BITS  6
#define SLOTS 64

struct radix_node {
    uint64_t used, marked; /* bit per slot */
    void *slot[SLOTS];     /* nodes, or values at level 0 */
};

static unsigned slot_of(uint64_t index, unsigned level) { return index >> (level * BITS) & (SLOTS - 1); }

/* Does a tree of that height have room for the index? */
static bool fits(uint64_t index, unsigned height) { return height * BITS >= 64 || index >> (height * BITS) == 0; }

void *radix_find(const struct radix *r, uint64_t index)
{
    if (!r->height || !fits(index, r->height)) return NULL;
    struct radix_node *n = r->root;
    for (unsigned level = r->height - 1; level; level--)
        if (!(n = n->slot[slot_of(index, level)])) return NULL;
    return n->slot[slot_of(index, 0)];
}

static bool grow(struct radix *r, uint64_t index)
{
    while (!r->height || !fits(index, r->height)) {
        struct radix_node *top = kzalloc(sizeof *top);
        if (!top) return false;
        if (r->root) {
            top->slot[0] = r->root;
            top->used = 1;
            top->marked = r->root->marked != 0;
        }
        r->root = top;
        r->height++;
    }
    return true;
}

/* Frees empty nodes on the way to the index, from the leaf up, and levels at the top that only lead to slot 0. */
static void shrink(struct radix *r, uint64_t index)
{
    for (unsigned stop = 1; stop < r->height && fits(index, r->height); stop++) {
        /* Find the node at level `stop - 1` and drop it if it is empty. */
        struct radix_node *n = r->root, *parent = NULL;
        unsigned level = r->height - 1;
        for (; level >= stop && n; level--) {
            parent = n;
            n = n->slot[slot_of(index, level)];
        }
        if (!n) continue; /* the path ends above */
        if (n->used) break;
        kfree(n);
        parent->slot[slot_of(index, stop)] = NULL;
        parent->used &= ~(1ull << slot_of(index, stop));
        parent->marked &= ~(1ull << slot_of(index, stop));
    }
    while (r->height > 1 && r->root->used == 1) {
        struct radix_node *top = r->root;
        r->root = top->slot[0];
        r->height--;
        kfree(top);
    }
    if (r->root && !r->root->used) {
        kfree(r->root);
        *r = (struct radix){0};
    }
}

int radix_set(struct radix *r, uint64_t index, void *value)
{
    if (!grow(r, index)) {
        if (r->root) shrink(r, 0);
        return -ENOMEM;
    }
    struct radix_node *n = r->root;
    for (unsigned level = r->height - 1; level; level--) {
        unsigned i = slot_of(index, level);
        if (!n->slot[i]) {
            if (!(n->slot[i] = kzalloc(sizeof *n))) {
                shrink(r, index);
                return -ENOMEM;
            }
            n->used |= 1ull << i;
        }
        n = n->slot[i];
    }
    unsigned i = slot_of(index, 0);
    if (!n->slot[i]) r->entries++;
    n->slot[i] = value;
    n->used |= 1ull << i;
    return 0;
}

void radix_mark(struct radix *r, uint64_t index, bool mark)
{
    struct radix_node *path[11];
    if (!radix_find(r, index)) return;
    struct radix_node *n = r->root;
    for (unsigned level = r->height; level-- > 0;) {
        path[level] = n;
        n = n->slot[slot_of(index, level)];
    }
    for (unsigned level = 0; level < r->height; level++) {
        uint64_t bit = 1ull << slot_of(index, level);
        uint64_t before = path[level]->marked;
        path[level]->marked = mark ? before | bit : before & ~bit;
        if (!mark && path[level]->marked) return; /* others below the next level up are still marked */
    }
}

bool radix_marked(const struct radix *r, uint64_t index)
{
    if (!radix_find(r, index)) return false;
    struct radix_node *n = r->root;
    for (unsigned level = r->height - 1; level; level--) n = n->slot[slot_of(index, level)];
    return n->marked >> slot_of(index, 0) & 1;
}

void *radix_remove(struct radix *r, uint64_t index)
{
    void *value = radix_find(r, index);
    if (!value) return NULL;
    radix_mark(r, index, false);
    struct radix_node *n = r->root;
    for (unsigned level = r->height - 1; level; level--) n = n->slot[slot_of(index, level)];
    n->slot[slot_of(index, 0)] = NULL;
    n->used &= ~(1ull << slot_of(index, 0));
    r->entries--;
    shrink(r, index);
    return value;
}

/* Depth first to the first value at or above *index; the recursion is as deep as the tree, at most 11. */
static void *next_below(struct radix_node *n, unsigned level, uint64_t *index, bool marked)
{
    uint64_t base = level == 10 ? 0 : *index >> ((level + 1) * BITS) << ((level + 1) * BITS);
    unsigned first = slot_of(*index, level);
    uint64_t wanted = (marked ? n->marked : n->used) & ~0ull << first;
    for (; wanted; wanted &= wanted - 1) {
        unsigned i = (unsigned)__builtin_ctzll(wanted);
        uint64_t at = base | (uint64_t)i << (level * BITS);
        if (i != first) *index = at;
        if (!level) {
            *index = at;
            return n->slot[i];
        }
        void *value = next_below(n->slot[i], level - 1, index, marked);
        if (value) return value;
        /* nothing at or above *index below this slot: the next slots are searched from their beginning */
    }
    return NULL;
}

static void *next_entry(const struct radix *r, uint64_t *index, bool marked)
{
    if (!r->height || !fits(*index, r->height)) return NULL;
    return next_below(r->root, r->height - 1, index, marked);
}

void *radix_next(const struct radix *r, uint64_t *index) { return next_entry(r, index, false); }
void *radix_next_marked(const struct radix *r, uint64_t *index) { return next_entry(r, index, true); }
