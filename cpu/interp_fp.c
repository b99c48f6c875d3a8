/* Handlers of floating point. For an operation that rounds there are three: by frm, towards zero (conversions), and by whatever mode the
 * instruction names. What the host unit cannot do goes to the row's slow handler, and so to softfp. */
#include "cpu/interp.h"

/* d->imm: rounding mode, and the third source from bit 8. */
#define RM_OF_INSN ((unsigned)d->imm & 7)

/* ---- slow: any rounding mode, any operand ---- */

#define RM                 RM_OF_INSN
#define FP_CALL(name, ...) fp_slow_##name(FPU, __VA_ARGS__)
#define INSN_FP(id, needs, picture, operands, D, value, tag)                                                           \
    SLOW(fp_slow_do_##id)                                                                                              \
    {                                                                                                                  \
        SET_##D(value);                                                                                                \
        NEXT;                                                                                                          \
    }
/* norm:roundingmode_rsv: DYN while frm is reserved is illegal */
#define INSN_FPR(id, needs, picture, operands, D, value, tag)                                                          \
    SLOW(fp_slow_do_##id)                                                                                              \
    {                                                                                                                  \
        if (!fp_rm_is_legal(FPU, RM)) BECOME(insn_illegal);                                                            \
        SET_##D(value);                                                                                                \
        NEXT;                                                                                                          \
    }
#include "cpu/isa/insn.def"
#undef RM
#undef FP_CALL

/* ---- fast ---- */

#define FP_CALL(name, ...) fp_try_##name(FPU, __VA_ARGS__, &punt)
#define FP_HANDLER(prefix, id, D, value)                                                                               \
    HANDLER(prefix##_##id)                                                                                             \
    {                                                                                                                  \
        bool punt = false;                                                                                             \
        uint64_t result = value;                                                                                       \
        if (UNLIKELY(punt)) BECOME(fp_slow_do_##id);                                                                   \
        SET_##D(result);                                                                                               \
        NEXT;                                                                                                          \
    }

#define RM                                                    RM_OF_INSN
#define INSN_FP(id, needs, picture, operands, D, value, tag)  FP_HANDLER(fp_do, id, D, value)
#define INSN_FPR(id, needs, picture, operands, D, value, tag) FP_HANDLER(fp_do, id, D, value)
#include "cpu/isa/insn.def"
#undef RM

#define RM                                                    FP_DYN
#define INSN_FPR(id, needs, picture, operands, D, value, tag) FP_HANDLER(fp_dyn, id, D, value)
#include "cpu/isa/insn.def"
#undef RM

#define RM                                                    FP_RTZ
#define INSN_FPR(id, needs, picture, operands, D, value, tag) FP_HANDLER(fp_rtz, id, D, value)
#include "cpu/isa/insn.def"
#undef RM

insn_fn *const fp_handlers[INSN_COUNT] = {
#define INSN_FP(id, needs, picture, operands, D, value, tag)  [INSN_##id] = fp_do_##id,
#define INSN_FPR(id, needs, picture, operands, D, value, tag) [INSN_##id] = fp_do_##id,
#include "cpu/isa/insn.def"
};
insn_fn *const fp_handlers_dyn[INSN_COUNT] = {
#define INSN_FPR(id, needs, picture, operands, D, value, tag) [INSN_##id] = fp_dyn_##id,
#include "cpu/isa/insn.def"
};
insn_fn *const fp_handlers_rtz[INSN_COUNT] = {
#define INSN_FPR(id, needs, picture, operands, D, value, tag) [INSN_##id] = fp_rtz_##id,
#include "cpu/isa/insn.def"
};
