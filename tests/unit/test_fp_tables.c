/* What the specification states in tables and single sentences, case by case, through fp.h. */
#include <criterion/criterion.h>
#include <math.h>

#include "cpu/fp/fp.h"

#define D(x)                                                                                                           \
    ((union {                                                                                                          \
         double f;                                                                                                     \
         uint64_t u;                                                                                                   \
     }){x}                                                                                                             \
         .u)
#define S(x)                                                                                                           \
    (UINT64_C(0xffffffff00000000) | (union {                                                                           \
                                        float f;                                                                       \
                                        uint32_t u;                                                                    \
                                    }){x}                                                                              \
                                        .u)
#define QNAN_D  UINT64_C(0xfff8000000000123)
#define SNAN_D  UINT64_C(0x7ff0000000000001)
#define QNAN_S  UINT64_C(0xffffffffffc00123)
#define SNAN_S  UINT64_C(0xffffffff7f800001)
#define CANON_S UINT64_C(0xffffffff7fc00000)
#define CANON_H UINT64_C(0xffffffffffff7e00)

static struct fp_ctx c;

static void setup(void)
{
    fp_init(&c);
    fp_enter(&c);
}

static void teardown(void) { fp_leave(&c); }

TestSuite(fp_tables, .init = setup, .fini = teardown);

static void check(uint64_t got, uint64_t want, unsigned want_flags, const char *what)
{
    unsigned got_flags = fp_flags(&c);
    fp_set_flags(&c, 0);
    cr_expect(got == want && got_flags == want_flags, "%s: got %lx flags %x, want %lx flags %x", what, got, got_flags,
              want, want_flags);
}

#define CHECK(call, want, flags) check(call, want, flags, #call)

