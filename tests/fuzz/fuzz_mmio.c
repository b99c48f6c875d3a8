/* A hostile driver of the small devices (PLIC, ACLINT with its SSWI, ns16550a, goldfish RTC, test finisher) through the bus: accesses of
 * every width at every offset, inside windows and beside them. The input is a program; what is missing at its end reads as 0.
 *
 *   READ  window offset24 size_log2           WRITE window offset24 size_log2 value64
 *   BUS   address64 size_log2 value64         a write and a read anywhere
 *   TIME  n                                   let n * n microseconds pass
 *   INPUT n bytes                             host input for the UART, as much as it says it takes
 *   WIRE  n level                             a wire into the PLIC that no device has
 *   RESET window                              SAVE: save, restore, save again: both must be equal */
#include "devices/aclint.h"
#include "devices/goldfish_rtc.h"
#include "devices/ns16550a.h"
#include "devices/plic.h"
#include "devices/sifive_test.h"
#include "emu/base/bits.h"
#include "fuzz.h"
#include <stdlib.h>

enum { READ, WRITE, BUS, TIME, INPUT, WIRE, RESET, SAVE, OPCODES };
enum { PLIC, CLINT, SSWI, UART, RTC, FINISHER, WINDOWS };

#define HARTS       2u
#define CONTEXTS    (2 * HARTS)
#define SOURCES     96u
#define UART_SOURCE 10u
#define RTC_SOURCE  11u
#define EVENTS      (HARTS + 2) /* a timer for each hart, UART timeout, alarm */

static const struct {
    gpa_t base;
    uint64_t size;
    const struct device_ops *ops;
} windows[WINDOWS] = {
    [PLIC] = {0x0c000000, PLIC_SIZE, &plic_device},
    [CLINT] = {0x02000000, ACLINT_CLINT_SIZE, &aclint_device},
    [SSWI] = {0x02f00000, ACLINT_SSWI_SIZE, &aclint_sswi_device},
    [UART] = {0x10000000, NS16550A_SIZE, &ns16550a_device},
    [RTC] = {0x00101000, GOLDFISH_RTC_SIZE, &goldfish_rtc_device},
    [FINISHER] = {0x00100000, 0x1000, &sifive_test_device},
};

struct fuzz {
    struct bus bus;
    struct event_queue events;
    struct log log;
    ps_t now;
    struct device_host host;
    struct chardev serial;
    void *dev[WINDOWS];
    bool level[CONTEXTS + 3 * HARTS];
    unsigned sent;
    const uint8_t *at, *end; /* of the input */
};

static uint64_t take(struct fuzz *f, unsigned bytes)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes && f->at < f->end; i++) v |= (uint64_t)*f->at++ << (8 * i);
    return v;
}

static ps_t fuzz_clock(void *f) { return ((struct fuzz *)f)->now; }
static void fuzz_wire(void *f, unsigned n, bool level) { ((struct fuzz *)f)->level[n] = level; }
static void fuzz_sent(void *f, const uint8_t *bytes, size_t n) { ((struct fuzz *)f)->sent += n ? bytes[n - 1] : 0; }
static void fuzz_power(void *f, enum power_request what, unsigned code)
{
    (void)f;
    if (what == POWER_FAIL && !code) abort(); /* power.h */
}

static struct irq_line line(struct fuzz *f, unsigned n)
{
    return (struct irq_line){.set = fuzz_wire, .target = f, .n = n};
}

static void build(struct fuzz *f)
{
    struct irq_line targets[CONTEXTS];
    struct aclint_lines lines[HARTS];
    struct err err;
    for (unsigned i = 0; i < CONTEXTS; i++) targets[i] = line(f, i);
    for (unsigned i = 0; i < HARTS; i++)
        lines[i] = (struct aclint_lines){line(f, CONTEXTS + 3 * i), line(f, CONTEXTS + 3 * i + 1),
                                         line(f, CONTEXTS + 3 * i + 2)};
    f->serial = (struct chardev){.write = fuzz_sent, .backend = f};
    struct plic *plic = plic_create(&f->host, SOURCES, CONTEXTS, targets);
    if (!plic) abort();
    f->dev[PLIC] = plic;
    f->dev[CLINT] = f->dev[SSWI] = aclint_create(&f->host, HARTS, 10000000, lines);
    f->dev[UART] = ns16550a_create(&f->host, plic_source(plic, UART_SOURCE), &f->serial);
    f->dev[RTC] = goldfish_rtc_create(&f->host, plic_source(plic, RTC_SOURCE), UINT64_C(1700000000000000000));
    f->dev[FINISHER] = sifive_test_create(&f->host, (struct power_port){fuzz_power, f});
    for (unsigned i = 0; i < WINDOWS; i++)
        if (!f->dev[i] ||
            !bus_add_mmio(&f->bus, windows[i].base, windows[i].size, windows[i].ops->mmio, f->dev[i], &err))
            abort();
}

