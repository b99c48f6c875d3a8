/*
 * elf.h - loading a program file into an address space.
 */
#ifndef KEPLER_KERN_ELF_H
#define KEPLER_KERN_ELF_H

#include "base/types.h"

struct file;
struct mm;

/* What the program must be told in its auxiliary vector. */
struct elf_image {
    uint64_t start;       /* first instruction: of the dynamic linker if there is one */
    uint64_t entry;       /* of the program itself */
    uint64_t interpreter; /* where the dynamic linker was put; 0: none */
    uint64_t headers;     /* user address of the program headers */
    unsigned header_count;
    uint64_t end; /* behind the highest segment: the heap may begin here */
};

/* True if the first bytes say ELF. */
bool elf_is(const char *start, size_t bytes);
/* Maps the program, and the dynamic linker it names, into `mm`. 0, -ENOEXEC, or what opening, reading or mapping said. */
int elf_load(struct mm *mm, struct file *file, struct elf_image *image);

#endif
