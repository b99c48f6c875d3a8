/* kernel: mm/buddy.c */
#include "mm/buddy.h"
#include <criterion/criterion.h>
#include <stdlib.h>

/* A memory of `frames` frames from frame number `first` on, all free. */
static struct buddy *memory(uint64_t first, uint64_t frames)
{
    struct buddy *b = malloc(sizeof *b);
    buddy_init(b);
    buddy_add_zone(b, first, frames, calloc(frames, sizeof(struct page)));
    buddy_add_free(b, first, frames);
    return b;
}

static void forget(struct buddy *b)
{
    for (unsigned i = 0; i < b->zone_count; i++) free(b->zones[i].pages);
    free(b);
}

static uint64_t frames_on_lists(const struct buddy *b)
{
    uint64_t sum = 0;
    for (unsigned k = 0; k <= PAGE_ORDER_MAX; k++) {
        uint64_t blocks = 0;
        struct page *p;
        list_for_each(p, &b->free[k], link)
        {
            cr_assert(p->flags & PG_BUDDY && p->order == k);
            cr_assert_eq(buddy_frame(b, p) & ((1ul << k) - 1), 0, "a block is aligned to its size");
            blocks++;
        }
        cr_assert_eq(blocks, b->blocks[k]);
        sum += blocks << k;
    }
    return sum;
}

Test(buddy, seven_kib_in_sixty_four_take_eight)
{
    /* The textbook example, with frames of 1 KiB: 64, one request for 7. */
    struct buddy *b = memory(0, 64);
    struct page *p = buddy_take(b, 3);
    cr_assert_not_null(p);
    cr_assert_eq(b->free_frames, 56);
    cr_assert(b->blocks[3] == 1 && b->blocks[4] == 1 && b->blocks[5] == 1, "split into 8, 8, 16, 32");
    buddy_give(b, p, 3);
    cr_assert(b->blocks[6] == 1 && b->blocks[3] == 0, "joined again");
    forget(b);
}

Test(buddy, any_start_and_size)
{
    for (uint64_t first = 0x80000; first < 0x80009; first++)
        for (uint64_t frames = 1; frames < 70; frames += 3) {
            struct buddy *b = memory(first, frames);
            cr_assert_eq(b->free_frames, frames);
            cr_assert_eq(frames_on_lists(b), frames);
            uint64_t got = 0;
            while (buddy_take(b, 0)) got++;
            cr_assert_eq(got, frames);
            forget(b);
        }
}

Test(buddy, no_block_crosses_zones)
{
    /* Two ranges that touch: what belongs to different zones must not be joined. */
    struct buddy *b = malloc(sizeof *b);
    buddy_init(b);
    buddy_add_zone(b, 0, 6, calloc(6, sizeof(struct page)));
    buddy_add_zone(b, 6, 10, calloc(10, sizeof(struct page)));
    buddy_add_free(b, 0, 6);
    buddy_add_free(b, 6, 10);
    cr_assert_eq(frames_on_lists(b), 16);
    cr_assert_null(buddy_take(b, 4));
    cr_assert_null(buddy_page(b, 16));
    forget(b);
}

Test(buddy, random_use_keeps_every_frame_once)
{
    enum { FRAMES = 3000, HELD = 400 };
    struct buddy *b = memory(123, FRAMES);
    struct {
        struct page *page;
        unsigned order;
    } held[HELD] = {0};
    uint8_t *owner = calloc(FRAMES, 1);
    srand(7);
    for (int step = 0; step < 200000; step++) {
        int i = rand() % HELD;
        if (held[i].page) {
            uint64_t first = buddy_frame(b, held[i].page) - 123;
            for (uint64_t f = first; f < first + (1ul << held[i].order); f++) owner[f] = 0;
            buddy_give(b, held[i].page, held[i].order);
            held[i].page = NULL;
            continue;
        }
        held[i].order = (unsigned)(rand() % 6);
        held[i].page = buddy_take(b, held[i].order);
        if (!held[i].page) continue;
        uint64_t first = buddy_frame(b, held[i].page) - 123;
        for (uint64_t f = first; f < first + (1ul << held[i].order); f++) {
            cr_assert(!owner[f], "frame %lu handed out twice", (unsigned long)f);
            owner[f] = 1;
        }
    }
    for (int i = 0; i < HELD; i++)
        if (held[i].page) buddy_give(b, held[i].page, held[i].order);
    cr_assert_eq(b->free_frames, FRAMES);
    cr_assert_eq(frames_on_lists(b), FRAMES);
    free(owner);
    forget(b);
}
