/* Translated code for people and profilers: `-d out_asm` shows guest and host code side by side, `--perf-map` names it for perf. */
#ifndef ORRERY_LISTING_H
#define ORRERY_LISTING_H

#include "cpu/engine.h"
#include "emu/base/err.h"
#include "emu/symbols.h"

struct listing;

/* Tells of every translation from now on; symbols is borrowed and may still grow until the machine runs. perf_map: writes
 * /tmp/perf-PID.map, where perf looks for it; log: with LOG_OUT_ASM on, writes there. NULL: *err says why. */
struct listing *listing_create(struct engine *e, struct log *log, const struct symbols *symbols, bool perf_map,
                               struct err *err);
void listing_destroy(struct listing *l); /* before the engine */

#endif
