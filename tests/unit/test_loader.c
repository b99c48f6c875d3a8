/* What the loader takes and what it refuses. */
#include "emu/loader.h"
#include "tests/unit/loader_files.h"
#include <zlib.h>

static struct bus bus;
static struct images images;
static struct symbols symbols;
static struct loader loader;
static struct err err;

static void setup(void)
{
    bus_init(&bus, NULL);
    cr_assert(bus_add_ram(&bus, 0x80000000, 1 << 20, &err), "%s", err.text);
    memset(&images, 0, sizeof images);
    memset(&symbols, 0, sizeof symbols);
    loader = (struct loader){.images = &images, .bus = &bus, .symbols = &symbols};
    err.text[0] = 0;
}

static void teardown(void)
{
    images_finish(&images);
    symbols_finish(&symbols);
    bus_finish(&bus);
}

TestSuite(loader, .init = setup, .fini = teardown);

static bool load(const void *bytes, size_t length, struct loaded *out)
{
    char *path = file_make(bytes, length);
    bool ok = loader_load(&loader, "-kernel", path, 0x80000000, out, &err);
    file_drop(path);
    return ok;
}

static void expect_refused(const void *bytes, size_t length, const char *reason)
{
    struct loaded l;
    cr_expect_not(load(bytes, length, &l), "%s", reason);
    cr_expect(strstr(err.text, reason), "'%s' does not say '%s'", err.text, reason);
}

Test(loader, elf_is_copied_and_its_bss_cleared)
{
    struct small_elf e = small_elf();
    struct loaded l;
    uint8_t got[32], *ram = bus_ram(&bus, 0x80000000, 64);
    memset(ram, 0xee, 64);
    cr_assert(load(&e, sizeof e, &l), "%s", err.text);
    cr_expect_eq(l.kind, LOADED_ELF);
    cr_expect_eq(l.entry, 0x80000004u);
    cr_expect_eq(l.high, 0x80000020u);
    images_load(&images, &bus);
    cr_assert(bus_dma_read(&bus, 0x80000000, got, sizeof got));
    for (unsigned i = 0; i < 32; i++) cr_expect_eq(got[i], i < 16 ? i + 1 : 0);
    cr_expect_eq(ram[32], 0xee);
}

Test(loader, elf_entry_moves_with_its_segment)
{
    struct small_elf e = small_elf();
    struct loaded l;
    e.segment.p_vaddr = 0xffffffff80000000;
    e.header.e_entry = 0xffffffff80000008;
    cr_assert(load(&e, sizeof e, &l), "%s", err.text);
    cr_expect_eq(l.entry, 0x80000008u);
}

Test(loader, elf_of_another_kind_is_refused)
{
    struct small_elf e = small_elf();
    e.header.e_ident[EI_CLASS] = ELFCLASS32;
    expect_refused(&e, sizeof e, "32-bit");
    e = small_elf();
    e.header.e_ident[EI_DATA] = ELFDATA2MSB;
    expect_refused(&e, sizeof e, "big-endian");
    e = small_elf();
    e.header.e_machine = EM_X86_64;
    expect_refused(&e, sizeof e, "machine 62");
    e = small_elf();
    e.header.e_type = ET_REL;
    expect_refused(&e, sizeof e, "not an executable");
}

Test(loader, truncated_elf_is_refused)
{
    struct small_elf e = small_elf();
    expect_refused(&e, 10, "truncated");
    expect_refused(&e, sizeof e.header - 1, "truncated");
    expect_refused(&e, sizeof e - 1, "truncated");
    for (size_t n = 4; n < sizeof e; n++) {
        struct loaded l;
        cr_expect_not(load(&e, n, &l), "%zu bytes", n);
    }
}

Test(loader, elf_outside_memory_is_refused)
{
    struct small_elf e = small_elf();
    e.segment.p_paddr = 0x80000000 + (1 << 20) - 31;
    expect_refused(&e, sizeof e, "do not fit into guest memory");
    e.segment.p_paddr = 0x1000;
    expect_refused(&e, sizeof e, "do not fit into guest memory");
    e.segment.p_paddr = UINT64_MAX - 8;
    expect_refused(&e, sizeof e, "wraps");
    e = small_elf();
    e.segment.p_memsz = 1;
    expect_refused(&e, sizeof e, "more bytes than");
    e = small_elf();
    e.segment.p_type = PT_NOTE;
    expect_refused(&e, sizeof e, "no segment");
}

