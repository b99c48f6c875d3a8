/* Observers: commit log, tracers, debugger. With none attached the engine runs handlers that never heard of them; with one attached it
 * runs the same handlers one instruction at a time, with every memory access on the path that reports.
 *
 * The record of one retired (or trapping) instruction is complete: what was fetched, which register it wrote, what memory it touched,
 * which CSRs it changed. */
#ifndef ORRERY_CPU_OBSERVE_H
#define ORRERY_CPU_OBSERVE_H

#include "cpu/hart.h"

struct mem_record {
    gva_t va;
    gpa_t pa;
    uint64_t value;
    uint8_t size; /* 1, 2, 4, 8; 64: a cache block, zeroed */
    bool store;
};

#define COMMIT_MEM_MAX 4
#define COMMIT_CSR_MAX 8

struct commit {
    uint64_t pc;
    uint32_t insn;  /* 16-bit instructions zero-extended */
    uint8_t length; /* 2 or 4 */
    uint8_t priv;   /* in which it executed */
    bool trapped;   /* did not retire; cause and tval say why */
    struct trap trap;
    bool wrote_x, wrote_f;
    uint8_t rd;
    uint64_t rd_value;
    struct mem_record mem[COMMIT_MEM_MAX];
    unsigned mem_count;
    struct {
        uint16_t number;
        uint64_t value;
    } csr[COMMIT_CSR_MAX];
    unsigned csr_count;
};

struct observer {
    void (*commit)(void *self, struct hart *h, const struct commit *c); /* may be NULL */
    void (*interrupt)(void *self, struct hart *h, uint64_t cause);      /* an interrupt was taken; may be NULL */
    /* Debugger: asked before each instruction (true: stop before it) and before each memory access (true: stop after the instruction). */
    bool (*before)(void *self, struct hart *h, uint64_t pc);
    bool (*access)(void *self, struct hart *h, gva_t va, unsigned size, bool store);
    void *self;
    struct observer *next;
};

/* Observers form a list; attaching or detaching is legal between calls of hart_run. */
void hart_attach(struct hart *h, struct observer *o);
void hart_detach(struct hart *h, struct observer *o);

#endif
