/* The log: lines chosen with `-d item,item`, to stderr or to the file of `-D`.
 *
 * One logger belongs to one machine. Devices report what a guest did wrong with LOG_GUEST_ERROR; a guest can make at most
 * LOG_GUEST_ERROR_LIMIT such lines per machine, after which one line says that more were dropped: a guest never fills a disk. */
#ifndef ORRERY_BASE_LOG_H
#define ORRERY_BASE_LOG_H

#include "emu/base/types.h"
#include <stdio.h>

enum log_item {
    LOG_GUEST_ERROR = 1u << 0, /* guest_errors: register misuse, bad rings, holes */
    LOG_INT = 1u << 1,         /* int: traps and interrupts, in words */
    LOG_IN_ASM = 1u << 2,      /* in_asm: each block when it is decoded */
    LOG_MMU = 1u << 3,         /* mmu: walks and fences */
    LOG_UNIMP = 1u << 4,       /* unimp: accesses to things that this machine does not have */
    LOG_DEVICE = 1u << 5,      /* device: what devices do */
    LOG_EXEC = 1u << 6,        /* exec: each block when it runs */
    LOG_OUT_ASM = 1u << 7,     /* out_asm: host code of each block when it is translated */
};
#define LOG_GUEST_ERROR_LIMIT 10000

struct log {
    FILE *file;     /* never NULL once initialised; not owned */
    unsigned items; /* of enum log_item */
    unsigned guest_errors;
};

static inline bool log_on(const struct log *log, enum log_item item) { return log && (log->items & item); }

/* Writes one line (the newline is added) if the item is switched on. log may be NULL: nothing is written. */
void log_line(struct log *log, enum log_item item, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Parses "int,guest_errors"; returns false on an unknown word, with *bad (of length *bad_len) pointing at it. */
bool log_parse_items(const char *words, unsigned *items, const char **bad, size_t *bad_len);

/* One line per item for `-d help`. */
void log_print_items(FILE *to);

#endif
