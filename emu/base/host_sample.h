/* Where the process's CPU time goes, by samples: every millisecond of it a look at what the running thread is doing.
 *
 * One at a time in a process: it uses the profiling timer and its signal. */
#ifndef ORRERY_BASE_HOST_SAMPLE_H
#define ORRERY_BASE_HOST_SAMPLE_H

#include "emu/base/types.h"

#define HOST_SAMPLE_KINDS 8

/* From now on. activity: a number below HOST_SAMPLE_KINDS that says what is going on; samples while code in [code, code + bytes) runs count
 * as `in_code` instead. The caller keeps both alive until host_sample_stop. False: the host refuses, or one is going on already. */
bool host_sample_start(const volatile uint8_t *activity, const void *code, size_t bytes, uint8_t in_code);
/* counts[HOST_SAMPLE_KINDS]: samples by kind. */
void host_sample_stop(uint64_t *counts);

/* CPU time of the process so far, in nanoseconds. */
uint64_t host_cpu_ns(void);

#endif
