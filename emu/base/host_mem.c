#define _DEFAULT_SOURCE
#include "emu/base/host_mem.h"

#include <sys/mman.h>

#define LARGE_PAGE (UINT64_C(2) << 20)

static uint8_t *map(uint64_t bytes)
{
    if (bytes > SIZE_MAX) return NULL;
    void *p = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

/* Begins at a large page, so that the host can use those: it has too few entries in its TLB to reach all of a guest by small ones. */
static uint8_t *map_large(uint64_t bytes)
{
    if (bytes > UINT64_MAX - LARGE_PAGE) return NULL;
    uint8_t *p = map(bytes + LARGE_PAGE);
    if (!p) return NULL;
    uint64_t before = -(uint64_t)(uintptr_t)p & (LARGE_PAGE - 1);
    if (before) munmap(p, (size_t)before);
    munmap(p + before + bytes, (size_t)(LARGE_PAGE - before));
#ifdef MADV_HUGEPAGE
    madvise(p + before, (size_t)bytes, MADV_HUGEPAGE); /* advice only: no matter if it is refused */
#endif
    return p + before;
}

void *host_mem_reserve(uint64_t bytes)
{
    bool large = bytes >= LARGE_PAGE && bytes % LARGE_PAGE == 0;
    void *p = large ? map_large(bytes) : NULL;
    return p ? p : map(bytes);
}

void host_mem_release(void *p, uint64_t bytes)
{
    if (p) munmap(p, (size_t)bytes);
}
