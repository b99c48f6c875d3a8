/* kernel: mm/policy/clock.c mm/policy/fifo.c mm/policy/lru.c */
#include "mm/replace.h"
#include <criterion/criterion.h>

/* The policies against the textbook's reference strings. Reference bits are kept beside the pages; loading a
 * page sets its bit. */
enum { PAGES = 10 };
static struct page pages[PAGES];
static bool bit[PAGES], resident[PAGES];

static bool referenced(struct page *p)
{
    bool was = bit[p - pages];
    bit[p - pages] = false;
    return was;
}

static int faults(const struct replace_policy *policy, unsigned frames, const char *string)
{
    struct replace_set s = {.frames = LIST_INIT(s.frames), .referenced = referenced};
    memset(pages, 0, sizeof pages);
    memset(bit, 0, sizeof bit);
    memset(resident, 0, sizeof resident);
    int count = 0;
    for (const char *c = string; *c; c++) {
        int n = *c - '0';
        if (!resident[n]) {
            count++;
            if (s.count == frames) {
                s.budget = 1000;
                struct page *victim = policy->victim(&s);
                cr_assert_not_null(victim);
                policy->remove(&s, victim);
                s.count--;
                resident[victim - pages] = false;
            }
            policy->add(&s, &pages[n]);
            s.count++;
            resident[n] = true;
        }
        bit[n] = true;
        s.budget = 1000;
        if (policy->tick) policy->tick(&s);
    }
    return count;
}

static const char belady[] = "123412512345", silberschatz[] = "70120304230321201701", ostep[] = "01201303121";

Test(replace, fifo_shows_beladys_anomaly)
{
    cr_assert_eq(faults(&replace_fifo, 3, belady), 9);
    cr_assert_eq(faults(&replace_fifo, 4, belady), 10);
    cr_assert_eq(faults(&replace_fifo, 3, silberschatz), 15);
    cr_assert_eq(faults(&replace_fifo, 4, silberschatz), 10);
    cr_assert_eq(faults(&replace_fifo, 3, ostep), 7);
}

Test(replace, clock_equals_the_table)
{
    cr_assert_eq(faults(&replace_clock, 3, belady), 9);
    cr_assert_eq(faults(&replace_clock, 4, belady), 10);
    cr_assert_eq(faults(&replace_clock, 3, silberschatz), 14);
    cr_assert_eq(faults(&replace_clock, 4, silberschatz), 9);
    cr_assert_eq(faults(&replace_clock, 3, ostep), 7);
}

Test(replace, second_chance_is_clock_with_a_queue)
{
    cr_assert_eq(faults(&replace_second_chance, 3, belady), 9);
    cr_assert_eq(faults(&replace_second_chance, 4, belady), 10);
    cr_assert_eq(faults(&replace_second_chance, 3, silberschatz), 14);
    cr_assert_eq(faults(&replace_second_chance, 4, silberschatz), 9);
    cr_assert_eq(faults(&replace_second_chance, 3, ostep), 7);
}

Test(replace, histories_with_a_tick_per_reference_are_lru)
{
    cr_assert_eq(faults(&replace_lru, 3, belady), 10);
    cr_assert_eq(faults(&replace_lru, 4, belady), 8);
    cr_assert_eq(faults(&replace_lru, 3, silberschatz), 12);
    cr_assert_eq(faults(&replace_lru, 4, silberschatz), 8);
    cr_assert_eq(faults(&replace_lru, 3, ostep), 5);
}

Test(replace, removing_any_frame_keeps_the_rest)
{
    const struct replace_policy *all[] = {&replace_clock, &replace_fifo, &replace_second_chance, &replace_lru};
    for (size_t k = 0; k < ARRAY_SIZE(all); k++)
        for (int out = 0; out < 4; out++) {
            struct replace_set s = {.frames = LIST_INIT(s.frames), .referenced = referenced, .budget = 100};
            memset(bit, 0, sizeof bit);
            memset(pages, 0, sizeof pages);
            for (int i = 0; i < 4; i++) all[k]->add(&s, &pages[i]);
            s.count = 4;
            struct page *first = all[k]->victim(&s);
            cr_assert_eq(first, &pages[0]);
            all[k]->remove(&s, &pages[out]);
            s.count--;
            bool seen[4] = {0};
            for (int i = 0; i < 3; i++) {
                s.budget = 100;
                struct page *p = all[k]->victim(&s);
                cr_assert(p && p != &pages[out] && !seen[p - pages]);
                seen[p - pages] = true;
                all[k]->remove(&s, p);
                s.count--;
            }
            s.budget = 100;
            cr_assert_null(all[k]->victim(&s));
        }
}
