/*
 * entry.S - the few places where C cannot stand: the first instruction, trap entry and exit, and the door to S-mode.
 *
 * Boot. Every hart arrives here with a0 = hart id, a1 = device tree, a2 = next-stage record, all other state unknown. Each hart has a
 * stack of its own from the start, outside .bss, so that the hart which clears .bss does not pull the stack from under another.
 *
 * Traps. From S, VS, U or VU: mscratch holds the hart structure, which becomes tp; all registers are saved in it. From M: mscratch
 * is zero, which means that the firmware itself has failed; panic on a fresh stack.
 */
#include "hart.h"

        .section .text.entry, "ax"
        .globl  _start
_start:
        csrw    mie, zero
        csrci   mstatus, 8              /* MIE off, for ever: the firmware is never interrupted */
        la      t0, trap_dead
        csrw    mtvec, t0
        li      t0, HART_MAX
        bgeu    a0, t0, trap_dead       /* a hart beyond the limit stays asleep */
        la      tp, harts
        li      t0, HART_SIZE
        mul     t0, t0, a0
        add     tp, tp, t0
        la      sp, stacks
        li      t0, HART_STACK_BYTES
        addi    t1, a0, 1
        mul     t0, t0, t1
        add     sp, sp, t0
        csrw    mscratch, zero
        call    boot_entry

        .text
        .balign 4
trap_dead:
        csrw    mie, zero
        wfi
        j       trap_dead

/* for every general register but zero and tp */
        .macro  registers op
        \op     x1, 1*8(tp)
        \op     x2, 2*8(tp)
        \op     x3, 3*8(tp)
        .irp    n, 5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        \op     x\n, \n*8(tp)
        .endr
        .endm

        .balign 4
        .globl  trap_entry
trap_entry:
        csrrw   tp, mscratch, tp
        beqz    tp, trap_from_firmware
        registers sd
        csrrw   t0, mscratch, zero      /* the interrupted tp */
        sd      t0, 4*8(tp)
        csrr    t0, mepc
        sd      t0, HART_MEPC(tp)
        csrr    t0, mstatus
        sd      t0, HART_MSTATUS(tp)
        ld      sp, HART_STACK_TOP(tp)
        mv      a0, tp
        call    trap_handle

        ld      t0, HART_MEPC(tp)
        csrw    mepc, t0
        ld      t0, HART_MSTATUS(tp)
        csrw    mstatus, t0
        csrw    mscratch, tp
        registers ld
        ld      tp, 4*8(tp)
        mret

        .balign 4
trap_from_firmware:
        csrrw   tp, mscratch, tp
        la      t0, trap_dead           /* should the panic itself fail */
        csrw    mtvec, t0
        csrr    a0, mcause
        csrr    a1, mepc
        csrr    a2, mtval
        ld      sp, HART_STACK_TOP(tp)
        call    panic_trap

/* The supervisor learns nothing of the firmware: all registers but a0 and a1 are zero. */
        .globl  hart_enter_supervisor
hart_enter_supervisor:
        csrw    mepc, a0
        csrw    satp, zero
        csrw    mscratch, tp
        li      t0, (3 << 11) | (1 << 7) | (1 << 5) | (1 << 1)      /* MPP, MPIE, SPIE, SIE */
        csrc    mstatus, t0
        li      t0, 1 << 39             /* MPV; reads as zero without the H extension */
        csrc    mstatus, t0
        li      t0, 1 << 11             /* MPP = S */
        csrs    mstatus, t0
        mv      a0, a1
        mv      a1, a2
        sfence.vma
        fence.i
        .irp    n, 1,2,3,4,5,6,7,8,9,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        li      x\n, 0
        .endr
        mret

        .section .stacks, "aw", @nobits
        .balign 16
        .globl  stacks
stacks: .skip   HART_MAX * HART_STACK_BYTES
