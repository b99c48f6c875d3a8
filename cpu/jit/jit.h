/* The translating engine, tier 2. docs/jit.md says how it works.
 *
 * Ownership: the engine has at most one struct jit; it owns the code memory. Blocks belong to the engine's arena. All functions run on the
 * machine's thread. */
#ifndef ORRERY_CPU_JIT_JIT_H
#define ORRERY_CPU_JIT_JIT_H

#include "cpu/engine_internal.h"
#include "cpu/jit/region.h"
#include "cpu/jit/x86.h"

/* What a shared stub looks for: the entry of a load; of a store; of a store that may also be beside code, in a line without any. */
enum find { FIND_READ, FIND_WRITE, FIND_BESIDE_CODE, FINDS };

struct jit {
    struct engine *engine;
    uint8_t *place;        /* the address space in which both lie */
    uint8_t *write, *exec; /* the same memory twice */
    size_t bytes;
    unsigned warm;
    size_t large_bytes; /* from the beginning, whose pages were made large */
    size_t unseen;      /* bytes written since the writable view's pages were last given up */
    struct code code;
    uint8_t *blocks; /* where blocks begin, behind the shared stubs (written address) */
    insn_fn *enter;  /* first handler of a native block */
    /* Shared stubs, written addresses; what they expect is said where they are made. */
    uint8_t *leave_refused, *leave_deopt, *leave_link, *leave_jump, *enter_interp;
    uint8_t *find_entry[FINDS][2][4]; /* by what, strict, log2 of bytes */
    const struct ram_region *ram;     /* the bus's largest, once something is translated; before, one of no size */
    unsigned next_hint;
    struct recorder recorder;
    struct region *regions;
    bool has_fma, has_avx, has_counts; /* of the host: fused multiply-add; three operands; lzcnt, tzcnt, popcnt */
    bool full;                         /* the run loop is to flush */
    uint64_t native_blocks;            /* since the last flush */
    /* Somebody wants to know of translations: the generator then fills insns. */
    void (*told)(void *self, const struct translation *t);
    void *told_self;
    struct translation made;
    struct translated_insn insns[REGION_INSNS_MAX];
};

/* NULL: this host cannot (another processor, no executable memory). bytes: of code, 0 for the default of 8 MiB. warm: entries
 * after which a block is translated, 0 for the default. */
struct jit *jit_create(struct engine *e, size_t bytes, unsigned warm);
void jit_destroy(struct jit *j);

/* A block has just been decoded. cached: it may be entered again, so it may become native. */
void jit_block_made(struct jit *j, struct block *b, bool cached);
/* A block dies: native code that still jumps to it finds its way out. */
void jit_block_killed(struct jit *j, struct block *b);
/* All native code is about to be forgotten: b becomes one that may be translated again soon. */
void jit_block_dropped(struct jit *j, struct block *b);
/* Forgets all native code; the caller has made sure that none runs and that no block or jump entry that knows any is left. */
void jit_flush(struct jit *j);

bool jit_code(const struct jit *j, const uint8_t **code, size_t *bytes);
void jit_on_translation(struct jit *j, void (*told)(void *self, const struct translation *t), void *self);

/* Writes the code of b behind j->code.at; false if the block is not worth it. There is room for JIT_BLOCK_ROOM bytes. */
bool jit_emit_block(struct jit *j, struct block *b, isa_set live);
void jit_emit_stubs(struct jit *j);
#define JIT_BLOCK_ROOM (32u << 10)
/* In front of a block's entry: the way on from a dead block. */
#define JIT_DEAD_BYTES 12

/* From native code: the block at h->pc, NULL if the run loop has to see to it; `site`, if any, will jump there from now on. */
const struct block *jit_link(struct hart *h, uint8_t *site);

#endif
