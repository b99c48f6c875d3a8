/* A small virtio driver for tests: it knows the registers and rings, does as the specification tells drivers, and lets a test break any
 * rule by hand. Guest RAM is 16 MiB at 0x80000000; queue i's rings stand at ring_gpa(i), tests put their buffers at DATA. */
#ifndef ORRERY_TESTS_VIRTIO_DRIVER_H
#define ORRERY_TESTS_VIRTIO_DRIVER_H

#include "device_bench.h"
#include "devices/virtio/mmio.h"
#include "emu/base/bits.h"

#define RAM       UINT64_C(0x80000000)
#define RAM_BYTES UINT64_C(0x1000000)
#define DATA      (RAM + 0x800000)

#define NEXT     1
#define WRITE    2
#define INDIRECT 4

enum {
    R_MAGIC = 0x00,
    R_VERSION = 0x04,
    R_DEVICE_ID = 0x08,
    R_VENDOR_ID = 0x0c,
    R_DEVICE_FEATURES = 0x10,
    R_DEVICE_FEATURES_SEL = 0x14,
    R_DRIVER_FEATURES = 0x20,
    R_DRIVER_FEATURES_SEL = 0x24,
    R_QUEUE_SEL = 0x30,
    R_QUEUE_SIZE_MAX = 0x34,
    R_QUEUE_SIZE = 0x38,
    R_QUEUE_READY = 0x44,
    R_QUEUE_NOTIFY = 0x50,
    R_INTERRUPT_STATUS = 0x60,
    R_INTERRUPT_ACK = 0x64,
    R_STATUS = 0x70,
    R_QUEUE_DESC = 0x80,
    R_QUEUE_DRIVER = 0x90,
    R_QUEUE_DEVICE = 0xa0,
    R_SHM_LEN = 0xb0,
    R_QUEUE_RESET = 0xc0,
    R_CONFIG_GENERATION = 0xfc,
    R_CONFIG = 0x100,
};

struct driver_queue {
    unsigned size;
    uint16_t avail, used; /* the driver's own counts */
    unsigned next_desc;
};

struct driver {
    struct bench bench;
    struct bus bus;
    struct virtio_mmio *slot;
    struct virtio_device *dev;
    struct driver_queue queue[VIRTIO_QUEUES_MAX];
};

struct piece {
    gpa_t gpa;
    uint32_t len;
    uint16_t flags; /* WRITE or 0 */
};

static inline uint64_t rd_sized(struct driver *d, uint64_t offset, unsigned size)
{
    return virtio_mmio_device.mmio->read(d->slot, offset, size);
}
static inline void wr_sized(struct driver *d, uint64_t offset, unsigned size, uint64_t v)
{
    virtio_mmio_device.mmio->write(d->slot, offset, size, v);
}
static inline uint32_t rd(struct driver *d, uint64_t offset) { return (uint32_t)rd_sized(d, offset, 4); }
static inline void wr(struct driver *d, uint64_t offset, uint32_t v) { wr_sized(d, offset, 4, v); }
static inline bool interrupted(struct driver *d) { return d->bench.wire[1]; }

static inline uint8_t *ram(struct driver *d, gpa_t gpa) { return bus_ram(&d->bus, gpa, 1); }
static inline gpa_t ring_gpa(unsigned q) { return RAM + 0x10000 + q * UINT64_C(0x4000); }
static inline gpa_t desc_gpa(unsigned q, unsigned i) { return ring_gpa(q) + 16 * (gpa_t)i; }
static inline gpa_t avail_gpa(unsigned q) { return ring_gpa(q) + 0x2000; }
static inline gpa_t used_gpa(unsigned q) { return ring_gpa(q) + 0x3000; }

/* A slot with dev (may be NULL) in it; the event queue and bus are the driver's. The device must be made after driver_host. */
static inline struct device_host *driver_host(struct driver *d)
{
    memset(d, 0, sizeof *d);
    bench_init(&d->bench);
    struct err err;
    bus_init(&d->bus, &d->bench.log);
    cr_assert(bus_add_ram(&d->bus, RAM, RAM_BYTES, &err), "%s", err.text);
    d->bench.host.bus = &d->bus;
    return &d->bench.host;
}

static inline void driver_plug(struct driver *d, struct virtio_device *dev)
{
    d->slot = virtio_mmio_create(&d->bench.host, bench_wire(&d->bench, 1));
    d->dev = dev;
    if (dev) virtio_mmio_plug(d->slot, dev);
}

static inline void driver_finish(struct driver *d)
{
    virtio_mmio_device.destroy(d->slot);
    cr_assert_eq(d->bench.events.count, 0, "a destroyed device leaves no event behind");
    event_queue_finish(&d->bench.events);
    bus_finish(&d->bus);
}

static inline uint64_t driver_offered(struct driver *d)
{
    wr(d, R_DEVICE_FEATURES_SEL, 0);
    uint64_t low = rd(d, R_DEVICE_FEATURES);
    wr(d, R_DEVICE_FEATURES_SEL, 1);
    return (uint64_t)rd(d, R_DEVICE_FEATURES) << 32 | low;
}

static inline void driver_write_features(struct driver *d, uint64_t features)
{
    for (unsigned i = 0; i < 2; i++) {
        wr(d, R_DRIVER_FEATURES_SEL, i);
        wr(d, R_DRIVER_FEATURES, (uint32_t)(features >> (32 * i)));
    }
}

