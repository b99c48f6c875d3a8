/* What a fuzzer file defines. It is linked with clang's libFuzzer (coverage-guided; tests/fuzz/run) or with driver.c (plain mutation of
 * the seeds; any compiler, a short run in ctest). */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Runs one input; a finding is a crash, a sanitizer report or a hang. Always returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* The n-th valid input to start from, written to `to`; returns its length, 0 when there is no n-th. */
size_t fuzz_seed(unsigned n, uint8_t *to, size_t room);

#endif
