# Start, the trap recorders of M, HS and VS-mode, and the switch into an experiment and back.
#
# GROUND_HS = 0: main() runs in M-mode and experiments end there. GROUND_HS = 1: main() runs in HS-mode, enters with sret, and M-mode
# below it only serves (`m_call`) and passes on what it is not asked to keep.
        .equ    END, 0x0e4d0e4d                 # in t6 of an ecall: the recorder of a less privileged mode is done
        .equ    SERVE, 0x5e4e5e4e               # in t6 of an ecall from HS-mode: call a0 in M-mode with a1

        .section .text.start, "ax"
        .globl _start
_start: csrr    t0, mhartid
1:      bnez    t0, 1b
        la      sp, main_stack_end
        la      t0, m_direct
        csrw    mtvec, t0
        csrw    satp, zero
        li      t0, -1
        csrw    pmpaddr0, t0
        li      t0, 0x1f
        csrw    pmpcfg0, t0
        .if     GROUND_HS
        la      t0, hs_direct
        csrw    stvec, t0
        li      t0, 3 << 11
        csrc    mstatus, t0
        li      t0, 1 << 11
        csrs    mstatus, t0
        la      t0, 1f
        csrw    mepc, t0
        mret
1:
        .endif
        call    main
        la      t0, failures
        ld      a0, 0(t0)
        snez    a0, a0                          # a count might be 0 in eight bits
        j       htif_exit

        .text
# void enter_asm(unsigned mode, uint64_t pc, uint64_t a0, uint64_t a1, uint64_t alias); alias is added to the stack and to ra.
        .globl enter_asm
enter_asm:
        la      t0, context
        sd      ra, 0(t0); sd sp, 8(t0); sd s0, 16(t0); sd s1, 24(t0); sd s2, 32(t0); sd s3, 40(t0); sd s4, 48(t0)
        sd      s5, 56(t0); sd s6, 64(t0); sd s7, 72(t0); sd s8, 80(t0); sd s9, 88(t0); sd s10, 96(t0); sd s11, 104(t0)
        la      t0, t
        .irp    n, 0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104
        sd      zero, \n(t0)
        .endr
        andi    t1, a0, 3                       # the privilege
        srli    t2, a0, 2                       # the virtualization mode
        .if     GROUND_HS
        li      t0, 1 << 8
        csrc    sstatus, t0
        slli    t1, t1, 8
        csrs    sstatus, t1
        li      t0, 1 << 7
        csrc    hstatus, t0
        slli    t2, t2, 7
        csrs    hstatus, t2
        csrw    sepc, a1
        .else
        li      t0, 3 << 11 | 1 << 39
        csrc    mstatus, t0
        slli    t1, t1, 11
        csrs    mstatus, t1
        slli    t2, t2, 39
        csrs    mstatus, t2
        csrw    mepc, a1
        .endif
        la      sp, other_stack_end
        add     sp, sp, a4
        la      ra, experiment_end
        add     ra, ra, a4
        mv      a0, a2
        mv      a1, a3
        li      a2, 0
        li      a3, 0
        li      t6, 0
        .if     GROUND_HS
        sret
        .else
        mret
        .endif

        .balign 4
        .globl  experiment_end
experiment_end:
        ecall
1:      j       1b

# Back to whoever called enter_asm, in the mode that main() has.
back:   la      t0, context
        ld      ra, 0(t0)
        sd      zero, 0(t0)
        beqz    ra, lost                        # no experiment was on: main() itself trapped
        ld sp, 8(t0); ld s0, 16(t0); ld s1, 24(t0); ld s2, 32(t0); ld s3, 40(t0); ld s4, 48(t0)
        ld      s5, 56(t0); ld s6, 64(t0); ld s7, 72(t0); ld s8, 80(t0); ld s9, 88(t0); ld s10, 96(t0); ld s11, 104(t0)
        ret

lost:   la      sp, main_stack_end
        j       trap_in_main

        .macro  record_common
        addi    t4, t4, 1; sd t4, 0(t5)
        sd      t6, 40(t5)
        sd      a0, 80(t5); sd a1, 88(t5); sd a2, 96(t5); sd a3, 104(t5)
        .endm

