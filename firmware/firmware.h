/*
 * firmware.h - Orrery's SBI firmware as the emulator sees it: a flat image and the rules for starting it.
 *
 * Load. Copy orrery_firmware_image to physical address ORRERY_FIRMWARE_BASE at every reset, warm or cold: the image
 * contains initialised data that a run changes. ORRERY_FIRMWARE_SIZE bytes from there on belong to the firmware, more
 * than the image is long; they need not be cleared. RAM must cover them and the next stage.
 *
 * Start. Every hart, in any order, begins at ORRERY_FIRMWARE_BASE in M-mode, interrupts disabled, address translation
 * off, with
 *
 *   a0  its hart id, below ORRERY_FIRMWARE_MAX_HARTS
 *   a1  physical address of the device tree, a multiple of 8, in RAM, followed by at least 4 KiB that belong to nobody:
 * the firmware adds a reserved-memory node for itself in place a2  physical address of a struct orrery_firmware_next, a
 * multiple of 8, or anything that is not one; then the next stage is at ORRERY_FIRMWARE_DEFAULT_NEXT. This is QEMU's
 * and OpenSBI's `fw_dynamic` protocol.
 *
 * The device tree must list memory, cpus, and for their services a CLINT or ACLINT (MSWI, MTIMER), an ns16550a and a
 * sifive,test0 finisher. Bus addresses are taken as physical.
 *
 * Next stage. One hart (boot_hart, or the first to arrive) enters S-mode at `address` with a0 = hart id, a1 = device
 * tree, satp = 0; the others wait for sbi_hart_start. If there is nothing to run, the firmware prints one line and ends
 * the machine through the finisher with exit status 1.
 */
#ifndef ORRERY_FIRMWARE_H
#define ORRERY_FIRMWARE_H

#include <stddef.h>
#include <stdint.h>

#define ORRERY_FIRMWARE_BASE         0x80000000u
#define ORRERY_FIRMWARE_SIZE         0x20000u
#define ORRERY_FIRMWARE_DEFAULT_NEXT 0x80200000u
#define ORRERY_FIRMWARE_MAX_HARTS    8

#define ORRERY_FIRMWARE_NEXT_MAGIC   0x4942534fu /* "OSBI", little-endian */
#define ORRERY_FIRMWARE_NEXT_VERSION 2u
#define ORRERY_FIRMWARE_MODE_S       1u

/* Little-endian in guest memory. */
struct orrery_firmware_next {
    uint64_t magic, version;
    uint64_t address;   /* of the next stage, a multiple of 4, not in the firmware */
    uint64_t mode;      /* ORRERY_FIRMWARE_MODE_S */
    uint64_t options;   /* ignored */
    uint64_t boot_hart; /* hart id, or UINT64_MAX for whichever comes first */
};

extern const uint8_t orrery_firmware_image[];
extern const size_t orrery_firmware_image_len; /* bytes, at most ORRERY_FIRMWARE_SIZE */

#endif
