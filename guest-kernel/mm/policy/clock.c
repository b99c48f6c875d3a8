/*
 * Clock: a variation of second chance (notes, "Page replacement"). The frames stand around a clock with one
 * hand. To replace, look at the frame under the hand: if its reference bit is 1, set it to 0 and move on; if it
 * is 0, replace it. A frame that is used between two visits of the hand stays. A new frame is put just behind
 * the hand, where it is visited last.
 */
#include "mm/replace.h"

static void clock_add(struct replace_set *s, struct page *p)
{
    list_insert_before(s->hand ? s->hand : &s->frames, &p->link);
}

static void clock_remove(struct replace_set *s, struct page *p)
{
    if (s->hand == &p->link) s->hand = p->link.next;
    list_remove(&p->link);
    if (s->hand == &s->frames) s->hand = NULL; /* past the end: the next visit begins at the front */
}

static struct page *clock_victim(struct replace_set *s)
{
    while (!list_empty(&s->frames) && s->budget--) {
        if (!s->hand) s->hand = s->frames.next;
        struct page *p = list_entry(s->hand, struct page, link);
        if (!s->referenced(p)) return p;
        s->hand = s->hand->next == &s->frames ? NULL : s->hand->next;
    }
    return NULL;
}

const struct replace_policy replace_clock = {"clock", clock_add, clock_remove, clock_victim, NULL};
