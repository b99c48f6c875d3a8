/* softfp against MPFR: every operation, format and rounding mode, results and flags. MPFR computes the exact value (or
 * enough of it and a sticky digit), and its functions that round to an integer do the rounding; nothing of softfp is
 * used on the way. */
#include <criterion/criterion.h>
#include <mpfr.h>
#include <stdio.h>

#include "fp_cases.h"

enum { CASES = 2500, EXACT_BITS = 200, WIDE_BITS = 320 };

static const int format_emin[] = {[FP_S] = -126, [FP_D] = -1022, [FP_H] = -14};

struct value {
    bool nan, signalling, inf, negative;
    mpfr_t number; /* finite values, with the sign of zero */
};

static void value_init(struct value *v) { mpfr_init2(v->number, WIDE_BITS); }

static void value_clear(struct value *v) { mpfr_clear(v->number); }

static void value_decode(struct value *v, enum fp_format f, uint64_t bits)
{
    unsigned fraction_bits = fp_shapes[f].fraction_bits;
    uint64_t exponent_max = (UINT64_C(1) << (fp_shapes[f].width - 1 - fraction_bits)) - 1;
    uint64_t fraction = bits & ((UINT64_C(1) << fraction_bits) - 1);
    uint64_t biased = bits >> fraction_bits & exponent_max;
    v->negative = bits >> (fp_shapes[f].width - 1) & 1;
    v->inf = biased == exponent_max && fraction == 0;
    v->nan = biased == exponent_max && fraction != 0;
    v->signalling = v->nan && !(fraction >> (fraction_bits - 1));
    if (biased)
        fraction |= UINT64_C(1) << fraction_bits;
    else
        biased = 1;
    mpfr_set_ui_2exp(v->number, fraction, (mpfr_exp_t)biased - 1 + format_emin[f] - (int)fraction_bits, MPFR_RNDZ);
    mpfr_setsign(v->number, v->number, v->negative, MPFR_RNDZ);
    if (v->inf) mpfr_set_inf(v->number, v->negative ? -1 : 1);
}

static uint64_t nan_bits(enum fp_format f) { return f == FP_H ? FP_NAN_H : f == FP_S ? FP_NAN_S : FP_NAN_D; }

static uint64_t inf_bits(enum fp_format f, bool negative) { return fp_make(f, negative, UINT64_MAX, 0); }

static int round_integral(mpfr_t to, mpfr_t from, unsigned rm)
{
    switch (rm) {
    case FP_RNE: return mpfr_roundeven(to, from);
    case FP_RTZ: return mpfr_trunc(to, from);
    case FP_RDN: return mpfr_floor(to, from);
    case FP_RUP: return mpfr_ceil(to, from);
    default: return mpfr_round(to, from);
    }
}

/* Rounds to a multiple of 2^ulp. */
static void round_at(mpfr_t to, mpfr_t from, long ulp, unsigned rm)
{
    mpfr_mul_2si(to, from, -ulp, MPFR_RNDZ);
    round_integral(to, to, rm);
    mpfr_mul_2si(to, to, ulp, MPFR_RNDZ);
}

static uint64_t encode_overflow(enum fp_format f, bool negative, unsigned rm)
{
    bool inf = rm == FP_RNE || rm == FP_RMM || (rm == FP_RUP && !negative) || (rm == FP_RDN && negative);
    return inf ? inf_bits(f, negative) : inf_bits(f, negative) - 1;
}

