/* Pairs of integer instructions, part 3: see interp_pairs.h. */
#include "cpu/interp_pairs.h"

EACH_SECOND_3(BEFORE)
