/* process.h - the host's stand-in: limits only. */
#ifndef KEPLER_KERN_PROCESS_H
#define KEPLER_KERN_PROCESS_H
#include "kern/task.h"
enum rlimit_number { RLIMIT_FSIZE, RLIMIT_NOFILE };
uint64_t process_limit(enum rlimit_number number);
#endif
