/* Where things are put before the first instruction: QEMU's conventions for "virt", Spike's boot ROM for bare programs. */
#include "emu/board_virt.h"

#include "emu/base/bits.h"
#include "emu/chars.h"
#include "emu/htif.h"
#include "firmware/firmware.h"
#include <errno.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#define MIB          (UINT64_C(1) << 20)
#define KERNEL_ALIGN (2 * MIB)
#define DTB_ALIGN    (2 * MIB)
#define DTB_LIMIT    (UINT64_C(3) << 30) /* 32-bit loaders must reach it */
#define DTB_GROWTH   UINT64_C(4096)      /* firmware adds to it in place */
#define INITRD_GAP   (128 * MIB)

struct boot {
    struct machine *m;
    struct loader loader;
    uint64_t ram_bytes;
    struct loaded program, firmware, kernel;
    bool has_program, has_firmware, has_kernel;
    gpa_t tohost, fromhost; /* 0: none */
    gpa_t initrd, initrd_end;
    gpa_t dtb;
};

static const char *bios_of(const struct machine_config *c)
{
    return c->bios ? c->bios : c->program ? "none" : "default";
}

static bool load_firmware(struct boot *b, struct err *err)
{
    const char *bios = bios_of(b->m->config);
    if (!strcmp(bios, "none")) return true;
    b->has_firmware = true;
    if (strcmp(bios, "default")) return loader_load(&b->loader, "-bios", bios, VIRT_RAM, &b->firmware, err);
    b->firmware = (struct loaded){.entry = ORRERY_FIRMWARE_BASE,
                                  .low = ORRERY_FIRMWARE_BASE,
                                  .high = ORRERY_FIRMWARE_BASE + ORRERY_FIRMWARE_SIZE};
    struct boot_image image = {.name = "the built-in firmware",
                               .base = ORRERY_FIRMWARE_BASE,
                               .size = ORRERY_FIRMWARE_SIZE,
                               .data = orrery_firmware_image,
                               .data_bytes = orrery_firmware_image_len};
    return images_add(b->loader.images, b->loader.bus, &image, err);
}

static gpa_t symbol_address(const struct boot *b, const char *name)
{
    const struct symbol *s = symbols_by_name(&b->m->symbols, name);
    return s ? s->address : 0;
}

/* The program on the command line by itself is the kernel, and no firmware runs unless -bios asks for it. */
static bool load_kernel(struct boot *b, struct err *err)
{
    const struct machine_config *c = b->m->config;
    const char *path = c->program ? c->program : c->kernel;
    if (!path) return true;
    gpa_t base = b->has_firmware ? align_up(b->firmware.high, KERNEL_ALIGN) : VIRT_RAM;
    bool ok = c->program ? loader_load_elf(&b->loader, "program", path, "-kernel takes other files", &b->kernel, err)
                         : loader_load(&b->loader, "-kernel", path, base, &b->kernel, err);
    if (!ok) return false;
    b->has_kernel = true;
    b->has_program = c->program;
    if (b->kernel.kind == LOADED_ELF && !b->has_firmware) {
        b->tohost = symbol_address(b, "tohost");
        b->fromhost = symbol_address(b, "fromhost");
    }
    return true;
}

static bool load_initrd(struct boot *b, struct err *err)
{
    const char *path = b->m->config->initrd;
    if (!path) return true;
    if (!b->has_kernel) return err_set(err, "-initrd %s: needs -kernel", path);
    gpa_t base = b->kernel.entry + (b->ram_bytes / 2 < INITRD_GAP ? b->ram_bytes / 2 : INITRD_GAP);
    base = base & GUEST_PAGE_MASK;
    if (base < b->kernel.high) base = align_up(b->kernel.high, GUEST_PAGE_BYTES);
    struct loaded l;
    if (!loader_load_raw(&b->loader, "-initrd", path, base, &l, err)) return false;
    b->initrd = l.low;
    b->initrd_end = l.high;
    return true;
}

