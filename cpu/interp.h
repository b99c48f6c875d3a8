/* How handlers are written. A handler's fast path is a few host instructions and an indirect jump, without a stack frame: whatever may
 * call a function is a function of its own that the handler ends in. */
#ifndef ORRERY_CPU_INTERP_H
#define ORRERY_CPU_INTERP_H

#include "cpu/engine_internal.h"
#include "cpu/isa/value.h"
#include "emu/base/bits.h"

/* Tail calls are guaranteed by clang's musttail, and made by gcc when it optimises; a sanitizer's frames stand in their way. */
#if defined(__OPTIMIZE__) && !defined(ORRERY_SANITIZE)
#define INTERP_TAIL 1
#else
#define INTERP_TAIL 0
#endif

#if defined(__clang__)
#define TAIL_RETURN __attribute__((musttail)) return
#else
#define TAIL_RETURN return
#endif

#define HANDLER_ARGS  struct hart *h, const struct dinsn *d, const struct data_bank *bank
#define HANDLER(name) static const struct dinsn *name(HANDLER_ARGS)
#define SLOW(name)    __attribute__((noinline, cold)) static const struct dinsn *name(HANDLER_ARGS)

/* Goes on at instruction n. */
#if INTERP_TAIL
#define CONTINUE(n)                                                                                                    \
    do {                                                                                                               \
        d = (n);                                                                                                       \
        TAIL_RETURN d->fn(h, d, bank);                                                                                 \
    } while (0)
#else
#define CONTINUE(n)                                                                                                    \
    do {                                                                                                               \
        (void)h, (void)bank, (void)d;                                                                                  \
        return (n);                                                                                                    \
    } while (0)
#endif
/* Ends in another handler for the same instruction. */
#define BECOME(other) TAIL_RETURN other(h, d, bank)
#define NEXT          CONTINUE(d + 1)

/* Enters the block that slot links to; h->pc is its address. */
#define FOLLOW(slot)                                                                                                   \
    do {                                                                                                               \
        const struct dinsn *s_ = (slot);                                                                               \
        const struct block *b_ = s_->link;                                                                             \
        if (UNLIKELY((h->budget -= b_->count) < 0)) TAIL_RETURN link_refused(h, s_, bank);                             \
        CONTINUE(b_->code);                                                                                            \
    } while (0)

/* Enters the block at any address. */
#define GO_TO(target)                                                                                                  \
    do {                                                                                                               \
        uint64_t pc_ = (target);                                                                                       \
        const struct jump_entry *j_ = mmu_jump(&h->mmu, pc_);                                                          \
        h->pc = pc_;                                                                                                   \
        if (UNLIKELY(j_->pc != pc_ || j_->tag != jump_tag(h))) BECOME(jump_missed);                                    \
        const struct block *b_ = j_->block;                                                                            \
        if (UNLIKELY((h->budget -= b_->count) < 0)) TAIL_RETURN enter_refused(h, b_->code, bank);                      \
        CONTINUE(b_->code);                                                                                            \
    } while (0)

/* Operands as insn.def names them. */
#define RS1 (h->x[d->rs1])
#define RS2 (h->x[d->rs2])
#define FS1 (h->f[d->rs1])
#define FS2 (h->f[d->rs2])
#define FS3 (h->f[d->imm >> 8])
#define IMM ((uint64_t)(int64_t)d->imm)
#define FPU (&h->fp)

/* Destinations. */
#define SET_X(value) h->x[d->rd] = (value)
#define SET_F(value) (h->f[d->rd] = (value), h->fs_dirty = 1)

#endif
