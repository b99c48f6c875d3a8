/* Addition, multiplication, fused multiply-add, division and square root. */
#include "cpu/fp/softfp_internal.h"

/*
 * The exact operand of an addition: (-1)^sign * (m / 2^124) * 2^exp, where m is 0 or 2^124 <= m < 2^126. A product of
 * two significands fits without loss (106 bits at most), and two bits above are free for the carry. Aligning drops bits
 * of the smaller operand only if it is at least 20 binary digits below the larger; then no cancellation reaches the
 * sticky bit.
 */
struct term {
    bool sign;
    int exp;
    softfp_u128 m;
};

static uint64_t round_wide(enum fp_format f, bool sign, int exp, softfp_u128 m, unsigned rm, unsigned *flags)
{
    uint64_t high = (uint64_t)(m >> 64);
    int zeros = high ? __builtin_clzll(high) : 64 + __builtin_clzll((uint64_t)m);

    m <<= zeros;
    return softfp_pack(f, sign, exp + 3 - zeros, (uint64_t)(m >> 64) | ((uint64_t)m != 0), rm, flags);
}

static uint64_t add_terms(enum fp_format f, struct term x, struct term y, unsigned rm, unsigned *flags)
{
    if (x.m == 0) x.exp = y.exp;
    if (y.m == 0) y.exp = x.exp;
    if (x.exp < y.exp || (x.exp == y.exp && x.m < y.m)) {
        struct term t = x;
        x = y;
        y = t;
    }
    y.m = softfp_shift_right_sticky_128(y.m, (unsigned)(x.exp - y.exp));
    if (x.sign == y.sign) {
        x.m += y.m;
    } else if (x.m >= y.m) {
        x.m -= y.m;
    } else { /* a product of up to 4 against a term one binade above */
        x.m = y.m - x.m;
        x.sign = y.sign;
    }
    /* An exact zero is +0, or -0 when rounding down; the sum of two zeros of one sign keeps it. */
    if (x.m == 0) return softfp_pack_zero(f, x.sign == y.sign ? x.sign : rm == FP_RDN);
    return round_wide(f, x.sign, x.exp, x.m, rm, flags);
}

static struct term term_of(struct softfp_number n)
{
    struct term t = {.sign = n.sign};

    if (n.kind == SOFTFP_FINITE) {
        t.exp = n.exp;
        t.m = (softfp_u128)n.sig << 61;
    }
    return t;
}

static uint64_t add_numbers(enum fp_format f, struct softfp_number a, struct softfp_number b, unsigned rm,
                            unsigned *flags)
{
    if (softfp_is_nan(a) || softfp_is_nan(b)) {
        return softfp_nan(f, a.kind == SOFTFP_SNAN || b.kind == SOFTFP_SNAN, flags);
    }
    if (a.kind == SOFTFP_INF && b.kind == SOFTFP_INF && a.sign != b.sign) return softfp_nan(f, true, flags);
    if (a.kind == SOFTFP_INF) return softfp_pack_inf(f, a.sign);
    if (b.kind == SOFTFP_INF) return softfp_pack_inf(f, b.sign);
    return add_terms(f, term_of(a), term_of(b), rm, flags);
}

uint64_t softfp_add(enum fp_format f, uint64_t a, uint64_t b, unsigned rm, unsigned *flags)
{
    return add_numbers(f, softfp_unpack(f, a), softfp_unpack(f, b), rm, flags);
}

uint64_t softfp_sub(enum fp_format f, uint64_t a, uint64_t b, unsigned rm, unsigned *flags)
{
    struct softfp_number y = softfp_unpack(f, b);

    y.sign = !y.sign;
    return add_numbers(f, softfp_unpack(f, a), y, rm, flags);
}

/* The exact product of two numbers neither of which is infinite or NaN. */
static struct term multiply(struct softfp_number a, struct softfp_number b)
{
    struct term t = {.sign = a.sign != b.sign};

    if (a.kind == SOFTFP_FINITE && b.kind == SOFTFP_FINITE) {
        t.exp = a.exp + b.exp;
        t.m = (softfp_u128)a.sig * b.sig >> 2; /* exact: both have at least 11 zero bits at the end */
    }
    return t;
}

/* inf * 0 */
static bool product_invalid(struct softfp_number a, struct softfp_number b)
{
    return (a.kind == SOFTFP_INF && b.kind == SOFTFP_ZERO) || (a.kind == SOFTFP_ZERO && b.kind == SOFTFP_INF);
}

uint64_t softfp_mul(enum fp_format f, uint64_t a_bits, uint64_t b_bits, unsigned rm, unsigned *flags)
{
    struct softfp_number a = softfp_unpack(f, a_bits), b = softfp_unpack(f, b_bits);

    if (softfp_is_nan(a) || softfp_is_nan(b)) {
        return softfp_nan(f, a.kind == SOFTFP_SNAN || b.kind == SOFTFP_SNAN, flags);
    }
    if (product_invalid(a, b)) return softfp_nan(f, true, flags);
    if (a.kind == SOFTFP_INF || b.kind == SOFTFP_INF) return softfp_pack_inf(f, a.sign != b.sign);
    struct term t = multiply(a, b);
    if (t.m == 0) return softfp_pack_zero(f, t.sign);
    return round_wide(f, t.sign, t.exp, t.m, rm, flags);
}

