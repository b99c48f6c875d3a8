/* What `info` can show; private to monitor*.c. */
#ifndef ORRERY_MONITOR_INTERNAL_H
#define ORRERY_MONITOR_INTERNAL_H

#include "emu/machine.h"
#include <stdio.h>

struct monitor_command {
    const char *name, *arguments, *help;
    void (*run)(struct machine *m, const char *arguments, FILE *out);
};

extern const struct monitor_command monitor_infos[];
extern const size_t monitor_info_count;
extern const char *const monitor_x_names[32];

/* info mem (monitor_mem.c) */
void monitor_show_mem(struct machine *m, const char *arguments, FILE *out);

#endif
