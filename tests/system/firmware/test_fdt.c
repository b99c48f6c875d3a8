/*
 * test_fdt.c - the firmware's device tree reader and writer on the host, with libfdt as the oracle.
 *
 * Built with the sanitizers always: the reader's promise is that no blob makes it look outside.
 */
#include "firmware/fdt.h"
#include "firmware/platform.h"

#include <criterion/criterion.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/hart.h"

enum { ROOM = 16384, TREE = 8192 };

/* A blob of its own size on the heap, so that a read behind it is seen. */
static void *tree_make(bool with_reserved, uint32_t cells)
{
    static uint64_t buffer[TREE / 8];
    void *fdt = buffer;
    cr_assert_eq(fdt_create_empty_tree(fdt, TREE), 0);
    fdt_setprop_u32(fdt, 0, "#address-cells", 2);
    fdt_setprop_u32(fdt, 0, "#size-cells", 2);
    int soc = fdt_add_subnode(fdt, 0, "soc");
    fdt_setprop_u32(fdt, soc, "#address-cells", 2);
    fdt_setprop_u32(fdt, soc, "#size-cells", 2);
    static const struct {
        const char *name, *compatible;
        uint64_t base;
        int compatible_bytes;
    } devices[] = {
        {"serial@10000000", "ns16550a", 0x10000000, 9},
        {"test@100000", "sifive,test1\0sifive,test0\0syscon", 0x100000, 33},
        {"clint@2000000", "sifive,clint0\0riscv,clint0", 0x2000000, 27},
    };
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
        int node = fdt_add_subnode(fdt, fdt_path_offset(fdt, "/soc"), devices[i].name);
        fdt_setprop(fdt, node, "compatible", devices[i].compatible, devices[i].compatible_bytes);
        fdt_appendprop_u64(fdt, node, "reg", devices[i].base);
        fdt_appendprop_u64(fdt, node, "reg", 0x1000);
    }
    int cpus = fdt_add_subnode(fdt, 0, "cpus");
    fdt_setprop_u32(fdt, cpus, "#address-cells", 1);
    fdt_setprop_u32(fdt, cpus, "#size-cells", 0);
    for (uint32_t i = 0; i < 4; i++) {
        char name[16];
        snprintf(name, sizeof name, "cpu@%u", i);
        int cpu = fdt_add_subnode(fdt, fdt_path_offset(fdt, "/cpus"), name);
        fdt_setprop_string(fdt, cpu, "device_type", "cpu");
        fdt_setprop_u32(fdt, cpu, "reg", i == 3 ? 77 : i); /* hart 77 is beyond the limit */
        fdt_setprop_string(fdt, cpu, "status", i == 1 ? "disabled" : "okay");
        fdt_setprop_string(fdt, cpu, "riscv,isa", "rv64imafdch_zicsr_svadu_sscofpmf");
    }
    int memory = fdt_add_subnode(fdt, 0, "memory@80000000");
    fdt_setprop_string(fdt, memory, "device_type", "memory");
    fdt_appendprop_u64(fdt, memory, "reg", 0x80000000);
    fdt_appendprop_u64(fdt, memory, "reg", 0x10000000);
    if (with_reserved) {
        int reserved = fdt_add_subnode(fdt, 0, "reserved-memory");
        fdt_setprop_u32(fdt, reserved, "#address-cells", cells);
        fdt_setprop_u32(fdt, reserved, "#size-cells", cells);
        fdt_setprop_empty(fdt, reserved, "ranges");
        fdt_add_subnode(fdt, reserved, "other@90000000");
    }
    fdt_add_mem_rsv(fdt, 0x88000000, 0x1000);
    cr_assert_eq(fdt_pack(fdt), 0);
    void *exact = malloc(ROOM);
    memcpy(exact, fdt, fdt_totalsize(fdt));
    return exact;
}

static void check_reserved(void *blob, uint32_t cells)
{
    struct fdt fdt;
    uint32_t before = fdt_totalsize(blob);
    cr_assert(fdt_open(&fdt, (uintptr_t)blob));
    cr_assert(fdt_reserve(&fdt, "mmode_resv0@80000000", 0x80000000, 0x20000));
    cr_assert_leq(fdt_totalsize(blob), before + FDT_RESERVE_GROWTH);
    cr_assert_eq(fdt_check_full(blob, ROOM), 0);
    int node = fdt_path_offset(blob, "/reserved-memory/mmode_resv0@80000000");
    cr_assert_geq(node, 0);
    int bytes;
    cr_assert(fdt_getprop(blob, node, "no-map", &bytes) && bytes == 0);
    const uint8_t *reg = fdt_getprop(blob, node, "reg", &bytes);
    cr_assert_eq(bytes, (int)(8 * cells));
    cr_assert_eq(fdt_cells(reg, cells), 0x80000000);
    cr_assert_eq(fdt_cells(reg + 4 * cells, cells), 0x20000);
    int parent = fdt_path_offset(blob, "/reserved-memory");
    cr_assert_eq(fdt_address_cells(blob, parent), (int)cells);
    cr_assert_eq(fdt_size_cells(blob, parent), (int)cells);
    cr_assert(fdt_getprop(blob, parent, "ranges", &bytes));
    cr_assert_eq(fdt_num_mem_rsv(blob), 1);
    cr_assert_geq(fdt_path_offset(blob, "/soc/serial@10000000"), 0);
    cr_assert(fdt_open(&fdt, (uintptr_t)blob) && platform_discover(&fdt));
    free(blob);
}

