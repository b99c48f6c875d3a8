/* Device trees: a user's own is checked and amended, the board's own tells the truth. */
#include "emu/board_virt.h"
#include "emu/orrery.h"
#include "tests/unit/loader_files.h"
#include <libfdt.h>

static struct err err;

static void make_tree(void *to, size_t room)
{
    fdt_create(to, (int)room);
    fdt_finish_reservemap(to);
    fdt_begin_node(to, "");
    fdt_property_u32(to, "#address-cells", 2);
    fdt_end_node(to);
    cr_assert_eq(fdt_finish(to), 0);
}

static void *adopt(const void *bytes, size_t length)
{
    struct virt_boot boot = {.initrd = 0x84000000, .initrd_end = 0x84001000, .append = "quiet"};
    void *blob = NULL;
    char *path = file_make(bytes, length);
    virt_fdt_adopt(NULL, path, &boot, &blob, &err);
    file_drop(path);
    return blob;
}

static void expect_refused(const void *bytes, size_t length, const char *reason)
{
    void *blob = adopt(bytes, length);
    cr_expect_null(blob);
    cr_expect(strstr(err.text, reason), "'%s' does not say '%s'", err.text, reason);
    free(blob);
}

Test(board_fdt, users_tree_gets_chosen)
{
    static uint64_t tree[256];
    make_tree(tree, sizeof tree);
    void *blob = adopt(tree, fdt_totalsize(tree));
    cr_assert(blob, "%s", err.text);
    int chosen = fdt_path_offset(blob, "/chosen");
    cr_assert_geq(chosen, 0);
    cr_expect_str_eq((const char *)fdt_getprop(blob, chosen, "bootargs", NULL), "quiet");
    const fdt64_t *start = fdt_getprop(blob, chosen, "linux,initrd-start", NULL);
    cr_expect(start && fdt64_ld(start) == 0x84000000);
    free(blob);
}

/* libfdt itself runs off the end of a tree of version 0. */
Test(board_fdt, bad_trees_are_refused)
{
    static uint64_t tree[256];
    make_tree(tree, sizeof tree);
    size_t size = fdt_totalsize(tree);
    expect_refused(tree, 20, "TRUNCATED");
    expect_refused(tree, size - 1, "TRUNCATED");
    fdt_set_version(tree, 0);
    expect_refused(tree, size, "BADVERSION");
    fdt_set_version(tree, 17);
    fdt_set_magic(tree, 0x12345678);
    expect_refused(tree, size, "BADMAGIC");
}

static void *boards_tree(const char *cpu)
{
    static uint8_t bytes[65536];
    char path[] = "/tmp/orrery_test_XXXXXX", message[256];
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    char *arguments[] = {"--dumpdtb", path,      "-cpu", (char *)(uintptr_t)cpu, "-smp", "3", "-m",
                         "256M",      "-serial", "null"};
    struct orrery *o = orrery_create(10, arguments, message, sizeof message);
    cr_assert(o, "%s", message);
    orrery_destroy(o);
    cr_assert(read(fd, bytes, sizeof bytes) > 0);
    close(fd);
    unlink(path);
    cr_assert_eq(fdt_check_full(bytes, sizeof bytes), 0);
    return bytes;
}

Test(board_fdt, cpus_say_what_they_have)
{
    const void *tree = boards_tree("rv64,zba=off,sv57=off");
    cr_expect_geq(fdt_path_offset(tree, "/cpus/cpu@2"), 0);
    cr_expect_lt(fdt_path_offset(tree, "/cpus/cpu@3"), 0);
    int cpu = fdt_path_offset(tree, "/cpus/cpu@1"), length;
    const char *extensions = fdt_getprop(tree, cpu, "riscv,isa-extensions", &length);
    cr_expect(fdt_stringlist_contains(extensions, length, "zbb"));
    cr_expect_not(fdt_stringlist_contains(extensions, length, "zba"));
    cr_expect_null(strstr(fdt_getprop(tree, cpu, "riscv,isa", NULL), "zba"));
    cr_expect_str_eq((const char *)fdt_getprop(tree, cpu, "mmu-type", NULL), "riscv,sv48");
    const fdt64_t *reg = fdt_getprop(tree, fdt_path_offset(tree, "/memory@80000000"), "reg", NULL);
    cr_expect(reg && fdt64_ld(reg + 1) == UINT64_C(256) << 20);
}

Test(board_fdt, devices_stand_where_qemu_has_them)
{
    const void *tree = boards_tree("rv64");
    static const char *const nodes[] = {"/soc/plic@c000000",
                                        "/soc/clint@2000000",
                                        "/soc/serial@10000000",
                                        "/soc/virtio_mmio@10001000",
                                        "/soc/virtio_mmio@10008000",
                                        "/soc/rtc@101000",
                                        "/soc/test@100000",
                                        "/poweroff",
                                        "/reboot"};
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
        cr_expect_geq(fdt_path_offset(tree, nodes[i]), 0, "%s", nodes[i]);
    const fdt32_t *irq = fdt_getprop(tree, fdt_path_offset(tree, "/soc/virtio_mmio@10008000"), "interrupts", NULL);
    cr_expect(irq && fdt32_ld(irq) == 8);
}