/* The encoding of a finite value rounded to the format, with OF, UF and NX. */
static uint64_t encode(enum fp_format f, mpfr_t exact, unsigned rm, unsigned *flags)
{
    bool negative = mpfr_signbit(exact);
    if (mpfr_zero_p(exact)) return fp_make(f, negative, 0, 0);
    long fraction_bits = fp_shapes[f].fraction_bits, emin = format_emin[f];
    long exponent = mpfr_get_exp(exact) - 1;
    MPFR_DECL_INIT(rounded, WIDE_BITS);
    MPFR_DECL_INIT(unbounded, WIDE_BITS);
    round_at(unbounded, exact, exponent - fraction_bits, rm);
    bool tiny = mpfr_get_exp(unbounded) - 1 < emin;
    long ulp = (exponent < emin ? emin : exponent) - fraction_bits;
    round_at(rounded, exact, ulp, rm);
    bool inexact = mpfr_cmp(rounded, exact) != 0;
    if (!mpfr_zero_p(rounded) && mpfr_get_exp(rounded) - 1 > 1 - emin) {
        *flags |= FP_OF | FP_NX;
        return encode_overflow(f, negative, rm);
    }
    if (inexact) *flags |= tiny ? FP_UF | FP_NX : FP_NX;
    if (mpfr_zero_p(rounded)) return fp_make(f, negative, 0, 0);
    long final_exponent = mpfr_get_exp(rounded) - 1;
    if (final_exponent < emin) final_exponent = emin;
    mpfr_mul_2si(rounded, rounded, fraction_bits - final_exponent, MPFR_RNDZ);
    mpfr_abs(rounded, rounded, MPFR_RNDZ);
    uint64_t significand = mpfr_get_ui(rounded, MPFR_RNDZ);
    bool normal = significand >> fraction_bits;
    return fp_make(f, negative, normal ? (uint64_t)(final_exponent - emin + 1) : 0, significand);
}

/* Appends a digit far below if MPFR truncated, so that `wide` rounds like the exact value. */
static void make_sticky(mpfr_t wide, mpfr_t truncated, int ternary)
{
    mpfr_set(wide, truncated, MPFR_RNDZ);
    if (ternary == 0 || mpfr_zero_p(truncated)) return;
    MPFR_DECL_INIT(digit, 2);
    mpfr_set_si_2exp(digit, mpfr_signbit(truncated) ? -1 : 1, mpfr_get_exp(truncated) - EXACT_BITS - 20, MPFR_RNDZ);
    mpfr_add(wide, wide, digit, MPFR_RNDZ);
}

enum op { ADD, SUB, MUL, DIV, SQRT, MADD, MSUB, NMSUB, NMADD, OP_COUNT };
static const char *const op_names[] = {"add", "sub", "mul", "div", "sqrt", "madd", "msub", "nmsub", "nmadd"};

static uint64_t run_soft(enum op op, enum fp_format f, const uint64_t v[3], unsigned rm, unsigned *flags)
{
    switch (op) {
    case ADD: return softfp_add(f, v[0], v[1], rm, flags);
    case SUB: return softfp_sub(f, v[0], v[1], rm, flags);
    case MUL: return softfp_mul(f, v[0], v[1], rm, flags);
    case DIV: return softfp_div(f, v[0], v[1], rm, flags);
    case SQRT: return softfp_sqrt(f, v[0], rm, flags);
    case MADD: return softfp_madd(f, v[0], v[1], v[2], rm, flags);
    case MSUB: return softfp_msub(f, v[0], v[1], v[2], rm, flags);
    case NMSUB: return softfp_nmsub(f, v[0], v[1], v[2], rm, flags);
    default: return softfp_nmadd(f, v[0], v[1], v[2], rm, flags);
    }
}

static int compute(enum op op, mpfr_t r, mpfr_t a, mpfr_t b, mpfr_t d, mpfr_rnd_t zero_sign)
{
    switch (op) {
    case ADD: return mpfr_add(r, a, b, zero_sign);
    case SUB: return mpfr_sub(r, a, b, zero_sign);
    case MUL: return mpfr_mul(r, a, b, MPFR_RNDZ);
    case DIV: return mpfr_div(r, a, b, MPFR_RNDZ);
    case SQRT: return mpfr_sqrt(r, a, MPFR_RNDZ);
    case NMSUB: mpfr_neg(a, a, MPFR_RNDZ); return mpfr_fma(r, a, b, d, zero_sign);
    case NMADD: mpfr_neg(a, a, MPFR_RNDZ); return mpfr_fms(r, a, b, d, zero_sign);
    case MSUB: return mpfr_fms(r, a, b, d, zero_sign);
    default: return mpfr_fma(r, a, b, d, zero_sign);
    }
}

static struct value operands[3];

