/* Ways to go through insn.def without repeating its columns.
 *
 * Define ROW(id, needs, picture, operands, kind, tag) and include cpu/isa/each_row.h: one expansion per row, whatever its kind. */
#ifndef ORRERY_CPU_ISA_ROWS_H
#define ORRERY_CPU_ISA_ROWS_H

#include <stdint.h>

enum insn_id {
    INSN_ILLEGAL,
#define ROW(id, needs, picture, operands, kind, tag) INSN_##id,
#include "cpu/isa/each_row.h"
    INSN_COUNT
};

enum insn_kind {
    KIND_ALU,
    KIND_LOAD,
    KIND_STORE,
    KIND_BRANCH,
    KIND_JUMP,
    KIND_JUMPR,
    KIND_LR,
    KIND_SC,
    KIND_AMO,
    KIND_FP,
    KIND_FPR,
    KIND_NOP,
    KIND_SYS,
    KIND_C,
};

enum operand {
    OPERAND_END,
#define OPERAND(id, field, value, style) OPERAND_##id,
#include "cpu/isa/operand.def"
};

/* Fields of a pattern's `operands`. */
#define OPERANDS_MAX 7

/* What the generator makes of a picture and its operands. */
struct insn_pattern {
    uint32_t match, mask;               /* a 16-bit row has match and mask in the low half */
    uint8_t operands[OPERANDS_MAX + 1]; /* enum operand, ended by OPERAND_END */
    uint8_t nonzero;                    /* bit i: operands[i] must not be zero */
};

#endif
