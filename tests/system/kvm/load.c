/*
 * load.c - the guest's memory and what lies in it at the start.
 *
 *   MEMORY_BASE                                                       end of memory
 *   | ... | kernel image | its bss ...      ... | device tree | initrd |
 *         + text_offset
 */
#include "kvmrun.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define ALIGN_BYTES (2ul << 20)
#define PAGE_BYTES  4096ul
#define TREE_BYTES  0x10000ul

/* Linux: Documentation/arch/riscv/boot-image-header.rst; all numbers little-endian, as this machine. */
struct image_header {
    uint32_t code0, code1;
    uint64_t text_offset, image_size, flags;
    uint32_t version, reserved1;
    uint64_t reserved2, magic;
    uint32_t magic2, reserved3;
};
#define IMAGE_MAGIC2 0x05435352u /* "RSC\x05" */

static void *allocate(const struct guest *guest)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | (guest->huge_pages ? MAP_HUGETLB : MAP_NORESERVE);
    uint8_t *memory = mmap(0, guest->memory_bytes + ALIGN_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (memory == MAP_FAILED)
        fail(STATUS_FAILED, "cannot allocate %lu MiB of guest memory%s: %s", guest->memory_bytes >> 20,
             guest->huge_pages ? " in huge pages (see /proc/sys/vm/nr_hugepages)" : "", strerror(errno));
    return (void *)(((uintptr_t)memory + ALIGN_BYTES - 1) & ~(ALIGN_BYTES - 1));
}

static int open_file(const char *path, uint64_t *bytes)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status)) fail(STATUS_USAGE, "%s: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode)) fail(STATUS_USAGE, "%s: not a regular file", path);
    *bytes = (uint64_t)status.st_size;
    return file;
}

static void read_file(const char *path, int file, uint8_t *to, uint64_t bytes)
{
    while (bytes) {
        ssize_t done = read(file, to, bytes);
        if (done <= 0) fail(STATUS_FAILED, "%s: %s", path, done ? strerror(errno) : "became shorter");
        to += done;
        bytes -= (uint64_t)done;
    }
    close(file);
}

/* Returns the guest-physical end of the kernel, its uninitialized data included. */
static uint64_t load_kernel(struct guest *guest)
{
    uint64_t bytes;
    int file = open_file(guest->kernel, &bytes);
    struct image_header header;
    if (bytes < sizeof header || pread(file, &header, sizeof header, 0) != (ssize_t)sizeof header ||
        header.magic2 != IMAGE_MAGIC2)
        fail(STATUS_USAGE, "%s: not a RISC-V Linux image", guest->kernel);
    uint64_t needed = header.image_size > bytes ? header.image_size : bytes;
    if (header.text_offset > guest->memory_bytes || needed > guest->memory_bytes - header.text_offset)
        fail(STATUS_USAGE, "%s: does not fit into %lu MiB of memory", guest->kernel, guest->memory_bytes >> 20);
    read_file(guest->kernel, file, guest->memory + header.text_offset, bytes);
    guest->entry = MEMORY_BASE + header.text_offset;
    return guest->entry + needed;
}

void load_guest(struct guest *guest)
{
    uint64_t top = MEMORY_BASE + guest->memory_bytes, initrd_bytes = 0;
    guest->memory = allocate(guest);
    uint64_t kernel_end = load_kernel(guest);
    if (guest->initrd) {
        int file = open_file(guest->initrd, &initrd_bytes);
        if (initrd_bytes + TREE_BYTES + PAGE_BYTES > top - kernel_end)
            fail(STATUS_USAGE, "%s: does not fit into %lu MiB of memory", guest->initrd, guest->memory_bytes >> 20);
        guest->initrd_start = (top - initrd_bytes) & ~(PAGE_BYTES - 1);
        guest->initrd_end = guest->initrd_start + initrd_bytes;
        read_file(guest->initrd, file, guest->memory + (guest->initrd_start - MEMORY_BASE), initrd_bytes);
        top = guest->initrd_start;
    }
    if (TREE_BYTES > top - kernel_end) fail(STATUS_USAGE, "%s: leaves no room for a device tree", guest->kernel);
    guest->tree = top - TREE_BYTES;
}

void load_tree(struct guest *guest)
{
    if (!tree_build(guest, guest->memory + (guest->tree - MEMORY_BASE), TREE_BYTES))
        fail(STATUS_USAGE, "--append: too long for the device tree");
}
