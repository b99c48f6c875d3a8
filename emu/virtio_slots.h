/* The eight virtio-mmio slots and what -drive, -device and -netdev put into them. */
#ifndef ORRERY_VIRTIO_SLOTS_H
#define ORRERY_VIRTIO_SLOTS_H

#include "emu/machine.h"

struct virtio_slots;

/* Fills m->slots; the slots themselves are devices of the machine. */
bool virtio_slots_add(struct machine *m, struct err *err);

/* After the devices are destroyed: their back ends. NULL is fine. */
void virtio_slots_finish(struct virtio_slots *s);

#endif
