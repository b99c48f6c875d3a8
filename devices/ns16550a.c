#include "devices/ns16550a.h"

#include "emu/base/bits.h"
#include <libfdt.h>
#include <stdlib.h>

enum { RBR_THR = 0, IER = 1, IIR_FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7 };

#define IER_RX    0x01u
#define IER_THRE  0x02u
#define IER_LINE  0x04u
#define IER_MODEM 0x08u
#define IER_ALL   0x0fu

/* Interrupt identification, highest priority first. */
#define IIR_LINE    0x06u
#define IIR_RX      0x04u
#define IIR_TIMEOUT 0x0cu
#define IIR_THRE    0x02u
#define IIR_MODEM   0x00u
#define IIR_NONE    0x01u
#define IIR_FIFOS   0xc0u

#define FCR_ENABLE   0x01u
#define FCR_CLEAR_RX 0x02u
#define FCR_WRITABLE 0xc9u /* what it keeps */
#define LCR_DLAB     0x80u
#define MCR_LOOP     0x10u
#define MCR_ALL      0x1fu
#define LSR_DATA     0x01u
#define LSR_OVERRUN  0x02u
#define LSR_BREAK    0x10u
#define LSR_EMPTY    0x60u /* THR and transmitter */
#define MSR_DELTAS   0x0fu
#define MSR_PRESENT  0xb0u /* DCD, DSR, CTS: a terminal is connected */

#define FIFO_BYTES 16u

struct ns16550a {
    uint8_t ier, fcr, lcr, mcr, msr, scr, line_errors;
    uint16_t divisor;
    bool thre_pending;    /* transmitter-empty interrupt not yet acknowledged */
    bool timeout_pending; /* characters below the trigger level have waited */
    uint8_t fifo[FIFO_BYTES];
    uint32_t fifo_head, fifo_count;
    struct event timeout;
    struct irq_line irq;
    struct chardev *chardev;
    struct event_queue *events;
};

static uint32_t fifo_size(const struct ns16550a *u) { return u->fcr & FCR_ENABLE ? FIFO_BYTES : 1; }
static uint32_t fifo_room(const struct ns16550a *u) { return fifo_size(u) - u->fifo_count; }

static uint32_t rx_trigger(const struct ns16550a *u)
{
    static const uint8_t levels[] = {1, 4, 8, 14};
    return u->fcr & FCR_ENABLE ? levels[u->fcr >> 6] : 1;
}

static uint8_t interrupt_id(const struct ns16550a *u)
{
    if (u->ier & IER_LINE && u->line_errors) return IIR_LINE;
    if (u->ier & IER_RX && u->fifo_count >= rx_trigger(u)) return IIR_RX;
    if (u->ier & IER_RX && u->timeout_pending) return IIR_TIMEOUT;
    if (u->ier & IER_THRE && u->thre_pending) return IIR_THRE;
    if (u->ier & IER_MODEM && u->msr & MSR_DELTAS) return IIR_MODEM;
    return IIR_NONE;
}

static void update_irq(struct ns16550a *u) { irq_set(&u->irq, interrupt_id(u) != IIR_NONE); }

/* "Four character times" of ten bits each at the programmed speed. */
static void restart_timeout(struct ns16550a *u)
{
    u->timeout_pending = false;
    event_cancel(u->events, &u->timeout);
    if (!(u->fcr & FCR_ENABLE) || !u->fifo_count) return;
    uint64_t bits_per_s = NS16550A_CLOCK_HZ / 16 / (u->divisor ? u->divisor : 1);
    event_schedule(u->events, &u->timeout, event_now(u->events) + 40 * PS_PER_S / (bits_per_s ? bits_per_s : 1));
}

static void timeout_fired(void *owner)
{
    struct ns16550a *u = owner;
    u->timeout_pending = u->fifo_count != 0;
    update_irq(u);
}

static void rx_byte(struct ns16550a *u, uint8_t byte)
{
    if (!fifo_room(u)) {
        u->line_errors |= LSR_OVERRUN;
        return;
    }
    u->fifo[(u->fifo_head + u->fifo_count++) % FIFO_BYTES] = byte;
}

static size_t ns16550a_can_receive(void *frontend)
{
    const struct ns16550a *u = frontend;
    return u->mcr & MCR_LOOP ? 0 : fifo_room(u);
}

