/* Conversions between formats and integers, rounding to integral values, and the constants of fli. */
#include "cpu/fp/softfp_internal.h"

/* A magnitude rounded to an integer. Values of 2^64 and more are not held: too_big. */
struct integer {
    softfp_u128 value; /* at most 2^64 */
    bool inexact, too_big;
};

static struct integer round_to_integer(struct softfp_number n, unsigned rm)
{
    struct integer r = {0};

    if (n.kind == SOFTFP_ZERO) return r;
    if (n.exp > 63) {
        r.too_big = true;
        return r;
    }
    /* fixed point with 64 fraction bits */
    softfp_u128 fixed = softfp_shift_right_sticky_128((softfp_u128)n.sig << 64, (unsigned)(63 - n.exp));
    uint64_t fraction = (uint64_t)fixed;
    r.value = fixed >> 64;
    r.value += softfp_rounds_up(rm, n.sign, r.value & 1, fraction, UINT64_C(1) << 63);
    r.inexact = fraction != 0;
    return r;
}

static uint64_t sign_extend_32(uint64_t x) { return (uint64_t)(int64_t)(int32_t)(uint32_t)x; }

struct int_range {
    uint64_t max;           /* also the result for NaN */
    uint64_t min_magnitude; /* of the least value */
    bool is_32;
};

static const struct int_range int_ranges[] = {
    [FP_W] = {INT32_MAX, UINT64_C(1) << 31, true},
    [FP_WU] = {UINT32_MAX, 0, true},
    [FP_L] = {INT64_MAX, UINT64_C(1) << 63, false},
    [FP_LU] = {UINT64_MAX, 0, false},
};

uint64_t softfp_to_int(enum fp_format f, enum fp_int to, uint64_t a_bits, unsigned rm, unsigned *flags)
{
    const struct int_range *range = &int_ranges[to];
    struct softfp_number a = softfp_unpack(f, a_bits);
    bool negative = a.sign && !softfp_is_nan(a);
    uint64_t limit = negative ? range->min_magnitude : range->max;
    uint64_t magnitude = limit;

    if (a.kind >= SOFTFP_INF) {
        *flags |= FP_NV;
    } else {
        struct integer i = round_to_integer(a, rm);
        if (i.too_big || i.value > limit) {
            *flags |= FP_NV;
        } else {
            magnitude = (uint64_t)i.value;
            if (i.inexact) *flags |= FP_NX;
        }
    }
    uint64_t x = negative ? -magnitude : magnitude;
    return range->is_32 ? sign_extend_32(x) : x;
}

uint64_t softfp_cvtmod_w_d(uint64_t a_bits, unsigned *flags)
{
    struct softfp_number a = softfp_unpack(FP_D, a_bits);

    softfp_to_int(FP_D, FP_W, a_bits, FP_RTZ, flags); /* norm:fcvtmod-w-d_flags */
    if (a.kind != SOFTFP_FINITE || a.exp < 0 || a.exp > 126) return 0;
    uint64_t magnitude = a.exp <= 63 ? a.sig >> (63 - a.exp) : a.sig << (a.exp - 63);
    return sign_extend_32(a.sign ? -magnitude : magnitude);
}

uint64_t softfp_from_int(enum fp_format f, enum fp_int from, uint64_t x, unsigned rm, unsigned *flags)
{
    if (from == FP_W) x = sign_extend_32(x);
    if (from == FP_WU) x = (uint32_t)x;
    bool negative = (from == FP_W || from == FP_L) && x >> 63;
    uint64_t magnitude = negative ? -x : x;

    if (magnitude == 0) return softfp_pack_zero(f, false);
    int zeros = __builtin_clzll(magnitude);
    return softfp_pack(f, negative, 63 - zeros, magnitude << zeros, rm, flags);
}

