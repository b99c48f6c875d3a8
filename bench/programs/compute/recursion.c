/* Three classic recursions: Fibonacci, Ackermann, Takeuchi. */
#include "bench.h"

/* Otherwise the compiler turns much of the recursion into loops. */
#define RECURSIVE __attribute__((noinline, noclone, optimize("no-optimize-sibling-calls")))

static RECURSIVE uint64_t fibonacci(uint64_t n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

static RECURSIVE uint64_t ackermann(uint64_t m, uint64_t n)
{
    if (m == 0) return n + 1;
    if (n == 0) return ackermann(m - 1, 1);
    return ackermann(m - 1, ackermann(m, n - 1));
}

static RECURSIVE int64_t takeuchi(int64_t x, int64_t y, int64_t z)
{
    if (y >= x) return z;
    return takeuchi(takeuchi(x - 1, y, z), takeuchi(y - 1, z, x), takeuchi(z - 1, x, y));
}

static void setup(void) {}

static uint64_t run(uint64_t rounds)
{
    uint64_t sum = 0;
    for (uint64_t round = 0; round < rounds; round++) {
        uint64_t f = fibonacci(23), a = ackermann(2, 120);
        int64_t t = takeuchi(14, 9, 4);
        if (f != 28657 || a != 243 || t != 9) bench_fail("a recursion computed a wrong result");
        sum = bench_mix(sum, f + a + (uint64_t)t + round);
    }
    return sum;
}

const struct bench_program bench_program = {.name = "recursion", .rounds = 300, .setup = setup, .run = run};
