/* ELF and other files made in memory and written to a temporary directory, for the loader's tests. */
#ifndef TESTS_LOADER_FILES_H
#define TESTS_LOADER_FILES_H

#include <criterion/criterion.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One PT_LOAD segment at 0x80000000 with 16 bytes of contents and 16 more of zeroes. */
struct small_elf {
    Elf64_Ehdr header;
    Elf64_Phdr segment;
    unsigned char bytes[16];
};

static inline struct small_elf small_elf(void)
{
    struct small_elf e = {0};
    memcpy(e.header.e_ident, ELFMAG, SELFMAG);
    e.header.e_ident[EI_CLASS] = ELFCLASS64;
    e.header.e_ident[EI_DATA] = ELFDATA2LSB;
    e.header.e_ident[EI_VERSION] = EV_CURRENT;
    e.header.e_type = ET_EXEC;
    e.header.e_machine = EM_RISCV;
    e.header.e_version = EV_CURRENT;
    e.header.e_entry = 0x80000004;
    e.header.e_phoff = sizeof e.header;
    e.header.e_ehsize = sizeof e.header;
    e.header.e_phentsize = sizeof e.segment;
    e.header.e_phnum = 1;
    e.header.e_shentsize = sizeof(Elf64_Shdr);
    e.segment.p_type = PT_LOAD;
    e.segment.p_offset = sizeof e.header + sizeof e.segment;
    e.segment.p_vaddr = e.segment.p_paddr = 0x80000000;
    e.segment.p_filesz = 16;
    e.segment.p_memsz = 32;
    for (unsigned i = 0; i < 16; i++) e.bytes[i] = (unsigned char)(i + 1);
    return e;
}

/* A file in the temporary directory, removed with file_drop. */
static inline char *file_make(const void *bytes, size_t length)
{
    char *path = strdup("/tmp/orrery_test_XXXXXX");
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    cr_assert(write(fd, bytes, length) == (ssize_t)length);
    close(fd);
    return path;
}

static inline void file_drop(char *path)
{
    unlink(path);
    free(path);
}

#endif
