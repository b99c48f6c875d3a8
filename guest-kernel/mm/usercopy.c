/*
 * Copies to and from user memory. The loops are in usercopy_loops.S; here are the checks of addresses and what to do
 * when a loop faults.
 *
 * A user address can be anything, and even a good one may have no frame yet. So the copy is simply tried. If the
 * hart faults in it, the trap handler asks usercopy_fault(): the instruction is found in the fix-up table; then
 * the page is brought in and the instruction repeated, or the copy goes on at its fix-up, which returns how much
 * was left.
 */
#include "mm/usercopy.h"
#include "arch/layout.h"
#include "arch/riscv.h"
#include "base/errno.h"
#include "base/string.h"
#include "kern/print.h"
#include "kern/task.h"

_Static_assert(USER_TOP == 0x4000000000, "user_range_ok knows the number");

/* usercopy_loops.S. The bytes that were not copied. */
size_t user_copy_loop(void *to, const void *from, size_t n);
size_t user_clear_loop(void *to, size_t n);
/* Up to the NUL; the length, or -1 (no NUL in n bytes), or -2 (fault). */
long user_string_loop(char *to, const char *from, size_t n);
/* 0 or 1 (fault). */
long user_load32_once(const uint32_t *at, uint32_t *value);
long user_store32_once(uint32_t *at, uint32_t value);
long user_cmpxchg32_once(uint32_t *at, uint32_t expected, uint32_t desired, uint32_t *seen);

struct fixup {
    uint64_t instruction, go_on;
};
extern const struct fixup fixups_start[], fixups_end[]; /* kernel.ld collects them */

bool usercopy_fault(uint64_t *pc, uint64_t addr, enum mm_access access)
{
    const struct fixup *f = fixups_start;
    while (f < fixups_end && f->instruction != *pc) f++;
    if (f == fixups_end) return false;
    /* Bring the page in, unless the routine must not sleep: it runs with interrupts off then, and so did the trap. */
    bool may_sleep = csr_read("sstatus") & SSTATUS_SPIE;
    if (may_sleep && addr < USER_TOP && current->mm) {
        interrupts_on();
        int error = mm_fault(current->mm, addr, access, NULL);
        interrupts_off();
        if (!error) return true;
    }
    *pc = f->go_on;
    return true;
}

size_t copy_from_user_rest(void *to, uint64_t from, size_t n)
{
    if (!n) return 0;
    if (!user_range_ok(from, n)) return n;
    return user_copy_loop(to, (const void *)from, n);
}

size_t copy_to_user_rest(uint64_t to, const void *from, size_t n)
{
    if (!n) return 0;
    if (!user_range_ok(to, n)) return n;
    return user_copy_loop((void *)to, from, n);
}

int copy_from_user(void *to, uint64_t from, size_t n)
{
    size_t rest = copy_from_user_rest(to, from, n);
    if (!rest) return 0;
    memset((char *)to + (n - rest), 0, rest); /* nothing of the kernel's stack may leak through it */
    return -EFAULT;
}

int copy_to_user(uint64_t to, const void *from, size_t n) { return copy_to_user_rest(to, from, n) ? -EFAULT : 0; }

int clear_user(uint64_t to, size_t n)
{
    if (!n) return 0;
    return user_range_ok(to, n) && !user_clear_loop((void *)to, n) ? 0 : -EFAULT;
}

long copy_string_from_user(char *to, uint64_t from, size_t room)
{
    if (from >= USER_TOP) return -EFAULT;
    uint64_t most = MIN((uint64_t)room, USER_TOP - from);
    long length = user_string_loop(to, (const char *)from, most);
    if (length >= 0) return length;
    return length == -2 || most < room ? -EFAULT : -ENAMETOOLONG;
}

long user_string_length(uint64_t from, size_t most)
{
    char piece[256];
    for (size_t done = 0; done < most;) {
        size_t part = MIN(most - done, sizeof piece);
        long length = copy_string_from_user(piece, from + done, part);
        if (length >= 0) return (long)done + length;
        if (length != -ENAMETOOLONG) return length;
        done += part;
    }
    return -ENAMETOOLONG;
}

static bool word_ok(uint64_t addr, int *error)
{
    *error = addr & 3 ? -EINVAL : user_range_ok(addr, 4) ? 0 : -EFAULT;
    return !*error;
}

int user_load32(uint64_t addr, uint32_t *value)
{
    int error;
    if (!word_ok(addr, &error)) return error;
    return user_load32_once((const uint32_t *)addr, value) ? -EFAULT : 0;
}

int user_store32(uint64_t addr, uint32_t value)
{
    int error;
    if (!word_ok(addr, &error)) return error;
    return user_store32_once((uint32_t *)addr, value) ? -EFAULT : 0;
}

int user_cmpxchg32(uint64_t addr, uint32_t expected, uint32_t desired, uint32_t *seen)
{
    int error;
    if (!word_ok(addr, &error)) return error;
    return user_cmpxchg32_once((uint32_t *)addr, expected, desired, seen) ? -EFAULT : 0;
}

/* With interrupts off the fault handler goes straight to the fix-up. */
int user_load32_nofault(uint64_t addr, uint32_t *value)
{
    int error;
    if (!word_ok(addr, &error)) return error;
    bool on = interrupts_off();
    error = user_load32_once((const uint32_t *)addr, value) ? -EAGAIN : 0;
    interrupts_restore(on);
    return error;
}

int user_cmpxchg32_nofault(uint64_t addr, uint32_t expected, uint32_t desired, uint32_t *seen)
{
    int error;
    if (!word_ok(addr, &error)) return error;
    bool on = interrupts_off();
    error = user_cmpxchg32_once((uint32_t *)addr, expected, desired, seen) ? -EAGAIN : 0;
    interrupts_restore(on);
    return error;
}
