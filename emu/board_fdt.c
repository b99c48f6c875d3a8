#include "emu/board_virt.h"

#include "devices/sifive_test.h"
#include "emu/base/bits.h"
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#define FDT_ROOM    65536
#define FDT_GROWTH  4096 /* for what is added to a user's tree */
#define SEED_WORDS  4
#define CACHE_BLOCK 64

/* Each helper returns libfdt's error or 0; the first one ends the chain. */
#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        int bad_ = (call);                                                                                             \
        if (bad_) return bad_;                                                                                         \
    } while (0)

/* A repeatable stream of numbers for seeds (splitmix64). */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Modes and address widths are said elsewhere in the tree (mmu-type). */
static bool is_listed(enum isa_ext e)
{
    static const enum isa_ext unlisted[] = {EXT_s, EXT_u, EXT_sv39, EXT_sv48, EXT_sv57};
    for (size_t i = 0; i < ARRAY_LEN(unlisted); i++)
        if (e == unlisted[i]) return false;
    return true;
}

static int write_isa(const struct machine *m, void *fdt)
{
    char text[1024];
    isa_set isa = m->config->isa;
    isa_format_string(isa, text, sizeof text);
    TRY(fdt_property_string(fdt, "riscv,isa", text));
    TRY(fdt_property_string(fdt, "riscv,isa-base", "rv64i"));
    size_t used = 0;
    for (unsigned e = 0; e < EXT_COUNT; e++) {
        if (!isa_has(isa, e) || !is_listed(e)) continue;
        size_t n = strlen(isa_name(e)) + 1;
        if (used + n > sizeof text) return -FDT_ERR_NOSPACE;
        memcpy(text + used, isa_name(e), n);
        used += n;
    }
    TRY(fdt_property(fdt, "riscv,isa-extensions", text, (int)used));
    const char *mmu = isa_has(isa, EXT_sv57)   ? "riscv,sv57"
                      : isa_has(isa, EXT_sv48) ? "riscv,sv48"
                      : isa_has(isa, EXT_sv39) ? "riscv,sv39"
                                               : "riscv,none";
    TRY(fdt_property_string(fdt, "mmu-type", mmu));
    if (isa_has(isa, EXT_zicbom)) TRY(fdt_property_u32(fdt, "riscv,cbom-block-size", CACHE_BLOCK));
    if (isa_has(isa, EXT_zicbop)) TRY(fdt_property_u32(fdt, "riscv,cbop-block-size", CACHE_BLOCK));
    if (isa_has(isa, EXT_zicboz)) TRY(fdt_property_u32(fdt, "riscv,cboz-block-size", CACHE_BLOCK));
    return 0;
}

static int write_cpu(const struct machine *m, void *fdt, unsigned i)
{
    char name[16];
    snprintf(name, sizeof name, "cpu@%x", i);
    TRY(fdt_begin_node(fdt, name));
    TRY(fdt_property_u32(fdt, "phandle", VIRT_PHANDLE_CPU0 + i));
    TRY(fdt_property_string(fdt, "device_type", "cpu"));
    TRY(fdt_property_u32(fdt, "reg", i));
    TRY(fdt_property_string(fdt, "status", "okay"));
    TRY(fdt_property_string(fdt, "compatible", "riscv"));
    TRY(write_isa(m, fdt));
    TRY(fdt_begin_node(fdt, "interrupt-controller"));
    TRY(fdt_property_u32(fdt, "#address-cells", 0));
    TRY(fdt_property_u32(fdt, "#interrupt-cells", 1));
    TRY(fdt_property(fdt, "interrupt-controller", NULL, 0));
    TRY(fdt_property_string(fdt, "compatible", "riscv,cpu-intc"));
    TRY(fdt_property_u32(fdt, "phandle", virt_phandle_intc(i)));
    TRY(fdt_end_node(fdt));
    return fdt_end_node(fdt);
}

static int write_cpus(const struct machine *m, void *fdt)
{
    TRY(fdt_begin_node(fdt, "cpus"));
    TRY(fdt_property_u32(fdt, "#address-cells", 1));
    TRY(fdt_property_u32(fdt, "#size-cells", 0));
    TRY(fdt_property_u32(fdt, "timebase-frequency", MACHINE_TIMEBASE_HZ));
    for (unsigned i = 0; i < m->hart_count; i++) TRY(write_cpu(m, fdt, i));
    TRY(fdt_begin_node(fdt, "cpu-map"));
    TRY(fdt_begin_node(fdt, "cluster0"));
    for (unsigned i = 0; i < m->hart_count; i++) {
        char name[16];
        snprintf(name, sizeof name, "core%u", i);
        TRY(fdt_begin_node(fdt, name));
        TRY(fdt_property_u32(fdt, "cpu", VIRT_PHANDLE_CPU0 + i));
        TRY(fdt_end_node(fdt));
    }
    TRY(fdt_end_node(fdt));
    TRY(fdt_end_node(fdt));
    return fdt_end_node(fdt);
}

static int write_memory(void *fdt, uint64_t ram_bytes)
{
    fdt64_t reg[2] = {cpu_to_fdt64(VIRT_RAM), cpu_to_fdt64(ram_bytes)};
    TRY(fdt_begin_node(fdt, "memory@80000000"));
    TRY(fdt_property_string(fdt, "device_type", "memory"));
    TRY(fdt_property(fdt, "reg", reg, sizeof reg));
    return fdt_end_node(fdt);
}

