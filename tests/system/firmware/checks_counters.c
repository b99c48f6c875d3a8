/* checks_counters.c - the PMU extension. */
#include "kernel.h"

enum { NUM, INFO, CONFIG, START, STOP, READ, READ_HI, SNAPSHOT };
enum { SKIP_MATCH = 1, CLEAR = 2, AUTO_START = 4 };
#define EVENT_SET_TIMER 0xf0005ul
#define EVENT_IPI_SENT  0xf0006ul

static unsigned long cycle(void)
{
    unsigned long value;
    __asm__ volatile("rdcycle %0" : "=r"(value));
    return value;
}

static unsigned long instret(void)
{
    unsigned long value;
    __asm__ volatile("rdinstret %0" : "=r"(value));
    return value;
}

static void check_fixed(void)
{
    unsigned long before = instret();
    wait_ms(1);
    check("pmu: cycle and instret run from the start", instret() > before && cycle());
    check_equal("pmu: cycle is counter 0", SBI(PMU, INFO, 0).value, 63 << 12 | 0xc00);
    check_equal("pmu: instret is counter 2", SBI(PMU, INFO, 2).value, 63 << 12 | 0xc02);
    check_equal("pmu: there is no counter 1", SBI(PMU, INFO, 1).error, INVALID_PARAM);
    check_equal("pmu: start unconfigured", SBI(PMU, START, 0, 1, 0, 0).error, INVALID_PARAM);
    check_equal("pmu: cycles match counter 0", SBI(PMU, CONFIG, 0, 5, CLEAR, 1, 0).value, 0);
    check_equal("pmu: instructions match counter 2", SBI(PMU, CONFIG, 0, 5, 0, 2, 0).value, 2);
    check_equal("pmu: both are taken", SBI(PMU, CONFIG, 0, 5, 0, 2, 0).error, NOT_SUPPORTED);
    check_equal("pmu: skip match takes the first", SBI(PMU, CONFIG, 0, 4, SKIP_MATCH, 2, 0).value, 2);
    check_equal("pmu: start", SBI(PMU, START, 0, 5, 1, 1ul << 60).error, OK);
    check("pmu: initial value", instret() >> 50 == 1ul << 10 && cycle() >> 50 == 1ul << 10);
    check_equal("pmu: start again", SBI(PMU, START, 0, 5, 0, 0).error, ALREADY_STARTED);
    check_equal("pmu: stop", SBI(PMU, STOP, 0, 5, 0).error, OK);
    before = instret();
    check("pmu: a stopped counter does not advance", instret() <= before);
    check_equal("pmu: stop again", SBI(PMU, STOP, 0, 5, 0).error, ALREADY_STOPPED);
    SBI(PMU, STOP, 0, 5, 1);
    check_equal("pmu: reset frees them", SBI(PMU, CONFIG, 0, 5, AUTO_START, 2, 0).value, 2);
    check("pmu: auto start", instret() < instret());
    check_equal("pmu: stop and reset", SBI(PMU, STOP, 2, 1, 1).error, OK);
}

