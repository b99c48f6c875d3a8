/*
 * No host unit: every operation is softfp's. For hosts without a unit that we know, and the contract in the shortest
 * form: the three hostfp_* functions about the unit's control word, then fp_NAME for every operation that a unit may
 * speed up.
 */
#ifndef ORRERY_CPU_FP_HOSTFP_SOFT_H
#define ORRERY_CPU_FP_HOSTFP_SOFT_H

/* Bit set of the rounding modes (0..4) that the unit has. */
enum { HOSTFP_MODES = 0 };

static inline bool hostfp_has_fma(void) { return false; }

static inline bool hostfp_has_round(void) { return false; }

/* The control word as the host has it, or has it at the moment of the call. */
static inline uint32_t hostfp_control(void) { return 0; }

static inline void hostfp_set_control(uint32_t control) { (void)control; }

/* A control word with this rounding mode, nothing trapping, no flag raised. */
static inline uint32_t hostfp_control_for(unsigned frm)
{
    (void)frm;
    return 0;
}

/* The guest's fflags that a control word holds. */
static inline unsigned hostfp_flags_in(uint32_t control)
{
    (void)control;
    return 0;
}

FP_OPS_HOST(FP_USE_SLOW, s)
FP_OPS_HOST(FP_USE_SLOW, d)
FP_OPS_HOST_MIXED(FP_USE_SLOW)

#endif
