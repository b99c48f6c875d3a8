/* Pairs of integer instructions, part 4: see interp_pairs.h. */
#include "cpu/interp_pairs.h"

EACH_SECOND_4(BEFORE)
