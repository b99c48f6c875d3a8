/*
 * irq.h - device interrupts, from the platform-level interrupt controller (PLIC).
 *
 * A handler runs with interrupts off, on any hart, and must be short: it takes note of what the device wants and
 * leaves the bulk of the work to a soft-interrupt thread (kern/softirq.h).
 */
#ifndef KEPLER_ARCH_IRQ_H
#define KEPLER_ARCH_IRQ_H

#include "base/types.h"

typedef void irq_handler(void *context);

void irq_init_hart(void); /* on each hart */
/* Connects and enables interrupt `irq`, for ever. 0, or -EINVAL, -EBUSY. */
int irq_connect(unsigned irq, const char *name, irq_handler *handler, void *context);
void irq_dispatch(void); /* from the trap handler: serves all that is pending */

/* For /proc/interrupts: the first connected interrupt from *irq on; 0 behind the last. */
size_t irq_describe(unsigned *irq, const char **name, uint64_t *count);

#endif
