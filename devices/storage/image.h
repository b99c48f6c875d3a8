/* Images: where the bytes of a disk are kept on the host. The lowest of three layers (image, medium, front end); it knows neither
 * guest time nor virtio.
 *
 *   raw       a file or block device, byte for byte; may be opened read-only
 *   overlay   copy-on-write over another image that it never writes: `-snapshot`
 *
 * Units are sectors of 512 bytes. Callers check ranges: every request lies within [0, sectors). All calls are synchronous and
 * return false when the host fails (the front end answers with an I/O error); a failed write may have written a part.
 *
 * What a killed emulator leaves behind is what a power cut would: completed writes are in the host's file (its page cache survives
 * the process), and only image_flush asks the host to make them durable against a crash of the host itself. */
#ifndef ORRERY_DEVICES_STORAGE_IMAGE_H
#define ORRERY_DEVICES_STORAGE_IMAGE_H

#include "emu/base/err.h"
#include "emu/base/state.h"
#include "emu/base/types.h"
#include <sys/uio.h>

#define SECTOR_BYTES      512u
#define SECTOR_BYTES_LOG2 9u

struct image;

struct image_ops {
    const char *name;
    /* iov holds whole sectors in total, in pieces of any size; n >= 1. */
    bool (*read)(struct image *image, uint64_t sector, const struct iovec *iov, unsigned n);
    bool (*write)(struct image *image, uint64_t sector, const struct iovec *iov, unsigned n);
    bool (*flush)(struct image *image);
    /* Later reads return zeroes. With may_unmap the host's space is given back where it can be. */
    bool (*zero)(struct image *image, uint64_t sector, uint64_t count, bool may_unmap);
    /* Later reads return anything that the range ever held, or zeroes; best effort, so it cannot fail. */
    void (*discard)(struct image *image, uint64_t sector, uint64_t count);
    void (*state)(struct image *image, struct state *s); /* what the host's file does not hold; may be NULL */
    void (*close)(struct image *image);
};

struct image {
    const struct image_ops *ops;
    uint64_t sectors;
    bool read_only; /* write, zero and discard are never called */
};

/* Opens an existing raw image, locked against other writers. Fails (with text) if it is missing, empty, not a multiple of 512
 * bytes or in use. `what` names the option for messages: "-drive". The image is the caller's; image_close ends it. */
struct image *image_open_raw(const char *what, const char *path, bool read_only, struct err *err);

/* A writable view of base (which it owns from now on, also on failure) whose changes live in an unlinked temporary file and vanish
 * with it. */
struct image *image_open_overlay(struct image *base, struct err *err);

void image_close(struct image *image); /* NULL is fine */

#endif