static uint64_t fused(enum fp_format f, struct softfp_number a, struct softfp_number b, struct softfp_number d,
                      unsigned rm, unsigned *flags)
{
    /* norm:fma_nv_flag: inf * 0 is invalid even when the addend is a quiet NaN. */
    if (product_invalid(a, b)) return softfp_nan(f, true, flags);
    if (softfp_is_nan(a) || softfp_is_nan(b) || softfp_is_nan(d)) {
        return softfp_nan(f, a.kind == SOFTFP_SNAN || b.kind == SOFTFP_SNAN || d.kind == SOFTFP_SNAN, flags);
    }
    if (a.kind == SOFTFP_INF || b.kind == SOFTFP_INF) {
        bool sign = a.sign != b.sign;
        if (d.kind == SOFTFP_INF && d.sign != sign) return softfp_nan(f, true, flags);
        return softfp_pack_inf(f, sign);
    }
    if (d.kind == SOFTFP_INF) return softfp_pack_inf(f, d.sign);
    return add_terms(f, multiply(a, b), term_of(d), rm, flags);
}

uint64_t softfp_madd(enum fp_format f, uint64_t a, uint64_t b, uint64_t d, unsigned rm, unsigned *flags)
{
    return fused(f, softfp_unpack(f, a), softfp_unpack(f, b), softfp_unpack(f, d), rm, flags);
}

uint64_t softfp_msub(enum fp_format f, uint64_t a, uint64_t b, uint64_t d, unsigned rm, unsigned *flags)
{
    struct softfp_number z = softfp_unpack(f, d);

    z.sign = !z.sign;
    return fused(f, softfp_unpack(f, a), softfp_unpack(f, b), z, rm, flags);
}

uint64_t softfp_nmsub(enum fp_format f, uint64_t a, uint64_t b, uint64_t d, unsigned rm, unsigned *flags)
{
    struct softfp_number x = softfp_unpack(f, a);

    x.sign = !x.sign;
    return fused(f, x, softfp_unpack(f, b), softfp_unpack(f, d), rm, flags);
}

uint64_t softfp_nmadd(enum fp_format f, uint64_t a, uint64_t b, uint64_t d, unsigned rm, unsigned *flags)
{
    struct softfp_number x = softfp_unpack(f, a), z = softfp_unpack(f, d);

    x.sign = !x.sign;
    z.sign = !z.sign;
    return fused(f, x, softfp_unpack(f, b), z, rm, flags);
}

uint64_t softfp_div(enum fp_format f, uint64_t a_bits, uint64_t b_bits, unsigned rm, unsigned *flags)
{
    struct softfp_number a = softfp_unpack(f, a_bits), b = softfp_unpack(f, b_bits);
    bool sign = a.sign != b.sign;

    if (softfp_is_nan(a) || softfp_is_nan(b)) {
        return softfp_nan(f, a.kind == SOFTFP_SNAN || b.kind == SOFTFP_SNAN, flags);
    }
    if (a.kind == b.kind && a.kind != SOFTFP_FINITE) return softfp_nan(f, true, flags); /* 0/0, inf/inf */
    if (a.kind == SOFTFP_INF) return softfp_pack_inf(f, sign);
    if (a.kind == SOFTFP_ZERO || b.kind == SOFTFP_INF) return softfp_pack_zero(f, sign);
    if (b.kind == SOFTFP_ZERO) {
        *flags |= FP_DZ;
        return softfp_pack_inf(f, sign);
    }
    softfp_u128 dividend = (softfp_u128)a.sig << 63;
    uint64_t quotient = (uint64_t)(dividend / b.sig); /* 2^62 < quotient < 2^64 */
    bool sticky = dividend % b.sig != 0;
    int exp = a.exp - b.exp;
    if (!(quotient >> 63)) {
        quotient <<= 1;
        exp--;
    }
    return softfp_pack(f, sign, exp, quotient | sticky, rm, flags);
}

/* Digit by digit: the integer square root of x >= 2^126, with bit 0 set if it is not exact (64 bits are ample). */
static uint64_t root(softfp_u128 x)
{
    softfp_u128 rest = 0;
    uint64_t r = 0;

    for (int i = 0; i < 64; i++) {
        rest = rest << 2 | x >> 126;
        x <<= 2;
        softfp_u128 trial = (softfp_u128)r << 2 | 1;
        r <<= 1;
        if (rest >= trial) {
            rest -= trial;
            r |= 1;
        }
    }
    return r | (rest != 0);
}

uint64_t softfp_sqrt(enum fp_format f, uint64_t a_bits, unsigned rm, unsigned *flags)
{
    struct softfp_number a = softfp_unpack(f, a_bits);

    if (softfp_is_nan(a)) return softfp_nan(f, a.kind == SOFTFP_SNAN, flags);
    if (a.kind == SOFTFP_ZERO) return softfp_pack_zero(f, a.sign);
    if (a.sign) return softfp_nan(f, true, flags);
    if (a.kind == SOFTFP_INF) return softfp_pack_inf(f, false);
    bool odd = a.exp & 1;
    uint64_t r = root((softfp_u128)a.sig << (odd ? 64 : 63));
    return softfp_pack(f, false, (a.exp - odd) / 2, r, rm, flags);
}
