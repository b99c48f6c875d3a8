/* start.S - entry, traps, and the probes that need exact instructions. `tp` is the struct cpu of the running hart. */
#include "kernel.h"

        .option norvc
        .section .text.entry, "ax"
        .globl  _start
_start:
        la      tp, cpus
        li      t0, CPU_SIZE
        mul     t0, t0, a0
        add     tp, tp, t0
        la      sp, boot_stack + STACK_BYTES
        la      t0, trap
        csrw    stvec, t0
        call    main
1:      wfi
        j       1b

        .text
/* sbi_hart_start lands here: a0 = hart id, a1 = its struct cpu */
        .globl  hart_entry
hart_entry:
        mv      tp, a1
        ld      sp, CPU_SP(tp)
        csrr    a2, satp
        csrr    a3, sstatus
        la      t0, trap
        csrw    stvec, t0
        mv      a1, tp
        call    secondary
1:      wfi
        j       1b

        .balign 4
trap:   addi    sp, sp, -272
        .irp    n, 1,3,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        sd      x\n, \n*8(sp)
        .endr
        csrr    a0, scause
        csrr    a1, stval
        csrr    a2, sepc
        mv      a3, tp
        call    handle_trap
        csrw    sepc, a0
        .irp    n, 1,3,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        ld      x\n, \n*8(sp)
        .endr
        addi    sp, sp, 272
        sret

/* Runs one instruction that may fault; the handler comes back at label 1. */
        .macro  try insn:vararg
        la      t0, 1f
        sd      zero, CPU_CAUSE(tp)
        sd      t0, CPU_RESUME(tp)
        \insn
1:      sd      zero, CPU_RESUME(tp)
        .endm
        .globl  try_load, try_store, try_jump, try_illegal, try_breakpoint, try_user_ecall, try_legacy
try_load:
        try     lb t1, 0(a0)
        ret
try_store:
        try     sb t1, 0(a0)
        ret
try_jump:
        mv      t2, ra
        try     jalr a0
        mv      ra, t2
        ret
try_illegal:
        try     csrr t1, mstatus
        ret
try_breakpoint:
        try     ebreak
        ret
try_user_ecall:
        li      t1, 1 << 8 | 1 << 5     /* SPP = U; SPIE off, so that interrupts stay off */
        csrc    sstatus, t1
        la      t1, 2f
        csrw    sepc, t1
        try     sret
        ret
2:      ecall
        j       2b
try_legacy:
        mv      a7, a0
        mv      a0, a1
        try     ecall
        la      a0, 1b
        addi    a0, a0, -4
        ret

        .globl  try_hstatus, try_guest, try_guest_load, try_guest_store
try_hstatus:
        try     csrr t1, 0x600
        ret
try_guest:
        li      t1, 1 << 8 | 1 << 5
        csrc    sstatus, t1
        csrs    sstatus, a1
        li      t1, 1 << 7              /* SPV */
        csrs    0x600, t1
        csrw    sepc, a0
        try     sret
        ret
try_guest_load:
        mv      t2, a0
        li      a0, 0
        try     .insn r 0x73, 4, 0x36, a0, t2, x0       /* hlv.d a0, (t2) */
        ret
try_guest_store:
        try     .insn r 0x73, 4, 0x37, x0, a0, x0       /* hsv.d x0, (a0) */
        ret

        .globl  guest_ecall, guest_csr, guest_fence, guest_illegal, guest_breakpoint, guest_time, guest_cycle
guest_csr:
        csrr    t1, 0x600               /* hstatus */
        ecall
guest_fence:
        .insn r 0x73, 0, 0x31, x0, x0, x0               /* hfence.gvma */
        ecall
guest_illegal:
        csrr    t1, mscratch
        ecall
guest_breakpoint:
        ebreak
        ecall
guest_time:
        rdtime  t1
        ecall
guest_cycle:
        rdcycle t1
guest_ecall:
        ecall

        .globl  sbi
sbi:    mv      a7, a0
        mv      t0, a6                  /* the seventh argument */
        mv      a6, a1
        mv      a0, a2
        mv      a1, a3
        mv      a2, a4
        mv      a3, a5
        mv      a4, t0
        li      a5, 0
        ecall
        ret

        .globl  registers_kept
registers_kept:
        addi    sp, sp, -256
        .irp    n, 1,3,4,8,9,18,19,20,21,22,23,24,25,26,27
        sd      x\n, \n*8(sp)
        .endr
        .irp    n, 1,3,5,6,7,8,9,12,13,14,15,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        li      x\n, 0x1000 + \n
        .endr
        li      a6, 0
        li      a7, 0x10
        li      a0, 0
        li      a1, 0
        mv      a5, tp                  /* tp and sp keep their values */
        mv      a4, sp
        ecall
        li      a0, 0
        .irp    n, 1,3,5,6,7,8,9,12,13,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        li      a1, 0x1000 + \n
        beq     a1, x\n, 1f
        li      a1, 1 << \n
        or      a0, a0, a1
1:
        .endr
        beq     a5, tp, 1f
        ori     a0, a0, 1 << 4
1:      beq     a4, sp, 1f
        ori     a0, a0, 1 << 2
1:      li      a1, 0x10
        beq     a7, a1, 1f
        li      a1, 1 << 17
        or      a0, a0, a1
1:      .irp    n, 1,3,4,8,9,18,19,20,21,22,23,24,25,26,27
        ld      x\n, \n*8(sp)
        .endr
        addi    sp, sp, 256
        ret

/* call_and_resume(extension, function, type, opaque, hartid): everything but satp, a0, a1 is undefined at resume_entry, hence `saved`. */
        .globl  call_and_resume, resume_entry
call_and_resume:
        la      t0, saved
        .irp    n, 1,2,3,4,8,9,18,19,20,21,22,23,24,25,26,27
        sd      x\n, \n*8(t0)
        .endr
        sd      a4, 5*8(t0)
        mv      a7, a0
        mv      a6, a1
        mv      a0, a2
        mv      a2, a3
        la      a1, resume_entry
        ecall
        li      a1, 0xbad               /* it returned: that is an error */
        j       2f
        .balign 4
resume_entry:
        csrr    t1, satp
        csrr    t2, sstatus
        andi    t2, t2, 2               /* SIE */
        or      t1, t1, t2
        la      t0, saved
        ld      t2, 5*8(t0)
        xor     t2, t2, a0
        or      t1, t1, t2
        beqz    t1, 2f
        li      a1, 0xbad
2:      la      t0, saved
        .irp    n, 1,2,3,4,8,9,18,19,20,21,22,23,24,25,26,27
        ld      x\n, \n*8(t0)
        .endr
        la      t0, trap
        csrw    stvec, t0
        mv      a0, a1
        ret

        .bss
        .balign 16
saved:  .skip   256
        .globl  boot_stack
boot_stack: .skip STACK_BYTES
