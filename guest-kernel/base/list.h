/*
 * list.h - doubly linked lists whose links live inside the listed objects.
 *
 * A list is a ring of links; the head is a link that belongs to no object. Because the links are inside the objects,
 * queueing needs no memory and cannot fail - what a kernel wants of its ready and device queues. An object that is on
 * several queues at once has several links. list_entry() finds the object around a link.
 *
 *      head <-> a.link <-> b.link <-> head
 */
#ifndef KEPLER_BASE_LIST_H
#define KEPLER_BASE_LIST_H

#include "base/types.h"

struct list {
    struct list *next, *prev;
};

#define LIST_INIT(head)                                                                                                \
    {                                                                                                                  \
        &(head), &(head)                                                                                               \
    }

static inline void list_init(struct list *head) { head->next = head->prev = head; }
static inline bool list_empty(const struct list *head) { return head->next == head; }

static inline void list_insert_between(struct list *link, struct list *prev, struct list *next)
{
    link->prev = prev;
    link->next = next;
    prev->next = link;
    next->prev = link;
}

/* Adds as the first element, as the last, or before another one. */
static inline void list_push_front(struct list *head, struct list *link)
{
    list_insert_between(link, head, head->next);
}
static inline void list_push_back(struct list *head, struct list *link) { list_insert_between(link, head->prev, head); }
static inline void list_insert_before(struct list *at, struct list *link) { list_insert_between(link, at->prev, at); }

/* Takes the link out; it is then a ring of its own, so that list_empty(link) tells "on no list". */
static inline void list_remove(struct list *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}

/* Moves all of `from` behind the last of `to`. */
static inline void list_splice_back(struct list *to, struct list *from)
{
    if (list_empty(from)) return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

#define list_entry(link, type, member) container_of(link, type, member)
#define list_first(head, type, member) list_entry((head)->next, type, member)
#define list_last(head, type, member)  list_entry((head)->prev, type, member)

#define list_for_each(at, head, member)                                                                                \
    for (at = list_entry((head)->next, __typeof__(*at), member); &at->member != (head);                                \
         at = list_entry(at->member.next, __typeof__(*at), member))
/* The same where the body may remove `at`; `after` is another pointer of the same type. */
#define list_for_each_safe(at, after, head, member)                                                                    \
    for (at = list_entry((head)->next, __typeof__(*at), member),                                                       \
        after = list_entry(at->member.next, __typeof__(*at), member);                                                  \
         &at->member != (head); at = after, after = list_entry(at->member.next, __typeof__(*at), member))

#endif
