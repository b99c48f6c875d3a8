/*
 * uio.h - where the bytes of a read or write come from or go to.
 *
 * The same file code serves read(2), readv(2), exec (which reads into kernel memory) and sendfile. So it is not given a pointer
 * but a *uio*: a list of segments in user or kernel memory, how many bytes are left, and the position in the file. The copy
 * routines advance all three.
 */
#ifndef KEPLER_FS_UIO_H
#define KEPLER_FS_UIO_H

#include "base/types.h"

#define UIO_SEGMENTS_MAX 1024          /* IOV_MAX */
#define UIO_BYTES_MAX    0x7ffff000ull /* most that one call transfers (Linux: MAX_RW_COUNT) */

struct uio_segment { /* struct iovec of the system-call interface */
    uint64_t base, bytes;
};

struct uio {
    struct uio_segment *segment; /* the first with bytes left (it shrinks from the front) */
    unsigned segments;
    bool user;       /* segments are user addresses */
    uint64_t left;   /* bytes in all segments */
    uint64_t offset; /* in the file; for files without positions it only counts */
    struct uio_segment one;
};

/* One segment. */
void uio_init(struct uio *uio, bool user, uint64_t base, uint64_t bytes, uint64_t offset);
static inline void uio_init_kernel(struct uio *uio, const void *base, uint64_t bytes, uint64_t offset)
{
    uio_init(uio, false, (uint64_t)(uintptr_t)base, bytes, offset);
}
/* The vector of `count` segments in user memory. `storage` is for UIO_SEGMENTS_MAX or `count` segments; 0, -EINVAL, -EFAULT. */
int uio_init_vector(struct uio *uio, struct uio_segment *storage, uint64_t user_vector, uint64_t count,
                    uint64_t offset);

/* Copy up to n bytes out of the kernel (for read) or into it (for write), advancing the uio. The bytes copied, which
 * are fewer than n when the uio ends or part of the user's memory cannot be touched; -EFAULT if nothing could be copied
 * though something was left. May sleep: no spinlocks. */
ssize_t uio_put(struct uio *uio, const void *from, size_t n);
ssize_t uio_get(struct uio *uio, void *to, size_t n);
ssize_t uio_put_zeros(struct uio *uio, size_t n);
/* Moves on by n bytes (at most `left`) that somebody else has transferred. */
void uio_advance(struct uio *uio, size_t n);
/* The current segment: address and length, at least 1 byte unless nothing is left. */
uint64_t uio_here(struct uio *uio, uint64_t *bytes);

#endif
