/*
 * The only way to user memory. Each routine checks that the range lies below USER_END, sets SUM for the length
 * of the copy alone, and survives a fault in the copy: the page is brought in by mm_fault(), and if that is
 * impossible, the fix-up table sends the copy to its error exit. They sleep: no spinlock may be held.
 * `current`'s address space is meant.
 */
#ifndef KEPLER_MM_USERCOPY_H
#define KEPLER_MM_USERCOPY_H
#include "base/types.h"
#include "mm/space.h"

int copy_from_user(void *to, uint64_t from, size_t n);     /* 0 or -EFAULT; after -EFAULT the rest of `to` is zero */
int copy_to_user(uint64_t to, const void *from, size_t n); /* 0 or -EFAULT; a prefix may have been written */
int clear_user(uint64_t to, size_t n);                     /* 0 or -EFAULT */
/* As above, but tell how many bytes were not copied: for read() and write(), which report partial success. */
size_t copy_from_user_rest(void *to, uint64_t from, size_t n);
size_t copy_to_user_rest(uint64_t to, const void *from, size_t n);

/* A string with its NUL into to[room]. The length without the NUL; -EFAULT; -ENAMETOOLONG when no NUL is among
 * the first `room` bytes. */
long copy_string_from_user(char *to, uint64_t from, size_t room);
long user_string_length(uint64_t from, size_t most); /* the same without copying */

/* A 32-bit word, aligned; atomic. 0 or -EFAULT (-EINVAL: unaligned). */
int user_load32(uint64_t addr, uint32_t *value);
int user_store32(uint64_t addr, uint32_t value);
int user_cmpxchg32(uint64_t addr, uint32_t expected, uint32_t desired,
                   uint32_t *seen); /* 0 also when *seen != expected */
/* Without sleeping: -EAGAIN when the page would have to be brought in first (then bring it in with user_load32()
 * outside the lock). */
int user_load32_nofault(uint64_t addr, uint32_t *value);
int user_cmpxchg32_nofault(uint64_t addr, uint32_t expected, uint32_t desired, uint32_t *seen);

static inline bool user_range_ok(uint64_t addr, uint64_t n)
{
    return n <= 0x4000000000ul && addr <= 0x4000000000ul - n;
}

/* For the trap handler, when the kernel itself faulted at *pc on `addr`: true, continue at *pc (which may have
 * moved to the fix-up); false, this is a kernel bug. Called with the trap's state saved; it turns interrupts on
 * while it brings in a page. The trap handler has cleared SUM on entry and restores it with sstatus. */
bool usercopy_fault(uint64_t *pc, uint64_t addr, enum mm_access);

#endif
