/* The context that ties a hart's fcsr to the host unit, and the uniform operations on softfp. */
#include "cpu/fp/fp.h"

#include <string.h>

/* Which rm fields may use the host unit now: DYN and its own mode, if it is one that the unit has. */
static void choose_paths(struct fp_ctx *c)
{
    bool usable = c->entered && c->frm <= FP_RMM && (HOSTFP_MODES >> c->frm & 1);

    c->fast = usable ? 1u << FP_DYN | 1u << c->frm : 0;
    c->fast_fma = c->host_has_fma ? c->fast : 0;
    c->fast_round = c->entered && c->host_has_round ? c->fast | HOSTFP_MODES : 0;
}

static unsigned host_mode(const struct fp_ctx *c)
{
    return c->frm <= FP_RMM && (HOSTFP_MODES >> c->frm & 1) ? c->frm : FP_RNE;
}

void fp_init(struct fp_ctx *c)
{
    memset(c, 0, sizeof *c);
    c->host_has_fma = hostfp_has_fma();
    c->host_has_round = hostfp_has_round();
}

void fp_enter(struct fp_ctx *c)
{
    c->host_control = hostfp_control();
    c->entered = true;
    hostfp_set_control(hostfp_control_for(host_mode(c)));
    choose_paths(c);
}

static unsigned host_flags(const struct fp_ctx *c) { return c->entered ? hostfp_flags_in(hostfp_control()) : 0; }

void fp_leave(struct fp_ctx *c)
{
    c->raised |= host_flags(c);
    c->entered = false;
    hostfp_set_control(c->host_control);
    choose_paths(c);
}

unsigned fp_flags(const struct fp_ctx *c) { return c->flags | c->raised | host_flags(c); }

void fp_set_flags(struct fp_ctx *c, unsigned flags)
{
    c->flags = flags & 31;
    c->raised = 0;
    if (c->entered) hostfp_set_control(hostfp_control_for(host_mode(c)));
}

void fp_set_frm(struct fp_ctx *c, unsigned frm)
{
    c->raised |= host_flags(c);
    c->frm = frm & 7;
    if (c->entered) hostfp_set_control(hostfp_control_for(host_mode(c)));
    choose_paths(c);
}

bool fp_take_raised(struct fp_ctx *c)
{
    unsigned host = host_flags(c), raised = c->raised | host;
    if (!raised) return false;
    c->flags |= raised;
    c->raised = 0;
    if (host) hostfp_set_control(hostfp_control_for(host_mode(c)));
    return true;
}

static unsigned resolve(const struct fp_ctx *c, unsigned rm) { return rm == FP_DYN ? c->frm : rm; }

#define DEFINE_BINARY(T, F, op)                                                                                        \
    uint64_t fp_slow_##op##_##T(struct fp_ctx *c, uint64_t a, uint64_t b, unsigned rm)                                 \
    {                                                                                                                  \
        return fp_box_##T(softfp_##op(F, fp_unbox_##T(a), fp_unbox_##T(b), resolve(c, rm), &c->raised));               \
    }
#define DEFINE_FUSED(T, F, op)                                                                                         \
    uint64_t fp_slow_##op##_##T(struct fp_ctx *c, uint64_t a, uint64_t b, uint64_t d, unsigned rm)                     \
    {                                                                                                                  \
        return fp_box_##T(                                                                                             \
            softfp_##op(F, fp_unbox_##T(a), fp_unbox_##T(b), fp_unbox_##T(d), resolve(c, rm), &c->raised));            \
    }
#define DEFINE_UNARY(T, F, op)                                                                                         \
    uint64_t fp_slow_##op##_##T(struct fp_ctx *c, uint64_t a, unsigned rm)                                             \
    {                                                                                                                  \
        return fp_box_##T(softfp_##op(F, fp_unbox_##T(a), resolve(c, rm), &c->raised));                                \
    }
#define DEFINE_SELECT(T, F, op)                                                                                        \
    uint64_t fp_slow_##op##_##T(struct fp_ctx *c, uint64_t a, uint64_t b)                                              \
    {                                                                                                                  \
        return fp_box_##T(softfp_##op(F, fp_unbox_##T(a), fp_unbox_##T(b), &c->raised));                               \
    }
