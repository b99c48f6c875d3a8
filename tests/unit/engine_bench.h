/* A small world for the engine: a bus with RAM and one device, an engine, up to four harts, no machine. Time is the hart's count. The
 * device answers with the count at which it is read, remembers what it was asked, and can drive wires and write to RAM when written. */
#ifndef ORRERY_TESTS_ENGINE_BENCH_H
#define ORRERY_TESTS_ENGINE_BENCH_H

#include "cpu/engine.h"
#include "cpu/observe.h"
#include "cpu/priv.h"
#include "emu/base/bits.h"

#include <stdio.h>
#include <stdlib.h>

#define RAM      UINT64_C(0x80000000)
#define RAM_SIZE UINT64_C(0x20000)
#define DEVICE   UINT64_C(0x10000000)

/* What a write to the device does; offset of the register. */
enum {
    DEVICE_PLAIN = 0,
    DEVICE_IRQ_ON = 8,
    DEVICE_IRQ_OFF = 16,
    DEVICE_DMA_ADDRESS = 24,
    DEVICE_DMA = 32,
    DEVICE_KICK = 40,
    DEVICE_SIZE = 64
};

enum {
    SENVCFG = 0x10a,
    STVEC = 0x105,
    SCOUNTEREN = 0x106,
    SEPC = 0x141,
    SCAUSE = 0x142,
    STVAL = 0x143,
    SATP = 0x180,
    MSTATUS = 0x300,
    MEDELEG = 0x302,
    MIDELEG = 0x303,
    MIE = 0x304,
    MTVEC = 0x305,
    MCOUNTEREN = 0x306,
    MENVCFG = 0x30a,
    MSCRATCH = 0x340,
    MEPC = 0x341,
    MCAUSE = 0x342,
    MTVAL = 0x343,
    MIP = 0x344,
    PMPCFG0 = 0x3a0,
    PMPADDR0 = 0x3b0,
    MINSTRET = 0xb02,
};

#define WORLD_HARTS 4

/* How a world's engine works. */
struct world_engine {
    size_t arena_bytes; /* as for engine_create */
    size_t code_bytes;  /* as for engine_translate; 0: interpreter */
    unsigned warm;
};

struct world {
    struct bus bus;
    struct engine *engine;
    struct hart *hart[WORLD_HARTS];
    struct hart_env env;
    struct hart *running;
    uint64_t device_hash;  /* of every access and the count at which it happened */
    uint64_t device_count; /* the count at the last one */
    gpa_t dma_address;
};

static inline void world_mix(struct world *w, uint64_t v)
{
    w->device_hash = (w->device_hash ^ v) * UINT64_C(0x9e3779b97f4a7c15);
    w->device_hash ^= w->device_hash >> 29;
}

static inline uint64_t world_device_read(void *dev, uint64_t offset, unsigned size)
{
    struct world *w = dev;
    w->device_count = hart_icount(w->running);
    world_mix(w, offset << 8 | size);
    world_mix(w, w->device_count);
    return w->device_count;
}

static inline void world_device_write(void *dev, uint64_t offset, unsigned size, uint64_t value)
{
    struct world *w = dev;
    struct hart *h = w->running;
    w->device_count = hart_icount(h);
    world_mix(w, offset << 8 | size | 0x80);
    world_mix(w, w->device_count);
    world_mix(w, value);
    static const uint8_t wires[] = {IRQ_MSI, IRQ_MTI, IRQ_MEI, IRQ_SEI, IRQ_SSI};
    switch (offset & ~UINT64_C(7)) {
    case DEVICE_IRQ_ON: hart_set_irq(h, wires[value % 5], true); break;
    case DEVICE_IRQ_OFF: hart_set_irq(h, wires[value % 5], false); break;
    case DEVICE_DMA_ADDRESS: w->dma_address = RAM + value % (RAM_SIZE - 8); break;
    case DEVICE_DMA: bus_dma_write(&w->bus, w->dma_address ? w->dma_address : RAM, &value, size); break;
    case DEVICE_KICK: hart_kick(h); break;
    }
}

static const struct mmio_ops world_device = {
    .name = "bench", .widths = 1 | 2 | 4 | 8, .read = world_device_read, .write = world_device_write};

static inline ps_t world_now(void *machine) { return hart_icount(((struct world *)machine)->running) * 1000; }
static inline void world_timer_changed(void *machine, unsigned hart) { (void)machine, (void)hart; }

static inline void world_die(const char *text)
{
    fprintf(stderr, "engine bench: %s\n", text);
    abort();
}

