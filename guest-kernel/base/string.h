/*
 * string.h - bytes and strings; the usual C functions with the usual meaning, since there is no C library below.
 *
 * strcpy and its kin, which trust the source, do not exist here: text_copy always ends the copy within its room.
 */
#ifndef KEPLER_BASE_STRING_H
#define KEPLER_BASE_STRING_H

#include "base/types.h"

void *memcpy(void *to, const void *from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);
void *memchr(const void *at, int value, size_t bytes);

size_t strlen(const char *s);
size_t strnlen(const char *s, size_t room);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t bytes);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *s, const char *wanted);

/* Copies at most room-1 characters and a terminator (room > 0). True if all of `from` fitted. */
bool text_copy(char *to, const char *from, size_t room);
/* Reads a decimal or, with 0x, a hexadecimal number; with k, M or G behind it times 2^10, 2^20, 2^30. False: no number,
 * too large, or something left over. */
bool text_number(const char *s, uint64_t *value);

#endif
