/* Opening streams on the host: pseudo-terminals and TCP. Descriptors are close-on-exec and non-blocking; -1 and text on failure. */
#ifndef ORRERY_BASE_HOST_STREAM_H
#define ORRERY_BASE_HOST_STREAM_H

#include "emu/base/err.h"
#include "emu/base/types.h"

/* A new pseudo-terminal; its name goes to name[room]. *other is the far end, to be kept open (else the near end reports a hang-up for
 * ever as long as nobody has come) and closed by the caller. */
int host_pty_open(char *name, size_t room, int *other, struct err *err);
/* host: a name or address; empty means 127.0.0.1. port: decimal, "0" for any free one. `what` is for messages. */
int host_tcp_connect(const char *what, const char *host, const char *port, struct err *err);
int host_tcp_listen(const char *what, const char *host, const char *port, struct err *err);
/* A waiting connection, or -1. */
int host_tcp_accept(int listener);

#endif
