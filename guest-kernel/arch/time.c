/*
 * time.c - the clock. See time.h.
 *
 * The time CSR counts at the rate the device tree names; all harts read the same counter. The next timer interrupt is asked for
 * either from the firmware or, if every hart has the Sstc extension, by writing stimecmp directly.
 *
 * The date comes once, at start, from the clock chip (goldfish-rtc: nanoseconds since 1970 in two registers of which the low one
 * must be read first and written last); after that it is the time since boot plus an offset. dev/rtc.c shows the chip to programs.
 */
#include "arch/time.h"

#include "arch/layout.h"
#include "arch/machine.h"
#include "arch/riscv.h"
#include "arch/sbi.h"
#include "base/atomic.h"
#include "kern/lock.h"

static uint64_t boot_ticks, ns_per_tick; /* ns_per_tick is 0 if it is no whole number */

static uint64_t ticks_to_ns(uint64_t ticks)
{
    if (ns_per_tick) return ticks * ns_per_tick;
    uint64_t hz = machine.timebase_hz;
    return ticks / hz * NS_PER_S + ticks % hz * NS_PER_S / hz;
}

/* Rounded up: an interrupt must not come before its time. */
static uint64_t ns_to_ticks(uint64_t ns)
{
    if (ns_per_tick) return ns / ns_per_tick + 1;
    uint64_t hz = machine.timebase_hz;
    return ns / NS_PER_S * hz + ns % NS_PER_S * hz / NS_PER_S + 1;
}

uint64_t time_ns(void) { return ticks_to_ns(csr_read("time") - boot_ticks); }

void time_init(void)
{
    boot_ticks = csr_read("time");
    ns_per_tick = NS_PER_S % machine.timebase_hz ? 0 : NS_PER_S / machine.timebase_hz;
    if (time_has_chip()) time_set_wall(time_chip_ns());
}

bool time_has_chip(void) { return machine.rtc.bytes >= 8; }

static struct spinlock chip_lock = SPINLOCK_INIT("clock chip", RANK_DEVICE); /* a half of each of two times is none */

uint64_t time_chip_ns(void)
{
    const volatile char *rtc = pa_to_va(machine.rtc.base);
    spin_lock(&chip_lock);
    uint64_t low = io_read32(rtc), high = io_read32(rtc + 4);
    spin_unlock(&chip_lock);
    return high << 32 | low;
}

void time_chip_set(uint64_t ns)
{
    volatile char *rtc = pa_to_va(machine.rtc.base);
    spin_lock(&chip_lock);
    io_write32(rtc + 4, (uint32_t)(ns >> 32));
    io_write32(rtc, (uint32_t)ns);
    spin_unlock(&chip_lock);
}

void time_program(uint64_t deadline_ns)
{
    uint64_t ticks = UINT64_MAX;
    if (deadline_ns < UINT64_MAX / 2) ticks = boot_ticks + ns_to_ticks(deadline_ns);
    if (machine.has_sstc)
        __asm__ volatile("csrw 0x14d, %0" ::"r"(ticks) : "memory"); /* stimecmp */
    else
        sbi_set_timer(ticks);
}

/* The date: what it was at some moment, and how it has gone on since. Read without a lock, again if it was changed meanwhile. */
struct date {
    uint64_t since_ns, at_ns; /* at that time since boot it was so late */
    int64_t pace;             /* faster than the hardware by this / 2^32 */
    int64_t slew_ns;          /* to be made good besides */
};
#define SLEW_PART 2000 /* 500 millionths */

static struct spinlock date_lock = SPINLOCK_INIT("date", RANK_DATE);
static unsigned date_version; /* odd while it is being changed */
static struct date date;

static struct date date_get(void)
{
    struct date copy;
    unsigned version;
    do {
        version = atomic_load(&date_version);
        copy.since_ns = __atomic_load_n(&date.since_ns, __ATOMIC_RELAXED);
        copy.at_ns = __atomic_load_n(&date.at_ns, __ATOMIC_RELAXED);
        copy.pace = __atomic_load_n(&date.pace, __ATOMIC_RELAXED);
        copy.slew_ns = __atomic_load_n(&date.slew_ns, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while ((version & 1) || version != atomic_load(&date_version));
    return copy;
}

/* date_lock held. */
static void date_put(const struct date *to)
{
    atomic_store(&date_version, date_version + 1);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    date = *to;
    atomic_store(&date_version, date_version + 1);
}

static int64_t slewed(const struct date *d, uint64_t passed)
{
    int64_t most = (int64_t)(passed / SLEW_PART);
    return MAX(-most, MIN(d->slew_ns, most));
}

static uint64_t date_at(const struct date *d, uint64_t now)
{
    uint64_t passed = now > d->since_ns ? now - d->since_ns : 0;
    int64_t faster = (int64_t)((__int128)(int64_t)passed * d->pace >> 32);
    return d->at_ns + passed + (uint64_t)faster + (uint64_t)slewed(d, passed);
}

uint64_t time_wall_ns(void)
{
    struct date d = date_get();
    return date_at(&d, time_ns());
}

/* By the fastest pace that the date may have until then. x / (1 + a) = x - x * a / (1 + a), without a division of 128 bits. */
uint64_t time_at_wall(uint64_t wall_ns)
{
    struct date d = date_get();
    uint64_t now = time_ns(), wall = date_at(&d, now);
    if (wall >= wall_ns) return now;
    uint64_t left = wall_ns - wall;
    int64_t one = (int64_t)1 << 32, faster = d.pace + (d.slew_ns > 0 ? one / SLEW_PART + 1 : 0);
    int64_t part = faster * one / (one + faster) + 1;
    return now + left - (uint64_t)(int64_t)((__int128)(int64_t)left * part >> 32);
}

void time_set_wall(uint64_t ns)
{
    spin_lock(&date_lock);
    struct date d = date;
    d.since_ns = time_ns();
    d.slew_ns -= slewed(&date, d.since_ns - date.since_ns);
    d.at_ns = ns;
    date_put(&d);
    spin_unlock(&date_lock);
}

void time_set_pace(int64_t millionths, int64_t slew_ns)
{
    spin_lock(&date_lock);
    struct date d = {.since_ns = time_ns(), .pace = millionths * 65536 / 1000000, .slew_ns = slew_ns};
    d.at_ns = date_at(&date, d.since_ns);
    date_put(&d);
    spin_unlock(&date_lock);
}

int64_t time_slew_left(void)
{
    struct date d = date_get();
    uint64_t now = time_ns();
    return d.slew_ns - slewed(&d, now > d.since_ns ? now - d.since_ns : 0);
}