static uint64_t reference(enum op op, enum fp_format f, const uint64_t v[3], unsigned rm, unsigned *flags)
{
    unsigned count = op == SQRT ? 1 : op >= MADD ? 3 : 2;
    bool nan = false;
    for (unsigned i = 0; i < count; i++) {
        value_decode(&operands[i], f, v[i]);
        nan |= operands[i].nan;
        if (operands[i].signalling) *flags |= FP_NV;
    }
    struct value *a = &operands[0], *b = &operands[1];
    if (op >= MADD && ((a->inf && !b->nan && mpfr_zero_p(b->number)) || (b->inf && !a->nan && mpfr_zero_p(a->number))))
        *flags |= FP_NV;
    if (nan) return nan_bits(f);
    if (op == DIV && mpfr_zero_p(b->number) && !mpfr_zero_p(a->number) && !a->inf) *flags |= FP_DZ;
    MPFR_DECL_INIT(result, EXACT_BITS);
    MPFR_DECL_INIT(exact, WIDE_BITS);
    /* truncated towards zero, but an exact zero takes its sign from the mode */
    int ternary = compute(op, result, operands[0].number, operands[1].number, operands[2].number, MPFR_RNDZ);
    if (mpfr_zero_p(result) && rm == FP_RDN) {
        for (unsigned i = 0; i < count; i++) value_decode(&operands[i], f, v[i]);
        compute(op, result, operands[0].number, operands[1].number, operands[2].number, MPFR_RNDD);
    }
    if (mpfr_nan_p(result)) {
        *flags |= FP_NV;
        return nan_bits(f);
    }
    if (mpfr_inf_p(result)) return inf_bits(f, mpfr_signbit(result));
    make_sticky(exact, result, ternary);
    return encode(f, exact, rm, flags);
}

static void arithmetic(enum op op)
{
    struct fp_cases r = {.state = op};
    for (int i = 0; i < 3; i++) value_init(&operands[i]);
    for (enum fp_format f = FP_S; f <= FP_H; f++) {
        for (int n = 0; n < 5 * CASES; n++) {
            unsigned rm = (unsigned)n % 5;
            uint64_t v[3] = {fp_cases_operand(&r, f), 0, 0};
            v[1] = fp_cases_partner(&r, f, v[0]);
            v[2] = fp_cases_addend(&r, f, v[0], v[1]);
            unsigned got_flags = 0, want_flags = 0;
            uint64_t got = run_soft(op, f, v, rm, &got_flags), want = reference(op, f, v, rm, &want_flags);
            cr_assert(got == want && got_flags == want_flags,
                      "%s.%s rm %u (%lx, %lx, %lx): got %lx flags %x, want %lx flags %x", op_names[op],
                      fp_format_names[f], rm, v[0], v[1], v[2], got, got_flags, want, want_flags);
        }
    }
    for (int i = 0; i < 3; i++) value_clear(&operands[i]);
    mpfr_free_cache();
}

Test(fp_soft, add_agrees_with_mpfr) { arithmetic(ADD); }
Test(fp_soft, sub_agrees_with_mpfr) { arithmetic(SUB); }
Test(fp_soft, mul_agrees_with_mpfr) { arithmetic(MUL); }
Test(fp_soft, div_agrees_with_mpfr) { arithmetic(DIV); }
Test(fp_soft, sqrt_agrees_with_mpfr) { arithmetic(SQRT); }
Test(fp_soft, madd_agrees_with_mpfr) { arithmetic(MADD); }
Test(fp_soft, msub_agrees_with_mpfr) { arithmetic(MSUB); }
Test(fp_soft, nmsub_agrees_with_mpfr) { arithmetic(NMSUB); }
Test(fp_soft, nmadd_agrees_with_mpfr) { arithmetic(NMADD); }

