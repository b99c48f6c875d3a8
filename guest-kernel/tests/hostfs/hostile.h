/* hostile.h - one damaged disk after another (hostile.c), for its command. */
#ifndef KEPLER_TESTS_HOSTILE_H
#define KEPLER_TESTS_HOSTILE_H

#include "base/types.h"

bool hostile_start(const uint8_t *image, size_t bytes); /* a good image; once in a process. False: it is not good */
/* Damages a copy of it, mounts and uses that. False, with a message: something is wrong. *mounted: the mount was not refused. */
bool hostile_round(uint64_t seed, bool *mounted);

#endif
