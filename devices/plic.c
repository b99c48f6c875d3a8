#include "devices/plic.h"

#include "emu/base/bits.h"
#include <libfdt.h>
#include <stdlib.h>

/*  0x000000  priority of source n, 4 bytes each
 *  0x001000  pending bits
 *  0x002000  enable bits of context c, 0x80 bytes each
 *  0x200000  context c, 0x1000 bytes each: +0 threshold, +4 claim/complete                                                  */
#define PENDING_BASE   0x001000u
#define ENABLE_BASE    0x002000u
#define ENABLE_STRIDE  0x80u
#define CONTEXT_BASE   0x200000u
#define CONTEXT_STRIDE 0x1000u
#define WORDS          (PLIC_SOURCES_MAX / 32)

struct plic_context {
    uint32_t enable[WORDS];
    uint32_t threshold;
};

struct plic {
    unsigned sources, contexts;
    uint32_t level[WORDS];      /* wires */
    uint32_t pending[WORDS];    /* IP bits */
    uint32_t in_service[WORDS]; /* gateway closed between claim and completion */
    uint32_t priority[PLIC_SOURCES_MAX];
    struct plic_context context[PLIC_CONTEXTS_MAX];
    struct irq_line target[PLIC_CONTEXTS_MAX];
    uint32_t phandle, target_phandles[PLIC_CONTEXTS_MAX];
    struct log *log;
};

/* The enabled pending source of highest priority above `above` (lowest number wins a tie), or 0. */
static unsigned best_source(const struct plic *p, const struct plic_context *c, uint32_t above)
{
    unsigned best = 0;
    for (unsigned w = 0; w < WORDS; w++) {
        for (uint32_t ready = p->pending[w] & c->enable[w]; ready; ready &= ready - 1) {
            unsigned n = w * 32 + (unsigned)__builtin_ctz(ready);
            if (p->priority[n] > above) {
                above = p->priority[n];
                best = n;
            }
        }
    }
    return best;
}

static void drive_targets(struct plic *p)
{
    for (unsigned i = 0; i < p->contexts; i++)
        irq_set(&p->target[i], best_source(p, &p->context[i], p->context[i].threshold) != 0);
}

static void open_gateways(struct plic *p)
{
    for (unsigned w = 0; w < WORDS; w++) p->pending[w] |= p->level[w] & ~p->in_service[w];
    drive_targets(p);
}

static void plic_set_source(void *target, unsigned n, bool level)
{
    struct plic *p = target;
    p->level[n / 32] = (uint32_t)bits_set(p->level[n / 32], n % 32, n % 32, level);
    open_gateways(p);
}

struct irq_line plic_source(struct plic *p, unsigned n)
{
    return (struct irq_line){.set = plic_set_source, .target = p, .n = n};
}

static uint32_t claim(struct plic *p, struct plic_context *c)
{
    unsigned n = best_source(p, c, 0);
    if (n) {
        p->pending[n / 32] &= ~(UINT32_C(1) << n % 32);
        p->in_service[n / 32] |= UINT32_C(1) << n % 32;
        drive_targets(p);
    }
    return n;
}

static void complete(struct plic *p, struct plic_context *c, uint32_t n)
{
    if (n >= p->sources || !bit_test(c->enable[n / 32], n % 32)) return;
    p->in_service[n / 32] &= ~(UINT32_C(1) << n % 32);
    open_gateways(p);
}

static uint32_t source_mask(const struct plic *p, unsigned word)
{
    uint32_t mask = word ? UINT32_MAX : UINT32_MAX - 1; /* there is no source 0 */
    if (p->sources <= word * 32) return 0;
    unsigned in_word = p->sources - word * 32;
    return in_word >= 32 ? mask : mask & ((UINT32_C(1) << in_word) - 1);
}

/* The enable word at offset, or NULL if no such context or source exists. */
static uint32_t *enable_word(struct plic *p, uint64_t offset, unsigned *word)
{
    unsigned context = (unsigned)((offset - ENABLE_BASE) / ENABLE_STRIDE);
    *word = (unsigned)((offset - ENABLE_BASE) % ENABLE_STRIDE / 4);
    return context < p->contexts && *word < WORDS ? &p->context[context].enable[*word] : NULL;
}

static struct plic_context *context_at(struct plic *p, uint64_t offset)
{
    uint64_t context = (offset - CONTEXT_BASE) / CONTEXT_STRIDE;
    return context < p->contexts ? &p->context[context] : NULL;
}

static uint64_t plic_read(void *dev, uint64_t offset, unsigned size)
{
    (void)size;
    struct plic *p = dev;
    if (offset < 4u * p->sources) return p->priority[offset / 4];
    if (offset >= CONTEXT_BASE) {
        struct plic_context *c = context_at(p, offset);
        if (c && offset % CONTEXT_STRIDE == 0) return c->threshold;
        if (c && offset % CONTEXT_STRIDE == 4) return claim(p, c);
    } else if (offset >= ENABLE_BASE) {
        unsigned word;
        uint32_t *enable = enable_word(p, offset, &word);
        if (enable) return *enable;
    } else if (offset >= PENDING_BASE && offset < PENDING_BASE + 4 * WORDS) {
        return p->pending[(offset - PENDING_BASE) / 4];
    }
    log_line(p->log, LOG_GUEST_ERROR, "plic: read of reserved register 0x%llx", (unsigned long long)offset);
    return 0;
}

