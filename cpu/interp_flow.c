/* Handlers of control transfer, the ends of blocks, and what happens when the next block cannot simply be entered. */
#include "cpu/interp.h"

const struct block block_unlinked = {.count = BLOCK_DEAD};

/* Of a branch or jump: its block's length in half-words, so that h->pc + 2 * it is the address of the next instruction. */
#define BRANCH_HALVES d->rd
#define JUMP_HALVES   d->rs1
#define JUMPR_HALVES  d->rs2

/* A jump to an address that is not a multiple of four while C is off traps at the jump: norm:instr_addr_misaligned_excep */
static const struct dinsn *misaligned_target(struct hart *h, const struct dinsn *d, gva_t target)
{
    return insn_trap(h, d, &(struct trap){.cause = CAUSE_FETCH_MISALIGNED, .tval = target});
}
SLOW(misaligned_relative)
{
    (void)bank;
    return misaligned_target(h, d, h->pc + IMM);
}
SLOW(misaligned_indirect)
{
    (void)bank;
    return misaligned_target(h, d, AND(ADD(RS1, IMM), CONST(-2)));
}

#define INSN_BRANCH(id, needs, picture, operands, condition, tag)                                                      \
    HANDLER(flow_##id)                                                                                                 \
    {                                                                                                                  \
        if (condition) {                                                                                               \
            h->pc += IMM;                                                                                              \
            FOLLOW(d + 2);                                                                                             \
        }                                                                                                              \
        h->pc += 2u * BRANCH_HALVES;                                                                                   \
        FOLLOW(d + 1);                                                                                                 \
    }                                                                                                                  \
    HANDLER(flow_##id##_far) { GO_TO(h->pc + ((condition) ? IMM : 2u * BRANCH_HALVES)); }                              \
    HANDLER(flow_##id##_misaligned)                                                                                    \
    {                                                                                                                  \
        if (condition) BECOME(misaligned_relative);                                                                    \
        GO_TO(h->pc + 2u * BRANCH_HALVES);                                                                             \
    }

#define INSN_JUMP(id, needs, picture, operands, tag)                                                                   \
    HANDLER(flow_##id)                                                                                                 \
    {                                                                                                                  \
        SET_X(h->pc + 2u * JUMP_HALVES);                                                                               \
        h->pc += IMM;                                                                                                  \
        FOLLOW(d + 1);                                                                                                 \
    }                                                                                                                  \
    HANDLER(flow_##id##_far)                                                                                           \
    {                                                                                                                  \
        SET_X(h->pc + 2u * JUMP_HALVES);                                                                               \
        GO_TO(h->pc + IMM);                                                                                            \
    }

#define INSN_JUMPR(id, needs, picture, operands, value, tag)                                                           \
    HANDLER(flow_##id##_far)                                                                                           \
    {                                                                                                                  \
        uint64_t target = value;                                                                                       \
        SET_X(h->pc + 2u * JUMPR_HALVES);                                                                              \
        GO_TO(target);                                                                                                 \
    }                                                                                                                  \
    HANDLER(flow_##id##_misaligned)                                                                                    \
    {                                                                                                                  \
        uint64_t target = value;                                                                                       \
        if (target & 2) BECOME(misaligned_indirect);                                                                   \
        SET_X(h->pc + 2u * JUMPR_HALVES);                                                                              \
        GO_TO(target);                                                                                                 \
    }
#include "cpu/isa/insn.def"

insn_fn *const flow_handlers[INSN_COUNT] = {
#define INSN_BRANCH(id, needs, picture, operands, condition, tag) [INSN_##id] = flow_##id,
#define INSN_JUMP(id, needs, picture, operands, tag)              [INSN_##id] = flow_##id,
#include "cpu/isa/insn.def"
};
insn_fn *const flow_handlers_far[INSN_COUNT] = {
#define INSN_BRANCH(id, needs, picture, operands, condition, tag) [INSN_##id] = flow_##id##_far,
#define INSN_JUMP(id, needs, picture, operands, tag)              [INSN_##id] = flow_##id##_far,
#define INSN_JUMPR(id, needs, picture, operands, value, tag)      [INSN_##id] = flow_##id##_far,
#include "cpu/isa/insn.def"
};
insn_fn *const flow_handlers_misaligned[INSN_COUNT] = {
#define INSN_BRANCH(id, needs, picture, operands, condition, tag) [INSN_##id] = flow_##id##_misaligned,
#define INSN_JUMP(id, needs, picture, operands, tag)              [INSN_##id] = misaligned_relative,
#define INSN_JUMPR(id, needs, picture, operands, value, tag)      [INSN_##id] = flow_##id##_misaligned,
#include "cpu/isa/insn.def"
};

/* The fall slot as an instruction; the taken slot's imm holds the block's bytes. */
const struct dinsn *block_end(HANDLER_ARGS)
{
    h->pc += (uint64_t)d[1].imm;
    FOLLOW(d);
}
const struct dinsn *block_end_far(HANDLER_ARGS) { GO_TO(h->pc + (uint64_t)d[1].imm); }

/* ---- the way out of a block that was left on its usual path ---- */

/* d is the first instruction of a block that the budget did not allow, or that is dead. */
__attribute__((cold)) const struct dinsn *enter_refused(HANDLER_ARGS)
{
    (void)bank;
    h->budget += block_of(d)->count;
    return NULL;
}

/* The same through a slot: its link may not have been made yet. */
__attribute__((cold)) const struct dinsn *link_refused(HANDLER_ARGS)
{
    h->budget += d->link->count;
    if (d->link->count != BLOCK_DEAD) return NULL;
    const struct block *b = run_look_up(h);
    if (!b) return NULL;
    if (b != h->engine->scratch && !b->straddles) ((struct dinsn *)d)->link = b;
    if (b->count > h->budget) return NULL;
    h->budget -= b->count;
    CONTINUE(b->code);
}

/* No block in the jump cache for h->pc. */
__attribute__((cold)) const struct dinsn *jump_missed(HANDLER_ARGS)
{
    (void)d;
    const struct block *b = run_look_up(h);
    if (!b || b->count > h->budget) return NULL;
    h->budget -= b->count;
    CONTINUE(b->code);
}
