#include "devices/virtio/virtio.h"

#include "emu/base/bits.h"
#include <assert.h>
#include <inttypes.h>

#define DESC_BYTES           16u
#define DESC_F_NEXT          1u
#define DESC_F_WRITE         2u
#define DESC_F_INDIRECT      4u
#define AVAIL_F_NO_INTERRUPT 1u
#define CHAIN_BYTES_MAX      (UINT64_C(1) << 32)

struct desc {
    gpa_t addr;
    uint32_t len;
    uint16_t flags, next;
};

static struct desc desc_load(const uint8_t *table, unsigned i)
{
    const uint8_t *d = table + (size_t)i * DESC_BYTES;
    return (struct desc){load_le64(d), load_le32(d + 8), load_le16(d + 12), load_le16(d + 14)};
}

/* ---- rings ---- */

static uint64_t driver_bytes(const struct virtq *q) { return 6 + 2 * (uint64_t)q->size; }
static uint64_t device_bytes(const struct virtq *q) { return 6 + 8 * (uint64_t)q->size; }

/* The used ring may lie where code was decoded from, if the guest wants it so. */
static void used_store(struct virtq *q, unsigned offset, unsigned size, uint64_t value)
{
    bus_touch_dma(q->dev->host.bus, q->device_gpa + offset, size);
    store_le(q->device + offset, size, value);
}

static uint16_t avail_idx(const struct virtq *q) { return load_le16(q->driver + 2); }

/* All is taken: with EVENT_IDX the driver is to tell us of the very next chain. */
static void ask_for_next(struct virtq *q)
{
    if (virtio_has(q->dev, VIRTIO_F_EVENT_IDX)) used_store(q, 4 + 8 * q->size, 2, q->next_avail);
}

static bool rings_map(struct virtq *q)
{
    struct bus *bus = q->dev->host.bus;
    q->desc = bus_ram(bus, q->desc_gpa, (uint64_t)DESC_BYTES * q->size);
    q->driver = bus_ram(bus, q->driver_gpa, driver_bytes(q));
    q->device = bus_ram(bus, q->device_gpa, device_bytes(q));
    return q->desc && q->driver && q->device;
}

static bool size_is_legal(const struct virtq *q) { return is_power_of_2(q->size) && q->size <= q->size_max; }
static bool rings_are_aligned(const struct virtq *q)
{
    return q->desc_gpa % 16 == 0 && q->driver_gpa % 2 == 0 && q->device_gpa % 4 == 0;
}

bool virtq_start(struct virtq *q)
{
    if (!size_is_legal(q)) {
        virtio_broken(q->dev, "queue %u: size %u is not a power of 2 up to %u", q->index, q->size, q->size_max);
        return false;
    }
    if (!rings_are_aligned(q) || !rings_map(q)) {
        virtio_broken(q->dev,
                      "queue %u: rings at 0x%" PRIx64 ", 0x%" PRIx64 ", 0x%" PRIx64 " are misaligned or outside RAM",
                      q->index, q->desc_gpa, q->driver_gpa, q->device_gpa);
        return false;
    }
    q->next_avail = q->next_used = q->in_flight = q->signalled = 0;
    q->ready = true;
    return true;
}

void virtq_stop(struct virtq *q)
{
    *q = (struct virtq){.size_max = q->size_max, .size = q->size_max, .dev = q->dev, .index = q->index};
}

/* ---- chains ---- */

/* A walk along a chain: through the queue's table, then perhaps into one indirect table. */
struct walk {
    const uint8_t *table;
    unsigned entries; /* of the table */
    bool indirect;
    unsigned steps; /* buffers seen; bounds loops and long chains alike */
};

