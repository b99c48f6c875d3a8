#include "emu/base/host_mem.h"

#include <sys/mman.h>

void *host_mem_reserve(uint64_t bytes)
{
    if (bytes > SIZE_MAX) return NULL;
    void *p = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

void host_mem_release(void *p, uint64_t bytes)
{
    if (p) munmap(p, (size_t)bytes);
}
