/* exit.h - waiting for children; wait4 and waitid are two forms of it. */
#ifndef KEPLER_KERN_EXIT_H
#define KEPLER_KERN_EXIT_H

#include "kern/process.h"

#define WNOHANG    1u
#define WSTOPPED   2u
#define WEXITED    4u
#define WCONTINUED 8u
#define WNOWAIT    0x01000000u
#define WNOTHREAD  0x20000000u
#define WALL       0x40000000u
#define WCLONE     0x80000000u

enum wait_which { WAIT_ANY, WAIT_PID, WAIT_GROUP };

struct wait_request {
    enum wait_which which;
    int id;
    unsigned options;
    const struct process
        *only; /* NULL, or this process, whatever its pid stands for by now; the caller holds a reference */
};

struct wait_report {
    int pid; /* 0: nobody has anything to report (WNOHANG) */
    uint32_t uid;
    int status; /* as wait4 encodes it */
    int code;   /* CLD_* */
    struct usage usage;
};

/* The pid, 0, -ECHILD or -ERESTARTSYS. */
int process_wait(const struct wait_request *request, struct wait_report *report);

#endif
