/*
 * Floating point for the hart: one function per operation of F, D, Zfhmin, Zfh and Zfa, for interpreter rows and for
 * whatever the JIT does not emit inline.
 *
 * VALUES. Every operand or result called f is a whole 64-bit f register: NaN-boxed if narrower than 64 bits. The
 * functions check boxes on input (norm:FP_nontransfer_instrs_improper_nan-boxed_input: what is not boxed counts as the
 * canonical NaN) and box their results. Operands and results called x are integer register values; 32-bit integer
 * results are sign-extended. Harts without D (FLEN=32) use the same representation, with every writer boxing.
 *
 * ROUNDING. rm is the instruction's field as decoded: 0..4 or FP_DYN. The caller has made sure that it is legal, also
 * that frm is when rm is FP_DYN (fp_rm_is_legal); nothing bad happens otherwise, but the result means nothing.
 *
 * FLAGS AND THE HOST UNIT. While guest code runs, the host's own floating-point unit carries the guest's frm and
 * accrues its flags (x86-64: MXCSR). fp_enter starts and fp_leave ends such a stretch; it costs some twenty cycles, so
 * bracket a run of the interpreter loop, not an instruction. Inside a stretch host code must not do floating-point
 * arithmetic of its own. Outside, everything works as well, only slower. At any time fp_flags, fp_set_flags, fp_set_frm
 * are the way to fcsr.
 *
 *   fp_enter(c);
 *   ... F[rd] = fp_add_d(c, F[rs1], F[rs2], rm); ...
 *   fp_leave(c);
 *
 * OPERATIONS (T stands for h, s, d; every one exists in all three):
 *
 *   f fp_add_T fp_sub_T fp_mul_T fp_div_T (c, fa, fb, rm)            f fp_sqrt_T (c, fa, rm)
 *   f fp_madd_T fp_msub_T fp_nmsub_T fp_nmadd_T (c, fa, fb, fd, rm)   a*b+d  a*b-d  -(a*b)+d  -(a*b)-d
 *   f fp_min_T fp_max_T fp_minm_T fp_maxm_T (c, fa, fb)
 *   x fp_eq_T fp_lt_T fp_le_T fp_ltq_T fp_leq_T (c, fa, fb)
 *   x fp_cvt_w_T fp_cvt_wu_T fp_cvt_l_T fp_cvt_lu_T (c, fa, rm)      x fp_cvtmod_w_d (c, fa)
 *   f fp_cvt_T_w fp_cvt_T_wu fp_cvt_T_l fp_cvt_T_lu (c, xa, rm)
 *   f fp_cvt_s_d fp_cvt_d_s fp_cvt_s_h fp_cvt_h_s fp_cvt_d_h fp_cvt_h_d (c, fa, rm)
 *   f fp_round_T fp_roundnx_T (c, fa, rm)
 *
 * and, neither rounding nor raising anything:
 *
 *   f fp_sgnj_T fp_sgnjn_T fp_sgnjx_T (fa, fb)      x fp_class_T (fa)      f fp_li_T (index)
 *   x fp_mv_x_h fp_mv_x_w fp_mv_x_d (fa)            f fp_mv_h_x fp_mv_w_x fp_mv_d_x (xa)
 *
 * fp_box_T and fp_unbox_T convert between bits and registers; loads box, stores take the low bits and check nothing.
 *
 * Compile with -ffp-contract=off -frounding-math where host double arithmetic stands beside these functions; the
 * functions themselves leave nothing for a compiler to reorder.
 */
#ifndef ORRERY_CPU_FP_FP_H
#define ORRERY_CPU_FP_FP_H

#include "cpu/fp/softfp.h"

/* One per hart. Everything is private to cpu/fp except that a snapshot saves fp_frm() and fp_flags(). */
struct fp_ctx {
    unsigned flags;        /* accrued before the last fp_take_raised */
    unsigned raised;       /* since then, but for what is still in the host unit; a flag may be in both */
    unsigned frm;          /* 0..7, reserved values included */
    uint32_t fast;         /* bit rm: an instruction with this rm may use the host unit as it is set now */
    uint32_t fast_fma;     /* the same for fused multiply-add: the host may lack it */
    uint32_t fast_round;   /* the same for fround, for which the host takes the mode from its instruction */
    uint32_t host_control; /* the host's control word during a stretch */
    bool entered;
    bool host_has_fma, host_has_round;
};

