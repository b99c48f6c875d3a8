/* Names of guest addresses, from ELF symbol tables. */
#ifndef ORRERY_SYMBOLS_H
#define ORRERY_SYMBOLS_H

#include "emu/base/types.h"

struct symbol {
    char *name; /* owned by the table */
    uint64_t address, size;
    unsigned rank; /* of several names of one address the lowest is shown: 0 function, 1 object, 2 other */
};

struct symbols {
    struct symbol *item; /* sorted by (address, rank, name) once symbols_sort was called */
    size_t count, room;
};

bool symbols_add(struct symbols *s, const char *name, uint64_t address, uint64_t size,
                 unsigned rank); /* false: out of memory */
void symbols_sort(struct symbols *s);
const struct symbol *symbols_by_name(const struct symbols *s, const char *name); /* NULL if none */
/* The symbol that holds the address (a symbol without size reaches to the next one), or NULL. */
const struct symbol *symbols_by_address(const struct symbols *s, uint64_t address);
void symbols_finish(struct symbols *s);

#endif
