/* Pairs of integer instructions, part 2: see interp_pairs.h. */
#include "cpu/interp_pairs.h"

EACH_SECOND_2(BEFORE)
