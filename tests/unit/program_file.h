/* A bare RV64 program as an ELF file: code at 0x80000000, and these symbols, for tests of the machine.
 *
 *   0x80001000 tohost    0x80001040 fromhost    0x80001080 begin_signature    0x800010a0 end_signature */
#ifndef TESTS_PROGRAM_FILE_H
#define TESTS_PROGRAM_FILE_H

#include "tests/unit/loader_files.h"

#define PROGRAM_BASE      0x80000000u
#define PROGRAM_TOHOST    0x80001000u
#define PROGRAM_SIGNATURE 0x80001080u
#define PROGRAM_BYTES     0x2000

struct program_elf {
    Elf64_Ehdr header;
    Elf64_Phdr segment;
    Elf64_Shdr sections[3]; /* none, symbols, names */
    Elf64_Sym symbols[5];
    char names[64];
    unsigned char bytes[PROGRAM_BYTES];
};

static inline char *program_make(const uint32_t *code, size_t words)
{
    static const struct {
        const char *name;
        uint64_t address;
    } rows[] = {{"tohost", 0x80001000},
                {"fromhost", 0x80001040},
                {"begin_signature", 0x80001080},
                {"end_signature", 0x800010a0}};
    struct small_elf small = small_elf();
    static struct program_elf p;
    memset(&p, 0, sizeof p);
    p.header = small.header;
    p.header.e_entry = PROGRAM_BASE;
    p.header.e_shoff = offsetof(struct program_elf, sections);
    p.header.e_shnum = 3;
    p.segment = small.segment;
    p.segment.p_offset = offsetof(struct program_elf, bytes);
    p.segment.p_filesz = p.segment.p_memsz = PROGRAM_BYTES;
    size_t at = 1;
    for (unsigned i = 0; i < 4; i++) {
        p.symbols[i + 1] = (Elf64_Sym){.st_name = (Elf64_Word)at,
                                       .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT),
                                       .st_shndx = SHN_ABS,
                                       .st_value = rows[i].address,
                                       .st_size = 8};
        at += (size_t)sprintf(p.names + at, "%s", rows[i].name) + 1;
    }
    p.sections[1] = (Elf64_Shdr){.sh_type = SHT_SYMTAB,
                                 .sh_offset = offsetof(struct program_elf, symbols),
                                 .sh_size = sizeof p.symbols,
                                 .sh_link = 2,
                                 .sh_entsize = sizeof(Elf64_Sym),
                                 .sh_addralign = 8};
    p.sections[2] = (Elf64_Shdr){.sh_type = SHT_STRTAB,
                                 .sh_offset = offsetof(struct program_elf, names),
                                 .sh_size = sizeof p.names,
                                 .sh_addralign = 1};
    memcpy(p.bytes, code, words * 4);
    return file_make(&p, sizeof p);
}

#endif