static bool walk_into(struct virtq *q, struct walk *w, const struct desc *d)
{
    struct virtio_device *dev = q->dev;
    if (!virtio_has(dev, VIRTIO_F_INDIRECT_DESC))
        virtio_broken(dev, "queue %u: indirect descriptor, but the feature was not negotiated", q->index);
    else if (w->indirect)
        virtio_broken(dev, "queue %u: indirect descriptor inside an indirect table", q->index);
    else if (d->flags & DESC_F_NEXT)
        virtio_broken(dev, "queue %u: descriptor is indirect and has a next one", q->index);
    else if (d->len == 0 || d->len % DESC_BYTES)
        virtio_broken(dev, "queue %u: indirect table of %" PRIu32 " bytes", q->index, d->len);
    else if (!(w->table = bus_ram(dev->host.bus, d->addr, d->len)))
        virtio_broken(dev, "queue %u: indirect table at 0x%" PRIx64 " is outside RAM", q->index, d->addr);
    else {
        w->entries = d->len / DESC_BYTES;
        w->indirect = true;
        return true;
    }
    return false;
}

static bool chain_add(struct virtq *q, struct virtq_chain *c, const struct desc *d)
{
    bool writable = d->flags & DESC_F_WRITE;
    if (!writable && c->writable) {
        virtio_broken(q->dev, "queue %u: readable descriptor after a writable one", q->index);
        return false;
    }
    if (d->len == 0) return true;
    uint8_t *host = bus_ram(q->dev->host.bus, d->addr, d->len);
    if (!host) {
        virtio_broken(q->dev, "queue %u: buffer 0x%" PRIx64 "+0x%" PRIx32 " is outside RAM", q->index, d->addr, d->len);
        return false;
    }
    if (c->readable_bytes + c->writable_bytes + d->len > CHAIN_BYTES_MAX) {
        virtio_broken(q->dev, "queue %u: chain is longer than 2^32 bytes", q->index);
        return false;
    }
    c->seg[c->readable + c->writable] = (struct virtq_seg){d->addr, d->len, host};
    *(writable ? &c->writable : &c->readable) += 1;
    *(writable ? &c->writable_bytes : &c->readable_bytes) += d->len;
    return true;
}

/* false: the chain is malformed, and the device is now broken. */
static bool chain_walk(struct virtq *q, struct virtq_chain *c)
{
    struct walk w = {.table = q->desc, .entries = q->size};
    for (unsigned i = c->head;;) {
        if (i >= w.entries) {
            virtio_broken(q->dev, "queue %u: descriptor %u of a table of %u", q->index, i, w.entries);
            return false;
        }
        struct desc d = desc_load(w.table, i);
        if (d.flags & DESC_F_INDIRECT) {
            if (!walk_into(q, &w, &d)) return false;
            i = 0;
            continue;
        }
        if (++w.steps > VIRTQ_SIZE_MAX) {
            virtio_broken(q->dev, "queue %u: chain from descriptor %u loops or is longer than %u", q->index, c->head,
                          VIRTQ_SIZE_MAX);
            return false;
        }
        if (!chain_add(q, c, &d)) return false;
        if (!(d.flags & DESC_F_NEXT)) return true;
        i = d.next;
    }
}

bool virtq_pop(struct virtq *q, struct virtq_chain *c)
{
    if (!q->ready || !virtio_live(q->dev)) return false;
    uint16_t pending = (uint16_t)(avail_idx(q) - q->next_avail);
    if (pending == 0) {
        ask_for_next(q);
        return false;
    }
    if (pending > q->size || q->in_flight == q->size) {
        virtio_broken(q->dev, "queue %u: more than %u buffers available", q->index, q->size);
        return false;
    }
    c->head = load_le16(q->driver + 4 + 2 * (q->next_avail % q->size));
    c->readable = c->writable = 0;
    c->readable_bytes = c->writable_bytes = 0;
    if (!chain_walk(q, c)) return false;
    q->next_avail++;
    q->in_flight++;
    return true;
}

void virtq_unpop(struct virtq *q, unsigned n)
{
    assert(n <= q->in_flight);
    q->next_avail = (uint16_t)(q->next_avail - n);
    q->in_flight = (uint16_t)(q->in_flight - n);
}

void virtq_push(struct virtq *q, uint16_t head, uint32_t written)
{
    assert(q->ready && q->in_flight > 0);
    unsigned at = 4 + 8 * (q->next_used % q->size);
    used_store(q, at, 8, (uint64_t)written << 32 | head);
    q->next_used++;
    q->in_flight--;
    used_store(q, 2, 2, q->next_used);
}