/* The first page of the file, headers only, may lie outside memory; anything else there may not. */
Test(loader, headers_outside_memory_are_left_out)
{
    static struct {
        struct small_elf e;
        uint8_t rest[8192 - sizeof(struct small_elf)];
    } f;
    struct loaded l;
    uint8_t got;
    f.e = small_elf();
    memset(f.e.bytes, 0, sizeof f.e.bytes);
    f.e.segment.p_offset = 0;
    f.e.segment.p_vaddr = f.e.segment.p_paddr = 0x7ffff000;
    f.e.segment.p_filesz = f.e.segment.p_memsz = sizeof f;
    f.rest[4096 - sizeof f.e] = 0x77;
    cr_assert(load(&f, sizeof f, &l), "%s", err.text);
    cr_expect_eq(l.low, 0x80000000u);
    cr_expect_eq(l.entry, 0x80000004u);
    images_load(&images, &bus);
    cr_assert(bus_dma_read(&bus, 0x80000000, &got, 1) && got == 0x77);
    teardown();
    setup();
    f.e.bytes[3] = 1;
    expect_refused(&f, sizeof f, "do not fit into guest memory");
}

Test(loader, overlapping_images_are_refused)
{
    struct small_elf e = small_elf();
    struct loaded l;
    cr_assert(load(&e, sizeof e, &l));
    expect_refused(&e, sizeof e, "overlaps -kernel");
}

Test(loader, linux_image_claims_its_bss)
{
    uint8_t image[128] = {0};
    struct loaded l;
    memcpy(image + 56, "RSC\x05", 4);
    image[17] = 0x10; /* image_size 0x1000 */
    cr_assert(load(image, sizeof image, &l), "%s", err.text);
    cr_expect_eq(l.kind, LOADED_LINUX);
    cr_expect_eq(l.high, 0x80001000u);
    uint8_t huge[128];
    memcpy(huge, image, sizeof huge);
    huge[23] = 0xff;
    expect_refused(huge, sizeof huge, "claims");
}

static size_t compress_to(uint8_t *to, size_t room, const void *from, size_t length)
{
    z_stream z = {
        .next_in = (Bytef *)(uintptr_t)from, .avail_in = (uInt)length, .next_out = to, .avail_out = (uInt)room};
    cr_assert(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    cr_assert(deflate(&z, Z_FINISH) == Z_STREAM_END);
    deflateEnd(&z);
    return z.total_out;
}

Test(loader, gzip_is_inflated)
{
    struct small_elf e = small_elf();
    uint8_t packed[512];
    struct loaded l;
    size_t n = compress_to(packed, sizeof packed, &e, sizeof e);
    cr_assert(load(packed, n, &l), "%s", err.text);
    cr_expect_eq(l.kind, LOADED_ELF);
}

Test(loader, damaged_gzip_is_refused)
{
    struct small_elf e = small_elf();
    uint8_t packed[512];
    size_t n = compress_to(packed, sizeof packed, &e, sizeof e);
    expect_refused(packed, n - 9, "truncated");
    expect_refused(packed, n - 1, "truncated");
    packed[12] ^= 0xff;
    expect_refused(packed, n, "gzip data");
}

Test(loader, missing_empty_and_odd_files_are_refused)
{
    struct loaded l;
    cr_expect_not(loader_load(&loader, "-kernel", "/nonexistent/file", 0x80000000, &l, &err));
    cr_expect_str_eq(err.text, "-kernel /nonexistent/file: No such file or directory");
    cr_expect_not(loader_load(&loader, "-kernel", "/", 0x80000000, &l, &err));
    cr_expect_str_eq(err.text, "-kernel /: is not a regular file");
    expect_refused("", 0, "is empty");
}

Test(symbols, found_by_name_and_address)
{
    struct symbols s = {0};
    symbols_add(&s, "tail", 0x100, 0, 2);
    symbols_add(&s, "alias", 0x40, 0x10, 1);
    symbols_add(&s, "main", 0x40, 0x10, 0);
    symbols_add(&s, "start", 0, 0x20, 0);
    symbols_sort(&s);
    cr_expect_eq(symbols_by_name(&s, "main")->address, 0x40u);
    cr_expect_null(symbols_by_name(&s, "none"));
    cr_expect_str_eq(symbols_by_address(&s, 0x4f)->name, "main");
    cr_expect_null(symbols_by_address(&s, 0x50));
    cr_expect_null(symbols_by_address(&s, 0x20));
    cr_expect_str_eq(symbols_by_address(&s, 0x9999)->name, "tail");
    symbols_finish(&s);
    cr_expect_null(symbols_by_address(&s, 0));
}
