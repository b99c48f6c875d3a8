/* The bus: what is accepted, who is called, and that code pages are watched. */
#include "emu/base/bits.h"
#include "mmu/bus.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>

struct probe {
    uint64_t offset, value;
    unsigned size, reads, writes;
};

static uint64_t probe_read(void *dev, uint64_t offset, unsigned size)
{
    struct probe *p = dev;
    p->offset = offset;
    p->size = size;
    p->reads++;
    return UINT64_C(0x1122334455667788);
}

static void probe_write(void *dev, uint64_t offset, unsigned size, uint64_t value)
{
    *(struct probe *)dev =
        (struct probe){.offset = offset, .size = size, .value = value, .writes = ((struct probe *)dev)->writes + 1};
}

static const struct mmio_ops all_widths = {
    .name = "probe", .widths = 1 | 2 | 4 | 8, .read = probe_read, .write = probe_write};
static const struct mmio_ops words_only = {.name = "words", .widths = 4, .read = probe_read, .write = probe_write};

#define RAM UINT64_C(0x80000000)

static struct bus bus;
static struct err err;

static void setup(void)
{
    bus_init(&bus, NULL);
    cr_assert(bus_add_ram(&bus, RAM, 0x4000, &err), "%s", err.text);
}
static void teardown(void) { bus_finish(&bus); }
TestSuite(bus, .init = setup, .fini = teardown);

Test(bus, ram_takes_every_width_at_every_alignment)
{
    for (unsigned size = 1; size <= 8; size *= 2)
        for (unsigned at = 0; at < 16; at++) {
            uint64_t v = 0, mask = UINT64_MAX >> (64 - 8 * size);
            cr_assert(bus_write(&bus, RAM + 0xff8 + at, size, UINT64_C(0xfedcba9876543210) + at));
            cr_assert(bus_read(&bus, RAM + 0xff8 + at, size, &v));
            cr_assert_eq(v, (UINT64_C(0xfedcba9876543210) + at) & mask);
        }
}

Test(bus, ram_ends_are_exact)
{
    uint64_t v;
    cr_assert(bus_read(&bus, RAM + 0x4000 - 8, 8, &v));
    cr_assert_not(bus_read(&bus, RAM + 0x4000 - 7, 8, &v));
    cr_assert_not(bus_read(&bus, RAM - 1, 2, &v));
    cr_assert_not(bus_write(&bus, RAM + 0x4000, 1, 0));
    cr_assert_not(bus_read(&bus, UINT64_MAX, 8, &v));
    cr_assert_eq(bus_ram(&bus, RAM, 0x4000), bus.ram[0].host);
    cr_assert_null(bus_ram(&bus, RAM, 0x4001));
    cr_assert_null(bus_ram(&bus, RAM + 1, UINT64_MAX));
}

Test(bus, windows_are_checked_before_a_device_is_called)
{
    struct probe a = {0}, b = {0};
    uint64_t v = 0;
    cr_assert(bus_add_mmio(&bus, 0x2000, 0x100, &words_only, &b, &err));
    cr_assert(bus_add_mmio(&bus, 0x1000, 0x10, &all_widths, &a, &err));
    cr_assert(bus_read(&bus, 0x1008, 8, &v));
    cr_assert(v == UINT64_C(0x1122334455667788) && a.offset == 8 && a.size == 8);
    cr_assert(bus_read(&bus, 0x100f, 1, &v) && v == 0x88);
    cr_assert(bus_write(&bus, 0x1002, 2, 0xabcdef) && a.value == 0xcdef && a.offset == 2 && a.writes == 1);
    cr_assert_not(bus_read(&bus, 0x1004, 8, &v), "misaligned");
    cr_assert_not(bus_read(&bus, 0x1010, 1, &v), "past the end");
    cr_assert_not(bus_read(&bus, 0xfff, 1, &v), "before the first");
    cr_assert_not(bus_write(&bus, 0x2000, 8, 0), "width");
    cr_assert_not(bus_write(&bus, 0x2002, 4, 0), "misaligned");
    cr_assert(b.reads == 0 && b.writes == 0);
    cr_assert(bus_write(&bus, 0x20fc, 4, 7) && b.offset == 0xfc);
    cr_assert_null(bus_ram(&bus, 0x1000, 1));
}

Test(bus, a_wide_access_never_passes_the_end_of_an_odd_window)
{
    struct probe a = {0};
    uint64_t v;
    cr_assert(bus_add_mmio(&bus, 0x1000, 0xc, &all_widths, &a, &err));
    cr_assert_not(bus_read(&bus, 0x1008, 8, &v));
    cr_assert(bus_read(&bus, 0x1008, 4, &v));
}

