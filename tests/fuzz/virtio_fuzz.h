/* Shared by the fuzzers of virtio devices: the input is a program of a hostile driver. Each instruction is an opcode byte and operands;
 * what is missing at the end of the input reads as 0.
 *
 *   REGISTER reg value32          write the control register at 4*reg
 *   CONFIG   offset size value32  write and read the configuration
 *   MEMORY   at16 n bytes         write n bytes to guest memory at 16*at
 *   DESC     q i at16 len16 flags next   write a descriptor of a queue's table
 *   OFFER    q head               make a chain available and notify
 *   TIME     n                    let n microseconds pass
 *   SAVE                          save the state, restore it
 *   INPUT    n bytes              host input for the device
 *   START    features32 size_log2 the whole set-up as the specification has it
 *   READ                          read every register and the first of the configuration
 *
 * Guest RAM is 1 MiB; queue q's rings lie at q * 0x4000. */
#ifndef TESTS_FUZZ_VIRTIO_FUZZ_H
#define TESTS_FUZZ_VIRTIO_FUZZ_H

#include "devices/virtio/mmio.h"
#include "emu/base/bits.h"
#include "tests/fuzz/fuzz.h"
#include <stdlib.h>

enum { REGISTER, CONFIG, MEMORY, DESC, OFFER, TIME, SAVE, INPUT, START, READ, OPCODES };

#define RAM          UINT64_C(0x80000000)
#define RAM_BYTES    UINT64_C(0x100000)
#define QUEUES       4u
#define FIRST_BUFFER (QUEUES * 0x4000u) /* byte offset in RAM where the rings end */

#define DESC_NEXT  1
#define DESC_WRITE 2

/* ---- the machine around the device ---- */

struct fuzz {
    struct bus bus;
    struct event_queue events;
    ps_t now;
    struct device_host host;
    struct virtio_mmio *slot;
    uint16_t avail[QUEUES];
    unsigned size[QUEUES];
    const uint8_t *at, *end; /* of the input */
};

/* Defined by each fuzzer: the device, and what comes to it from the host. */
static struct virtio_device *fuzz_device(struct fuzz *f);
static void fuzz_input(struct fuzz *f, const uint8_t *bytes, size_t n);

static ps_t fuzz_clock(void *f) { return ((struct fuzz *)f)->now; }

static uint64_t take(struct fuzz *f, unsigned bytes)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes && f->at < f->end; i++) v |= (uint64_t)*f->at++ << (8 * i);
    return v;
}

static void fuzz_write(struct fuzz *f, unsigned reg, uint32_t v) { virtio_mmio_device.mmio->write(f->slot, reg, 4, v); }
static uint32_t fuzz_read(struct fuzz *f, unsigned reg)
{
    return (uint32_t)virtio_mmio_device.mmio->read(f->slot, reg, 4);
}
static gpa_t ring(unsigned q) { return RAM + q * UINT64_C(0x4000); }

static void fuzz_pass(struct fuzz *f, ps_t duration)
{
    ps_t until = f->now + duration;
    for (struct event *e; (e = event_take(&f->events, until));) {
        if (e->when > f->now) f->now = e->when;
        e->fire(e->owner);
    }
    f->now = until;
}

static void fuzz_save(struct fuzz *f)
{
    struct state s, r;
    state_init_save(&s);
    virtio_mmio_device.state(f->slot, &s);
    if (!state_ok(&s)) abort();
    state_init_restore(&r, s.data, s.length);
    virtio_mmio_device.state(f->slot, &r);
    if (!state_ok(&r) || r.at != r.length) abort(); /* what was saved must be readable */
    state_finish(&s);
}

static void fuzz_start(struct fuzz *f, uint32_t features, unsigned size_log2)
{
    for (uint32_t status = 0; status < 4; status = status * 2 + 1) fuzz_write(f, 0x70, status);
    fuzz_write(f, 0x24, 0);
    fuzz_write(f, 0x20, features);
    fuzz_write(f, 0x24, 1);
    fuzz_write(f, 0x20, 1); /* VERSION_1 */
    fuzz_write(f, 0x70, 11);
    for (unsigned q = 0; q < QUEUES; q++) {
        fuzz_write(f, 0x30, q);
        f->size[q] = 1u << size_log2 % 9;
        f->avail[q] = 0;
        memset(bus_ram(&f->bus, ring(q), 0x4000), 0, 0x4000);
        fuzz_write(f, 0x38, f->size[q]);
        for (unsigned part = 0; part < 3; part++)
            fuzz_write(f, 0x80 + 0x10 * part, (uint32_t)ring(q) + 0x2000 * (part > 0) + 0x1000 * (part > 1));
        fuzz_write(f, 0x44, 1);
    }
    fuzz_write(f, 0x70, 15);
}

static void fuzz_desc(struct fuzz *f)
{
    unsigned q = take(f, 1) % QUEUES, i = (unsigned)take(f, 1);
    uint8_t *d = bus_ram(&f->bus, ring(q) + 16 * i, 16);
    store_le64(d, RAM + 16 * take(f, 2));
    store_le32(d + 8, (uint32_t)take(f, 2));
    store_le16(d + 12, (uint16_t)take(f, 1));
    store_le16(d + 14, (uint16_t)take(f, 1));
}

