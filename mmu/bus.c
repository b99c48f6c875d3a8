#include "mmu/bus.h"

#include "emu/base/bits.h"
#include "emu/base/host_mem.h"
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

void bus_init(struct bus *bus, struct log *log) { *bus = (struct bus){.log = log}; }

void bus_finish(struct bus *bus)
{
    for (unsigned i = 0; i < bus->ram_count; i++) {
        host_mem_release(bus->ram[i].host, bus->ram[i].size);
        free(bus->ram[i].code_lines);
        free(bus->ram[i].used_marks);
    }
    bus_init(bus, NULL);
}

/* ---- what stands where ---- */

static bool ranges_meet(gpa_t a, uint64_t a_size, gpa_t b, uint64_t b_size)
{
    return a <= b ? b - a < a_size : a - b < b_size;
}

static bool bus_check_range(const struct bus *bus, const char *what, gpa_t base, uint64_t size, struct err *err)
{
    if (size == 0 || size - 1 > UINT64_MAX - base)
        return err_set(err, "%s at 0x%" PRIx64 ": size 0x%" PRIx64 " is empty or passes the end of the address space",
                       what, base, size);
    for (unsigned i = 0; i < bus->ram_count; i++)
        if (ranges_meet(base, size, bus->ram[i].base, bus->ram[i].size))
            return err_set(err, "%s at 0x%" PRIx64 ", size 0x%" PRIx64 ": overlaps RAM at 0x%" PRIx64, what, base, size,
                           bus->ram[i].base);
    for (unsigned i = 0; i < bus->mmio_count; i++)
        if (ranges_meet(base, size, bus->mmio[i].base, bus->mmio[i].size))
            return err_set(err, "%s at 0x%" PRIx64 ", size 0x%" PRIx64 ": overlaps %s at 0x%" PRIx64, what, base, size,
                           bus->mmio[i].ops->name, bus->mmio[i].base);
    return true;
}

bool bus_add_ram(struct bus *bus, gpa_t base, uint64_t size, struct err *err)
{
    if ((base | size) & (GUEST_PAGE_BYTES - 1))
        return err_set(err, "RAM at 0x%" PRIx64 ", size 0x%" PRIx64 ": must begin and end at a page boundary", base,
                       size);
    if (!bus_check_range(bus, "RAM", base, size, err)) return false;
    if (bus->ram_count == BUS_RAM_MAX)
        return err_set(err, "RAM at 0x%" PRIx64 ": more than %d RAM regions", base, BUS_RAM_MAX);

    struct ram_region r = {.base = base, .size = size};
    uint64_t pages = size >> GUEST_PAGE_LOG2;
    r.host = host_mem_reserve(size);
    r.code_lines = r.host ? calloc((size_t)pages, sizeof *r.code_lines) : NULL;
    r.used_marks = r.code_lines ? calloc((size_t)(pages + 63) / 64, sizeof *r.used_marks) : NULL;
    if (!r.used_marks) {
        host_mem_release(r.host, size);
        free(r.code_lines);
        return err_set(err, "RAM of %" PRIu64 " MiB: the host has no address space for it; ask for less", size >> 20);
    }
    bus->ram[bus->ram_count++] = r;
    return true;
}

bool bus_add_mmio(struct bus *bus, gpa_t base, uint64_t size, const struct mmio_ops *ops, void *dev, struct err *err)
{
    assert(ops->widths && (ops->widths & ~15u) == 0);
    if (!bus_check_range(bus, ops->name, base, size, err)) return false;
    if (bus->mmio_count == BUS_MMIO_MAX)
        return err_set(err, "%s at 0x%" PRIx64 ": more than %d device windows", ops->name, base, BUS_MMIO_MAX);
    unsigned at = bus->mmio_count++;
    for (; at > 0 && bus->mmio[at - 1].base > base; at--) bus->mmio[at] = bus->mmio[at - 1];
    bus->mmio[at] = (struct mmio_window){.base = base, .size = size, .ops = ops, .dev = dev};
    return true;
}

static struct ram_region *bus_find_ram(const struct bus *bus, gpa_t gpa)
{
    for (unsigned i = 0; i < bus->ram_count; i++)
        if (gpa - bus->ram[i].base < bus->ram[i].size) return (struct ram_region *)&bus->ram[i];
    return NULL;
}

