/* The device contract.
 *
 * A device is one file with a const table of callbacks. It gets interrupt lines, the event queue and guest memory (the bus); it never
 * sees a hart, and only the board attaches it. Saved state stands beside the device's own code. Anything a guest writes is checked;
 * nonsense is one LOG_GUEST_ERROR line and a defined answer, never an assertion.
 *
 * Each device file exports
 *     struct NAME *NAME_create(config…);            NULL or err on failure
 *     extern const struct device_ops NAME_device;   the table below
 * and keeps its struct private. */
#ifndef ORRERY_DEVICES_DEVICE_H
#define ORRERY_DEVICES_DEVICE_H

#include "emu/base/err.h"
#include "emu/base/event.h"
#include "emu/base/log.h"
#include "emu/base/state.h"
#include "mmu/bus.h"

/* What every device may use; the machine owns all of it and outlives the device. */
struct device_host {
    struct event_queue *events;
    struct bus *bus;
    struct log *log;
};

/* Where a device sits on the board; used for its device-tree node. */
struct device_place {
    gpa_t base;
    uint64_t size;
    unsigned irq;             /* PLIC source, 0 = none */
    uint32_t irq_parent;      /* phandle of the interrupt controller */
    uint32_t irq_flags_cells; /* #interrupt-cells of the parent (1 for a PLIC) */
};

struct device_ops {
    const char *name;
    const struct mmio_ops *mmio;
    void (*reset)(void *dev);                  /* power-on state; may be NULL */
    void (*state)(void *dev, struct state *s); /* saves or restores */
    void (*destroy)(void *dev);
    /* Writes the device's own node into the tree under construction with libfdt's sequential-write functions (fdt_begin_node …
     * fdt_end_node), the parent ("/soc") being open. Returns 0 or libfdt's negative error. May be NULL. */
    int (*fdt_node)(const void *dev, void *fdt, const struct device_place *place);
};

#endif
