/* virtio-mmio: the register window of one virtio device, version 2 ("modern"). The board makes eight of them as QEMU's virt does
 * (0x1000 bytes each); a slot without a device shows device id 0. Source: specification, "Virtio Over MMIO".
 *
 *   000 MagicValue      020 DriverFeatures     044 QueueReady       080/084 QueueDesc     0ac SHMSel
 *   004 Version         024 DriverFeaturesSel  050 QueueNotify      090/094 QueueDriver   0b0… SHMLen, SHMBase
 *   008 DeviceID        030 QueueSel           060 InterruptStatus  0a0/0a4 QueueDevice   0c0 QueueReset
 *   00c VendorID        034 QueueSizeMax       064 InterruptACK     070 Status            0fc ConfigGeneration
 *   010 DeviceFeatures  038 QueueSize          014 DeviceFeaturesSel                      100… configuration
 *
 * Control registers take 32-bit accesses only; the configuration takes any natural one. */
#ifndef ORRERY_DEVICES_VIRTIO_MMIO_H
#define ORRERY_DEVICES_VIRTIO_MMIO_H

#include "devices/device.h"
#include "devices/virtio/virtio.h"

#define VIRTIO_MMIO_BYTES 0x1000u /* the size of a slot on the board */

struct virtio_mmio;

/* NULL if host memory ran out. */
struct virtio_mmio *virtio_mmio_create(const struct device_host *host, struct irq_line irq);
/* Puts a device into an empty slot before the machine runs; the slot owns it from now on. */
void virtio_mmio_plug(struct virtio_mmio *slot, struct virtio_device *dev);
struct virtio_device *virtio_mmio_device_in(struct virtio_mmio *slot); /* NULL: empty */

extern const struct device_ops virtio_mmio_device;

#endif
