#include "emu/chars.h"

#include "emu/base/bits.h"
#include "emu/base/host_stream.h"
#include "emu/base/host_term.h"
#include "emu/char_backend.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SERIALS_MAX  ARRAY_LEN(((struct machine_config *)0)->serials)
#define BACKENDS_MAX (CONFIG_LIST_MAX + 8)

struct char_backends {
    struct machine *machine;
    struct char_backend *item[BACKENDS_MAX];
    unsigned count;
    struct char_backend *serial[SERIALS_MAX];
    struct char_backend *terminal; /* the one on stdin and stdout; NULL: none */
    struct chardev console;        /* a second front end of console_backend(), for HTIF */
};

static struct char_backend *add_backend(struct char_backends *c, const char *id, struct err *err)
{
    struct char_backend *b = c->count < BACKENDS_MAX ? calloc(1, sizeof *b) : NULL;
    if (!b) {
        err_set(err, "-chardev: too many, or out of memory");
        return NULL;
    }
    *b = (struct char_backend){.id = id,
                               .in = -1,
                               .out = -1,
                               .listening = -1,
                               .other = -1,
                               .poll_in = -1,
                               .poll_listen = -1,
                               .patience_ms = 1000};
    c->item[c->count++] = b;
    return b;
}

/* ---- kinds: each fills in descriptors -------------------------------------------------------------------------------------- */

static bool open_null(struct char_backends *c, struct char_backend *b, const struct opts *o, struct err *err)
{
    (void)c, (void)b, (void)o, (void)err;
    return true;
}

static bool open_stdio(struct char_backends *c, struct char_backend *b, const struct opts *o, struct err *err)
{
    if (c->terminal) return err_set(err, "%s %s: stdio is in use already", o->option, o->text);
    c->terminal = b;
    b->in = STDIN_FILENO;
    b->out = STDOUT_FILENO;
    b->is_terminal = host_is_terminal(b->in);
    b->escapes = true;
    return true;
}

static bool open_file(struct char_backends *c, struct char_backend *b, const struct opts *o, struct err *err)
{
    (void)c;
    const char *path = opts_get(o, "path");
    bool append;
    if (!path || !*path) return err_set(err, "%s %s: a file name is missing", o->option, o->text);
    if (!opts_bool(o, "append", false, &append, err)) return false;
    b->out = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC), 0666);
    b->owns_fds = true;
    return b->out >= 0 || err_set(err, "%s %s: %s: %s", o->option, o->text, path, strerror(errno));
}

static bool open_pty(struct char_backends *c, struct char_backend *b, const struct opts *o, struct err *err)
{
    (void)c;
    char name[64];
    b->in = b->out = host_pty_open(name, sizeof name, &b->other, err);
    b->owns_fds = true;
    b->patience_ms = 10;
    if (b->in < 0) return false;
    fprintf(stderr, "orrery: %s %s: on %s\n", o->option, o->text, name);
    return true;
}

static bool open_socket(struct char_backends *c, struct char_backend *b, const struct opts *o, struct err *err)
{
    (void)c;
    bool server, wait;
    const char *host = opts_get(o, "host"), *port = opts_get(o, "port");
    if (!port || !*port) return err_set(err, "%s %s: a port is missing", o->option, o->text);
    if (!opts_bool(o, "server", false, &server, err) || !opts_bool(o, "wait", true, &wait, err)) return false;
    if (opts_has(o, "nowait")) wait = false;
    b->owns_fds = true;
    int fd = server ? host_tcp_listen(o->option, host ? host : "", port, err)
                    : host_tcp_connect(o->option, host ? host : "", port, err);
    if (fd < 0) return false;
    if (!server) {
        b->in = b->out = fd;
        return true;
    }
    b->listening = fd;
    if (!wait) return true;
    fprintf(stderr, "orrery: %s %s: waiting for a connection\n", o->option, o->text);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (poll(&p, 1, -1) < 0 && errno == EINTR && !host_signal()) continue;
    return true;
}

static const struct kind {
    const char *name;
    bool (*open)(struct char_backends *c, struct char_backend *b, const struct opts *o, struct err *err);
    const char *const keys[10]; /* NULL-terminated */
} kinds[] = {
    {"null", open_null, {"backend", "id", "mux"}},
    {"none", open_null, {"backend", "id", "mux"}},
    {"stdio", open_stdio, {"backend", "id", "mux", "signal"}},
    {"file", open_file, {"backend", "id", "mux", "path", "append"}},
    {"pty", open_pty, {"backend", "id", "mux"}},
    {"socket", open_socket, {"backend", "id", "mux", "host", "port", "server", "wait", "nowait"}},
};

static struct char_backend *open_kind(struct char_backends *c, const struct opts *o, struct err *err)
{
    const char *name = opts_get(o, "backend");
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (!name || strcmp(name, kinds[i].name)) continue;
        if (!opts_only(o, kinds[i].keys, err)) return NULL;
        struct char_backend *b = add_backend(c, opts_get(o, "id"), err);
        return b && kinds[i].open(c, b, o, err) && char_backend_start(b, c->machine, err) ? b : NULL;
    }
    err_set(err, "%s %s: unknown kind '%s'; there are stdio, file, null, pty and socket (tcp)", o->option, o->text,
            name ? name : "");
    return NULL;
}

/* ---- the short forms of -serial and -monitor -------------------------------------------------------------------------------- */

