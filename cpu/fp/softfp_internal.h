/*
 * How softfp works inside: unpack -> compute exactly -> round once and pack.
 *
 * An unpacked finite number is (-1)^sign * (sig / 2^63) * 2^exp with bit 63 of sig set, also for subnormals. An exact
 * result that does not fit 64 bits keeps its most significant 64 and ORs the rest into bit 0 (the sticky bit); no
 * format needs more than 53 bits and a guard bit, so rounding sees all it must.
 */
#ifndef ORRERY_CPU_FP_SOFTFP_INTERNAL_H
#define ORRERY_CPU_FP_SOFTFP_INTERNAL_H

#include "cpu/fp/softfp.h"

__extension__ typedef unsigned __int128 softfp_u128;

struct softfp_layout {
    unsigned width;     /* bits of the whole encoding */
    unsigned precision; /* bits of the significand, the hidden one included */
    int emin;           /* exponent of the smallest normal number; the largest is 1 - emin */
};

extern const struct softfp_layout softfp_layouts[3]; /* by enum fp_format */

enum softfp_kind {
    SOFTFP_ZERO,
    SOFTFP_FINITE,
    SOFTFP_INF,
    SOFTFP_QNAN,
    SOFTFP_SNAN,
};

struct softfp_number {
    enum softfp_kind kind;
    bool sign;
    int exp; /* meaningful for SOFTFP_FINITE, as is sig */
    uint64_t sig;
};

struct softfp_number softfp_unpack(enum fp_format f, uint64_t bits);

/* Rounds a nonzero exact value (sig with bit 63 set, sticky in bit 0) to the format; raises OF, UF, NX. */
uint64_t softfp_pack(enum fp_format f, bool sign, int exp, uint64_t sig, unsigned rm, unsigned *flags);

uint64_t softfp_pack_zero(enum fp_format f, bool sign);
uint64_t softfp_pack_inf(enum fp_format f, bool sign);
uint64_t softfp_pack_nan(enum fp_format f);

static inline bool softfp_is_nan(struct softfp_number n) { return n.kind >= SOFTFP_QNAN; }

/* The canonical NaN, raising NV when the operation itself is invalid or an operand is signalling. */
static inline uint64_t softfp_nan(enum fp_format f, bool invalid, unsigned *flags)
{
    if (invalid) *flags |= FP_NV;
    return softfp_pack_nan(f);
}

/* Does dropping `rest` (scaled so that `half` is one half of the unit kept) round the magnitude up? */
static inline bool softfp_rounds_up(unsigned rm, bool sign, bool odd, uint64_t rest, uint64_t half)
{
    switch (rm) {
    case FP_RNE: return rest > half || (rest == half && odd);
    case FP_RMM: return rest >= half;
    case FP_RDN: return sign && rest;
    case FP_RUP: return !sign && rest;
    default: return false;
    }
}

/* Shifts right, collecting what falls out in bit 0. */
static inline uint64_t softfp_shift_right_sticky(uint64_t x, unsigned n)
{
    if (n == 0) return x;
    if (n > 63) return x != 0;
    return x >> n | ((x << (64 - n)) != 0);
}

static inline softfp_u128 softfp_shift_right_sticky_128(softfp_u128 x, unsigned n)
{
    if (n == 0) return x;
    if (n > 127) return x != 0;
    return x >> n | ((x << (128 - n)) != 0);
}

#endif