Test(bus, adding_refuses_overlap_and_nonsense)
{
    struct probe a;
    cr_assert_not(bus_add_ram(&bus, RAM + 0x3000, 0x2000, &err));
    cr_assert(strstr(err.text, "overlaps RAM"));
    cr_assert_not(bus_add_mmio(&bus, RAM - 1, 2, &all_widths, &a, &err));
    cr_assert(bus_add_mmio(&bus, RAM - 0x1000, 0x1000, &all_widths, &a, &err));
    cr_assert_not(bus_add_mmio(&bus, RAM - 0x800, 4, &all_widths, &a, &err));
    cr_assert(strstr(err.text, "overlaps probe"));
    cr_assert_not(bus_add_ram(&bus, 0x1000, 0, &err));
    cr_assert_not(bus_add_ram(&bus, 0x1000, 0x10, &err));
    cr_assert_not(bus_add_mmio(&bus, UINT64_MAX, 2, &all_widths, &a, &err));
    cr_assert(bus_add_mmio(&bus, UINT64_MAX, 1, &all_widths, &a, &err));
    cr_assert_not(bus_add_ram(&bus, UINT64_C(1) << 62, UINT64_C(1) << 61, &err));
    cr_assert(strstr(err.text, "address space"));
    for (unsigned i = bus.ram_count; i < BUS_RAM_MAX; i++)
        cr_assert(bus_add_ram(&bus, (i + 1) * UINT64_C(0x100000000), 0x1000, &err));
    cr_assert_not(bus_add_ram(&bus, UINT64_C(0x10000000000), 0x1000, &err));
    for (unsigned i = bus.mmio_count; i < BUS_MMIO_MAX; i++)
        cr_assert(bus_add_mmio(&bus, i * 16, 16, &all_widths, &a, &err));
    cr_assert_not(bus_add_mmio(&bus, 0x10000, 16, &all_widths, &a, &err));
}

Test(bus, much_ram_costs_nothing_until_touched)
{
    cr_assert(bus_add_ram(&bus, UINT64_C(1) << 40, UINT64_C(64) << 30, &err), "%s", err.text);
    uint64_t v = 1;
    cr_assert(bus_read(&bus, (UINT64_C(1) << 40) + (UINT64_C(63) << 30), 8, &v) && v == 0);
}

Test(bus, dma_is_all_or_nothing_and_crosses_adjacent_regions)
{
    uint8_t in[32], out[32] = {0};
    for (unsigned i = 0; i < 32; i++) in[i] = (uint8_t)(i + 1);
    cr_assert(bus_add_ram(&bus, RAM + 0x4000, 0x1000, &err));
    cr_assert(bus_dma_write(&bus, RAM + 0x3ff0, in, 32));
    cr_assert(bus_dma_read(&bus, RAM + 0x3ff0, out, 32) && memcmp(in, out, 32) == 0);
    cr_assert_not(bus_dma_write(&bus, RAM + 0x4ff0, in, 17));
    uint64_t v = 1;
    cr_assert(bus_read(&bus, RAM + 0x4ff0, 8, &v) && v == 0, "nothing was transferred");
    cr_assert(bus_dma_read(&bus, 0, out, 0), "no bytes are nowhere");
    cr_assert_not(bus_dma_read(&bus, UINT64_MAX - 3, out, 8));
    cr_assert_not(bus_dma_read(&bus, RAM, out, UINT64_MAX));
    cr_assert_null(bus_dma_map_write(&bus, RAM + 0x4ff0, 17));
}

struct watch {
    struct {
        gpa_t gpa;
        uint64_t len;
    } call[8];
    unsigned calls;
    uint64_t keep; /* lines */
};

static uint64_t watch_write(void *watcher, gpa_t gpa, uint64_t len)
{
    struct watch *w = watcher;
    cr_assert_lt(w->calls, 8);
    w->call[w->calls].gpa = gpa;
    w->call[w->calls++].len = len;
    return w->keep;
}

Test(bus, writes_to_marked_pages_reach_the_watcher)
{
    struct watch w = {.keep = UINT64_MAX};
    uint8_t bytes[0x2000] = {0};
    bus.code_written = watch_write;
    bus.watcher = &w;
    bus_mark_code(&bus, RAM + 0x1000, 0x1000);
    cr_assert(bus_has_code(&bus, RAM + 0x1000) && !bus_has_code(&bus, RAM + 0x2000) && !bus_has_code(&bus, 0));
    bus_write(&bus, RAM, 8, 0);
    cr_assert_eq(w.calls, 0);
    bus_write(&bus, RAM + 0xffc, 8, 0);
    cr_assert(w.calls == 1 && w.call[0].gpa == RAM + 0x1000 && w.call[0].len == 4, "only the part in the marked page");
    bus_dma_write(&bus, RAM + 0x800, bytes, 0x2000);
    cr_assert(w.calls == 2 && w.call[1].gpa == RAM + 0x1000 && w.call[1].len == 0x1000);
    cr_assert(bus_dma_map_write(&bus, RAM + 0x1ffc, 8) && w.calls == 3 && w.call[2].len == 4);
    w.keep = 0;
    bus_touch_code(&bus, RAM + 0x1010, 1);
    cr_assert(w.calls == 4 && !bus_has_code(&bus, RAM + 0x1000), "the mark goes when no code is left");
    bus_write(&bus, RAM + 0x1010, 1, 0);
    cr_assert_eq(w.calls, 4);
    uint64_t v;
    bus_mark_code(&bus, RAM, 1);
    bus_read(&bus, RAM, 8, &v);
    bus_mark_code(&bus, 0, 1);
    cr_assert_eq(w.calls, 4, "reads and holes call nobody");
}

