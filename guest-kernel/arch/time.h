/*
 * time.h - the clock everything is measured by: the time CSR, which all harts share.
 */
#ifndef KEPLER_ARCH_TIME_H
#define KEPLER_ARCH_TIME_H

#include "base/types.h"

#define NS_PER_S 1000000000ul

uint64_t time_ns(void); /* since boot */
void time_init(void);
void time_program(uint64_t deadline_ns); /* asks for this hart's next timer interrupt; UINT64_MAX: none */
/* Seconds since 1970 at boot, in ns: from the clock chip, then moved by clock_settime. */
uint64_t time_wall_ns(void);
void time_set_wall(uint64_t ns);

#endif
