#include "emu/char_backend.h"

#include "emu/base/host_stream.h"
#include "emu/base/host_term.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CTRL_A 1

/* ---- output -------------------------------------------------------------------------------------------------------------- */

/* Writes all; a reader that is slow is waited for, one that is gone is forgotten. */
static void write_all(struct char_backend *b, const uint8_t *bytes, size_t n)
{
    while (n && b->out >= 0) {
        ssize_t done = write(b->out, bytes, n);
        if (done > 0) {
            bytes += done;
            n -= (size_t)done;
        } else if (errno == EAGAIN) {
            struct pollfd p = {.fd = b->out, .events = POLLOUT};
            if (poll(&p, 1, b->patience_ms) <= 0) return; /* nobody reads: the output is lost */
        } else if (errno != EINTR) {
            return;
        }
    }
}

void char_backend_flush(struct char_backend *b)
{
    write_all(b, b->written, b->written_count);
    b->written_count = 0;
}

static void backend_write(void *backend, const uint8_t *bytes, size_t n)
{
    struct char_backend *b = backend;
    if (n > BACKEND_OUT_BYTES - b->written_count) char_backend_flush(b);
    if (n > BACKEND_OUT_BYTES) {
        write_all(b, bytes, n);
        return;
    }
    memcpy(b->written + b->written_count, bytes, n);
    b->written_count += n;
}

static void say(struct char_backend *b, const char *text) { backend_write(b, (const uint8_t *)text, strlen(text)); }

/* ---- input --------------------------------------------------------------------------------------------------------------- */

static const char help_text[] = "\r\nCtrl-a h   this help\r\n"
                                "Ctrl-a x   leave the emulator\r\n"
                                "Ctrl-a c   switch between the console and the monitor\r\n"
                                "Ctrl-a Ctrl-a  send Ctrl-a\r\n";

static void queue_key(struct char_backend *b, uint8_t key)
{
    if (b->to_monitor)
        monitor_key(b->monitor, key);
    else if (b->pending_count < BACKEND_IN_BYTES)
        b->pending[b->pending_count++] = key;
}

static void escape_command(struct char_backend *b, uint8_t key)
{
    switch (key) {
    case 'x':
        say(b, "\r\norrery: left by Ctrl-a x\r\n");
        machine_stop_with(b->machine, MACHINE_EXIT, 0);
        break;
    case 'h':
    case '?': say(b, help_text); break;
    case 'c':
        if (!b->monitor) break;
        b->to_monitor = !b->to_monitor;
        if (b->to_monitor) monitor_prompt(b->monitor);
        break;
    case CTRL_A: queue_key(b, CTRL_A); break;
    default: break;
    }
}

static void take_key(struct char_backend *b, uint8_t key)
{
    if (b->escaped) {
        b->escaped = false;
        escape_command(b, key);
    } else if (b->escapes && key == CTRL_A) {
        b->escaped = true;
    } else {
        queue_key(b, key);
    }
}

static void deliver(struct char_backend *b)
{
    if (!b->pending_count || !b->port.receive) return;
    size_t room = b->port.can_receive(b->port.frontend);
    size_t n = room < b->pending_count ? room : b->pending_count;
    if (!n) return;
    b->port.receive(b->port.frontend, b->pending, n);
    b->pending_count -= n;
    memmove(b->pending, b->pending + n, b->pending_count);
}

static void hang_up(struct char_backend *b)
{
    if (b->listening >= 0) { /* the next caller may come */
        close(b->in);
        b->out = -1;
    }
    b->in = -1;
}

static void read_input(struct char_backend *b)
{
    uint8_t bytes[256];
    size_t room = BACKEND_IN_BYTES - b->pending_count;
    ssize_t n = read(b->in, bytes, room < sizeof bytes ? room : sizeof bytes);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR && errno != EIO)) hang_up(b);
    for (ssize_t i = 0; i < n; i++) take_key(b, bytes[i]);
}

static void answer_call(struct char_backend *b)
{
    int fd = host_tcp_accept(b->listening);
    if (fd >= 0) b->in = b->out = fd;
}

/* ---- port ---------------------------------------------------------------------------------------------------------------- */

static void backend_prepare(void *self, struct host_poll *p)
{
    struct char_backend *b = self;
    char_backend_flush(b);
    bool room = b->pending_count < BACKEND_IN_BYTES && (b->port.receive || b->escapes || b->monitor);
    b->poll_in = b->in >= 0 && room ? host_poll_add(p, b->in, POLLIN) : -1;
    b->poll_listen = b->listening >= 0 && b->in < 0 ? host_poll_add(p, b->listening, POLLIN) : -1;
    if (b->pending_count && b->port.receive && b->port.can_receive(b->port.frontend)) host_poll_limit(p, 0);
}

static void backend_serve(void *self, struct host_poll *p)
{
    struct char_backend *b = self;
    if (host_poll_revents(p, b->poll_in)) read_input(b);
    if (host_poll_revents(p, b->poll_listen)) answer_call(b);
    deliver(b);
    char_backend_flush(b);
}

static bool backend_live(void *self)
{
    const struct char_backend *b = self;
    bool wanted = b->port.receive || b->escapes || b->monitor;
    return wanted && (b->in >= 0 || b->listening >= 0 || b->pending_count);
}

bool char_backend_start(struct char_backend *b, struct machine *m, struct err *err)
{
    b->machine = m;
    b->port.write = backend_write;
    b->port.backend = b;
    if (b->in >= 0 && b->is_terminal) host_term_raw(b->in);
    struct port port = {.prepare = backend_prepare, .serve = backend_serve, .live = backend_live, .self = b};
    return machine_add_port(m, port, err);
}

void char_backend_close(struct char_backend *b)
{
    char_backend_flush(b);
    if (b->is_terminal) host_term_restore();
    if (b->owns_fds) {
        if (b->in >= 0) close(b->in);
        if (b->out >= 0 && b->out != b->in) close(b->out);
    }
    if (b->listening >= 0) close(b->listening);
    if (b->other >= 0) close(b->other);
}