/* All zero fcsr; looks once at what the host can do. */
void fp_init(struct fp_ctx *c);

void fp_enter(struct fp_ctx *c);
void fp_leave(struct fp_ctx *c);

unsigned fp_flags(const struct fp_ctx *c);
void fp_set_flags(struct fp_ctx *c, unsigned flags); /* low five bits count */
void fp_set_frm(struct fp_ctx *c, unsigned frm);     /* low three bits count */
/* Whether an operation has raised a flag, one already set included, since the last call or fp_set_flags. */
bool fp_take_raised(struct fp_ctx *c);

static inline unsigned fp_frm(const struct fp_ctx *c) { return c->frm; }

/* norm:roundingmode_rsv: instructions with a reserved mode, or DYN while frm is reserved, are to trap. */
static inline bool fp_rm_is_legal(const struct fp_ctx *c, unsigned rm)
{
    return (rm == FP_DYN ? c->frm : rm) <= FP_RMM;
}

/* NaN boxes: all bits above the value are ones. */
static inline uint64_t fp_box_h(uint64_t bits) { return bits | UINT64_C(0xffffffffffff0000); }

static inline uint64_t fp_box_s(uint64_t bits) { return bits | UINT64_C(0xffffffff00000000); }

static inline uint64_t fp_box_d(uint64_t bits) { return bits; }

static inline uint64_t fp_unbox_h(uint64_t f) { return f >= UINT64_C(0xffffffffffff0000) ? f & 0xffff : FP_NAN_H; }

static inline uint64_t fp_unbox_s(uint64_t f) { return f >= UINT64_C(0xffffffff00000000) ? f & 0xffffffff : FP_NAN_S; }

static inline uint64_t fp_unbox_d(uint64_t f) { return f; }

/* Moves copy bits, whatever they mean: no box is checked. */
static inline uint64_t fp_mv_x_h(uint64_t f) { return (uint64_t)(int64_t)(int16_t)(uint16_t)f; }

static inline uint64_t fp_mv_x_w(uint64_t f) { return (uint64_t)(int64_t)(int32_t)(uint32_t)f; }

static inline uint64_t fp_mv_x_d(uint64_t f) { return f; }

static inline uint64_t fp_mv_h_x(uint64_t x) { return fp_box_h(x & 0xffff); }

static inline uint64_t fp_mv_w_x(uint64_t x) { return fp_box_s(x & 0xffffffff); }

static inline uint64_t fp_mv_d_x(uint64_t x) { return x; }

/* T without its box is `width` bits, the top one the sign. Sign injection never canonicalises a properly boxed NaN. */
#define FP_DEFINE_SGNJ(T, width)                                                                                       \
    static inline uint64_t fp_sgnj_##T(uint64_t a, uint64_t b)                                                         \
    {                                                                                                                  \
        uint64_t sign = UINT64_C(1) << (width - 1);                                                                    \
        return fp_box_##T((fp_unbox_##T(a) & ~sign) | (fp_unbox_##T(b) & sign));                                       \
    }                                                                                                                  \
    static inline uint64_t fp_sgnjn_##T(uint64_t a, uint64_t b)                                                        \
    {                                                                                                                  \
        uint64_t sign = UINT64_C(1) << (width - 1);                                                                    \
        return fp_box_##T((fp_unbox_##T(a) & ~sign) | (~fp_unbox_##T(b) & sign));                                      \
    }                                                                                                                  \
    static inline uint64_t fp_sgnjx_##T(uint64_t a, uint64_t b)                                                        \
    {                                                                                                                  \
        uint64_t sign = UINT64_C(1) << (width - 1);                                                                    \
        return fp_box_##T(fp_unbox_##T(a) ^ (fp_unbox_##T(b) & sign));                                                 \
    }

