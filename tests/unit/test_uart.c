#include "devices/ns16550a.h"
#include "device_bench.h"

static struct bench bench;
static struct chardev chardev;
static struct ns16550a *uart;
static char out[64];
static size_t out_len;

static void sink(void *backend, const uint8_t *bytes, size_t n)
{
    (void)backend;
    memcpy(out + out_len, bytes, n);
    out_len += n;
}

static void setup(void)
{
    bench_init(&bench);
    chardev = (struct chardev){.write = sink};
    uart = ns16550a_create(&bench.host, bench_wire(&bench, 10), &chardev);
}

static void teardown(void)
{
    ns16550a_device.destroy(uart);
    event_queue_finish(&bench.events);
}

TestSuite(uart, .init = setup, .fini = teardown);

static uint8_t rd(unsigned reg) { return (uint8_t)ns16550a_device.mmio->read(uart, reg, 1); }
static void wr(unsigned reg, uint8_t v) { ns16550a_device.mmio->write(uart, reg, 1, v); }
static size_t type(const char *text)
{
    size_t n = strlen(text), room = chardev.can_receive(chardev.frontend);
    if (n > room) n = room;
    chardev.receive(chardev.frontend, (const uint8_t *)text, n);
    return n;
}

Test(uart, transmits_and_interrupts_when_empty)
{
    wr(0, 'A');
    cr_assert_eq(out_len, 1);
    cr_assert_eq(out[0], 'A');
    cr_assert_eq(rd(5), 0x60);
    cr_assert(!bench.wire[10]);
    wr(1, 2);
    cr_assert(bench.wire[10]);
    cr_assert_eq(rd(2), 0x02);
    cr_assert(!bench.wire[10], "reading IIR acknowledges");
    cr_assert_eq(rd(2), 0x01);
    wr(0, 'B');
    cr_assert(bench.wire[10]);
}

Test(uart, receives_one_byte_without_fifo)
{
    wr(1, 1);
    cr_assert_eq(type("xy"), 1);
    cr_assert(bench.wire[10]);
    cr_assert_eq(rd(2), 0x04);
    cr_assert_eq(rd(5) & 1, 1);
    cr_assert_eq(rd(0), 'x');
    cr_assert_eq(rd(5) & 1, 0);
    cr_assert(!bench.wire[10]);
}

Test(uart, fifo_trigger_and_timeout)
{
    wr(2, 0x81); /* FIFO on, trigger 8 */
    wr(1, 1);
    cr_assert_eq(rd(2), 0xc1);
    type("abc");
    cr_assert(!bench.wire[10]);
    bench_pass(&bench, PS_PER_S / 100);
    cr_assert(bench.wire[10]);
    cr_assert_eq(rd(2), 0xcc);
    cr_assert_eq(rd(0), 'a');
    cr_assert_eq(rd(2), 0xc1, "a read clears the time-out");
    type("defghi");
    cr_assert_eq(rd(2), 0xc4);
    cr_assert_eq(chardev.can_receive(chardev.frontend), 8);
    wr(2, 0x83);
    cr_assert_eq(rd(5) & 1, 0, "FCR bit 1 clears the FIFO");
}

Test(uart, line_status_has_the_highest_priority_and_clears_on_read)
{
    wr(1, 0x0f);
    chardev.receive(chardev.frontend, (const uint8_t *)"pq", 2); /* ignores can_receive: overrun */
    cr_assert_eq(rd(2), 0x06);
    cr_assert_eq(rd(5) & 3, 3);
    cr_assert_eq(rd(5) & 2, 0);
    cr_assert_eq(rd(2), 0x04);
}

Test(uart, divisor_latch_and_scratch)
{
    wr(3, 0x83);
    wr(0, 0x34);
    wr(1, 0x12);
    cr_assert_eq(rd(0), 0x34);
    cr_assert_eq(rd(1), 0x12);
    wr(3, 3);
    cr_assert_eq(rd(1), 0);
    cr_assert_eq(out_len, 0);
    wr(7, 0xa5);
    cr_assert_eq(rd(7), 0xa5);
}

Test(uart, loopback_turns_modem_outputs_and_data_round)
{
    wr(4, 0x1a); /* loop, RTS, OUT2 */
    cr_assert_eq(rd(6) & 0xf0, 0x90);
    cr_assert_eq(chardev.can_receive(chardev.frontend), 0);
    wr(0, 'z');
    cr_assert_eq(out_len, 0);
    cr_assert_eq(rd(0), 'z');
    wr(4, 0);
    cr_assert_eq(rd(6), 0xb2, "back to the terminal's lines, with DSR changed");
    cr_assert_eq(rd(6), 0xb0);
}
