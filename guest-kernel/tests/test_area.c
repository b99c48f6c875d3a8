/* kernel: mm/area.c base/rbtree.c */
#include "base/list.h"
#include "mm/area.h"
#include <criterion/criterion.h>
#include <stdlib.h>

#define PAGE 4096ul
enum { PAGES = 512 };

static struct area *add(struct area_tree *t, uint64_t start, uint64_t end)
{
    struct area *a = calloc(1, sizeof *a);
    a->start = start;
    a->end = end;
    a->offset = start / PAGE;
    area_add(t, a);
    return a;
}

static void drop(struct area_tree *t, struct area *a)
{
    area_remove(t, a);
    free(a);
}

Test(area, finds_by_any_address_in_it)
{
    struct area_tree t;
    area_tree_init(&t);
    struct area *a = add(&t, 2 * PAGE, 4 * PAGE), *b = add(&t, 4 * PAGE, 5 * PAGE);
    cr_assert_null(area_find(&t, 2 * PAGE - 1));
    cr_assert_eq(area_find(&t, 2 * PAGE), a);
    cr_assert_eq(area_find(&t, 4 * PAGE - 1), a);
    cr_assert_eq(area_find(&t, 4 * PAGE), b);
    cr_assert_null(area_find(&t, 5 * PAGE));
    cr_assert_eq(area_at_or_after(&t, 0), a);
    cr_assert(area_range_free(&t, 0, 2 * PAGE) && !area_range_free(&t, 0, 2 * PAGE + 1) &&
              area_range_free(&t, 5 * PAGE, 9 * PAGE));
    drop(&t, a);
    drop(&t, b);
}

Test(area, behaves_like_a_map_of_pages)
{
    static struct area *owner[PAGES];
    struct area_tree t;
    area_tree_init(&t);
    srand(5);
    for (int step = 0; step < 100000; step++) {
        uint64_t first = (uint64_t)rand() % PAGES, n = (uint64_t)rand() % 8 + 1;
        if (first + n > PAGES) continue;
        bool empty = true;
        for (uint64_t i = first; i < first + n; i++) empty &= !owner[i];
        cr_assert_eq(area_range_free(&t, first * PAGE, (first + n) * PAGE), empty);
        cr_assert_eq(area_find(&t, first * PAGE + 100), owner[first]);
        if (empty) {
            struct area *a = add(&t, first * PAGE, (first + n) * PAGE);
            for (uint64_t i = first; i < first + n; i++) owner[i] = a;
        } else if (owner[first]) {
            struct area *a = owner[first];
            for (uint64_t i = 0; i < PAGES; i++)
                if (owner[i] == a) owner[i] = NULL;
            drop(&t, a);
        }
        if (step % 50) continue;
        /* The hole found is the highest there is. */
        uint64_t want = (uint64_t)rand() % 6 + 1, expect = 0;
        for (uint64_t at = PAGES - want; at >= 1 && !expect; at--) {
            bool fits = true;
            for (uint64_t i = at; i < at + want; i++) fits &= !owner[i];
            if (fits) expect = at;
        }
        t.hint = UINT64_MAX;
        cr_assert_eq(area_find_hole(&t, want * PAGE, PAGE, PAGES * PAGE), expect * PAGE);
        cr_assert(!expect || area_range_free(&t, expect * PAGE, (expect + want) * PAGE));
    }
    for (struct rb_node *n; (n = rb_first(&t.tree));) drop(&t, rb_entry(n, struct area, node));
    cr_assert_eq(t.count, 0);
}

Test(area, the_hint_never_hides_a_hole)
{
    struct area_tree t;
    area_tree_init(&t);
    struct area *held[64];
    for (int i = 0; i < 64; i++) {
        uint64_t at = area_find_hole(&t, PAGE, PAGE, 65 * PAGE);
        cr_assert_eq(at, (uint64_t)(64 - i) * PAGE);
        held[i] = add(&t, at, at + PAGE);
    }
    cr_assert_eq(area_find_hole(&t, PAGE, PAGE, 65 * PAGE), 0, "full");
    drop(&t, held[10]);
    cr_assert_eq(area_find_hole(&t, PAGE, PAGE, 65 * PAGE), 54 * PAGE);
    for (struct rb_node *n; (n = rb_first(&t.tree));) drop(&t, rb_entry(n, struct area, node));
}

Test(area, a_stack_keeps_room_to_grow_and_its_guard)
{
    struct area_tree t;
    area_tree_init(&t);
    uint64_t top = 1ul << 30, limit = 1ul << 20;
    struct area *stack = add(&t, top - 4 * PAGE, top);
    stack->flags = AREA_GROWS;
    stack->limit = limit;
    cr_assert_eq(area_find_hole(&t, PAGE, PAGE, top), top - limit - AREA_GUARD - PAGE);
    drop(&t, stack);
}

Test(area, joins_only_what_is_alike)
{
    struct area a = {.start = PAGE, .end = 3 * PAGE, .prot = 3, .offset = 1},
                b = {.start = 3 * PAGE, .end = 4 * PAGE, .prot = 3, .offset = 3};
    cr_assert(area_can_join(&a, &b));
    b.offset = 4;
    cr_assert(!area_can_join(&a, &b), "another place of the object");
    b.offset = 3, b.prot = 1;
    cr_assert(!area_can_join(&a, &b), "another protection");
    b.prot = 3, b.flags = AREA_SHARED;
    cr_assert(!area_can_join(&a, &b));
    b.flags = 0, b.start = 4 * PAGE, b.end = 5 * PAGE;
    cr_assert(!area_can_join(&a, &b), "a hole between them");
}
