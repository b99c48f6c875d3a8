/*
 * time.c - the clock. See time.h.
 *
 * The time CSR counts at the rate the device tree names; all harts read the same counter. The next timer interrupt is asked for
 * either from the firmware or, if every hart has the Sstc extension, by writing stimecmp directly.
 *
 * The date comes once, at start, from the clock chip (goldfish-rtc: nanoseconds since 1970 in two registers of which the low one
 * must be read first); after that it is the time since boot plus an offset.
 */
#include "arch/time.h"

#include "arch/layout.h"
#include "arch/machine.h"
#include "arch/riscv.h"
#include "arch/sbi.h"
#include "base/atomic.h"

static uint64_t boot_ticks, ns_per_tick; /* ns_per_tick is 0 if it is no whole number */
static uint64_t wall_offset_ns;

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
    if (machine.rtc.bytes >= 8) {
        const volatile char *rtc = pa_to_va(machine.rtc.base);
        uint64_t low = io_read32(rtc), high = io_read32(rtc + 4);
        wall_offset_ns = (high << 32 | low) - time_ns();
    }
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

uint64_t time_wall_ns(void) { return time_ns() + atomic_load(&wall_offset_ns); }
void time_set_wall(uint64_t ns) { atomic_store(&wall_offset_ns, ns - time_ns()); }
