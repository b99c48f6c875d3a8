/*
 * console.c - an ns16550a driven by polling.
 *
 * Only two of its registers matter here. The line status register says whether a received byte waits (DR) and whether
 * the transmit holding register is empty (THRE); the other is the data register. Line speed is left as found: an
 * emulated line has none, and a real one was set up by whoever ran before. The supervisor's own driver may use the same
 * port: the firmware keeps no state about it.
 */
#include "console.h"

#include <stdarg.h>

#include "hart.h"
#include "platform.h"
#include "riscv.h"
#include "sbi.h"

/* Register offsets and bits: PC16550D data sheet, section 8. */
enum { UART_DATA = 0, UART_FIFO_CONTROL = 2, UART_LINE_CONTROL = 3, UART_LINE_STATUS = 5 };
enum { FIFO_ENABLE = 1, LINE_8N1 = 3, STATUS_DATA_READY = 1, STATUS_TRANSMIT_EMPTY = 0x20 };

/* Polls before the port counts as stuck: much longer than a byte takes at 9600 baud. */
#define UART_PATIENCE 1000000

/* Bytes moved by one DBCN call. A caller with more calls again; between calls its hart can serve interrupts and fences.
 */
#define DBCN_CHUNK_BYTES 4096

static uint32_t console_owner;

void console_init(void)
{
    if (!platform.uart) return;
    mmio_write8(platform.uart + UART_LINE_CONTROL, LINE_8N1);
    mmio_write8(platform.uart + UART_FIFO_CONTROL, FIFO_ENABLE);
}

void console_lock(void)
{
    while (__atomic_exchange_n(&console_owner, 1, __ATOMIC_ACQUIRE)) {
    }
}

void console_unlock(void) { __atomic_store_n(&console_owner, 0, __ATOMIC_RELEASE); }

bool console_put(uint8_t byte)
{
    if (!platform.uart) return false;
    for (int patience = UART_PATIENCE; patience > 0; patience--) {
        if (!(mmio_read8(platform.uart + UART_LINE_STATUS) & STATUS_TRANSMIT_EMPTY)) continue;
        mmio_write8(platform.uart + UART_DATA, byte);
        return true;
    }
    return false;
}

int console_get(void)
{
    if (!platform.uart || !(mmio_read8(platform.uart + UART_LINE_STATUS) & STATUS_DATA_READY)) return -1;
    return mmio_read8(platform.uart + UART_DATA);
}

static void put_text(const char *text)
{
    for (; *text; text++) {
        if (*text == '\n') console_put('\r');
        console_put((uint8_t)*text);
    }
}

static void put_number(unsigned long value, unsigned base)
{
    char digits[24];
    char *at = digits + sizeof digits;
    *--at = '\0';
    do {
        *--at = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    put_text(base == 16 ? "0x" : "");
    put_text(at);
}

void console_print(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    for (const char *at = format; *at; at++) {
        char single[2] = {*at, 0};
        if (*at != '%') {
            put_text(single);
            continue;
        }
        switch (*++at) {
        case 's': put_text(va_arg(arguments, const char *)); break;
        case 'l': /* %lu, %lx */ put_number(va_arg(arguments, unsigned long), *++at == 'x' ? 16 : 10); break;
        default: put_text("%"); break;
        }
    }
    va_end(arguments);
}

_Noreturn void panic(const char *what, unsigned long value)
{
    console_print("orrery firmware: hart %lu: %s (%lx)\n", csr_read(0xf14), what, value);
    reset_fail();
}

_Noreturn void panic_trap(unsigned long cause, unsigned long pc, unsigned long value)
{
    console_print("orrery firmware: hart %lu: trap in the firmware: mcause %lx mepc %lx mtval %lx\n", csr_read(0xf14),
                  cause, pc, value);
    reset_fail();
}

/* Moves bytes between the port and supervisor memory; returns how many. */
static unsigned long transfer(uint8_t *memory, unsigned long bytes, bool write)
{
    unsigned long done = 0;
    console_lock();
    for (; done < bytes; done++) {
        int received;
        if (write && !console_put(memory[done])) break;
        if (write) continue;
        if ((received = console_get()) < 0) break;
        memory[done] = (uint8_t)received;
    }
    console_unlock();
    return done;
}

bool console_probe(void) { return platform.uart != 0; }

struct sbiret console_ecall(struct hart *self, unsigned long function, const unsigned long *arguments)
{
    (void)self;
    unsigned long bytes = arguments[0], address = arguments[1], address_high = arguments[2];
    switch (function) {
    case SBI_DBCN_WRITE:
    case SBI_DBCN_READ:
        if (address_high || !platform_supervisor_memory(address, bytes)) return sbi_error(SBI_ERR_INVALID_PARAM);
        if (bytes > DBCN_CHUNK_BYTES) bytes = DBCN_CHUNK_BYTES;
        return sbi_value((long)transfer((uint8_t *)address, bytes, function == SBI_DBCN_WRITE));
    case SBI_DBCN_WRITE_BYTE:
        console_lock();
        bool sent = console_put((uint8_t)arguments[0]);
        console_unlock();
        return sent ? sbi_value(0) : sbi_error(SBI_ERR_FAILED);
    default: return sbi_error(SBI_ERR_NOT_SUPPORTED);
    }
}
