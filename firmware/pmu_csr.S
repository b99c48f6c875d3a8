/*
 * pmu_csr.S - counters by number.
 *
 * The CSR number is an immediate, so each function jumps into a table of two-instruction stubs, 8 bytes each. The hart may lack
 * some: mtvec points behind the call, where a trap ends up as if the stub had returned.
 *
 *   uint64_t pmu_read_counter(index)    void pmu_write_counter(index, value)    void pmu_write_event(index, value)
 */
        .option norvc
        .text
        .macro  accessor name, table
        .globl  \name
\name:  slli    t0, a0, 3
        la      t1, \table
        add     t0, t0, t1
        li      a0, 0
        j       access
        .endm
        accessor pmu_read_counter, read_counter
        accessor pmu_write_counter, write_counter
        accessor pmu_write_event, write_event

access: mv      t2, ra
        la      t1, 1f
        csrrw   t1, mtvec, t1
        jalr    t0
        .balign 4
1:      csrw    mtvec, t1
        jr      t2

        .macro  read_stub csr
        csrr    a0, \csr
        ret
        .endm
        .macro  write_stub csr
        csrw    \csr, a1
        ret
        .endm
        .altmacro
        .macro  table stub, first
        .set    number, \first
        .rept   32
        \stub   %number
        .set    number, number + 1
        .endr
        .endm

read_counter:
        table   read_stub, 0xb00        /* mcycle, -, minstret, mhpmcounter3.. */
write_counter:
        table   write_stub, 0xb00
write_event:
        table   write_stub, 0x320       /* -, -, -, mhpmevent3.. */
