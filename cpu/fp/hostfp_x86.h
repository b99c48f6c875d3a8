/*
 * The x86-64 unit. The guest's frm sits in MXCSR.RC and its flags accrue in MXCSR while fp_enter is in force:
 *
 *     15   14 13   12 ... 7   6    5   4   3   2   1   0
 *   +----+-------+----------+-----+---+---+---+---+---+---+
 *   | FZ |  RC   |  masks   | DAZ | P | U | O | Z | D | I |     P U O Z I are NX UF OF DZ NV; D has no RISC-V meaning
 *   +----+-------+----------+-----+---+---+---+---+---+---+
 *
 * Why this is exact (Intel SDM volume 1, 10.2.3, 11.5, 14.5; AMD APM volume 1, 4.10):
 *   - with exceptions masked and FZ, DAZ off, SSE rounds as IEEE 754 asks, detects tininess after rounding and raises U
 * only for tiny and inexact results, as norm:ieee_std_tininess has it;
 *   - a NaN result is x86's (negative, or an operand's payload), so every result is compared with itself and replaced;
 * the comparison is quiet and the branch as good as never taken;
 *   - a conversion to integer out of range gives the "indefinite" 0x80...0 and raises I alone, so only the value needs
 * mending; unsigned targets, where x86 would also raise P, take the unit only when the value surely fits;
 *   - MINSD and MAXSD differ on zeros and NaNs and are not used.
 *
 * Scalar single instructions leave the bits above 32 of their destination alone: a boxed operand gives a boxed result
 * for nothing.
 *
 * Each operation is one volatile asm statement. Compilers keep those in order among themselves (MXCSR is loaded by one,
 * too), do not fold them and do not drop them when only the flags matter; C arithmetic on doubles promises none of the
 * three.
 */
#ifndef ORRERY_CPU_FP_HOSTFP_X86_H
#define ORRERY_CPU_FP_HOSTFP_X86_H

#include <string.h>

enum { HOSTFP_MODES = 1 << FP_RNE | 1 << FP_RTZ | 1 << FP_RDN | 1 << FP_RUP };

#define HOSTFP_LIKELY(x) __builtin_expect(!!(x), 1)

static inline bool hostfp_has_fma(void) { return __builtin_cpu_supports("fma"); }

static inline bool hostfp_has_round(void) { return __builtin_cpu_supports("sse4.1"); }

static inline uint32_t hostfp_control(void)
{
    uint32_t mxcsr;
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    return mxcsr;
}

static inline void hostfp_set_control(uint32_t mxcsr) { __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr) : "memory"); }

static inline uint32_t hostfp_control_for(unsigned frm)
{
    unsigned rc = 0x9c >> 2 * frm & 3; /* RNE 0, RTZ 3, RDN 1, RUP 2 */
    return 0x1f80 | rc << 13;
}

static inline unsigned hostfp_flags_in(uint32_t mxcsr)
{
    return (mxcsr & 1) << 4 | (mxcsr & 4) << 1 | (mxcsr >> 1 & 4) | (mxcsr >> 3 & 2) | (mxcsr >> 5 & 1);
}

