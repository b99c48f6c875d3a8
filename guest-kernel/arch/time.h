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
/* The clock must not be set or run at another pace but through kern/timer.h, which knows who waits for a date. */
void time_set_wall(uint64_t ns);
/* Time since boot at which the date will be `wall_ns`, or a little earlier, never later, if the date goes on as now; later than now if it
 * has not come. */
uint64_t time_at_wall(uint64_t wall_ns);
/* From now on the date runs faster by so many millionths (16 bits behind the point; slower: negative), and besides by 500 millionths
 * until `slew_ns` are made good. time_slew_left: what is left of them. */
void time_set_pace(int64_t millionths, int64_t slew_ns);
int64_t time_slew_left(void);
/* The clock chip itself, in ns since 1970; it is asked and set only where there is one. */
bool time_has_chip(void);
uint64_t time_chip_ns(void);
void time_chip_set(uint64_t ns);

#endif
