/*
 * trap_entry.S - entering and leaving the kernel.
 *
 * sscratch tells where a trap came from: it holds the current task while the hart runs in user mode and zero while it runs in the
 * kernel. tp is the user's (its thread pointer) there and the current task here.
 *
 * A trap from user mode builds its frame at the top of the task's kernel stack, a trap from the kernel below what is in
 * use there. Before that it looks whether the stack still has room: bit 14 of the stack pointer is set exactly
 * inside a stack (see layout.h), and a frame pushed into the guard page would fault again and again.
 */
#include "arch/layout.h"
#include "arch/riscv.h"
#include "arch/trap.h"
#include "kern/task.h"

/* all but zero, sp and tp */
        .macro  registers op
        \op     x1, 1*8(sp)
        \op     x3, 3*8(sp)
        .irp    n, 5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        \op     x\n, \n*8(sp)
        .endr
        .endm

        .macro  save_csrs
        csrr    t0, sepc
        sd      t0, FRAME_PC(sp)
        csrr    t0, sstatus
        sd      t0, FRAME_STATUS(sp)
        csrr    t0, scause
        sd      t0, FRAME_CAUSE(sp)
        csrr    t0, stval
        sd      t0, FRAME_TVAL(sp)
        sd      a0, FRAME_ORIG_A0(sp)
        .endm

        .text
        .balign 4
        .globl  trap_entry
trap_entry:
        csrrw   tp, sscratch, tp
        beqz    tp, from_kernel

        sd      sp, TASK_USER_SP(tp)
        ld      sp, TASK_KERNEL_SP(tp)
        registers sd
        ld      t0, TASK_USER_SP(tp)
        sd      t0, 2*8(sp)
        csrrw   t0, sscratch, zero
        sd      t0, 4*8(sp)
        save_csrs
        li      t0, SSTATUS_SUM
        csrc    sstatus, t0
        mv      a0, sp
        li      s0, 0                   /* end of the backtrace */
        call    trap_from_user

        .globl  trap_return_user
trap_return_user:                       /* sp = frame, interrupts off */
        csrw    sscratch, tp
        ld      t0, FRAME_PC(sp)
        csrw    sepc, t0
        ld      t0, FRAME_STATUS(sp)
        csrw    sstatus, t0
        registers ld
        ld      tp, 4*8(sp)
        ld      sp, 2*8(sp)
        sret

        .balign 4
from_kernel:
        csrrw   tp, sscratch, tp
        sd      t0, TASK_USER_SP(tp)
        addi    sp, sp, -FRAME_BYTES
        srli    t0, sp, 14
        andi    t0, t0, 1
        beqz    t0, overflow
        ld      t0, TASK_USER_SP(tp)
        registers sd
        addi    t0, sp, FRAME_BYTES
        sd      t0, 2*8(sp)
        sd      tp, 4*8(sp)
        save_csrs
        li      t0, SSTATUS_SUM
        csrc    sstatus, t0
        mv      a0, sp
        call    trap_from_kernel
        ld      t0, FRAME_PC(sp)
        csrw    sepc, t0
        ld      t0, FRAME_STATUS(sp)
        csrw    sstatus, t0
        registers ld
        addi    sp, sp, FRAME_BYTES
        sret

/* The kernel's stack is used up: report it on another. */
overflow:
        csrr    a0, sepc
        csrr    a1, stval
        addi    a2, sp, FRAME_BYTES
        mv      a3, s0
        la      sp, overflow_stack_top
        call    trap_stack_overflow

/*
 * void floating_save(struct fpstate *), void floating_load(const struct fpstate *): sstatus.FS must not be off.
 */
        .option push
        .option arch, +f, +d
        .globl  floating_save
floating_save:
        .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        fsd     f\n, \n*8(a0)
        .endr
        frcsr   t0
        sw      t0, 256(a0)
        ret
        .globl  floating_load
floating_load:
        .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        fld     f\n, \n*8(a0)
        .endr
        lw      t0, 256(a0)
        fscsr   t0
        ret
        .option pop

/*
 * struct task *context_switch(struct task *from, struct task *to): saves what a called function must preserve, takes
 * the other's, and so returns in the other task. Returns `from`, which the other may want to know.
 */
        .macro  context op, task
        \op     ra, (TASK_CONTEXT + 0)(\task)
        \op     sp, (TASK_CONTEXT + 8)(\task)
        .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11
        \op     s\n, (TASK_CONTEXT + 16 + 8 * \n)(\task)
        .endr
        .endm
        .globl  context_switch
context_switch:
        context sd, a0
        context ld, a1
        mv      tp, a1
        ret

/* void enter_user(frame): the first time a kernel thread that has become a process goes to user mode. */
        .globl  enter_user
enter_user:
        mv      sp, a0
        li      s0, 0
        call    task_return_first
        j       trap_return_user

/* Where a new task begins: s1 = function or 0, s2 = argument. Without a function it goes to user mode by its frame. */
        .globl  task_begin
task_begin:
        call    task_first_run
        li      s0, 0
        beqz    s1, 1f
        mv      a0, s2
        jalr    s1
        call    kthread_exit
1:      mv      a0, sp
        call    task_return_first
        j       trap_return_user

        .bss
        .balign KERNEL_STACK_SLOT
        .skip   KERNEL_STACK_SLOT
overflow_stack_top:
