/* Test finisher, as QEMU's virt machine has it: a write of 0x5555 powers off, 0x7777 resets, 0x3333 with a code in bits 31:16 fails. */
#ifndef ORRERY_DEVICES_SIFIVE_TEST_H
#define ORRERY_DEVICES_SIFIVE_TEST_H

#include "devices/device.h"
#include "devices/power.h"

#define SIFIVE_TEST_SIZE  UINT64_C(0x1000)
#define SIFIVE_TEST_FAIL  0x3333u
#define SIFIVE_TEST_PASS  0x5555u
#define SIFIVE_TEST_RESET 0x7777u

struct sifive_test;

struct sifive_test *sifive_test_create(const struct device_host *host, struct power_port power);
/* The node is also the syscon that poweroff and reboot nodes refer to. */
void sifive_test_set_phandle(struct sifive_test *t, uint32_t phandle);

extern const struct device_ops sifive_test_device;

#endif
