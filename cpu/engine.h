/* The engine: decoded blocks of guest code, shared by all harts of a machine. How it works stands in docs/architecture.md, "Engine". */
#ifndef ORRERY_CPU_ENGINE_H
#define ORRERY_CPU_ENGINE_H

#include "cpu/hart.h"
#include "cpu/insn.h"

struct engine;

/* arena_bytes: room for decoded code (0: the default, 8 MiB); when it is full the oldest quarter is thrown away at the next boundary.
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
    uint64_t blocks_decoded, insns_decoded, invalidations, lookups;
    uint64_t evictions, flushes; /* the oldest part of the decoded blocks thrown away; all of them */
    /* tier 2 */
    uint64_t blocks_translated, blocks_flushed; /* made; thrown away when there was no room */
    uint64_t regions_made, regions_died;        /* died: one of their blocks did, or all native code was dropped */
    uint64_t drops;                             /* of all native code, for lack of room */
    uint64_t links_asked, links_made;           /* native code asked where to go on; was told for ever */
    uint64_t code_bytes, code_bytes_made;       /* of host code: now, ever */
};
const struct engine_stats *engine_stats(const struct engine *e);

/* What costs something to count, so it is only counted on request. */
struct engine_counts {
    uint64_t accesses;         /* loads, stores and atomics of the blocks that were entered */
    uint64_t loads, stores;    /* those that the inline TLB did not serve */
    uint64_t devices;          /* of these, to device windows */
    uint64_t left[INSN_COUNT]; /* by row: native code was left for the interpreter at such an instruction */
};
/* Counts from now on; call it before the first block is run. NULL on lack of memory. The engine owns it. */
const struct engine_counts *engine_count(struct engine *e);

/* What the engine is doing, for samplers: changes while hart_run runs. */
enum engine_activity {
    ENGINE_RUNS,       /* guest code in the interpreter, and all that is none of the others */
    ENGINE_TRANSLATES, /* makes host code */
    ENGINE_DEVICE,     /* a load or store has called a device */
};
const volatile uint8_t *engine_activity(const struct engine *e);
/* Where host code lies; false if there is none. */
bool engine_code(const struct engine *e, const uint8_t **code, size_t *bytes);

/* A block or a region that has become host code: for listings, and for the host's profiler. */
struct translation {
    gva_t pc;        /* where it ran when it was translated; other mappings of the page share it */
    unsigned blocks; /* of a region; 0: a block on its own */
    isa_set live;
    const uint8_t *code; /* as it is executed */
    size_t bytes;
    unsigned count;
    const struct translated_insn {
        uint32_t raw;
        uint32_t
            host; /* of its code in `code`; what lies before the first is the block's entry. Ways out lie behind the last */
        gva_t pc;
    } * insns;
    uint32_t host_end; /* of the last one's code */
};
/* Tells of every translation; call it after engine_translate. */
void engine_on_translation(struct engine *e, void (*told)(void *self, const struct translation *t), void *self);

#endif
