/*
 * Single and double precision outside dense loops: a fast Fourier transform in single precision, polynomial functions,
 * conversions to and from integers, comparisons, divisions.
 */
#include "bench.h"

#define POINTS_LOG2 10
#define POINTS      (1 << POINTS_LOG2)
#define TURN        6.283185307179586

struct complex {
    float re, im;
};

static struct complex signal[POINTS], spectrum[POINTS], turns[POINTS / 2];

/* Sine by its Taylor polynomial, after reduction to a quarter turn around zero. */
static BENCH_NOINLINE double sine(double angle)
{
    int64_t halves = (int64_t)(angle / (TURN / 2) + (angle < 0 ? -0.5 : 0.5));
    double x = angle - (double)halves * (TURN / 2), square = x * x, sum = 0;
    for (int n = 19; n > 0; n -= 2) sum = 1 - square / ((n + 1) * (n + 2)) * sum;
    return halves & 1 ? -x * sum : x * sum;
}

static size_t reversed(size_t index)
{
    size_t result = 0;
    for (int bit = 0; bit < POINTS_LOG2; bit++) result |= (index >> bit & 1) << (POINTS_LOG2 - 1 - bit);
    return result;
}

/* direction 1 transforms, -1 transforms back (times POINTS). */
static BENCH_NOINLINE void transform(struct complex *to, const struct complex *from, float direction)
{
    for (size_t i = 0; i < POINTS; i++) to[reversed(i)] = from[i];
    for (size_t half = 1; half < POINTS; half *= 2)
        for (size_t start = 0; start < POINTS; start += 2 * half)
            for (size_t i = 0; i < half; i++) {
                struct complex turn = turns[i * (POINTS / 2 / half)], *a = &to[start + i], *b = a + half;
                float re = b->re * turn.re - b->im * turn.im * direction;
                float im = b->im * turn.re + b->re * turn.im * direction;
                *b = (struct complex){a->re - re, a->im - im};
                *a = (struct complex){a->re + re, a->im + im};
            }
}

static void setup(void)
{
    double half = sine(TURN / 12), quarter = sine(TURN / 4);
    if (half < 0.499999 || half > 0.500001 || quarter < 0.999999 || quarter > 1.000001) bench_fail("sine");
    for (int i = 0; i < POINTS / 2; i++) {
        double angle = TURN * i / POINTS;
        turns[i] = (struct complex){(float)sine(angle + TURN / 4), (float)sine(angle)};
    }
}

static uint64_t run(uint64_t rounds)
{
    static struct complex again[POINTS];
    uint64_t sum = 0;
    for (uint64_t round = 0; round < rounds; round++) {
        for (int i = 0; i < POINTS; i++) {
            double angle = (double)i * (double)(3 + round % 50) * (TURN / POINTS);
            signal[i] = (struct complex){(float)sine(angle), (float)(int32_t)((uint32_t)i * 40503u & 255) / 256.0f};
        }
        transform(spectrum, signal, 1);
        transform(again, spectrum, -1);
        float largest = 0;
        for (int i = 0; i < POINTS; i++) {
            float off = again[i].re / POINTS - signal[i].re;
            off = off < 0 ? -off : off;
            largest = off > largest ? off : largest;
            sum = bench_mix(sum, (uint64_t)(int64_t)(spectrum[i].re * 64.0f));
        }
        if (!(largest < 1e-4f)) bench_fail("the signal did not come back");
    }
    return sum;
}

const struct bench_program bench_program = {.name = "float", .rounds = 300, .setup = setup, .run = run};
