/*
 * machine.h - what the device tree says about this machine. Read once at start, constant afterwards.
 */
#ifndef KEPLER_ARCH_MACHINE_H
#define KEPLER_ARCH_MACHINE_H

#include "base/types.h"

struct region {
    paddr_t base;
    uint64_t bytes;
};

#define MACHINE_REGIONS_MAX 32
#define MACHINE_VIRTIO_MAX  32
#define MACHINE_CMDLINE_MAX 1024

struct machine {
    struct region memory[MACHINE_REGIONS_MAX]; /* RAM, ascending, page-aligned, not overlapping */
    unsigned memories;
    struct region reserved[MACHINE_REGIONS_MAX]; /* in RAM but not free: firmware, kernel image, device tree, initrd */
    unsigned reservations;
    struct region initrd;       /* bytes is 0 if there is none */
    struct region devicetree;   /* the blob; stays reserved */
    unsigned harts;             /* harts that can be used, at most HART_MAX */
    uint64_t hart_id[HART_MAX]; /* [0] is the one that booted */
    uint64_t timebase_hz;
    bool has_sstc; /* every hart has stimecmp */
    struct region plic;
    uint32_t plic_context[HART_MAX]; /* S-mode context of hart number i */
    uint32_t plic_sources;           /* highest interrupt number */
    struct region uart;              /* ns16550a */
    uint32_t uart_irq;
    uint32_t uart_shift; /* registers are 1 << this apart */
    struct region rtc;   /* goldfish-rtc; bytes 0: none */
    struct {
        struct region mmio;
        uint32_t irq;
    } virtio[MACHINE_VIRTIO_MAX]; /* virtio,mmio windows by ascending address, populated or not */
    unsigned virtios;
    char cmdline[MACHINE_CMDLINE_MAX]; /* /chosen/bootargs */
};

extern struct machine machine;

/* Reads the tree at physical address `dtb`. False if it is malformed or names no memory. */
bool machine_read(paddr_t dtb);

/* The value of `name=value` on the command line, copied to `to`; false (and to[0] = 0) if it is not there. A bare word counts
 * as the empty value. */
bool boot_argument(const char *name, char *to, size_t room);

/*
 * Memory before the frame allocator exists: whole zeroed pages from behind the kernel image, never given back. The
 * frame allocator calls early_alloc_end once; it returns the first physical address behind everything so
 * allocated (already counted in machine.reserved), and nothing may be allocated afterwards.
 */
void *early_alloc(size_t pages);
paddr_t early_alloc_end(void);

#endif
