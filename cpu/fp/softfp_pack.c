/* Encodings to numbers and back: the only file that knows where the fields are, and the only one that rounds to a
 * format. */
#include "cpu/fp/softfp_internal.h"

const struct softfp_layout softfp_layouts[3] = {
    [FP_H] = {.width = 16, .precision = 11, .emin = -14},
    [FP_S] = {.width = 32, .precision = 24, .emin = -126},
    [FP_D] = {.width = 64, .precision = 53, .emin = -1022},
};

/*
 *   width-1   width-2 ... precision-1   precision-2 ... 0
 *  +------+----------------------------+-----------------+
 *  | sign |     exponent, biased       |    fraction     |
 *  +------+----------------------------+-----------------+
 */
static uint64_t exponent_max(const struct softfp_layout *l) { return (UINT64_C(1) << (l->width - l->precision)) - 1; }

uint64_t softfp_pack_zero(enum fp_format f, bool sign) { return (uint64_t)sign << (softfp_layouts[f].width - 1); }

uint64_t softfp_pack_inf(enum fp_format f, bool sign)
{
    const struct softfp_layout *l = &softfp_layouts[f];
    return softfp_pack_zero(f, sign) | exponent_max(l) << (l->precision - 1);
}

uint64_t softfp_pack_nan(enum fp_format f)
{
    return softfp_pack_inf(f, false) | UINT64_C(1) << (softfp_layouts[f].precision - 2);
}

struct softfp_number softfp_unpack(enum fp_format f, uint64_t bits)
{
    const struct softfp_layout *l = &softfp_layouts[f];
    unsigned fraction_bits = l->precision - 1;
    uint64_t fraction = bits & ((UINT64_C(1) << fraction_bits) - 1);
    uint64_t exponent = bits >> fraction_bits & exponent_max(l);
    struct softfp_number n = {.kind = SOFTFP_FINITE, .sign = bits >> (l->width - 1) & 1};

    if (exponent == exponent_max(l)) {
        bool quiet = fraction >> (fraction_bits - 1);
        n.kind = fraction == 0 ? SOFTFP_INF : quiet ? SOFTFP_QNAN : SOFTFP_SNAN;
    } else if (exponent != 0) {
        n.exp = (int)exponent - 1 + l->emin;
        n.sig = (fraction | UINT64_C(1) << fraction_bits) << (63 - fraction_bits);
    } else if (fraction != 0) {
        int zeros = __builtin_clzll(fraction);
        n.exp = l->emin + 63 - (int)fraction_bits - zeros;
        n.sig = fraction << zeros;
    } else {
        n.kind = SOFTFP_ZERO;
    }
    return n;
}

/* An overflow gives infinity, or the largest finite number where the mode rounds away from infinity. */
static uint64_t pack_overflow(enum fp_format f, bool sign, unsigned rm, unsigned *flags)
{
    bool to_inf = rm == FP_RNE || rm == FP_RMM || rm == (sign ? FP_RDN : FP_RUP);

    *flags |= FP_OF | FP_NX;
    return softfp_pack_inf(f, sign) - !to_inf;
}

uint64_t softfp_pack(enum fp_format f, bool sign, int exp, uint64_t sig, unsigned rm, unsigned *flags)
{
    const struct softfp_layout *l = &softfp_layouts[f];
    unsigned drop = 64 - l->precision;
    uint64_t half = UINT64_C(1) << (drop - 1), mask = half * 2 - 1;
    bool tiny = false;

    if (exp < l->emin) {
        /* Tiny unless rounding with an unbounded exponent would reach the smallest normal number. */
        bool up = softfp_rounds_up(rm, sign, sig >> drop & 1, sig & mask, half);
        bool carries = up && (sig | mask) == UINT64_MAX;
        tiny = !(exp == l->emin - 1 && carries);
        sig = softfp_shift_right_sticky(sig, (unsigned)(l->emin - exp));
        exp = l->emin;
    }
    uint64_t rest = sig & mask;
    uint64_t kept = sig >> drop;
    kept += softfp_rounds_up(rm, sign, kept & 1, rest, half);

    /* kept still has the hidden bit of a normal number, which is why the exponent starts one lower; a carry out of the
     * fraction lands in the exponent, where it belongs. */
    if (exp > 1 - l->emin) return pack_overflow(f, sign, rm, flags);
    uint64_t magnitude = ((uint64_t)(exp - l->emin) << (l->precision - 1)) + kept;
    if (magnitude >= softfp_pack_inf(f, false)) return pack_overflow(f, sign, rm, flags);
    if (rest) *flags |= tiny ? FP_UF | FP_NX : FP_NX;
    return softfp_pack_zero(f, sign) | magnitude;
}
