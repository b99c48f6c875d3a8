/*
 * platform.h - the machine as the device tree describes it: memory, harts, and the four devices the firmware drives.
 *
 * Filled once by the boot hart before the others leave their beds; read-only afterwards. A device that the tree does
 * not list has address 0 and the SBI extensions that need it are not offered.
 */
#ifndef ORRERY_FIRMWARE_PLATFORM_H
#define ORRERY_FIRMWARE_PLATFORM_H

#include <stdbool.h>
#include <stdint.h>

#include "fdt.h"

#define PLATFORM_MEMORY_MAX    8
#define PLATFORM_PMU_EVENT_MAX 16

struct memory_range {
    uint64_t base, bytes;
};

/* One row of riscv,event-to-mhpmcounters: events first..last can be counted by these counters (bit n: hpmcounter n). */
struct pmu_event_range {
    uint32_t first, last, counters;
};

struct platform {
    uint32_t hart_mask; /* bit n: hart n is enabled */
    bool hardware_ad;   /* the tree lists Svadu without Svade: page-table A/D bits are set by hardware from the start */
    bool has_sscofpmf;
    uintptr_t mswi;     /* MSIP registers, 4 bytes per hart */
    uintptr_t mtimecmp; /* 8 bytes per hart */
    uintptr_t uart;
    uintptr_t finisher;
    uint32_t memory_count, pmu_event_count;
    struct memory_range memory[PLATFORM_MEMORY_MAX];
    struct pmu_event_range pmu_events[PLATFORM_PMU_EVENT_MAX];
};
extern struct platform platform;

/* Fills `platform`; false if the tree is malformed. */
bool platform_discover(const struct fdt *fdt);

/* The firmware's own memory, from the linker script: PMP keeps the supervisor out of it. */
extern uint8_t FIRMWARE_BASE[], FIRMWARE_SIZE[];

/* True if the supervisor may use all of [base, base + bytes): RAM that is not the firmware's. An empty range needs a
 * valid base. */
bool platform_supervisor_memory(uint64_t base, uint64_t bytes);
/* True if a hart may be told to run from this physical address. */
bool platform_supervisor_code(uint64_t address);

#endif
