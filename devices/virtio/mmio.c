#include "devices/virtio/mmio.h"

#include "emu/base/bits.h"
#include <assert.h>
#include <inttypes.h>
#include <libfdt.h>
#include <stdlib.h>

enum {
    MAGIC_VALUE = 0x000,
    VERSION = 0x004,
    DEVICE_ID = 0x008,
    VENDOR_ID = 0x00c,
    DEVICE_FEATURES = 0x010,
    DEVICE_FEATURES_SEL = 0x014,
    DRIVER_FEATURES = 0x020,
    DRIVER_FEATURES_SEL = 0x024,
    QUEUE_SEL = 0x030,
    QUEUE_SIZE_MAX = 0x034,
    QUEUE_SIZE = 0x038,
    QUEUE_READY = 0x044,
    QUEUE_NOTIFY = 0x050,
    INTERRUPT_STATUS = 0x060,
    INTERRUPT_ACK = 0x064,
    STATUS = 0x070,
    QUEUE_DESC_LOW = 0x080,
    QUEUE_DESC_HIGH = 0x084,
    QUEUE_DRIVER_LOW = 0x090,
    QUEUE_DRIVER_HIGH = 0x094,
    QUEUE_DEVICE_LOW = 0x0a0,
    QUEUE_DEVICE_HIGH = 0x0a4,
    SHM_SEL = 0x0ac,
    SHM_LEN_LOW = 0x0b0,
    SHM_LEN_HIGH = 0x0b4,
    SHM_BASE_LOW = 0x0b8,
    SHM_BASE_HIGH = 0x0bc,
    QUEUE_RESET = 0x0c0,
    CONFIG_GENERATION = 0x0fc,
    CONFIG = 0x100,
};

#define MAGIC  0x74726976u /* "virt" */
#define VENDOR 0x554d4551u /* "QEMU": there are drivers for this board that look for it (xv6's) */

struct virtio_mmio {
    struct virtio_device *dev; /* NULL: an empty slot */
    uint32_t device_features_sel, driver_features_sel, queue_sel;
    uint32_t interrupt_status;
    struct irq_line irq;
    struct device_host host;
};

static void drive(struct virtio_mmio *m) { irq_set(&m->irq, m->interrupt_status != 0); }

static void mmio_interrupt(void *transport, unsigned cause)
{
    struct virtio_mmio *m = transport;
    m->interrupt_status |= cause;
    drive(m);
}

static void odd(struct virtio_mmio *m, const char *what, uint64_t offset)
{
    log_line(m->host.log, LOG_GUEST_ERROR, "virtio-mmio (%s): %s 0x%03" PRIx64, m->dev ? m->dev->type->name : "empty",
             what, offset);
}

static struct virtq *selected(const struct virtio_mmio *m)
{
    return m->queue_sel < m->dev->queue_count ? &m->dev->queues[m->queue_sel] : NULL;
}

/* ---- reading ---- */

static uint64_t register_read(struct virtio_mmio *m, uint64_t offset)
{
    const struct virtio_device *dev = m->dev;
    const struct virtq *q = selected(m);
    switch (offset) {
    case DEVICE_FEATURES:
        return m->device_features_sel < 2 ? (uint32_t)(dev->offered >> (32 * m->device_features_sel)) : 0;
    case QUEUE_SIZE_MAX: return q ? q->size_max : 0;
    case QUEUE_READY: return q && q->ready;
    case INTERRUPT_STATUS: return m->interrupt_status;
    case STATUS: return dev->status;
    case SHM_LEN_LOW:
    case SHM_LEN_HIGH:
    case SHM_BASE_LOW:
    case SHM_BASE_HIGH: return UINT32_MAX; /* no region exists */
    case QUEUE_RESET: return 0;            /* a reset is complete as soon as it is asked for */
    case CONFIG_GENERATION: return dev->generation;
    default: odd(m, "read of register", offset); return 0;
    }
}

static uint64_t mmio_read(void *slot, uint64_t offset, unsigned size)
{
    struct virtio_mmio *m = slot;
    if (offset >= CONFIG) {
        uint64_t at = offset - CONFIG;
        if (!m->dev || at >= VIRTIO_CONFIG_BYTES || !m->dev->type->config_read) return 0;
        return m->dev->type->config_read(m->dev, (unsigned)at, size);
    }
    if (size != 4) {
        odd(m, "access that is not 32 bits wide to register", offset);
        return 0;
    }
    switch (offset) {
    case MAGIC_VALUE: return MAGIC;
    case VERSION: return 2;
    case DEVICE_ID: return m->dev ? m->dev->type->id : VIRTIO_ID_NONE;
    case VENDOR_ID: return VENDOR;
    default: return m->dev ? register_read(m, offset) : 0;
    }
}

/* ---- writing ---- */

