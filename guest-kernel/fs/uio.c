/*
 * uio.c - moving bytes between the kernel and whoever reads or writes (uio.h).
 *
 * A copy to user memory may stop half-way, at a page that is not there. What was copied up to there counts: read and write
 * report partial success, and only a transfer of nothing at all is an error (EFAULT).
 */
#include "fs/uio.h"

#include "base/errno.h"
#include "base/string.h"
#include "mm/usercopy.h"

void uio_init(struct uio *uio, bool user, uint64_t base, uint64_t bytes, uint64_t offset)
{
    *uio = (struct uio){.user = user, .left = bytes, .offset = offset, .segments = 1};
    uio->one = (struct uio_segment){base, bytes};
    uio->segment = &uio->one;
}

int uio_init_vector(struct uio *uio, struct uio_segment *storage, uint64_t user_vector, uint64_t count, uint64_t offset)
{
    if (count > UIO_SEGMENTS_MAX) return -EINVAL;
    if (copy_from_user(storage, user_vector, count * sizeof *storage)) return -EFAULT;
    uint64_t total = 0;
    for (uint64_t i = 0; i < count; i++) {
        if (storage[i].bytes > INT64_MAX) return -EINVAL;
        if (!user_range_ok(storage[i].base, storage[i].bytes)) return -EFAULT;
        uint64_t room = UIO_BYTES_MAX - total; /* Linux cuts a transfer off rather than refuse it */
        if (storage[i].bytes > room) storage[i].bytes = room;
        total += storage[i].bytes;
    }
    *uio = (struct uio){.user = true, .left = total, .offset = offset, .segments = (unsigned)count, .segment = storage};
    return 0;
}

uint64_t uio_here(struct uio *uio, uint64_t *bytes)
{
    while (uio->segments > 1 && uio->segment->bytes == 0) {
        uio->segment++;
        uio->segments--;
    }
    if (!uio->segments) {
        *bytes = 0;
        return 0;
    }
    *bytes = uio->segment->bytes;
    return uio->segment->base;
}

void uio_advance(struct uio *uio, size_t n)
{
    while (n) {
        uint64_t here;
        uio_here(uio, &here);
        if (!here) return;
        size_t part = MIN((uint64_t)n, here);
        uio->segment->base += part;
        uio->segment->bytes -= part;
        uio->left -= part;
        uio->offset += part;
        n -= part;
    }
}

enum uio_way { UIO_OUT, UIO_IN, UIO_ZERO };

/* One piece within one segment. The bytes not copied. */
static size_t copy_piece(struct uio *uio, uint64_t at, void *kernel, size_t n, enum uio_way way)
{
    if (uio->user) {
        if (way == UIO_OUT) return copy_to_user_rest(at, kernel, n);
        if (way == UIO_IN) return copy_from_user_rest(kernel, at, n);
        return clear_user(at, n) ? n : 0;
    }
    void *there = (void *)(uintptr_t)at;
    if (way == UIO_OUT)
        memcpy(there, kernel, n);
    else if (way == UIO_IN)
        memcpy(kernel, there, n);
    else
        memset(there, 0, n);
    return 0;
}

static ssize_t uio_copy(struct uio *uio, void *kernel, size_t n, enum uio_way way)
{
    size_t done = 0;
    n = MIN((uint64_t)n, uio->left);
    while (done < n) {
        uint64_t here, at = uio_here(uio, &here);
        size_t part = MIN((uint64_t)(n - done), here);
        size_t rest = copy_piece(uio, at, way == UIO_ZERO ? 0 : (char *)kernel + done, part, way);
        uio_advance(uio, part - rest);
        done += part - rest;
        if (rest) return done ? (ssize_t)done : -EFAULT;
    }
    return (ssize_t)done;
}

ssize_t uio_put(struct uio *uio, const void *from, size_t n)
{
    return uio_copy(uio, (void *)(uintptr_t)from, n, UIO_OUT);
}
ssize_t uio_get(struct uio *uio, void *to, size_t n) { return uio_copy(uio, to, n, UIO_IN); }
ssize_t uio_put_zeros(struct uio *uio, size_t n) { return uio_copy(uio, 0, n, UIO_ZERO); }
