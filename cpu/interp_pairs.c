/* Handlers for two neighbouring instructions: one dispatch instead of two, and the first one's result stays in a host register for
 * the second. Nothing is stated anew here: both halves are the rows' own values, and each is done completely before the next begins, so
 * a miss in either goes on at that half's own handler. */
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
#define PC        (h->pc + 2u * d->rs2)

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
#define INSN_BRANCH(id, needs, picture, operands, condition, tag)                                                      \
    INLINE bool holds_##id(uint64_t rs1, uint64_t rs2) { return condition; }
#include "cpu/isa/insn.def"

/* ---- which pairs ----
 *
 * The most frequent neighbours in compiled code; what is not listed runs one by one. */
/* clang-format off */
#define EACH_FIRST(X, b)                                                                                               \
    X(addi, b) X(add, b) X(sub, b) X(and, b) X(andi, b) X(or, b) X(xor, b) X(slli, b) X(srli, b) X(addiw, b)           \
    X(addw, b) X(slliw, b) X(srliw, b) X(mulw, b) X(mul, b) X(lui, b) X(ld, b) X(lw, b) X(lbu, b) X(lh, b) X(lhu, b)   \
    X(sd, b) X(sw, b)
#define EACH_SECOND(X)                                                                                                 \
    X(addi) X(add) X(sub) X(and) X(andi) X(or) X(xor) X(slli) X(srli) X(addiw) X(addw) X(slliw) X(srliw) X(mulw)       \
    X(mul) X(ld) X(lw) X(lbu) X(lh) X(lhu) X(sd) X(sw) X(xori) X(sltu)
/* clang-format on */
#define EACH_BRANCH(X) X(beq) X(bne) X(blt) X(bge) X(bltu) X(bgeu)

#define FIRST_HALF(a)                                                                                                  \
    uint64_t result = 0;                                                                                               \
    if (UNLIKELY(!half_##a(h, d, bank, h->x[d->rs1], h->x[d->rs2], &result)))                                          \
        TAIL_RETURN mem_handlers[INSN_##a](h, d, bank);                                                                \
    d++;

#define PAIR(name, a, b, source1, source2)                                                                             \
    HANDLER(name)                                                                                                      \
    {                                                                                                                  \
        FIRST_HALF(a)                                                                                                  \
        uint64_t last;                                                                                                 \
        if (UNLIKELY(!half_##b(h, d, bank, source1, source2, &last))) TAIL_RETURN mem_handlers[INSN_##b](h, d, bank);  \
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

#define PAIRS(a, b)                                                                                                    \
    PAIR(pair0_##a##_##b, a, b, h->x[d->rs1], h->x[d->rs2])                                                            \
    PAIR(pair1_##a##_##b, a, b, result, h->x[d->rs2])                                                                  \
    PAIR(pair2_##a##_##b, a, b, h->x[d->rs1], result)
#define PAIRS_BRANCH(a, b)                                                                                             \
    PAIR_BRANCH(pair0_##a##_##b, a, b, h->x[d->rs1], h->x[d->rs2])                                                     \
    PAIR_BRANCH(pair1_##a##_##b, a, b, result, h->x[d->rs2])                                                           \
    PAIR_BRANCH(pair2_##a##_##b, a, b, h->x[d->rs1], result)
#define PAIRS_WITH(b)        EACH_FIRST(PAIRS, b)
#define PAIRS_WITH_BRANCH(b) EACH_FIRST(PAIRS_BRANCH, b)
EACH_SECOND(PAIRS_WITH)
EACH_BRANCH(PAIRS_WITH_BRANCH)

/* ---- finding them ---- */

enum first {
    NO_FIRST,
#define PLACE(a, b) FIRST_##a,
    EACH_FIRST(PLACE, )
#undef PLACE
        FIRST_COUNT
};
enum second {
    NO_SECOND,
#define PLACE(b) SECOND_##b,
    EACH_SECOND(PLACE) EACH_BRANCH(PLACE)
#undef PLACE
        SECOND_COUNT
};

static const uint8_t first_of[INSN_COUNT] = {
#define PLACE(a, b) [INSN_##a] = FIRST_##a,
    EACH_FIRST(PLACE, )
#undef PLACE
};
static const uint8_t second_of[INSN_COUNT] = {
#define PLACE(b) [INSN_##b] = SECOND_##b,
    EACH_SECOND(PLACE) EACH_BRANCH(PLACE)
#undef PLACE
};

static insn_fn *const pairs[SECOND_COUNT][FIRST_COUNT][3] = {
#define PLACE(a, b)   [SECOND_##b][FIRST_##a] = {pair0_##a##_##b, pair1_##a##_##b, pair2_##a##_##b},
#define PLACE_WITH(b) EACH_FIRST(PLACE, b)
    EACH_SECOND(PLACE_WITH) EACH_BRANCH(PLACE_WITH)};

insn_fn *pair_handler(enum insn_id first, enum insn_id second, unsigned forward)
{
    return pairs[second_of[second]][first_of[first]][forward];
}
