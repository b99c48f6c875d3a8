/* kernel: base/radix.c */
#include "base/radix.h"
#include "base/errno.h"
#include "tests/host.h"
#include <criterion/criterion.h>
#include <stdlib.h>

static void *value(uint64_t n) { return (void *)(uintptr_t)(n * 8 + 8); }

Test(radix, finds_what_was_set)
{
    struct radix r = {0};
    const uint64_t at[] = {0, 1, 63, 64, 4095, 4096, 1ull << 35, UINT64_MAX};
    for (size_t i = 0; i < ARRAY_SIZE(at); i++) cr_assert_eq(radix_set(&r, at[i], value(i)), 0);
    for (size_t i = 0; i < ARRAY_SIZE(at); i++) cr_assert_eq(radix_find(&r, at[i]), value(i));
    cr_assert_null(radix_find(&r, 2));
    uint64_t index = 0;
    for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
        cr_assert_eq(radix_next(&r, &index), value(i));
        cr_assert_eq(index, at[i]);
        if (index != UINT64_MAX) index++;
    }
    for (size_t i = 0; i < ARRAY_SIZE(at); i++) cr_assert_eq(radix_remove(&r, at[i]), value(i));
    cr_assert(r.height == 0 && r.entries == 0);
    cr_assert_eq(host_allocations, 0, "every node is given back");
}

Test(radix, behaves_like_an_array)
{
    enum { N = 20000 };
    struct radix r = {0};
    static void *model[N];
    static bool mark[N];
    srand(3);
    for (int step = 0; step < 300000; step++) {
        uint64_t i = (uint64_t)rand() % N;
        if (step / 20000 % 2) i = i % 300 * 61 % N;
        switch (rand() % 5) {
        case 0:
        case 1:
            cr_assert_eq(radix_set(&r, i, value(i)), 0);
            model[i] = value(i);
            break;
        case 2:
            cr_assert_eq(radix_remove(&r, i), model[i]);
            model[i] = NULL, mark[i] = false;
            break;
        case 3:
            radix_mark(&r, i, step & 1);
            if (model[i]) mark[i] = step & 1;
            break;
        default: {
            uint64_t want = i, got = i, marked = i;
            while (want < N && !model[want]) want++;
            cr_assert_eq(radix_next(&r, &got), want < N ? model[want] : NULL);
            if (want < N) cr_assert_eq(got, want);
            while (i < N && !mark[i]) i++;
            cr_assert_eq(radix_next_marked(&r, &marked), i < N ? model[i] : NULL);
            if (i < N) cr_assert_eq(marked, i);
        }
        }
    }
    for (uint64_t i = 0; i < N; i++) cr_assert_eq(radix_marked(&r, i), mark[i]);
    for (uint64_t i = 0; i < N; i++) radix_remove(&r, i);
    cr_assert_eq(host_allocations, 0);
}

Test(radix, running_out_of_memory_loses_nothing)
{
    for (int left = 0; left < 14; left++) {
        struct radix r = {0};
        host_allocations_left = -1;
        radix_set(&r, 5, value(5));
        host_allocations_left = left;
        int result = radix_set(&r, 1ull << 62, value(1));
        host_allocations_left = -1;
        cr_assert(result == 0 || result == -ENOMEM);
        cr_assert_eq(radix_find(&r, 5), value(5));
        cr_assert_eq(radix_find(&r, 1ull << 62), result ? NULL : value(1));
        radix_remove(&r, 1ull << 62);
        radix_remove(&r, 5);
        cr_assert_eq(host_allocations, 0);
    }
}
