/* The monitor: a line of text in, what the machine looks like out. Sits on the other side of Ctrl-a c, or on -monitor's stream. */
#ifndef ORRERY_MONITOR_H
#define ORRERY_MONITOR_H

#include "devices/chardev.h"
#include <stdio.h>

struct machine;
struct monitor;

/* Output goes to out's back end. NULL on lack of memory. */
struct monitor *monitor_create(struct machine *m, struct chardev *out);
void monitor_destroy(struct monitor *mon);
void monitor_prompt(struct monitor *mon);
void monitor_key(struct monitor *mon, unsigned char key);
/* One command line; used by the GDB stub's `monitor …` too. */
void monitor_execute(struct machine *m, const char *line, FILE *out);

#endif
