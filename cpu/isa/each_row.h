/* Expands ROW(id, needs, picture, operands, kind, tag) for every row of insn.def, then forgets it. Included many times. */
#define INSN_ALU(id, needs, picture, operands, value, tag)        ROW(id, needs, picture, operands, ALU, tag)
#define INSN_LOAD(id, needs, picture, operands, n, d, value, tag) ROW(id, needs, picture, operands, LOAD, tag)
#define INSN_STORE(id, needs, picture, operands, n, value, tag)   ROW(id, needs, picture, operands, STORE, tag)
#define INSN_BRANCH(id, needs, picture, operands, condition, tag) ROW(id, needs, picture, operands, BRANCH, tag)
#define INSN_JUMP(id, needs, picture, operands, tag)              ROW(id, needs, picture, operands, JUMP, tag)
#define INSN_JUMPR(id, needs, picture, operands, target, tag)     ROW(id, needs, picture, operands, JUMPR, tag)
#define INSN_LR(id, needs, picture, operands, n, value, tag)      ROW(id, needs, picture, operands, LR, tag)
#define INSN_SC(id, needs, picture, operands, n, tag)             ROW(id, needs, picture, operands, SC, tag)
#define INSN_AMO(id, needs, picture, operands, n, v, stored, tag) ROW(id, needs, picture, operands, AMO, tag)
#define INSN_FP(id, needs, picture, operands, d, value, tag)      ROW(id, needs, picture, operands, FP, tag)
#define INSN_FPR(id, needs, picture, operands, d, value, tag)     ROW(id, needs, picture, operands, FPR, tag)
#define INSN_NOP(id, needs, picture, operands, tag)               ROW(id, needs, picture, operands, NOP, tag)
#define INSN_SYS(id, needs, picture, operands, tag)               ROW(id, needs, picture, operands, SYS, tag)
#define INSN_C(id, needs, picture, operands, base, fix, tag)      ROW(id, needs, picture, operands, C, tag)
#define REFINES(a, b)
#include "cpu/isa/insn.def"
#undef ROW