/* "file:PATH", "tcp:HOST:PORT[,server=on…]" and bare words, rewritten as the list that -chardev takes. */
static bool long_form(const char *option, const char *text, char *to, size_t room, struct err *err)
{
    int n;
    if (!strncmp(text, "file:", 5)) {
        n = snprintf(to, room, "file,path=%s", text + 5);
    } else if (!strncmp(text, "tcp:", 4)) {
        const char *port = strchr(text + 4, ':');
        if (!port) return err_set(err, "%s %s: must be tcp:HOST:PORT", option, text);
        n = snprintf(to, room, "socket,host=%.*s,port=%s", (int)(port - text - 4), text + 4, port + 1);
    } else {
        n = snprintf(to, room, "%s", text);
    }
    return (size_t)n < room || err_set(err, "%s: value too long", option);
}

static struct char_backend *find(struct char_backends *c, const char *id)
{
    for (unsigned i = 0; i < c->count; i++)
        if (c->item[i]->id && !strcmp(c->item[i]->id, id)) return c->item[i];
    return NULL;
}

static struct char_backend *claim(struct char_backends *c, const char *option, const char *id, struct err *err)
{
    struct char_backend *b = find(c, id);
    if (!b)
        err_set(err, "%s: there is no -chardev with id=%s", option, id);
    else if (b->used)
        err_set(err, "%s: chardev %s is in use already", option, id);
    else
        b->used = true;
    return b && !err->text[0] ? b : NULL;
}

static struct char_backend *open_short(struct char_backends *c, const char *option, const char *text, struct err *err)
{
    char list[512];
    struct opts o;
    if (!strncmp(text, "chardev:", 8)) return claim(c, option, text + 8, err);
    bool with_monitor = !strncmp(text, "mon:", 4);
    if (!long_form(option, text + (with_monitor ? 4 : 0), list, sizeof list, err)) return NULL;
    bool ok = opts_parse(&o, option, list, "backend", err);
    struct char_backend *b = ok ? open_kind(c, &o, err) : NULL;
    opts_finish(&o);
    if (b && with_monitor) b->monitor = monitor_create(c->machine, &b->port);
    return b;
}

static bool open_all(struct char_backends *c, const struct machine_config *config, struct err *err)
{
    for (unsigned i = 0; i < config->chardevs.count; i++) {
        const struct opts *o = &config->chardevs.item[i];
        const char *id = opts_get(o, "id");
        if (!id) return err_set(err, "-chardev %s: id= is missing", o->text);
        if (find(c, id)) return err_set(err, "-chardev %s: the id is taken", o->text);
        if (!open_kind(c, o, err)) return false;
    }
    if (config->monitor && strcmp(config->monitor, "none") && strcmp(config->monitor, "null")) {
        struct char_backend *b = open_short(c, "-monitor", config->monitor, err);
        if (!b) return false;
        b->monitor = monitor_create(c->machine, &b->port);
        b->to_monitor = true;
        b->escapes = false;
    }
    for (unsigned i = 0; i < config->serial_count; i++)
        if (!(c->serial[i] = open_short(c, "-serial", config->serials[i], err))) return false;
    if (!config->serial_count && !c->terminal) {
        c->serial[0] = open_short(c, "-serial", config->monitor ? "stdio" : "mon:stdio", err);
        return c->serial[0] != NULL;
    }
    return true;
}

/* Where HTIF's console goes: to the terminal, or, if that is not used, where the serial port goes. */
static struct char_backend *console_backend(struct char_backends *c)
{
    return c->terminal ? c->terminal : c->serial[0];
}

static void console_write(void *backend, const uint8_t *bytes, size_t n)
{
    struct char_backend *b = console_backend(backend);
    if (b) chardev_write(&b->port, bytes, n);
}

struct char_backends *chars_create(struct machine *m, struct err *err)
{
    struct char_backends *c = calloc(1, sizeof *c);
    if (!c) {
        err_set(err, "out of memory");
        return NULL;
    }
    c->machine = m;
    c->console = (struct chardev){.write = console_write, .backend = c};
    err->text[0] = 0;
    if (open_all(c, m->config, err)) return c;
    chars_destroy(c);
    return NULL;
}

void chars_destroy(struct char_backends *c)
{
    if (!c) return;
    for (unsigned i = 0; i < c->count; i++) {
        char_backend_close(c->item[i]);
        monitor_destroy(c->item[i]->monitor);
        free(c->item[i]);
    }
    free(c);
}

struct chardev *chars_serial(struct char_backends *c, unsigned n)
{
    return n < SERIALS_MAX && c->serial[n] ? &c->serial[n]->port : NULL;
}

struct chardev *chars_by_id(struct char_backends *c, const char *id)
{
    struct char_backend *b = find(c, id);
    if (!b || b->used) return NULL;
    b->used = true;
    return &b->port;
}

/* HTIF takes the input over from the serial port; output of both goes to the same place. */
struct chardev *chars_console(struct char_backends *c) { return &c->console; }

void chars_attach_console(struct char_backends *c)
{
    struct char_backend *b = console_backend(c);
    if (!b || !c->console.receive) return;
    b->port.receive = c->console.receive;
    b->port.can_receive = c->console.can_receive;
    b->port.frontend = c->console.frontend;
}

void chars_flush(struct char_backends *c)
{
    for (unsigned i = 0; i < c->count; i++) char_backend_flush(c->item[i]);
}