static void queue_register_write(struct virtio_mmio *m, uint64_t offset, uint32_t value)
{
    struct virtq *q = selected(m);
    if (!q) {
        odd(m, "no such queue is selected for register", offset);
        return;
    }
    if (offset == QUEUE_READY) {
        if (value & 1)
            virtio_queue_enable(m->dev, q->index);
        else
            virtio_queue_disable(m->dev, q->index);
        return;
    }
    if (offset == QUEUE_RESET) {
        if (!virtio_has(m->dev, VIRTIO_F_RING_RESET))
            odd(m, "RING_RESET was not negotiated: register", offset);
        else if (value & 1)
            virtio_queue_disable(m->dev, q->index);
        return;
    }
    if (q->ready) {
        odd(m, "the queue is in use: write to register", offset);
        return;
    }
    switch (offset) {
    case QUEUE_SIZE: q->size = value > UINT16_MAX ? 0 : (uint16_t)value; break; /* 0 is refused when the queue starts */
    case QUEUE_DESC_LOW: q->desc_gpa = bits_set(q->desc_gpa, 31, 0, value); break;
    case QUEUE_DESC_HIGH: q->desc_gpa = bits_set(q->desc_gpa, 63, 32, value); break;
    case QUEUE_DRIVER_LOW: q->driver_gpa = bits_set(q->driver_gpa, 31, 0, value); break;
    case QUEUE_DRIVER_HIGH: q->driver_gpa = bits_set(q->driver_gpa, 63, 32, value); break;
    case QUEUE_DEVICE_LOW: q->device_gpa = bits_set(q->device_gpa, 31, 0, value); break;
    case QUEUE_DEVICE_HIGH: q->device_gpa = bits_set(q->device_gpa, 63, 32, value); break;
    default: odd(m, "write to register", offset);
    }
}

static void status_write(struct virtio_mmio *m, uint32_t value)
{
    virtio_set_status(m->dev, (uint8_t)value);
    if (m->dev->status == 0) {
        m->interrupt_status = 0;
        drive(m);
    }
}

static void mmio_write(void *slot, uint64_t offset, unsigned size, uint64_t value64)
{
    struct virtio_mmio *m = slot;
    if (!m->dev) {
        odd(m, "write to offset", offset);
        return;
    }
    if (offset >= CONFIG) {
        uint64_t at = offset - CONFIG;
        if (at < VIRTIO_CONFIG_BYTES && m->dev->type->config_write)
            m->dev->type->config_write(m->dev, (unsigned)at, size, value64);
        else
            odd(m, "write to read-only configuration at offset", offset);
        return;
    }
    if (size != 4) {
        odd(m, "access that is not 32 bits wide to register", offset);
        return;
    }
    uint32_t value = (uint32_t)value64;
    switch (offset) {
    case DEVICE_FEATURES_SEL: m->device_features_sel = value; break;
    case DRIVER_FEATURES_SEL: m->driver_features_sel = value; break;
    case DRIVER_FEATURES: virtio_set_features(m->dev, m->driver_features_sel, value); break;
    case QUEUE_SEL: m->queue_sel = value; break;
    case QUEUE_NOTIFY: virtio_queue_notify(m->dev, value); break;
    case INTERRUPT_ACK:
        m->interrupt_status &= ~value;
        drive(m);
        break;
    case STATUS: status_write(m, value); break;
    case SHM_SEL: break;
    default: queue_register_write(m, offset, value);
    }
}

static const struct mmio_ops mmio_ops = {
    .name = "virtio-mmio", .widths = 1 | 2 | 4 | 8, .read = mmio_read, .write = mmio_write};

/* ---- the slot as a device ---- */

struct virtio_mmio *virtio_mmio_create(const struct device_host *host, struct irq_line irq)
{
    struct virtio_mmio *m = calloc(1, sizeof *m);
    if (m) *m = (struct virtio_mmio){.irq = irq, .host = *host};
    return m;
}

void virtio_mmio_plug(struct virtio_mmio *m, struct virtio_device *dev)
{
    assert(!m->dev);
    m->dev = dev;
    dev->host = m->host;
    dev->transport = m;
    dev->interrupt = mmio_interrupt;
}

struct virtio_device *virtio_mmio_device_in(struct virtio_mmio *m) { return m->dev; }

static void mmio_reset(void *slot)
{
    struct virtio_mmio *m = slot;
    m->device_features_sel = m->driver_features_sel = m->queue_sel = m->interrupt_status = 0;
    if (m->dev) virtio_reset(m->dev);
    drive(m);
}

static void mmio_state(void *slot, struct state *s)
{
    struct virtio_mmio *m = slot;
    state_tag(s, "virtio-mmio", 1);
    state_u32(s, &m->device_features_sel);
    state_u32(s, &m->driver_features_sel);
    state_u32(s, &m->queue_sel);
    state_u32(s, &m->interrupt_status);
    if (s->restoring && state_ok(s) && m->interrupt_status & ~(VIRTIO_INTERRUPT_USED | VIRTIO_INTERRUPT_CONFIG))
        state_refuse(s, "a virtio interrupt that does not exist");
    if (m->dev) virtio_state(m->dev, s);
    if (s->restoring && !state_ok(s)) mmio_reset(m);
    if (s->restoring) drive(m);
}

static void mmio_destroy(void *slot)
{
    struct virtio_mmio *m = slot;
    virtio_destroy(m->dev);
    free(m);
}

static int mmio_fdt_node(const void *slot, void *fdt, const struct device_place *place)
{
    (void)slot;
    char name[40];
    snprintf(name, sizeof name, "virtio_mmio@%" PRIx64, place->base);
    fdt64_t reg[2] = {cpu_to_fdt64(place->base), cpu_to_fdt64(place->size)};
    int bad = fdt_begin_node(fdt, name);
    if (!bad) bad = fdt_property_u32(fdt, "interrupts", place->irq);
    if (!bad) bad = fdt_property_u32(fdt, "interrupt-parent", place->irq_parent);
    if (!bad) bad = fdt_property(fdt, "reg", reg, sizeof reg);
    if (!bad) bad = fdt_property_string(fdt, "compatible", "virtio,mmio");
    if (!bad) bad = fdt_end_node(fdt);
    return bad;
}

const struct device_ops virtio_mmio_device = {
    .name = "virtio-mmio",
    .mmio = &mmio_ops,
    .reset = mmio_reset,
    .state = mmio_state,
    .destroy = mmio_destroy,
    .fdt_node = mmio_fdt_node,
};