static void plic_write(void *dev, uint64_t offset, unsigned size, uint64_t value)
{
    (void)size;
    struct plic *p = dev;
    struct plic_context *c = offset >= CONTEXT_BASE ? context_at(p, offset) : NULL;
    unsigned word;
    uint32_t *enable = offset >= ENABLE_BASE && offset < CONTEXT_BASE ? enable_word(p, offset, &word) : NULL;
    if (offset < 4u * p->sources) {
        if (offset) p->priority[offset / 4] = value & PLIC_PRIORITY_MAX;
    } else if (c && offset % CONTEXT_STRIDE == 0) {
        c->threshold = value & PLIC_PRIORITY_MAX;
    } else if (c && offset % CONTEXT_STRIDE == 4) {
        complete(p, c, (uint32_t)value);
        return;
    } else if (enable) {
        *enable = (uint32_t)value & source_mask(p, word);
    } else {
        log_line(p->log, LOG_GUEST_ERROR, "plic: write of 0x%llx to reserved register 0x%llx",
                 (unsigned long long)value, (unsigned long long)offset);
        return;
    }
    drive_targets(p);
}

static const struct mmio_ops plic_mmio = {.name = "plic", .widths = 4, .read = plic_read, .write = plic_write};

static void plic_reset(void *dev)
{
    struct plic *p = dev;
    memset(p->pending, 0, sizeof p->pending);
    memset(p->in_service, 0, sizeof p->in_service);
    memset(p->priority, 0, sizeof p->priority);
    memset(p->context, 0, sizeof p->context);
    open_gateways(p);
}

static bool context_is_legal(const struct plic *p, unsigned n)
{
    const struct plic_context *c = &p->context[n];
    bool exists = n < p->contexts;
    if (c->threshold > (exists ? PLIC_PRIORITY_MAX : 0)) return false;
    for (unsigned w = 0; w < WORDS; w++)
        if (c->enable[w] & ~(exists ? source_mask(p, w) : 0)) return false;
    return true;
}

static bool is_legal(const struct plic *p)
{
    for (unsigned w = 0; w < WORDS; w++)
        if ((p->level[w] | p->pending[w] | p->in_service[w]) & ~source_mask(p, w)) return false;
    for (unsigned n = 0; n < PLIC_SOURCES_MAX; n++)
        if (p->priority[n] > (n && n < p->sources ? PLIC_PRIORITY_MAX : 0)) return false;
    for (unsigned n = 0; n < PLIC_CONTEXTS_MAX; n++)
        if (!context_is_legal(p, n)) return false;
    return true;
}

static void plic_state(void *dev, struct state *s)
{
    struct plic *p = dev;
    state_tag(s, "plic", 1);
    state_bytes(s, p->level, sizeof p->level);
    state_bytes(s, p->pending, sizeof p->pending);
    state_bytes(s, p->in_service, sizeof p->in_service);
    state_bytes(s, p->priority, sizeof p->priority);
    state_bytes(s, p->context, sizeof p->context);
    if (!s->restoring) return;
    if (state_ok(s) && !is_legal(p)) state_refuse(s, "the PLIC is in a state that it cannot be in");
    if (!state_ok(s)) {
        memset(p->level, 0, sizeof p->level);
        plic_reset(p);
    }
    drive_targets(p);
}

struct plic *plic_create(const struct device_host *host, unsigned sources, unsigned contexts,
                         const struct irq_line *targets)
{
    struct plic *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->sources = sources < PLIC_SOURCES_MAX ? sources : PLIC_SOURCES_MAX;
    p->contexts = contexts < PLIC_CONTEXTS_MAX ? contexts : PLIC_CONTEXTS_MAX;
    memcpy(p->target, targets, p->contexts * sizeof *targets);
    p->log = host->log;
    return p;
}

void plic_set_phandles(struct plic *p, uint32_t phandle, const uint32_t *phandles)
{
    p->phandle = phandle;
    memcpy(p->target_phandles, phandles, p->contexts * sizeof *phandles);
}

static int plic_fdt_node(const void *dev, void *fdt, const struct device_place *place)
{
    const struct plic *p = dev;
    char name[32];
    snprintf(name, sizeof name, "plic@%llx", (unsigned long long)place->base);
    fdt32_t extended[2 * PLIC_CONTEXTS_MAX];
    for (unsigned i = 0; i < p->contexts; i++) {
        extended[2 * i] = cpu_to_fdt32(p->target_phandles[i]);
        extended[2 * i + 1] = cpu_to_fdt32(i % 2 ? 9 : 11); /* SEI, MEI */
    }
    fdt64_t reg[2] = {cpu_to_fdt64(place->base), cpu_to_fdt64(place->size)};
    static const char compatible[] = "sifive,plic-1.0.0\0riscv,plic0";
    int bad = fdt_begin_node(fdt, name);
    if (!bad) bad = fdt_property_u32(fdt, "phandle", p->phandle);
    if (!bad) bad = fdt_property_u32(fdt, "riscv,ndev", p->sources - 1);
    if (!bad) bad = fdt_property(fdt, "reg", reg, sizeof reg);
    if (!bad) bad = fdt_property(fdt, "interrupts-extended", extended, (int)(p->contexts * 8));
    if (!bad) bad = fdt_property(fdt, "interrupt-controller", NULL, 0);
    if (!bad) bad = fdt_property(fdt, "compatible", compatible, sizeof compatible);
    if (!bad) bad = fdt_property_u32(fdt, "#interrupt-cells", 1);
    if (!bad) bad = fdt_property_u32(fdt, "#address-cells", 0);
    if (!bad) bad = fdt_end_node(fdt);
    return bad;
}

const struct device_ops plic_device = {
    .name = "plic",
    .mmio = &plic_mmio,
    .reset = plic_reset,
    .state = plic_state,
    .destroy = free,
    .fdt_node = plic_fdt_node,
};