/* -device loader,file=,addr=,cpu-num=,force-raw= or data=,data-len=,addr= */
static bool load_extra(struct boot *b, const struct opts *o, struct err *err)
{
    static const char *const keys[] = {"driver", "file",     "addr",    "cpu-num", "force-raw",
                                       "data",   "data-len", "data-be", NULL};
    uint64_t addr, cpu, data, length;
    bool raw, big;
    struct loaded l = {0};
    if (!opts_only(o, keys, err) || !opts_number(o, "addr", 0, &addr, err) ||
        !opts_number(o, "cpu-num", UINT64_MAX, &cpu, err) || !opts_number(o, "data", 0, &data, err) ||
        !opts_number(o, "data-len", 0, &length, err) || !opts_bool(o, "force-raw", false, &raw, err) ||
        !opts_bool(o, "data-be", false, &big, err))
        return false;
    const char *file = opts_get(o, "file");
    bool has_cpu = opts_has(o, "cpu-num");
    if (has_cpu && cpu >= b->m->hart_count)
        return err_set(err, "-device %s: there is no hart %llu", o->text, (unsigned long long)cpu);
    if (file) {
        bool placed = opts_has(o, "addr");
        if (raw && !placed) return err_set(err, "-device %s: addr= is missing", o->text);
        bool ok = raw ? loader_load_raw(&b->loader, "-device loader", file, addr, &l, err)
                  : placed
                      ? loader_load(&b->loader, "-device loader", file, addr, &l, err)
                      : loader_load_elf(&b->loader, "-device loader", file, "addr= must say where it goes", &l, err);
        if (!ok) return false;
    } else if (opts_has(o, "data")) {
        if (length < 1 || length > 8) return err_set(err, "-device %s: data-len= must be 1 to 8", o->text);
        if (big) data = __builtin_bswap64(data) >> (64 - 8 * length);
        if (!loader_add_bytes(&b->loader, "-device loader,data=", addr, &data, length, err)) return false;
        l.entry = addr;
    } else if (has_cpu && opts_has(o, "addr")) {
        l.entry = addr;
    } else {
        return err_set(err, "-device %s: needs file=, data= or cpu-num= with addr=", o->text);
    }
    struct images *im = &b->m->images;
    if (has_cpu && im->start_count < ARRAY_LEN(im->start)) {
        im->start[im->start_count].hart = (unsigned)cpu;
        im->start[im->start_count++].pc = l.entry;
    }
    return true;
}

static bool load_extras(struct boot *b, struct err *err)
{
    const struct opts_list *list = &b->m->config->devices;
    for (unsigned i = 0; i < list->count; i++)
        if (!strcmp(opts_get(&list->item[i], "driver"), "loader") && !load_extra(b, &list->item[i], err)) return false;
    return true;
}

/* ---- device tree ---------------------------------------------------------------------------------------------------------- */

static bool dump(const char *path, const void *blob, struct err *err)
{
    FILE *f = fopen(path, "wb");
    if (!f) return err_set(err, "dumpdtb=%s: %s", path, strerror(errno));
    bool ok = fwrite(blob, fdt_totalsize(blob), 1, f) == 1;
    return (!fclose(f) && ok) || err_set(err, "dumpdtb=%s: write failed", path);
}

/* At the end of RAM, or of its first 3 GiB, as high as a 2 MiB boundary allows. */
static bool place_dtb(struct boot *b, const void *blob, struct err *err)
{
    uint64_t size = fdt_totalsize(blob), end = VIRT_RAM + b->ram_bytes;
    if (end > DTB_LIMIT) end = DTB_LIMIT;
    b->dtb = (end - size - DTB_GROWTH) & ~(DTB_ALIGN - 1);
    if (b->dtb < VIRT_RAM || end < VIRT_RAM + size + DTB_GROWTH)
        return err_set(err, "device tree: %llu bytes do not fit into guest memory; try a larger -m",
                       (unsigned long long)size);
    return loader_add_bytes(&b->loader, "the device tree", b->dtb, blob, size, err);
}

/* Spike's boot ROM: five instructions, the start address, the tree. */
static bool add_spike_rom(struct boot *b, const void *blob, struct err *err)
{
    static const uint32_t code[] = {
        0x00000297, /* auipc t0, 0         */
        0x02028593, /* addi  a1, t0, 32    */
        0xf1402573, /* csrr  a0, mhartid   */
        0x0182b283, /* ld    t0, 24(t0)    */
        0x00028067, /* jr    t0            */
        0,
    };
    uint8_t rom[32];
    memcpy(rom, code, sizeof code);
    store_le64(rom + 24, b->kernel.entry);
    return loader_add_bytes(&b->loader, "boot ROM", VIRT_ROM, rom, sizeof rom, err) &&
           loader_add_bytes(&b->loader, "the device tree", VIRT_ROM + sizeof rom, blob, fdt_totalsize(blob), err);
}