/* An f register's 64 bits, whatever they mean, as SSE operands want them. */
static inline double hostfp_register(uint64_t bits)
{
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

/* The same for the result in the rare case. The empty asm keeps it a branch; as a conditional move, every result would
 * wait for the comparison. */
static inline double hostfp_rare_register(uint64_t bits)
{
    double d = hostfp_register(bits);
    __asm__("" : "+x"(d));
    return d;
}

static inline uint64_t hostfp_bits(double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return bits;
}

static inline bool hostfp_boxed_s(uint64_t a) { return a >= UINT64_C(0xffffffff00000000); }

static inline bool hostfp_boxed_d(uint64_t a)
{
    (void)a;
    return true;
}

static inline bool hostfp_is_nan_s(uint64_t a) { return (a & 0x7fffffff) > 0x7f800000; }

static inline bool hostfp_is_nan_d(uint64_t a) { return (a & INT64_MAX) > UINT64_C(0x7ff0000000000000); }

/* A register that holds the canonical NaN. */
#define HOSTFP_NAN_s hostfp_rare_register(fp_box_s(FP_NAN_S))
#define HOSTFP_NAN_d hostfp_rare_register(FP_NAN_D)

/* T is the format, t the letter that SSE mnemonics end in after "s" (s or d). */
#define HOSTFP_BINARY(T, name, insn)                                                                                   \
    static inline uint64_t fp_try_##name##_##T(struct fp_ctx *c, uint64_t a, uint64_t b, unsigned rm, bool *punt)      \
    {                                                                                                                  \
        double r = hostfp_register(a), y = hostfp_register(b);                                                         \
        if (HOSTFP_LIKELY((c->fast >> rm & 1) && hostfp_boxed_##T(hostfp_bits(r) & hostfp_bits(y)))) {                 \
            bool nan;                                                                                                  \
            __asm__ volatile(insn " %[y], %[r]\n\tucomis" #T " %[r], %[r]" : [r] "+x"(r), "=@ccp"(nan) : [y] "x"(y));  \
            if (!HOSTFP_LIKELY(!nan)) r = HOSTFP_NAN_##T;                                                              \
        } else {                                                                                                       \
            r = hostfp_register(hostfp_punt(punt));                                                                    \
        }                                                                                                              \
        return hostfp_bits(r);                                                                                         \
    }

#define HOSTFP_SQRT(T)                                                                                                 \
    static inline uint64_t fp_try_sqrt_##T(struct fp_ctx *c, uint64_t a, unsigned rm, bool *punt)                      \
    {                                                                                                                  \
        double r = hostfp_register(a);                                                                                 \
        if (HOSTFP_LIKELY((c->fast >> rm & 1) && hostfp_boxed_##T(hostfp_bits(r)))) {                                  \
            bool nan;                                                                                                  \
            __asm__ volatile("sqrts" #T " %[r], %[r]\n\tucomis" #T " %[r], %[r]" : [r] "+x"(r), "=@ccp"(nan));         \
            if (!HOSTFP_LIKELY(!nan)) r = HOSTFP_NAN_##T;                                                              \
        } else {                                                                                                       \
            r = hostfp_register(hostfp_punt(punt));                                                                    \
        }                                                                                                              \
        return hostfp_bits(r);                                                                                         \
    }

/* x86 need not raise I for inf * 0 + quiet NaN, norm:fma_nv_flag does: NaN results are computed again. */
#define HOSTFP_FUSED(T, name, insn)                                                                                    \
    static inline uint64_t fp_try_##name##_##T(struct fp_ctx *c, uint64_t a, uint64_t b, uint64_t d, unsigned rm,      \
                                               bool *punt)                                                             \
    {                                                                                                                  \
        double x = hostfp_register(a), y = hostfp_register(b), z = hostfp_register(d), r = z;                          \
        bool nan = true;                                                                                               \
        if (HOSTFP_LIKELY((c->fast_fma >> rm & 1) &&                                                                   \
                          hostfp_boxed_##T(hostfp_bits(x) & hostfp_bits(y) & hostfp_bits(z)))) {                       \
            __asm__ volatile(insn "231s" #T " %[y], %[x], %[r]\n\tucomis" #T " %[r], %[r]"                             \
                             : [r] "+x"(r), "=@ccp"(nan)                                                               \
                             : [x] "x"(x), [y] "x"(y));                                                                \
        }                                                                                                              \
        if (!HOSTFP_LIKELY(!nan)) {                                                                                    \
            r = hostfp_register(hostfp_punt(punt));                                                                    \
        }                                                                                                              \
        return hostfp_bits(r);                                                                                         \
    }

/* Both predicates of x86 that are false for unordered operands ask about the second one: y > x, y >= x. */
#define HOSTFP_COMPARE(T, name, insn, predicate)                                                                       \
    static inline uint64_t fp_try_##name##_##T(struct fp_ctx *c, uint64_t a, uint64_t b, bool *punt)                   \
    {                                                                                                                  \
        double x = hostfp_register(a), y = hostfp_register(b);                                                         \
        if (HOSTFP_LIKELY(c->entered && hostfp_boxed_##T(hostfp_bits(x) & hostfp_bits(y)))) {                          \
            bool holds;                                                                                                \
            __asm__ volatile(insn " %[x], %[y]" : predicate(holds) : [x] "x"(x), [y] "x"(y));                          \
            return holds;                                                                                              \
        }                                                                                                              \
        return hostfp_punt(punt);                                                                                      \
    }

#define HOSTFP_EQUAL(T)                                                                                                \
    static inline uint64_t fp_try_eq_##T(struct fp_ctx *c, uint64_t a, uint64_t b, bool *punt)                         \
    {                                                                                                                  \
        double x = hostfp_register(a), y = hostfp_register(b);                                                         \
        if (HOSTFP_LIKELY(c->entered && hostfp_boxed_##T(hostfp_bits(x) & hostfp_bits(y)))) {                          \
            bool equal, ordered;                                                                                       \
            __asm__ volatile("ucomis" #T " %[x], %[y]" : "=@cce"(equal), "=@ccnp"(ordered) : [x] "x"(x), [y] "x"(y));  \
            return equal & ordered;                                                                                    \
        }                                                                                                              \
        return hostfp_punt(punt);                                                                                      \
    }

/* To an integer type by truncation or in the present mode; the caller knows that the unit is the guest's. */
#define HOSTFP_TO_INT(T, type, suffix)                                                                                 \
    static inline type hostfp_to_##type##_##T(uint64_t a, bool truncate)                                               \
    {                                                                                                                  \
        type r;                                                                                                        \
        if (truncate) {                                                                                                \
            __asm__ volatile("cvtts" #T "2si" suffix " %1, %0" : "=r"(r) : "x"(hostfp_register(a)));                   \
        } else {                                                                                                       \
            __asm__ volatile("cvts" #T "2si" suffix " %1, %0" : "=r"(r) : "x"(hostfp_register(a)));                    \
        }                                                                                                              \
        return r;                                                                                                      \
    }

static inline bool hostfp_may_convert(const struct fp_ctx *c, unsigned rm)
{
    return rm == FP_RTZ ? c->entered : c->fast >> rm & 1;
}

#define HOSTFP_CVT_SIGNED(T, name, type, min, max)                                                                     \
    static inline uint64_t fp_try_cvt_##name##_##T(struct fp_ctx *c, uint64_t a, unsigned rm, bool *punt)              \
    {                                                                                                                  \
        if (HOSTFP_LIKELY(hostfp_may_convert(c, rm) && hostfp_boxed_##T(a))) {                                         \
            type r = hostfp_to_##type##_##T(a, rm == FP_RTZ);                                                          \
            /* the indefinite value: invalid, or the least integer itself */                                           \
            if (!HOSTFP_LIKELY(r != min) && (!HOSTFP_SIGN_##T(a) || hostfp_is_nan_##T(a))) r = max;                    \
            return (uint64_t)(int64_t)r;                                                                               \
        }                                                                                                              \
        return hostfp_punt(punt);                                                                                      \
    }

#define HOSTFP_SIGN_s(a) ((a) >> 31 & 1)
#define HOSTFP_SIGN_d(a) ((a) >> 63)

/* From +0 to the greatest float that does not exceed the range in any mode, as an unsigned range of bits. */
#define HOSTFP_CVT_UNSIGNED(T, name, result, greatest)                                                                 \
    static inline uint64_t fp_try_cvt_##name##_##T(struct fp_ctx *c, uint64_t a, unsigned rm, bool *punt)              \
    {                                                                                                                  \
        if (HOSTFP_LIKELY(hostfp_may_convert(c, rm) && hostfp_boxed_##T(a) && HOSTFP_VALUE_##T(a) <= greatest)) {      \
            return (uint64_t)(int64_t)(result)hostfp_to_int64_t_##T(a, rm == FP_RTZ);                                  \
        }                                                                                                              \
        return hostfp_punt(punt);                                                                                      \
    }

#define HOSTFP_VALUE_s(a) ((a)&UINT64_C(0xffffffff))
#define HOSTFP_VALUE_d(a) (a)

/* From an integer of at most 63 magnitude bits: `from` is the type to read x as, `fits` when that is right. */
#define HOSTFP_CVT_FROM(T, name, from, fits)                                                                           \
    static inline uint64_t fp_try_cvt_##T##_##name(struct fp_ctx *c, uint64_t x, unsigned rm, bool *punt)              \
    {                                                                                                                  \
        if (HOSTFP_LIKELY((c->fast >> rm & 1) && (fits))) {                                                            \
            double r = hostfp_register(HOSTFP_FRAME_##T);                                                              \
            __asm__ volatile("cvtsi2s" #T "q %1, %0" : "+x"(r) : "r"((int64_t)(from)x));                               \
            return hostfp_bits(r);                                                                                     \
        }                                                                                                              \
        return hostfp_punt(punt);                                                                                      \
    }

/* What the destination holds before a narrow result is put into it; also cuts the dependency on its old value. */
#define HOSTFP_FRAME_s UINT64_MAX
#define HOSTFP_FRAME_d UINT64_C(0)

/* These are exact: no flag, no unit in particular; the mode must be legal all the same. */
static inline uint64_t fp_try_cvt_d_w(struct fp_ctx *c, uint64_t x, unsigned rm, bool *punt)
{
    if (!(c->fast >> rm & 1)) return hostfp_punt(punt);
    return hostfp_bits((int32_t)x);
}

static inline uint64_t fp_try_cvt_d_wu(struct fp_ctx *c, uint64_t x, unsigned rm, bool *punt)
{
    if (!(c->fast >> rm & 1)) return hostfp_punt(punt);
    return hostfp_bits((uint32_t)x);
}

static inline uint64_t fp_try_cvt_s_d(struct fp_ctx *c, uint64_t a, unsigned rm, bool *punt)
{
    double x = hostfp_register(a), r = hostfp_register(HOSTFP_FRAME_s);
    if (HOSTFP_LIKELY(c->fast >> rm & 1)) {
        bool nan;
        __asm__ volatile("cvtsd2ss %[x], %[r]\n\tucomiss %[r], %[r]" : [r] "+x"(r), "=@ccp"(nan) : [x] "x"(x));
        if (!HOSTFP_LIKELY(!nan)) r = HOSTFP_NAN_s;
    } else {
        r = hostfp_register(hostfp_punt(punt));
    }
    return hostfp_bits(r);
}

/* Exact in every mode, but a signalling NaN raises NV. */
static inline uint64_t fp_try_cvt_d_s(struct fp_ctx *c, uint64_t a, unsigned rm, bool *punt)
{
    double x = hostfp_register(a), r = hostfp_register(HOSTFP_FRAME_d);
    if (HOSTFP_LIKELY((c->fast >> rm & 1) && hostfp_boxed_s(hostfp_bits(x)))) {
        bool nan;
        __asm__ volatile("cvtss2sd %[x], %[r]\n\tucomisd %[r], %[r]" : [r] "+x"(r), "=@ccp"(nan) : [x] "x"(x));
        if (!HOSTFP_LIKELY(!nan)) r = HOSTFP_NAN_d;
    } else {
        r = hostfp_register(hostfp_punt(punt));
    }
    return hostfp_bits(r);
}

/* ROUNDSx: the low two bits of the immediate are a mode in MXCSR's order, 4 means MXCSR's own mode, 8 suppresses P. */
#define HOSTFP_ROUND_CASE(T, mode, immediate)                                                                          \
    case mode:                                                                                                         \
        __asm__ volatile("rounds" #T " %[imm], %[r], %[r]\n\tucomis" #T " %[r], %[r]"                                  \
                         : [r] "+x"(r), "=@ccp"(nan)                                                                   \
                         : [imm] "i"(immediate));                                                                      \
        break;

#define HOSTFP_ROUND(T, name, quiet)                                                                                   \
    static inline uint64_t fp_try_##name##_##T(struct fp_ctx *c, uint64_t a, unsigned rm, bool *punt)                  \
    {                                                                                                                  \
        if (HOSTFP_LIKELY((c->fast_round >> rm & 1) && hostfp_boxed_##T(a))) {                                         \
            double r = hostfp_register(a);                                                                             \
            bool nan = false;                                                                                          \
            switch (rm) {                                                                                              \
                HOSTFP_ROUND_CASE(T, FP_RNE, (quiet) | 0)                                                              \
                HOSTFP_ROUND_CASE(T, FP_RDN, (quiet) | 1)                                                              \
                HOSTFP_ROUND_CASE(T, FP_RUP, (quiet) | 2)                                                              \
                HOSTFP_ROUND_CASE(T, FP_RTZ, (quiet) | 3)                                                              \
                HOSTFP_ROUND_CASE(T, FP_DYN, (quiet) | 4)                                                              \
            default: break;                                                                                            \
            }                                                                                                          \
            if (!HOSTFP_LIKELY(!nan)) r = HOSTFP_NAN_##T;                                                              \
            return hostfp_bits(r);                                                                                     \
        }                                                                                                              \
        return hostfp_punt(punt);                                                                                      \
    }

#define HOSTFP_FORMAT(T)                                                                                               \
    HOSTFP_BINARY(T, add, "adds" #T)                                                                                   \
    HOSTFP_BINARY(T, sub, "subs" #T)                                                                                   \
    HOSTFP_BINARY(T, mul, "muls" #T)                                                                                   \
    HOSTFP_BINARY(T, div, "divs" #T)                                                                                   \
    HOSTFP_SQRT(T)                                                                                                     \
    HOSTFP_FUSED(T, madd, "vfmadd")                                                                                    \
    HOSTFP_FUSED(T, msub, "vfmsub")                                                                                    \
    HOSTFP_FUSED(T, nmsub, "vfnmadd") /* RISC-V and x86 name these two crosswise */                                    \
    HOSTFP_FUSED(T, nmadd, "vfnmsub")                                                                                  \
    HOSTFP_EQUAL(T)                                                                                                    \
    HOSTFP_COMPARE(T, lt, "comis" #T, "=@cca")                                                                         \
    HOSTFP_COMPARE(T, le, "comis" #T, "=@ccae")                                                                        \
    HOSTFP_COMPARE(T, ltq, "ucomis" #T, "=@cca")                                                                       \
    HOSTFP_COMPARE(T, leq, "ucomis" #T, "=@ccae")                                                                      \
    HOSTFP_TO_INT(T, int32_t, "l")                                                                                     \
    HOSTFP_TO_INT(T, int64_t, "q")                                                                                     \
    HOSTFP_CVT_SIGNED(T, w, int32_t, INT32_MIN, INT32_MAX)                                                             \
    HOSTFP_CVT_SIGNED(T, l, int64_t, INT64_MIN, INT64_MAX)                                                             \
    HOSTFP_CVT_FROM(T, l, int64_t, true)                                                                               \
    HOSTFP_CVT_FROM(T, lu, int64_t, (int64_t)x >= 0)                                                                   \
    HOSTFP_ROUND(T, round, 8)                                                                                          \
    HOSTFP_ROUND(T, roundnx, 0)

HOSTFP_FORMAT(s)
HOSTFP_FORMAT(d)
HOSTFP_CVT_FROM(s, w, int32_t, true)
HOSTFP_CVT_FROM(s, wu, uint32_t, true)
HOSTFP_CVT_UNSIGNED(s, wu, int32_t, 0x4f7fffff)                   /* 2^32 - 2^8 */
HOSTFP_CVT_UNSIGNED(s, lu, int64_t, 0x5effffff)                   /* 2^63 - 2^39 */
HOSTFP_CVT_UNSIGNED(d, wu, int32_t, UINT64_C(0x41efffffffe00000)) /* 2^32 - 1 */
HOSTFP_CVT_UNSIGNED(d, lu, int64_t, UINT64_C(0x43dfffffffffffff)) /* 2^63 - 2^10 */

FP_OPS_HOST(FP_DEFINE_WITH_SLOW, s)
FP_OPS_HOST(FP_DEFINE_WITH_SLOW, d)
FP_OPS_HOST_MIXED(FP_DEFINE_WITH_SLOW)

#undef HOSTFP_BINARY
#undef HOSTFP_SQRT
#undef HOSTFP_FUSED
#undef HOSTFP_COMPARE
#undef HOSTFP_EQUAL
#undef HOSTFP_TO_INT
#undef HOSTFP_CVT_SIGNED
#undef HOSTFP_SIGN_s
#undef HOSTFP_SIGN_d
#undef HOSTFP_CVT_UNSIGNED
#undef HOSTFP_VALUE_s
#undef HOSTFP_VALUE_d
#undef HOSTFP_CVT_FROM
#undef HOSTFP_FRAME_s
#undef HOSTFP_FRAME_d
#undef HOSTFP_NAN_s
#undef HOSTFP_NAN_d
#undef HOSTFP_ROUND_CASE
#undef HOSTFP_ROUND
#undef HOSTFP_FORMAT
#undef HOSTFP_LIKELY

#endif
