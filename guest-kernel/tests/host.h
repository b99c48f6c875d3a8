/* Host stand-ins for the kernel's services, with what tests want to know about them. */
#ifndef KEPLER_TESTS_HOST_H
#define KEPLER_TESTS_HOST_H
extern long host_allocations;      /* kmalloc'd and not yet freed */
extern long host_allocations_left; /* how many more succeed; -1: all */

#endif
