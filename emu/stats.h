/* Figures of a run for --stats: lines of "name value", one per line, for people and scripts. */
#ifndef ORRERY_STATS_H
#define ORRERY_STATS_H

#include "emu/machine.h"

struct stats {
    uint64_t start_ns;
};
void stats_start(struct stats *s);
void stats_print(const struct stats *s, const struct machine *m, FILE *to);

#endif
