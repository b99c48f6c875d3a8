/* host_fs.h - what tests of file systems on the host may look at. */
#ifndef KEPLER_TESTS_HOST_FS_H
#define KEPLER_TESTS_HOST_FS_H

#include "base/types.h"

extern long host_objects;   /* kmalloc'd and not freed */
extern bool host_quiet;     /* printk says nothing */
extern bool host_no_memory; /* kmalloc and page_alloc give nothing */
/* Requests for memory are counted; number host_fail_from (0: none) and the following, host_fail_count in all, get nothing. */
extern unsigned long host_requests, host_fail_from, host_fail_count;
uint32_t host_frames_free(void);
void host_forget_threads(void);
struct spinlock;
/* Called whenever one is given up: other tasks may come; NULL: nobody. */
extern void (*host_unlocked)(struct spinlock *lock);
/* Somebody waits: lets devices go on; false: they have nothing to do. NULL: there are none. */
extern bool (*host_wait)(void);

struct mapping;
/* Called after each page that pagecache_write has filled; false: no more can be copied. NULL: all can. */
extern bool (*host_midway)(struct mapping *m);

#endif
