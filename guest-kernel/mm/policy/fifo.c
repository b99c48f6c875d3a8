/*
 * FIFO and second chance (notes, "Page replacement"). FIFO replaces the frame that was brought in first, used or
 * not: easy, and subject to Belady's anomaly, where more frames give more faults. Second chance is FIFO with the
 * reference bit: a frame whose bit is 1 goes to the tail with the bit cleared instead of being replaced.
 */
#include "mm/replace.h"

static void fifo_add(struct replace_set *s, struct page *p) { list_push_back(&s->frames, &p->link); }

static void fifo_remove(struct replace_set *s, struct page *p)
{
    (void)s;
    list_remove(&p->link);
}

static struct page *fifo_victim(struct replace_set *s)
{
    return list_empty(&s->frames) ? NULL : list_first(&s->frames, struct page, link);
}

static struct page *second_chance_victim(struct replace_set *s)
{
    while (!list_empty(&s->frames) && s->budget--) {
        struct page *p = list_first(&s->frames, struct page, link);
        if (!s->referenced(p)) return p;
        list_remove(&p->link);
        list_push_back(&s->frames, &p->link);
    }
    return NULL;
}

const struct replace_policy replace_fifo = {"fifo", fifo_add, fifo_remove, fifo_victim, NULL};
const struct replace_policy replace_second_chance = {"second-chance", fifo_add, fifo_remove, second_chance_victim,
                                                     NULL};
