/* In place of cpu/interp_pairs.c, which takes long to compile and does not depend on the size of anything: every instruction has its own
 * handler. */
#include "cpu/engine_internal.h"

insn_fn *pair_handler(enum insn_id first, enum insn_id second, unsigned forward, bool far)
{
    (void)first, (void)second, (void)forward, (void)far;
    return NULL;
}