void virtq_signal(struct virtq *q)
{
    if (!q->ready || q->next_used == q->signalled) return;
    bool wanted;
    if (virtio_has(q->dev, VIRTIO_F_EVENT_IDX)) {
        /* used_event lies among the entries pushed since the last signal */
        uint16_t event = load_le16(q->driver + 4 + 2 * q->size);
        wanted = (uint16_t)(q->next_used - event - 1) < (uint16_t)(q->next_used - q->signalled);
    } else {
        wanted = !(load_le16(q->driver) & AVAIL_F_NO_INTERRUPT);
    }
    q->signalled = q->next_used;
    if (wanted) q->dev->interrupt(q->dev->transport, VIRTIO_INTERRUPT_USED);
}

/* ---- bytes of a chain ---- */

unsigned virtq_slice(const struct virtq_seg *seg, unsigned count, uint64_t offset, uint64_t n, struct iovec *iov)
{
    unsigned used = 0;
    for (unsigned i = 0; i < count && n; i++) {
        if (offset >= seg[i].len) {
            offset -= seg[i].len;
            continue;
        }
        uint64_t here = seg[i].len - offset;
        if (here > n) here = n;
        iov[used++] = (struct iovec){seg[i].host + offset, (size_t)here};
        n -= here;
        offset = 0;
    }
    assert(n == 0);
    return used;
}

size_t virtq_read(const struct virtq_chain *c, uint64_t offset, void *to, size_t n)
{
    if (offset >= c->readable_bytes) return 0;
    if (n > c->readable_bytes - offset) n = (size_t)(c->readable_bytes - offset);
    struct iovec iov[VIRTQ_SIZE_MAX];
    unsigned count = virtq_slice(c->seg, c->readable, offset, n, iov);
    uint8_t *at = to;
    for (unsigned i = 0; i < count; at += iov[i].iov_len, i++) memcpy(at, iov[i].iov_base, iov[i].iov_len);
    return n;
}

size_t virtq_write(struct virtq *q, const struct virtq_chain *c, uint64_t offset, const void *from, size_t n)
{
    const uint8_t *at = from;
    size_t left = n;
    for (unsigned i = c->readable; i < c->readable + c->writable && left; i++) {
        const struct virtq_seg *s = &c->seg[i];
        if (offset >= s->len) {
            offset -= s->len;
            continue;
        }
        size_t here = s->len - (size_t)offset;
        if (here > left) here = left;
        bus_touch_dma(q->dev->host.bus, s->gpa + offset, here);
        memcpy(s->host + offset, at, here);
        at += here;
        left -= here;
        offset = 0;
    }
    return n - left;
}

void virtq_touch(struct virtq *q, const struct virtq_seg *seg, unsigned count)
{
    for (unsigned i = 0; i < count; i++) bus_touch_dma(q->dev->host.bus, seg[i].gpa, seg[i].len);
}

/* ---- saved state ---- */

void virtq_seg_state(struct virtq *q, struct virtq_seg *seg, struct state *s)
{
    state_u64(s, &seg->gpa);
    state_u32(s, &seg->len);
    if (!s->restoring || !state_ok(s)) return;
    seg->host = seg->len ? bus_ram(q->dev->host.bus, seg->gpa, seg->len) : NULL;
    if (!seg->host) state_refuse(s, "a virtio buffer lies outside RAM");
}

void virtq_state(struct virtq *q, struct state *s)
{
    state_u16(s, &q->size);
    state_bool(s, &q->ready);
    state_u64(s, &q->desc_gpa);
    state_u64(s, &q->driver_gpa);
    state_u64(s, &q->device_gpa);
    state_u16(s, &q->next_avail);
    state_u16(s, &q->next_used);
    state_u16(s, &q->in_flight);
    state_u16(s, &q->signalled);
    if (!s->restoring || !state_ok(s)) return;
    if (q->ready ? size_is_legal(q) && rings_are_aligned(q) && q->in_flight <= q->size && rings_map(q) : !q->in_flight)
        return;
    q->ready = false;
    state_refuse(s, "a virtio queue is in a state that it cannot be in");
}