static void pass(struct fuzz *f, ps_t duration)
{
    ps_t until = f->now + duration;
    for (struct event *e; (e = event_take(&f->events, until));) {
        if (e->when > f->now) f->now = e->when;
        e->fire(e->owner);
    }
    f->now = until;
}

static void each_state(struct fuzz *f, struct state *s)
{
    for (unsigned i = 0; i < WINDOWS; i++)
        if (windows[i].ops->state) windows[i].ops->state(f->dev[i], s);
}

static void save(struct fuzz *f)
{
    struct state first, back, again;
    state_init_save(&first);
    each_state(f, &first);
    state_init_restore(&back, first.data, first.length);
    each_state(f, &back);
    state_init_save(&again);
    each_state(f, &again);
    if (!state_ok(&back) || back.at != back.length || again.length != first.length) abort();
    if (memcmp(first.data, again.data, first.length) != 0) abort();
    state_finish(&again);
    state_finish(&first);
}

static void input(struct fuzz *f)
{
    size_t n = (size_t)take(f, 1), left = (size_t)(f->end - f->at), room = f->serial.can_receive(f->serial.frontend);
    if (room > 16) abort(); /* it has no more FIFO than that */
    if (n > left) n = left;
    f->serial.receive(f->serial.frontend, f->at, n < room ? n : room);
    f->at += n;
}

/* What a window accepts is what its table says: natural alignment, width, inside. */
static void touch(struct fuzz *f, unsigned window, uint64_t offset, unsigned size, bool write, uint64_t value)
{
    gpa_t at = windows[window].base + offset;
    bool legal =
        offset % size == 0 && (windows[window].ops->mmio->widths & size) && offset + size <= windows[window].size;
    bool inside = offset < windows[window].size;
    uint64_t read = 0;
    bool done = write ? bus_write(&f->bus, at, size, value) : bus_read(&f->bus, at, size, &read);
    if (inside && done != legal) abort();
    if (size < 8 && read >> (8 * size)) abort();
}

static void step(struct fuzz *f)
{
    unsigned op = (unsigned)take(f, 1) % OPCODES, window = 0, n;
    uint64_t offset;
    struct irq_line wire;
    switch (op) {
    case READ:
    case WRITE:
        window = (unsigned)take(f, 1) % WINDOWS;
        offset = take(f, 3);
        n = 1u << take(f, 1) % 4;
        touch(f, window, offset, n, op == WRITE, op == WRITE ? take(f, 8) : 0);
        break;
    case BUS:
        offset = take(f, 8);
        n = 1u << take(f, 1) % 4;
        bus_write(&f->bus, offset, n, take(f, 8));
        bus_read(&f->bus, offset, n, &offset);
        break;
    case TIME:
        n = (unsigned)take(f, 1);
        pass(f, (ps_t)n * n * 1000 * PS_PER_NS);
        break;
    case INPUT: input(f); break;
    case WIRE: {
        n = 1 + (unsigned)take(f, 1) % (SOURCES - 1);
        wire = plic_source(f->dev[PLIC], n);
        bool level = take(f, 1) & 1;
        if (n != UART_SOURCE && n != RTC_SOURCE) irq_set(&wire, level);
        break;
    }
    case RESET:
        window = (unsigned)take(f, 1) % WINDOWS;
        if (windows[window].ops->reset) windows[window].ops->reset(f->dev[window]);
        break;
    case SAVE: save(f); break;
    }
    if (f->events.count > EVENTS) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = {.at = data, .end = data + size, .log = {.file = stderr}};
    bus_init(&f.bus, &f.log);
    event_queue_init(&f.events, fuzz_clock, NULL, &f);
    f.host = (struct device_host){.events = &f.events, .bus = &f.bus, .log = &f.log};
    build(&f);
    while (f.at < f.end) step(&f);
    pass(&f, PS_PER_S);
    save(&f);
    for (unsigned i = WINDOWS; i-- > 0;)
        if (i != SSWI) windows[i].ops->destroy(f.dev[i]);
    if (f.events.count) abort(); /* what is gone fires no more */
    event_queue_finish(&f.events);
    bus_finish(&f.bus);
    return 0;
}

/* ---- seeds: what drivers do, one for each device, and a walk over all registers ---- */

struct seed {
    uint8_t *to;
    size_t n, room;
};

static void put(struct seed *s, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes && s->n < s->room; i++) s->to[s->n++] = (uint8_t)(v >> (8 * i));
}
static void put_read(struct seed *s, unsigned window, unsigned offset, unsigned size_log2)
{
    put(s, READ, 1);
    put(s, window | offset << 8, 4);
    put(s, size_log2, 1);
}
static void put_write(struct seed *s, unsigned window, unsigned offset, unsigned size_log2, uint64_t value)
{
    put(s, WRITE, 1);
    put(s, window | offset << 8, 4);
    put(s, size_log2, 1);
    put(s, value, 8);
}
static void put_time(struct seed *s, unsigned n) { put(s, TIME | n << 8, 2); }