uint64_t softfp_convert(enum fp_format to, enum fp_format from, uint64_t a_bits, unsigned rm, unsigned *flags)
{
    struct softfp_number a = softfp_unpack(from, a_bits);

    if (softfp_is_nan(a)) return softfp_nan(to, a.kind == SOFTFP_SNAN, flags);
    if (a.kind == SOFTFP_INF) return softfp_pack_inf(to, a.sign);
    if (a.kind == SOFTFP_ZERO) return softfp_pack_zero(to, a.sign);
    return softfp_pack(to, a.sign, a.exp, a.sig, rm, flags);
}

uint64_t softfp_roundnx(enum fp_format f, uint64_t a_bits, unsigned rm, unsigned *flags)
{
    struct softfp_number a = softfp_unpack(f, a_bits);

    if (softfp_is_nan(a)) return softfp_nan(f, a.kind == SOFTFP_SNAN, flags);
    if (a.kind == SOFTFP_INF) return softfp_pack_inf(f, a.sign);
    struct integer i = round_to_integer(a, rm);
    if (i.too_big) return softfp_pack(f, a.sign, a.exp, a.sig, rm, flags); /* integral already */
    if (i.inexact) *flags |= FP_NX;
    if (i.value == 0) return softfp_pack_zero(f, a.sign);
    /* Exact: a value with a fraction is below 2^53, and others came unchanged. */
    uint64_t magnitude = (uint64_t)i.value;
    int zeros = __builtin_clzll(magnitude);
    return softfp_pack(f, a.sign, 63 - zeros, magnitude << zeros, rm, flags);
}

uint64_t softfp_round(enum fp_format f, uint64_t a, unsigned rm, unsigned *flags)
{
    unsigned raised = 0;
    uint64_t r = softfp_roundnx(f, a, rm, &raised);

    *flags |= raised & FP_NV; /* norm:fround-s_nan_nv */
    return r;
}

/* tab:flis as double-precision bits; entry 1 depends on the format. */
static const uint64_t li_constants[32] = {
    [0] = 0xbff0000000000000,  /* -1 */
    [2] = 0x3ef0000000000000,  /* 2^-16 */
    [3] = 0x3f00000000000000,  /* 2^-15 */
    [4] = 0x3f70000000000000,  /* 2^-8 */
    [5] = 0x3f80000000000000,  /* 2^-7 */
    [6] = 0x3fb0000000000000,  /* 0.0625 */
    [7] = 0x3fc0000000000000,  /* 0.125 */
    [8] = 0x3fd0000000000000,  /* 0.25 */
    [9] = 0x3fd4000000000000,  /* 0.3125 */
    [10] = 0x3fd8000000000000, /* 0.375 */
    [11] = 0x3fdc000000000000, /* 0.4375 */
    [12] = 0x3fe0000000000000, /* 0.5 */
    [13] = 0x3fe4000000000000, /* 0.625 */
    [14] = 0x3fe8000000000000, /* 0.75 */
    [15] = 0x3fec000000000000, /* 0.875 */
    [16] = 0x3ff0000000000000, /* 1 */
    [17] = 0x3ff4000000000000, /* 1.25 */
    [18] = 0x3ff8000000000000, /* 1.5 */
    [19] = 0x3ffc000000000000, /* 1.75 */
    [20] = 0x4000000000000000, /* 2 */
    [21] = 0x4004000000000000, /* 2.5 */
    [22] = 0x4008000000000000, /* 3 */
    [23] = 0x4010000000000000, /* 4 */
    [24] = 0x4020000000000000, /* 8 */
    [25] = 0x4030000000000000, /* 16 */
    [26] = 0x4060000000000000, /* 128 */
    [27] = 0x4070000000000000, /* 256 */
    [28] = 0x40e0000000000000, /* 2^15 */
    [29] = 0x40f0000000000000, /* 2^16; in half precision it overflows to the infinity the specification asks for */
    [30] = 0x7ff0000000000000, /* +inf */
    [31] = FP_NAN_D,
};

uint64_t softfp_li(enum fp_format f, unsigned index)
{
    unsigned unused = 0;

    index &= 31;
    if (index == 1) return UINT64_C(1) << (softfp_layouts[f].precision - 1);
    return softfp_convert(f, FP_D, li_constants[index], FP_RNE, &unused);
}
