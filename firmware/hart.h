/*
 * hart.h - what the firmware remembers about each hart.
 *
 * One structure per hart, found through the `tp` register while the firmware runs and through `mscratch` while the
 * supervisor runs. mscratch is zero while the firmware runs: a trap that finds it so came from the firmware itself,
 * which is a bug.
 *
 *   harts[0] harts[1] ...        stacks:  |canary ... <- sp |canary ... <- sp | ...
 *
 * A field is written by its own hart, except those marked "shared", which other harts touch with atomic operations.
 */
#ifndef ORRERY_FIRMWARE_HART_H
#define ORRERY_FIRMWARE_HART_H

/* Assembly shares these. */
#define HART_MAX         8
#define HART_STACK_BYTES 4096
#define HART_MEPC        (32 * 8)
#define HART_MSTATUS     (33 * 8)
#define HART_STACK_TOP   (34 * 8)
#define HART_SIZE        1024

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* HSM states; numbers from the SBI specification, table "HSM Hart States". */
enum hsm_state {
    HSM_STARTED = 0,
    HSM_STOPPED = 1,
    HSM_START_PENDING = 2,
    HSM_STOP_PENDING = 3,
    HSM_SUSPENDED = 4,
    HSM_SUSPEND_PENDING = 5,
    HSM_RESUME_PENDING = 6,
};

/* Reasons for a machine software interrupt, bits of hart.ipi_bits. */
#define IPI_SUPERVISOR 1u /* raise SSIP: somebody called sbi_send_ipi */
#define IPI_FENCE      2u /* look into fence_from */
#define IPI_START      4u /* leave the stopped state; start_* are valid */

enum fence_kind { FENCE_I, FENCE_VMA, FENCE_VMA_ASID, FENCE_GVMA_VMID, FENCE_GVMA, FENCE_VVMA_ASID, FENCE_VVMA };

/* One remote fence. A hart asks for one at a time and waits for it, so one slot per asking hart is enough. */
struct fence_request {
    enum fence_kind kind;
    uint64_t start, size; /* bytes; the whole space if size is UINT64_MAX */
    uint64_t id;          /* ASID, or VMID for FENCE_GVMA_VMID */
    uint64_t hgatp;       /* the asking hart's, for FENCE_VVMA*: its VMID counts */
    uint32_t waiting_for; /* shared: harts that have not done it yet, one bit each */
};

#define PMU_HW_COUNTERS 32 /* cycle, (time), instret, hpmcounter3..31 */
#define PMU_FW_COUNTERS 16
#define PMU_COUNTERS    (PMU_HW_COUNTERS + PMU_FW_COUNTERS)

struct pmu_state {
    uint64_t exists, configured, started; /* one bit per counter */
    uint64_t hw_event[PMU_HW_COUNTERS];   /* for mhpmevent */
    uint64_t fw_value[PMU_FW_COUNTERS];
    uint16_t fw_event[PMU_FW_COUNTERS];
};

struct hart {
    unsigned long x[32]; /* interrupted context: x1..x31, mepc, mstatus */
    unsigned long mepc, mstatus;
    unsigned long stack_top;
    unsigned long id;
    bool has_sstc, has_hypervisor, has_overflow_irq;
    uint32_t state;                            /* shared: enum hsm_state */
    uint32_t ipi_bits;                         /* shared: IPI_* */
    uint32_t fence_from;                       /* shared: harts whose fence request waits here, one bit each */
    unsigned long start_address, start_opaque; /* written by the starter between START_PENDING and IPI_START */
    struct fence_request fence;
    struct pmu_state pmu;
};

_Static_assert(offsetof(struct hart, mepc) == HART_MEPC, "entry.S agrees");
_Static_assert(offsetof(struct hart, mstatus) == HART_MSTATUS, "entry.S agrees");
_Static_assert(offsetof(struct hart, stack_top) == HART_STACK_TOP, "entry.S agrees");
_Static_assert(sizeof(struct hart) <= HART_SIZE, "harts[] is indexed in entry.S by HART_SIZE");

union hart_slot {
    struct hart hart;
    uint8_t bytes[HART_SIZE];
};
extern union hart_slot harts[HART_MAX];

/* Registers of the SBI calling convention in hart.x. */
enum { REG_A0 = 10, REG_A1 = 11, REG_A6 = 16, REG_A7 = 17 };

static inline struct hart *hart_self(void)
{
    struct hart *self;
    __asm__ volatile("mv %0, tp" : "=r"(self));
    return self;
}

/* True if the id names a hart that the device tree lists as enabled. */
bool hart_exists(unsigned long id);
/* The hart with this id, which must exist. */
static inline struct hart *hart_by_id(unsigned long id) { return &harts[id].hart; }
static inline uint32_t hart_state(struct hart *hart) { return __atomic_load_n(&hart->state, __ATOMIC_ACQUIRE); }

/* Prepares every machine-mode CSR of the calling hart: delegation, environment, counters, PMP. The timer is off
 * afterwards. */
void hart_init(struct hart *self);
/* Checks that the hart's stack has not overflowed since boot; panics if it has. */
void hart_check_stack(const struct hart *self);
void hart_mark_stack(const struct hart *self);

/* entry.S: enters S-mode at `address` with satp and sstatus.SIE zero, a0 = hart id, a1 = opaque. */
_Noreturn void hart_enter_supervisor(unsigned long address, unsigned long hartid, unsigned long opaque);

#endif
#endif
