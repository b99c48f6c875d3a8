/* Products of square matrices of doubles, in the plain order and in blocks. */
#include "bench.h"

#define ORDER 96
#define BLOCK 16

typedef double matrix[ORDER][ORDER];

static matrix a, b, plain, blocked;

static BENCH_NOINLINE void multiply_plain(matrix out, matrix x, matrix y)
{
    for (int i = 0; i < ORDER; i++)
        for (int j = 0; j < ORDER; j++) {
            double sum = 0;
            for (int k = 0; k < ORDER; k++) sum += x[i][k] * y[k][j];
            out[i][j] = sum;
        }
}

static BENCH_NOINLINE void add_block_product(matrix out, matrix x, matrix y, int i0, int k0, int j0)
{
    for (int i = i0; i < i0 + BLOCK; i++)
        for (int k = k0; k < k0 + BLOCK; k++) {
            double factor = x[i][k];
            for (int j = j0; j < j0 + BLOCK; j++) out[i][j] += factor * y[k][j];
        }
}

static BENCH_NOINLINE void multiply_blocked(matrix out, matrix x, matrix y)
{
    for (int i = 0; i < ORDER; i++)
        for (int j = 0; j < ORDER; j++) out[i][j] = 0;
    for (int i = 0; i < ORDER; i += BLOCK)
        for (int k = 0; k < ORDER; k += BLOCK)
            for (int j = 0; j < ORDER; j += BLOCK) add_block_product(out, x, y, i, k, j);
}

static void setup(void)
{
    uint64_t seed = 10;
    for (int i = 0; i < ORDER; i++)
        for (int j = 0; j < ORDER; j++) {
            a[i][j] = (double)(int64_t)bench_random(&seed) * 0x1p-63;
            b[i][j] = (double)(int64_t)bench_random(&seed) * 0x1p-63;
        }
}

static uint64_t run(uint64_t rounds)
{
    uint64_t sum = 0;
    for (uint64_t round = 0; round < rounds; round++) {
        multiply_plain(plain, a, b);
        multiply_blocked(blocked, a, b);
        /* Both orders add the same products from k = 0 upwards, so that not one bit may differ. */
        for (int i = 0; i < ORDER; i++)
            for (int j = 0; j < ORDER; j++)
                if (plain[i][j] != blocked[i][j]) bench_fail("two orders of summation differ");
        a[round % ORDER][round / ORDER % ORDER] = plain[round % ORDER][7] * 0.03125;
        sum = bench_mix(sum, bench_bits(plain[round * 5 % ORDER][round * 3 % ORDER]));
    }
    return sum;
}

const struct bench_program bench_program = {.name = "matrix", .rounds = 32, .setup = setup, .run = run};
