/* Picks the host's floating-point unit. Included by fp.h alone. */
#ifndef ORRERY_CPU_FP_HOSTFP_H
#define ORRERY_CPU_FP_HOSTFP_H

#include "cpu/fp/hostfp_soft.h"

#endif
