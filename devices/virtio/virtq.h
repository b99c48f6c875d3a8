/* The split virtqueue, device side. Source: Virtual I/O Device specification, "Split Virtqueues".
 *
 *   descriptor table (desc)      available ring (driver)          used ring (device)
 *   16 bytes each:               0 flags   2 idx                  0 flags   2 idx
 *    0 addr  8 len               4 ring[size] of u16 heads        4 ring[size] of {u32 id, u32 len}
 *   12 flags 14 next             4+2*size used_event              4+8*size avail_event
 *
 * Nothing in guest memory is believed: a chain comes out of virtq_pop complete, bounded and mapped, or the device is marked broken
 * (virtio_broken) and nothing comes out any more. Everything runs in one thread, so the guest cannot change what was just checked. */
#ifndef ORRERY_DEVICES_VIRTIO_VIRTQ_H
#define ORRERY_DEVICES_VIRTIO_VIRTQ_H

#include "emu/base/state.h"
#include "emu/base/types.h"
#include <sys/uio.h>

#define VIRTQ_SIZE_MAX 256u /* entries of a queue, and so elements of a chain */

struct virtio_device;

/* One element of a chain: guest memory that lies wholly in RAM. len >= 1. Write through virtq_write, or touch it (see virtq_touch). */
struct virtq_seg {
    gpa_t gpa;
    uint32_t len;
    uint8_t *host;
};

/* A chain: device-readable elements first, then device-writable ones. Empty descriptors are left out. */
struct virtq_chain {
    uint16_t head;
    uint16_t readable, writable;             /* elements of each kind */
    uint64_t readable_bytes, writable_bytes; /* their sums, together at most 2^32 */
    struct virtq_seg seg[VIRTQ_SIZE_MAX];
};

struct virtq {
    /* the driver's configuration; addresses count only while ready */
    uint16_t size_max, size;
    bool ready;
    gpa_t desc_gpa, driver_gpa, device_gpa;
    /* progress */
    uint16_t next_avail, next_used; /* free-running */
    uint16_t in_flight;             /* popped, not yet pushed; at most size */
    uint16_t signalled;             /* next_used at the last virtq_signal */
    /* the rings in host memory, while ready */
    const uint8_t *desc, *driver;
    uint8_t *device;
    struct virtio_device *dev;
    unsigned index;
};

/* Takes the next available chain. false: there is none, or the queue is not live, or the device has just been marked broken. */
bool virtq_pop(struct virtq *q, struct virtq_chain *chain);
/* Gives back the last n popped chains unused; they come again. */
void virtq_unpop(struct virtq *q, unsigned n);
/* Returns a popped chain to the driver; `written` bytes from the start of its writable part are valid. Signal afterwards. */
void virtq_push(struct virtq *q, uint16_t head, uint32_t written);
/* Interrupts the driver if chains were pushed since the last call and it wants to know. */
void virtq_signal(struct virtq *q);

/* Copies between a chain and host memory, at an offset into its readable or writable bytes; returns how many bytes fitted. */
size_t virtq_read(const struct virtq_chain *chain, uint64_t offset, void *to, size_t n);
size_t virtq_write(struct virtq *q, const struct virtq_chain *chain, uint64_t offset, const void *from, size_t n);
/* The part [offset, offset+n) of a run of elements as host vectors; returns their number (at most count). The range must lie inside. */
unsigned virtq_slice(const struct virtq_seg *seg, unsigned count, uint64_t offset, uint64_t n, struct iovec *iov);
/* To be called when elements are about to be written other than by virtq_write. */
void virtq_touch(struct virtq *q, const struct virtq_seg *seg, unsigned count);

/* For virtio.c. */
bool virtq_start(struct virtq *q); /* false: size or addresses are nonsense (the device is marked broken) */
void virtq_stop(struct virtq *q);  /* to the state after reset */
void virtq_state(struct virtq *q, struct state *s);
/* Saves or restores an element; on restore its host address is looked up, and a bad one fails the state. */
void virtq_seg_state(struct virtq *q, struct virtq_seg *seg, struct state *s);

#endif
