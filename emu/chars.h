/* Back ends of character streams: terminal, file, pty, TCP, nothing; and who is connected to which. */
#ifndef ORRERY_CHARS_H
#define ORRERY_CHARS_H

#include "devices/chardev.h"
#include "emu/base/err.h"
#include "emu/config.h"

struct machine;
struct char_backends;

/* Reads -chardev, -serial, -monitor and -nographic; opens everything and registers ports with the machine. NULL on failure. */
struct char_backends *chars_create(struct machine *m, struct err *err);
void chars_destroy(struct char_backends *c);

struct chardev *chars_serial(struct char_backends *c, unsigned n); /* NULL: not connected */
struct chardev *chars_by_id(struct char_backends *c, const char *id);
/* For HTIF: output of its own on the terminal's back end, and that one's input. */
struct chardev *chars_console(struct char_backends *c);
/* After the front end of chars_console has been created: it gets what is typed. */
void chars_attach_console(struct char_backends *c);
void chars_flush(struct char_backends *c);

#endif