Test(fp_soft, conversion_between_formats_agrees_with_mpfr)
{
    struct fp_cases r = {.state = 20};
    struct value v;
    value_init(&v);
    for (enum fp_format from = FP_S; from <= FP_H; from++) {
        for (enum fp_format to = FP_S; to <= FP_H; to++) {
            for (int n = 0; n < 5 * CASES; n++) {
                unsigned rm = (unsigned)n % 5, got_flags = 0, want_flags = 0;
                uint64_t a = fp_cases_operand(&r, from);
                /* around the destination's range too */
                if (to != from && n & 1)
                    a = softfp_convert(from, to, fp_cases_operand(&r, to), FP_RNE, &got_flags) ^ fp_cases_below(&r, 4);
                got_flags = 0;
                uint64_t got = softfp_convert(to, from, a, rm, &got_flags), want;
                value_decode(&v, from, a);
                if (v.signalling) want_flags |= FP_NV;
                want = v.nan ? nan_bits(to) : v.inf ? inf_bits(to, v.negative) : encode(to, v.number, rm, &want_flags);
                cr_assert(got == want && got_flags == want_flags,
                          "%s to %s rm %u (%lx): got %lx flags %x, want %lx flags %x", fp_format_names[from],
                          fp_format_names[to], rm, a, got, got_flags, want, want_flags);
            }
        }
    }
    value_clear(&v);
    mpfr_free_cache();
}

static const struct {
    const char *name;
    unsigned bits;
    bool is_signed;
} ints[] = {
    [FP_W] = {"w", 32, true}, [FP_WU] = {"wu", 32, false}, [FP_L] = {"l", 64, true}, [FP_LU] = {"lu", 64, false}};

static void set_limit(mpfr_t m, enum fp_int to, bool lower)
{
    if (lower && !ints[to].is_signed) {
        mpfr_set_zero(m, 1);
    } else {
        mpfr_set_ui_2exp(m, 1, ints[to].bits - (ints[to].is_signed ? 1 : 0), MPFR_RNDZ);
        if (lower)
            mpfr_neg(m, m, MPFR_RNDZ);
        else
            mpfr_sub_ui(m, m, 1, MPFR_RNDZ);
    }
}

static uint64_t reference_to_int(struct value *v, enum fp_int to, unsigned rm, unsigned *flags)
{
    MPFR_DECL_INIT(low, WIDE_BITS);
    MPFR_DECL_INIT(high, WIDE_BITS);
    MPFR_DECL_INIT(rounded, 2000);
    set_limit(low, to, true);
    set_limit(high, to, false);
    if (v->nan) {
        *flags |= FP_NV;
        mpfr_set(rounded, high, MPFR_RNDZ);
    } else {
        if (v->inf)
            mpfr_set_inf(rounded, v->negative ? -1 : 1);
        else
            round_integral(rounded, v->number, rm);
        if (mpfr_cmp(rounded, low) < 0 || mpfr_cmp(rounded, high) > 0) {
            *flags |= FP_NV;
            mpfr_set(rounded, v->negative ? low : high, MPFR_RNDZ);
        } else if (mpfr_cmp(rounded, v->number) != 0) {
            *flags |= FP_NX;
        }
    }
    uint64_t x = mpfr_sgn(rounded) < 0 ? (uint64_t)mpfr_get_si(rounded, MPFR_RNDZ) : mpfr_get_ui(rounded, MPFR_RNDZ);
    return ints[to].bits == 32 ? (uint64_t)(int64_t)(int32_t)x : x;
}

Test(fp_soft, conversion_to_integer_agrees_with_mpfr)
{
    struct fp_cases r = {.state = 30};
    struct value v;
    value_init(&v);
    for (enum fp_format f = FP_S; f <= FP_H; f++) {
        for (enum fp_int to = FP_W; to <= FP_LU; to++) {
            for (int n = 0; n < 5 * CASES; n++) {
                unsigned rm = (unsigned)n % 5, got_flags = 0, want_flags = 0;
                uint64_t a = fp_cases_operand(&r, f);
                uint64_t got = softfp_to_int(f, to, a, rm, &got_flags);
                value_decode(&v, f, a);
                uint64_t want = reference_to_int(&v, to, rm, &want_flags);
                cr_assert(got == want && got_flags == want_flags,
                          "cvt.%s.%s rm %u (%lx): got %lx flags %x, want %lx flags %x", ints[to].name,
                          fp_format_names[f], rm, a, got, got_flags, want, want_flags);
            }
        }
    }
    value_clear(&v);
    mpfr_free_cache();
}

