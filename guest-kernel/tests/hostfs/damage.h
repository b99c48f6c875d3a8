/*
 * damage.h - damage to a good KFS image at random: bits, words, whole blocks; in the superblock, the bitmaps, inodes, pointer blocks, directories,
 * the log; and most of the time the checksums are made right again afterwards, so that the damage gets past them. For the kernel's own code on
 * the host (hostile.c) and for the running kernel (tests/programs/imagefuzz.c).
 */
#ifndef KEPLER_TESTS_DAMAGE_H
#define KEPLER_TESTS_DAMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The good image, which must stay. False: it is none. */
bool damage_start(const uint8_t *image, size_t bytes);
void damage_seed(uint64_t seed);
uint32_t damage_random(uint32_t n); /* 0 ... n-1 */
/* `image` becomes a damaged copy of the good one. */
void damage(uint8_t *image);

#endif
