/*
 * Exact IEEE 754 arithmetic with RISC-V's choices, on integers alone.
 *
 * Every operation is a pure function: format, operand bits and rounding mode in, result bits out. Exceptions accumulate
 * in *flags (only ever OR-ed), laid out as the guest's fflags:
 *
 *      4    3    2    1    0
 *    +----+----+----+----+----+
 *    | NV | DZ | OF | UF | NX |
 *    +----+----+----+----+----+
 *
 * Operand and result bits are right-aligned and *not* NaN-boxed; bits above the format's width are ignored on input and
 * zero on output. A NaN result is the canonical NaN (norm:canonical_NaN), tininess is detected after rounding
 * (norm:ieee_std_tininess), subnormals are always handled.
 *
 * Rounding modes are RISC-V's frm encoding 0..4 (norm:dyn_round_enc). DYN must be resolved by the caller and reserved
 * modes must have trapped; given one nevertheless, the functions truncate.
 *
 * Source: RISC-V unprivileged specification, chapters F, D, Zfh, Zfa. No state, no allocation, no host floating point.
 */
#ifndef ORRERY_CPU_FP_SOFTFP_H
#define ORRERY_CPU_FP_SOFTFP_H

#include <stdbool.h>
#include <stdint.h>

/* The numbers are the instruction's fmt field (tab:fpfmt). */
enum fp_format {
    FP_S = 0,
    FP_D = 1,
    FP_H = 2,
};

enum fp_rounding {
    FP_RNE = 0, /* to nearest, ties to even */
    FP_RTZ = 1, /* towards zero */
    FP_RDN = 2, /* towards -inf */
    FP_RUP = 3, /* towards +inf */
    FP_RMM = 4, /* to nearest, ties away from zero */
    FP_DYN = 7, /* in an instruction: the mode held in frm */
};

enum fp_flag {
    FP_NX = 1,
    FP_UF = 2,
    FP_OF = 4,
    FP_DZ = 8,
    FP_NV = 16,
};

enum fp_int {
    FP_W,
    FP_WU,
    FP_L,
    FP_LU,
};

#define FP_NAN_H UINT64_C(0x7e00)
#define FP_NAN_S UINT64_C(0x7fc00000)
#define FP_NAN_D UINT64_C(0x7ff8000000000000)

uint64_t softfp_add(enum fp_format f, uint64_t a, uint64_t b, unsigned rm, unsigned *flags);
uint64_t softfp_sub(enum fp_format f, uint64_t a, uint64_t b, unsigned rm, unsigned *flags);
uint64_t softfp_mul(enum fp_format f, uint64_t a, uint64_t b, unsigned rm, unsigned *flags);
uint64_t softfp_div(enum fp_format f, uint64_t a, uint64_t b, unsigned rm, unsigned *flags);
uint64_t softfp_sqrt(enum fp_format f, uint64_t a, unsigned rm, unsigned *flags);

/* Fused multiply-add, one rounding: madd a*b+d, msub a*b-d, nmsub -(a*b)+d, nmadd -(a*b)-d. */
uint64_t softfp_madd(enum fp_format f, uint64_t a, uint64_t b, uint64_t d, unsigned rm, unsigned *flags);
uint64_t softfp_msub(enum fp_format f, uint64_t a, uint64_t b, uint64_t d, unsigned rm, unsigned *flags);
uint64_t softfp_nmsub(enum fp_format f, uint64_t a, uint64_t b, uint64_t d, unsigned rm, unsigned *flags);
uint64_t softfp_nmadd(enum fp_format f, uint64_t a, uint64_t b, uint64_t d, unsigned rm, unsigned *flags);

/* min and max: IEEE 754-2019 minimumNumber and maximumNumber; minm and maxm (Zfa): minimum and maximum. */
uint64_t softfp_min(enum fp_format f, uint64_t a, uint64_t b, unsigned *flags);
uint64_t softfp_max(enum fp_format f, uint64_t a, uint64_t b, unsigned *flags);
uint64_t softfp_minm(enum fp_format f, uint64_t a, uint64_t b, unsigned *flags);
uint64_t softfp_maxm(enum fp_format f, uint64_t a, uint64_t b, unsigned *flags);

/* 1 or 0. lt and le signal on any NaN; eq, ltq and leq on a signalling NaN only. */
uint64_t softfp_eq(enum fp_format f, uint64_t a, uint64_t b, unsigned *flags);
uint64_t softfp_lt(enum fp_format f, uint64_t a, uint64_t b, unsigned *flags);
uint64_t softfp_le(enum fp_format f, uint64_t a, uint64_t b, unsigned *flags);
uint64_t softfp_ltq(enum fp_format f, uint64_t a, uint64_t b, unsigned *flags);
uint64_t softfp_leq(enum fp_format f, uint64_t a, uint64_t b, unsigned *flags);

/* The ten-bit mask of fclass, exactly one bit set. */
uint64_t softfp_class(enum fp_format f, uint64_t a);

/* To an integral value in the same format. roundnx also raises NX when the value changed. */
uint64_t softfp_round(enum fp_format f, uint64_t a, unsigned rm, unsigned *flags);
uint64_t softfp_roundnx(enum fp_format f, uint64_t a, unsigned rm, unsigned *flags);

/* To an integer, saturating with NV alone when out of range or NaN. W and WU results are sign-extended from bit 31. */
uint64_t softfp_to_int(enum fp_format f, enum fp_int to, uint64_t a, unsigned rm, unsigned *flags);

/* fcvtmod.w.d: truncated, modulo 2^32, sign-extended from bit 31; flags as fcvt.w.d with RTZ. */
uint64_t softfp_cvtmod_w_d(uint64_t a, unsigned *flags);

/* From an integer; W and WU look at the low 32 bits of x only. */
uint64_t softfp_from_int(enum fp_format f, enum fp_int from, uint64_t x, unsigned rm, unsigned *flags);

/* Between formats. */
uint64_t softfp_convert(enum fp_format to, enum fp_format from, uint64_t a, unsigned rm, unsigned *flags);

/* The constant that fli loads for index 0..31 (higher bits of index ignored). */
uint64_t softfp_li(enum fp_format f, unsigned index);

#endif
