/* The reset address of a `virt` board with `-bios none`: machine mode, no stack, no memory cleared. */
    .section .text.start, "ax"
    .globl _start
_start:
    j start

    /* The runner writes the wanted percentage here; see platform_scale_percent(). */
    .balign 8
    .globl bare_scale_percent
bare_scale_percent:
    .dword 100

start:
    csrr t0, mhartid
    bnez t0, park
    la t0, trapped
    csrw mtvec, t0
    li t0, 0x6000               /* mstatus.FS: the floating-point registers may be used */
    csrs mstatus, t0
    csrw fcsr, zero
    la sp, bare_stack_top
    la t0, bare_bss_start
    la t1, bare_bss_end
1:  bgeu t0, t1, 2f
    sd zero, 0(t0)
    addi t0, t0, 8
    j 1b
2:  call bench_main
park:
    wfi
    j park

    .balign 4
trapped:                        /* no benchmark program expects a trap */
    csrr a0, mcause
    csrr a1, mepc
    csrr a2, mtval
    la sp, bare_stack_top
    call bare_trapped
    j park
