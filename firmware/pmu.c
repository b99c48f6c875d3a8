/*
 * pmu.c - performance counters for the supervisor (PMU extension).
 *
 *   counter index   0       1     2         3 ... 31                 32 ... 47
 *                   cycle   -     instret   hpmcounter3 ... 31       firmware counters
 *
 * A hardware counter's index is its distance from the `cycle` CSR, so nothing needs translating; index 1 would be
 * `time`, which is no counter. Which event a programmable counter can count is written in the device tree (riscv,pmu
 * node); the selector is the SBI event number itself. Firmware counters count what only the firmware sees: calls served
 * and traps handed down.
 *
 * The supervisor configures (chooses a counter for an event), starts, stops. State is per hart.
 */
#include "hart.h"
#include "platform.h"
#include "riscv.h"
#include "sbi.h"

enum { COUNTER_CYCLE = 0, COUNTER_TIME = 1, COUNTER_INSTRET = 2, COUNTER_FIRST_HPM = 3 };

enum { CONFIG_SKIP_MATCH = 1, CONFIG_CLEAR_VALUE = 2, CONFIG_AUTO_START = 4, CONFIG_FLAGS = 0xff };
enum { START_SET_VALUE = 1, START_FROM_SNAPSHOT = 2, START_FLAGS = 3 };
enum { STOP_RESET = 1, STOP_TAKE_SNAPSHOT = 2, STOP_FLAGS = 3 };

enum { EVENT_CYCLES = 1, EVENT_INSTRUCTIONS = 2 };
#define EVENT_FIRMWARE_FIRST 0xf0000u
#define EVENT_MAX            0xfffffu

#define INFO_FIRMWARE (1ul << 63)
#define INFO_WIDTH_64 (63ul << 12)

/* pmu_csr.S: a CSR number is part of an instruction, so there is one instruction per counter. A missing CSR reads as
 * zero. */
uint64_t pmu_read_counter(unsigned long index);
void pmu_write_counter(unsigned long index, uint64_t value);
void pmu_write_event(unsigned long index, uint64_t value);

bool pmu_probe(void)
{
    unsigned long inhibit = 0;
    return csr_read_safe(CSR_MCOUNTINHIBIT, &inhibit); /* without it nothing can be started or stopped */
}

void pmu_init(struct hart *self)
{
    self->pmu = (struct pmu_state){.exists = 1ul << COUNTER_CYCLE | 1ul << COUNTER_INSTRET};
    for (unsigned long i = 0; i < PMU_FW_COUNTERS; i++) self->pmu.exists |= 1ul << (PMU_HW_COUNTERS + i);
    for (unsigned long i = COUNTER_FIRST_HPM; i < PMU_HW_COUNTERS; i++) {
        pmu_write_counter(i, 1);
        if (pmu_read_counter(i)) self->pmu.exists |= 1ul << i;
        pmu_write_counter(i, 0);
    }
    /* cycle and instret run from the start, for programs that just read them */
    (void)csr_write_safe(CSR_MCOUNTINHIBIT, ~(1u << COUNTER_CYCLE | 1u << COUNTER_INSTRET));
}

void pmu_count(struct hart *self, unsigned firmware_event)
{
    uint64_t running = self->pmu.started >> PMU_HW_COUNTERS;
    for (unsigned i = 0; running; i++, running >>= 1)
        if ((running & 1) && self->pmu.fw_event[i] == firmware_event) self->pmu.fw_value[i]++;
}

static bool is_firmware(unsigned long index) { return index >= PMU_HW_COUNTERS; }

/* Turns a counter-set argument pair into a mask of indices; false if it names a counter that does not exist. */
static bool counter_set(const struct hart *self, unsigned long base, unsigned long mask, uint64_t *out)
{
    *out = 0;
    if (mask == 0) return true;
    if (base >= PMU_COUNTERS) return false;
    *out = mask << base;
    return *out >> base == mask && !(*out & ~self->pmu.exists);
}

static bool can_count(unsigned long index, uint32_t event)
{
    if (event >= EVENT_FIRMWARE_FIRST) return is_firmware(index) && event - EVENT_FIRMWARE_FIRST < PMU_FW_EVENTS;
    if (index == COUNTER_CYCLE) return event == EVENT_CYCLES;
    if (index == COUNTER_INSTRET) return event == EVENT_INSTRUCTIONS;
    if (is_firmware(index)) return false;
    for (uint32_t i = 0; i < platform.pmu_event_count; i++) {
        const struct pmu_event_range *range = &platform.pmu_events[i];
        if (event && event >= range->first && event <= range->last && (range->counters >> index & 1)) return true;
    }
    return false;
}

static void set_value(struct hart *self, unsigned long index, uint64_t value)
{
    if (is_firmware(index))
        self->pmu.fw_value[index - PMU_HW_COUNTERS] = value;
    else
        pmu_write_counter(index, value);
}

/* What mhpmevent shall hold: the event as selector, and with Sscofpmf the filter. M-mode is nobody's business. */
static uint64_t selector(const struct hart *self, uint32_t event, unsigned long flags)
{
    if (!self->has_overflow_irq) return event;
    uint64_t filter = flags & 0x80 ? MHPMEVENT_MINH : 0;
    if (flags & 0x40) filter |= MHPMEVENT_SINH;
    if (flags & 0x20) filter |= MHPMEVENT_UINH;
    if (flags & 0x10) filter |= MHPMEVENT_VSINH;
    if (flags & 0x08) filter |= MHPMEVENT_VUINH;
    return event | filter | MHPMEVENT_MINH;
}

