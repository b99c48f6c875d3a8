/* Pairs of integer instructions, part 1: see interp_pairs.h. */
#include "cpu/interp_pairs.h"

EACH_SECOND_1(BEFORE)
