/* The board "virt": QEMU's memory map of that name.
 *
 *   0x00001000  boot ROM            0x0c000000  PLIC                  0x80000000  RAM
 *   0x00100000  test finisher       0x10000000  ns16550a (irq 10)
 *   0x00101000  RTC (irq 11)        0x10001000  virtio-mmio, eight slots of 0x1000 (irq 1 … 8)
 *   0x02000000  CLINT               0x02f00000  ACLINT SSWI
 *
 * Source: public facts of QEMU's hw/riscv/virt.c. */
#ifndef ORRERY_BOARD_VIRT_H
#define ORRERY_BOARD_VIRT_H

#include "emu/loader.h"
#include "emu/machine.h"

#define VIRT_ROM          UINT64_C(0x1000)
#define VIRT_ROM_BYTES    UINT64_C(0xf000)
#define VIRT_TEST         UINT64_C(0x100000)
#define VIRT_RTC          UINT64_C(0x101000)
#define VIRT_CLINT        UINT64_C(0x2000000)
#define VIRT_SSWI         UINT64_C(0x2f00000)
#define VIRT_PLIC         UINT64_C(0xc000000)
#define VIRT_UART         UINT64_C(0x10000000)
#define VIRT_VIRTIO       UINT64_C(0x10001000)
#define VIRT_VIRTIO_BYTES UINT64_C(0x1000)
#define VIRT_VIRTIO_SLOTS 8u
#define VIRT_RAM          UINT64_C(0x80000000)

#define VIRT_IRQ_VIRTIO  1u
#define VIRT_IRQ_UART    10u
#define VIRT_IRQ_RTC     11u
#define VIRT_IRQ_SOURCES 96u

#define VIRT_RTC_EPOCH_NS UINT64_C(1735689600000000000) /* 2025-01-01: runs repeat; --realtime shows the host's clock */

/* What the device tree says beyond the devices. */
struct virt_boot {
    uint64_t ram_bytes;
    gpa_t initrd, initrd_end; /* equal: none */
    const char *append;       /* may be NULL */
};

/* Writes the tree (board_fdt.c); *blob is malloc'ed, its size is in its header. */
bool virt_fdt_build(struct machine *m, const struct virt_boot *boot, void **blob, struct err *err);
/* A user's tree with /chosen brought up to date; `bytes` is checked. */
bool virt_fdt_adopt(struct machine *m, const char *path, const struct virt_boot *boot, void **blob, struct err *err);

/* Firmware, kernel, initrd, tree, boot ROM (board_boot.c). */
bool virt_load(struct machine *m, uint64_t ram_bytes, struct err *err);

/* phandles: known before anything is written. */
static inline uint32_t virt_phandle_intc(unsigned hart) { return 1 + hart; }
#define VIRT_PHANDLE_PLIC 32u
#define VIRT_PHANDLE_TEST 33u
#define VIRT_PHANDLE_CPU0 40u

#endif
