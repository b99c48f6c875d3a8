/* calc_serve.h - the state of the sample service, and its own errors. */
#ifndef KEPLER_USER_CALC_SERVE_H
#define KEPLER_USER_CALC_SERVE_H

#include <stdint.h>

enum { CALC_OVERFLOW = 1, CALC_BY_ZERO };

struct calc_state {
    uint64_t calls;
    volatile int stop;
};

#endif
