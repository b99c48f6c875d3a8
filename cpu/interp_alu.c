/* Handlers of integer computation, and of what does nothing. */
#include "cpu/interp.h"

/* d->imm of what uses it is relative to the block's start. */
#define PC h->pc

#define INSN_ALU(id, needs, picture, operands, value, tag)                                                             \
    HANDLER(alu_##id)                                                                                                  \
    {                                                                                                                  \
        SET_X(value);                                                                                                  \
        NEXT;                                                                                                          \
    }
#include "cpu/isa/insn.def"

const struct dinsn *insn_next(HANDLER_ARGS)
{
    (void)h, (void)bank; /* without tail calls they are not used */
    NEXT;
}

insn_fn *const alu_handlers[INSN_COUNT] = {
#define INSN_ALU(id, needs, picture, operands, value, tag) [INSN_##id] = alu_##id,
#define INSN_NOP(id, needs, picture, operands, tag)        [INSN_##id] = insn_next,
#include "cpu/isa/insn.def"
};
