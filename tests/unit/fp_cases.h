/* Operands that find the mistakes of floating point: encodings drawn so that corners, ties, cancellation, the borders
 * of the subnormal range and of the integers all come up often. Deterministic; a test names its seed. */
#ifndef ORRERY_TESTS_FP_CASES_H
#define ORRERY_TESTS_FP_CASES_H

#include "cpu/fp/softfp.h"

struct fp_cases {
    uint64_t state;
};

struct fp_shape {
    unsigned width, fraction_bits;
};

static const struct fp_shape fp_shapes[] = {[FP_S] = {32, 23}, [FP_D] = {64, 52}, [FP_H] = {16, 10}};
static const char *const fp_format_names[] = {[FP_S] = "s", [FP_D] = "d", [FP_H] = "h"};

static inline uint64_t fp_cases_next(struct fp_cases *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static inline uint64_t fp_cases_below(struct fp_cases *r, uint64_t n) { return fp_cases_next(r) % n; }

static inline uint64_t fp_make(enum fp_format f, uint64_t sign, uint64_t biased, uint64_t fraction)
{
    struct fp_shape s = fp_shapes[f];
    uint64_t exponent_max = (UINT64_C(1) << (s.width - 1 - s.fraction_bits)) - 1;
    return (sign & 1) << (s.width - 1) | (biased & exponent_max) << s.fraction_bits |
           (fraction & ((UINT64_C(1) << s.fraction_bits) - 1));
}

/* Fractions: anything, a run of ones at either end, one bit, next to one of these. */
static inline uint64_t fp_cases_fraction(struct fp_cases *r, enum fp_format f)
{
    unsigned bits = fp_shapes[f].fraction_bits;
    unsigned n = (unsigned)fp_cases_below(r, bits + 1);
    uint64_t ones = (UINT64_C(1) << n) - 1;
    switch (fp_cases_below(r, 6)) {
    case 0: return ones;
    case 1: return ones << (bits - n);
    case 2: return (UINT64_C(1) << n) + fp_cases_below(r, 3) - 1;
    case 3: return 0 - fp_cases_below(r, 3);
    default: return fp_cases_next(r);
    }
}

static inline uint64_t fp_cases_operand(struct fp_cases *r, enum fp_format f)
{
    struct fp_shape s = fp_shapes[f];
    uint64_t exponent_max = (UINT64_C(1) << (s.width - 1 - s.fraction_bits)) - 1;
    uint64_t bias = exponent_max / 2, sign = fp_cases_next(r), fraction = fp_cases_fraction(r, f);
    switch (fp_cases_below(r, 12)) {
    case 0: return fp_make(f, sign, 0, fp_cases_below(r, 3));                              /* 0 and its neighbours */
    case 1: return fp_make(f, sign, exponent_max, 0);                                      /* inf */
    case 2: return fp_make(f, sign, exponent_max, fraction);                               /* mostly NaN */
    case 3: return fp_make(f, sign, 0, fraction);                                          /* subnormal */
    case 4: return fp_make(f, sign, 1 + fp_cases_below(r, s.fraction_bits + 3), fraction); /* small */
    case 5: return fp_make(f, sign, exponent_max - 1 - fp_cases_below(r, 3), fraction);    /* large */
    case 6: return fp_make(f, sign, bias - 3 + fp_cases_below(r, 8), fraction);            /* around one */
    case 7: return fp_make(f, sign, bias + fp_cases_below(r, 70), fraction);               /* integers */
    case 8: /* their borders: 2^31, 2^32, 2^63, 2^64 and the neighbours */
        if (fp_cases_below(r, 2)) fraction = fp_cases_below(r, 3) - 1;
        return fp_make(f, sign, bias + 30 + 32 * fp_cases_below(r, 2) + fp_cases_below(r, 3), fraction);
    case 9: return fp_make(f, sign, bias / 2 + fp_cases_below(r, bias), fraction);
    default: return fp_cases_next(r) & (UINT64_MAX >> (64 - s.width));
    }
}

/* A second operand: its own, or close to the first. */
static inline uint64_t fp_cases_partner(struct fp_cases *r, enum fp_format f, uint64_t a)
{
    struct fp_shape s = fp_shapes[f];
    uint64_t biased = a >> s.fraction_bits, fraction = a;
    switch (fp_cases_below(r, 6)) {
    case 0: return fp_make(f, fp_cases_next(r), biased, fraction + fp_cases_below(r, 3) - 1);
    case 1: return fp_make(f, fp_cases_next(r), biased + fp_cases_below(r, 7) - 3, fp_cases_fraction(r, f));
    case 2:
        return fp_make(f, fp_cases_next(r), biased - fp_cases_below(r, s.fraction_bits + 4), fp_cases_fraction(r, f));
    default: return fp_cases_operand(r, f);
    }
}

/* A third operand: its own, or one that cancels the product to within a few units. */
static inline uint64_t fp_cases_addend(struct fp_cases *r, enum fp_format f, uint64_t a, uint64_t b)
{
    unsigned unused = 0;
    if (fp_cases_below(r, 3)) return fp_cases_operand(r, f);
    uint64_t product = softfp_mul(f, a, b, FP_RNE, &unused);
    return product ^ (fp_cases_next(r) & 1) << (fp_shapes[f].width - 1) ^ fp_cases_below(r, 4) / 3;
}

/* An integer operand. */
static inline uint64_t fp_cases_integer(struct fp_cases *r)
{
    uint64_t x = UINT64_C(1) << fp_cases_below(r, 64);
    switch (fp_cases_below(r, 5)) {
    case 0: return x + fp_cases_below(r, 5) - 2;
    case 1: return 0 - x + fp_cases_below(r, 5) - 2;
    case 2: return fp_cases_next(r) >> fp_cases_below(r, 64);
    case 3: return (uint64_t)((int64_t)fp_cases_next(r) >> fp_cases_below(r, 64));
    default: return fp_cases_next(r);
    }
}

#endif