/* cpu as for -cpu. */
static inline void world_create_with(struct world *w, const char *cpu, unsigned harts, const struct world_engine *how)
{
    struct err err;
    memset(w, 0, sizeof *w);
    w->env =
        (struct hart_env){.now = world_now, .timebase_ps = 7000, .timer_changed = world_timer_changed, .machine = w};
    bus_init(&w->bus, NULL);
    if (!bus_add_ram(&w->bus, RAM, RAM_SIZE, &err) ||
        !bus_add_mmio(&w->bus, DEVICE, DEVICE_SIZE, &world_device, w, &err))
        world_die(err.text);
    w->engine = engine_create(&w->bus, how->arena_bytes, NULL);
    if (!w->engine) world_die("no memory for an engine");
    if (how->code_bytes && !engine_translate(w->engine, how->code_bytes, how->warm))
        world_die("this host cannot translate");
    for (unsigned i = 0; i < harts; i++) {
        struct hart_config c = {.id = i, .pmp_count = 16, .reset_pc = RAM};
        if (!isa_parse_cpu(cpu, &c.isa, &err)) world_die(err.text);
        w->hart[i] = hart_create(&c, &w->bus, w->engine, &w->env, NULL);
        if (!w->hart[i]) world_die("no memory for a hart");
    }
    w->running = w->hart[0];
}

static inline void world_create(struct world *w, const char *cpu, unsigned harts, size_t arena_bytes)
{
    struct world_engine how = {.arena_bytes = arena_bytes};
#ifdef WORLD_TRANSLATES
    how.code_bytes = 128 << 10, how.warm = 1;
#endif
    world_create_with(w, cpu, harts, &how);
}

static inline void world_destroy(struct world *w)
{
    for (unsigned i = 0; i < WORLD_HARTS; i++) hart_destroy(w->hart[i]);
    engine_destroy(w->engine);
    bus_finish(&w->bus);
}

static inline uint8_t *world_ram(struct world *w, gpa_t at) { return bus_ram(&w->bus, at, 1); }

static inline enum hart_stop world_run(struct world *w, unsigned hart, uint64_t insns)
{
    w->running = w->hart[hart];
    return hart_run(w->hart[hart], insns);
}

/* ---- comparison ---- */

struct world_diff {
    char text[160]; /* empty: equal */
};

struct csr_compare {
    struct hart *a, *b;
    struct world_diff *diff;
};
static inline void world_compare_csr(void *to, unsigned number, const char *name, const char *tag)
{
    struct csr_compare *c = to;
    uint64_t a = 0, b = 0;
    (void)tag;
    csr_peek(c->a, number, &a);
    csr_peek(c->b, number, &b);
    if (a != b)
        snprintf(c->diff->text, sizeof c->diff->text, "%s: 0x%llx and 0x%llx", name, (unsigned long long)a,
                 (unsigned long long)b);
}

/* Everything that software could see of hart n, of RAM and of the device. */
static inline struct world_diff world_compare(struct world *a, struct world *b, unsigned n)
{
    struct world_diff d = {{0}};
    struct hart *h = a->hart[n], *g = b->hart[n];
    a->running = h, b->running = g;
#define SAME(what, x, y)                                                                                               \
    if ((x) != (y))                                                                                                    \
    snprintf(d.text, sizeof d.text, "%s: 0x%llx and 0x%llx", what, (unsigned long long)(x), (unsigned long long)(y))
    csr_each(world_compare_csr, &(struct csr_compare){h, g, &d});
    for (unsigned i = 0; i < 33; i++) {
        char name[8];
        snprintf(name, sizeof name, "x%u", i);
        if (i < 32) SAME(name, h->x[i], g->x[i]);
        name[0] = 'f';
        if (i < 32) SAME(name, h->f[i], g->f[i]);
    }
    SAME("x0", h->x[0], UINT64_C(0));
    SAME("waiting", h->waiting, g->waiting);
    SAME("device", a->device_hash, b->device_hash);
    SAME("priv", h->priv, g->priv);
    SAME("virt", h->virt, g->virt);
    SAME("pc", h->pc, g->pc);
    SAME("icount", hart_icount(h), hart_icount(g));
#undef SAME
    const uint8_t *ra = world_ram(a, RAM), *rb = world_ram(b, RAM);
    if (memcmp(ra, rb, RAM_SIZE) != 0) {
        uint64_t i = 0;
        while (ra[i] == rb[i]) i++;
        size_t used = strlen(d.text);
        snprintf(d.text + used, sizeof d.text - used, "%sRAM from 0x%llx on", used ? "; " : "",
                 (unsigned long long)(RAM + i));
    }
    return d;
}

#endif
