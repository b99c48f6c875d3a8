/*
 * virtio.h - devices made for virtual machines, over memory-mapped registers.
 *
 * Driver and device share a *queue*: a table of descriptors (address, length), a ring in which the driver makes chains of them
 * available, and a ring in which the device gives back those it has used:
 *
 *      descriptors   0: header -> 3   1: free   2: free   3: data -> 4   4: status
 *      available     [ 0 . . . ]   written by the driver: "chain that starts with 0"
 *      used          [ 0 . . . ]   written by the device: "done with it, wrote so many bytes"
 *
 * Source: Virtual I/O Device (VIRTIO) 1.2, "Split Virtqueues", "Virtio Over MMIO" (also its legacy interface, which QEMU's
 * `virt` machine has unless told otherwise).
 */
#ifndef KEPLER_DEV_VIRTIO_H
#define KEPLER_DEV_VIRTIO_H

#include "base/types.h"

enum virtio_id { VIRTIO_NET = 1, VIRTIO_BLK = 2, VIRTIO_CONSOLE = 3, VIRTIO_RNG = 4 };
enum virtio_feature { VIRTIO_F_VERSION_1 = 32 };

struct virtio_device {
    volatile uint8_t *registers;
    unsigned irq, id;
    bool legacy;                                     /* version 1 of the register interface */
    uint64_t offered;                                /* features */
    void (*interrupt)(struct virtio_device *device); /* interrupt context */
    void *driver;
};

struct virtio_buffer {
    void *address; /* direct map, physically contiguous */
    uint32_t bytes;
    bool to_driver; /* the device writes it; such buffers come last in a chain */
};

struct virtio_queue {
    struct virtio_device *device;
    unsigned index, size;
    struct virtq_desc *desc;
    struct virtq_avail *avail;
    struct virtq_used *used;
    uint16_t free_head, free_count, used_seen;
    void **token; /* by head of chain */
};

/* A driver for one kind of device; probe is called at start for each device found, in order of address from the highest slot
 * down, which is the order in which QEMU and Orrery number disks. It may sleep. */
void virtio_driver_register(enum virtio_id id, int (*probe)(struct virtio_device *device));

/* Resets the device and agrees on features: returns those of `wanted` that the device offers. *error: 0 or -ENODEV. */
uint64_t virtio_start(struct virtio_device *device, uint64_t wanted, int *error);
/* Sets queue `index` up with at most `size` descriptors (a power of two). 0, -ENODEV, -ENOMEM. */
int virtio_queue_init(struct virtio_device *device, unsigned index, unsigned size, struct virtio_queue *queue);
/* Connects the interrupt; the device may work from here on. */
int virtio_ready(struct virtio_device *device, const char *name);
void virtio_config(struct virtio_device *device, unsigned offset, void *to, size_t bytes);

/* The caller's lock protects a queue. Adds a chain; its head's number, or -1: not enough free descriptors. */
int virtio_queue_add(struct virtio_queue *queue, const struct virtio_buffer *buffer, unsigned n, void *token);
void virtio_queue_notify(struct virtio_queue *queue);
/* The token of a chain the device has finished; NULL: none. *bytes: written by the device (NULL: not wanted); *head: its number. */
void *virtio_queue_take(struct virtio_queue *queue, uint32_t *bytes, unsigned *head);

#endif
