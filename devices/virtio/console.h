/* virtio-console: one port (hvc0), with size and emergency write. Source: specification, "Console Device". */
#ifndef ORRERY_DEVICES_VIRTIO_CONSOLE_H
#define ORRERY_DEVICES_VIRTIO_CONSOLE_H

#include "devices/chardev.h"
#include "devices/virtio/virtio.h"

/* chardev is borrowed and may be NULL: output vanishes. NULL if host memory ran out. */
struct virtio_device *virtio_console_create(struct chardev *chardev);
/* The terminal changed its size (host input: at round boundaries only). 0, 0: unknown. */
void virtio_console_resize(struct virtio_device *console, uint16_t columns, uint16_t rows);

#endif