uint8_t *bus_ram(const struct bus *bus, gpa_t gpa, uint64_t len)
{
    assert(len >= 1);
    const struct ram_region *r = bus_find_ram(bus, gpa);
    if (!r || len > r->size - (gpa - r->base)) return NULL;
    return r->host + (gpa - r->base);
}

/* ---- large pages of the host ----
 *
 * Its TLB has too few entries to reach all of a guest by small pages. But a large one takes up all its memory when one byte is touched. */

#define LARGE_PAGES  (HOST_LARGE_PAGE_BYTES / GUEST_PAGE_BYTES)
#define LARGE_FROM   128                /* pages that were used in small ones, so that a small program starts soon */
#define LARGE_DENSE  (LARGE_PAGES / 8)  /* pages used of a large one, on average, from which on they are worth it */
#define LARGE_SPARSE (LARGE_PAGES / 16) /* below which they are not */

static void ram_prefer_large(struct ram_region *r, bool large)
{
    if (r->large == large) return;
    r->large = large;
    host_mem_prefer_large(r->host, r->size, large);
}

static bool large_page_is_used(const struct ram_region *r, uint64_t page)
{
    uint64_t first = page & ~(LARGE_PAGES - 1), end = r->size >> GUEST_PAGE_LOG2;
    for (uint64_t i = first; i < first + LARGE_PAGES && i < end; i += 64)
        if (r->used_marks[i / 64]) return true;
    return false;
}

void bus_note_use(struct bus *bus, gpa_t gpa)
{
    struct ram_region *r = bus_find_ram(bus, gpa);
    if (!r) return;
    uint64_t page = (gpa - r->base) >> GUEST_PAGE_LOG2, bit = UINT64_C(1) << page % 64;
    if (r->used_marks[page / 64] & bit) return;
    if (!large_page_is_used(r, page)) r->large_used++;
    r->used_marks[page / 64] |= bit;
    r->pages_used++;
    if (r->pages_used < LARGE_FROM) return;
    if (r->pages_used >= LARGE_DENSE * r->large_used) ram_prefer_large(r, true);
    if (r->pages_used < LARGE_SPARSE * r->large_used) ram_prefer_large(r, false);
}

/* The window that takes this access, or NULL: nothing there, wrong width, misaligned, or past its end. */
static const struct mmio_window *bus_find_mmio(const struct bus *bus, gpa_t gpa, unsigned size)
{
    unsigned low = 0, high = bus->mmio_count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (bus->mmio[middle].base <= gpa)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0) return NULL;
    const struct mmio_window *w = &bus->mmio[low - 1];
    uint64_t offset = gpa - w->base;
    bool fits = offset < w->size && size <= w->size - offset;
    return fits && (w->ops->widths & size) && (gpa & (size - 1)) == 0 ? w : NULL;
}

/* ---- accesses ---- */

static bool bus_refuse(struct bus *bus, const char *what, gpa_t gpa, unsigned size)
{
    log_line(bus->log, LOG_GUEST_ERROR, "bus: %s of %u bytes at 0x%" PRIx64 ": nothing takes it", what, size, gpa);
    return false;
}

bool bus_read(struct bus *bus, gpa_t gpa, unsigned size, uint64_t *value)
{
    assert(is_power_of_2(size) && size <= 8);
    const uint8_t *host = bus_ram(bus, gpa, size);
    if (host) {
        *value = load_le(host, size);
        return true;
    }
    const struct mmio_window *w = bus_find_mmio(bus, gpa, size);
    if (!w) return bus_refuse(bus, "read", gpa, size);
    *value = w->ops->read(w->dev, gpa - w->base, size) & (UINT64_MAX >> (64 - 8 * size));
    return true;
}

bool bus_write(struct bus *bus, gpa_t gpa, unsigned size, uint64_t value)
{
    assert(is_power_of_2(size) && size <= 8);
    uint8_t *host = bus_ram(bus, gpa, size);
    if (host) {
        bus_touch_code(bus, gpa, size);
        store_le(host, size, value);
        return true;
    }
    const struct mmio_window *w = bus_find_mmio(bus, gpa, size);
    if (!w) return bus_refuse(bus, "write", gpa, size);
    w->ops->write(w->dev, gpa - w->base, size, value & (UINT64_MAX >> (64 - 8 * size)));
    return true;
}

