/* Copy-on-write: one bit per sector says whether it was written here; the bytes stand at the same offset of a sparse temporary file.
 * Sectors are written whole, so nothing is ever copied up from the base. */
#include "devices/storage/image.h"

#include "emu/base/bits.h"
#include "emu/base/host_disk.h"
#include <stdlib.h>

struct overlay {
    struct image image; /* first */
    struct image *base;
    struct host_disk changes;
    uint64_t *written; /* a bit per sector */
};

static struct overlay *overlay_of(struct image *image) { return (struct overlay *)image; }
static size_t word_count(const struct overlay *o) { return (size_t)((o->image.sectors + 63) / 64); }
static bool is_written(const struct overlay *o, uint64_t sector)
{
    return bit_test(o->written[sector / 64], sector % 64);
}

/* The number of sectors from `sector` on, at most count, that all were or all were not written. */
static uint64_t run_length(const struct overlay *o, uint64_t sector, uint64_t count)
{
    bool written = is_written(o, sector);
    uint64_t uniform = written ? UINT64_MAX : 0, n = 1;
    while (n < count) {
        if ((sector + n) % 64 == 0 && o->written[(sector + n) / 64] == uniform)
            n += 64;
        else if (is_written(o, sector + n) == written)
            n++;
        else
            break;
    }
    return n < count ? n : count;
}

static void mark(struct overlay *o, uint64_t sector, uint64_t count)
{
    for (uint64_t i = sector; i < sector + count;) {
        if (i % 64 == 0 && sector + count - i >= 64) {
            o->written[i / 64] = UINT64_MAX;
            i += 64;
        } else {
            o->written[i / 64] |= UINT64_C(1) << (i % 64);
            i++;
        }
    }
}

/* A cursor over the caller's vectors. */
struct cursor {
    const struct iovec *iov;
    unsigned left;
    size_t offset; /* into *iov */
};

/* Cuts the next `length` bytes off as vectors; returns their number. The bytes must be there. */
static unsigned cursor_take(struct cursor *c, uint64_t length, struct iovec *out)
{
    unsigned n = 0;
    while (length) {
        size_t here = c->iov->iov_len - c->offset;
        if (here > length) here = (size_t)length;
        if (here) out[n++] = (struct iovec){(char *)c->iov->iov_base + c->offset, here};
        length -= here;
        c->offset += here;
        if (c->offset == c->iov->iov_len && --c->left) {
            c->iov++;
            c->offset = 0;
        }
    }
    return n;
}

static uint64_t sectors_in(const struct iovec *iov, unsigned n)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < n; i++) total += iov[i].iov_len;
    return total >> SECTOR_BYTES_LOG2;
}

static bool overlay_read(struct image *image, uint64_t sector, const struct iovec *iov, unsigned n)
{
    struct overlay *o = overlay_of(image);
    struct cursor cursor = {iov, n, 0};
    struct iovec part[HOST_DISK_VECTORS_MAX];
    for (uint64_t left = sectors_in(iov, n), run; left; left -= run, sector += run) {
        run = run_length(o, sector, left);
        unsigned parts = cursor_take(&cursor, run << SECTOR_BYTES_LOG2, part);
        bool ok = is_written(o, sector) ? host_disk_read(&o->changes, sector << SECTOR_BYTES_LOG2, part, parts)
                                        : o->base->ops->read(o->base, sector, part, parts);
        if (!ok) return false;
    }
    return true;
}

static bool overlay_write(struct image *image, uint64_t sector, const struct iovec *iov, unsigned n)
{
    struct overlay *o = overlay_of(image);
    if (!host_disk_write(&o->changes, sector << SECTOR_BYTES_LOG2, iov, n)) return false;
    mark(o, sector, sectors_in(iov, n));
    return true;
}

/* Nothing here outlives the process, so there is nothing to make durable. */
static bool overlay_flush(struct image *image)
{
    (void)image;
    return true;
}

