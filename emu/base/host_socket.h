/* TCP on this machine only: everything here binds and connects to the loopback address. */
#ifndef ORRERY_BASE_HOST_SOCKET_H
#define ORRERY_BASE_HOST_SOCKET_H

#include "emu/base/err.h"
#include <stddef.h>
#include <stdint.h>

/* A listening, non-blocking socket on 127.0.0.1:port (0: any; *port is set to the one bound). -1 with text on failure. */
int host_listen_loopback(uint16_t *port, struct err *err);
/* Accepts one waiting connection (non-blocking, no delay); -1 if there is none. */
int host_accept(int listener);
/* What can be moved now: bytes moved, 0 if nothing can be for the moment, -1 if the other side is gone. */
long host_socket_read(int fd, void *to, size_t n);
long host_socket_write(int fd, const void *from, size_t n);
/* Writes all of it, waiting for the reader at most `timeout_ms`; false if the other side is gone or does not read. */
bool host_socket_write_all(int fd, const void *from, size_t n, int timeout_ms);
void host_close(int fd); /* -1 is ignored */

#endif