static void seed_plic(struct seed *s)
{
    for (unsigned n = 1; n < 12; n++) put_write(s, PLIC, 4 * n, 2, n % 8);
    for (unsigned c = 0; c < CONTEXTS; c++) {
        for (unsigned word = 0; word < 3; word++) put_write(s, PLIC, 0x2000 + 0x80 * c + 4 * word, 2, UINT32_MAX);
        put_write(s, PLIC, 0x200000 + 0x1000 * c, 2, c);
    }
    for (unsigned n = 1; n < 12; n++) put(s, WIRE | n << 8 | 1 << 16, 3);
    for (unsigned n = 0; n < 12; n++) {
        put_read(s, PLIC, 0x200004 + 0x1000 * (n % CONTEXTS), 2);
        put_write(s, PLIC, 0x200004 + 0x1000 * (n % CONTEXTS), 2, n);
        put_read(s, PLIC, 0x1000, 2);
    }
}

static void seed_aclint(struct seed *s)
{
    put_write(s, CLINT, 0, 2, 1);
    put_write(s, CLINT, 4, 2, 0);
    put_write(s, SSWI, 0, 2, 1);
    put_read(s, CLINT, 0xbff8, 3);
    put_write(s, CLINT, 0x4000, 3, 1000);
    put_write(s, CLINT, 0x4008, 2, 20);
    put_write(s, CLINT, 0x400c, 2, 0);
    put_time(s, 40);
    put_write(s, CLINT, 0xbff8, 3, UINT64_MAX - 100);
    put_time(s, 10);
    put_write(s, CLINT, 0xbffc, 2, 7);
    put_read(s, CLINT, 0xbff8, 2);
}

static void seed_uart(struct seed *s)
{
    static const uint8_t set_up[][2] = {{3, 0x80}, {0, 1}, {1, 0}, {3, 3}, {2, 0x87}, {4, 0x0b}, {1, 0x0f}};
    for (unsigned i = 0; i < ARRAY_LEN(set_up); i++) put_write(s, UART, set_up[i][0], 0, set_up[i][1]);
    put(s, INPUT | 20 << 8, 2);
    for (unsigned i = 0; i < 20; i++) put(s, 'a' + i, 1);
    for (unsigned reg = 0; reg < 8; reg++) put_read(s, UART, reg, 0);
    put_time(s, 30);
    for (unsigned i = 0; i < 17; i++) put_read(s, UART, i % 2 ? 2 : 0, 0);
    put_write(s, UART, 4, 0, 0x1f);
    for (unsigned i = 0; i < 18; i++) put_write(s, UART, 0, 0, i);
    put_write(s, UART, 2, 0, 0);
    put_write(s, UART, 4, 0, 0);
    for (unsigned reg = 0; reg < 8; reg++) put_read(s, UART, reg, 0);
}

static void seed_rtc(struct seed *s)
{
    put_read(s, RTC, 0, 2);
    put_read(s, RTC, 4, 2);
    put_write(s, RTC, 4, 2, 0);
    put_write(s, RTC, 0, 2, 1000);
    put_write(s, RTC, 0x10, 2, 1);
    put_write(s, RTC, 0x0c, 2, 0);
    put_write(s, RTC, 0x08, 2, 900000);
    put_time(s, 60);
    put_read(s, RTC, 0x18, 2);
    put_write(s, RTC, 0x1c, 2, 0);
    put_write(s, RTC, 0x0c, 2, UINT32_MAX);
    put_write(s, RTC, 0x08, 2, UINT32_MAX);
    put_write(s, RTC, 0x14, 2, 0);
    put_write(s, FINISHER, 0, 2, 0x3333);
    put_write(s, FINISHER, 0, 1, 0x5555);
    put_write(s, FINISHER, 0, 2, 0x7777);
}

size_t fuzz_seed(unsigned n, uint8_t *to, size_t room)
{
    static void (*const seeds[])(struct seed *) = {seed_plic, seed_aclint, seed_uart, seed_rtc};
    struct seed s = {to, 0, room};
    if (n >= ARRAY_LEN(seeds) + WINDOWS) return 0;
    if (n < ARRAY_LEN(seeds)) {
        seeds[n](&s);
        put(&s, SAVE, 1);
        for (unsigned w = 0; w < WINDOWS; w++) put(&s, RESET | w << 8, 2);
        return s.n;
    }
    unsigned window = n - (unsigned)ARRAY_LEN(seeds);
    for (unsigned i = 0; i < 64; i++) { /* the first registers, and the ends of the window */
        unsigned offset = i < 48 ? i : (unsigned)windows[window].size - 8 + i % 16;
        put_read(&s, window, offset, i % 4);
        put_write(&s, window, offset, i % 4, 0x0123456789abcdef * i);
    }
    put(&s, BUS, 1);
    put(&s, windows[window].base + windows[window].size - 2, 8);
    put(&s, 2, 1);
    return s.n;
}
