/* Regions: hot blocks that lead to one another, translated again as one piece of code with registers of its own. docs/jit.md, "Regions".
 *
 * Ownership: the jit owns its regions; they go with jit_flush, or when one of their blocks dies. */
#ifndef ORRERY_CPU_JIT_REGION_H
#define ORRERY_CPU_JIT_REGION_H

#include "cpu/engine_internal.h"

#if ORRERY_HOSTILE
#define REGION_MEMBERS_MAX 8
#else
#define REGION_MEMBERS_MAX 64
#endif
#define REGION_INSNS_MAX 400
#define F_HOSTS_MAX      11 /* four xmm registers are left for values on the way, and one as scratch */
#define REGION_SEEN_MAX  160
#define REGION_NEXT_MAX  6
/* Instructions of members that are joined. */
#define CHAIN_INSNS_MAX (BLOCK_INSNS_MAX < 24 ? 24 : BLOCK_INSNS_MAX)

struct jit;

/* A block as it was seen to run, and, when it has been chosen, a part of a region. */
struct member {
    struct block *block;
    gva_t pc; /* where it was executed */
    uint32_t count;
    unsigned next_count;
    struct {
        uint16_t member, count;
    } next[REGION_NEXT_MAX];
    uint8_t *label; /* its code, at a written address */
    bool joined; /* it follows nothing but the member before it: its code is the rest of that one's, without a label */
};

/* What a region is made from. */
struct plan {
    struct member member[REGION_MEMBERS_MAX];
    unsigned count, insns;
    bool several_pages;            /* then the code is for these virtual addresses alone */
    uint8_t host[32], f_host[32];  /* registers of guest registers; none: NOT_PINNED, 0 */
    unsigned f_hosts;              /* how many f registers have one: xmm15 and downwards */
    uint32_t x_written, f_written; /* sets of guest registers */
    uint32_t nan_d, nan_s;         /* those with a NaN at a label that stands for the canonical one: struct place */
    const struct hart *hart;       /* that was watched */
    const struct ram_region *flat; /* NULL, or loads are of physical addresses, all of this region allowed to them */
};

/* Samples of where the time goes, and the record of blocks in a row. */
struct recorder {
    int64_t credit, period; /* instructions until the next sample; between two */
    unsigned steps, last;   /* steps: blocks recorded, 0 if nothing is; last: the one that ran last, in seen */
    struct hart *hart;
    const struct code_bank *bank;
    uint8_t mode;
    struct block *start;
    struct member seen[REGION_SEEN_MAX];
    unsigned seen_count;
};

/* A live region. */
struct region {
    struct region *next;
    unsigned count;
    struct {
        struct block *block;
        bool entered; /* its entry leads into the region; what stood there: */
        uint8_t saved[5];
    } of[];
};

/* Before the run loop enters b: how many instructions may run until it asks again; at least those of b. */
int64_t region_step(struct hart *h, const struct block *b);
/* Regions that b is part of die, and a recording ends. */
void region_block_killed(struct jit *j, struct block *b);
void region_flush(struct jit *j);

/* gen_region.c: writes the code and leads the entries of r's blocks, which are the plan's, into it. */
void jit_emit_region(struct jit *j, struct plan *plan, struct region *r);
/* Bytes that this may take. */
size_t jit_region_room(const struct plan *plan);

#endif