/* Reset … FEATURES_OK; returns whether the device accepted. */
static inline bool driver_negotiate(struct driver *d, uint64_t features)
{
    wr(d, R_STATUS, 0);
    wr(d, R_STATUS, VIRTIO_ACKNOWLEDGE);
    wr(d, R_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
    driver_write_features(d, features | VIRTIO_F_VERSION_1);
    wr(d, R_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
    return rd(d, R_STATUS) & VIRTIO_FEATURES_OK;
}

static inline void driver_write64(struct driver *d, unsigned reg, uint64_t v)
{
    wr(d, reg, (uint32_t)v);
    wr(d, reg + 4, (uint32_t)(v >> 32));
}

static inline void driver_queue_setup(struct driver *d, unsigned q, unsigned size)
{
    wr(d, R_QUEUE_SEL, q);
    memset(ram(d, ring_gpa(q)), 0, 0x4000);
    d->queue[q] = (struct driver_queue){.size = size};
    wr(d, R_QUEUE_SIZE, size);
    driver_write64(d, R_QUEUE_DESC, ring_gpa(q));
    driver_write64(d, R_QUEUE_DRIVER, avail_gpa(q));
    driver_write64(d, R_QUEUE_DEVICE, used_gpa(q));
    wr(d, R_QUEUE_READY, 1);
}

static inline void driver_ok(struct driver *d) { wr(d, R_STATUS, rd(d, R_STATUS) | VIRTIO_DRIVER_OK); }

/* The whole sequence with `queues` queues of that size. */
static inline void driver_start(struct driver *d, uint64_t features, unsigned queues, unsigned size)
{
    cr_assert(driver_negotiate(d, features));
    for (unsigned q = 0; q < queues; q++) driver_queue_setup(d, q, size);
    driver_ok(d);
    cr_assert_eq(rd(d, R_STATUS), VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK);
}

static inline void put_desc(struct driver *d, gpa_t at, gpa_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
    uint8_t *p = ram(d, at);
    store_le64(p, addr);
    store_le32(p + 8, len);
    store_le16(p + 12, flags);
    store_le16(p + 14, next);
}

static inline void make_available(struct driver *d, unsigned q, uint16_t head)
{
    struct driver_queue *v = &d->queue[q];
    store_le16(ram(d, avail_gpa(q) + 4 + 2 * (v->avail % v->size)), head);
    store_le16(ram(d, avail_gpa(q) + 2), ++v->avail);
}

/* Writes a chain into the next free descriptors (they are reused in a circle) and makes it available, without a notification. */
static inline uint16_t driver_add(struct driver *d, unsigned q, const struct piece *piece, unsigned n)
{
    struct driver_queue *v = &d->queue[q];
    uint16_t head = (uint16_t)(v->next_desc % v->size);
    for (unsigned i = 0; i < n; i++) {
        unsigned at = (v->next_desc + i) % v->size, next = (at + 1) % v->size;
        put_desc(d, desc_gpa(q, at), piece[i].gpa, piece[i].len, piece[i].flags | (i + 1 < n ? NEXT : 0),
                 (uint16_t)next);
    }
    v->next_desc += n;
    make_available(d, q, head);
    return head;
}

static inline void kick(struct driver *d, unsigned q) { wr(d, R_QUEUE_NOTIFY, q); }

/* Takes the next used entry, if there is one. */
static inline bool driver_used(struct driver *d, unsigned q, uint32_t *id, uint32_t *len)
{
    struct driver_queue *v = &d->queue[q];
    if (load_le16(ram(d, used_gpa(q) + 2)) == v->used) return false;
    const uint8_t *e = ram(d, used_gpa(q) + 4 + 8 * (v->used++ % v->size));
    *id = load_le32(e);
    if (len) *len = load_le32(e + 4);
    return true;
}

/* A full round trip: add, notify, let time pass, expect exactly this chain back. Returns the used length. */
static inline uint32_t driver_do(struct driver *d, unsigned q, const struct piece *piece, unsigned n)
{
    uint16_t head = driver_add(d, q, piece, n);
    kick(d, q);
    bench_pass(&d->bench, PS_PER_S);
    uint32_t id = UINT32_MAX, len = 0;
    cr_assert(driver_used(d, q, &id, &len), "the chain comes back");
    cr_assert_eq(id, head);
    return len;
}

static inline bool broken(struct driver *d) { return rd(d, R_STATUS) & VIRTIO_NEEDS_RESET; }

/* Saves the slot, scrambles it by a reset, restores. */
static inline void driver_save_restore(struct driver *d)
{
    struct state s;
    state_init_save(&s);
    virtio_mmio_device.state(d->slot, &s);
    cr_assert(state_ok(&s));
    size_t length = s.length;
    uint8_t *copy = malloc(length);
    memcpy(copy, s.data, length);
    state_finish(&s);
    virtio_mmio_device.reset(d->slot);
    state_init_restore(&s, copy, length);
    virtio_mmio_device.state(d->slot, &s);
    cr_assert(state_ok(&s), "%s", s.problem);
    cr_assert_eq(s.at, length, "all that was saved is read");
    state_finish(&s);
    free(copy);
}

#endif
