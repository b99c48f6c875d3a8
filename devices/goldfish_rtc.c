#include "devices/goldfish_rtc.h"

#include "emu/base/bits.h"
#include <libfdt.h>
#include <stdlib.h>

enum {
    TIME_LOW =
        0x00, /* read: latches and returns the low word; write: sets the clock with the high word written before */
    TIME_HIGH = 0x04,
    ALARM_LOW = 0x08, /* write: arms */
    ALARM_HIGH = 0x0c,
    IRQ_ENABLED = 0x10,
    CLEAR_ALARM = 0x14,
    ALARM_STATUS = 0x18, /* 1 while armed */
    CLEAR_INTERRUPT = 0x1c,
};

struct goldfish_rtc {
    uint64_t offset_ns; /* clock = guest time in ns + offset (mod 2^64) */
    uint32_t latched_high;
    uint32_t set_high;
    uint64_t alarm_ns;
    bool armed, pending, irq_enabled;
    struct event alarm;
    struct irq_line irq;
    struct event_queue *events;
    struct log *log;
};

static uint64_t clock_ns(const struct goldfish_rtc *r) { return event_now(r->events) / PS_PER_NS + r->offset_ns; }

static void drive(struct goldfish_rtc *r) { irq_set(&r->irq, r->pending && r->irq_enabled); }

static void alarm_fired(void *owner)
{
    struct goldfish_rtc *r = owner;
    r->armed = false;
    r->pending = true;
    drive(r);
}

static void rearm(struct goldfish_rtc *r)
{
    event_cancel(r->events, &r->alarm);
    if (!r->armed) return;
    uint64_t now = clock_ns(r);
    if (r->alarm_ns <= now) {
        alarm_fired(r);
        return;
    }
    uint64_t wait = r->alarm_ns - now;
    ps_t at = event_now(r->events);
    if (wait < (PS_NEVER - at) / PS_PER_NS) event_schedule(r->events, &r->alarm, at + wait * PS_PER_NS);
}

static uint64_t goldfish_rtc_read(void *dev, uint64_t offset, unsigned size)
{
    (void)size;
    struct goldfish_rtc *r = dev;
    switch (offset) {
    case TIME_LOW: {
        uint64_t now = clock_ns(r);
        r->latched_high = (uint32_t)(now >> 32);
        return (uint32_t)now;
    }
    case TIME_HIGH: return r->latched_high;
    case ALARM_LOW: return (uint32_t)r->alarm_ns;
    case ALARM_HIGH: return r->alarm_ns >> 32;
    case IRQ_ENABLED: return r->irq_enabled;
    case ALARM_STATUS: return r->armed;
    default: log_line(r->log, LOG_GUEST_ERROR, "rtc: read of offset 0x%llx", (unsigned long long)offset); return 0;
    }
}

static void goldfish_rtc_write(void *dev, uint64_t offset, unsigned size, uint64_t value)
{
    (void)size;
    struct goldfish_rtc *r = dev;
    switch (offset) {
    case TIME_LOW:
        r->offset_ns += ((uint64_t)r->set_high << 32 | (uint32_t)value) - clock_ns(r);
        rearm(r);
        break;
    case TIME_HIGH: r->set_high = (uint32_t)value; break;
    case ALARM_LOW:
        r->alarm_ns = bits_set(r->alarm_ns, 31, 0, value);
        r->armed = true;
        rearm(r);
        break;
    case ALARM_HIGH: r->alarm_ns = bits_set(r->alarm_ns, 63, 32, value); break;
    case IRQ_ENABLED:
        r->irq_enabled = value & 1;
        drive(r);
        break;
    case CLEAR_ALARM:
        r->armed = false;
        rearm(r);
        break;
    case CLEAR_INTERRUPT:
        r->pending = false;
        drive(r);
        break;
    default: log_line(r->log, LOG_GUEST_ERROR, "rtc: write to offset 0x%llx", (unsigned long long)offset);
    }
}

static const struct mmio_ops goldfish_rtc_mmio = {
    .name = "rtc", .widths = 4, .read = goldfish_rtc_read, .write = goldfish_rtc_write};

static void goldfish_rtc_reset(void *dev)
{
    struct goldfish_rtc *r = dev;
    r->armed = r->pending = r->irq_enabled = false;
    r->alarm_ns = 0;
    event_cancel(r->events, &r->alarm);
    drive(r);
}

static void goldfish_rtc_state(void *dev, struct state *s)
{
    struct goldfish_rtc *r = dev;
    state_tag(s, "rtc", 1);
    state_u64(s, &r->offset_ns);
    state_u32(s, &r->latched_high);
    state_u32(s, &r->set_high);
    state_u64(s, &r->alarm_ns);
    state_bool(s, &r->armed);
    state_bool(s, &r->pending);
    state_bool(s, &r->irq_enabled);
    state_event(s, r->events, &r->alarm);
    if (!s->restoring) return;
    if (state_ok(s) && event_is_scheduled(&r->alarm) && !r->armed)
        state_refuse(s, "a clock without an alarm would ring");
    if (!state_ok(s)) goldfish_rtc_reset(r);
    drive(r);
}

static void goldfish_rtc_destroy(void *dev)
{
    struct goldfish_rtc *r = dev;
    event_cancel(r->events, &r->alarm);
    free(r);
}

struct goldfish_rtc *goldfish_rtc_create(const struct device_host *host, struct irq_line irq, uint64_t epoch_ns)
{
    struct goldfish_rtc *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    *r = (struct goldfish_rtc){.offset_ns = epoch_ns, .irq = irq, .events = host->events, .log = host->log};
    event_init(&r->alarm, "rtc alarm", alarm_fired, r);
    return r;
}

static int goldfish_rtc_fdt_node(const void *dev, void *fdt, const struct device_place *place)
{
    (void)dev;
    char name[32];
    snprintf(name, sizeof name, "rtc@%llx", (unsigned long long)place->base);
    fdt64_t reg[2] = {cpu_to_fdt64(place->base), cpu_to_fdt64(place->size)};
    int bad = fdt_begin_node(fdt, name);
    if (!bad) bad = fdt_property_u32(fdt, "interrupts", place->irq);
    if (!bad) bad = fdt_property_u32(fdt, "interrupt-parent", place->irq_parent);
    if (!bad) bad = fdt_property(fdt, "reg", reg, sizeof reg);
    if (!bad) bad = fdt_property_string(fdt, "compatible", "google,goldfish-rtc");
    if (!bad) bad = fdt_end_node(fdt);
    return bad;
}

const struct device_ops goldfish_rtc_device = {
    .name = "rtc",
    .mmio = &goldfish_rtc_mmio,
    .reset = goldfish_rtc_reset,
    .state = goldfish_rtc_state,
    .destroy = goldfish_rtc_destroy,
    .fdt_node = goldfish_rtc_fdt_node,
};
