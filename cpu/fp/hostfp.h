/* Picks the host's floating-point unit. Included by fp.h alone. */
#ifndef ORRERY_CPU_FP_HOSTFP_H
#define ORRERY_CPU_FP_HOSTFP_H

#if defined(__x86_64__) && !defined(ORRERY_FP_SOFT)
#include "cpu/fp/hostfp_x86.h"
#else
#include "cpu/fp/hostfp_soft.h"
#endif

#endif
