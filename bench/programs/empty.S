/*
 * The shortest guest: one byte on the console, then power off. The runner times the first byte (a guest instruction has
 * run) and the end of the process.
 */
    .section .text.start, "ax"
    .globl _start
_start:
    li t0, 0x10000000
    li t1, '!'
    sb t1, 0(t0)
    li t0, 0x100000
    li t1, 0x5555
    sw t1, 0(t0)
1:  wfi
    j 1b
