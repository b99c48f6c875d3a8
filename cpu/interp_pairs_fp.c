/* Pairs with floating point in one half or both. */
#include "cpu/interp_pairs.h"

/* Before floating point: itself, and what steps pointers and counters. Before integers and branches: floating point. */
#define BEFORE_FP(b)                                                                                                   \
    EACH_AROUND_FP(PAIRS, b)                                                                                           \
    EACH_FP(PAIRS_FROM_FP, b)                                                                                          \
    pairs_before pairs_fp_##b = {EACH_AROUND_FP(PLACE, b) EACH_FP(PLACE_SAME, b)};
#define AFTER_FP(b)                                                                                                    \
    EACH_FP(PAIRS_FROM_FP, b)                                                                                          \
    pairs_before pairs_fp_##b = {EACH_FP(PLACE_SAME, b)};
#define BRANCH_AFTER_FP(b)                                                                                             \
    EACH_FP(PAIRS_FROM_FP_BRANCH, b)                                                                                   \
    pairs_before pairs_fp_##b = {EACH_FP(PLACE_SAME, b)};
#define BRANCH_AFTER_COMPARE(b)                                                                                        \
    EACH_FP(PAIRS_FROM_FP_BRANCH, b)                                                                                   \
    EACH_FP_COMPARE(PAIRS_BRANCH, b)                                                                                   \
    pairs_before pairs_fp_##b = {EACH_FP(PLACE_SAME, b) EACH_FP_COMPARE(PLACE, b)};
EACH_FP_SECOND(BEFORE_FP)
EACH_AROUND_FP_SECOND(AFTER_FP)
EACH_ORDER_BRANCH(BRANCH_AFTER_FP)
EACH_ZERO_BRANCH(BRANCH_AFTER_COMPARE)
