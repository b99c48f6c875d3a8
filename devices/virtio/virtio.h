/* What every virtio device shares: identity, feature negotiation, device status, queues. A transport (mmio.h) drives it from one
 * side, a device type (blk.h, net.h, console.h, rng.h) fills in the callbacks on the other.
 *
 * Source: Virtual I/O Device specification, "Basic Facilities of a Virtio Device". Version 1 devices only, split rings.
 *
 *   status   0 -> ACKNOWLEDGE -> DRIVER -> FEATURES_OK -> DRIVER_OK        (the driver adds bits, 0 resets)
 *                                               a broken ring: | NEEDS_RESET, and nothing moves until the reset
 */
#ifndef ORRERY_DEVICES_VIRTIO_VIRTIO_H
#define ORRERY_DEVICES_VIRTIO_VIRTIO_H

#include "devices/device.h"
#include "devices/virtio/virtq.h"

enum virtio_id { VIRTIO_ID_NONE = 0, VIRTIO_ID_NET = 1, VIRTIO_ID_BLK = 2, VIRTIO_ID_CONSOLE = 3, VIRTIO_ID_RNG = 4 };

enum virtio_status {
    VIRTIO_ACKNOWLEDGE = 1,
    VIRTIO_DRIVER = 2,
    VIRTIO_DRIVER_OK = 4,
    VIRTIO_FEATURES_OK = 8,
    VIRTIO_NEEDS_RESET = 64,
    VIRTIO_FAILED = 128,
};

/* Feature bits of rings and negotiation; those of a device type are in its file. */
#define VIRTIO_F_INDIRECT_DESC (UINT64_C(1) << 28)
#define VIRTIO_F_EVENT_IDX     (UINT64_C(1) << 29)
#define VIRTIO_F_VERSION_1     (UINT64_C(1) << 32)
#define VIRTIO_F_RING_RESET    (UINT64_C(1) << 40)
#define VIRTIO_F_COMMON        (VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX | VIRTIO_F_VERSION_1 | VIRTIO_F_RING_RESET)

/* Causes of an interrupt, as InterruptStatus shows them. */
#define VIRTIO_INTERRUPT_USED   1u
#define VIRTIO_INTERRUPT_CONFIG 2u

#define VIRTIO_CONFIG_BYTES 0x100u /* the window that a transport shows; a device's own part may be shorter */
#define VIRTIO_QUEUES_MAX   16u

struct virtio_device;

/* A device type. `dev` is the struct virtio_device that the type embeds as its first member. All functions but destroy may be NULL. */
struct virtio_type {
    const char *name;
    enum virtio_id id;
    /* Whether the subset chosen by the driver makes sense (that it was offered is checked already). "A device MAY fail to operate
     * further if VIRTIO_F_VERSION_1 is not accepted": these go on, because small systems never write the second word of features. */
    bool (*features_ok)(const struct virtio_device *dev, uint64_t features);
    /* Feature negotiation is over: dev->features is final. */
    void (*negotiated)(struct virtio_device *dev);
    /* Device configuration: naturally aligned, size 1, 2, 4 or 8, within the window. Beyond the device's part reads give 0. */
    uint64_t (*config_read)(struct virtio_device *dev, unsigned offset, unsigned size);
    void (*config_write)(struct virtio_device *dev, unsigned offset, unsigned size, uint64_t value);
    /* Buffers may be available; only while the device is live and the queue ready. */
    void (*notify)(struct virtio_device *dev, unsigned queue);
    /* The queue stops: forget everything that was popped from it. Also called for each ready queue on reset. */
    void (*queue_stopped)(struct virtio_device *dev, unsigned queue);
    void (*reset)(struct virtio_device *dev); /* after queue_stopped */
    void (*state)(struct virtio_device *dev, struct state *s);
    void (*destroy)(struct virtio_device *dev); /* frees it */
};

struct virtio_device {
    const struct virtio_type *type;
    uint64_t offered;  /* set by the type at creation */
    uint64_t features; /* what the driver wrote; final once FEATURES_OK stands */
    bool bad_features; /* the driver accepted a bit beyond 63 */
    uint8_t status;
    uint32_t generation; /* of the configuration */
    unsigned queue_count;
    struct virtq queues[VIRTIO_QUEUES_MAX];
    /* set by the transport that it is plugged into */
    struct device_host host;
    void (*interrupt)(void *transport, unsigned cause);
    void *transport;
};

/* For types: sets up the shared part. queue_size is the largest size a driver may choose, a power of 2 up to VIRTQ_SIZE_MAX. */
void virtio_init(struct virtio_device *dev, const struct virtio_type *type, uint64_t features, unsigned queue_count,
                 unsigned queue_size);
/* Whether any of these bits was negotiated. */
static inline bool virtio_has(const struct virtio_device *dev, uint64_t feature) { return dev->features & feature; }
static inline bool virtio_offers(const struct virtio_device *dev, uint64_t feature) { return dev->offered & feature; }
static inline bool virtio_live(const struct virtio_device *dev)
{
    return (dev->status & (VIRTIO_DRIVER_OK | VIRTIO_NEEDS_RESET | VIRTIO_FAILED)) == VIRTIO_DRIVER_OK;
}
/* The configuration changed by the device's own doing: new generation, configuration interrupt. */
void virtio_config_changed(struct virtio_device *dev);
/* The guest broke a rule that leaves no way on: one LOG_GUEST_ERROR line, NEEDS_RESET, configuration interrupt. */
void virtio_broken(struct virtio_device *dev, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Not fatal: one LOG_GUEST_ERROR line. */
void virtio_complain(struct virtio_device *dev, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A configuration access to a structure of n bytes that the type keeps in guest layout. */
uint64_t virtio_config_load(const uint8_t *config, unsigned n, unsigned offset, unsigned size);

/* For transports. */
void virtio_reset(struct virtio_device *dev);
void virtio_set_status(struct virtio_device *dev, uint8_t value); /* what the driver wrote; 0 resets */
void virtio_set_features(struct virtio_device *dev, unsigned word, uint32_t value);
void virtio_queue_enable(struct virtio_device *dev,
                         unsigned queue); /* addresses and size are set in dev->queues[queue] */
void virtio_queue_disable(struct virtio_device *dev, unsigned queue);
void virtio_queue_notify(struct virtio_device *dev, unsigned queue);
void virtio_state(struct virtio_device *dev, struct state *s);
void virtio_destroy(struct virtio_device *dev); /* NULL is fine */

#endif
