/* console.h - the serial port: the firmware's own few lines, and the DBCN extension's bytes. */
#ifndef ORRERY_FIRMWARE_CONSOLE_H
#define ORRERY_FIRMWARE_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

void console_init(void);
/* Waits a bounded time for room; false if the port stayed busy or there is none. */
bool console_put(uint8_t byte);
/* The next received byte, or -1. Does not wait. */
int console_get(void);
/* Prints a line: %s text, %u decimal (unsigned long), %x hexadecimal (unsigned long, with 0x), %% percent. */
__attribute__((format(printf, 1, 2))) void console_print(const char *format, ...);
/* Keeps the bytes of one caller together. Holders must not wait for other harts. */
void console_lock(void);
void console_unlock(void);

/* Prints one line and ends the machine with a failure code. */
_Noreturn void panic(const char *what, unsigned long value);
/* entry.S: a trap in the firmware itself. */
_Noreturn void panic_trap(unsigned long cause, unsigned long pc, unsigned long value);

#endif
