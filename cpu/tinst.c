/* Transformed instructions for mtinst and htinst (hypervisor.adoc, "Transformed Instruction or Pseudoinstruction"; cmo.adoc for cache
 * blocks). Computed when a trap is built, never before.
 *
 *   31      25 24   20 19    15 14    12 11    7 6      0
 *  +----------+-------+--------+--------+-------+--------+
 *  |    0     |   0   | offset | funct3 |  rd   | opcode |  load
 *  |    0     |  rs2  | offset | funct3 |   0   | opcode |  store
 *  |       as it was  | offset |      as it was          |  atomic, HLV, HLVX, HSV
 *  |    operation     |   0    | funct3 |   0   | opcode |  cache block
 *  +----------+-------+--------+--------+-------+--------+
 *
 * offset: of the faulting address from the instruction's; not 0 only where an access goes over a page's end. Of a compressed instruction
 * its 32-bit equivalent, with bit 1 cleared. */
#include "cpu/engine_internal.h"

#include <assert.h>

#define RS1_FIELD (UINT32_C(31) << 15)

static uint32_t transform(const struct insn *insn, unsigned offset)
{
    uint32_t base = insn_pattern(insn->id)->match, at = (uint32_t)offset << 15;
    switch (insn_info(insn->id)->kind) {
    case KIND_LOAD: return base | at | (uint32_t)insn->rd << 7;
    case KIND_STORE: return base | at | (uint32_t)insn->rs2 << 20;
    default: return (insn->raw & ~RS1_FIELD) | at;
    }
}

uint64_t tinst_of(uint32_t raw, isa_set live, unsigned offset)
{
    struct insn insn;
    assert(offset < 32);
    if (!insn_decode(raw, live, &insn)) return 0;
    uint32_t transformed = transform(&insn, offset);
    return insn.length == 2 ? transformed & ~UINT32_C(2) : transformed;
}