static void ns16550a_receive(void *frontend, const uint8_t *bytes, size_t n)
{
    struct ns16550a *u = frontend;
    for (size_t i = 0; i < n; i++) rx_byte(u, bytes[i]);
    restart_timeout(u);
    update_irq(u);
}

/* Modem status: the connected terminal's lines, or in loopback the MCR's own outputs (DTR RTS OUT1 OUT2 -> DSR CTS RI DCD). */
static uint8_t modem_lines(const struct ns16550a *u)
{
    if (!(u->mcr & MCR_LOOP)) return MSR_PRESENT;
    return (uint8_t)((u->mcr & 2) << 3 | (u->mcr & 1) << 5 | (u->mcr & 4) << 4 | (u->mcr & 8) << 4);
}

static void update_modem(struct ns16550a *u)
{
    uint8_t lines = modem_lines(u), changed = (lines ^ u->msr) & 0xf0;
    uint8_t deltas = changed >> 4;
    if (deltas & 4 && lines & 0x40) deltas &= (uint8_t)~4u; /* TERI: only the trailing edge of RI */
    u->msr = (uint8_t)(lines | (u->msr & MSR_DELTAS) | deltas);
}

static uint8_t pop_rx(struct ns16550a *u)
{
    if (!u->fifo_count) return 0;
    uint8_t byte = u->fifo[u->fifo_head];
    u->fifo_head = (u->fifo_head + 1) % FIFO_BYTES;
    u->fifo_count--;
    restart_timeout(u);
    return byte;
}

static uint64_t ns16550a_read(void *dev, uint64_t offset, unsigned size)
{
    (void)size;
    struct ns16550a *u = dev;
    bool dlab = u->lcr & LCR_DLAB;
    uint8_t value = 0;
    switch (offset & 7) {
    case RBR_THR: value = dlab ? (uint8_t)u->divisor : pop_rx(u); break;
    case IER: value = dlab ? (uint8_t)(u->divisor >> 8) : u->ier; break;
    case IIR_FCR:
        value = interrupt_id(u);
        if (value == IIR_THRE) u->thre_pending = false;
        value |= u->fcr & FCR_ENABLE ? IIR_FIFOS : 0;
        break;
    case LCR: value = u->lcr; break;
    case MCR: value = u->mcr; break;
    case LSR:
        value = (uint8_t)(LSR_EMPTY | (u->fifo_count ? LSR_DATA : 0) | u->line_errors);
        u->line_errors = 0;
        break;
    case MSR:
        value = u->msr;
        u->msr &= (uint8_t)~MSR_DELTAS;
        break;
    case SCR: value = u->scr; break;
    }
    update_irq(u);
    return value;
}

static void transmit(struct ns16550a *u, uint8_t byte)
{
    if (u->mcr & MCR_LOOP) {
        rx_byte(u, byte);
        restart_timeout(u);
    } else {
        chardev_write(u->chardev, &byte, 1);
    }
    u->thre_pending = true;
}

static void write_fcr(struct ns16550a *u, uint8_t value)
{
    bool toggled = (value ^ u->fcr) & FCR_ENABLE;
    u->fcr = value & FCR_ENABLE ? value & FCR_WRITABLE : 0;
    if (toggled || value & FCR_CLEAR_RX) {
        u->fifo_count = 0;
        restart_timeout(u);
    }
}

static void ns16550a_write(void *dev, uint64_t offset, unsigned size, uint64_t wide)
{
    (void)size;
    struct ns16550a *u = dev;
    bool dlab = u->lcr & LCR_DLAB;
    uint8_t value = (uint8_t)wide;
    switch (offset & 7) {
    case RBR_THR:
        if (dlab)
            u->divisor = (uint16_t)bits_set(u->divisor, 7, 0, value);
        else
            transmit(u, value);
        break;
    case IER:
        if (dlab) {
            u->divisor = (uint16_t)bits_set(u->divisor, 15, 8, value);
        } else {
            if (value & ~u->ier & IER_THRE) u->thre_pending = true; /* enabling it while empty interrupts */
            u->ier = value & IER_ALL;
        }
        break;
    case IIR_FCR: write_fcr(u, value); break;
    case LCR: u->lcr = value; break;
    case MCR:
        u->mcr = value & MCR_ALL;
        update_modem(u);
        break;
    case LSR:
    case MSR: break; /* read-only in normal use */
    case SCR: u->scr = value; break;
    }
    update_irq(u);
}

