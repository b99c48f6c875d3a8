/*
 * trap.h - what a trap saves: the trap frame.
 *
 * Three things make a hart leave what it runs: an exception (a page fault, a system call), an interrupt, and nothing else.
 * The entry code (trap.S) stores all registers in a frame on the kernel stack of the current task and calls C. For a task
 * that came from user mode the frame always stands at the very top of its kernel stack: task_frame(task).
 */
#ifndef KEPLER_ARCH_TRAP_H
#define KEPLER_ARCH_TRAP_H

#define FRAME_BYTES   288
#define FRAME_PC      (0 * 8) /* slot of x0 */
#define FRAME_STATUS  (32 * 8)
#define FRAME_CAUSE   (33 * 8)
#define FRAME_TVAL    (34 * 8)
#define FRAME_ORIG_A0 (35 * 8)

#ifndef __ASSEMBLER__
#include "base/types.h"

struct trapframe {
    uint64_t pc; /* in the slot that x0 would have; the order is Linux's user_regs_struct */
    uint64_t ra, sp, gp, tp, t0, t1, t2, s0, s1;
    uint64_t a[8];
    uint64_t s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, t3, t4, t5, t6;
    uint64_t status, cause, tval;
    uint64_t orig_a0; /* a0 as the system call had it, for starting it over */
};
_Static_assert(sizeof(struct trapframe) == FRAME_BYTES, "trap.S knows the size");

/* Floating-point registers of a user program; f0..f31 as doubles, as in Linux's struct __riscv_d_ext_state. */
struct fpstate {
    uint64_t f[32];
    uint32_t fcsr;
    uint32_t reserved;
};

void trap_init(void); /* this hart's stvec, and interrupt enables */

#endif

#endif
