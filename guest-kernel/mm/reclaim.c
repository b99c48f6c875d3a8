/* The pager: keeps the free-frame pool between its marks. */
#include "mm/reclaim.h"

void pager_wake(void) {}
void pager_freed(void) {}
bool pager_wait(unsigned order, unsigned want, unsigned tries)
{
    (void)order, (void)want, (void)tries;
    return false; /* nothing is replaced yet: out of memory is final */
}
void family_page_free(struct page *p) { (void)p; }
