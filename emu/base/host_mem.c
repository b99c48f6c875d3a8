#define _DEFAULT_SOURCE
#include "emu/base/host_mem.h"

#include <sys/mman.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1; older C libraries do not name it, older kernels refuse it */
#endif

static uint8_t *map(uint64_t bytes)
{
    if (bytes > SIZE_MAX) return NULL;
    void *p = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

/* Begins at a large page. */
static uint8_t *map_aligned(uint64_t bytes)
{
    if (bytes > UINT64_MAX - HOST_LARGE_PAGE_BYTES) return NULL;
    uint8_t *p = map(bytes + HOST_LARGE_PAGE_BYTES);
    if (!p) return NULL;
    uint64_t before = -(uint64_t)(uintptr_t)p & (HOST_LARGE_PAGE_BYTES - 1);
    if (before) munmap(p, (size_t)before);
    munmap(p + before + bytes, (size_t)(HOST_LARGE_PAGE_BYTES - before));
    return p + before;
}

void *host_mem_reserve(uint64_t bytes)
{
    void *p = bytes % HOST_LARGE_PAGE_BYTES == 0 ? map_aligned(bytes) : NULL;
    return p ? p : map(bytes);
}

void host_mem_release(void *p, uint64_t bytes)
{
    if (p) munmap(p, (size_t)bytes);
}

void host_mem_prefer_large(void *p, uint64_t bytes, bool large)
{
    madvise(p, (size_t)bytes, large ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

void host_mem_make_large(void *p, uint64_t bytes)
{
    uintptr_t mask = (uintptr_t)HOST_LARGE_PAGE_BYTES - 1;
    uintptr_t first = ((uintptr_t)p + mask) & ~mask, end = ((uintptr_t)p + bytes) & ~mask;
    if (first < end) madvise((void *)first, end - first, MADV_COLLAPSE);
}
