/* What the parts of the kernel under test call, as the host has it. */
#include "kern/print.h"
#include "mm/slab.h"
#include "tests/host.h"
#include <stdio.h>
#include <stdlib.h>

long host_allocations, host_allocations_left = -1;

void *kmalloc(size_t bytes)
{
    if (!host_allocations_left) return NULL;
    if (host_allocations_left > 0) host_allocations_left--;
    host_allocations++;
    return malloc(bytes);
}

void *kzalloc(size_t bytes)
{
    void *p = kmalloc(bytes);
    if (p) __builtin_memset(p, 0, bytes);
    return p;
}

void kfree(void *p)
{
    if (p) host_allocations--;
    free(p);
}

void panic(const char *text, ...)
{
    va_list list;
    va_start(list, text);
    vfprintf(stderr, text, list);
    abort();
}
