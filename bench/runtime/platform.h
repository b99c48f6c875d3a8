/*
 * What main.c needs from the place where a program runs. Two implementations: bare.c (with bare_start.S) and
 * linux.c (with linux_start.S).
 */
#ifndef PLATFORM_H
#define PLATFORM_H

#include <stddef.h>
#include <stdint.h>

void platform_write(const char *bytes, size_t count);

/* Code 0 is success; others are reported to the host where there is a way to. */
_Noreturn void platform_exit(int code);

/* How much work to do, in percent of the program's own number of rounds. Bare: a word that the runner patches into the
   image (bare_start.S). Linux: the first argument. */
uint64_t platform_scale_percent(void);

/* Retired instructions so far, or 0 where the counter cannot be read. */
uint64_t platform_instret(void);

/* Called by the platform's start code. */
_Noreturn void bench_main(void);

#endif
