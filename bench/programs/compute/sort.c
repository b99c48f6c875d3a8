/* A generic sort in the manner of qsort: element size and comparison are known only at run time. */
#include "bench.h"

#define ITEMS 20000

typedef int (*compare_fn)(const void *, const void *);

struct item {
    uint64_t key;
    uint32_t group;
    uint32_t serial;
};

static struct item original[ITEMS], items[ITEMS];

static int compare_key(const void *left, const void *right)
{
    const struct item *a = left, *b = right;
    return a->key < b->key ? -1 : a->key > b->key;
}

static int compare_group(const void *left, const void *right)
{
    const struct item *a = left, *b = right;
    if (a->group != b->group) return a->group < b->group ? -1 : 1;
    return compare_key(right, left);
}

static int compare_serial(const void *left, const void *right)
{
    const struct item *a = left, *b = right;
    return (int)a->serial - (int)b->serial;
}

static compare_fn const orders[] = {compare_key, compare_group, compare_serial};

static void swap_bytes(char *a, char *b, size_t size)
{
    for (size_t i = 0; i < size; i += 4) {
        uint32_t kept = *(uint32_t *)(a + i);
        *(uint32_t *)(a + i) = *(uint32_t *)(b + i);
        *(uint32_t *)(b + i) = kept;
    }
}

static void sort_small(char *base, size_t count, size_t size, compare_fn compare)
{
    for (size_t i = 1; i < count; i++)
        for (char *at = base + i * size; at > base && compare(at - size, at) > 0; at -= size)
            swap_bytes(at - size, at, size);
}

/* Leaves the median of first, middle and last in the first place. */
static void choose_pivot(char *base, size_t count, size_t size, compare_fn compare)
{
    char *middle = base + count / 2 * size, *last = base + (count - 1) * size;
    if (compare(middle, last) > 0) swap_bytes(middle, last, size);
    if (compare(base, last) > 0) swap_bytes(base, last, size);
    if (compare(middle, base) > 0) swap_bytes(middle, base, size);
}

static void sort_any(void *array, size_t count, size_t size, compare_fn compare)
{
    char *base = array;
    while (count > 12) {
        choose_pivot(base, count, size, compare);
        char *low = base, *high = base + count * size;
        for (;;) {
            do low += size;
            while (low < base + (count - 1) * size && compare(low, base) < 0);
            do high -= size;
            while (compare(base, high) < 0);
            if (low >= high) break;
            swap_bytes(low, high, size);
        }
        swap_bytes(base, high, size);
        size_t below = (size_t)(high - base) / size, above = count - below - 1;
        if (below < above) {
            sort_any(base, below, size, compare);
            base = high + size;
            count = above;
        } else {
            sort_any(high + size, above, size, compare);
            count = below;
        }
    }
    sort_small(base, count, size, compare);
}

static void setup(void)
{
    uint64_t seed = 2;
    for (uint32_t i = 0; i < ITEMS; i++) {
        uint64_t r = bench_random(&seed);
        original[i] = (struct item){.key = r >> 8, .group = r & 63, .serial = (i * 7919) % ITEMS};
    }
}

static uint64_t run(uint64_t rounds)
{
    uint64_t sum = 0;
    for (uint64_t round = 0; round < rounds; round++) {
        compare_fn compare = orders[round % BENCH_COUNT(orders)];
        for (size_t i = 0; i < ITEMS; i++) items[i] = original[i];
        items[round % ITEMS].key += round;
        sort_any(items, ITEMS, sizeof(items[0]), compare);
        for (size_t i = 1; i < ITEMS; i++)
            if (compare(&items[i - 1], &items[i]) > 0) bench_fail("the items are not in order");
        sum = bench_mix(sum, items[round * 31 % ITEMS].key);
    }
    return sum;
}

const struct bench_program bench_program = {.name = "sort", .rounds = 48, .setup = setup, .run = run};