/* QEMU's boot ROM: a0 hart, a1 tree, a2 the record that tells a firmware of the next stage. */
static bool add_qemu_rom(struct boot *b, struct err *err)
{
    static const uint32_t code[] = {
        0x00000297, /* auipc t0, 0         */
        0x02828613, /* addi  a2, t0, 40    */
        0xf1402573, /* csrr  a0, mhartid   */
        0x0202b583, /* ld    a1, 32(t0)    */
        0x0182b283, /* ld    t0, 24(t0)    */
        0x00028067, /* jr    t0            */
    };
    struct orrery_firmware_next next = {.magic = ORRERY_FIRMWARE_NEXT_MAGIC,
                                        .version = ORRERY_FIRMWARE_NEXT_VERSION,
                                        .address = b->has_kernel ? b->kernel.entry : 0,
                                        .mode = ORRERY_FIRMWARE_MODE_S};
    uint8_t rom[40 + sizeof next];
    memcpy(rom, code, sizeof code);
    store_le64(rom + 24, b->has_firmware && b->firmware.kind == LOADED_ELF ? b->firmware.entry : VIRT_RAM);
    store_le64(rom + 32, b->dtb);
    memcpy(rom + 40, &next, sizeof next);
    return loader_add_bytes(&b->loader, "boot ROM", VIRT_ROM, rom, sizeof rom, err);
}

static bool place_tree_and_rom(struct boot *b, struct err *err)
{
    const struct machine_config *c = b->m->config;
    struct virt_boot say = {
        .ram_bytes = b->ram_bytes, .initrd = b->initrd, .initrd_end = b->initrd_end, .append = c->append};
    void *blob;
    if (!(c->dtb ? virt_fdt_adopt(b->m, c->dtb, &say, &blob, err) : virt_fdt_build(b->m, &say, &blob, err)))
        return false;
    bool ok = !c->dump_dtb || dump(c->dump_dtb, blob, err);
    if (ok && b->has_program && !b->has_firmware)
        ok = add_spike_rom(b, blob, err);
    else if (ok)
        ok = place_dtb(b, blob, err) && add_qemu_rom(b, err);
    free(blob);
    return ok;
}

static bool connect_htif(struct boot *b, struct err *err)
{
    if (!b->tohost) return true;
    struct machine *m = b->m;
    if (!bus_ram(&m->bus, b->tohost, 8) || (b->fromhost && !bus_ram(&m->bus, b->fromhost, 8)))
        return err_set(err, "the program's tohost or fromhost is outside guest memory");
    m->htif = htif_create(m, b->tohost, b->fromhost, chars_console(m->chars));
    if (!m->htif) return err_set(err, "out of memory");
    chars_attach_console(m->chars);
    m->spike_rhythm = m->env.traps_end_run = b->has_program;
    return true;
}

/* Known before anything runs, so complained about before anything runs. */
static bool check_signature(const struct boot *b, struct err *err)
{
    const char *path = b->m->config->signature;
    if (!path) return true;
    if (!symbol_address(b, "begin_signature") || !symbol_address(b, "end_signature"))
        return err_set(err, "+signature=%s: the program has no begin_signature and end_signature", path);
    FILE *f = fopen(path, "a"); /* what it holds stays until there is a signature */
    return (f && !fclose(f)) || err_set(err, "+signature=%s: cannot be opened for writing", path);
}

bool virt_load(struct machine *m, uint64_t ram_bytes, struct err *err)
{
    struct boot b = {
        .m = m, .ram_bytes = ram_bytes, .loader = {.images = &m->images, .bus = &m->bus, .symbols = &m->symbols}};
    return load_firmware(&b, err) && load_kernel(&b, err) && load_initrd(&b, err) && load_extras(&b, err) &&
           check_signature(&b, err) && place_tree_and_rom(&b, err) && connect_htif(&b, err);
}
