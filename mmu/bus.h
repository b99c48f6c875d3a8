/* The bus: RAM and device windows in the guest-physical address space, and the contract that every device follows.
 *
 * RAM is one or more host mappings, allocated lazily by the host: by small pages, and by large ones once it turns out that the guest uses
 * much of those that it uses at all. A device window is a base, a size and a const table of callbacks;
 * the bus checks window bounds, accepted widths and natural alignment before it calls one, so a device sees only legal accesses.
 *
 * Code pages: an engine that has decoded code from a RAM page marks the page. A store by a hart, a DMA write by a device or a
 * debugger's poke to a marked page calls the watcher with the bytes that change; the watcher drops what it decoded from them and says
 * whether code is left in the page (else the mark is cleared). So data beside code costs no new translation, and a slow store only in the
 * same line. */
#ifndef ORRERY_MMU_BUS_H
#define ORRERY_MMU_BUS_H

#include "emu/base/err.h"
#include "emu/base/log.h"
#include "emu/base/types.h"

/* What a device window does. Callbacks get the offset from the window's base and a naturally aligned size that `widths` accepts. */
struct mmio_ops {
    const char *name;
    unsigned widths; /* accepted access sizes, or-ed: 1, 2, 4, 8 (bytes). Others raise an access fault */
    uint64_t (*read)(void *dev, uint64_t offset, unsigned size);
    void (*write)(void *dev, uint64_t offset, unsigned size, uint64_t value);
};

/* An interrupt line: the device sets its level, the other end is a PLIC source, a hart's mip bit, … */
struct irq_line {
    void (*set)(void *target, unsigned n, bool level); /* NULL: not connected */
    void *target;
    unsigned n;
};
static inline void irq_set(const struct irq_line *line, bool level)
{
    if (line->set) line->set(line->target, line->n, level);
}

struct ram_region {
    gpa_t base;
    uint64_t size; /* bytes, a multiple of the page size */
    uint8_t *host;
    uint64_t *code_lines; /* per page: which of its 64 lines of 64 bytes hold decoded code, the first one in bit 0 */
    /* Which pages harts have found by a walk (a bit each), how many they are, and how many of the host's large pages they lie in. */
    uint64_t *used_marks;
    uint64_t pages_used, large_used;
    bool large; /* the host is to give large pages from now on */
};

struct mmio_window {
    gpa_t base;
    uint64_t size;
    const struct mmio_ops *ops;
    void *dev; /* not owned */
};

#define BUS_RAM_MAX  8
#define BUS_MMIO_MAX 64

struct bus {
    struct ram_region ram[BUS_RAM_MAX];
    unsigned ram_count;
    struct mmio_window mmio[BUS_MMIO_MAX]; /* sorted by base */
    unsigned mmio_count;
    /* [gpa, gpa+len) lies within one page and touches marked lines. Returns which lines of the page still hold decoded code. */
    uint64_t (*code_written)(void *watcher, gpa_t gpa, uint64_t len);
    /* A device writes [gpa, gpa+len), in marked pages or not; may be NULL. */
    void (*device_wrote)(void *watcher, gpa_t gpa, uint64_t len);
    void *watcher;
    struct log *log; /* may be NULL */
};

void bus_init(struct bus *bus, struct log *log);
void bus_finish(struct bus *bus); /* unmaps RAM */

/* Fails (with text) on overlap, zero or unaligned size, too many, or when the host has no address space. RAM reads as zero at first. */
bool bus_add_ram(struct bus *bus, gpa_t base, uint64_t size, struct err *err);
bool bus_add_mmio(struct bus *bus, gpa_t base, uint64_t size, const struct mmio_ops *ops, void *dev, struct err *err);

/* Host address of [gpa, gpa+len) if it lies wholly within one RAM region, else NULL. len >= 1. Never use it to write: see below. */
uint8_t *bus_ram(const struct bus *bus, gpa_t gpa, uint64_t len);

/* The largest region, NULL if there is none. It stays where it is. */
const struct ram_region *bus_largest_ram(const struct bus *bus);

/* A hart uses the page of gpa, which may be anything. */
void bus_note_use(struct bus *bus, gpa_t gpa);

/* One access of 1, 2, 4 or 8 bytes to RAM (any alignment) or to a device window (natural alignment, accepted width).
 * false: nothing there, or the device does not accept it: an access fault for a hart. */
bool bus_read(struct bus *bus, gpa_t gpa, unsigned size, uint64_t *value);
bool bus_write(struct bus *bus, gpa_t gpa, unsigned size, uint64_t value);

/* Device and loader access to RAM only; false if any byte lies outside RAM (then nothing is transferred). */
bool bus_dma_read(struct bus *bus, gpa_t gpa, void *to, uint64_t len);
bool bus_dma_write(struct bus *bus, gpa_t gpa, const void *from, uint64_t len);
/* Like bus_ram, for a device that will write there now: calls the watcher first. */
uint8_t *bus_dma_map_write(struct bus *bus, gpa_t gpa, uint64_t len);

/* Marks of code. The lines of [gpa, gpa+len), which lies within one page: */
uint64_t bus_lines(gpa_t gpa, uint64_t len);
void bus_mark_code(struct bus *bus, gpa_t gpa, uint64_t len);
bool bus_has_code(const struct bus *bus, gpa_t gpa); /* anywhere in the page of gpa */
/* There is code in the page of `host`, which is an address of RAM, but none in its line. */
bool bus_is_beside_code(const struct bus *bus, const uint8_t *host);
/* To be called before (or right after) bytes [gpa, gpa+len) of RAM change: clears marks and calls the watcher. Cheap without marks. */
void bus_touch_code(struct bus *bus, gpa_t gpa, uint64_t len);
/* The same for a device, which writes to RAM by its own host pointer: the watcher hears of every write, of the same value, too. */
void bus_touch_dma(struct bus *bus, gpa_t gpa, uint64_t len);

#endif
