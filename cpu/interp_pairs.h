/* Handlers for two neighbouring instructions: one dispatch instead of two, and the first one's result stays in a host register for
 * the second. Nothing is stated anew here: both halves are the rows' own values, and each is done completely before the next begins, so
 * a miss in either goes on at that half's own handler.
 *
 * They are thousands of functions, so several files share the work of compiling them: interp_pairs_*.c, each with some of the second
 * halves. interp_pairs.c finds a handler. */
#ifndef ORRERY_CPU_INTERP_PAIRS_H
#define ORRERY_CPU_INTERP_PAIRS_H

#include "cpu/interp.h"

#define INLINE __attribute__((always_inline)) static inline

/* The sources come as parameters. */
#undef RS1
#undef RS2
#define RS1 rs1
#define RS2 rs2

#define HALF_ARGS                                                                                                      \
    struct hart *h, const struct dinsn *d, const struct data_bank *bank, uint64_t rs1, uint64_t rs2, uint64_t *result
#define HALF_SINK (void)h, (void)d, (void)bank, (void)rs1, (void)rs2, (void)result
#define PC        h->pc

#define HITS(entry, va, bytes) LIKELY(((va) & (GUEST_PAGE_MASK | ((bytes)-1))) == (entry)->tag)
#define HOST(entry, va)        ((uint8_t *)(uintptr_t)((va) + (entry)->addend))

/* half_ID: does the instruction; false if it has to take its slow path and has done nothing. */
#define INSN_ALU(id, needs, picture, operands, value, tag)                                                             \
    INLINE bool half_##id(HALF_ARGS)                                                                                   \
    {                                                                                                                  \
        HALF_SINK;                                                                                                     \
        h->x[d->rd] = *result = value;                                                                                 \
        return true;                                                                                                   \
    }
/* The row's handler of its own. */
#define OWN(id, table)                                                                                                 \
    INLINE insn_fn *own_##id(void) { return table[INSN_##id]; }
#define TAKE_X(value) h->x[d->rd] = *result = (value)
#define TAKE_F(value) SET_F(value)
#define INSN_LOAD(id, needs, picture, operands, bytes, D, value, tag)                                                  \
    INLINE bool half_##id(HALF_ARGS)                                                                                   \
    {                                                                                                                  \
        HALF_SINK;                                                                                                     \
        gva_t va = RS1 + IMM;                                                                                          \
        const struct tlb_entry *e = &bank->read[tlb_index(va)];                                                        \
        if (!HITS(e, va, bytes)) return false;                                                                         \
        uint64_t LOADED = load_le(HOST(e, va), bytes);                                                                 \
        TAKE_##D(value);                                                                                               \
        return true;                                                                                                   \
    }
#define INSN_STORE(id, needs, picture, operands, bytes, value, tag)                                                    \
    INLINE bool half_##id(HALF_ARGS)                                                                                   \
    {                                                                                                                  \
        HALF_SINK;                                                                                                     \
        gva_t va = RS1 + IMM;                                                                                          \
        const struct tlb_entry *e = &bank->write[tlb_index(va)];                                                       \
        if (!HITS(e, va, bytes)) return false;                                                                         \
        store_le(HOST(e, va), bytes, value);                                                                           \
        return true;                                                                                                   \
    }
/* Of the rounding ones, those that round as frm says. */
#define RM                 FP_DYN
#define FP_CALL(name, ...) fp_try_##name(FPU, __VA_ARGS__, &punt)
#define HALF_FP(id, D, value)                                                                                          \
    INLINE bool half_##id(HALF_ARGS)                                                                                   \
    {                                                                                                                  \
        HALF_SINK;                                                                                                     \
        bool punt = false;                                                                                             \
        uint64_t computed = value;                                                                                     \
        if (UNLIKELY(punt)) return false;                                                                              \
        TAKE_##D(computed);                                                                                            \
        return true;                                                                                                   \
    }
#define INSN_FP(id, needs, picture, operands, D, value, tag)  HALF_FP(id, D, value)
#define INSN_FPR(id, needs, picture, operands, D, value, tag) HALF_FP(id, D, value)
#define INSN_BRANCH(id, needs, picture, operands, condition, tag)                                                      \
    INLINE bool holds_##id(uint64_t rs1, uint64_t rs2) { return condition; }
#define INSN_JUMPR(id, needs, picture, operands, value, tag)                                                           \
    INLINE uint64_t target_##id(const struct dinsn *d, uint64_t rs1) { return value; }
#include "cpu/isa/insn.def"

