/* ELF files through libelf: RV64 little-endian executables, loaded at their segments' physical addresses. */
#include "emu/loader.h"

#include "emu/base/bits.h"
#include <gelf.h>
#include <stdio.h>
#include <string.h>

bool elf_is(const struct host_file *f) { return f->length >= SELFMAG && !memcmp(f->bytes, ELFMAG, SELFMAG); }

/* e_ident and header are looked at before libelf sees the file, so that each mistake gets its own sentence. */
static bool check_header(const char *name, const struct host_file *f, struct err *err)
{
    if (f->length < EI_NIDENT)
        return err_set(err, "%s: truncated ELF file of %llu bytes", name, (unsigned long long)f->length);
    if (f->bytes[EI_CLASS] != ELFCLASS64) return err_set(err, "%s: is a 32-bit ELF file; the machine is RV64", name);
    if (f->bytes[EI_DATA] != ELFDATA2LSB)
        return err_set(err, "%s: is a big-endian ELF file; the machine is little-endian", name);
    if (f->length < sizeof(Elf64_Ehdr))
        return err_set(err, "%s: truncated ELF file of %llu bytes", name, (unsigned long long)f->length);
    unsigned machine = load_le16(f->bytes + 18), type = load_le16(f->bytes + 16);
    if (machine != EM_RISCV)
        return err_set(err, "%s: is an ELF file for machine %u, not for RISC-V (%u)", name, machine, EM_RISCV);
    if (type != ET_EXEC && type != ET_DYN)
        return err_set(err, "%s: is not an executable ELF file (type %u)", name, type);
    return true;
}

/* Linkers like to begin the first segment with the file's own headers, a page below the program. If that page is no memory it is left
 * out, provided that it holds nothing but headers and padding. */
static void trim_headers(const struct loader *l, const struct host_file *f, const GElf_Ehdr *header, GElf_Phdr *p)
{
    uint64_t headers = header->e_phoff + (uint64_t)header->e_phnum * header->e_phentsize;
    uint64_t trim = align_up(headers, GUEST_PAGE_BYTES);
    if (p->p_offset || headers > f->length || trim < headers || p->p_filesz <= trim) return;
    if (bus_ram(l->bus, p->p_paddr, 1) || !bus_ram(l->bus, p->p_paddr + trim, 1)) return;
    for (uint64_t i = headers; i < trim; i++)
        if (f->bytes[i]) return;
    p->p_offset += trim;
    p->p_vaddr += trim;
    p->p_paddr += trim;
    p->p_filesz -= trim;
    p->p_memsz -= trim;
}

static bool add_segment(struct loader *l, const char *name, const struct host_file *f, const GElf_Phdr *p,
                        struct loaded *out, struct err *err)
{
    if (p->p_filesz > p->p_memsz) return err_set(err, "%s: a segment holds more bytes than it takes in memory", name);
    if (p->p_offset > f->length || p->p_filesz > f->length - p->p_offset)
        return err_set(err, "%s: truncated ELF file: a segment ends at byte %llu of %llu", name,
                       (unsigned long long)(p->p_offset + p->p_filesz), (unsigned long long)f->length);
    if (p->p_paddr + p->p_memsz < p->p_paddr) return err_set(err, "%s: a segment wraps around the address space", name);
    struct boot_image image = {.base = p->p_paddr,
                               .size = p->p_memsz,
                               .data = f->bytes + p->p_offset,
                               .data_bytes = p->p_filesz,
                               .clear_rest = true};
    snprintf(image.name, sizeof image.name, "%s", name);
    if (!images_add(l->images, l->bus, &image, err)) return false;
    if (p->p_paddr < out->low) out->low = p->p_paddr;
    if (p->p_paddr + p->p_memsz > out->high) out->high = p->p_paddr + p->p_memsz;
    return true;
}

/* Segments go to physical addresses, so an entry inside a segment's virtual range moves with it. */
static bool load_segments(struct loader *l, const char *name, const struct host_file *f, Elf *elf, struct loaded *out,
                          struct err *err)
{
    GElf_Ehdr header;
    size_t count;
    if (!gelf_getehdr(elf, &header) || elf_getphdrnum(elf, &count))
        return err_set(err, "%s: damaged ELF file: %s", name, elf_errmsg(-1));
    *out = (struct loaded){.kind = LOADED_ELF, .entry = header.e_entry, .low = UINT64_MAX};
    unsigned loaded = 0;
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr p;
        if (!gelf_getphdr(elf, (int)i, &p)) return err_set(err, "%s: damaged ELF file: %s", name, elf_errmsg(-1));
        if (p.p_type != PT_LOAD || !p.p_memsz) continue;
        if (p.p_filesz <= f->length) trim_headers(l, f, &header, &p);
        if (!add_segment(l, name, f, &p, out, err)) return false;
        if (header.e_entry >= p.p_vaddr && header.e_entry - p.p_vaddr < p.p_memsz)
            out->entry = header.e_entry - p.p_vaddr + p.p_paddr;
        loaded++;
    }
    return loaded || err_set(err, "%s: the ELF file has no segment to load", name);
}

static unsigned rank_of(unsigned type) { return type == STT_FUNC ? 0 : type == STT_OBJECT ? 1 : 2; }

static bool read_table(struct symbols *to, Elf *elf, Elf_Scn *section, const GElf_Shdr *header)
{
    Elf_Data *data = elf_getdata(section, NULL);
    size_t count = data && header->sh_entsize ? data->d_size / sizeof(Elf64_Sym) : 0;
    for (size_t i = 0; i < count; i++) {
        GElf_Sym s;
        if (!gelf_getsym(data, (int)i, &s) || s.st_shndx == SHN_UNDEF) continue;
        unsigned type = GELF_ST_TYPE(s.st_info);
        if (type != STT_FUNC && type != STT_OBJECT && type != STT_NOTYPE) continue;
        const char *name = elf_strptr(elf, header->sh_link, s.st_name);
        if (!name || !*name || *name == '$' || !strncmp(name, ".L", 2))
            continue; /* mapping symbols, assembler labels */
        if (!symbols_add(to, name, s.st_value, s.st_size, rank_of(type))) return false;
    }
    return true;
}

/* Damaged symbol tables cost the names, nothing else. */
static bool load_symbols(struct symbols *to, Elf *elf)
{
    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
        GElf_Shdr header;
        if (!gelf_getshdr(section, &header) || header.sh_type != SHT_SYMTAB) continue;
        if (!read_table(to, elf, section, &header)) return false;
    }
    symbols_sort(to);
    return true;
}

bool elf_load(struct loader *l, const char *name, const struct host_file *f, struct loaded *out, struct err *err)
{
    if (!check_header(name, f, err)) return false;
    elf_version(EV_CURRENT);
    Elf *elf = elf_memory((char *)(uintptr_t)f->bytes, f->length);
    if (!elf) return err_set(err, "%s: damaged ELF file: %s", name, elf_errmsg(-1));
    bool ok = load_segments(l, name, f, elf, out, err);
    if (ok && l->symbols && !load_symbols(l->symbols, elf)) ok = err_set(err, "%s: out of memory", name);
    elf_end(elf);
    return ok;
}
