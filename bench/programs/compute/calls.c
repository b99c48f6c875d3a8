/* Calls and returns: leaves, chains of small functions that save registers, methods called through tables. */
#include "bench.h"

struct shape;

struct shape_kind {
    uint64_t (*size)(const struct shape *);
    void (*grow)(struct shape *, uint64_t);
};

struct shape {
    const struct shape_kind *kind;
    uint64_t width, height;
};

#define SHAPES 64

static struct shape shapes[SHAPES];

static BENCH_NOINLINE uint64_t leaf_add(uint64_t x, uint64_t y) { return x + (y ^ 0x55); }
static BENCH_NOINLINE uint64_t leaf_spread(uint64_t x) { return x << 7 ^ x >> 3; }

static BENCH_NOINLINE uint64_t chain_3(uint64_t x, uint64_t y) { return leaf_add(x, y) + leaf_spread(x ^ y); }
static BENCH_NOINLINE uint64_t chain_2(uint64_t x, uint64_t y) { return chain_3(y, x) ^ leaf_spread(x); }
static BENCH_NOINLINE uint64_t chain_1(uint64_t x, uint64_t y) { return chain_2(x, leaf_add(y, 1)) + y; }

static uint64_t box_size(const struct shape *s) { return s->width * s->height; }
static uint64_t frame_size(const struct shape *s) { return 2 * (s->width + s->height); }
static uint64_t stripe_size(const struct shape *s) { return s->width; }

static void box_grow(struct shape *s, uint64_t by)
{
    s->width = (s->width + by) & 0xffff;
    s->height = (s->height ^ by) & 0xffff;
}

static void stripe_grow(struct shape *s, uint64_t by) { s->width = (s->width * 3 + by) & 0xffff; }

static const struct shape_kind kinds[] = {
    {.size = box_size, .grow = box_grow},
    {.size = frame_size, .grow = box_grow},
    {.size = stripe_size, .grow = stripe_grow},
};

static void setup(void)
{
    uint64_t seed = 12;
    for (int i = 0; i < SHAPES; i++) {
        uint64_t r = bench_random(&seed);
        shapes[i] =
            (struct shape){.kind = &kinds[r % BENCH_COUNT(kinds)], .width = r >> 48, .height = r >> 32 & 0xffff};
    }
}

static uint64_t run(uint64_t rounds)
{
    uint64_t sum = 0;
    for (uint64_t round = 0; round < rounds; round++) {
        for (int i = 0; i < SHAPES; i++) {
            struct shape *s = &shapes[i];
            uint64_t size = s->kind->size(s);
            sum = chain_1(sum, size);
            s->kind->grow(s, sum >> 11);
        }
    }
    /* The same chain, computed without calls. */
    uint64_t x = 12345, y = 67890, z = y + (1 ^ 0x55);
    uint64_t expected = ((z + (x ^ 0x55)) + ((z ^ x) << 7 ^ (z ^ x) >> 3)) ^ (x << 7 ^ x >> 3);
    if (chain_1(x, y) != expected + y) bench_fail("a chain of calls computed a wrong result");
    return sum;
}

const struct bench_program bench_program = {.name = "calls", .rounds = 60000, .setup = setup, .run = run};
