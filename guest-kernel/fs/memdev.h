/* memdev.h - random bytes, for getrandom(2), AT_RANDOM and whoever needs them. */
#ifndef KEPLER_FS_MEMDEV_H
#define KEPLER_FS_MEMDEV_H

#include "base/types.h"

void random_bytes(void *to, size_t n);        /* any context */
void random_add(const void *bytes, size_t n); /* mixes in something unpredictable */

#endif
