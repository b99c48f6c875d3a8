#include "emu/boot_image.h"

#include "emu/gunzip.h"
#include <stdlib.h>
#include <string.h>

static bool overlaps(const struct boot_image *a, const struct boot_image *b)
{
    return a->base < b->base + b->size && b->base < a->base + a->size;
}

static bool fits(const struct bus *bus, gpa_t base, uint64_t size)
{
    for (unsigned i = 0; i < bus->ram_count; i++) {
        const struct ram_region *r = &bus->ram[i];
        if (base >= r->base && size <= r->size && base - r->base <= r->size - size) return true;
    }
    return false;
}

bool images_add(struct images *im, const struct bus *bus, const struct boot_image *image, struct err *err)
{
    unsigned long long first = image->base, last = image->base + image->size - 1;
    if (!image->size) return true;
    if (!fits(bus, image->base, image->size))
        return err_set(err, "%s: 0x%llx bytes at 0x%llx do not fit into guest memory; try a larger -m", image->name,
                       (unsigned long long)image->size, first);
    for (unsigned i = 0; i < im->count; i++) {
        if (!overlaps(image, &im->item[i])) continue;
        return err_set(err, "%s: 0x%llx-0x%llx overlaps %s at 0x%llx-0x%llx", image->name, first, last,
                       im->item[i].name, (unsigned long long)im->item[i].base,
                       (unsigned long long)(im->item[i].base + im->item[i].size - 1));
    }
    if (im->count == IMAGES_MAX) return err_set(err, "%s: more than %d images", image->name, IMAGES_MAX);
    im->item[im->count++] = *image;
    return true;
}

static struct host_file *new_file(struct images *im, const char *what, struct err *err)
{
    if (im->file_count < IMAGE_FILES_MAX) return &im->file[im->file_count];
    err_set(err, "%s: more than %d files", what, IMAGE_FILES_MAX);
    return NULL;
}

const struct host_file *images_open(struct images *im, const char *what, const char *path, struct err *err)
{
    struct host_file *f = new_file(im, what, err);
    if (!f || !host_file_open(f, what, path, err)) return NULL;
    if (gunzip_is(f->bytes, f->length)) {
        struct host_file plain;
        bool ok = gunzip(f->bytes, f->length, &plain, what, path, err);
        host_file_close(f);
        if (!ok) return NULL;
        *f = plain;
    }
    im->file_count++;
    return f;
}

const uint8_t *images_keep(struct images *im, const void *bytes, uint64_t length, struct err *err)
{
    struct host_file *f = new_file(im, "image", err);
    if (!f) return NULL;
    uint8_t *copy = malloc(length);
    if (!copy) {
        err_set(err, "out of memory");
        return NULL;
    }
    memcpy(copy, bytes, length);
    *f = (struct host_file){.bytes = copy, .length = length};
    im->file_count++;
    return copy;
}

static void clear(struct bus *bus, gpa_t base, uint64_t size)
{
    uint8_t *to = bus_dma_map_write(bus, base, size);
    if (to) memset(to, 0, size);
}

void images_load(struct images *im, struct bus *bus)
{
    for (unsigned i = 0; i < im->count; i++) {
        const struct boot_image *image = &im->item[i];
        if (image->data_bytes) bus_dma_write(bus, image->base, image->data, image->data_bytes);
        uint64_t rest = image->size - image->data_bytes;
        if (image->clear_rest && rest) clear(bus, image->base + image->data_bytes, rest);
    }
    for (unsigned i = 0; i < im->file_count; i++) host_file_release_pages(&im->file[i]);
}

gpa_t images_start_pc(const struct images *im, unsigned hart, gpa_t otherwise)
{
    for (unsigned i = im->start_count; i-- > 0;)
        if (im->start[i].hart == hart) return im->start[i].pc;
    return otherwise;
}

void images_finish(struct images *im)
{
    for (unsigned i = 0; i < im->file_count; i++) host_file_close(&im->file[i]);
    *im = (struct images){0};
}