static void start_one(struct hart *self, unsigned long index)
{
    self->pmu.started |= 1ul << index;
    if (is_firmware(index)) return;
    if (index >= COUNTER_FIRST_HPM)
        pmu_write_event(index, self->pmu.hw_event[index]); /* also clears the overflow mark */
    csr_clear(CSR_MCOUNTINHIBIT, 1ul << index);
}

static void stop_one(struct hart *self, unsigned long index)
{
    self->pmu.started &= ~(1ul << index);
    if (!is_firmware(index)) csr_set(CSR_MCOUNTINHIBIT, 1ul << index);
}

static struct sbiret config_matching(struct hart *self, const unsigned long *arguments)
{
    unsigned long flags = arguments[2], event = arguments[3], data = arguments[4];
    uint64_t set;
    if ((flags & ~(unsigned long)CONFIG_FLAGS) || event > EVENT_MAX ||
        !counter_set(self, arguments[0], arguments[1], &set))
        return sbi_error(SBI_ERR_INVALID_PARAM);
    if (data) return sbi_error(SBI_ERR_NOT_SUPPORTED); /* only raw and platform events have data */

    unsigned long index = 0;
    uint64_t taken = flags & CONFIG_SKIP_MATCH ? 0 : self->pmu.configured | self->pmu.started;
    while (index < PMU_COUNTERS && (!(set & ~taken & 1ul << index) || !can_count(index, (uint32_t)event))) {
        if ((flags & CONFIG_SKIP_MATCH) && (set & 1ul << index)) return sbi_error(SBI_ERR_NOT_SUPPORTED);
        index++;
    }
    if (index == PMU_COUNTERS) return sbi_error(SBI_ERR_NOT_SUPPORTED);

    self->pmu.configured |= 1ul << index;
    if (is_firmware(index))
        self->pmu.fw_event[index - PMU_HW_COUNTERS] = (uint16_t)event;
    else
        self->pmu.hw_event[index] = selector(self, (uint32_t)event, flags);
    if (flags & CONFIG_CLEAR_VALUE) set_value(self, index, 0);
    if (flags & CONFIG_AUTO_START) start_one(self, index);
    return sbi_value((long)index);
}

static struct sbiret start(struct hart *self, const unsigned long *arguments)
{
    unsigned long flags = arguments[2];
    uint64_t set;
    if ((flags & ~(unsigned long)START_FLAGS) || !counter_set(self, arguments[0], arguments[1], &set) ||
        (set & ~self->pmu.configured))
        return sbi_error(SBI_ERR_INVALID_PARAM);
    if (flags & START_FROM_SNAPSHOT) return sbi_error(SBI_ERR_NO_SHMEM);
    enum sbi_error result = set & self->pmu.started ? SBI_ERR_ALREADY_STARTED : SBI_SUCCESS;
    set &= ~self->pmu.started;
    for (unsigned long index = 0; index < PMU_COUNTERS; index++) {
        if (!(set >> index & 1)) continue;
        if (flags & START_SET_VALUE) set_value(self, index, arguments[3]);
        start_one(self, index);
    }
    return sbi_error(result);
}

static struct sbiret stop(struct hart *self, const unsigned long *arguments)
{
    unsigned long flags = arguments[2];
    uint64_t set;
    if ((flags & ~(unsigned long)STOP_FLAGS) || !counter_set(self, arguments[0], arguments[1], &set))
        return sbi_error(SBI_ERR_INVALID_PARAM);
    if (flags & STOP_TAKE_SNAPSHOT) return sbi_error(SBI_ERR_NO_SHMEM);
    enum sbi_error result = set & ~self->pmu.started ? SBI_ERR_ALREADY_STOPPED : SBI_SUCCESS;
    for (unsigned long index = 0; index < PMU_COUNTERS; index++) {
        if (!(set >> index & 1)) continue;
        stop_one(self, index);
        if (!(flags & STOP_RESET)) continue;
        self->pmu.configured &= ~(1ul << index);
        if (!is_firmware(index) && index >= COUNTER_FIRST_HPM) pmu_write_event(index, 0);
    }
    return sbi_error(result);
}

struct sbiret pmu_ecall(struct hart *self, unsigned long function, const unsigned long *arguments)
{
    unsigned long index = arguments[0];
    bool exists = index < PMU_COUNTERS && (self->pmu.exists >> index & 1);
    switch (function) {
    case SBI_PMU_NUM_COUNTERS: return sbi_value(PMU_COUNTERS);
    case SBI_PMU_COUNTER_INFO:
        if (!exists) return sbi_error(SBI_ERR_INVALID_PARAM);
        return sbi_value(
            (long)(is_firmware(index) ? INFO_FIRMWARE | INFO_WIDTH_64 : (CSR_CYCLE + index) | INFO_WIDTH_64));
    case SBI_PMU_CONFIG_MATCHING: return config_matching(self, arguments);
    case SBI_PMU_START: return start(self, arguments);
    case SBI_PMU_STOP: return stop(self, arguments);
    case SBI_PMU_FW_READ:
    case SBI_PMU_FW_READ_HI:
        if (!exists || !is_firmware(index)) return sbi_error(SBI_ERR_INVALID_PARAM);
        return sbi_value(function == SBI_PMU_FW_READ ? (long)self->pmu.fw_value[index - PMU_HW_COUNTERS] : 0);
    default: return sbi_error(SBI_ERR_NOT_SUPPORTED); /* the snapshot among them: it is optional */
    }
}
