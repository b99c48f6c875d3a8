/*
 * entry.S - the first instructions of the kernel, on the first hart and on the others.
 *
 * Firmware jumps here in S-mode with translation off: a0 = hart id, a1 = physical address of the device tree. The kernel is
 * linked for high virtual addresses but runs, so far, at the physical address it was loaded to; code that refers only
 * relatively to itself (as `la` does) works at both. So: build a small first page table, switch it on, jump high.
 *
 *      first table:  1 GiB around the loaded kernel, at its physical address   (so that the next instruction is still there)
 *                    all of physical memory at DIRECT_MAP_BASE, in 1 GiB pages
 *                    16 MiB of kernel image at KERNEL_LINKED_AT, in 2 MiB pages
 *
 * kmap_init() soon replaces it by the real one, which protects code from writing and data from execution. The others start
 * on the first table too, and take the real one as soon as they run at high addresses.
 */
#include "arch/layout.h"
#include "arch/riscv.h"
#include "kern/task.h"

#define PTE_LEAF 0xef /* D A G X W R V */
#define PTE_POINTER 1

        .section .text.entry, "ax"
        .globl  kernel_entry
kernel_entry:
        csrw    sie, zero
        csrci   sstatus, SSTATUS_SIE
        li      t0, SSTATUS_FS
        csrc    sstatus, t0
        la      t0, boot_taken
        li      t1, 1
        amoswap.w t1, t1, (t0)
        bnez    t1, late
        mv      s0, a0
        mv      s1, a1
        la      s2, kernel_entry        /* physical */
        li      t0, 0x1fffff
        and     t0, t0, s2
        bnez    t0, misplaced

        la      t0, kernel_bss
        la      t1, kernel_end
1:      sd      zero, 0(t0)
        addi    t0, t0, 8
        bltu    t0, t1, 1b

        la      s3, first_root
        srli    t0, s2, 30              /* the GiB where we are */
        slli    t1, t0, 28
        ori     t1, t1, PTE_LEAF
        slli    t0, t0, 3
        add     t0, t0, s3
        sd      t1, 0(t0)

        li      t0, (DIRECT_MAP_BASE >> 30 & 511) * 8
        add     t0, t0, s3
        li      t1, PTE_LEAF
        li      t2, DIRECT_MAP_BYTES >> 30
        li      t3, 1 << 28
1:      sd      t1, 0(t0)
        addi    t0, t0, 8
        add     t1, t1, t3
        addi    t2, t2, -1
        bnez    t2, 1b

        la      t0, first_image
        srli    t1, t0, 2
        ori     t1, t1, PTE_POINTER
        li      t2, (KERNEL_LINKED_AT >> 30 & 511) * 8
        add     t2, t2, s3
        sd      t1, 0(t2)
        addi    t0, t0, (KERNEL_LINKED_AT >> 21 & 511) * 8
        srli    t1, s2, 2
        ori     t1, t1, PTE_LEAF
        li      t2, 8
        li      t3, 1 << 19
1:      sd      t1, 0(t0)
        addi    t0, t0, 8
        add     t1, t1, t3
        addi    t2, t2, -1
        bnez    t2, 1b

        la      t0, first_satp
        srli    t1, s3, 12
        li      t2, 8 << 60
        or      t1, t1, t2
        sd      t1, 0(t0)
        call    go_high

        la      sp, boot_stack_top
        la      tp, boot_task
        mv      a0, s0
        mv      a1, s1
        mv      a2, s2
        li      s0, 0
        li      ra, 0
        tail    kernel_start_first

/*
 * A second hart at the first one's entry. Firmware may let a hart go between "start" and "start there" (OpenSBI up to 1.1 does, rarely)
 * and so sends it here. Harts are started one at a time: it is the one that is being started.
 */
late:
        la      t0, starting_task
1:      ld      a1, 0(t0)
        beqz    a1, 1b

/* Another hart, started by sbi_start_hart: a1 = its idle task. */
        .globl  kernel_entry_other
kernel_entry_other:
        csrw    sie, zero
        csrci   sstatus, SSTATUS_SIE
        li      t0, SSTATUS_FS
        csrc    sstatus, t0
        mv      s1, a1
        la      s2, kernel_entry
        call    go_high
        la      t0, kernel_satp
        ld      t0, 0(t0)
        csrw    satp, t0
        sfence.vma
        mv      tp, s1
        ld      sp, TASK_KERNEL_SP(tp)
        li      s0, 0
        li      ra, 0
        tail    kernel_start_other

/* Switches first_satp on and returns to the caller's high address. s2 = physical kernel_entry */
go_high:
        la      t0, first_satp
        ld      t0, 0(t0)
        li      t1, KERNEL_LINKED_AT
        sub     t1, t1, s2
        add     ra, ra, t1
        csrw    satp, t0
        sfence.vma
        ret

misplaced:
        wfi
        j       misplaced

        .data
        .balign 4
boot_taken:     .word 0

        .bss
        .balign 4096
first_root:     .skip 4096
first_image:    .skip 4096
first_satp:     .skip 8
        .balign KERNEL_STACK_SLOT
        .skip   KERNEL_STACK_SLOT
        .globl  boot_stack_top
boot_stack_top:
