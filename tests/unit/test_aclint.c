#include "devices/aclint.h"
#include "device_bench.h"

#define TICK (PS_PER_S / 10000000)

static struct bench bench;
static struct aclint *aclint;

static void setup(void)
{
    bench_init(&bench);
    struct aclint_lines lines[2];
    for (unsigned i = 0; i < 2; i++)
        lines[i] = (struct aclint_lines){bench_wire(&bench, 3 * i), bench_wire(&bench, 3 * i + 1),
                                         bench_wire(&bench, 3 * i + 2)};
    aclint = aclint_create(&bench.host, 2, 10000000, lines);
}

static void teardown(void)
{
    aclint_device.destroy(aclint);
    event_queue_finish(&bench.events);
}

TestSuite(aclint, .init = setup, .fini = teardown);

static uint64_t rd(uint64_t offset, unsigned size) { return aclint_device.mmio->read(aclint, offset, size); }
static void wr(uint64_t offset, unsigned size, uint64_t v) { aclint_device.mmio->write(aclint, offset, size, v); }

Test(aclint, mtime_counts_guest_time_and_halves_can_be_read)
{
    bench.now = 0x123456789 * TICK + TICK - 1;
    cr_assert_eq(rd(0xbff8, 8), 0x123456789);
    cr_assert_eq(rd(0xbff8, 4), 0x23456789);
    cr_assert_eq(rd(0xbffc, 4), 0x1);
}

Test(aclint, mtip_rises_exactly_at_mtimecmp_and_falls_when_it_is_moved)
{
    wr(0x4008, 8, 100);
    bench_pass(&bench, 100 * TICK - 1);
    cr_assert(!bench.wire[4]);
    bench_pass(&bench, 1);
    cr_assert(bench.wire[4]);
    cr_assert(!bench.wire[1]);
    wr(0x4008, 8, 101);
    cr_assert(!bench.wire[4]);
    wr(0x4008, 4, 0); /* low half */
    cr_assert(bench.wire[4]);
    wr(0x400c, 4, 0xffffffff);
    cr_assert(!bench.wire[4]);
    cr_assert_eq(rd(0x4008, 8), 0xffffffff00000000);
}

Test(aclint, a_write_to_mtime_moves_the_comparison)
{
    wr(0x4000, 8, 1000);
    cr_assert(!bench.wire[1]);
    wr(0xbff8, 8, 1000);
    cr_assert(bench.wire[1]);
    wr(0xbff8, 8, 990);
    cr_assert(!bench.wire[1]);
    bench_pass(&bench, 10 * TICK);
    cr_assert(bench.wire[1]);
    cr_assert_eq(aclint_time(aclint), 1000);
}

Test(aclint, far_deadlines_do_not_overflow)
{
    wr(0x4000, 8, UINT64_MAX);
    wr(0x4000, 8, UINT64_MAX - 1);
    cr_assert_eq(event_next(&bench.events), PS_NEVER);
    cr_assert_eq(aclint_time_to_ps(aclint, UINT64_MAX), PS_NEVER);
}

Test(aclint, msip_is_one_bit_and_ssip_reads_zero)
{
    wr(4, 4, 0xffffffff);
    cr_assert(bench.wire[3]);
    cr_assert_eq(rd(4, 4), 1);
    wr(4, 4, 2);
    cr_assert(!bench.wire[3]);
    aclint_sswi_device.mmio->write(aclint, 0, 4, 0);
    cr_assert(!bench.wire[2]);
    aclint_sswi_device.mmio->write(aclint, 0, 4, 1);
    cr_assert(bench.wire[2]);
    cr_assert_eq(aclint_sswi_device.mmio->read(aclint, 0, 4), 0);
}

Test(aclint, reserved_offsets_are_harmless)
{
    for (uint64_t offset = 0; offset < ACLINT_CLINT_SIZE; offset += 4) wr(offset, 4, 0xffffffff), rd(offset, 4);
}
