/* The trees of the rows. */
#include "cpu/jit/tree.h"

#define LEAF(o)        (&(const struct tree){.op = (o)})
#define NODE1(o, x)    (&(const struct tree){.op = (o), .a = (x)})
#define NODE2(o, x, y) (&(const struct tree){.op = (o), .a = (x), .b = (y)})

#define RS1      LEAF(T_RS1)
#define RS2      LEAF(T_RS2)
#define IMM      LEAF(T_IMM)
#define PC       LEAF(T_PC)
#define LOADED   LEAF(T_LOADED)
#define FS1      LEAF(T_FS1)
#define FS2      LEAF(T_FS2)
#define FS3      LEAF(T_FS3)
#define CONST(n) (&(const struct tree){.op = T_CONST, .constant = (int64_t)(n)})

#define ADD(x, y)    NODE2(T_ADD, x, y)
#define SUB(x, y)    NODE2(T_SUB, x, y)
#define AND(x, y)    NODE2(T_AND, x, y)
#define OR(x, y)     NODE2(T_OR, x, y)
#define XOR(x, y)    NODE2(T_XOR, x, y)
#define SLL(x, y)    NODE2(T_SLL, x, y)
#define SRL(x, y)    NODE2(T_SRL, x, y)
#define SRA(x, y)    NODE2(T_SRA, x, y)
#define EQ(x, y)     NODE2(T_EQ, x, y)
#define NE(x, y)     NODE2(T_NE, x, y)
#define LT(x, y)     NODE2(T_LT, x, y)
#define GE(x, y)     NODE2(T_GE, x, y)
#define LTU(x, y)    NODE2(T_LTU, x, y)
#define GEU(x, y)    NODE2(T_GEU, x, y)
#define MUL(x, y)    NODE2(T_MUL, x, y)
#define MULH(x, y)   NODE2(T_MULH, x, y)
#define MULHU(x, y)  NODE2(T_MULHU, x, y)
#define MULHSU(x, y) NODE2(T_MULHSU, x, y)
#define DIV(x, y)    NODE2(T_DIV, x, y)
#define DIVU(x, y)   NODE2(T_DIVU, x, y)
#define REM(x, y)    NODE2(T_REM, x, y)
#define REMU(x, y)   NODE2(T_REMU, x, y)
#define MIN(x, y)    NODE2(T_MIN, x, y)
#define MAX(x, y)    NODE2(T_MAX, x, y)
#define MINU(x, y)   NODE2(T_MINU, x, y)
#define MAXU(x, y)   NODE2(T_MAXU, x, y)
#define ROL(x, y)    NODE2(T_ROL, x, y)
#define ROR(x, y)    NODE2(T_ROR, x, y)
#define ROL32(x, y)  NODE2(T_ROL32, x, y)
#define ROR32(x, y)  NODE2(T_ROR32, x, y)
#define CLMUL(x, y)  NODE2(T_CLMUL, x, y)
#define CLMULH(x, y) NODE2(T_CLMULH, x, y)
#define CLMULR(x, y) NODE2(T_CLMULR, x, y)
#define NOT(x)       NODE1(T_NOT, x)
#define SX8(x)       NODE1(T_SX8, x)
#define SX16(x)      NODE1(T_SX16, x)
#define SX32(x)      NODE1(T_SX32, x)
#define ZX16(x)      NODE1(T_ZX16, x)
#define ZX32(x)      NODE1(T_ZX32, x)
#define CLZ(x)       NODE1(T_CLZ, x)
#define CTZ(x)       NODE1(T_CTZ, x)
#define CPOP(x)      NODE1(T_CPOP, x)
#define REV8(x)      NODE1(T_REV8, x)
#define ORCB(x)      NODE1(T_ORCB, x)
#define BOX16(x)     NODE1(T_BOX16, x)
#define BOX32(x)     NODE1(T_BOX32, x)

#define SELECT(condition, x, y) (&(const struct tree){.op = T_SELECT, .a = (condition), .b = (x), .c = (y)})

#define FP_ROUND1(n, x)       (&(const struct tree){.op = T_FP, .name = #n, .a = (x)})
#define FP_ROUND2(n, x, y)    (&(const struct tree){.op = T_FP, .name = #n, .a = (x), .b = (y)})
#define FP_ROUND3(n, x, y, z) (&(const struct tree){.op = T_FP, .name = #n, .a = (x), .b = (y), .c = (z)})
#define FP_EXACT1             FP_ROUND1
#define FP_EXACT2             FP_ROUND2
#define FP_PURE1              FP_ROUND1
#define FP_PURE2              FP_ROUND2

#define IS_X false
#define IS_F true

const struct row_trees row_trees[INSN_COUNT] = {
#define INSN_ALU(id, needs, picture, operands, v, tag)        [INSN_##id] = {.value = v},
#define INSN_LOAD(id, needs, picture, operands, n, D, v, tag) [INSN_##id] = {.value = v, .bytes = n, .to_f = IS_##D},
#define INSN_STORE(id, needs, picture, operands, n, v, tag)   [INSN_##id] = {.value = v, .bytes = n},
#define INSN_BRANCH(id, needs, picture, operands, v, tag)     [INSN_##id] = {.value = v},
#define INSN_JUMPR(id, needs, picture, operands, v, tag)      [INSN_##id] = {.value = v},
#define INSN_AMO(id, needs, picture, operands, n, v, s, tag)  [INSN_##id] = {.value = v, .stored = s, .bytes = n},
#define INSN_LR(id, needs, picture, operands, n, v, tag)      [INSN_##id] = {.value = v, .bytes = n},
#define INSN_SC(id, needs, picture, operands, n, tag)         [INSN_##id] = {.bytes = n},
#define INSN_FP(id, needs, picture, operands, D, v, tag)      [INSN_##id] = {.value = v, .to_f = IS_##D},
#define INSN_FPR(id, needs, picture, operands, D, v, tag)     [INSN_##id] = {.value = v, .to_f = IS_##D},
#include "cpu/isa/insn.def"
};
