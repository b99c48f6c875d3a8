#include "devices/aclint.h"

#include "emu/base/bits.h"
#include <libfdt.h>
#include <stdlib.h>

#define MTIMECMP_BASE 0x4000u
#define MTIME_OFFSET  0xbff8u

struct aclint_hart {
    struct aclint *owner;
    unsigned index;
    bool msip;
    uint64_t mtimecmp;
    struct event timer;
    struct aclint_lines lines;
};

struct aclint {
    unsigned harts;
    ps_t tick_ps;
    uint64_t offset; /* mtime = now / tick_ps + offset (mod 2^64) */
    struct aclint_hart hart[ACLINT_HARTS_MAX];
    uint32_t phandles[ACLINT_HARTS_MAX];
    void (*shifted)(void *machine);
    void *machine;
    struct event_queue *events;
    struct log *log;
};

uint64_t aclint_time(const struct aclint *a) { return event_now(a->events) / a->tick_ps + a->offset; }

ps_t aclint_time_to_ps(const struct aclint *a, uint64_t ticks)
{
    uint64_t present = aclint_time(a);
    if (ticks <= present) return 0;
    uint64_t now_ticks = event_now(a->events) / a->tick_ps;
    uint64_t wait = ticks - present;
    if (wait > PS_NEVER / a->tick_ps - now_ticks - 1) return PS_NEVER;
    return (now_ticks + wait) * a->tick_ps;
}

static void update_timer(struct aclint_hart *h)
{
    struct aclint *a = h->owner;
    bool due = aclint_time(a) >= h->mtimecmp;
    ps_t when = due ? PS_NEVER : aclint_time_to_ps(a, h->mtimecmp);
    if (when == PS_NEVER)
        event_cancel(a->events, &h->timer);
    else
        event_schedule(a->events, &h->timer, when);
    irq_set(&h->lines.mtip, due);
}

static void timer_fired(void *owner) { update_timer(owner); }

static uint64_t word_of(uint64_t v, uint64_t offset, unsigned size)
{
    return size == 8 ? v : bits_get(v, (unsigned)(offset & 4) * 8 + 31, (unsigned)(offset & 4) * 8);
}

static uint64_t word_into(uint64_t v, uint64_t offset, unsigned size, uint64_t value)
{
    return size == 8 ? value : bits_set(v, (unsigned)(offset & 4) * 8 + 31, (unsigned)(offset & 4) * 8, value);
}

static struct aclint_hart *msip_at(struct aclint *a, uint64_t offset, unsigned size)
{
    return size == 4 && offset < 4u * a->harts ? &a->hart[offset / 4] : NULL;
}

static struct aclint_hart *mtimecmp_at(struct aclint *a, uint64_t offset)
{
    return offset >= MTIMECMP_BASE && offset < MTIMECMP_BASE + 8u * a->harts ? &a->hart[(offset - MTIMECMP_BASE) / 8]
                                                                             : NULL;
}

static bool is_mtime(uint64_t offset) { return (offset & ~UINT64_C(7)) == MTIME_OFFSET; }

static uint64_t clint_read(void *dev, uint64_t offset, unsigned size)
{
    struct aclint *a = dev;
    struct aclint_hart *h;
    if ((h = msip_at(a, offset, size))) return h->msip;
    if ((h = mtimecmp_at(a, offset))) return word_of(h->mtimecmp, offset, size);
    if (is_mtime(offset)) return word_of(aclint_time(a), offset, size);
    log_line(a->log, LOG_GUEST_ERROR, "aclint: read of %u bytes at reserved offset 0x%llx", size,
             (unsigned long long)offset);
    return 0;
}

static void clint_write(void *dev, uint64_t offset, unsigned size, uint64_t value)
{
    struct aclint *a = dev;
    struct aclint_hart *h;
    if ((h = msip_at(a, offset, size))) {
        h->msip = value & 1;
        irq_set(&h->lines.msip, h->msip);
    } else if ((h = mtimecmp_at(a, offset))) {
        h->mtimecmp = word_into(h->mtimecmp, offset, size, value);
        update_timer(h);
    } else if (is_mtime(offset)) {
        uint64_t now = aclint_time(a);
        a->offset += word_into(now, offset, size, value) - now;
        for (unsigned i = 0; i < a->harts; i++) update_timer(&a->hart[i]);
        if (a->shifted) a->shifted(a->machine);
    } else {
        log_line(a->log, LOG_GUEST_ERROR, "aclint: write of %u bytes at reserved offset 0x%llx", size,
                 (unsigned long long)offset);
    }
}

static uint64_t sswi_read(void *dev, uint64_t offset, unsigned size)
{
    (void)dev, (void)offset, (void)size;
    return 0; /* SETSSIP always reads 0 */
}

static void sswi_write(void *dev, uint64_t offset, unsigned size, uint64_t value)
{
    struct aclint *a = dev;
    struct aclint_hart *h = msip_at(a, offset, size);
    if (!h)
        log_line(a->log, LOG_GUEST_ERROR, "aclint: write at reserved SSWI offset 0x%llx", (unsigned long long)offset);
    else if (value & 1)
        irq_set(&h->lines.ssip, true);
}