#define DEFINE_COMPARE(T, F, op)                                                                                       \
    uint64_t fp_slow_##op##_##T(struct fp_ctx *c, uint64_t a, uint64_t b)                                              \
    {                                                                                                                  \
        return softfp_##op(F, fp_unbox_##T(a), fp_unbox_##T(b), &c->raised);                                           \
    }
#define DEFINE_INTEGER(T, F, i, I)                                                                                     \
    uint64_t fp_slow_cvt_##i##_##T(struct fp_ctx *c, uint64_t a, unsigned rm)                                          \
    {                                                                                                                  \
        return softfp_to_int(F, I, fp_unbox_##T(a), resolve(c, rm), &c->raised);                                       \
    }                                                                                                                  \
    uint64_t fp_slow_cvt_##T##_##i(struct fp_ctx *c, uint64_t x, unsigned rm)                                          \
    {                                                                                                                  \
        return fp_box_##T(softfp_from_int(F, I, x, resolve(c, rm), &c->raised));                                       \
    }
#define DEFINE_PURE(T, F)                                                                                              \
    uint64_t fp_class_##T(uint64_t a) { return softfp_class(F, fp_unbox_##T(a)); }                                     \
    uint64_t fp_li_##T(unsigned index) { return fp_box_##T(softfp_li(F, index)); }
#define DEFINE_CONVERT(TO, TO_F, FROM, FROM_F)                                                                         \
    uint64_t fp_slow_cvt_##TO##_##FROM(struct fp_ctx *c, uint64_t a, unsigned rm)                                      \
    {                                                                                                                  \
        return fp_box_##TO(softfp_convert(TO_F, FROM_F, fp_unbox_##FROM(a), resolve(c, rm), &c->raised));              \
    }
#define DEFINE_FORMAT(T, F)                                                                                            \
    DEFINE_BINARY(T, F, add)                                                                                           \
    DEFINE_BINARY(T, F, sub)                                                                                           \
    DEFINE_BINARY(T, F, mul)                                                                                           \
    DEFINE_BINARY(T, F, div)                                                                                           \
    DEFINE_UNARY(T, F, sqrt)                                                                                           \
    DEFINE_UNARY(T, F, round)                                                                                          \
    DEFINE_UNARY(T, F, roundnx)                                                                                        \
    DEFINE_FUSED(T, F, madd)                                                                                           \
    DEFINE_FUSED(T, F, msub)                                                                                           \
    DEFINE_FUSED(T, F, nmsub)                                                                                          \
    DEFINE_FUSED(T, F, nmadd)                                                                                          \
    DEFINE_SELECT(T, F, min)                                                                                           \
    DEFINE_SELECT(T, F, max)                                                                                           \
    DEFINE_SELECT(T, F, minm)                                                                                          \
    DEFINE_SELECT(T, F, maxm)                                                                                          \
    DEFINE_COMPARE(T, F, eq)                                                                                           \
    DEFINE_COMPARE(T, F, lt)                                                                                           \
    DEFINE_COMPARE(T, F, le)                                                                                           \
    DEFINE_COMPARE(T, F, ltq)                                                                                          \
    DEFINE_COMPARE(T, F, leq)                                                                                          \
    DEFINE_INTEGER(T, F, w, FP_W)                                                                                      \
    DEFINE_INTEGER(T, F, wu, FP_WU)                                                                                    \
    DEFINE_INTEGER(T, F, l, FP_L)                                                                                      \
    DEFINE_INTEGER(T, F, lu, FP_LU)                                                                                    \
    DEFINE_PURE(T, F)

DEFINE_FORMAT(h, FP_H)
DEFINE_FORMAT(s, FP_S)
DEFINE_FORMAT(d, FP_D)
DEFINE_CONVERT(s, FP_S, d, FP_D)
DEFINE_CONVERT(d, FP_D, s, FP_S)
DEFINE_CONVERT(s, FP_S, h, FP_H)
DEFINE_CONVERT(h, FP_H, s, FP_S)
DEFINE_CONVERT(d, FP_D, h, FP_H)
DEFINE_CONVERT(h, FP_H, d, FP_D)

uint64_t fp_slow_cvtmod_w_d(struct fp_ctx *c, uint64_t a) { return softfp_cvtmod_w_d(a, &c->raised); }
