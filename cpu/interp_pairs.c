/* Finds the handler of two instructions at once. */
#include "cpu/interp_pairs.h"

static const uint8_t first_of[INSN_COUNT] = {
#define PLACE_FIRST(a, b) [INSN_##a] = FIRST_##a,
    EACH_FIRST(PLACE_FIRST, ) EACH_FP(PLACE_FIRST, ) EACH_FP_COMPARE(PLACE_FIRST, )};

/* By second half, as an instruction's number. */
#define PLACE_BEFORE(b)    [INSN_##b] = &pairs_##b,
#define PLACE_FP_BEFORE(b) [INSN_##b] = &pairs_fp_##b,
static pairs_before *const before[INSN_COUNT] = {EACH_SECOND(PLACE_BEFORE) EACH_BRANCH(PLACE_BEFORE) PLACE_BEFORE(jal)
                                                     PLACE_BEFORE(jalr)};
static pairs_before *const before_fp[INSN_COUNT] = {
    EACH_FP_SECOND(PLACE_FP_BEFORE) EACH_AROUND_FP_SECOND(PLACE_FP_BEFORE) EACH_BRANCH(PLACE_FP_BEFORE)};

insn_fn *pair_handler(enum insn_id first, enum insn_id second, unsigned forward, bool far)
{
    unsigned a = first_of[first];
    pairs_before *table = far && second == INSN_jal ? &pairs_jal_far : before[second], *fp = before_fp[second];
    insn_fn *fn = table ? (*table)[a][forward] : NULL;
    return !fn && fp ? (*fp)[a][forward] : fn;
}