#define INSN_ALU(id, needs, picture, operands, value, tag)            OWN(id, alu_handlers)
#define INSN_LOAD(id, needs, picture, operands, bytes, D, value, tag) OWN(id, mem_handlers)
#define INSN_STORE(id, needs, picture, operands, bytes, value, tag)   OWN(id, mem_handlers)
#define INSN_FP(id, needs, picture, operands, D, value, tag)          OWN(id, fp_handlers)
#define INSN_FPR(id, needs, picture, operands, D, value, tag)         OWN(id, fp_handlers_dyn)
#include "cpu/isa/insn.def"

/* ---- which pairs ----
 *
 * The most frequent neighbours in compiled code, user programs' and kernels'; what is not listed runs one by one. A list of firsts is
 * combined with every row of the lists of seconds that belong to it. */
/* clang-format off */
#define EACH_FIRST(X, b)                                                                                               \
    X(addi, b) X(add, b) X(sub, b) X(and, b) X(andi, b) X(or, b) X(xor, b) X(slli, b) X(srli, b) X(addiw, b)           \
    X(addw, b) X(slliw, b) X(srliw, b) X(mulw, b) X(mul, b) X(lui, b) X(ld, b) X(lw, b) X(lbu, b) X(lh, b) X(lhu, b)   \
    X(sd, b) X(sw, b) X(sb, b) X(sltu, b) X(xori, b) X(subw, b) X(sltiu, b) X(auipc, b)
#define EACH_SECOND_1(X) X(addi) X(add) X(sub) X(and) X(andi) X(or) X(xor)
#define EACH_SECOND_2(X) X(slli) X(srli) X(addiw) X(addw) X(slliw) X(srliw) X(mulw)
#define EACH_SECOND_3(X) X(mul) X(ld) X(lw) X(lbu) X(lh) X(lhu) X(sd)
#define EACH_SECOND_4(X) X(sw) X(xori) X(sltu) X(sb) X(subw) X(sltiu)
#define EACH_SECOND(X)   EACH_SECOND_1(X) EACH_SECOND_2(X) EACH_SECOND_3(X) EACH_SECOND_4(X)

/* Floating point goes with itself, with the memory accesses of it, and with what steps pointers and counters. */
#define EACH_FP_MEMORY(X, b) X(fld, b) X(flw, b) X(fsd, b) X(fsw, b)
#define EACH_FP(X, b)                                                                                                  \
    EACH_FP_MEMORY(X, b) X(fadd_d, b) X(fsub_d, b) X(fmul_d, b) X(fmadd_d, b) X(fmsub_d, b) X(fnmsub_d, b)             \
    X(fsgnj_d, b) X(fadd_s, b) X(fsub_s, b) X(fmul_s, b) X(fmadd_s, b) X(fsgnj_s, b)
#define EACH_FP_SECOND(X)                                                                                              \
    X(fld) X(flw) X(fsd) X(fsw) X(fadd_d) X(fsub_d) X(fmul_d) X(fmadd_d) X(fmsub_d) X(fnmsub_d) X(fsgnj_d) X(fadd_s)   \
    X(fsub_s) X(fmul_s) X(fmadd_s) X(fsgnj_s)
#define EACH_AROUND_FP(X, b) X(addi, b) X(add, b) X(addiw, b) X(slli, b) X(ld, b) X(lw, b)
#define EACH_AROUND_FP_SECOND(X) X(addi) X(add) X(addiw) X(slli) X(ld) X(lw)
#define EACH_FP_COMPARE(X, b) X(feq_d, b) X(flt_d, b) X(fle_d, b) X(feq_s, b) X(flt_s, b) X(fle_s, b)
/* clang-format on */
#define EACH_ZERO_BRANCH(X)  X(beq) X(bne)
#define EACH_ORDER_BRANCH(X) X(blt) X(bge) X(bltu) X(bgeu)
#define EACH_BRANCH(X)       EACH_ZERO_BRANCH(X) EACH_ORDER_BRANCH(X)

