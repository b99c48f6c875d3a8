/* check.h - the few lines that test programs for Kepler share. They are ordinary Linux programs: their results hold on Linux too. */
#ifndef CHECK_H
#define CHECK_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

static int checks_passed, checks_failed;

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (condition) {                                                                                               \
            checks_passed++;                                                                                           \
        } else {                                                                                                       \
            checks_failed++;                                                                                           \
            printf("FAILED %s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno);                            \
        }                                                                                                              \
    } while (0)

/* As the first process, the program powers the machine off. */
static inline int finish(void)
{
    printf("%d passed, %d failed\n", checks_passed, checks_failed);
    fflush(stdout);
    if (getpid() == 1) reboot(RB_POWER_OFF);
    return checks_failed != 0;
}

#endif
