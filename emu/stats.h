/* Figures of a run for --stats: lines of "name value", one per line, for people and scripts. */
#ifndef ORRERY_STATS_H
#define ORRERY_STATS_H

#include "emu/machine.h"

struct stats {
    uint64_t start_ns, start_cpu_ns;
    const struct engine_counts *counts; /* NULL: not asked for */
    bool sampled;
};

/* Begins; what costs something is only counted if `asked`. Before the machine first runs. */
void stats_start(struct stats *s, struct machine *m, bool asked);
void stats_print(struct stats *s, const struct machine *m, FILE *to);

#endif
