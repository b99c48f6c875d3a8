/* `-device driver,key=value,flag`: the comma lists of the command line. A doubled comma stands for one inside a value. */
#ifndef ORRERY_OPTS_H
#define ORRERY_OPTS_H

#include "emu/base/err.h"
#include "emu/base/types.h"

#define OPTS_MAX 24

struct opts {
    const char *option; /* "-drive", for messages; static */
    char *text;         /* what the user wrote, for messages */
    char *storage;      /* keys and values point into it */
    unsigned count;
    struct {
        const char *key, *value; /* value NULL: a word without '=' */
    } item[OPTS_MAX];
};

/* first_key: the key that a leading value without '=' belongs to (may be NULL). */
bool opts_parse(struct opts *o, const char *option, const char *text, const char *first_key, struct err *err);
void opts_finish(struct opts *o);

const char *opts_get(const struct opts *o, const char *key); /* NULL if absent or without value */
bool opts_has(const struct opts *o, const char *key);
/* on/off/true/false/yes/no, or the bare word for on. */
bool opts_bool(const struct opts *o, const char *key, bool absent, bool *value, struct err *err);
bool opts_number(const struct opts *o, const char *key, uint64_t absent, uint64_t *value, struct err *err);
/* Fails on the first key that is not in the NULL-terminated list. */
bool opts_only(const struct opts *o, const char *const *keys, struct err *err);

/* Whole text as a number, decimal or 0x hexadecimal. */
bool parse_number(const char *text, uint64_t *value);
/* A number with an optional suffix K M G T (times 1024^n; a trailing B or iB is accepted); without one it counts in `unit` bytes. */
bool parse_size(const char *text, uint64_t unit, uint64_t *bytes);

#endif