static const struct mmio_ops ns16550a_mmio = {
    .name = "serial", .widths = 1 | 2 | 4 | 8, .read = ns16550a_read, .write = ns16550a_write};

static void ns16550a_reset(void *dev)
{
    struct ns16550a *u = dev;
    u->ier = u->fcr = u->lcr = u->mcr = u->scr = u->line_errors = 0;
    u->msr = MSR_PRESENT;
    u->divisor = 12;
    u->thre_pending = u->timeout_pending = false;
    u->fifo_head = u->fifo_count = 0;
    event_cancel(u->events, &u->timeout);
    update_irq(u);
}

static bool is_legal(const struct ns16550a *u)
{
    bool fcr_ok = u->fcr & FCR_ENABLE ? !(u->fcr & ~FCR_WRITABLE) : u->fcr == 0;
    return fcr_ok && u->ier <= IER_ALL && u->mcr <= MCR_ALL && !(u->line_errors & ~(LSR_OVERRUN | LSR_BREAK)) &&
           (u->msr & ~MSR_DELTAS) == modem_lines(u) && u->fifo_head < FIFO_BYTES && u->fifo_count <= fifo_size(u);
}

static void ns16550a_state(void *dev, struct state *s)
{
    struct ns16550a *u = dev;
    state_tag(s, "ns16550a", 1);
    uint8_t *bytes[] = {&u->ier, &u->fcr, &u->lcr, &u->mcr, &u->msr, &u->scr, &u->line_errors};
    for (size_t i = 0; i < ARRAY_LEN(bytes); i++) state_u8(s, bytes[i]);
    state_u16(s, &u->divisor);
    state_bool(s, &u->thre_pending);
    state_bool(s, &u->timeout_pending);
    state_bytes(s, u->fifo, sizeof u->fifo);
    state_u32(s, &u->fifo_head);
    state_u32(s, &u->fifo_count);
    state_event(s, u->events, &u->timeout);
    if (!s->restoring) return;
    if (state_ok(s) && !is_legal(u)) state_refuse(s, "the serial port is in a state that it cannot be in");
    if (!state_ok(s)) ns16550a_reset(u);
    update_irq(u);
}

static void ns16550a_destroy(void *dev)
{
    struct ns16550a *u = dev;
    event_cancel(u->events, &u->timeout);
    free(u);
}

struct ns16550a *ns16550a_create(const struct device_host *host, struct irq_line irq, struct chardev *chardev)
{
    struct ns16550a *u = calloc(1, sizeof *u);
    if (!u) return NULL;
    *u = (struct ns16550a){.irq = irq, .chardev = chardev, .events = host->events};
    event_init(&u->timeout, "uart timeout", timeout_fired, u);
    if (chardev) {
        chardev->can_receive = ns16550a_can_receive;
        chardev->receive = ns16550a_receive;
        chardev->frontend = u;
    }
    ns16550a_reset(u);
    return u;
}

static int ns16550a_fdt_node(const void *dev, void *fdt, const struct device_place *place)
{
    (void)dev;
    char name[32];
    snprintf(name, sizeof name, "serial@%llx", (unsigned long long)place->base);
    fdt64_t reg[2] = {cpu_to_fdt64(place->base), cpu_to_fdt64(place->size)};
    int bad = fdt_begin_node(fdt, name);
    if (!bad) bad = fdt_property_u32(fdt, "interrupts", place->irq);
    if (!bad) bad = fdt_property_u32(fdt, "interrupt-parent", place->irq_parent);
    if (!bad) bad = fdt_property_u32(fdt, "clock-frequency", NS16550A_CLOCK_HZ);
    if (!bad) bad = fdt_property(fdt, "reg", reg, sizeof reg);
    if (!bad) bad = fdt_property_string(fdt, "compatible", "ns16550a");
    if (!bad) bad = fdt_end_node(fdt);
    return bad;
}

const struct device_ops ns16550a_device = {
    .name = "serial",
    .mmio = &ns16550a_mmio,
    .reset = ns16550a_reset,
    .state = ns16550a_state,
    .destroy = ns16550a_destroy,
    .fdt_node = ns16550a_fdt_node,
};
