/*
 * Areas: the ranges of pages an address space promises (Linux calls them VMAs). They are kept in a balanced tree
 * ordered by address and never overlap. This file knows addresses only, neither frames nor page tables, and is
 * tested on the host.
 *
 *      0        start    end                                    USER_TOP
 *      |  hole  | area   |  hole  | area | area |  ...  | stack |
 */
#ifndef KEPLER_MM_AREA_H
#define KEPLER_MM_AREA_H
#include "base/list.h"
#include "base/rbtree.h"
#include "base/types.h"

struct mm;
struct file;
struct mapping;
struct memobj;

enum area_flag {
    AREA_SHARED = 1,     /* MAP_SHARED: writes go to the object, not to a private copy */
    AREA_GROWS = 2,      /* grows down on demand: a stack */
    AREA_LOCKED = 4,     /* mlock: never replaced */
    AREA_HEAP = 8,       /* made by brk() */
    AREA_NO_FORK = 16,   /* madvise(MADV_DONTFORK) */
    AREA_WIPE_FORK = 32, /* madvise(MADV_WIPEONFORK): zero pages in the child */
    AREA_RANDOM = 64,    /* no read-ahead */
    AREA_NO_RESERVE = 128,
    AREA_MAY_WRITE = 256, /* the file was open for writing, or it is private: mprotect may give PROT_WRITE */
    AREA_STACK = 512,     /* the initial stack, for /proc */
};

struct area {
    struct rb_node node;
    uint64_t start, end; /* page-aligned */
    int prot;
    unsigned flags;
    uint64_t offset; /* page number within the object at `start`; private anonymous areas: start's page number */
    uint64_t limit;  /* AREA_GROWS: largest size in bytes */
    struct mm *mm;
    struct mapping *mapping;  /* what backs it; NULL: zero pages */
    struct file *file;        /* keeps the mapping; one reference */
    struct memobj *object;    /* or this does: shared anonymous memory; one reference */
    struct list mapping_link; /* in mapping->areas */
};

struct area_tree {
    struct rb_tree tree;
    unsigned count;
    uint64_t hint; /* search for a free place starts below */
};

#define AREA_GUARD (256ul << 12) /* a growing stack keeps this far from the area below */

void area_tree_init(struct area_tree *);
struct area *area_find(const struct area_tree *, uint64_t addr);        /* the one that holds addr; NULL */
struct area *area_at_or_after(const struct area_tree *, uint64_t addr); /* the first with end > addr; NULL */
struct area *area_next(const struct area *);
struct area *area_before(const struct area *);
void area_add(struct area_tree *, struct area *); /* overlaps nothing */
void area_remove(struct area_tree *, struct area *);
bool area_range_free(const struct area_tree *, uint64_t start, uint64_t end);
/* A hole of `bytes` (a multiple of the page size) in [low, top), as high as possible; 0: there is none. */
uint64_t area_find_hole(struct area_tree *, uint64_t bytes, uint64_t low, uint64_t top);
/* Can `b`, which begins where `a` ends, be one area with it (apart from the objects' identity)? */
bool area_can_join(const struct area *a, const struct area *b);

#endif