static int write_chosen(const struct machine *m, void *fdt, const struct virt_boot *boot)
{
    uint64_t state = m->config->seed, seed[SEED_WORDS];
    for (unsigned i = 0; i < SEED_WORDS; i++) seed[i] = next_random(&state);
    TRY(fdt_begin_node(fdt, "chosen"));
    TRY(fdt_property_string(fdt, "stdout-path", "/soc/serial@10000000"));
    TRY(fdt_property(fdt, "rng-seed", seed, sizeof seed));
    TRY(fdt_property_u64(fdt, "kaslr-seed", next_random(&state)));
    if (boot->append) TRY(fdt_property_string(fdt, "bootargs", boot->append));
    if (boot->initrd_end != boot->initrd) {
        TRY(fdt_property_u64(fdt, "linux,initrd-start", boot->initrd));
        TRY(fdt_property_u64(fdt, "linux,initrd-end", boot->initrd_end));
    }
    return fdt_end_node(fdt);
}

static int write_power(void *fdt, const char *name, const char *compatible, uint32_t value)
{
    TRY(fdt_begin_node(fdt, name));
    TRY(fdt_property_u32(fdt, "value", value));
    TRY(fdt_property_u32(fdt, "offset", 0));
    TRY(fdt_property_u32(fdt, "regmap", VIRT_PHANDLE_TEST));
    TRY(fdt_property_string(fdt, "compatible", compatible));
    return fdt_end_node(fdt);
}

static int write_soc(const struct machine *m, void *fdt)
{
    TRY(fdt_begin_node(fdt, "soc"));
    TRY(fdt_property_u32(fdt, "#address-cells", 2));
    TRY(fdt_property_u32(fdt, "#size-cells", 2));
    TRY(fdt_property_string(fdt, "compatible", "simple-bus"));
    TRY(fdt_property(fdt, "ranges", NULL, 0));
    for (unsigned i = 0; i < m->device_count; i++) {
        const struct machine_device *d = &m->devices[i];
        if (d->ops->fdt_node) TRY(d->ops->fdt_node(d->dev, fdt, &d->place));
    }
    return fdt_end_node(fdt);
}

static int write_tree(const struct machine *m, void *fdt, const struct virt_boot *boot)
{
    TRY(fdt_create(fdt, FDT_ROOM));
    TRY(fdt_finish_reservemap(fdt));
    TRY(fdt_begin_node(fdt, ""));
    TRY(fdt_property_u32(fdt, "#address-cells", 2));
    TRY(fdt_property_u32(fdt, "#size-cells", 2));
    TRY(fdt_property_string(fdt, "compatible", "riscv-virtio"));
    TRY(fdt_property_string(fdt, "model", "riscv-virtio,orrery"));
    TRY(write_chosen(m, fdt, boot));
    TRY(write_memory(fdt, boot->ram_bytes));
    TRY(write_cpus(m, fdt));
    TRY(write_power(fdt, "poweroff", "syscon-poweroff", SIFIVE_TEST_PASS));
    TRY(write_power(fdt, "reboot", "syscon-reboot", SIFIVE_TEST_RESET));
    TRY(write_soc(m, fdt));
    TRY(fdt_end_node(fdt));
    return fdt_finish(fdt);
}

bool virt_fdt_build(struct machine *m, const struct virt_boot *boot, void **blob, struct err *err)
{
    *blob = calloc(1, FDT_ROOM);
    int bad = *blob ? write_tree(m, *blob, boot) : -FDT_ERR_NOSPACE;
    if (!bad) return true;
    free(*blob);
    *blob = NULL;
    if (bad == -FDT_ERR_NOSPACE)
        return err_set(err, "device tree: does not fit into %d bytes; a shorter -append would help", FDT_ROOM);
    return err_set(err, "device tree: %s", fdt_strerror(bad));
}

static int amend(void *fdt, const struct virt_boot *boot)
{
    int chosen = fdt_path_offset(fdt, "/chosen");
    if (chosen < 0) chosen = fdt_add_subnode(fdt, 0, "chosen");
    if (chosen < 0) return chosen;
    if (boot->append) TRY(fdt_setprop_string(fdt, chosen, "bootargs", boot->append));
    if (boot->initrd_end != boot->initrd) {
        TRY(fdt_setprop_u64(fdt, chosen, "linux,initrd-start", boot->initrd));
        TRY(fdt_setprop_u64(fdt, chosen, "linux,initrd-end", boot->initrd_end));
    }
    return fdt_pack(fdt);
}

/* libfdt walks trees of versions before 17 without knowing where their structure ends; today's tools write 17. */
static int check_tree(const struct host_file *f)
{
    if (f->length > INT32_MAX) return -FDT_ERR_BADVALUE;
    if (f->length < FDT_V17_SIZE) return -FDT_ERR_TRUNCATED;
    if (fdt_magic(f->bytes) != FDT_MAGIC) return -FDT_ERR_BADMAGIC;
    if (fdt_version(f->bytes) < 17) return -FDT_ERR_BADVERSION;
    return fdt_check_full(f->bytes, f->length);
}

bool virt_fdt_adopt(struct machine *m, const char *path, const struct virt_boot *boot, void **blob, struct err *err)
{
    (void)m;
    struct host_file f;
    if (!host_file_open(&f, "-dtb", path, err)) return false;
    int bad = check_tree(&f);
    size_t room = f.length + (boot->append ? strlen(boot->append) : 0) + FDT_GROWTH;
    *blob = bad ? NULL : calloc(1, room);
    if (!bad) bad = *blob ? fdt_open_into(f.bytes, *blob, (int)room) : -FDT_ERR_NOSPACE;
    if (!bad) bad = amend(*blob, boot);
    host_file_close(&f);
    if (!bad) return true;
    free(*blob);
    *blob = NULL;
    return err_set(err, "-dtb %s: is not a usable device tree: %s", path, fdt_strerror(bad));
}
