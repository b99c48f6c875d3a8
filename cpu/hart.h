/* A hart: its architectural state, how it runs, and what the machine may do to it.
 *
 * Ownership. The machine creates harts and owns the bus, the event queue and the log that they use. A hart owns its MMU (banks, PMP)
 * and shares one block cache with the other harts of its machine (struct engine). Everything runs on one host thread; several machines
 * may live in one process, so nothing here is global.
 *
 * Counting. `icount_end - budget` is the number of instructions retired since reset, exact at every block boundary; within a block the
 * decoded instruction knows how many follow it. Time is derived from it by the machine (see hart_env). A trap's instruction does not
 * retire. ECALL and EBREAK do not retire either (norm: they trap).
 *
 * Traps are values: a function that can trap returns false and fills a struct trap; nobody longjmps. */
#ifndef ORRERY_CPU_HART_H
#define ORRERY_CPU_HART_H

#include "cpu/fp/fp.h"
#include "cpu/isa.h"
#include "emu/base/log.h"
#include "emu/base/state.h"
#include "emu/base/types.h"
#include "mmu/mmu.h"

/* mcause values (machine.adoc, table "Machine cause register values after trap"). */
enum cause {
    CAUSE_FETCH_MISALIGNED = 0,
    CAUSE_FETCH_ACCESS = 1,
    CAUSE_ILLEGAL = 2,
    CAUSE_BREAKPOINT = 3,
    CAUSE_LOAD_MISALIGNED = 4,
    CAUSE_LOAD_ACCESS = 5,
    CAUSE_STORE_MISALIGNED = 6,
    CAUSE_STORE_ACCESS = 7,
    CAUSE_ECALL_U = 8,
    CAUSE_ECALL_S = 9,
    CAUSE_ECALL_VS = 10,
    CAUSE_ECALL_M = 11,
    CAUSE_FETCH_PAGE = 12,
    CAUSE_LOAD_PAGE = 13,
    CAUSE_STORE_PAGE = 15,
    CAUSE_SOFTWARE_CHECK = 18,
    CAUSE_HARDWARE_ERROR = 19,
    CAUSE_FETCH_GUEST_PAGE = 20,
    CAUSE_LOAD_GUEST_PAGE = 21,
    CAUSE_VIRTUAL = 22,
    CAUSE_STORE_GUEST_PAGE = 23,
};
#define CAUSE_INTERRUPT (UINT64_C(1) << 63)
enum irq {
    IRQ_SSI = 1,
    IRQ_VSSI = 2,
    IRQ_MSI = 3,
    IRQ_STI = 5,
    IRQ_VSTI = 6,
    IRQ_MTI = 7,
    IRQ_SEI = 9,
    IRQ_VSEI = 10,
    IRQ_MEI = 11,
    IRQ_SGEI = 12,
    IRQ_LCOFI = 13
};

struct trap {
    uint64_t cause; /* with CAUSE_INTERRUPT if it is one */
    uint64_t
        tval; /* as the strictest reader expects: faulting address (of the half that faults), or instruction bits */
    uint64_t tval2; /* for xtval2: guest-physical address >> 2 of a guest-page fault, else 0 */
    uint64_t tinst; /* for xtinst: transformed instruction or pseudoinstruction, else 0 */
    bool gva;       /* V = 0, but tval is a guest-virtual address: HLV, HLVX, HSV, or MPRV with MPV */
};

/* What a hart asks of its machine. */
struct hart_env {
    ps_t (*now)(void *machine);                          /* exact local time of the running hart: for time, Sstc */
    uint64_t timebase_ps;                                /* picoseconds per tick of `time` */
    void (*timer_changed)(void *machine, unsigned hart); /* Sstc: reschedule from hart_timer_deadline() */
    /* mcycle is instructions retired times this, in 1/65536 cycles; 0 counts as 1.0 (--cpi). */
    uint64_t cycles_per_insn_q16;
    void *machine;
    bool traps_end_run; /* hart_run comes back after each trap or interrupt taken */
};

/* State of CSRs that are plain storage. Rows in isa/csr.def say number, masks and hooks; this is where they keep bits. */
struct csr_state {
    uint64_t mstatus, misa, mie, mip, mtvec, mscratch, mepc, mcause, mtval, medeleg, mideleg, mcounteren, mcountinhibit,
        menvcfg, stvec, sscratch, sepc, scause, stval, scounteren, senvcfg, satp, stimecmp;
    uint64_t mstateen[4];
    /* The H extension; without effect while misa.H is off. henvcfg and hstateen hold what was written; what menvcfg and
     * mstateen have off is masked when they are used. */
    uint64_t hstatus, hedeleg, hideleg, htimedelta, hcounteren, henvcfg, htval, hvip, htinst, hgatp;
    uint64_t hstateen[4];
    uint64_t vsstatus, vstvec, vsscratch, vsepc, vscause, vstval, vstimecmp, vsatp, mtval2, mtinst;
    uint64_t mcycle_offset,
        minstret_offset; /* counter = running count + offset (mod 2^64), frozen value while inhibited */
    uint64_t
        mip_lines; /* level of the wires from outside (MSI, MTI, MEI, SEI; STI, VSTI by Sstc); mip itself holds what software wrote */
};

/* Why hart_run came back. */
enum hart_stop {
    HART_BUDGET,     /* all asked instructions done, or hart_kick */
    HART_WFI,        /* waits; nothing to do until hart_wakes() */
    HART_BREAKPOINT, /* debugger: pc is at a breakpoint, or a watchpoint was hit (see hart->debug) */
};

