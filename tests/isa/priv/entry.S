# Start, trap handlers, and the switch into an experiment and back.
        .section .text.start, "ax"
        .globl _start
_start: csrr    t0, mhartid
1:      bnez    t0, 1b
        la      sp, main_stack_end
        la      t0, m_direct
        csrw    mtvec, t0
        call    main
        la      t0, failures
        ld      a0, 0(t0)
        j       htif_exit

        .text
# uint64_t enter(unsigned mode, void (*fn)(void)); the function's return address is an ecall.
        .globl enter, enter_at
enter:  li      a2, 0
enter_at:                                       # mode, pc, argument
        la      t0, context
        sd      ra, 0(t0); sd sp, 8(t0); sd s0, 16(t0); sd s1, 24(t0); sd s2, 32(t0); sd s3, 40(t0); sd s4, 48(t0)
        sd      s5, 56(t0); sd s6, 64(t0); sd s7, 72(t0); sd s8, 80(t0); sd s9, 88(t0); sd s10, 96(t0); sd s11, 104(t0)
        la      t0, m
        sd      zero, 0(t0); sd zero, 8(t0); sd zero, 16(t0); sd zero, 24(t0); sd zero, 32(t0); sd zero, 40(t0)
        la      t0, s
        sd      zero, 0(t0); sd zero, 8(t0); sd zero, 16(t0); sd zero, 24(t0); sd zero, 32(t0); sd zero, 40(t0)
        li      t0, 3 << 11
        csrc    mstatus, t0
        sll     t0, a0, 11
        csrs    mstatus, t0
        csrw    mepc, a1
        mv      a0, a2
        la      sp, other_stack_end
        la      ra, experiment_end
        mret

        .balign 4
        .globl  experiment_end
experiment_end:
        ecall
1:      j       1b

# A table of 16 entries; each leaves its number in t6 (an experiment has no use for t5 and t6 after a trap).
        .macro  entry number, to
        .option push
        .option norvc
\@:     j       vector_\to\()_\number
        .option pop
        .endm
        .macro  stub number, to
vector_\to\()_\number:
        li      t6, \number
        j       \to\()_record
        .endm
        .macro  table name, to
        .balign 64
        .globl  \name
\name:
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        .option push
        .option norvc
        j       vector_\to\()_\n
        .option pop
        .endr
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
vector_\to\()_\n:
        li      t6, \n
        j       \to\()_record
        .endr
        .endm

        .balign 4
        .globl  m_direct
m_direct:
        li      t6, 0
m_record:
        li      t5, 1 << 17                     # MPRV: the handler's own loads and stores are M-mode's
        csrc    mstatus, t5
        la      t5, m
        ld      t4, 0(t5); addi t4, t4, 1; sd t4, 0(t5)
        csrr    t4, mcause; sd t4, 8(t5); mv a0, t4
        csrr    t4, mepc; sd t4, 16(t5)
        csrr    t4, mtval; sd t4, 24(t5)
        csrr    t4, mstatus; sd t4, 32(t5)
        sd      t6, 40(t5)
        la      t0, context
        ld      ra, 0(t0); ld sp, 8(t0); ld s0, 16(t0); ld s1, 24(t0); ld s2, 32(t0); ld s3, 40(t0); ld s4, 48(t0)
        ld      s5, 56(t0); ld s6, 64(t0); ld s7, 72(t0); ld s8, 80(t0); ld s9, 88(t0); ld s10, 96(t0); ld s11, 104(t0)
        ret
        table   m_vectored, m

        .balign 4
        .globl  s_direct
s_direct:
        li      t6, 0
s_record:
        la      t5, s
        ld      t4, 0(t5); addi t4, t4, 1; sd t4, 0(t5)
        csrr    t4, scause; sd t4, 8(t5)
        csrr    t4, sepc; sd t4, 16(t5)
        csrr    t4, stval; sd t4, 24(t5)
        csrr    t4, sstatus; sd t4, 32(t5)
        sd      t6, 40(t5)
        ecall
1:      j       1b
        table   s_vectored, s

        .bss
        .balign 16
context: .zero  112
        .globl  m, s
m:      .zero   48
s:      .zero   48
        .zero   16384
main_stack_end:
        .zero   16384
other_stack_end:
