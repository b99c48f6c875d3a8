/* The bits of an instruction by which the decoder finds its short list of candidates. Shared by generator and decoder. */
#ifndef ORRERY_CPU_ISA_HASH_H
#define ORRERY_CPU_ISA_HASH_H

#include <stdint.h>

/* 32 bits wide: opcode [6:2], funct3 [14:12], top of funct7 [31:27]. */
#define HASH32_BUCKETS 8192u
#define HASH32_BITS    UINT32_C(0xf800707c)
static inline uint32_t hash32(uint32_t insn) { return (insn >> 2 & 31) | (insn >> 12 & 7) << 5 | (insn >> 27) << 8; }
static inline uint32_t hash32_sample(uint32_t bucket)
{
    return (bucket & 31) << 2 | (bucket >> 5 & 7) << 12 | (bucket >> 8) << 27;
}

/* 16 bits wide: quadrant [1:0], funct3 [15:13], [12:10], [6:5]. */
#define HASH16_BUCKETS 1024u
#define HASH16_BITS    UINT32_C(0xfc63)
static inline uint32_t hash16(uint32_t insn) { return (insn & 3) | (insn >> 5 & 3) << 2 | (insn >> 10 & 63) << 4; }
static inline uint32_t hash16_sample(uint32_t bucket)
{
    return (bucket & 3) | (bucket >> 2 & 3) << 5 | (bucket >> 4) << 10;
}

/* The vocabulary of operand.def over `uint32_t insn`. */
#define B(hi, lo, at) ((insn >> (lo) & (UINT32_MAX >> (31 - ((hi) - (lo))))) << (at))
#define S(n, v)       ((int64_t)(int32_t)((uint32_t)(v) << (32 - (n))) >> (32 - (n)))

#endif