Test(bus, lines_without_code_are_nobodys_business)
{
    cr_assert_eq(bus_lines(RAM, 1), 1);
    cr_assert_eq(bus_lines(RAM + 0x3f, 2), 3);
    cr_assert_eq(bus_lines(RAM + 0xfff, 1), UINT64_C(1) << 63);
    cr_assert_eq(bus_lines(RAM + 0x2000, 0x1000), UINT64_MAX);
    struct watch w = {.keep = UINT64_C(1) << 2};
    bus.code_written = watch_write;
    bus.watcher = &w;
    bus_mark_code(&bus, RAM + 0x1080, 0x41);
    bus_write(&bus, RAM + 0x1078, 8, 0);
    bus_write(&bus, RAM + 0x1100, 8, 0);
    cr_assert_eq(w.calls, 0);
    bus_write(&bus, RAM + 0x107c, 8, 0);
    cr_assert_eq(w.calls, 1);
    bus_write(&bus, RAM + 0x10c0, 1, 0);
    cr_assert_eq(w.calls, 1, "the watcher said that nothing is left in the second line");
    const uint8_t *page = bus_ram(&bus, RAM + 0x1000, 1);
    cr_assert(bus_is_beside_code(&bus, page) && bus_is_beside_code(&bus, page + 0xc0));
    cr_assert_not(bus_is_beside_code(&bus, page + 0x80) || bus_is_beside_code(&bus, page + 0xbf));
    cr_assert_not(bus_is_beside_code(&bus, page + 0x1000), "no code in that page");
    w.keep = 0;
    bus_write(&bus, RAM + 0x10bf, 1, 0);
    cr_assert(w.calls == 2 && !bus_has_code(&bus, RAM + 0x1000));
}

/* ---- the host's large pages ---- */

#define LARGE UINT64_C(0x200000)

static uint64_t resident_pages(uint64_t size)
{
    static unsigned char in[16 * LARGE / GUEST_PAGE_BYTES];
    uint64_t count = 0;
    cr_assert_eq(mincore(bus_ram(&bus, 2 * RAM, 1), size, in), 0);
    for (uint64_t i = 0; i < size / GUEST_PAGE_BYTES; i++) count += in[i] & 1;
    return count;
}

static void use(uint64_t page)
{
    gpa_t at = 2 * RAM + page * GUEST_PAGE_BYTES;
    cr_assert(bus_write(&bus, at, 8, ~page));
    bus_note_use(&bus, at + 5);
}

Test(bus, ram_that_is_used_sparsely_stays_small)
{
    cr_assert(bus_add_ram(&bus, 2 * RAM, 16 * LARGE, &err), "%s", err.text);
    for (uint64_t i = 0; i < 16 * 16; i++) use(i * 32); /* 16 of each 512 pages */
    cr_assert_eq(resident_pages(16 * LARGE), 16 * 16);
}

Test(bus, ram_stays_small_again_when_the_guest_turns_to_sparse_use)
{
    cr_assert(bus_add_ram(&bus, 2 * RAM, 16 * LARGE, &err), "%s", err.text);
    for (uint64_t page = 0; page < 200; page++) use(page);
    for (uint64_t i = 1; i < 16; i++) use(i * 512);
    cr_assert_leq(resident_pages(16 * LARGE), 8 * 512);
}

Test(bus, ram_keeps_its_contents_where_much_of_it_is_used)
{
    uint64_t v;
    cr_assert(bus_add_ram(&bus, 2 * RAM, 2 * LARGE + GUEST_PAGE_BYTES, &err), "%s", err.text);
    for (uint64_t page = 0; page <= 1024; page++) use(page);
    for (uint64_t page = 0; page <= 1024; page++) {
        cr_assert(bus_read(&bus, 2 * RAM + page * GUEST_PAGE_BYTES, 8, &v));
        cr_assert_eq(v, ~page);
    }
    bus_note_use(&bus, 4 * RAM); /* no memory: nothing happens */
}