#define FIRST_HALF(a)                                                                                                  \
    uint64_t result = 0;                                                                                               \
    if (UNLIKELY(!half_##a(h, d, bank, h->x[d->rs1], h->x[d->rs2], &result))) TAIL_RETURN own_##a()(h, d, bank);       \
    d++;

#define PAIR(name, a, b, source1, source2)                                                                             \
    HANDLER(name)                                                                                                      \
    {                                                                                                                  \
        FIRST_HALF(a)                                                                                                  \
        uint64_t last;                                                                                                 \
        if (UNLIKELY(!half_##b(h, d, bank, source1, source2, &last))) TAIL_RETURN own_##b()(h, d, bank);               \
        NEXT;                                                                                                          \
    }
#define PAIR_BRANCH(name, a, b, source1, source2)                                                                      \
    HANDLER(name)                                                                                                      \
    {                                                                                                                  \
        FIRST_HALF(a)                                                                                                  \
        if (holds_##b(source1, source2)) {                                                                             \
            h->pc += IMM;                                                                                              \
            FOLLOW(d + 2);                                                                                             \
        }                                                                                                              \
        h->pc += 2u * d->rd;                                                                                           \
        FOLLOW(d + 1);                                                                                                 \
    }
/* Jumps keep their half-words to the block's end where interp_flow.c has them. */
#define PAIR_JUMP(name, a, go)                                                                                         \
    HANDLER(name)                                                                                                      \
    {                                                                                                                  \
        FIRST_HALF(a)                                                                                                  \
        (void)result;                                                                                                  \
        SET_X(h->pc + 2u * d->rs1);                                                                                    \
        go;                                                                                                            \
    }
#define PAIR_JUMPR(name, a, b, source1)                                                                                \
    HANDLER(name)                                                                                                      \
    {                                                                                                                  \
        FIRST_HALF(a)                                                                                                  \
        uint64_t target = target_##b(d, source1);                                                                      \
        SET_X(h->pc + 2u * d->rs2);                                                                                    \
        GO_TO(target);                                                                                                 \
    }

/* By what the second forwards: nothing, the first one's result as its first source, or as its second. */
#define PAIRS(a, b)                                                                                                    \
    PAIR(pair0_##a##_##b, a, b, h->x[d->rs1], h->x[d->rs2])                                                            \
    PAIR(pair1_##a##_##b, a, b, result, h->x[d->rs2])                                                                  \
    PAIR(pair2_##a##_##b, a, b, h->x[d->rs1], result)
#define PAIRS_BRANCH(a, b)                                                                                             \
    PAIR_BRANCH(pair0_##a##_##b, a, b, h->x[d->rs1], h->x[d->rs2])                                                     \
    PAIR_BRANCH(pair1_##a##_##b, a, b, result, h->x[d->rs2])                                                           \
    PAIR_BRANCH(pair2_##a##_##b, a, b, h->x[d->rs1], result)
#define PAIRS_FROM_FP(a, b)        PAIR(pair0_##a##_##b, a, b, h->x[d->rs1], h->x[d->rs2])
#define PAIRS_FROM_FP_BRANCH(a, b) PAIR_BRANCH(pair0_##a##_##b, a, b, h->x[d->rs1], h->x[d->rs2])
#define PAIRS_JUMP(a, unused)                                                                                          \
    PAIR_JUMP(pair_##a##_jal, a, h->pc += IMM; FOLLOW(d + 1))                                                          \
    PAIR_JUMP(pair_##a##_jal_far, a, GO_TO(h->pc + IMM))                                                               \
    PAIR_JUMPR(pair0_##a##_jalr, a, jalr, h->x[d->rs1])                                                                \
    PAIR_JUMPR(pair1_##a##_jalr, a, jalr, result)

/* ---- the tables ----
 *
 * pairs_ID holds what goes before ID, by first half and by what is forwarded; pairs_fp_ID what goes before it of floating point. */

enum first {
    NO_FIRST,
#define PLACE(a, b) FIRST_##a,
    EACH_FIRST(PLACE, ) EACH_FP(PLACE, ) EACH_FP_COMPARE(PLACE, )
#undef PLACE
        FIRST_COUNT
};

typedef insn_fn *const pairs_before[FIRST_COUNT][3];

#define PLACE(a, b)      [FIRST_##a] = {pair0_##a##_##b, pair1_##a##_##b, pair2_##a##_##b},
#define PLACE_SAME(a, b) [FIRST_##a] = {pair0_##a##_##b, pair0_##a##_##b, pair0_##a##_##b},

/* All firsts before b: handlers and table. */
#define BEFORE(b)                                                                                                      \
    EACH_FIRST(PAIRS, b)                                                                                               \
    pairs_before pairs_##b = {EACH_FIRST(PLACE, b)};
#define BEFORE_BRANCH(b)                                                                                               \
    EACH_FIRST(PAIRS_BRANCH, b)                                                                                        \
    pairs_before pairs_##b = {EACH_FIRST(PLACE, b)};

#define DECLARE(b)    extern pairs_before pairs_##b;
#define DECLARE_FP(b) extern pairs_before pairs_fp_##b;
EACH_SECOND(DECLARE)
EACH_BRANCH(DECLARE)
DECLARE(jal)
DECLARE(jal_far)
DECLARE(jalr)
EACH_FP_SECOND(DECLARE_FP)
EACH_AROUND_FP_SECOND(DECLARE_FP)
EACH_BRANCH(DECLARE_FP)
#undef DECLARE
#undef DECLARE_FP

#endif
