/* The host's entropy: input from outside, for those who ask for it instead of the seed. */
#ifndef ORRERY_BASE_HOST_RANDOM_H
#define ORRERY_BASE_HOST_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fills bytes[n]; may wait at the host's start-up only. Aborts if the host has no entropy at all: nothing could be returned. */
void host_random(uint8_t *bytes, size_t n);

#endif
