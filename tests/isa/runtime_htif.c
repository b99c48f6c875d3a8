/* The bare ground: M-mode start, output and exit through HTIF (the `tohost` convention of riscv-isa-sim). */
#include "isa_runtime.h"

volatile uint64_t tohost __attribute__((section(".tohost"), aligned(64)));
volatile uint64_t fromhost __attribute__((section(".tohost"), aligned(64)));
int main(void);

__asm__(".section .text.start\n"
        ".globl _start\n"
        "_start:\n"
        "la sp, stack_end\n"
        "li t0, 0x6000\n"
        "csrs mstatus, t0\n"
        "la t0, unexpected\n"
        "csrw mtvec, t0\n"
        "call bare_main\n"
        "1: j 1b\n"
        ".align 2\n"
        "unexpected: csrr a0, mcause\n csrr a1, mepc\n csrr a2, mtval\n call bare_trap\n 1: j 1b\n"
        ".bss\n .align 4\n .zero 65536\n stack_end:\n .text\n");

static void tell_host(uint64_t word)
{
    while (tohost) {
    }
    tohost = word;
    while (tohost) {
    }
}

void say_text(const char *text)
{
    for (; *text; text++) tell_host(UINT64_C(1) << 56 | UINT64_C(1) << 48 | (uint8_t)*text);
}

void bare_trap(uint64_t cause, uint64_t epc, uint64_t tval);
void bare_trap(uint64_t cause, uint64_t epc, uint64_t tval)
{
    say_text(" TRAP");
    say_hex(cause);
    say_hex(epc);
    say_hex(tval);
    say_text("\n");
    tohost = 2 << 1 | 1;
}

void bare_main(void);
void bare_main(void)
{
    int code = main();
    tohost = (uint64_t)code << 1 | 1;
}
