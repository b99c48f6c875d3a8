/* The operators of insn.def in C: pure functions of 64-bit register values, inside defined C. */
#ifndef ORRERY_CPU_ISA_VALUE_H
#define ORRERY_CPU_ISA_VALUE_H

#include "cpu/fp/fp.h"
#include <stdint.h>

#define CONST(n)                ((uint64_t)(n))
#define ADD(a, b)               ((uint64_t)(a) + (uint64_t)(b))
#define SUB(a, b)               ((uint64_t)(a) - (uint64_t)(b))
#define AND(a, b)               ((a) & (b))
#define OR(a, b)                ((a) | (b))
#define XOR(a, b)               ((a) ^ (b))
#define NOT(a)                  (~(a))
#define SLL(a, b)               ((uint64_t)(a) << ((b)&63))
#define SRL(a, b)               ((uint64_t)(a) >> ((b)&63))
#define SRA(a, b)               ((uint64_t)((int64_t)(a) >> ((b)&63)))
#define EQ(a, b)                ((a) == (b))
#define NE(a, b)                ((a) != (b))
#define LT(a, b)                ((int64_t)(a) < (int64_t)(b))
#define GE(a, b)                ((int64_t)(a) >= (int64_t)(b))
#define LTU(a, b)               ((uint64_t)(a) < (uint64_t)(b))
#define GEU(a, b)               ((uint64_t)(a) >= (uint64_t)(b))
#define SX8(a)                  ((uint64_t)(int64_t)(int8_t)(a))
#define SX16(a)                 ((uint64_t)(int64_t)(int16_t)(a))
#define SX32(a)                 ((uint64_t)(int64_t)(int32_t)(a))
#define ZX16(a)                 ((uint64_t)(uint16_t)(a))
#define ZX32(a)                 ((uint64_t)(uint32_t)(a))
#define MUL(a, b)               ((uint64_t)(a) * (uint64_t)(b))
#define MIN(a, b)               value_min(a, b)
#define MAX(a, b)               value_max(a, b)
#define MINU(a, b)              value_minu(a, b)
#define MAXU(a, b)              value_maxu(a, b)
#define SELECT(condition, a, b) ((condition) ? (a) : (b))

static inline uint64_t value_min(uint64_t a, uint64_t b) { return (int64_t)a < (int64_t)b ? a : b; }
static inline uint64_t value_max(uint64_t a, uint64_t b) { return (int64_t)a > (int64_t)b ? a : b; }
static inline uint64_t value_minu(uint64_t a, uint64_t b) { return a < b ? a : b; }
static inline uint64_t value_maxu(uint64_t a, uint64_t b) { return a > b ? a : b; }

static inline uint64_t MULHU(uint64_t a, uint64_t b) { return (uint64_t)((unsigned __int128)a * b >> 64); }
static inline uint64_t MULH(uint64_t a, uint64_t b) { return (uint64_t)((__int128)(int64_t)a * (int64_t)b >> 64); }
static inline uint64_t MULHSU(uint64_t a, uint64_t b) { return (uint64_t)((__int128)(int64_t)a * (__int128)b >> 64); }

/* Division by zero and overflow: m-st-ext.adoc, table "Semantics for division by zero and division overflow". */
static inline uint64_t DIVU(uint64_t a, uint64_t b) { return b ? a / b : UINT64_MAX; }
static inline uint64_t REMU(uint64_t a, uint64_t b) { return b ? a % b : a; }
static inline uint64_t DIV(uint64_t a, uint64_t b)
{
    if (b == 0) return UINT64_MAX;
    return b == UINT64_MAX ? 0 - a : (uint64_t)((int64_t)a / (int64_t)b);
}
static inline uint64_t REM(uint64_t a, uint64_t b)
{
    if (b == 0) return a;
    return b == UINT64_MAX ? 0 : (uint64_t)((int64_t)a % (int64_t)b);
}

static inline uint64_t CLZ(uint64_t a) { return a ? (uint64_t)__builtin_clzll(a) : 64; }
static inline uint64_t CTZ(uint64_t a) { return a ? (uint64_t)__builtin_ctzll(a) : 64; }
static inline uint64_t CPOP(uint64_t a)
{
    a -= a >> 1 & UINT64_C(0x5555555555555555);
    a = (a & UINT64_C(0x3333333333333333)) + (a >> 2 & UINT64_C(0x3333333333333333));
    a = (a + (a >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return a * UINT64_C(0x0101010101010101) >> 56;
}
static inline uint64_t ROL(uint64_t a, uint64_t n) { return a << (n & 63) | a >> (-n & 63); }
static inline uint64_t ROR(uint64_t a, uint64_t n) { return a >> (n & 63) | a << (-n & 63); }
static inline uint64_t ROL32(uint64_t a, uint64_t n) { return (uint32_t)a << (n & 31) | (uint32_t)a >> (-n & 31); }
static inline uint64_t ROR32(uint64_t a, uint64_t n) { return (uint32_t)a >> (n & 31) | (uint32_t)a << (-n & 31); }
static inline uint64_t REV8(uint64_t a) { return __builtin_bswap64(a); }
static inline uint64_t ORCB(uint64_t a)
{
    uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
    uint64_t tops = (((a & low) + low) | a) & ~low; /* top bit of every byte that is not zero */
    return (tops << 1) - (tops >> 7);
}

static inline uint64_t CLMUL(uint64_t a, uint64_t b)
{
    uint64_t r = 0;
    for (; b; b &= b - 1) r ^= a << __builtin_ctzll(b);
    return r;
}
/* Bits 126:63 of the carry-less product. */
static inline uint64_t CLMULR(uint64_t a, uint64_t b)
{
    uint64_t r = 0;
    for (; b; b &= b - 1) r ^= a >> (63 - __builtin_ctzll(b));
    return r;
}
static inline uint64_t CLMULH(uint64_t a, uint64_t b) { return CLMULR(a, b) >> 1; }

#define BOX16(a) fp_box_h(a)
#define BOX32(a) fp_box_s(a)

/* Floating point: the functions of fp.h. ROUND: by RM, with flags; EXACT: with flags; PURE: bits only. The includer's FP_CALL(name,
 * operands…) says which of fp.h's variants runs, and on what context. */
#define FP_ROUND1(name, a)       FP_CALL(name, a, RM)
#define FP_ROUND2(name, a, b)    FP_CALL(name, a, b, RM)
#define FP_ROUND3(name, a, b, c) FP_CALL(name, a, b, c, RM)
#define FP_EXACT1(name, a)       FP_CALL(name, a)
#define FP_EXACT2(name, a, b)    FP_CALL(name, a, b)
#define FP_PURE1(name, a)        fp_##name(a)
#define FP_PURE2(name, a, b)     fp_##name(a, b)

#endif