# A table of 16 vectors that leave their number in t6.
        .macro  vectors name, to
        .balign 64
        .globl  \name
\name:
        .option push
        .option norvc
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        j       vector_\to\()_\n
        .endr
        .option pop
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
vector_\to\()_\n:
        li      t6, \n
        j       \to\()_record
        .endr
        .endm

        .balign 4
        .globl  m_direct
m_direct:
        li      t5, 1 << 17                     # MPRV: the recorder's own loads and stores are M-mode's
        csrrc   t3, mstatus, t5
        csrr    t5, mcause
        addi    t4, t5, -8                      # an ecall?
        sltiu   t4, t4, 4
        beqz    t4, m_first
        li      t4, END
        beq     t6, t4, m_end
        li      t4, SERVE
        beq     t6, t4, m_serve
m_first:
        li      t6, 0
        la      t5, t
        ld      t4, 0(t5)
        record_common
        csrr    t4, mcause; sd t4, 8(t5)
        csrr    t4, mepc; sd t4, 16(t5)
        csrr    t4, mtval; sd t4, 24(t5)
        sd      t3, 32(t5)
        li      t4, 3; sd t4, 72(t5)
        csrr    t4, misa
        andi    t4, t4, 1 << 7
        beqz    t4, m_end                       # a test has switched H off
        csrr    t4, mtval2; sd t4, 48(t5)
        csrr    t4, mtinst; sd t4, 56(t5)
        csrr    t4, hstatus; sd t4, 64(t5)
m_end:
        .if     GROUND_HS
        csrci   sstatus, 2                      # what an experiment made pending is not the ground's business
        li      t4, 3 << 11 | 1 << 39
        csrc    mstatus, t4
        li      t4, 1 << 11
        csrs    mstatus, t4
        la      t4, back
        csrw    mepc, t4
        mret
        .else
        j       back
        .endif
m_serve:
        csrr    t4, mepc
        addi    t4, t4, 4
        csrw    mepc, t4
        mv      t4, a0
        mv      a0, a1
        mv      t5, ra
        jalr    t4                              # it leaves t5 alone
        mv      ra, t5
        li      t6, 0
        mret

        .balign 4
        .globl  hs_direct
hs_direct:
        csrr    t5, scause
        addi    t4, t5, -8
        sltiu   t4, t4, 3
        beqz    t4, hs_first
        li      t4, END
        beq     t6, t4, hs_end
hs_first:
        li      t6, 0
hs_record:
        la      t5, t
        ld      t4, 0(t5)
        record_common
        csrr    t4, scause; sd t4, 8(t5)
        csrr    t4, sepc; sd t4, 16(t5)
        csrr    t4, stval; sd t4, 24(t5)
        csrr    t4, sstatus; sd t4, 32(t5)
        csrr    t4, htval; sd t4, 48(t5)
        csrr    t4, htinst; sd t4, 56(t5)
        csrr    t4, hstatus; sd t4, 64(t5)
        li      t4, 1; sd t4, 72(t5)
hs_end:
        .if     GROUND_HS
        j       back
        .else
        li      t6, END
        ecall
1:      j       1b
        .endif
        vectors hs_vectored, hs

        .balign 4
        .globl  vs_direct
vs_direct:
        li      t6, 0
vs_record:
        la      t5, t
        ld      t4, 0(t5)
        record_common
        csrr    t4, scause; sd t4, 8(t5)
        csrr    t4, sepc; sd t4, 16(t5)
        csrr    t4, stval; sd t4, 24(t5)
        csrr    t4, sstatus; sd t4, 32(t5)
        li      t4, 5; sd t4, 72(t5)
        li      t6, END
        ecall
1:      j       1b
        vectors vs_vectored, vs

# uint64_t m_call(uint64_t (*leaf)(uint64_t), uint64_t argument): in M-mode, whatever mode main() has.
        .globl  m_call
m_call: .if     GROUND_HS
        li      t6, SERVE
        ecall
        ret
        .else
        mv      t0, a0
        mv      a0, a1
        jr      t0
        .endif

        .bss
        .balign 16
context: .zero  112
        .globl  t, m
m:                                              # what the messages of ../runtime.c print begins alike
t:      .zero   112
        .zero   32768
main_stack_end:
        .zero   16384
other_stack_end:
