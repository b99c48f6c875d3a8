#include "devices/plic.h"
#include "device_bench.h"

static struct bench bench;
static struct plic *plic;

static void setup(void)
{
    bench_init(&bench);
    struct irq_line targets[4];
    for (unsigned i = 0; i < 4; i++) targets[i] = bench_wire(&bench, i);
    plic = plic_create(&bench.host, 96, 4, targets);
}

static void teardown(void)
{
    plic_device.destroy(plic);
    event_queue_finish(&bench.events);
}

TestSuite(plic, .init = setup, .fini = teardown);

static uint32_t rd(uint64_t offset) { return (uint32_t)plic_device.mmio->read(plic, offset, 4); }
static void wr(uint64_t offset, uint32_t v) { plic_device.mmio->write(plic, offset, 4, v); }
static void source(unsigned n, bool level)
{
    struct irq_line line = plic_source(plic, n);
    irq_set(&line, level);
}

#define ENABLE(c, word) (0x2000 + (c)*0x80 + (word)*4)
#define THRESHOLD(c)    (0x200000 + (c)*0x1000)
#define CLAIM(c)        (THRESHOLD(c) + 4)

Test(plic, priority_zero_never_interrupts)
{
    wr(ENABLE(1, 0), 1u << 10);
    source(10, true);
    cr_assert(!bench.wire[1]);
    cr_assert_eq(rd(CLAIM(1)), 0);
    wr(4 * 10, 1);
    cr_assert(bench.wire[1]);
}

Test(plic, claim_returns_highest_priority_then_lowest_number)
{
    wr(ENABLE(0, 0), 0xffffffff);
    wr(ENABLE(0, 1), 0xffffffff);
    cr_assert_eq(rd(ENABLE(0, 0)), 0xfffffffe, "there is no source 0");
    wr(4 * 3, 2);
    wr(4 * 5, 7);
    wr(4 * 40, 7);
    source(3, true);
    source(40, true);
    source(5, true);
    cr_assert_eq(rd(CLAIM(0)), 5);
    cr_assert_eq(rd(CLAIM(0)), 40);
    cr_assert_eq(rd(CLAIM(0)), 3);
    cr_assert_eq(rd(CLAIM(0)), 0);
    cr_assert(!bench.wire[0]);
}

Test(plic, threshold_masks_notification_but_not_claim)
{
    wr(ENABLE(2, 0), 1u << 7);
    wr(4 * 7, 3);
    wr(THRESHOLD(2), 3);
    source(7, true);
    cr_assert(!bench.wire[2]);
    wr(THRESHOLD(2), 2);
    cr_assert(bench.wire[2]);
    wr(THRESHOLD(2), 7);
    cr_assert_eq(rd(CLAIM(2)), 7);
}

Test(plic, gateway_opens_again_only_on_completion_by_an_enabled_context)
{
    wr(ENABLE(1, 0), 1u << 4);
    wr(4 * 4, 1);
    source(4, true);
    cr_assert_eq(rd(CLAIM(1)), 4);
    cr_assert_eq(rd(0x1000), 0);
    wr(CLAIM(0), 4); /* not enabled there: ignored */
    cr_assert(!bench.wire[1]);
    wr(CLAIM(1), 4); /* still asserted: pending again */
    cr_assert(bench.wire[1]);
    cr_assert_eq(rd(0x1000), 1u << 4);
    cr_assert_eq(rd(CLAIM(1)), 4);
    source(4, false);
    wr(CLAIM(1), 4);
    cr_assert(!bench.wire[1]);
}

Test(plic, a_pulse_is_remembered_until_claimed)
{
    wr(ENABLE(1, 0), 1u << 4);
    wr(4 * 4, 1);
    source(4, true);
    source(4, false);
    cr_assert(bench.wire[1]);
    cr_assert_eq(rd(CLAIM(1)), 4);
    wr(CLAIM(1), 4);
    cr_assert_eq(rd(CLAIM(1)), 0);
}

Test(plic, priorities_are_warl_and_reserved_space_is_harmless)
{
    wr(4 * 9, 0xffffffff);
    cr_assert_eq(rd(4 * 9), 7);
    wr(0, 5);
    cr_assert_eq(rd(0), 0);
    for (uint64_t offset = 0; offset < PLIC_SIZE; offset += 4) {
        wr(offset, 0xffffffff);
        rd(offset);
    }
}

Test(plic, state_round_trip)
{
    wr(ENABLE(1, 0), 1u << 4);
    wr(4 * 4, 1);
    source(4, true);
    struct state s, r;
    state_init_save(&s);
    plic_device.state(plic, &s);
    plic_device.reset(plic);
    source(4, false);
    rd(CLAIM(1));
    plic_device.reset(plic);
    cr_assert(!bench.wire[1]);
    state_init_restore(&r, s.data, s.length);
    plic_device.state(plic, &r);
    cr_assert(state_ok(&r));
    cr_assert(bench.wire[1]);
    cr_assert_eq(rd(CLAIM(1)), 4);
    state_finish(&s);
}