Test(firmware_fdt, reserves_in_a_tree_without_reservations) { check_reserved(tree_make(false, 2), 2); }
Test(firmware_fdt, reserves_beside_another_reservation) { check_reserved(tree_make(true, 2), 2); }
Test(firmware_fdt, reserves_with_one_cell) { check_reserved(tree_make(true, 1), 1); }

Test(firmware_fdt, reserves_twice)
{
    void *blob = tree_make(false, 2);
    struct fdt fdt;
    cr_assert(fdt_open(&fdt, (uintptr_t)blob));
    cr_assert(fdt_reserve(&fdt, "first@80000000", 0x80000000, 0x20000));
    cr_assert(fdt_reserve(&fdt, "second@90000000", 0x90000000, 0x20000));
    cr_assert_eq(fdt_check_full(blob, ROOM), 0);
    cr_assert_geq(fdt_path_offset(blob, "/reserved-memory/first@80000000"), 0);
    cr_assert_geq(fdt_path_offset(blob, "/reserved-memory/second@90000000"), 0);
    free(blob);
}

Test(firmware_fdt, refuses_a_name_that_does_not_fit)
{
    void *blob = tree_make(false, 2);
    char name[400];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    struct fdt fdt;
    cr_assert(fdt_open(&fdt, (uintptr_t)blob));
    uint32_t before = fdt_totalsize(blob);
    cr_assert_not(fdt_reserve(&fdt, name, 0x80000000, 0x20000));
    cr_assert_eq(fdt_totalsize(blob), before);
    free(blob);
}

Test(firmware_fdt, finds_the_platform)
{
    void *blob = tree_make(false, 2);
    struct fdt fdt;
    platform = (struct platform){0};
    cr_assert(fdt_open(&fdt, (uintptr_t)blob) && platform_discover(&fdt));
    cr_assert_eq(platform.hart_mask, 0x5u, "hart 1 is disabled, hart 77 too far");
    cr_assert(platform.hardware_ad, "svadu without svade");
    cr_assert(platform.has_sscofpmf);
    cr_assert_eq(platform.uart, 0x10000000u);
    cr_assert_eq(platform.finisher, 0x100000u);
    cr_assert_eq(platform.mswi, 0x2000000u);
    cr_assert_eq(platform.mtimecmp, 0x2004000u);
    cr_assert_eq(platform.memory_count, 1u);
    cr_assert_eq(platform.memory[0].base, 0x80000000u);
    cr_assert_eq(platform.memory[0].bytes, 0x10000000u);
    free(blob);
}

/* Every truncation, and many mutations, of a good blob: nothing may be read outside (the sanitizers watch), and the walk must end. */
static void survive(const uint8_t *bytes, uint32_t count)
{
    if (count < FDT_HEADER_BYTES) return;
    void *blob = malloc(count + FDT_RESERVE_GROWTH);
    memcpy(blob, bytes, count);
    struct fdt fdt;
    platform = (struct platform){0};
    /* the firmware cannot know how much memory holds the blob; here it is as large as the blob says, or the blob is refused */
    if (fdt_totalsize(blob) <= count && fdt_open(&fdt, (uintptr_t)blob)) {
        (void)platform_discover(&fdt);
        (void)fdt_reserve(&fdt, "mmode_resv0@80000000", 0x80000000, 0x20000);
    }
    free(blob);
}

Test(firmware_fdt, survives_truncated_and_mutated_trees, .timeout = 60)
{
    uint8_t *good = tree_make(true, 2), *bad = malloc(ROOM);
    uint32_t bytes = fdt_totalsize(good);
    for (uint32_t count = 0; count <= bytes; count++) survive(good, count);
    for (uint32_t count = FDT_HEADER_BYTES; count <= bytes; count++) {
        memcpy(bad, good, bytes);
        fdt_set_totalsize(bad, count); /* parts beyond the end must be noticed */
        survive(bad, count);
    }
    uint32_t random = 1;
    for (int round = 0; round < 40000; round++) {
        memcpy(bad, good, bytes);
        for (int i = 0; i < 1 + round % 4; i++) {
            random = random * 1664525u + 1013904223u;
            uint32_t at = (random >> 8) % (round & 1 ? FDT_HEADER_BYTES : bytes);
            random = random * 1664525u + 1013904223u;
            bad[at] = random >> 30 ? (uint8_t)(random >> 16) : (uint8_t)(bad[at] + (random >> 16) % 9 - 4);
        }
        survive(bad, bytes);
    }
    free(bad);
    free(good);
}

/* What the linker script gives on the guest. */
uint8_t FIRMWARE_BASE[1], FIRMWARE_SIZE[1];