/* tab:int_conv */
Test(fp_tables, conversion_to_integer_clips)
{
    const struct {
        uint64_t s, d;
        uint64_t w, wu, l, lu;
    } rows[] = {
        {S(-1e30f), D(-1e30), UINT64_C(0xffffffff80000000), 0, UINT64_C(1) << 63, 0},
        {S(-INFINITY), D(-INFINITY), UINT64_C(0xffffffff80000000), 0, UINT64_C(1) << 63, 0},
        {S(1e30f), D(1e30), INT32_MAX, UINT64_MAX, INT64_MAX, UINT64_MAX},
        {S(INFINITY), D(INFINITY), INT32_MAX, UINT64_MAX, INT64_MAX, UINT64_MAX},
        {CANON_S, FP_NAN_D, INT32_MAX, UINT64_MAX, INT64_MAX, UINT64_MAX},
        {QNAN_S, QNAN_D, INT32_MAX, UINT64_MAX, INT64_MAX, UINT64_MAX},
        {SNAN_S, SNAN_D, INT32_MAX, UINT64_MAX, INT64_MAX, UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (unsigned rm = 0; rm <= FP_RMM; rm++) {
            CHECK(fp_cvt_w_s(&c, rows[i].s, rm), rows[i].w, FP_NV);
            CHECK(fp_cvt_wu_s(&c, rows[i].s, rm), rows[i].wu, FP_NV);
            CHECK(fp_cvt_l_s(&c, rows[i].s, rm), rows[i].l, FP_NV);
            CHECK(fp_cvt_lu_s(&c, rows[i].s, rm), rows[i].lu, FP_NV);
            CHECK(fp_cvt_w_d(&c, rows[i].d, rm), rows[i].w, FP_NV);
            CHECK(fp_cvt_wu_d(&c, rows[i].d, rm), rows[i].wu, FP_NV);
            CHECK(fp_cvt_l_d(&c, rows[i].d, rm), rows[i].l, FP_NV);
            CHECK(fp_cvt_lu_d(&c, rows[i].d, rm), rows[i].lu, FP_NV);
        }
    }
}

Test(fp_tables, conversion_to_integer_at_the_borders)
{
    CHECK(fp_cvt_w_d(&c, D(2147483647.5), FP_RTZ), INT32_MAX, FP_NX);
    CHECK(fp_cvt_w_d(&c, D(2147483647.5), FP_DYN), INT32_MAX, FP_NV); /* rounds to 2^31 */
    CHECK(fp_cvt_w_d(&c, D(-2147483648.0), FP_RTZ), UINT64_C(0xffffffff80000000), 0);
    CHECK(fp_cvt_w_d(&c, D(-2147483648.5), FP_RTZ), UINT64_C(0xffffffff80000000), FP_NX);
    CHECK(fp_cvt_w_d(&c, D(-2147483649.0), FP_RTZ), UINT64_C(0xffffffff80000000), FP_NV);
    CHECK(fp_cvt_wu_d(&c, D(4294967295.0), FP_RTZ), UINT64_MAX, 0);
    CHECK(fp_cvt_wu_d(&c, D(4294967295.5), FP_RTZ), UINT64_MAX, FP_NX);
    CHECK(fp_cvt_wu_d(&c, D(4294967295.5), FP_RUP), UINT64_MAX, FP_NV);
    CHECK(fp_cvt_wu_d(&c, D(2147483648.0), FP_RTZ), UINT64_C(0xffffffff80000000), 0); /* sign-extended all the same */
    CHECK(fp_cvt_wu_d(&c, D(-0.5), FP_RTZ), 0, FP_NX);
    CHECK(fp_cvt_wu_d(&c, D(-0.5), FP_RNE), 0, FP_NX);
    CHECK(fp_cvt_wu_d(&c, D(-0.5), FP_RDN), 0, FP_NV);
    CHECK(fp_cvt_wu_d(&c, D(-1.0), FP_RTZ), 0, FP_NV);
    CHECK(fp_cvt_lu_d(&c, D(-0.0), FP_RTZ), 0, 0);
    CHECK(fp_cvt_l_d(&c, D(-0x1p63), FP_RTZ), UINT64_C(1) << 63, 0);
    CHECK(fp_cvt_l_d(&c, D(0x1p63), FP_RTZ), INT64_MAX, FP_NV);
    CHECK(fp_cvt_lu_d(&c, D(0x1p63), FP_RTZ), UINT64_C(1) << 63, 0);
    CHECK(fp_cvt_lu_d(&c, D(0x1p64), FP_RTZ), UINT64_MAX, FP_NV);
    CHECK(fp_cvt_wu_s(&c, S(0x1.fffffep31f), FP_RTZ), UINT64_C(0xffffffffffffff00), 0);
    CHECK(fp_cvt_wu_s(&c, S(0x1p32f), FP_RTZ), UINT64_MAX, FP_NV);
    CHECK(fp_cvt_lu_s(&c, S(0x1.fffffep62f), FP_RTZ), UINT64_C(0x7fffff8000000000), 0);
    CHECK(fp_cvt_lu_s(&c, S(0x1p63f), FP_RTZ), UINT64_C(1) << 63, 0);
    CHECK(fp_cvt_lu_s(&c, S(0x1p64f), FP_RTZ), UINT64_MAX, FP_NV);
    CHECK(fp_cvt_w_d(&c, D(2.5), FP_RMM), 3, FP_NX);
    CHECK(fp_cvt_w_d(&c, D(2.5), FP_RNE), 2, FP_NX);
    CHECK(fp_cvt_w_d(&c, D(-2.5), FP_RMM), (uint64_t)-3, FP_NX);
}

/* norm:fcvtmod-w-d_op */
Test(fp_tables, cvtmod_wraps)
{
    CHECK(fp_cvtmod_w_d(&c, D(4294967297.0)), 1, FP_NV);
    CHECK(fp_cvtmod_w_d(&c, D(-4294967297.5)), (uint64_t)-1, FP_NV);
    CHECK(fp_cvtmod_w_d(&c, D(2147483648.0)), UINT64_C(0xffffffff80000000), FP_NV);
    CHECK(fp_cvtmod_w_d(&c, D(-2147483648.25)), UINT64_C(0xffffffff80000000), FP_NX);
    CHECK(fp_cvtmod_w_d(&c, D(0x1p84)), 0, FP_NV);
    CHECK(fp_cvtmod_w_d(&c, D(0x1.0000000000001p83)), UINT64_C(0xffffffff80000000), FP_NV);
    CHECK(fp_cvtmod_w_d(&c, D(INFINITY)), 0, FP_NV);
    CHECK(fp_cvtmod_w_d(&c, FP_NAN_D), 0, FP_NV);
    CHECK(fp_cvtmod_w_d(&c, D(-3.75)), (uint64_t)-3, FP_NX);
}

/* norm:canonical_NaN, norm:F_canonical_NaN, norm:Zfh_canonical_NaN */
Test(fp_tables, nan_results_are_canonical)
{
    CHECK(fp_add_d(&c, QNAN_D, D(1.0), FP_DYN), FP_NAN_D, 0);
    CHECK(fp_add_d(&c, D(1.0), SNAN_D, FP_DYN), FP_NAN_D, FP_NV);
    CHECK(fp_add_d(&c, D(INFINITY), D(-INFINITY), FP_DYN), FP_NAN_D, FP_NV);
    CHECK(fp_mul_s(&c, S(0.0f), S(-INFINITY), FP_DYN), CANON_S, FP_NV);
    CHECK(fp_div_s(&c, S(0.0f), S(0.0f), FP_DYN), CANON_S, FP_NV);
    CHECK(fp_sqrt_s(&c, S(-1.0f), FP_DYN), CANON_S, FP_NV);
    CHECK(fp_sqrt_d(&c, D(-0.0), FP_DYN), D(-0.0), 0);
    CHECK(fp_cvt_s_d(&c, SNAN_D, FP_DYN), CANON_S, FP_NV);
    CHECK(fp_cvt_d_s(&c, QNAN_S, FP_DYN), FP_NAN_D, 0);
    CHECK(fp_cvt_h_d(&c, QNAN_D, FP_DYN), CANON_H, 0);
    CHECK(fp_round_d(&c, SNAN_D, FP_DYN), FP_NAN_D, FP_NV);
}

/* norm:fma_nv_flag */
Test(fp_tables, fused_inf_times_zero_is_invalid_even_with_a_quiet_nan)
{
    CHECK(fp_madd_d(&c, D(INFINITY), D(0.0), QNAN_D, FP_DYN), FP_NAN_D, FP_NV);
    CHECK(fp_nmsub_s(&c, S(0.0f), S(INFINITY), QNAN_S, FP_DYN), CANON_S, FP_NV);
    CHECK(fp_madd_d(&c, D(2.0), D(0.0), QNAN_D, FP_DYN), FP_NAN_D, 0);
}

/* norm:fnmsub-s_op, norm:fnmadd-s_op: the product is negated, not the sum; signed zeros tell the difference. */
Test(fp_tables, fused_variants)
{
    CHECK(fp_madd_d(&c, D(2.0), D(3.0), D(4.0), FP_DYN), D(10.0), 0);
    CHECK(fp_msub_d(&c, D(2.0), D(3.0), D(4.0), FP_DYN), D(2.0), 0);
    CHECK(fp_nmsub_d(&c, D(2.0), D(3.0), D(4.0), FP_DYN), D(-2.0), 0);
    CHECK(fp_nmadd_d(&c, D(2.0), D(3.0), D(4.0), FP_DYN), D(-10.0), 0);
    CHECK(fp_nmadd_d(&c, D(1.0), D(1.0), D(-1.0), FP_DYN), D(0.0), 0);
    CHECK(fp_nmsub_d(&c, D(1.0), D(1.0), D(1.0), FP_DYN), D(0.0), 0);
    CHECK(fp_madd_d(&c, D(0x1.0000000000001p0), D(0x1.0000000000001p0), D(-0x1.0000000000002p0), FP_DYN), D(0x1p-104),
          0);
}

/* norm:ieee_std_tininess: after rounding. */
Test(fp_tables, underflow_is_detected_after_rounding)
{
    CHECK(fp_mul_d(&c, D(0x1.fffffffffffffp-1022), D(0x1.0p-1), FP_DYN), D(0x1.0p-1022), FP_UF | FP_NX);
    /* rounds up to the smallest normal number already with all 53 bits */
    CHECK(fp_madd_d(&c, D(0x1p-1022), D(1.0), D(-0x0.0000000000001p-1022), FP_DYN), D(0x0.fffffffffffffp-1022), 0);
    CHECK(fp_mul_s(&c, S(0x1.fffffep-1f), S(0x1.000001p-126f), FP_DYN), S(0x1p-126f), FP_NX | FP_UF);
    CHECK(fp_cvt_s_d(&c, D(0x1.fffffffffp-127), FP_DYN), S(0x1p-126f), FP_NX);
    CHECK(fp_cvt_s_d(&c, D(0x1.fffffep-127), FP_DYN), S(0x1p-126f), FP_NX | FP_UF);
    CHECK(fp_cvt_s_d(&c, D(0x1p-149), FP_DYN), S(0x1p-149f), 0); /* tiny but exact */
}

Test(fp_tables, overflow_follows_the_mode)
{
    const uint64_t max = UINT64_C(0x7fefffffffffffff), inf = D(INFINITY), sign = UINT64_C(1) << 63;
    const struct {
        unsigned rm;
        uint64_t positive, negative;
    } rows[] = {{FP_RNE, inf, inf}, {FP_RTZ, max, max}, {FP_RDN, max, inf}, {FP_RUP, inf, max}, {FP_RMM, inf, inf}};
    for (size_t i = 0; i < 5; i++) {
        CHECK(fp_mul_d(&c, max, D(2.0), rows[i].rm), rows[i].positive, FP_OF | FP_NX);
        CHECK(fp_mul_d(&c, max, D(-2.0), rows[i].rm), rows[i].negative | sign, FP_OF | FP_NX);
    }
}

/* norm:fmin-s_fmax-s_*, norm:fmaxm-s_fminm-s_op */
Test(fp_tables, minimum_and_maximum)
{
    CHECK(fp_min_d(&c, D(-0.0), D(0.0)), D(-0.0), 0);
    CHECK(fp_min_d(&c, D(0.0), D(-0.0)), D(-0.0), 0);
    CHECK(fp_max_s(&c, S(-0.0f), S(0.0f)), S(0.0f), 0);
    CHECK(fp_min_s(&c, S(-1.0f), S(-2.0f)), S(-2.0f), 0);
    CHECK(fp_max_d(&c, QNAN_D, D(1.0)), D(1.0), 0);
    CHECK(fp_min_d(&c, D(1.0), SNAN_D), D(1.0), FP_NV);
    CHECK(fp_min_d(&c, QNAN_D, QNAN_D), FP_NAN_D, 0);
    CHECK(fp_minm_d(&c, QNAN_D, D(1.0)), FP_NAN_D, 0);
    CHECK(fp_maxm_s(&c, S(1.0f), SNAN_S), CANON_S, FP_NV);
    CHECK(fp_maxm_s(&c, S(1.0f), S(INFINITY)), S(INFINITY), 0);
    CHECK(fp_min_s(&c, 0x3f800000, S(1.0f)), S(1.0f), 0); /* not boxed: a NaN */
}

/* norm:feq-s_quiet, norm:flt-s_fle-s_signaling, norm:fleq-s_fltq-s_op */
Test(fp_tables, comparisons)
{
    CHECK(fp_eq_d(&c, D(0.0), D(-0.0)), 1, 0);
    CHECK(fp_lt_d(&c, D(-0.0), D(0.0)), 0, 0);
    CHECK(fp_le_d(&c, D(0.0), D(-0.0)), 1, 0);
    CHECK(fp_eq_d(&c, QNAN_D, QNAN_D), 0, 0);
    CHECK(fp_eq_s(&c, SNAN_S, S(1.0f)), 0, FP_NV);
    CHECK(fp_lt_d(&c, QNAN_D, D(1.0)), 0, FP_NV);
    CHECK(fp_le_s(&c, S(1.0f), QNAN_S), 0, FP_NV);
    CHECK(fp_ltq_d(&c, D(1.0), QNAN_D), 0, 0);
    CHECK(fp_leq_d(&c, SNAN_D, D(1.0)), 0, FP_NV);
    CHECK(fp_ltq_s(&c, S(-INFINITY), S(1.0f)), 1, 0);
    CHECK(fp_leq_s(&c, S(2.0f), S(1.0f)), 0, 0);
}

/* Table fclass */
Test(fp_tables, classes)
{
    const uint64_t d[] = {D(-INFINITY), D(-1.0), D(-0x1p-1074), D(-0.0), D(0.0),
                          D(0x1p-1074), D(1.0),  D(INFINITY),   SNAN_D,  QNAN_D};
    const uint64_t s[] = {S(-INFINITY), S(-1.0f), S(-0x1p-149f), S(-0.0f), S(0.0f),
                          S(0x1p-149f), S(1.0f),  S(INFINITY),   SNAN_S,   QNAN_S};
    for (unsigned i = 0; i < 10; i++) {
        CHECK(fp_class_d(d[i]), 1u << i, 0);
        CHECK(fp_class_s(s[i]), 1u << i, 0);
    }
    CHECK(fp_class_s(0x3f800000), 1u << 9, 0); /* not boxed */
    CHECK(fp_class_h(0xffffffffffff0001), 1u << 5, 0);
}

/* tab:flis */
Test(fp_tables, load_immediate)
{
    const float values[] = {-1.0f, 0x1p-126f, 0x1p-16f, 0x1p-15f, 0x1p-8f, 0x1p-7f, 0.0625f, 0.125f,
                            0.25f, 0.3125f,   0.375f,   0.4375f,  0.5f,    0.625f,  0.75f,   0.875f,
                            1.0f,  1.25f,     1.5f,     1.75f,    2.0f,    2.5f,    3.0f,    4.0f,
                            8.0f,  16.0f,     128.0f,   256.0f,   0x1p15f, 0x1p16f, INFINITY};
    for (unsigned i = 0; i < 31; i++) {
        CHECK(fp_li_s(i), S(values[i]), 0);
        if (i != 1) CHECK(fp_li_d(i), D((double)values[i]), 0);
    }
    CHECK(fp_li_d(1), D(0x1p-1022), 0);
    CHECK(fp_li_s(31), CANON_S, 0);
    CHECK(fp_li_d(31), FP_NAN_D, 0);
    CHECK(fp_li_h(0), UINT64_C(0xffffffffffffbc00), 0);
    CHECK(fp_li_h(1), UINT64_C(0xffffffffffff0400), 0);
    CHECK(fp_li_h(2), UINT64_C(0xffffffffffff0100), 0); /* 2^-16 is subnormal */
    CHECK(fp_li_h(29), UINT64_C(0xffffffffffff7c00), 0);
    CHECK(fp_li_h(30), UINT64_C(0xffffffffffff7c00), 0);
    CHECK(fp_li_h(31), CANON_H, 0);
}

/* norm:fsgnj-s_fsgnjn-s_fsgnjx-s_op: no canonical NaN, but wrong boxes count. */
Test(fp_tables, sign_injection)
{
    CHECK(fp_sgnj_d(D(1.0), D(-2.0)), D(-1.0), 0);
    CHECK(fp_sgnjn_d(D(1.0), D(-2.0)), D(1.0), 0);
    CHECK(fp_sgnjx_d(D(-1.0), D(-2.0)), D(1.0), 0);
    CHECK(fp_sgnj_s(SNAN_S, S(-1.0f)), SNAN_S | 0x80000000, 0);
    CHECK(fp_sgnjn_s(S(1.0f), S(1.0f)), S(-1.0f), 0);
    CHECK(fp_sgnj_s(0xbf800000, S(-1.0f)), CANON_S | 0x80000000, 0);
    CHECK(fp_sgnj_s(S(-1.0f), 0xbf800000), S(1.0f), 0);
    CHECK(fp_sgnjx_h(UINT64_C(0xffffffffffffbc00), UINT64_C(0xffffffffffff8000)), UINT64_C(0xffffffffffff3c00), 0);
}

/* norm:fmv-x-w_op, norm:fmv-w-x_op, norm:fmv-x-h_op */
Test(fp_tables, moves_keep_bits)
{
    CHECK(fp_mv_x_w(0x80000001), UINT64_C(0xffffffff80000001), 0);
    CHECK(fp_mv_w_x(UINT64_C(0x123456787f800001)), SNAN_S, 0);
    CHECK(fp_mv_x_h(0x8001), UINT64_C(0xffffffffffff8001), 0);
    CHECK(fp_mv_h_x(0x12347c01), UINT64_C(0xffffffffffff7c01), 0);
    CHECK(fp_mv_x_d(SNAN_D), SNAN_D, 0);
    CHECK(fp_mv_d_x(SNAN_D), SNAN_D, 0);
}

/* norm:fround-s_op, norm:froundnx-s_op */
Test(fp_tables, round_to_integral)
{
    CHECK(fp_round_d(&c, D(2.5), FP_RNE), D(2.0), 0);
    CHECK(fp_round_d(&c, D(2.5), FP_RMM), D(3.0), 0);
    CHECK(fp_round_d(&c, D(-0.25), FP_RTZ), D(-0.0), 0);
    CHECK(fp_round_s(&c, S(-0.25f), FP_RDN), S(-1.0f), 0);
    CHECK(fp_roundnx_s(&c, S(0.75f), FP_RUP), S(1.0f), FP_NX);
    CHECK(fp_roundnx_d(&c, D(0x1p60), FP_DYN), D(0x1p60), 0);
    CHECK(fp_roundnx_d(&c, D(-0.0), FP_DYN), D(-0.0), 0);
    CHECK(fp_roundnx_d(&c, D(INFINITY), FP_DYN), D(INFINITY), 0);
}