static const struct mmio_ops clint_mmio = {.name = "clint", .widths = 4 | 8, .read = clint_read, .write = clint_write};
static const struct mmio_ops sswi_mmio = {.name = "sswi", .widths = 4, .read = sswi_read, .write = sswi_write};

static void aclint_reset(void *dev)
{
    struct aclint *a = dev;
    a->offset -= aclint_time(a); /* "On MTIMER device reset, the MTIME register is cleared to zero" */
    for (unsigned i = 0; i < a->harts; i++) {
        struct aclint_hart *h = &a->hart[i];
        h->msip = false;
        h->mtimecmp = UINT64_MAX;
        irq_set(&h->lines.msip, false);
        update_timer(h);
    }
    if (a->shifted) a->shifted(a->machine);
}

static void aclint_state(void *dev, struct state *s)
{
    struct aclint *a = dev;
    state_tag(s, "aclint", 1);
    state_u64(s, &a->offset);
    for (unsigned i = 0; i < a->harts; i++) {
        struct aclint_hart *h = &a->hart[i];
        state_bool(s, &h->msip);
        state_u64(s, &h->mtimecmp);
        state_event(s, a->events, &h->timer);
        if (!s->restoring || !state_ok(s)) continue;
        irq_set(&h->lines.msip, h->msip);
        irq_set(&h->lines.mtip, aclint_time(a) >= h->mtimecmp);
    }
}

static void aclint_destroy(void *dev)
{
    struct aclint *a = dev;
    for (unsigned i = 0; i < a->harts; i++) event_cancel(a->events, &a->hart[i].timer);
    free(a);
}

struct aclint *aclint_create(const struct device_host *host, unsigned harts, uint64_t timebase_hz,
                             const struct aclint_lines *lines)
{
    struct aclint *a = calloc(1, sizeof *a);
    if (!a) return NULL;
    a->harts = harts < ACLINT_HARTS_MAX ? harts : ACLINT_HARTS_MAX;
    a->tick_ps = PS_PER_S / timebase_hz;
    a->events = host->events;
    a->log = host->log;
    for (unsigned i = 0; i < a->harts; i++) {
        a->hart[i] = (struct aclint_hart){.owner = a, .index = i, .mtimecmp = UINT64_MAX, .lines = lines[i]};
        event_init(&a->hart[i].timer, "mtimer", timer_fired, &a->hart[i]);
    }
    return a;
}

void aclint_on_shift(struct aclint *a, void (*shifted)(void *machine), void *machine)
{
    a->shifted = shifted;
    a->machine = machine;
}

void aclint_set_phandles(struct aclint *a, const uint32_t *phandles)
{
    memcpy(a->phandles, phandles, a->harts * sizeof *phandles);
}

/* A node whose interrupts-extended lists `lines` causes for each hart. */
static int fdt_node(const struct aclint *a, void *fdt, const struct device_place *place, const char *kind,
                    const char *compatible, int compatible_len, const uint32_t *causes, unsigned lines)
{
    char name[32];
    snprintf(name, sizeof name, "%s@%llx", kind, (unsigned long long)place->base);
    fdt32_t extended[4 * ACLINT_HARTS_MAX];
    unsigned n = 0;
    for (unsigned i = 0; i < a->harts; i++) {
        for (unsigned j = 0; j < lines; j++) {
            extended[n++] = cpu_to_fdt32(a->phandles[i]);
            extended[n++] = cpu_to_fdt32(causes[j]);
        }
    }
    fdt64_t reg[2] = {cpu_to_fdt64(place->base), cpu_to_fdt64(place->size)};
    int bad = fdt_begin_node(fdt, name);
    if (!bad) bad = fdt_property(fdt, "interrupts-extended", extended, (int)(n * sizeof *extended));
    if (!bad) bad = fdt_property(fdt, "reg", reg, sizeof reg);
    if (!bad) bad = fdt_property(fdt, "compatible", compatible, compatible_len);
    if (!bad && lines == 1) bad = fdt_property(fdt, "interrupt-controller", NULL, 0);
    if (!bad && lines == 1) bad = fdt_property_u32(fdt, "#interrupt-cells", 0);
    if (!bad) bad = fdt_end_node(fdt);
    return bad;
}

static int clint_fdt_node(const void *dev, void *fdt, const struct device_place *place)
{
    static const char compatible[] = "sifive,clint0\0riscv,clint0";
    static const uint32_t causes[] = {3, 7}; /* MSI, MTI */
    return fdt_node(dev, fdt, place, "clint", compatible, sizeof compatible, causes, 2);
}

static int sswi_fdt_node(const void *dev, void *fdt, const struct device_place *place)
{
    static const char compatible[] = "riscv,aclint-sswi";
    static const uint32_t causes[] = {1}; /* SSI */
    return fdt_node(dev, fdt, place, "sswi", compatible, sizeof compatible, causes, 1);
}

const struct device_ops aclint_device = {
    .name = "clint",
    .mmio = &clint_mmio,
    .reset = aclint_reset,
    .state = aclint_state,
    .destroy = aclint_destroy,
    .fdt_node = clint_fdt_node,
};

const struct device_ops aclint_sswi_device = {.name = "sswi", .mmio = &sswi_mmio, .fdt_node = sswi_fdt_node};
