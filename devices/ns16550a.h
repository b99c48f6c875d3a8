/* UART 16550A: eight byte-wide registers, 16-byte receive FIFO with trigger levels and character timeout, modem lines in loopback.
 * Source: National Semiconductor PC16550D data sheet (June 1995), register summary table II and section 8.
 *
 * Output leaves at once, so the transmitter is always empty; input enters when the chardev's back end delivers it. */
#ifndef ORRERY_DEVICES_NS16550A_H
#define ORRERY_DEVICES_NS16550A_H

#include "devices/chardev.h"
#include "devices/device.h"

#define NS16550A_SIZE     UINT64_C(0x100)
#define NS16550A_CLOCK_HZ 3686400u

struct ns16550a;

/* The chardev is borrowed; its front-end half is filled in here. */
struct ns16550a *ns16550a_create(const struct device_host *host, struct irq_line irq, struct chardev *chardev);

extern const struct device_ops ns16550a_device;

#endif
