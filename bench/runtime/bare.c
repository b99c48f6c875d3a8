#include "bench.h"
#include "platform.h"

/* The `virt` board: an ns16550a with byte registers, and the test finisher. */
#define UART_BASE     0x10000000u
#define UART_THR      0
#define UART_LSR      5
#define UART_LSR_THRE 0x20u
#define FINISHER      0x100000u
#define FINISHER_FAIL 0x3333u
#define FINISHER_PASS 0x5555u

extern volatile uint64_t bare_scale_percent; /* in bare_start.S */
_Noreturn void bare_trapped(uint64_t cause, uint64_t pc, uint64_t value);

void platform_write(const char *bytes, size_t count)
{
    volatile uint8_t *uart = (volatile uint8_t *)UART_BASE;
    for (; count; count--) {
        while (!(uart[UART_LSR] & UART_LSR_THRE)) {
        }
        uart[UART_THR] = (uint8_t)*bytes++;
    }
}

_Noreturn void platform_exit(int code)
{
    volatile uint32_t *finisher = (volatile uint32_t *)FINISHER;
    *finisher = code ? ((uint32_t)code << 16) | FINISHER_FAIL : FINISHER_PASS;
    for (;;) __asm__ volatile("wfi");
}

uint64_t platform_scale_percent(void) { return bare_scale_percent; }

uint64_t platform_instret(void)
{
    uint64_t count;
    __asm__ volatile("csrr %0, minstret" : "=r"(count)::"memory");
    return count;
}

static char *put_hex(char *at, uint64_t value)
{
    for (int shift = 60; shift >= 0; shift -= 4) *at++ = "0123456789abcdef"[(value >> shift) & 15];
    return at;
}

_Noreturn void bare_trapped(uint64_t cause, uint64_t pc, uint64_t value)
{
    /*           offset of the numbers: 12               34                    56 */
    char why[] = "trap: mcause 0000000000000000 mepc 0000000000000000 mtval 0000000000000000";
    put_hex(why + 13, cause);
    put_hex(why + 35, pc);
    put_hex(why + 58, value);
    bench_fail(why);
}
