/*
 * print.h - messages from the kernel.
 *
 * printk writes a line to the console and to the message ring, which syslog(2) and /proc/kmsg read. Any context, any lock.
 */
#ifndef KEPLER_KERN_PRINT_H
#define KEPLER_KERN_PRINT_H

#include "base/types.h"

void printk(const char *text, ...) __attribute__((format(printf, 1, 2)));
/* Stops the machine with a message and a backtrace. For broken invariants only, never for bad input. */
_Noreturn void panic(const char *text, ...) __attribute__((format(printf, 1, 2)));

#define ASSERT(condition)                                                                                              \
    do                                                                                                                 \
        if (!(condition)) panic("%s:%d: %s: not so: %s", __FILE__, __LINE__, __func__, #condition);                    \
    while (0)

/* The message ring. Positions count all bytes ever printed. */
uint64_t print_ring_end(void);
/* Copies what is left of [*from, end) into `to`, moves *from (also over what has been overwritten). Returns bytes. */
size_t print_ring_read(uint64_t *from, char *to, size_t room);
/* Is woken whenever something was printed. */
struct waitq *print_ring_queue(void);

/* Where console output goes: raw bytes, no newline translation. Used by printk and by the terminal driver. */
void console_write(const char *text, size_t bytes);
/* The uart driver takes the console over from the firmware. */
void console_set_writer(void (*writer)(const char *text, size_t bytes));

/* Messages go to the ring only. */
void print_set_quiet(bool on);

void backtrace(uint64_t frame_pointer, uint64_t pc);
/* The name of the function around `pc` and the offset in it; NULL if unknown. */
const char *symbol_find(uint64_t pc, uint64_t *offset);

#endif
