#include "emu/loader.h"

#include "emu/base/bits.h"
#include <stdio.h>
#include <string.h>

/* Linux's boot header (Documentation/arch/riscv/boot-image-header.rst):
 *
 *   0  code (8 bytes)     8  text_offset   16  image_size    24  flags    32  version    48  magic "RISCV\0\0\0"    56  magic2 "RSC\x05" */
#define LINUX_HEADER_BYTES 64
#define LINUX_TEXT_OFFSET  8
#define LINUX_IMAGE_SIZE   16
#define LINUX_MAGIC2       56
#define LINUX_MAGIC2_VALUE 0x05435352u

static bool linux_is(const struct host_file *f)
{
    return f->length >= LINUX_HEADER_BYTES && load_le32(f->bytes + LINUX_MAGIC2) == LINUX_MAGIC2_VALUE;
}

static bool add_file(struct loader *l, const char *name, const struct host_file *f, gpa_t base, uint64_t size,
                     struct loaded *out, struct err *err)
{
    struct boot_image image = {.base = base, .size = size, .data = f->bytes, .data_bytes = f->length};
    snprintf(image.name, sizeof image.name, "%s", name);
    if (!images_add(l->images, l->bus, &image, err)) return false;
    out->entry = out->low = base;
    out->high = base + size;
    return true;
}

/* The kernel wants to stand text_offset beyond a 2 MiB boundary; `base` is such a boundary. It claims image_size bytes, its bss included. */
static bool linux_load(struct loader *l, const char *name, const struct host_file *f, gpa_t base, struct loaded *out,
                       struct err *err)
{
    uint64_t size = load_le64(f->bytes + LINUX_IMAGE_SIZE), offset = load_le64(f->bytes + LINUX_TEXT_OFFSET);
    (void)offset; /* counted from the start of RAM; `base` is already that far or farther */
    out->kind = LOADED_LINUX;
    if (size > UINT64_MAX / 2)
        return err_set(err, "%s: the Linux header claims 0x%llx bytes", name, (unsigned long long)size);
    return add_file(l, name, f, base, size > f->length ? size : f->length, out, err);
}

static const char *describe(char *to, size_t room, const char *what, const char *path)
{
    snprintf(to, room, "%s %s", what, path);
    return to;
}

bool loader_load(struct loader *l, const char *what, const char *path, gpa_t base, struct loaded *out, struct err *err)
{
    *out = (struct loaded){.kind = LOADED_RAW};
    char name[96];
    describe(name, sizeof name, what, path);
    const struct host_file *f = images_open(l->images, what, path, err);
    if (!f) return false;
    if (elf_is(f)) return elf_load(l, name, f, out, err);
    if (linux_is(f)) return linux_load(l, name, f, base, out, err);
    return add_file(l, name, f, base, f->length, out, err);
}

bool loader_load_elf(struct loader *l, const char *what, const char *path, const char *hint, struct loaded *out,
                     struct err *err)
{
    char name[96];
    describe(name, sizeof name, what, path);
    const struct host_file *f = images_open(l->images, what, path, err);
    if (!f) return false;
    if (!elf_is(f)) return err_set(err, "%s: is not an ELF file; %s", name, hint);
    return elf_load(l, name, f, out, err);
}

bool loader_load_raw(struct loader *l, const char *what, const char *path, gpa_t base, struct loaded *out,
                     struct err *err)
{
    *out = (struct loaded){.kind = LOADED_RAW};
    char name[96];
    struct host_file *f = NULL;
    if (l->images->file_count == IMAGE_FILES_MAX)
        return err_set(err, "%s %s: more than %d files", what, path, IMAGE_FILES_MAX);
    f = &l->images->file[l->images->file_count];
    if (!host_file_open(f, what, path, err)) return false;
    l->images->file_count++;
    return add_file(l, describe(name, sizeof name, what, path), f, base, f->length, out, err);
}

bool loader_add_bytes(struct loader *l, const char *name, gpa_t base, const void *bytes, uint64_t length,
                      struct err *err)
{
    const uint8_t *copy = images_keep(l->images, bytes, length, err);
    struct boot_image image = {.base = base, .size = length, .data = copy, .data_bytes = length};
    snprintf(image.name, sizeof image.name, "%s", name);
    return copy && images_add(l->images, l->bus, &image, err);
}
