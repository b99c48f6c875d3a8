# run_sequence_asm(code, start): see isa_runtime.h. The code ends with a jump to sequence_end. sp is not touched by the code.
    .text
    .globl run_sequence_asm, sequence_end, sequence_regs
run_sequence_asm:
    addi sp, sp, -128
    sd ra, 0(sp)
    sd s0, 8(sp)
    sd s1, 16(sp)
    sd s2, 24(sp)
    sd s3, 32(sp)
    sd s4, 40(sp)
    sd s5, 48(sp)
    sd s6, 56(sp)
    sd s7, 64(sp)
    sd s8, 72(sp)
    sd s9, 80(sp)
    sd s10, 88(sp)
    sd s11, 96(sp)
    sd a0, 104(sp)
    mv x31, a1
    .irp i, 1, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
    ld x\i, \i * 8(x31)
    .endr
    ld x31, 104(sp)
    jr x31
sequence_end:
    sd x31, 112(sp)
    la x31, sequence_regs
    .irp i, 1, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
    sd x\i, \i * 8(x31)
    .endr
    ld t0, 112(sp)
    sd t0, 31 * 8(x31)
    ld ra, 0(sp)
    ld s0, 8(sp)
    ld s1, 16(sp)
    ld s2, 24(sp)
    ld s3, 32(sp)
    ld s4, 40(sp)
    ld s5, 48(sp)
    ld s6, 56(sp)
    ld s7, 64(sp)
    ld s8, 72(sp)
    ld s9, 80(sp)
    ld s10, 88(sp)
    ld s11, 96(sp)
    addi sp, sp, 128
    ret
    .bss
    .align 3
sequence_regs:
    .zero 256
