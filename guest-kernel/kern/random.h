/*
 * random.h - numbers that a program cannot guess.
 *
 * A stream cipher (ChaCha20) keyed from what differs between starts: the clock chip, the device tree (its rng-seed, where the
 * machine gives one), and whatever drivers add, such as the entropy device.
 */
#ifndef KEPLER_KERN_RANDOM_H
#define KEPLER_KERN_RANDOM_H

#include "base/types.h"

void random_bytes(void *to, size_t n); /* any context */
void random_add(const void *from, size_t n);

#endif
