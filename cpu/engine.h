/* The engine: decoded blocks of guest code, shared by all harts of a machine. How it works stands in docs/architecture.md, "Engine". */
#ifndef ORRERY_CPU_ENGINE_H
#define ORRERY_CPU_ENGINE_H

#include "cpu/hart.h"

struct engine;

/* arena_bytes: room for decoded code (0: the default, 8 MiB); when it is full everything is thrown away at the next boundary.
 * The engine becomes the bus's code watcher. NULL on lack of memory. */
struct engine *engine_create(struct bus *bus, size_t arena_bytes, struct log *log);
void engine_destroy(struct engine *e);

/* Translates hot code to host code from now on; call it before the first block is run. code_bytes: room for it (0: 8 MiB); warm:
 * how often a block is interpreted before (0: the default). false: this
 * host cannot (not x86-64, or no executable memory to be had); the interpreter serves as before. */
bool engine_translate(struct engine *e, size_t code_bytes, unsigned warm);

/* A hart tells the engine that it exists and that it ends (hart_create, hart_destroy): code pages are protected in the inline TLBs of
 * all harts. false: too many. */
bool engine_add_hart(struct engine *e, struct hart *h);
void engine_remove_hart(struct engine *e, struct hart *h);

struct engine_stats {
    uint64_t blocks_decoded, insns_decoded, flushes, invalidations, lookups;
    uint64_t blocks_translated; /* tier 2 */
};
const struct engine_stats *engine_stats(const struct engine *e);

#endif
