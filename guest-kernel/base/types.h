/*
 * types.h - the words every file of the kernel uses: sizes, addresses, errors in pointers.
 *
 * Two kinds of numbers look alike and must not be mixed: a *physical* address (paddr_t) is what page tables, DMA and
 * the device tree hold; a *kernel virtual* address is a C pointer. arch/layout.h converts. Addresses that come from
 * a user program are uint64_t, never pointers: only the copy routines of mm/usercopy.h may follow them.
 */
#ifndef KEPLER_BASE_TYPES_H
#define KEPLER_BASE_TYPES_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef long ssize_t;
typedef uint64_t paddr_t;

#define PAGE_SHIFT 12
#define PAGE_SIZE  (1ul << PAGE_SHIFT)
#define PAGE_MASK  (PAGE_SIZE - 1)

#define HART_MAX 8 /* harts that are used; others stay stopped */

#define ARRAY_SIZE(array)                   (sizeof(array) / sizeof((array)[0]))
#define ALIGN_DOWN(value, unit)             ((value) & ~((__typeof__(value))(unit)-1)) /* unit: a power of two */
#define ALIGN_UP(value, unit)               ALIGN_DOWN((value) + (unit)-1, unit)
#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))
#define MIN(a, b)                                                                                                      \
    ({                                                                                                                 \
        __typeof__(a) min_a_ = (a);                                                                                    \
        __typeof__(b) min_b_ = (b);                                                                                    \
        min_a_ < min_b_ ? min_a_ : min_b_;                                                                             \
    })
#define MAX(a, b)                                                                                                      \
    ({                                                                                                                 \
        __typeof__(a) max_a_ = (a);                                                                                    \
        __typeof__(b) max_b_ = (b);                                                                                    \
        max_a_ > max_b_ ? max_a_ : max_b_;                                                                             \
    })

/*
 * A function that returns a pointer returns an error as a pointer into the last page of the address space, where
 * nothing lives: ERR_PTR(-ENOENT).
 */
static inline void *ERR_PTR(long error) { return (void *)error; }
static inline long PTR_ERR(const void *pointer) { return (long)pointer; }
static inline bool IS_ERR(const void *pointer) { return (unsigned long)pointer >= -4095ul; }

#endif
