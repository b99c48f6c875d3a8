/* Between the frame allocator and the pager. Part of mm/; nobody else calls these. */
#ifndef KEPLER_MM_RECLAIM_H
#define KEPLER_MM_RECLAIM_H
#include "base/types.h"

struct page;

void pager_wake(void);  /* the free-frame pool is below its low mark; any context */
void pager_freed(void); /* a frame was freed; any context */
/* No frame is left. Sleeps until the pager has freed some: true, try again. False: give up (nothing can be
 * freed, or this task is to die). `tries` counts the caller's attempts. */
bool pager_wait(unsigned order, unsigned want, unsigned tries);
bool pager_is_current(void);          /* this task frees memory: it may take the last frames */
void family_page_free(struct page *); /* an anonymous frame is freed: it leaves its family */

#endif
