/* The framework of page replacement: the set of resident frames, its lock, the reference bits, and the choice of
 * the policy. */
#include "mm/replace.h"
#include "arch/machine.h"
#include "base/atomic.h"
#include "base/errno.h"
#include "base/string.h"
#include "kern/init.h"
#include "kern/lock.h"
#include "kern/print.h"
#include "mm/space_internal.h"

#define LOOK 64 /* frames a policy looks at under one hold of the lock */

static struct spinlock set_lock = SPINLOCK_INIT("resident frames", RANK_POLICY);
static bool page_referenced(struct page *);
static struct replace_set set = {.frames = LIST_INIT(set.frames), .referenced = page_referenced};
static const struct replace_policy *policy = &replace_clock;
const struct replace_policy *const replace_policies[] = {&replace_clock, &replace_fifo, &replace_second_chance,
                                                         &replace_lru, NULL};

/* A frame somebody works on counts as used; the page lock keeps its mapping while we look. */
static bool page_referenced(struct page *p)
{
    if (!page_trylock(p)) return true;
    bool used = page_flag(p, PG_TOUCHED);
    if (used) page_flag_clear(p, PG_TOUCHED);
    if (rmap_referenced(p)) used = true;
    page_unlock(p);
    return used;
}

void replace_add(struct page *p)
{
    spin_lock(&set_lock);
    if (!page_flag(p, PG_RESIDENT)) {
        page_flag_set(p, PG_RESIDENT);
        policy->add(&set, p);
        set.count++;
    }
    spin_unlock(&set_lock);
}

static void remove_locked(struct page *p)
{
    policy->remove(&set, p);
    set.count--;
    page_flag_clear(p, PG_RESIDENT);
}

void replace_remove(struct page *p)
{
    spin_lock(&set_lock);
    if (page_flag(p, PG_RESIDENT)) remove_locked(p);
    spin_unlock(&set_lock);
}

/* A reference, unless the frame is just being freed. */
static bool get_unless_free(struct page *p)
{
    uint32_t refs = atomic_load(&p->refs);
    while (refs)
        if (atomic_cas(&p->refs, &refs, refs + 1)) return true;
    return false;
}

struct page *replace_victim(void)
{
    spin_lock(&set_lock);
    set.budget = LOOK;
    struct page *p = policy->victim(&set);
    /* The reference first: who frees the frame takes it out of the set under our lock, so here it still is one. */
    if (p && !get_unless_free(p)) p = NULL;
    if (p) remove_locked(p);
    spin_unlock(&set_lock);
    return p;
}

void replace_tick(void)
{
    if (!policy->tick) return;
    spin_lock(&set_lock);
    set.budget = LOOK;
    policy->tick(&set);
    spin_unlock(&set_lock);
}

uint64_t replace_count(void) { return atomic_load(&set.count); }
const char *replace_name(void) { return policy->name; }

int replace_choose(const char *name)
{
    for (const struct replace_policy *const *at = replace_policies; *at; at++) {
        if (strcmp((*at)->name, name)) continue;
        /* The new policy gets all frames in the old one's order. */
        struct list all = LIST_INIT(all);
        spin_lock(&set_lock);
        while (!list_empty(&set.frames)) {
            struct page *p = list_first(&set.frames, struct page, link);
            policy->remove(&set, p);
            list_push_back(&all, &p->link);
        }
        policy = *at;
        set.hand = NULL;
        while (!list_empty(&all)) {
            struct page *p = list_first(&all, struct page, link);
            list_remove(&p->link);
            p->history = 0;
            policy->add(&set, p);
        }
        spin_unlock(&set_lock);
        return 0;
    }
    return -EINVAL;
}

static void replace_start(void)
{
    char name[32];
    if (boot_argument("replace", name, sizeof name) && replace_choose(name))
        printk("mm: replace=%s: no such policy; it stays %s\n", name, policy->name);
}
INIT(INIT_KERNEL, replace_start);
