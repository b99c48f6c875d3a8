/* What spawn.c starts: a program that ends at once. */
#include "platform.h"

_Noreturn void bench_main(void) { platform_exit(0); }