static void check_firmware_counters(struct cpu *self)
{
    unsigned long count = (unsigned long)SBI(PMU, NUM, 0).value, first = 0;
    while (first < count && SBI(PMU, INFO, first).value >= 0) first++;
    check("pmu: there are firmware counters", first < count);
    unsigned long all = -1ul >> (64 - (count - first));
    unsigned long a = (unsigned long)SBI(PMU, CONFIG, first, all, CLEAR | AUTO_START, EVENT_SET_TIMER, 0).value;
    unsigned long b = (unsigned long)SBI(PMU, CONFIG, first, all, CLEAR, EVENT_IPI_SENT, 0).value;
    check("pmu: two firmware counters", a >= first && a < count && b >= first && b < count && a != b);
    SBI(TIME, 0, -1);
    SBI(IPI, 0, 1, self->id);
    SBI(TIME, 0, -1);
    SBI(3, 0, 0);
    check_equal("pmu: counts set_timer", SBI(PMU, READ, a).value, 2);
    check_equal("pmu: does not count before start", SBI(PMU, READ, b).value, 0);
    check_equal("pmu: start at a value", SBI(PMU, START, b, 1, 1, 40).error, OK);
    SBI(IPI, 0, 1, self->id);
    SBI(3, 0, 0);
    check_equal("pmu: counts on from there", SBI(PMU, READ, b).value, 41);
    check_equal("pmu: the high half is zero", SBI(PMU, READ_HI, b).value, 0);
    check_equal("pmu: read a hardware counter", SBI(PMU, READ, 0).error, INVALID_PARAM);
    check_equal("pmu: read high of a hardware counter", SBI(PMU, READ_HI, 2).error, INVALID_PARAM);
    check_equal("pmu: stop both", SBI(PMU, STOP, first, 1ul << (a - first) | 1ul << (b - first), 1).error, OK);
    check_equal("pmu: unknown firmware event", SBI(PMU, CONFIG, first, all, 0, 0xf0016, 0).error, NOT_SUPPORTED);
    check_equal("pmu: event with data", SBI(PMU, CONFIG, first, all, 0, EVENT_SET_TIMER, 1).error, NOT_SUPPORTED);
    check_equal("pmu: firmware event on a hardware counter", SBI(PMU, CONFIG, 0, 1, 0, EVENT_SET_TIMER, 0).error,
                NOT_SUPPORTED);
    for (unsigned long i = first; i < count; i++)
        check("pmu: as many as there are", SBI(PMU, CONFIG, first, all, 0, EVENT_SET_TIMER, 0).value >= (long)first);
    check_equal("pmu: and no more", SBI(PMU, CONFIG, first, all, 0, EVENT_SET_TIMER, 0).error, NOT_SUPPORTED);
    SBI(PMU, STOP, first, all, 1);
}

static void check_hostile(void)
{
    static const unsigned long sets[][2] = {{0, 2},  {48, 1},        {64, 1},    {-1ul, 1},
                                            {47, 3}, {0, 1ul << 63}, {60, -1ul}, {1ul << 32, 1}};
    for (unsigned i = 0; i < sizeof sets / sizeof *sets; i++) {
        check_equal("pmu: configure a stranger", SBI(PMU, CONFIG, sets[i][0], sets[i][1], 0, 1, 0).error,
                    INVALID_PARAM);
        check_equal("pmu: start a stranger", SBI(PMU, START, sets[i][0], sets[i][1], 0, 0).error, INVALID_PARAM);
        check_equal("pmu: stop a stranger", SBI(PMU, STOP, sets[i][0], sets[i][1], 0).error, INVALID_PARAM);
    }
    static const unsigned long indices[] = {48, 64, 1ul << 32, -1ul};
    for (unsigned i = 0; i < sizeof indices / sizeof *indices; i++) {
        check_equal("pmu: info of a stranger", SBI(PMU, INFO, indices[i]).error, INVALID_PARAM);
        check_equal("pmu: read a stranger", SBI(PMU, READ, indices[i]).error, INVALID_PARAM);
    }
    check_equal("pmu: reserved config flag", SBI(PMU, CONFIG, 0, 1, 0x100, 1, 0).error, INVALID_PARAM);
    check_equal("pmu: reserved start flag", SBI(PMU, START, 0, 1, 4, 0).error, INVALID_PARAM);
    check_equal("pmu: reserved stop flag", SBI(PMU, STOP, 0, 1, 4).error, INVALID_PARAM);
    check_equal("pmu: event number too large", SBI(PMU, CONFIG, 0, 1, 0, 0x100001, 0).error, INVALID_PARAM);
    check_equal("pmu: no event", SBI(PMU, CONFIG, 0, 1, 0, 0, 0).error, NOT_SUPPORTED);
    check_equal("pmu: raw event", SBI(PMU, CONFIG, 0, 1, 0, 0x20000, 0).error, NOT_SUPPORTED);
    check_equal("pmu: no snapshots", SBI(PMU, SNAPSHOT, 0x80300000, 0, 0).error, NOT_SUPPORTED);
    SBI(PMU, CONFIG, 0, 1, 0, 1, 0);
    check_equal("pmu: start from a snapshot", SBI(PMU, START, 0, 1, 2, 0).error, NO_SHMEM);
    check_equal("pmu: stop into a snapshot", SBI(PMU, STOP, 0, 1, 2).error, NO_SHMEM);
    SBI(PMU, STOP, 0, 1, 1);
}

void check_counters(struct cpu *self)
{
    check_fixed();
    check_firmware_counters(self);
    check_hostile();
}
