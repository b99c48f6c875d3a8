/* next.h - what runs after the firmware. */
#ifndef ORRERY_FIRMWARE_NEXT_H
#define ORRERY_FIRMWARE_NEXT_H

#include <stdbool.h>
#include <stdint.h>

/* The record at a2: QEMU and OpenSBI call it fw_dynamic_info. Six 64-bit words. */
struct next_info {
    uint64_t magic, version, address, mode, options, boot_hart;
};

/* Reads the record; false if `address` does not hold one. */
bool next_read_info(uintptr_t address, struct next_info *info);
/* The address of the supervisor's first instruction; panics, with the reason, if there is nothing to run. `info` may be
 * NULL. */
uint64_t next_find(const struct next_info *info);

#endif
