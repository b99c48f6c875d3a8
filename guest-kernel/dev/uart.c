/*
 * uart.c - the serial line: a 16550-compatible chip.
 *
 * Output waits until the chip's transmit queue is empty and puts in a byte; the queue drains at the speed of the line. Input
 * interrupts: the handler takes all bytes that have come and hands them on.
 *
 *      0  receive / transmit      2  interrupt identification / queue control      5  line status: 1 data, 0x20 may send
 *      1  interrupt enable        3  line control
 *
 * Source: PC16550D data sheet.
 */
#include "dev/uart.h"

#include "arch/irq.h"
#include "arch/layout.h"
#include "arch/machine.h"
#include "arch/riscv.h"
#include "base/atomic.h"
#include "kern/init.h"
#include "kern/print.h"

enum { DATA = 0, INTERRUPT_ENABLE = 1, QUEUE_CONTROL = 2, LINE_CONTROL = 3, LINE_STATUS = 5 };
enum { HAS_DATA = 1, MAY_SEND = 0x20 };

static void (*receiver)(char byte);

static volatile char *uart_register(unsigned number)
{
    return (char *)pa_to_va(machine.uart.base) + ((uint64_t)number << machine.uart_shift);
}

static void uart_write(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        while (!(io_read8(uart_register(LINE_STATUS)) & MAY_SEND)) hart_pause();
        io_write8(uart_register(DATA), (uint8_t)text[i]);
    }
}

static void uart_interrupt(void *unused)
{
    (void)unused;
    while (io_read8(uart_register(LINE_STATUS)) & HAS_DATA) {
        char byte = (char)io_read8(uart_register(DATA));
        void (*receive)(char) = atomic_load(&receiver);
        if (receive) receive(byte);
    }
}

void uart_set_receiver(void (*receive)(char byte)) { atomic_store(&receiver, receive); }

static void uart_start(void)
{
    if (!machine.uart.bytes) return;
    io_write8(uart_register(QUEUE_CONTROL), 1);
    console_set_writer(uart_write);
    if (irq_connect(machine.uart_irq, "uart", uart_interrupt, NULL))
        printk("uart: interrupt %u cannot be used; no input\n", machine.uart_irq);
    else
        io_write8(uart_register(INTERRUPT_ENABLE), 1);
}
INIT(INIT_DEVICE, uart_start);
