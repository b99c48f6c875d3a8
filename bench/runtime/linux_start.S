/* The entry of a static Linux program: argc, argv and the environment are on the stack. */
    .text
    .globl _start
_start:
    mv a0, sp
    andi sp, sp, -16
    call linux_start
