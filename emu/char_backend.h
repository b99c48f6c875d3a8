/* One back end: descriptors in and out, what was typed and not yet taken, what was printed and not yet written. Private to chars.c and
 * char_backend.c. */
#ifndef ORRERY_CHAR_BACKEND_H
#define ORRERY_CHAR_BACKEND_H

#include "devices/chardev.h"
#include "emu/base/host_poll.h"
#include "emu/machine.h"
#include "emu/monitor.h"

#define BACKEND_IN_BYTES  1024
#define BACKEND_OUT_BYTES 4096

struct char_backend {
    struct chardev port; /* what the device holds */
    struct machine *machine;
    const char *id;                /* of -chardev; NULL: none */
    int in, out, listening, other; /* -1: none; other: far end of a pty */
    bool owns_fds, is_terminal, used;
    bool escapes;            /* Ctrl-a commands */
    bool escaped;            /* Ctrl-a was the last key */
    struct monitor *monitor; /* on the other side of Ctrl-a c; NULL: none */
    bool to_monitor;
    int patience_ms; /* how long a reader that does not read is waited for before output is lost */
    uint8_t pending[BACKEND_IN_BYTES];
    size_t pending_count;
    uint8_t written[BACKEND_OUT_BYTES];
    size_t written_count;
    int poll_in, poll_listen;
};

bool char_backend_start(struct char_backend *b, struct machine *m,
                        struct err *err); /* fills in port and registers with the machine */
void char_backend_flush(struct char_backend *b);
void char_backend_close(struct char_backend *b);

#endif
