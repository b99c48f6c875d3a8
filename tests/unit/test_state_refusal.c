/* A saved state of which one bit is wrong: a device refuses it with a reason, or has then exactly that state, saves it again to the last
 * bit, and works. After a refusal, too, it works, and takes the good state. */
#include "devices/aclint.h"
#include "devices/goldfish_rtc.h"
#include "devices/ns16550a.h"
#include "devices/plic.h"
#include "device_bench.h"

static struct bench bench;
static unsigned refused, accepted;

/* Every register is read, and written with what it read. */
static void exercise(const struct device_ops *ops, void *dev, uint64_t bytes, unsigned width)
{
    for (uint64_t offset = 0; offset < bytes; offset += width)
        ops->mmio->write(dev, offset, width, ops->mmio->read(dev, offset, width));
    bench_pass(&bench, PS_PER_S / 1000);
}

static bool restore(const struct device_ops *ops, void *dev, uint8_t *data, size_t length)
{
    struct state r;
    state_init_restore(&r, data, length);
    ops->state(dev, &r);
    cr_assert_eq(state_ok(&r), r.problem[0] == 0, "%s: a refusal has a reason", ops->name);
    return state_ok(&r);
}

static void expect_state(const struct device_ops *ops, void *dev, const struct state *want, size_t bit)
{
    struct state again;
    state_init_save(&again);
    ops->state(dev, &again);
    cr_assert(again.length == want->length && memcmp(again.data, want->data, want->length) == 0,
              "%s: taken with bit %zu changed, but not as it was", ops->name, bit);
    state_finish(&again);
}

static void flip_every_bit(const struct device_ops *ops, void *dev, uint64_t bytes, unsigned width)
{
    struct state s;
    state_init_save(&s);
    ops->state(dev, &s);
    refused = accepted = 0;
    for (size_t bit = 0; bit < 8 * s.length; bit++) {
        s.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        bool taken = restore(ops, dev, s.data, s.length);
        if (taken) expect_state(ops, dev, &s, bit);
        s.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        taken ? accepted++ : refused++;
        exercise(ops, dev, bytes, width);
        cr_assert(restore(ops, dev, s.data, s.length));
        expect_state(ops, dev, &s, bit);
    }
    cr_assert(accepted > 0 && refused > 20 * 8, "at least the tag is refused");
    state_finish(&s);
}

static void swallow(void *backend, const uint8_t *bytes, size_t n) { (void)backend, (void)bytes, (void)n; }

Test(state_refusal, serial_port)
{
    bench_init(&bench);
    struct chardev chardev = {.write = swallow};
    struct ns16550a *uart = ns16550a_create(&bench.host, bench_wire(&bench, 10), &chardev);
    for (unsigned fifo = 0; fifo < 2; fifo++) {
        ns16550a_device.mmio->write(uart, 2, 1, fifo ? 0xc1 : 0);
        ns16550a_device.mmio->write(uart, 1, 1, 0xf);
        chardev.receive(chardev.frontend, (const uint8_t *)"abc", fifo ? 3 : 1);
        flip_every_bit(&ns16550a_device, uart, 8, 1);
        cr_assert_gt(refused, 20 * 8 + 60, "counts, registers");
    }
    ns16550a_device.destroy(uart);
    event_queue_finish(&bench.events);
}

Test(state_refusal, plic)
{
    bench_init(&bench);
    struct irq_line targets[4];
    for (unsigned i = 0; i < 4; i++) targets[i] = bench_wire(&bench, i);
    struct plic *plic = plic_create(&bench.host, 96, 4, targets);
    plic_device.mmio->write(plic, 4 * 4, 4, 1);
    plic_device.mmio->write(plic, 0x2080, 4, 1u << 4);
    struct irq_line line = plic_source(plic, 4);
    irq_set(&line, true);
    flip_every_bit(&plic_device, plic, 0x200, 4);
    cr_assert_gt(refused, 20 * 8 + 29 * 128, "priorities above 7");
    plic_device.destroy(plic);
    event_queue_finish(&bench.events);
}

Test(state_refusal, clocks)
{
    bench_init(&bench);
    struct goldfish_rtc *rtc = goldfish_rtc_create(&bench.host, bench_wire(&bench, 11), 0);
    goldfish_rtc_device.mmio->write(rtc, 0x0c, 4, 1u << 10);
    goldfish_rtc_device.mmio->write(rtc, 0x08, 4, 5); /* far away */
    flip_every_bit(&goldfish_rtc_device, rtc, 0x20, 4);
    goldfish_rtc_device.destroy(rtc);
    struct aclint_lines lines[2] = {{.msip = bench_wire(&bench, 0), .mtip = bench_wire(&bench, 1)},
                                    {.msip = bench_wire(&bench, 2), .mtip = bench_wire(&bench, 3)}};
    struct aclint *aclint = aclint_create(&bench.host, 2, 10000000, lines);
    flip_every_bit(&aclint_device, aclint, 8, 4);
    cr_assert_eq(refused, 20 * 8 + 2 * 7, "only truth values can be wrong");
    aclint_device.destroy(aclint);
    event_queue_finish(&bench.events);
}
