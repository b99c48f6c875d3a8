/*
 * text.h - the few string functions the firmware needs; there is no C library under it. The mem* functions are also
 * those that the compiler may call of its own accord.
 */
#ifndef ORRERY_FIRMWARE_TEXT_H
#define ORRERY_FIRMWARE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *to, const void *from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
bool text_equal(const char *a, const char *b);
/* True if the ISA string ("rv64imac_zicsr_svadu") has the multi-letter extension `name`. */
bool text_isa_contains(const char *isa, const char *name);

#endif
