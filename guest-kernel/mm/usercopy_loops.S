/*
 * The loops that touch user memory: the only code that runs with SUM set. Each instruction that may fault has an entry in the
 * fix-up table, made by the macro MAY_FAULT: where it is, and where to go on if the page cannot be brought in.
 *
 * SUM lets S-mode reach pages with U = 1 (priv. spec. "Memory Privilege in sstatus Register"). A trap saves it with sstatus and
 * the trap handler clears it, so it never leaks into other kernel code.
 */
#include "arch/riscv.h"

.macro MAY_FAULT go_on, instruction:vararg
9:  \instruction
    .pushsection .fixups, "a"
    .balign 8
    .dword 9b, \go_on
    .popsection
.endm

    .text
/* size_t user_copy_loop(void *to, const void *from, size_t n): words while both sides are aligned alike, then bytes */
    .globl user_copy_loop
    .type user_copy_loop, @function
user_copy_loop:
    li   t6, SSTATUS_SUM
    csrs sstatus, t6
    xor  t0, a0, a1
    andi t0, t0, 7
    bnez t0, 5f
1:  andi t0, a0, 7                      /* up to the first whole word */
    beqz t0, 2f
    beqz a2, 7f
    MAY_FAULT 7f, lbu t1, 0(a1)
    MAY_FAULT 7f, sb t1, 0(a0)
    addi a0, a0, 1
    addi a1, a1, 1
    addi a2, a2, -1
    j    1b
2:  li   t0, 32
3:  bltu a2, t0, 4f                     /* four words at a time; a fault in the middle goes on bytewise */
    MAY_FAULT 5f, ld t1, 0(a1)
    MAY_FAULT 5f, ld t2, 8(a1)
    MAY_FAULT 5f, ld t3, 16(a1)
    MAY_FAULT 5f, ld t4, 24(a1)
    MAY_FAULT 5f, sd t1, 0(a0)
    MAY_FAULT 5f, sd t2, 8(a0)
    MAY_FAULT 5f, sd t3, 16(a0)
    MAY_FAULT 5f, sd t4, 24(a0)
    addi a0, a0, 32
    addi a1, a1, 32
    addi a2, a2, -32
    j    3b
4:  li   t0, 8
    bltu a2, t0, 5f
    MAY_FAULT 5f, ld t1, 0(a1)
    MAY_FAULT 5f, sd t1, 0(a0)
    addi a0, a0, 8
    addi a1, a1, 8
    addi a2, a2, -8
    j    4b
5:  beqz a2, 7f
    MAY_FAULT 7f, lbu t1, 0(a1)
    MAY_FAULT 7f, sb t1, 0(a0)
    addi a0, a0, 1
    addi a1, a1, 1
    addi a2, a2, -1
    j    5b
7:  csrc sstatus, t6
    mv   a0, a2
    ret

/* size_t user_clear_loop(void *to, size_t n) */
    .globl user_clear_loop
    .type user_clear_loop, @function
user_clear_loop:
    li   t6, SSTATUS_SUM
    csrs sstatus, t6
1:  andi t0, a0, 7
    beqz t0, 2f
    beqz a1, 7f
    MAY_FAULT 7f, sb zero, 0(a0)
    addi a0, a0, 1
    addi a1, a1, -1
    j    1b
2:  li   t0, 8
3:  bltu a1, t0, 5f
    MAY_FAULT 5f, sd zero, 0(a0)
    addi a0, a0, 8
    addi a1, a1, -8
    j    3b
5:  beqz a1, 7f
    MAY_FAULT 7f, sb zero, 0(a0)
    addi a0, a0, 1
    addi a1, a1, -1
    j    5b
7:  csrc sstatus, t6
    mv   a0, a1
    ret

/* long user_string_loop(char *to, const char *from, size_t n) */
    .globl user_string_loop
    .type user_string_loop, @function
user_string_loop:
    li   t6, SSTATUS_SUM
    csrs sstatus, t6
    li   t0, 0
1:  beq  t0, a2, 3f
    add  t1, a1, t0
    MAY_FAULT 4f, lbu t2, 0(t1)
    add  t1, a0, t0
    sb   t2, 0(t1)
    beqz t2, 2f
    addi t0, t0, 1
    j    1b
2:  csrc sstatus, t6
    mv   a0, t0
    ret
3:  csrc sstatus, t6
    li   a0, -1
    ret
4:  csrc sstatus, t6
    li   a0, -2
    ret

/* long user_load32_once(const uint32_t *at, uint32_t *value) */
    .globl user_load32_once
    .type user_load32_once, @function
user_load32_once:
    li   t6, SSTATUS_SUM
    csrs sstatus, t6
    MAY_FAULT fault_once, lw t0, 0(a0)
    csrc sstatus, t6
    sw   t0, 0(a1)
    li   a0, 0
    ret

/* long user_store32_once(uint32_t *at, uint32_t value) */
    .globl user_store32_once
    .type user_store32_once, @function
user_store32_once:
    li   t6, SSTATUS_SUM
    csrs sstatus, t6
    MAY_FAULT fault_once, sw a1, 0(a0)
    csrc sstatus, t6
    li   a0, 0
    ret

/* long user_cmpxchg32_once(uint32_t *at, uint32_t expected, uint32_t desired, uint32_t *seen) */
    .globl user_cmpxchg32_once
    .type user_cmpxchg32_once, @function
user_cmpxchg32_once:
    li   t6, SSTATUS_SUM
    csrs sstatus, t6
    sext.w a1, a1
1:  MAY_FAULT fault_once, lr.w.aqrl t0, (a0)
    bne  t0, a1, 2f
    MAY_FAULT fault_once, sc.w.rl t1, a2, (a0)
    bnez t1, 1b
2:  csrc sstatus, t6
    sw   t0, 0(a3)
    li   a0, 0
    ret

fault_once:
    csrc sstatus, t6
    li   a0, 1
    ret
