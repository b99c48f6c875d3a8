/* Memory mappings of the host. */
#ifndef ORRERY_BASE_HOST_MEM_H
#define ORRERY_BASE_HOST_MEM_H

#include "emu/base/types.h"

/* What the host can map as one page, which takes one entry of its TLB. */
#define HOST_LARGE_PAGE_BYTES (UINT64_C(2) << 20)

/* A page-aligned range of `bytes` (> 0) that reads as zero and takes up host memory only where it is touched, by small pages. It
 * begins at a multiple of HOST_LARGE_PAGE_BYTES if `bytes` is one. NULL if the host has no address space for it. Give it back with
 * host_mem_release and the same size. */
void *host_mem_reserve(uint64_t bytes);
void host_mem_release(void *p, uint64_t bytes); /* p may be NULL */

/* Whether what is touched for the first time from now on in [p, p + bytes) comes in large pages. Advice only: the host may refuse. */
void host_mem_prefer_large(void *p, uint64_t bytes, bool large);

/* Makes large pages of those that lie wholly in [p, p + bytes), where something has been touched. What stands there stays. The host may take
 * its time for it: a fraction of a millisecond, more if it is busy. Advice only, too. */
void host_mem_make_large(void *p, uint64_t bytes);

#endif
