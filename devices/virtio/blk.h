/* virtio-blk: a disk. The front end over a medium (devices/storage/medium.h). Source: specification, "Block Device".
 *
 * Reads, writes, FLUSH, DISCARD, WRITE_ZEROES and GET_ID; any number of requests in flight on up to VIRTIO_BLK_QUEUES_MAX queues. The
 * write cache can be switched (`writeback` in the configuration); without it, and for drivers that negotiated no FLUSH, each
 * write is durable when it completes. */
#ifndef ORRERY_DEVICES_VIRTIO_BLK_H
#define ORRERY_DEVICES_VIRTIO_BLK_H

#include "devices/storage/medium.h"
#include "devices/virtio/virtio.h"

#define VIRTIO_BLK_QUEUES_MAX VIRTIO_QUEUES_MAX
#define VIRTIO_BLK_SERIAL_MAX 20

struct virtio_blk_config {
    struct medium *medium; /* owned by the device from now on, also on failure */
    const char *serial;    /* up to 20 characters for GET_ID; NULL: empty */
    unsigned queues;       /* num-queues=, 1 … VIRTIO_BLK_QUEUES_MAX; 0 means 1 */
    unsigned
        block_bytes; /* logical_block_size=: 512 … 4096, a power of 2; 0 means 512. The image must be a multiple of it */
    bool no_discard;    /* discard=off */
    bool write_through; /* write-cache=off: the state of the switch after reset */
};

/* NULL with text if a value is out of range. */
struct virtio_device *virtio_blk_create(const struct virtio_blk_config *config, struct err *err);

#endif
