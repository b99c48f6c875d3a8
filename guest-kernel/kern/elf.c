/*
 * elf.c - program files in the Executable and Linkable Format.
 *
 * The file's program headers list segments: so many bytes of the file go to this virtual address with these permissions, and may
 * be followed by zero bytes (.bss). Nothing is read: the segments are mapped, and pages come when they are touched.
 *
 *      file                        memory
 *      | header | headers |
 *      | text ............|  ----> | text, r-x          |
 *      | data ....|                | data, rw- | 0 0 0  |  zeros to the end of the page, then anonymous pages
 *
 * A program with PT_INTERP wants the dynamic linker it names to be loaded too and to be started in its place. A position-independent
 * program (ET_DYN) says addresses from 0 on and is put where there is room.
 *
 * A program file is hostile input: every number in it is checked before use.
 *
 * Source: System V ABI, "Object Files" and "Program Loading"; RISC-V ELF psABI.
 */
#include "kern/elf.h"

#include "arch/layout.h"
#include "base/errno.h"
#include "base/string.h"
#include "fs/vfs.h"
#include "kern/print.h"
#include "kern/process_internal.h"
#include "mm/slab.h"
#include "mm/space.h"

struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct program_header {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

enum { ET_EXEC = 2, ET_DYN = 3, EM_RISCV = 243, PT_LOAD = 1, PT_INTERP = 3, PF_X = 1, PF_W = 2, PF_R = 4 };

#define HEADERS_MAX  128
#define PROGRAM_BASE 0x2aaaaaa000ul /* of position-independent programs: two thirds up */
#define LOWEST       0x1000ul       /* page 0 is never mapped: null pointers fault */
#define HIGHEST      (STACK_TOP - (64ul << 20))

struct program {
    struct file *file;
    struct elf_header header;
    struct program_header *headers;
    uint64_t low, high; /* range of its addresses, whole pages */
};

bool elf_is(const char *start, size_t bytes) { return bytes >= 4 && !memcmp(start, "\177ELF", 4); }

/* Reads exactly n bytes: a file that is too short is no program. */
static int read_exactly(struct file *file, void *to, size_t n, uint64_t offset)
{
    long got = file_pread_kernel(file, to, n, offset);
    if (got < 0) return (int)got;
    return (size_t)got == n ? 0 : -ENOEXEC;
}

static int check_segment(const struct program_header *ph)
{
    if (ph->filesz > ph->memsz || ph->memsz > HIGHEST || ph->vaddr > HIGHEST - ph->memsz) return -ENOEXEC;
    if (ph->offset % PAGE_SIZE != ph->vaddr % PAGE_SIZE || ph->offset + ph->filesz < ph->offset) return -ENOEXEC;
    return ph->offset > INT64_MAX - ph->filesz ? -ENOEXEC : 0;
}

static int read_headers(struct program *p)
{
    struct elf_header *h = &p->header;
    int error = read_exactly(p->file, h, sizeof *h, 0);
    if (error) return error;
    if (!elf_is((const char *)h->ident, 4) || h->ident[4] != 2 || h->ident[5] != 1) return -ENOEXEC;
    if (h->machine != EM_RISCV || (h->type != ET_EXEC && h->type != ET_DYN)) return -ENOEXEC;
    if (h->phentsize != sizeof *p->headers || !h->phnum || h->phnum > HEADERS_MAX || h->phoff > INT64_MAX)
        return -ENOEXEC;
    p->headers = kmalloc(h->phnum * sizeof *p->headers);
    if (!p->headers) return -ENOMEM;
    error = read_exactly(p->file, p->headers, h->phnum * sizeof *p->headers, h->phoff);
    p->low = UINT64_MAX;
    for (unsigned i = 0; i < h->phnum && !error; i++) {
        const struct program_header *ph = &p->headers[i];
        if (ph->type != PT_LOAD || !ph->memsz) continue;
        error = check_segment(ph);
        p->low = MIN(p->low, ALIGN_DOWN(ph->vaddr, PAGE_SIZE));
        p->high = MAX(p->high, ALIGN_UP(ph->vaddr + ph->memsz, PAGE_SIZE));
    }
    if (!error && p->low >= p->high) error = -ENOEXEC;
    if (!error && h->type == ET_EXEC && p->low < LOWEST) error = -ENOEXEC;
    return error;
}

static int protection(const struct program_header *ph)
{
    return (ph->flags & PF_R ? PROT_READ : 0) | (ph->flags & PF_W ? PROT_WRITE : 0) |
           (ph->flags & PF_X ? PROT_EXEC : 0);
}

/* The rest of a file page behind the segment's last byte must read as zero. */
static int clear_tail(struct mm *mm, uint64_t from)
{
    static const char zeros[256];
    uint64_t end = ALIGN_UP(from, PAGE_SIZE);
    while (from < end) {
        size_t step = MIN(sizeof zeros, end - from);
        if (mm_write(mm, from, zeros, step) != (long)step) return -EFAULT;
        from += step;
    }
    return 0;
}

static int map_segment(struct mm *mm, const struct program *p, const struct program_header *ph, uint64_t bias)
{
    uint64_t start = ALIGN_DOWN(ph->vaddr, PAGE_SIZE) + bias, file_end = ph->vaddr + ph->filesz + bias;
    uint64_t end = ALIGN_UP(ph->vaddr + ph->memsz, PAGE_SIZE) + bias, file_pages_end = ALIGN_UP(file_end, PAGE_SIZE);
    int prot = protection(ph);
    if (ph->filesz) {
        long at = mm_map(mm, start, file_pages_end - start, prot, MAP_PRIVATE | MAP_FIXED, p->file,
                         ALIGN_DOWN(ph->offset, PAGE_SIZE));
        if (at < 0) return (int)at;
        if (ph->memsz > ph->filesz && (prot & PROT_WRITE)) {
            int error = clear_tail(mm, file_end);
            if (error) return error;
        }
    } else {
        file_pages_end = start;
    }
    if (end <= file_pages_end) return 0;
    long at = mm_map(mm, file_pages_end, end - file_pages_end, prot, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, NULL, 0);
    return at < 0 ? (int)at : 0;
}

/* Maps all segments, at their addresses plus *bias. A position-independent file goes to `wish`, or where there is room (0). */
static int map_program(struct mm *mm, const struct program *p, uint64_t wish, uint64_t *bias)
{
    *bias = 0;
    if (p->header.type == ET_DYN) {
        long at = mm_map(mm, wish, p->high - p->low, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
        if (at < 0) return (int)at;
        *bias = (uint64_t)at - p->low;
        int error = mm_unmap(mm, (uint64_t)at, p->high - p->low);
        if (error) return error;
    }
    for (unsigned i = 0; i < p->header.phnum; i++) {
        if (p->headers[i].type != PT_LOAD || !p->headers[i].memsz) continue;
        int error = map_segment(mm, p, &p->headers[i], *bias);
        if (error) return error;
    }
    return 0;
}

/* Where in memory the program headers are: in the segment that holds their place in the file. */
static uint64_t find_headers(const struct program *p, uint64_t bias)
{
    for (unsigned i = 0; i < p->header.phnum; i++) {
        const struct program_header *ph = &p->headers[i];
        if (ph->type == PT_LOAD && p->header.phoff >= ph->offset && p->header.phoff - ph->offset < ph->filesz)
            return p->header.phoff - ph->offset + ph->vaddr + bias;
    }
    return 0;
}

static struct file *open_interpreter(const struct program *p)
{
    for (unsigned i = 0; i < p->header.phnum; i++) {
        const struct program_header *ph = &p->headers[i];
        if (ph->type != PT_INTERP) continue;
        if (ph->filesz < 2 || ph->filesz > PATH_MAX) return ERR_PTR(-ENOEXEC);
        char *path = kmalloc(ph->filesz);
        if (!path) return ERR_PTR(-ENOMEM);
        int error = read_exactly(p->file, path, ph->filesz, ph->offset);
        if (!error && path[ph->filesz - 1]) error = -ENOEXEC;
        struct file *file = error ? ERR_PTR(error) : vfs_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0);
        kfree(path);
        return file;
    }
    return NULL;
}

static int load_interpreter(struct mm *mm, struct file *file, struct elf_image *image)
{
    struct program p = {.file = file};
    uint64_t bias = 0;
    int error = read_headers(&p);
    if (!error) error = map_program(mm, &p, 0, &bias);
    image->interpreter = p.low + bias;
    image->start = p.header.entry + bias;
    kfree(p.headers);
    return error == -ENOEXEC ? -ENOEXEC : error;
}

int elf_load(struct mm *mm, struct file *file, struct elf_image *image)
{
    struct program p = {.file = file};
    struct file *interpreter = NULL;
    uint64_t bias = 0;
    *image = (struct elf_image){0};
    int error = read_headers(&p);
    if (!error) {
        interpreter = open_interpreter(&p);
        if (IS_ERR(interpreter)) error = (int)PTR_ERR(interpreter), interpreter = NULL;
    }
    if (!error) error = map_program(mm, &p, PROGRAM_BASE, &bias);
    if (!error) {
        image->entry = image->start = p.header.entry + bias;
        image->headers = find_headers(&p, bias);
        image->header_count = p.header.phnum;
        image->end = p.high + bias;
        if (interpreter) error = load_interpreter(mm, interpreter, image);
    }
    if (interpreter) file_put(interpreter);
    kfree(p.headers);
    return error;
}
