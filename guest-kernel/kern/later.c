/* later.c - weak stand-ins until the files that hold the real functions are there. */
#include "abi/boot.h"
#include "abi/syscall.h"
#include "arch/sbi.h"
#include "kern/print.h"
#include "kern/signal_internal.h"
#include "kern/task.h"
#include "mm/space.h"
#include "mm/usercopy.h"
#include "kern/trace.h"
#define WEAK __attribute__((weak))
WEAK void mm_switch(struct mm *mm) { (void)mm; }
WEAK void mm_hart_start(void) {}
WEAK int mm_fault(struct mm *mm, uint64_t a, enum mm_access b, int *c)
{
    (void)mm, (void)a, (void)b, (void)c;
    return -EFAULT;
}
WEAK bool usercopy_fault(uint64_t *pc, uint64_t a, enum mm_access b)
{
    (void)pc, (void)a, (void)b;
    return false;
}
