/* Between gen_fp.c and gen_fp_registers.c: f registers in xmm registers. */
#ifndef ORRERY_CPU_JIT_GEN_FP_H
#define ORRERY_CPU_JIT_GEN_FP_H

#include "cpu/jit/gen.h"

/* The xmm register that is guest register n all through a region, or 0. */
unsigned gen_f_home(const struct gen *g, unsigned n);
/* One that this instruction may write; it stays the instruction's own. */
unsigned gen_xmm_new(struct gen *g);
/* Where the value of f[n] is. */
unsigned gen_f_read(struct gen *g, unsigned n);
/* Where the result of the instruction is made. If the instruction is left to the interpreter after all, a home that is no source may hold
 * anything: the interpreter writes it anew. */
unsigned gen_f_result(struct gen *g);
/* Where the result of an instruction is made that is not left any more. */
unsigned gen_f_target(struct gen *g);
/* f[n] <- xmm x; boxed: known to be a NaN-boxed single */
void gen_f_write(struct gen *g, unsigned n, unsigned x, bool boxed);
/* f[n] <- general register */
void gen_f_write_bits(struct gen *g, unsigned n, unsigned reg);
/* reg <- all bits of f[n] */
void gen_f_bits(struct gen *g, unsigned reg, unsigned n);
/* Sets the host's flags: unordered if x is a NaN. */
void gen_compare_to_itself(struct gen *g, unsigned x, bool single);

#endif
