/* uart.h - the serial line (ns16550a). Output goes through console_write (kern/print.h). */
#ifndef KEPLER_DEV_UART_H
#define KEPLER_DEV_UART_H

/* Who gets what is typed: called for each byte, in interrupt context. One receiver; NULL: nobody. */
void uart_set_receiver(void (*receive)(char byte));

#endif
