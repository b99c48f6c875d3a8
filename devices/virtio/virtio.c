#include "devices/virtio/virtio.h"

#include "emu/base/bits.h"
#include <assert.h>
#include <stdarg.h>

/* What a driver may set; NEEDS_RESET is the device's. */
#define DRIVER_BITS (VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK | VIRTIO_FAILED)

void virtio_init(struct virtio_device *dev, const struct virtio_type *type, uint64_t features, unsigned queue_count,
                 unsigned queue_size)
{
    assert(queue_count <= VIRTIO_QUEUES_MAX && is_power_of_2(queue_size) && queue_size <= VIRTQ_SIZE_MAX);
    dev->type = type;
    dev->offered = features | VIRTIO_F_COMMON;
    dev->queue_count = queue_count;
    for (unsigned i = 0; i < queue_count; i++) {
        dev->queues[i] = (struct virtq){.size_max = (uint16_t)queue_size, .dev = dev, .index = i};
        virtq_stop(&dev->queues[i]);
    }
}

static void complain(struct virtio_device *dev, const char *format, va_list args)
{
    if (!log_on(dev->host.log, LOG_GUEST_ERROR)) return;
    char text[256];
    vsnprintf(text, sizeof text, format, args);
    log_line(dev->host.log, LOG_GUEST_ERROR, "virtio-%s: %s", dev->type->name, text);
}

void virtio_complain(struct virtio_device *dev, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain(dev, format, args);
    va_end(args);
}

void virtio_broken(struct virtio_device *dev, const char *format, ...)
{
    if (dev->status & VIRTIO_NEEDS_RESET) return;
    va_list args;
    va_start(args, format);
    complain(dev, format, args);
    va_end(args);
    dev->status |= VIRTIO_NEEDS_RESET;
    if (dev->status & VIRTIO_DRIVER_OK) dev->interrupt(dev->transport, VIRTIO_INTERRUPT_CONFIG);
}

void virtio_config_changed(struct virtio_device *dev)
{
    dev->generation++;
    if (dev->status & VIRTIO_DRIVER_OK) dev->interrupt(dev->transport, VIRTIO_INTERRUPT_CONFIG);
}

uint64_t virtio_config_load(const uint8_t *config, unsigned n, unsigned offset, unsigned size)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < size && offset + i < n; i++) v |= (uint64_t)config[offset + i] << (8 * i);
    return v;
}

/* ---- queues ---- */

void virtio_queue_enable(struct virtio_device *dev, unsigned queue)
{
    if (!dev->queues[queue].ready) virtq_start(&dev->queues[queue]);
}

static void queue_stop(struct virtio_device *dev, unsigned queue)
{
    if (dev->queues[queue].ready && dev->type->queue_stopped) dev->type->queue_stopped(dev, queue);
    virtq_stop(&dev->queues[queue]);
}

void virtio_queue_disable(struct virtio_device *dev, unsigned queue) { queue_stop(dev, queue); }

void virtio_queue_notify(struct virtio_device *dev, unsigned queue)
{
    if (queue >= dev->queue_count) {
        virtio_complain(dev, "notification of queue %u, which does not exist", queue);
        return;
    }
    /* "The device MUST NOT consume buffers … before DRIVER_OK": what was announced earlier is looked at when DRIVER_OK comes. */
    if (virtio_live(dev) && dev->queues[queue].ready && dev->type->notify) dev->type->notify(dev, queue);
}

/* ---- status and features ---- */

void virtio_reset(struct virtio_device *dev)
{
    for (unsigned i = 0; i < dev->queue_count; i++) queue_stop(dev, i);
    dev->status = 0;
    dev->features = 0;
    dev->bad_features = false;
    if (dev->type->reset) dev->type->reset(dev);
}

static bool features_acceptable(const struct virtio_device *dev)
{
    if (dev->bad_features || dev->features & ~dev->offered) return false;
    return !dev->type->features_ok || dev->type->features_ok(dev, dev->features);
}

void virtio_set_features(struct virtio_device *dev, unsigned word, uint32_t value)
{
    if (dev->status & VIRTIO_FEATURES_OK) {
        virtio_complain(dev, "features written after FEATURES_OK");
        return;
    }
    if (word < 2)
        dev->features = bits_set(dev->features, word * 32 + 31, word * 32, value);
    else if (value)
        dev->bad_features = true; /* nothing is offered there */
}

void virtio_set_status(struct virtio_device *dev, uint8_t value)
{
    if (value == 0) {
        virtio_reset(dev);
        return;
    }
    uint8_t before = dev->status;
    if (before & ~value & DRIVER_BITS)
        virtio_complain(dev, "status 0x%02x written over 0x%02x: bits are never cleared", value, before);
    uint8_t added = value & DRIVER_BITS & (uint8_t)~before;
    if (added & VIRTIO_FEATURES_OK && !features_acceptable(dev)) {
        virtio_complain(dev, "features 0x%llx refused", (unsigned long long)dev->features);
        added &= (uint8_t)~VIRTIO_FEATURES_OK;
    }
    if (added & VIRTIO_DRIVER_OK && !((before | added) & VIRTIO_FEATURES_OK)) {
        virtio_complain(dev, "DRIVER_OK without FEATURES_OK");
        added &= (uint8_t)~VIRTIO_DRIVER_OK;
    }
    if (added & VIRTIO_FEATURES_OK && dev->type->negotiated) dev->type->negotiated(dev);
    dev->status = before | added;
    if (added & VIRTIO_DRIVER_OK)
        for (unsigned i = 0; i < dev->queue_count; i++) virtio_queue_notify(dev, i);
}

/* ---- saved state ---- */

static bool status_is_legal(const struct virtio_device *dev)
{
    if (dev->status & ~(DRIVER_BITS | VIRTIO_NEEDS_RESET)) return false;
    if (dev->status & VIRTIO_DRIVER_OK && !(dev->status & VIRTIO_FEATURES_OK)) return false;
    return !(dev->status & VIRTIO_FEATURES_OK) || features_acceptable(dev);
}

void virtio_state(struct virtio_device *dev, struct state *s)
{
    state_tag(s, dev->type->name, 1);
    if (s->restoring) virtio_reset(dev); /* lets go of requests in flight */
    state_u64(s, &dev->features);
    state_bool(s, &dev->bad_features);
    state_u8(s, &dev->status);
    state_u32(s, &dev->generation);
    if (s->restoring && state_ok(s) && !status_is_legal(dev))
        state_refuse(s, "a virtio device has a status that it cannot have");
    for (unsigned i = 0; i < dev->queue_count; i++) virtq_state(&dev->queues[i], s);
    if (state_ok(s) && dev->type->state) dev->type->state(dev, s);
    if (s->restoring && !state_ok(s)) virtio_reset(dev);
}

void virtio_destroy(struct virtio_device *dev)
{
    if (dev) dev->type->destroy(dev);
}