/* Whether [gpa, gpa+len) is RAM throughout; it may run over the seam of two regions. */
static bool bus_all_ram(const struct bus *bus, gpa_t gpa, uint64_t len)
{
    if (len && len - 1 > UINT64_MAX - gpa) return false;
    while (len) {
        const struct ram_region *r = bus_find_ram(bus, gpa);
        if (!r) return false;
        uint64_t part = r->size - (gpa - r->base);
        if (part >= len) return true;
        gpa += part;
        len -= part;
    }
    return true;
}

static void bus_copy(struct bus *bus, gpa_t gpa, void *to, const void *from, uint64_t len)
{
    for (uint64_t done = 0; done < len;) {
        struct ram_region *r = bus_find_ram(bus, gpa + done);
        uint64_t offset = gpa + done - r->base, part = r->size - offset;
        if (part > len - done) part = len - done;
        if (to) memcpy((uint8_t *)to + done, r->host + offset, (size_t)part);
        if (from && part >= 2 * HOST_LARGE_PAGE_BYTES) ram_prefer_large(r, true);
        if (from) memcpy(r->host + offset, (const uint8_t *)from + done, (size_t)part);
        done += part;
    }
}

bool bus_dma_read(struct bus *bus, gpa_t gpa, void *to, uint64_t len)
{
    if (!bus_all_ram(bus, gpa, len)) return false;
    bus_copy(bus, gpa, to, NULL, len);
    return true;
}

bool bus_dma_write(struct bus *bus, gpa_t gpa, const void *from, uint64_t len)
{
    if (!bus_all_ram(bus, gpa, len)) return false;
    bus_touch_dma(bus, gpa, len);
    bus_copy(bus, gpa, NULL, from, len);
    return true;
}

uint8_t *bus_dma_map_write(struct bus *bus, gpa_t gpa, uint64_t len)
{
    uint8_t *host = bus_ram(bus, gpa, len);
    if (host) bus_touch_dma(bus, gpa, len);
    return host;
}

const struct ram_region *bus_largest_ram(const struct bus *bus)
{
    const struct ram_region *best = NULL;
    for (unsigned i = 0; i < bus->ram_count; i++)
        if (!best || bus->ram[i].size > best->size) best = &bus->ram[i];
    return best;
}

/* ---- code pages ---- */

_Static_assert(GUEST_PAGE_BYTES == 64 * 64, "the lines of a page are the bits of a word");

uint64_t bus_lines(gpa_t gpa, uint64_t len)
{
    uint64_t offset = gpa & (GUEST_PAGE_BYTES - 1);
    return UINT64_MAX << offset / 64 & UINT64_MAX >> (63 - (offset + len - 1) / 64);
}

static uint64_t *lines_of_page(const struct bus *bus, gpa_t gpa)
{
    const struct ram_region *r = bus_find_ram(bus, gpa);
    return r ? &r->code_lines[(gpa - r->base) >> GUEST_PAGE_LOG2] : NULL;
}

void bus_mark_code(struct bus *bus, gpa_t gpa, uint64_t len)
{
    uint64_t *lines = lines_of_page(bus, gpa);
    if (lines) *lines |= bus_lines(gpa, len);
}

bool bus_has_code(const struct bus *bus, gpa_t gpa)
{
    const uint64_t *lines = lines_of_page(bus, gpa);
    return lines && *lines;
}

bool bus_is_beside_code(const struct bus *bus, const uint8_t *host)
{
    for (unsigned i = 0; i < bus->ram_count; i++) {
        const struct ram_region *r = &bus->ram[i];
        uint64_t offset = (uint64_t)((uintptr_t)host - (uintptr_t)r->host);
        if (offset >= r->size) continue;
        uint64_t lines = r->code_lines[offset >> GUEST_PAGE_LOG2];
        return lines && !(lines >> (offset / 64 & 63) & 1);
    }
    return false;
}

void bus_touch_code(struct bus *bus, gpa_t gpa, uint64_t len)
{
    while (len) {
        uint64_t *lines = lines_of_page(bus, gpa);
        if (!lines) return;
        uint64_t part = GUEST_PAGE_BYTES - (gpa & (GUEST_PAGE_BYTES - 1));
        if (part > len) part = len;
        if (*lines & bus_lines(gpa, part)) *lines = bus->code_written ? bus->code_written(bus->watcher, gpa, part) : 0;
        gpa += part;
        len -= part;
    }
}

void bus_touch_dma(struct bus *bus, gpa_t gpa, uint64_t len)
{
    bus_touch_code(bus, gpa, len);
    if (bus->device_wrote) bus->device_wrote(bus->watcher, gpa, len);
}