Test(fp_soft, conversion_from_integer_agrees_with_mpfr)
{
    struct fp_cases r = {.state = 40};
    MPFR_DECL_INIT(exact, WIDE_BITS);
    for (enum fp_format f = FP_S; f <= FP_H; f++) {
        for (enum fp_int from = FP_W; from <= FP_LU; from++) {
            for (int n = 0; n < 5 * CASES; n++) {
                unsigned rm = (unsigned)n % 5, got_flags = 0, want_flags = 0;
                uint64_t x = fp_cases_integer(&r);
                uint64_t got = softfp_from_int(f, from, x, rm, &got_flags);
                switch (from) {
                case FP_W: mpfr_set_si(exact, (int32_t)x, MPFR_RNDZ); break;
                case FP_WU: mpfr_set_ui(exact, (uint32_t)x, MPFR_RNDZ); break;
                case FP_L: mpfr_set_si(exact, (int64_t)x, MPFR_RNDZ); break;
                default: mpfr_set_ui(exact, x, MPFR_RNDZ); break;
                }
                uint64_t want = encode(f, exact, rm, &want_flags);
                cr_assert(got == want && got_flags == want_flags,
                          "cvt.%s.%s rm %u (%lx): got %lx flags %x, want %lx flags %x", fp_format_names[f],
                          ints[from].name, rm, x, got, got_flags, want, want_flags);
            }
        }
    }
    mpfr_free_cache();
}

Test(fp_soft, rounding_to_integral_agrees_with_mpfr)
{
    struct fp_cases r = {.state = 50};
    struct value v;
    value_init(&v);
    MPFR_DECL_INIT(rounded, 2000);
    for (enum fp_format f = FP_S; f <= FP_H; f++) {
        for (int n = 0; n < 20 * CASES; n++) {
            unsigned rm = (unsigned)n % 5, got_flags = 0, got_nx_flags = 0, want_flags = 0;
            uint64_t a = fp_cases_operand(&r, f);
            uint64_t got = softfp_round(f, a, rm, &got_flags), got_nx = softfp_roundnx(f, a, rm, &got_nx_flags), want;
            value_decode(&v, f, a);
            if (v.nan || v.inf) {
                want = v.nan ? nan_bits(f) : a;
                if (v.signalling) want_flags |= FP_NV;
            } else {
                round_integral(rounded, v.number, rm);
                if (mpfr_cmp(rounded, v.number) != 0) want_flags |= FP_NX;
                unsigned none = 0;
                want = encode(f, rounded, rm, &none);
                cr_assert_eq(none, 0);
            }
            cr_assert(got == want && got_nx == want && got_nx_flags == want_flags && got_flags == (want_flags & FP_NV),
                      "round.%s rm %u (%lx): got %lx flags %x, %lx flags %x, want %lx flags %x", fp_format_names[f], rm,
                      a, got, got_flags, got_nx, got_nx_flags, want, want_flags);
        }
    }
    value_clear(&v);
    mpfr_free_cache();
}

Test(fp_soft, cvtmod_agrees_with_mpfr)
{
    struct fp_cases r = {.state = 60};
    struct value v;
    value_init(&v);
    MPFR_DECL_INIT(m, 2000);
    MPFR_DECL_INIT(two32, 64);
    mpfr_set_ui_2exp(two32, 1, 32, MPFR_RNDZ);
    for (int n = 0; n < 40 * CASES; n++) {
        unsigned got_flags = 0, want_flags = 0;
        uint64_t a = fp_cases_operand(&r, FP_D), want = 0;
        uint64_t got = softfp_cvtmod_w_d(a, &got_flags);
        value_decode(&v, FP_D, a);
        reference_to_int(&v, FP_W, FP_RTZ, &want_flags);
        if (!v.nan && !v.inf) {
            mpfr_trunc(m, v.number);
            mpfr_fmod(m, m, two32, MPFR_RNDZ);
            want = (uint64_t)(int64_t)(int32_t)mpfr_get_si(m, MPFR_RNDZ);
        }
        cr_assert(got == want && got_flags == want_flags, "cvtmod (%lx): got %lx flags %x, want %lx flags %x", a, got,
                  got_flags, want, want_flags);
    }
    value_clear(&v);
    mpfr_free_cache();
}

