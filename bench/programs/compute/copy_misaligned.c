/* As copy.c, with addresses that are no multiple of eight: the loads and stores themselves are misaligned. */
#include "bench.h"

#define BYTES (4 * 1024 * 1024)

static uint8_t source[BYTES + 64], target[BYTES + 64];

/* In assembly, because a compiler avoids misaligned accesses. Copies a multiple of 32 bytes. */
static BENCH_NOINLINE void copy_32(uint8_t *to, const uint8_t *from, size_t count)
{
    const uint8_t *end = from + count;
    uint64_t a, b, c, d;
    __asm__ volatile("1: ld %[a], 0(%[from])\n"
                     "   ld %[b], 8(%[from])\n"
                     "   ld %[c], 16(%[from])\n"
                     "   ld %[d], 24(%[from])\n"
                     "   addi %[from], %[from], 32\n"
                     "   sd %[a], 0(%[to])\n"
                     "   sd %[b], 8(%[to])\n"
                     "   sd %[c], 16(%[to])\n"
                     "   sd %[d], 24(%[to])\n"
                     "   addi %[to], %[to], 32\n"
                     "   bltu %[from], %[end], 1b\n"
                     : [to] "+r"(to), [from] "+r"(from), [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d)
                     : [end] "r"(end)
                     : "memory");
}

static void setup(void)
{
    uint64_t seed = 8;
    for (size_t i = 0; i < sizeof(source); i++) source[i] = (uint8_t)bench_random(&seed);
    for (size_t i = 0; i < sizeof(target); i++) target[i] = (uint8_t)~source[i];
}

static uint64_t run(uint64_t rounds)
{
    uint64_t sum = 0;
    for (uint64_t round = 0; round < rounds; round++) {
        size_t from = 1 + round % 7, to = 1 + round / 7 % 7, probe = round * 524309 % BYTES;
        source[from + probe] += (uint8_t)(round + 1);
        copy_32(target + to, source + from, BYTES);
        if (target[to + probe] != source[from + probe]) bench_fail("a byte was not copied");
        sum = bench_mix(sum, target[to + probe]);
        if (round + 1 < rounds) continue;
        for (size_t i = 0; i < BYTES; i++)
            if (target[to + i] != source[from + i]) bench_fail("the copy differs");
    }
    return sum;
}

const struct bench_program bench_program = {.name = "copy_misaligned", .rounds = 100, .setup = setup, .run = run};
