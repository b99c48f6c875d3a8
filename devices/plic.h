/* Platform-level interrupt controller (RISC-V PLIC specification 1.0).
 *
 * Level-triggered gateways for sources 1 … sources-1; contexts 2h (machine) and 2h+1 (supervisor) for hart h; priorities 0 … 7.
 * A claim ignores the threshold; a completion for a source not enabled in that context is ignored. */
#ifndef ORRERY_DEVICES_PLIC_H
#define ORRERY_DEVICES_PLIC_H

#include "devices/device.h"

#define PLIC_SOURCES_MAX  128
#define PLIC_CONTEXTS_MAX 16
#define PLIC_PRIORITY_MAX 7
#define PLIC_SIZE         UINT64_C(0x600000)

struct plic;

/* targets[c] is context c's external-interrupt wire; sources counts source 0, which does not exist. NULL on lack of memory. */
struct plic *plic_create(const struct device_host *host, unsigned sources, unsigned contexts,
                         const struct irq_line *targets);
/* The wire into source n (1 <= n < sources). */
struct irq_line plic_source(struct plic *p, unsigned n);
/* Its node needs to know whose wires it drives: phandles[c] is the hart's interrupt controller of context c (borrowed). `phandle` is its own. */
void plic_set_phandles(struct plic *p, uint32_t phandle, const uint32_t *phandles);

extern const struct device_ops plic_device;

#endif