Test(fp_soft, comparisons_agree_with_mpfr)
{
    struct fp_cases r = {.state = 70};
    struct value *a = &operands[0], *b = &operands[1];
    value_init(a);
    value_init(b);
    for (enum fp_format f = FP_S; f <= FP_H; f++) {
        for (int n = 0; n < 20 * CASES; n++) {
            uint64_t x = fp_cases_operand(&r, f), y = fp_cases_partner(&r, f, x);
            unsigned flags[5] = {0};
            uint64_t got[5] = {softfp_eq(f, x, y, &flags[0]), softfp_ltq(f, x, y, &flags[1]),
                               softfp_leq(f, x, y, &flags[2]), softfp_lt(f, x, y, &flags[3]),
                               softfp_le(f, x, y, &flags[4])};
            value_decode(a, f, x);
            value_decode(b, f, y);
            bool nan = a->nan || b->nan, signalling = a->signalling || b->signalling;
            bool eq = !nan && mpfr_equal_p(a->number, b->number), lt = !nan && mpfr_less_p(a->number, b->number);
            bool want[5] = {eq, lt, lt || eq, lt, lt || eq};
            for (int i = 0; i < 5; i++) {
                unsigned want_flags = signalling || (nan && i >= 3) ? FP_NV : 0;
                cr_assert(got[i] == want[i] && flags[i] == want_flags, "comparison %d.%s (%lx, %lx): got %lx flags %x",
                          i, fp_format_names[f], x, y, got[i], flags[i]);
            }
        }
    }
    value_clear(a);
    value_clear(b);
    mpfr_free_cache();
}

Test(fp_soft, minimum_and_maximum_agree_with_mpfr)
{
    struct fp_cases r = {.state = 80};
    struct value *a = &operands[0], *b = &operands[1];
    value_init(a);
    value_init(b);
    for (enum fp_format f = FP_S; f <= FP_H; f++) {
        for (int n = 0; n < 20 * CASES; n++) {
            uint64_t x = fp_cases_operand(&r, f), y = fp_cases_partner(&r, f, x), lesser = x, greater = y;
            unsigned flags[4] = {0};
            uint64_t got[4] = {softfp_min(f, x, y, &flags[0]), softfp_max(f, x, y, &flags[1]),
                               softfp_minm(f, x, y, &flags[2]), softfp_maxm(f, x, y, &flags[3])};
            value_decode(a, f, x);
            value_decode(b, f, y);
            bool nan = a->nan || b->nan;
            if (a->nan && b->nan)
                lesser = greater = nan_bits(f);
            else if (a->nan)
                lesser = y;
            else if (b->nan)
                greater = x;
            else if (mpfr_greater_p(a->number, b->number) ||
                     (mpfr_zero_p(a->number) && mpfr_zero_p(b->number) && b->negative)) {
                lesser = y;
                greater = x;
            }
            uint64_t want[4] = {lesser, greater, nan ? nan_bits(f) : lesser, nan ? nan_bits(f) : greater};
            for (int i = 0; i < 4; i++) {
                cr_assert(got[i] == want[i] && flags[i] == (a->signalling || b->signalling ? FP_NV : 0),
                          "min/max %d.%s (%lx, %lx): got %lx flags %x", i, fp_format_names[f], x, y, got[i], flags[i]);
            }
        }
    }
    value_clear(a);
    value_clear(b);
    mpfr_free_cache();
}

Test(fp_soft, class_agrees_with_mpfr)
{
    struct fp_cases r = {.state = 90};
    struct value v;
    value_init(&v);
    for (enum fp_format f = FP_S; f <= FP_H; f++) {
        for (int n = 0; n < 10 * CASES; n++) {
            uint64_t a = fp_cases_operand(&r, f);
            value_decode(&v, f, a);
            unsigned bit;
            if (v.nan)
                bit = v.signalling ? 8 : 9;
            else if (v.inf)
                bit = v.negative ? 0 : 7;
            else if (mpfr_zero_p(v.number))
                bit = v.negative ? 3 : 4;
            else if (mpfr_get_exp(v.number) - 1 < format_emin[f])
                bit = v.negative ? 2 : 5;
            else
                bit = v.negative ? 1 : 6;
            cr_assert_eq(softfp_class(f, a), 1u << bit, "class.%s %lx", fp_format_names[f], a);
        }
    }
    value_clear(&v);
    mpfr_free_cache();
}