static void fuzz_offer(struct fuzz *f)
{
    unsigned q = take(f, 1) % QUEUES;
    uint16_t head = (uint16_t)take(f, 1);
    store_le16(bus_ram(&f->bus, ring(q) + 0x2004 + 2 * (f->avail[q] % f->size[q]), 2), head);
    store_le16(bus_ram(&f->bus, ring(q) + 0x2002, 2), ++f->avail[q]);
    fuzz_write(f, 0x50, q);
}

static void fuzz_step(struct fuzz *f)
{
    size_t n;
    switch (take(f, 1) % OPCODES) {
    case REGISTER: {
        unsigned reg = (unsigned)take(f, 1) * 4;
        fuzz_write(f, reg, (uint32_t)take(f, 4));
        break;
    }
    case CONFIG: {
        unsigned offset = (unsigned)take(f, 1), size = 1u << take(f, 1) % 4;
        offset -= offset % size;
        virtio_mmio_device.mmio->write(f->slot, 0x100 + offset, size, take(f, 4));
        virtio_mmio_device.mmio->read(f->slot, 0x100 + offset, size);
        break;
    }
    case MEMORY: {
        gpa_t at = RAM + 16 * take(f, 2);
        n = (size_t)take(f, 1);
        if (n > (size_t)(f->end - f->at)) n = (size_t)(f->end - f->at);
        bus_dma_write(&f->bus, at, f->at, n);
        f->at += n;
        break;
    }
    case DESC: fuzz_desc(f); break;
    case OFFER: fuzz_offer(f); break;
    case TIME: fuzz_pass(f, take(f, 1) * 1000 * PS_PER_NS); break;
    case SAVE: fuzz_save(f); break;
    case INPUT:
        n = (size_t)take(f, 1);
        if (n > (size_t)(f->end - f->at)) n = (size_t)(f->end - f->at);
        fuzz_input(f, f->at, n);
        f->at += n;
        break;
    case START: {
        uint32_t features = (uint32_t)take(f, 4);
        fuzz_start(f, features, (unsigned)take(f, 1));
        break;
    }
    case READ:
        for (unsigned reg = 0; reg < 0x140; reg += 4) fuzz_read(f, reg);
        break;
    }
}

static void fuzz_no_wire(void *target, unsigned n, bool level) { (void)target, (void)n, (void)level; }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = {.at = data, .end = data + size};
    struct err err;
    bus_init(&f.bus, NULL);
    event_queue_init(&f.events, fuzz_clock, NULL, &f);
    f.host = (struct device_host){.events = &f.events, .bus = &f.bus};
    for (unsigned q = 0; q < QUEUES; q++) f.size[q] = 8;
    f.slot = virtio_mmio_create(&f.host, (struct irq_line){.set = fuzz_no_wire});
    struct virtio_device *dev = fuzz_device(&f);
    if (!f.slot || !dev || !bus_add_ram(&f.bus, RAM, RAM_BYTES, &err)) abort();
    virtio_mmio_plug(f.slot, dev);
    while (f.at < f.end) fuzz_step(&f);
    fuzz_pass(&f, PS_PER_S);
    if (f.events.count) abort(); /* all requests end */
    virtio_mmio_device.destroy(f.slot);
    event_queue_finish(&f.events);
    bus_finish(&f.bus);
    return 0;
}

/* ---- seeds ---- */

struct seed {
    uint8_t *to;
    size_t n, room;
};

static inline void seed_put(struct seed *s, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes && s->n < s->room; i++) s->to[s->n++] = (uint8_t)(v >> (8 * i));
}

static inline void seed_op(struct seed *s, unsigned opcode) { seed_put(s, opcode, 1); }

static inline void seed_start(struct seed *s, uint32_t features, unsigned size_log2)
{
    seed_op(s, START);
    seed_put(s, features, 4);
    seed_put(s, size_log2, 1);
}

static inline void seed_memory(struct seed *s, unsigned offset, const void *bytes, unsigned n)
{
    seed_op(s, MEMORY);
    seed_put(s, offset / 16, 2);
    seed_put(s, n, 1);
    for (unsigned i = 0; i < n; i++) seed_put(s, ((const uint8_t *)bytes)[i], 1);
}

static inline void seed_desc(struct seed *s, unsigned q, unsigned i, unsigned offset, unsigned len, unsigned flags,
                             unsigned next)
{
    seed_op(s, DESC);
    seed_put(s, q, 1);
    seed_put(s, i, 1);
    seed_put(s, offset / 16, 2);
    seed_put(s, len, 2);
    seed_put(s, flags, 1);
    seed_put(s, next, 1);
}

static inline void seed_offer(struct seed *s, unsigned q, unsigned head)
{
    seed_op(s, OFFER);
    seed_put(s, q, 1);
    seed_put(s, head, 1);
}

static inline void seed_time(struct seed *s, unsigned us)
{
    seed_op(s, TIME);
    seed_put(s, us, 1);
}

#endif
