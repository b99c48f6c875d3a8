/* Errors of the host and of the user's input: one line of text that names the thing, the value and what to do.
 *
 * A function that can fail so takes `struct err *err` last and returns false (or NULL); the caller passes it up or prints
 * `orrery: <text>` and exits with 2. Guest traps and guest-made device errors never take this way. */
#ifndef ORRERY_BASE_ERR_H
#define ORRERY_BASE_ERR_H

#include <stdbool.h>

struct err {
    char text[512]; /* without "orrery: " and without newline */
};

/* Writes the text (truncated at its size) and returns false, so that `return err_set(err, …)` reads well. */
bool err_set(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
