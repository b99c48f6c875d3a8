/* Memory mappings of the host. */
#ifndef ORRERY_BASE_HOST_MEM_H
#define ORRERY_BASE_HOST_MEM_H

#include "emu/base/types.h"

/* A page-aligned range of `bytes` (> 0) that reads as zero and takes up host memory only where it is touched. NULL if the host has no
 * address space for it. Give it back with host_mem_release and the same size. */
void *host_mem_reserve(uint64_t bytes);
void host_mem_release(void *p, uint64_t bytes); /* p may be NULL */

#endif
