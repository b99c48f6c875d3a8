/* Pairs that end in a control transfer. */
#include "cpu/interp_pairs.h"

EACH_BRANCH(BEFORE_BRANCH)
EACH_FIRST(PAIRS_JUMP, )

#define PLACE_JAL(a, b)     [FIRST_##a] = {pair_##a##_jal, pair_##a##_jal, pair_##a##_jal},
#define PLACE_JAL_FAR(a, b) [FIRST_##a] = {pair_##a##_jal_far, pair_##a##_jal_far, pair_##a##_jal_far},
#define PLACE_JALR(a, b)    [FIRST_##a] = {pair0_##a##_jalr, pair1_##a##_jalr, pair0_##a##_jalr},
pairs_before pairs_jal = {EACH_FIRST(PLACE_JAL, )};
pairs_before pairs_jal_far = {EACH_FIRST(PLACE_JAL_FAR, )};
pairs_before pairs_jalr = {EACH_FIRST(PLACE_JALR, )};
