/*
 * format.h - printf into a buffer.
 *
 * Understood: %d %i %u %x %X %o %c %s %p %% with the lengths hh h l ll z, the flags - 0 + #, width and precision (also *).
 */
#ifndef KEPLER_BASE_FORMAT_H
#define KEPLER_BASE_FORMAT_H

#include "base/types.h"

/* Writes at most room-1 characters and a terminator (room may be 0). Returns the length the whole text would have. */
int format(char *to, size_t room, const char *text, ...) __attribute__((format(printf, 3, 4)));
int format_args(char *to, size_t room, const char *text, va_list arguments) __attribute__((format(printf, 3, 0)));

#endif