static bool overlay_zero(struct image *image, uint64_t sector, uint64_t count, bool may_unmap)
{
    struct overlay *o = overlay_of(image);
    (void)may_unmap; /* a hole is always the cheapest zero here */
    if (!host_disk_zero(&o->changes, sector << SECTOR_BYTES_LOG2, count << SECTOR_BYTES_LOG2, true)) return false;
    mark(o, sector, count);
    return true;
}

static void overlay_discard(struct image *image, uint64_t sector, uint64_t count)
{
    struct overlay *o = overlay_of(image);
    if (host_disk_punch(&o->changes, sector << SECTOR_BYTES_LOG2, count << SECTOR_BYTES_LOG2)) mark(o, sector, count);
}

/* ---- saved state: the written runs with their bytes, then an empty run ---- */

static void run_state(struct overlay *o, uint64_t sector, uint64_t count, struct state *s)
{
    uint8_t bytes[64 * SECTOR_BYTES];
    for (uint64_t n; count && state_ok(s); count -= n, sector += n) {
        n = count < 64 ? count : 64;
        struct iovec iov = {bytes, (size_t)n * SECTOR_BYTES};
        if (!s->restoring && !host_disk_read(&o->changes, sector << SECTOR_BYTES_LOG2, &iov, 1)) s->ok = false;
        state_bytes(s, bytes, iov.iov_len);
        if (s->restoring && state_ok(s) && !overlay_write(&o->image, sector, &iov, 1)) s->ok = false;
    }
}

static void overlay_save(struct overlay *o, struct state *s)
{
    uint64_t sector = 0, count = 0;
    for (uint64_t run; sector < o->image.sectors; sector += run) {
        run = run_length(o, sector, o->image.sectors - sector);
        if (!is_written(o, sector)) continue;
        state_u64(s, &sector);
        state_u64(s, &run);
        run_state(o, sector, run, s);
    }
    state_u64(s, &sector);
    state_u64(s, &count);
}

static void overlay_restore(struct overlay *o, struct state *s)
{
    memset(o->written, 0, word_count(o) * sizeof *o->written);
    while (state_ok(s)) {
        uint64_t sector = 0, count = 0;
        state_u64(s, &sector);
        state_u64(s, &count);
        if (!state_ok(s) || count == 0) return;
        if (sector >= o->image.sectors || count > o->image.sectors - sector) {
            state_refuse(s, "a change lies beyond the end of the disk");
            return;
        }
        run_state(o, sector, count, s);
    }
}

static void overlay_state(struct image *image, struct state *s)
{
    struct overlay *o = overlay_of(image);
    state_tag(s, "overlay", 1);
    if (s->restoring)
        overlay_restore(o, s);
    else
        overlay_save(o, s);
}

static void overlay_close(struct image *image)
{
    struct overlay *o = overlay_of(image);
    image_close(o->base);
    host_disk_close(&o->changes);
    free(o->written);
    free(o);
}

static const struct image_ops overlay_ops = {
    .name = "overlay",
    .read = overlay_read,
    .write = overlay_write,
    .flush = overlay_flush,
    .zero = overlay_zero,
    .discard = overlay_discard,
    .state = overlay_state,
    .close = overlay_close,
};

struct image *image_open_overlay(struct image *base, struct err *err)
{
    struct overlay *o = calloc(1, sizeof *o);
    if (!o) {
        image_close(base);
        err_set(err, "-snapshot: out of memory");
        return NULL;
    }
    o->image = (struct image){&overlay_ops, base->sectors, false};
    o->base = base;
    o->changes.fd = -1;
    o->written = calloc(word_count(o), sizeof *o->written); /* the host gives its pages when they are touched */
    if (!o->written) err_set(err, "-snapshot: out of memory");
    if (o->written && host_disk_temporary(&o->changes, base->sectors << SECTOR_BYTES_LOG2, err)) return &o->image;
    overlay_close(&o->image);
    return NULL;
}
