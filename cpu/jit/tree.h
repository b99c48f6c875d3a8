/* What each row of isa/insn.def computes, as a tree of operators that a code generator can walk. Nothing is stated here that the rows
 * do not state: the macros below are the rows' operators in another reading. */
#ifndef ORRERY_CPU_JIT_TREE_H
#define ORRERY_CPU_JIT_TREE_H

#include "cpu/insn.h"
#include <stdint.h>

enum tree_op {
    /* leaves */
    T_RS1,
    T_RS2,
    T_IMM,
    T_PC,
    T_LOADED,
    T_CONST,
    T_FS1,
    T_FS2,
    T_FS3,
    /* of two */
    T_ADD,
    T_SUB,
    T_AND,
    T_OR,
    T_XOR,
    T_SLL,
    T_SRL,
    T_SRA,
    T_EQ,
    T_NE,
    T_LT,
    T_GE,
    T_LTU,
    T_GEU,
    T_MUL,
    T_MULH,
    T_MULHU,
    T_MULHSU,
    T_DIV,
    T_DIVU,
    T_REM,
    T_REMU,
    T_MIN,
    T_MAX,
    T_MINU,
    T_MAXU,
    T_ROL,
    T_ROR,
    T_ROL32,
    T_ROR32,
    T_CLMUL,
    T_CLMULH,
    T_CLMULR,
    /* of one */
    T_NOT,
    T_SX8,
    T_SX16,
    T_SX32,
    T_ZX16,
    T_ZX32,
    T_CLZ,
    T_CTZ,
    T_CPOP,
    T_REV8,
    T_ORCB,
    T_BOX16,
    T_BOX32,
    /* of three */
    T_SELECT,
    /* floating point: the function of cpu/fp/fp.h called `name` */
    T_FP,
};

struct tree {
    enum tree_op op;
    int64_t constant;
    const struct tree *a, *b, *c;
    const char *name;
};

struct row_trees {
    const struct tree *value;  /* of rd; a branch's condition; a JUMPR's target; what a STORE stores */
    const struct tree *stored; /* of an AMO */
    uint8_t bytes;             /* of an access */
    bool to_f;                 /* rd is an f register */
};

/* By insn_id; value is NULL for rows that are not values (NOP, SYS, SC, JUMP). */
extern const struct row_trees row_trees[INSN_COUNT];

#endif
