/*
 * Page replacement: which frame to take when memory is short. The framework (replace.c) owns the lock and the
 * set of resident frames; a policy is one struct of functions in one file under mm/policy/, which orders the set
 * and picks victims. The same files run on the host against the textbook's reference strings.
 *
 * Chosen by the boot argument replace=NAME and by writing the name to /proc/policy/replace.
 */
#ifndef KEPLER_MM_REPLACE_H
#define KEPLER_MM_REPLACE_H
#include "mm/frame.h"

struct replace_set {
    struct list frames; /* struct page.link, in the policy's order */
    struct list *hand;  /* a place in `frames` (clock) */
    uint64_t count;
    unsigned budget;                   /* frames that victim() may still look at */
    bool (*referenced)(struct page *); /* tells and clears the reference bit */
};

struct replace_policy {
    const char *name;
    void (*add)(struct replace_set *, struct page *);    /* a frame becomes resident */
    void (*remove)(struct replace_set *, struct page *); /* it goes, replaced or freed */
    /* The frame to replace, left in the set; NULL: none within the budget, call again. */
    struct page *(*victim)(struct replace_set *);
    void (*tick)(struct replace_set *); /* a few times a second; may be NULL */
};

extern const struct replace_policy replace_clock, replace_fifo, replace_second_chance, replace_lru;
extern const struct replace_policy *const replace_policies[]; /* NULL at the end */

void replace_add(struct page *);    /* the caller has a reference */
void replace_remove(struct page *); /* from page_put() */
/* A victim with a reference, no longer in the set; put it back with replace_add(). NULL: nothing to be found
 * this time. */
struct page *replace_victim(void);
void replace_tick(void);
uint64_t replace_count(void);

int replace_choose(const char *name); /* 0 or -EINVAL */
const char *replace_name(void);

#endif