FP_DEFINE_SGNJ(h, 16)
FP_DEFINE_SGNJ(s, 32)
FP_DEFINE_SGNJ(d, 64)
#undef FP_DEFINE_SGNJ

/*
 * The list of the operations, for declarations, for the choice below, and for tests. Columns: shape of the parameters
 * (A, B, D operands, R rounding mode; every one has the context first) and name. FP_OPS_HOST holds what a host unit may
 * speed up.
 */
#define FP_OPS_HOST(X, T)                                                                                              \
    X(ABR, add_##T)                                                                                                    \
    X(ABR, sub_##T)                                                                                                    \
    X(ABR, mul_##T)                                                                                                    \
    X(ABR, div_##T)                                                                                                    \
    X(AR, sqrt_##T)                                                                                                    \
    X(ABDR, madd_##T)                                                                                                  \
    X(ABDR, msub_##T)                                                                                                  \
    X(ABDR, nmsub_##T)                                                                                                 \
    X(ABDR, nmadd_##T)                                                                                                 \
    X(AB, eq_##T)                                                                                                      \
    X(AB, lt_##T)                                                                                                      \
    X(AB, le_##T)                                                                                                      \
    X(AB, ltq_##T)                                                                                                     \
    X(AB, leq_##T)                                                                                                     \
    X(AR, cvt_w_##T)                                                                                                   \
    X(AR, cvt_wu_##T)                                                                                                  \
    X(AR, cvt_l_##T)                                                                                                   \
    X(AR, cvt_lu_##T)                                                                                                  \
    X(AR, cvt_##T##_w)                                                                                                 \
    X(AR, cvt_##T##_wu)                                                                                                \
    X(AR, cvt_##T##_l)                                                                                                 \
    X(AR, cvt_##T##_lu)                                                                                                \
    X(AR, round_##T)                                                                                                   \
    X(AR, roundnx_##T)

#define FP_OPS_SELECT(X, T)                                                                                            \
    X(AB, min_##T)                                                                                                     \
    X(AB, max_##T)                                                                                                     \
    X(AB, minm_##T)                                                                                                    \
    X(AB, maxm_##T)

#define FP_OPS_HOST_MIXED(X)                                                                                           \
    X(AR, cvt_s_d)                                                                                                     \
    X(AR, cvt_d_s)

#define FP_OPS_SOFT(X)                                                                                                 \
    X(AR, cvt_s_h)                                                                                                     \
    X(AR, cvt_h_s)                                                                                                     \
    X(AR, cvt_d_h)                                                                                                     \
    X(AR, cvt_h_d)                                                                                                     \
    X(A, cvtmod_w_d)

#define FP_PARAMS_A    struct fp_ctx *c, uint64_t a
#define FP_PARAMS_AR   struct fp_ctx *c, uint64_t a, unsigned rm
#define FP_PARAMS_AB   struct fp_ctx *c, uint64_t a, uint64_t b
#define FP_PARAMS_ABR  struct fp_ctx *c, uint64_t a, uint64_t b, unsigned rm
#define FP_PARAMS_ABDR struct fp_ctx *c, uint64_t a, uint64_t b, uint64_t d, unsigned rm
#define FP_SINK_A      (void)c, (void)a
#define FP_SINK_AR     FP_SINK_A, (void)rm
#define FP_SINK_AB     FP_SINK_A, (void)b
#define FP_SINK_ABR    FP_SINK_AB, (void)rm
#define FP_SINK_ABDR   FP_SINK_ABR, (void)d
#define FP_ARGS_A      c, a
#define FP_ARGS_AR     c, a, rm
#define FP_ARGS_AB     c, a, b
#define FP_ARGS_ABR    c, a, b, rm
#define FP_ARGS_ABDR   c, a, b, d, rm

/* fp_slow_NAME: the operation on softfp, correct at any time. */
#define FP_DECLARE_SLOW(shape, name) uint64_t fp_slow_##name(FP_PARAMS_##shape);
FP_OPS_HOST(FP_DECLARE_SLOW, h)
FP_OPS_SELECT(FP_DECLARE_SLOW, h)
FP_OPS_HOST(FP_DECLARE_SLOW, s)
FP_OPS_SELECT(FP_DECLARE_SLOW, s)
FP_OPS_HOST(FP_DECLARE_SLOW, d)
FP_OPS_SELECT(FP_DECLARE_SLOW, d)
FP_OPS_HOST_MIXED(FP_DECLARE_SLOW)
FP_OPS_SOFT(FP_DECLARE_SLOW)
#undef FP_DECLARE_SLOW

/* fp_try_NAME is fp_NAME without the way to softfp: instead it sets *punt, for a caller that has its own way there and wants no call
 * between itself and the host unit. It punts, too, where a reserved frm makes the mode illegal. */
static inline uint64_t hostfp_punt(bool *punt)
{
    *punt = true;
    return 0;
}

#define FP_DEFINE_WITH_SLOW(shape, name)                                                                               \
    static inline uint64_t fp_##name(FP_PARAMS_##shape)                                                                \
    {                                                                                                                  \
        bool punt = false;                                                                                             \
        uint64_t r = fp_try_##name(FP_ARGS_##shape, &punt);                                                            \
        return __builtin_expect(punt, 0) ? fp_slow_##name(FP_ARGS_##shape) : r;                                        \
    }

#define FP_USE_SLOW(shape, name)                                                                                       \
    static inline uint64_t fp_try_##name(FP_PARAMS_##shape, bool *punt)                                                \
    {                                                                                                                  \
        FP_SINK_##shape;                                                                                               \
        return hostfp_punt(punt);                                                                                      \
    }                                                                                                                  \
    FP_DEFINE_WITH_SLOW(shape, name)

FP_OPS_HOST(FP_USE_SLOW, h)
FP_OPS_SELECT(FP_USE_SLOW, h)
FP_OPS_SOFT(FP_USE_SLOW)

/* Numbers (not NaN) order like sign and magnitude, -0 below +0; `key` makes two's complement of that. */
#define FP_DEFINE_SELECT(T, type, utype, name, relation, infinity)                                                     \
    static inline uint64_t fp_try_##name##_##T(struct fp_ctx *c, uint64_t a, uint64_t b, bool *punt)                   \
    {                                                                                                                  \
        type x = (type)fp_unbox_##T(a), y = (type)fp_unbox_##T(b);                                                     \
        utype largest = (utype)-1 >> 1;                                                                                \
        if (__builtin_expect(((utype)x & largest) > infinity || ((utype)y & largest) > infinity, 0)) {                 \
            (void)c;                                                                                                   \
            return hostfp_punt(punt);                                                                                  \
        }                                                                                                              \
        type key_x = x < 0 ? (type)((utype)x ^ largest) : x, key_y = y < 0 ? (type)((utype)y ^ largest) : y;           \
        return fp_box_##T((utype)(key_x relation key_y ? x : y));                                                      \
    }

#define FP_DEFINE_SELECTS(T, type, utype, infinity)                                                                    \
    FP_DEFINE_SELECT(T, type, utype, min, <, infinity)                                                                 \
    FP_DEFINE_SELECT(T, type, utype, max, >, infinity)                                                                 \
    FP_DEFINE_SELECT(T, type, utype, minm, <, infinity)                                                                \
    FP_DEFINE_SELECT(T, type, utype, maxm, >, infinity)

FP_DEFINE_SELECTS(s, int32_t, uint32_t, 0x7f800000)
FP_DEFINE_SELECTS(d, int64_t, uint64_t, UINT64_C(0x7ff0000000000000))
FP_OPS_SELECT(FP_DEFINE_WITH_SLOW, s)
FP_OPS_SELECT(FP_DEFINE_WITH_SLOW, d)
#undef FP_DEFINE_SELECT
#undef FP_DEFINE_SELECTS

uint64_t fp_class_h(uint64_t a);
uint64_t fp_class_s(uint64_t a);
uint64_t fp_class_d(uint64_t a);
uint64_t fp_li_h(unsigned index);
uint64_t fp_li_s(unsigned index);
uint64_t fp_li_d(unsigned index);

#include "cpu/fp/hostfp.h" /* fp_NAME for the operations of FP_OPS_HOST in s and d, and FP_OPS_HOST_MIXED */

#endif
