/* Comparison, minimum and maximum, classification. */
#include "cpu/fp/softfp_internal.h"

/* An integer that orders like the number, with -0 just below +0. Not for NaN. */
static int64_t order(enum fp_format f, uint64_t bits)
{
    unsigned width = softfp_layouts[f].width;
    uint64_t sign = UINT64_C(1) << (width - 1);
    uint64_t magnitude = bits & (sign - 1);

    return bits & sign ? -1 - (int64_t)magnitude : (int64_t)magnitude;
}

static bool is_zero(enum fp_format f, uint64_t bits) { return softfp_unpack(f, bits).kind == SOFTFP_ZERO; }

struct nans {
    bool a, b, signalling;
};

static struct nans nans_of(enum fp_format f, uint64_t a_bits, uint64_t b_bits)
{
    struct softfp_number a = softfp_unpack(f, a_bits), b = softfp_unpack(f, b_bits);

    return (struct nans){
        .a = softfp_is_nan(a),
        .b = softfp_is_nan(b),
        .signalling = a.kind == SOFTFP_SNAN || b.kind == SOFTFP_SNAN,
    };
}

static uint64_t width_mask(enum fp_format f) { return UINT64_MAX >> (64 - softfp_layouts[f].width); }

/* One NaN loses to the number, unless `strict`. */
static uint64_t select(enum fp_format f, uint64_t a, uint64_t b, bool want_max, bool strict, unsigned *flags)
{
    struct nans n = nans_of(f, a, b);

    if (n.signalling) *flags |= FP_NV;
    if ((n.a && n.b) || (strict && (n.a || n.b))) return softfp_pack_nan(f);
    bool take_a = n.b || (!n.a && (order(f, a) < order(f, b)) != want_max);
    return (take_a ? a : b) & width_mask(f);
}

uint64_t softfp_min(enum fp_format f, uint64_t a, uint64_t b, unsigned *flags)
{
    return select(f, a, b, false, false, flags);
}

uint64_t softfp_max(enum fp_format f, uint64_t a, uint64_t b, unsigned *flags)
{
    return select(f, a, b, true, false, flags);
}

uint64_t softfp_minm(enum fp_format f, uint64_t a, uint64_t b, unsigned *flags)
{
    return select(f, a, b, false, true, flags);
}

uint64_t softfp_maxm(enum fp_format f, uint64_t a, uint64_t b, unsigned *flags)
{
    return select(f, a, b, true, true, flags);
}

/* True if a and b can be ordered; else raises NV as a quiet or a signalling predicate does. */
static bool ordered(enum fp_format f, uint64_t a, uint64_t b, bool quiet, unsigned *flags)
{
    struct nans n = nans_of(f, a, b);

    if (!n.a && !n.b) return true;
    if (n.signalling || !quiet) *flags |= FP_NV;
    return false;
}

static bool equal(enum fp_format f, uint64_t a, uint64_t b)
{
    return order(f, a) == order(f, b) || (is_zero(f, a) && is_zero(f, b));
}

static bool less(enum fp_format f, uint64_t a, uint64_t b) { return order(f, a) < order(f, b) && !equal(f, a, b); }

uint64_t softfp_eq(enum fp_format f, uint64_t a, uint64_t b, unsigned *flags)
{
    return ordered(f, a, b, true, flags) && equal(f, a, b);
}

uint64_t softfp_lt(enum fp_format f, uint64_t a, uint64_t b, unsigned *flags)
{
    return ordered(f, a, b, false, flags) && less(f, a, b);
}

uint64_t softfp_le(enum fp_format f, uint64_t a, uint64_t b, unsigned *flags)
{
    return ordered(f, a, b, false, flags) && !less(f, b, a);
}

uint64_t softfp_ltq(enum fp_format f, uint64_t a, uint64_t b, unsigned *flags)
{
    return ordered(f, a, b, true, flags) && less(f, a, b);
}

uint64_t softfp_leq(enum fp_format f, uint64_t a, uint64_t b, unsigned *flags)
{
    return ordered(f, a, b, true, flags) && !less(f, b, a);
}

/* Table fclass: bits 0..3 for -inf, -normal, -subnormal, -0, mirrored in bits 7..4; then signalling and quiet NaN. */
uint64_t softfp_class(enum fp_format f, uint64_t bits)
{
    struct softfp_number n = softfp_unpack(f, bits);
    unsigned bit;

    switch (n.kind) {
    case SOFTFP_SNAN: return 1u << 8;
    case SOFTFP_QNAN: return 1u << 9;
    case SOFTFP_INF: bit = 0; break;
    case SOFTFP_ZERO: bit = 3; break;
    default: bit = n.exp < softfp_layouts[f].emin ? 2 : 1; break;
    }
    return 1u << (n.sign ? bit : 7 - bit);
}
