/* Four passes over three arrays of doubles, 4 MiB each: copy, scale, add, scale and add. */
#include "bench.h"

#define COUNT (4 * 1024 * 1024 / sizeof(double))

static double a[COUNT], b[COUNT], c[COUNT];

static BENCH_NOINLINE void pass_copy(double *restrict to, const double *restrict x)
{
    for (size_t i = 0; i < COUNT; i++) to[i] = x[i];
}

static BENCH_NOINLINE void pass_scale(double *restrict to, const double *restrict x, double factor)
{
    for (size_t i = 0; i < COUNT; i++) to[i] = factor * x[i];
}

static BENCH_NOINLINE void pass_add(double *restrict to, const double *restrict x, const double *restrict y)
{
    for (size_t i = 0; i < COUNT; i++) to[i] = x[i] + y[i];
}

static BENCH_NOINLINE void pass_scale_add(double *restrict to, const double *restrict x, const double *restrict y,
                                          double factor)
{
    for (size_t i = 0; i < COUNT; i++) to[i] = x[i] + factor * y[i];
}

static void setup(void)
{
    uint64_t seed = 9;
    for (size_t i = 0; i < COUNT; i++) {
        a[i] = 1.0 + (double)(bench_random(&seed) >> 11) * 0x1p-53;
        b[i] = c[i] = 0;
    }
}

static uint64_t run(uint64_t rounds)
{
    const double factor = 0.41;
    uint64_t sum = 0;
    for (uint64_t round = 0; round < rounds; round++) {
        size_t probe = round * 65537 % COUNT;
        double before = a[probe];
        pass_copy(c, a);                 /* c = a */
        pass_scale(b, c, factor);        /* b = 0.41 a */
        pass_add(c, a, b);               /* c = 1.41 a */
        pass_scale_add(a, b, c, factor); /* a = 0.9881 a: stays a normal number for thousands of rounds */
        double expected = before * (factor + factor * (1 + factor));
        if (!(a[probe] > expected * 0.999999 && a[probe] < expected * 1.000001)) bench_fail("a sum is wrong");
        sum = bench_mix(sum, bench_bits(a[probe]));
    }
    return sum;
}

const struct bench_program bench_program = {.name = "stream", .rounds = 8, .setup = setup, .run = run};
