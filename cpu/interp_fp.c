/* Handlers of floating point. Three for an operation that rounds: by the instruction's mode, by frm, and towards zero (conversions). */
#include "cpu/interp.h"

/* d->imm: rounding mode, and the third source from bit 8. */
#define RM ((unsigned)d->imm & 7)

#define INSN_FP(id, needs, picture, operands, D, value, tag)                                                                                \
    HANDLER(fp_do_##id)                                                                                                                     \
    {                                                                                                                                       \
        SET_##D##_FLAGS(value);                                                                                                             \
        NEXT;                                                                                                                               \
    }
#define INSN_FPR(id, needs, picture, operands, D, value, tag) INSN_FP(id, needs, picture, operands, D, value, tag)
/* A result in an x register: flags may have been raised, so the state counts as dirty too. */
#define SET_X_FLAGS(value) (h->x[d->rd] = (value), h->fs_dirty = 1)
#define SET_F_FLAGS(value) SET_F(value)
#include "cpu/isa/insn.def"

#undef RM
#define RM FP_DYN
/* The host unit is set to frm and frm is no reserved mode: `fast` says both. */
#define INSN_FPR(id, needs, picture, operands, D, value, tag)                                                                               \
    SLOW(fp_dyn_##id##_slow)                                                                                                                \
    {                                                                                                                                       \
        if (!fp_rm_is_legal(FPU, FP_DYN)) BECOME(insn_illegal);                                                                             \
        BECOME(fp_do_##id);                                                                                                                 \
    }                                                                                                                                       \
    HANDLER(fp_dyn_##id)                                                                                                                    \
    {                                                                                                                                       \
        if (UNLIKELY(!(h->fp.fast >> FP_DYN & 1))) BECOME(fp_dyn_##id##_slow);                                                              \
        SET_##D##_FLAGS(value);                                                                                                             \
        NEXT;                                                                                                                               \
    }
#include "cpu/isa/insn.def"

#undef RM
#define RM FP_RTZ
#define INSN_FPR(id, needs, picture, operands, D, value, tag)                                                                               \
    HANDLER(fp_rtz_##id)                                                                                                                    \
    {                                                                                                                                       \
        SET_##D##_FLAGS(value);                                                                                                             \
        NEXT;                                                                                                                               \
    }
#include "cpu/isa/insn.def"

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
