/* 4 MiB from one buffer to another, eight bytes at a time. The buffers lie a power of two apart. */
#include "bench.h"

#define WORDS (4 * 1024 * 1024 / sizeof(uint64_t))

static uint64_t source[WORDS], target[WORDS];

static BENCH_NOINLINE void copy_words(uint64_t *restrict to, const uint64_t *restrict from, size_t count)
{
    for (; count >= 4; count -= 4, to += 4, from += 4) {
        uint64_t a = from[0], b = from[1], c = from[2], d = from[3];
        to[0] = a, to[1] = b, to[2] = c, to[3] = d;
    }
}

static void setup(void)
{
    uint64_t seed = 7;
    for (size_t i = 0; i < WORDS; i++) source[i] = bench_random(&seed);
    for (size_t i = 0; i < WORDS; i++) target[i] = ~source[i];
}

static uint64_t run(uint64_t rounds)
{
    uint64_t sum = 0;
    for (uint64_t round = 0; round < rounds; round++) {
        size_t probe = round * 524309 % WORDS;
        source[probe] += round;
        copy_words(target, source, WORDS);
        if (target[probe] != source[probe]) bench_fail("a word was not copied");
        sum = bench_mix(sum, target[probe]);
    }
    for (size_t i = 0; i < WORDS; i++)
        if (target[i] != source[i]) bench_fail("the copy differs");
    return sum;
}

const struct bench_program bench_program = {.name = "copy", .rounds = 150, .setup = setup, .run = run};
