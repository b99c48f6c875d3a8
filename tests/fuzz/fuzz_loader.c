/* Files that a user may give: ELF, Linux Image, gzip of either, device trees. The first byte chooses: 0 a kernel, 1 a device tree. */
#define _GNU_SOURCE
#include "emu/board_virt.h"
#include "tests/fuzz/fuzz.h"
#include <elf.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

static void load_kernel(const char *path)
{
    struct bus bus;
    struct images images = {0};
    struct symbols symbols = {0};
    struct loaded loaded;
    struct err err = {{0}};
    struct loader loader = {.images = &images, .bus = &bus, .symbols = &symbols};
    bus_init(&bus, NULL);
    if (bus_add_ram(&bus, VIRT_RAM, 1 << 20, &err) && loader_load(&loader, "-kernel", path, VIRT_RAM, &loaded, &err)) {
        images_load(&images, &bus);
        symbols_by_address(&symbols, loaded.entry);
        symbols_by_name(&symbols, "tohost");
    } else if (!err.text[0]) {
        abort(); /* refused without a word */
    }
    images_finish(&images);
    symbols_finish(&symbols);
    bus_finish(&bus);
}

static void adopt_tree(const char *path)
{
    struct err err = {{0}};
    struct virt_boot boot = {.initrd = 0x1000, .initrd_end = 0x2000, .append = "console=ttyS0"};
    void *blob = NULL;
    if (virt_fdt_adopt(NULL, path, &boot, &blob, &err) ? fdt_check_full(blob, fdt_totalsize(blob)) != 0 : !err.text[0])
        abort();
    free(blob);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int fd = size ? memfd_create("input", MFD_CLOEXEC) : -1;
    if (fd < 0) return 0;
    if (write(fd, data + 1, size - 1) == (ssize_t)(size - 1)) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        if (data[0] & 1)
            adopt_tree(path);
        else
            load_kernel(path);
    }
    close(fd);
    return 0;
}

/* ---- seeds ----------------------------------------------------------------------------------------------------------------- */

struct elf_seed {
    Elf64_Ehdr header;
    Elf64_Phdr segments[2];
    Elf64_Shdr sections[3];
    Elf64_Sym symbols[2];
    char names[16];
    uint8_t code[64];
};

static size_t seed_elf(uint8_t *to)
{
    struct elf_seed e = {0};
    memcpy(e.header.e_ident, ELFMAG, SELFMAG);
    e.header.e_ident[EI_CLASS] = ELFCLASS64;
    e.header.e_ident[EI_DATA] = ELFDATA2LSB;
    e.header.e_ident[EI_VERSION] = EV_CURRENT;
    e.header.e_type = ET_EXEC;
    e.header.e_machine = EM_RISCV;
    e.header.e_version = EV_CURRENT;
    e.header.e_entry = VIRT_RAM;
    e.header.e_phoff = offsetof(struct elf_seed, segments);
    e.header.e_shoff = offsetof(struct elf_seed, sections);
    e.header.e_ehsize = sizeof e.header;
    e.header.e_phentsize = sizeof(Elf64_Phdr);
    e.header.e_phnum = 2;
    e.header.e_shentsize = sizeof(Elf64_Shdr);
    e.header.e_shnum = 3;
    for (unsigned i = 0; i < 2; i++)
        e.segments[i] = (Elf64_Phdr){.p_type = PT_LOAD,
                                     .p_offset = offsetof(struct elf_seed, code) + 32 * i,
                                     .p_filesz = 32,
                                     .p_memsz = 64,
                                     .p_vaddr = VIRT_RAM + 4096 * i,
                                     .p_paddr = VIRT_RAM + 4096 * i};
    e.sections[1] = (Elf64_Shdr){.sh_type = SHT_SYMTAB,
                                 .sh_offset = offsetof(struct elf_seed, symbols),
                                 .sh_size = sizeof e.symbols,
                                 .sh_link = 2,
                                 .sh_entsize = sizeof(Elf64_Sym)};
    e.sections[2] =
        (Elf64_Shdr){.sh_type = SHT_STRTAB, .sh_offset = offsetof(struct elf_seed, names), .sh_size = sizeof e.names};
    e.symbols[1] = (Elf64_Sym){.st_name = 1,
                               .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
                               .st_shndx = SHN_ABS,
                               .st_value = VIRT_RAM,
                               .st_size = 8};
    strcpy(e.names + 1, "tohost");
    memcpy(to, &e, sizeof e);
    return sizeof e;
}

static size_t seed_linux(uint8_t *to)
{
    memset(to, 0, 256);
    to[17] = 0x10;
    memcpy(to + 48, "RISCV\0\0\0RSC\x05", 12);
    return 256;
}

static size_t seed_gzip(uint8_t *to, size_t room)
{
    uint8_t plain[1024];
    size_t n = seed_elf(plain);
    z_stream z = {.next_in = plain, .avail_in = (uInt)n, .next_out = to, .avail_out = (uInt)room};
    if (deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK ||
        deflate(&z, Z_FINISH) != Z_STREAM_END)
        abort();
    deflateEnd(&z);
    return z.total_out;
}

static size_t seed_tree(uint8_t *to, size_t room)
{
    fdt_create(to, (int)room);
    fdt_finish_reservemap(to);
    fdt_begin_node(to, "");
    fdt_property_u32(to, "#address-cells", 2);
    fdt_begin_node(to, "chosen");
    fdt_property_string(to, "bootargs", "quiet");
    fdt_end_node(to);
    fdt_end_node(to);
    if (fdt_finish(to)) abort();
    return fdt_totalsize(to);
}

size_t fuzz_seed(unsigned n, uint8_t *to, size_t room)
{
    static uint8_t tree[4096]; /* libfdt wants alignment */
    to[0] = n == 3;
    switch (n) {
    case 0: return 1 + seed_elf(to + 1);
    case 1: return 1 + seed_linux(to + 1);
    case 2: return 1 + seed_gzip(to + 1, room - 1);
    case 3: {
        size_t size = seed_tree(tree, sizeof tree);
        memcpy(to + 1, tree, size);
        return 1 + size;
    }
    default: return 0;
    }
}