#define ACCESS_HINTS 1024

struct engine; /* shared block cache, cpu/engine.h */
struct commit;
struct observer; /* commit log, tracer, debugger hooks: cpu/observe.h */

struct hart {
    uint64_t x[33]; /* x[32] is where writes to x0 go; x[0] stays 0 */
    uint64_t f[32]; /* NaN-boxed */
    uint64_t pc;    /* at rest: next instruction. Running: start of the current block */
    int64_t budget; /* instructions until the engine must look up; may be forced to 0 by hart_kick */
    uint64_t icount_end;
    struct data_bank *data; /* of the present regime */
    struct code_bank *code;
    struct fp_ctx fp;
    uint8_t
        fs_dirty; /* an f register or fcsr was written since priv_sync_fp; flags that operations raise stand in fp */
    uint8_t priv; /* enum priv: the nominal privilege */
    bool virt;    /* V: priv is U or S, and stands for VU- or VS-mode */
    bool waiting; /* in WFI (or WRS) */
    bool trapped; /* a trap or interrupt was taken; cleared by the machine */
    bool
        stalled; /* hart_run gave up: it traps on and on without retiring anything. The machine lets the turn's time pass */
    uint64_t
        reservation; /* LR: physical address of the reserved doubleword + 1; 0: none. At most one hart of an engine has one */
    bool kicked;  /* hart_kick since the run began */
    uint8_t mode; /* the engine's number for mode_isa */
    uint32_t
        unretired;    /* instructions of the running block that have not retired, while a device or CSR function runs */
    isa_set mode_isa; /* the isa_live that mode stands for */
    struct commit *commit;         /* the record being made, in an observed run */
    bool observed_stop;            /* an observer wants the run to stop */
    unsigned id;                   /* mhartid */
    isa_set isa;                   /* what it was built with; misa may switch some off at run time */
    isa_set isa_live;              /* isa less what misa, mstatus.FS … have off; decoding depends on it */
    isa_set isa_fp_on, isa_fp_off; /* the two values that isa_live has under the present misa, by mstatus.FS */
    struct csr_state csr;
    struct mode_regimes {
        struct mmu_regime data, code;
    } regimes[8];          /* by priv, and 4 if virt, without MPRV: see priv_switch */
    uint8_t regimes_known; /* bit: regimes[] holds what the CSRs say */
    struct mmu mmu;
    struct engine *engine;
    struct observer *observer; /* NULL: nothing attached, the fast handlers run */
    const struct hart_env *env;
    struct log *log;
    uint64_t stepped; /* tier 2: the count when the run loop last entered a block */
    uint64_t went_on; /* the count when run_next was last asked */
    bool one_by_one;  /* the run loop wants to see every block of this run */
    /* Tier 2: for each access in native code (several may share one) the offset of the entry in its table of translations that served
     * it last. Any value is right: what is found there is compared. */
    struct access_hint {
        uint32_t entry;
        uint16_t misses, strays; /* how often another one did, and one with another addend */
    } hints[ACCESS_HINTS];
    uint64_t group_addends[8]; /* tier 2, within a block: host minus guest address of a group of accesses */
};

struct hart_config {
    unsigned id;
    isa_set isa;
    unsigned pmp_count; /* 0, 16 or 64 */
    gpa_t reset_pc;
};

/* The hart borrows bus, engine, env and log for its life. NULL on lack of memory. */
struct hart *hart_create(const struct hart_config *c, struct bus *bus, struct engine *engine,
                         const struct hart_env *env, struct log *log);
void hart_destroy(struct hart *h);
void hart_reset(struct hart *h, gpa_t pc); /* architectural reset: M-mode, x registers 0 */

/* Runs until `max` more instructions have retired or something stops it. Exact: never one more. Takes interrupts and traps itself. */
enum hart_stop hart_run(struct hart *h, uint64_t max);

/* Makes a running hart_run return at the next block boundary; callable from device callbacks. Harmless otherwise. */
void hart_kick(struct hart *h);

/* Instructions retired since reset; exact also inside device callbacks made by this hart. */
uint64_t hart_icount(const struct hart *h);

/* Drives interrupt wires (IRQ_MSI, IRQ_MTI, IRQ_SEI, IRQ_MEI): level of mip bits from outside. IRQ_SSI has no level: a rise sets
 * mip.SSIP, which software clears (aclint, SSWI). Kicks a running hart. */
void hart_set_irq(struct hart *h, unsigned irq, bool level);
/* Signature of irq_line.set: target is the hart, n the interrupt number. */
void hart_irq_line(void *hart, unsigned irq, bool level);
/* A waiting hart has a pending enabled interrupt (regardless of global enables), so it must run again. */
bool hart_wakes(const struct hart *h);
/* The next value of `time` at which Sstc changes STIP or VSTIP; UINT64_MAX if none. The machine schedules, then calls hart_timer_check
 * and asks again. */
uint64_t hart_timer_deadline(const struct hart *h);
void hart_timer_check(struct hart *h);

/* Debugger: virtual memory in the hart's present regime, access rights ignored; false if not mapped. Writes keep code coherent. */
bool hart_debug_read(struct hart *h, gva_t va, void *to, size_t len);
bool hart_debug_write(struct hart *h, gva_t va, const void *from, size_t len);

/* Snapshot: everything architectural. Banks and blocks are rebuilt. */
void hart_state(struct hart *h, struct state *s);

#endif
