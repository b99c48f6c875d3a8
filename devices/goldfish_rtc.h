/* Goldfish real-time clock: nanoseconds since the epoch, one alarm. Register layout: the Goldfish virtual hardware documentation of
 * the Android emulator ("TIMER_TIME_LOW" …), as the stock Linux driver rtc-goldfish uses it.
 *
 * The clock runs on guest time from a start that the machine chooses, so runs repeat; with --realtime the machine passes the host's. */
#ifndef ORRERY_DEVICES_GOLDFISH_RTC_H
#define ORRERY_DEVICES_GOLDFISH_RTC_H

#include "devices/device.h"

#define GOLDFISH_RTC_SIZE UINT64_C(0x1000)

struct goldfish_rtc;

/* epoch_ns: what the clock shows at guest time 0. */
struct goldfish_rtc *goldfish_rtc_create(const struct device_host *host, struct irq_line irq, uint64_t epoch_ns);

extern const struct device_ops goldfish_rtc_device;

#endif
