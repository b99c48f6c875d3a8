/* The test finisher and the real-time clock. */
#include "devices/goldfish_rtc.h"
#include "devices/sifive_test.h"
#include "device_bench.h"

struct asked {
    int count;
    enum power_request what;
    unsigned code;
};

static void ask(void *machine, enum power_request what, unsigned code)
{
    struct asked *a = machine;
    a->count++;
    a->what = what;
    a->code = code;
}

Test(finisher, each_word_asks_for_its_own_thing)
{
    struct bench b;
    bench_init(&b);
    struct asked a = {0};
    struct sifive_test *t = sifive_test_create(&b.host, (struct power_port){ask, &a});
    const struct mmio_ops *m = sifive_test_device.mmio;
    m->write(t, 0, 4, 0x5555);
    cr_assert(a.count == 1 && a.what == POWER_OFF);
    m->write(t, 0, 4, 0x00070000 | 0x3333);
    cr_assert(a.count == 2 && a.what == POWER_FAIL && a.code == 7);
    m->write(t, 0, 4, 0x3333);
    cr_assert(a.count == 3 && a.code == 1, "a failure never ends with 0");
    m->write(t, 0, 2, 0x7777);
    cr_assert(a.count == 4 && a.what == POWER_RESET);
    m->write(t, 0, 4, 0x1234);
    m->write(t, 4, 4, 0x5555);
    cr_assert_eq(a.count, 4);
    sifive_test_device.destroy(t);
}

static uint64_t rtc_now(struct goldfish_rtc *r)
{
    uint64_t low = goldfish_rtc_device.mmio->read(r, 0, 4);
    return goldfish_rtc_device.mmio->read(r, 4, 4) << 32 | low;
}

static void rtc_write64(struct goldfish_rtc *r, unsigned low, uint64_t v)
{
    goldfish_rtc_device.mmio->write(r, low + 4, 4, v >> 32);
    goldfish_rtc_device.mmio->write(r, low, 4, (uint32_t)v);
}

Test(rtc, shows_guest_time_from_its_epoch_and_can_be_set)
{
    struct bench b;
    bench_init(&b);
    uint64_t epoch = UINT64_C(1700000000) * 1000000000;
    struct goldfish_rtc *r = goldfish_rtc_create(&b.host, bench_wire(&b, 11), epoch);
    bench_pass(&b, 5 * PS_PER_S);
    cr_assert_eq(rtc_now(r), epoch + UINT64_C(5000000000));
    rtc_write64(r, 0, 1000);
    bench_pass(&b, PS_PER_NS * 7);
    cr_assert_eq(rtc_now(r), 1007);
    goldfish_rtc_device.destroy(r);
    event_queue_finish(&b.events);
}

Test(rtc, alarm_fires_once_at_its_time_and_can_be_cleared)
{
    struct bench b;
    bench_init(&b);
    struct goldfish_rtc *r = goldfish_rtc_create(&b.host, bench_wire(&b, 11), 0);
    goldfish_rtc_device.mmio->write(r, 0x10, 4, 1);
    rtc_write64(r, 8, 5000);
    cr_assert_eq(goldfish_rtc_device.mmio->read(r, 0x18, 4), 1);
    bench_pass(&b, 5000 * PS_PER_NS - 1);
    cr_assert(!b.wire[11]);
    bench_pass(&b, 1);
    cr_assert(b.wire[11]);
    cr_assert_eq(goldfish_rtc_device.mmio->read(r, 0x18, 4), 0);
    goldfish_rtc_device.mmio->write(r, 0x1c, 4, 1);
    cr_assert(!b.wire[11]);
    rtc_write64(r, 8, 9000);
    goldfish_rtc_device.mmio->write(r, 0x14, 4, 1);
    bench_pass(&b, PS_PER_S);
    cr_assert(!b.wire[11]);
    rtc_write64(r, 8, 1); /* in the past: at once */
    cr_assert(b.wire[11]);
    goldfish_rtc_device.destroy(r);
    event_queue_finish(&b.events);
}
