#include "devices/storage/image.h"

#include "emu/base/host_disk.h"
#include <inttypes.h>
#include <stdlib.h>

struct raw {
    struct image image; /* first */
    struct host_disk disk;
};

static struct raw *raw_of(struct image *image) { return (struct raw *)image; }
static uint64_t bytes(uint64_t sectors) { return sectors << SECTOR_BYTES_LOG2; }

static bool raw_read(struct image *image, uint64_t sector, const struct iovec *iov, unsigned n)
{
    return host_disk_read(&raw_of(image)->disk, bytes(sector), iov, n);
}

static bool raw_write(struct image *image, uint64_t sector, const struct iovec *iov, unsigned n)
{
    return host_disk_write(&raw_of(image)->disk, bytes(sector), iov, n);
}

static bool raw_flush(struct image *image) { return image->read_only || host_disk_sync(&raw_of(image)->disk); }

static bool raw_zero(struct image *image, uint64_t sector, uint64_t count, bool may_unmap)
{
    return host_disk_zero(&raw_of(image)->disk, bytes(sector), bytes(count), may_unmap);
}

static void raw_discard(struct image *image, uint64_t sector, uint64_t count)
{
    host_disk_punch(&raw_of(image)->disk, bytes(sector), bytes(count));
}

static void raw_close(struct image *image)
{
    host_disk_close(&raw_of(image)->disk);
    free(image);
}

static const struct image_ops raw_ops = {
    .name = "raw",
    .read = raw_read,
    .write = raw_write,
    .flush = raw_flush,
    .zero = raw_zero,
    .discard = raw_discard,
    .close = raw_close,
};

struct image *image_open_raw(const char *what, const char *path, bool read_only, struct err *err)
{
    struct raw *r = calloc(1, sizeof *r);
    if (!r) {
        err_set(err, "%s %s: out of memory", what, path);
        return NULL;
    }
    r->disk.fd = -1;
    bool ok = host_disk_open(&r->disk, what, path, read_only, err);
    if (ok && r->disk.bytes == 0)
        ok = err_set(err, "%s %s: the image is empty; make one with truncate or mkfs first", what, path);
    else if (ok && r->disk.bytes % SECTOR_BYTES)
        ok = err_set(err, "%s %s: %" PRIu64 " bytes is not a multiple of %u", what, path, r->disk.bytes, SECTOR_BYTES);
    r->image = (struct image){&raw_ops, r->disk.bytes >> SECTOR_BYTES_LOG2, read_only};
    if (ok) return &r->image;
    raw_close(&r->image);
    return NULL;
}

void image_close(struct image *image)
{
    if (image) image->ops->close(image);
}
