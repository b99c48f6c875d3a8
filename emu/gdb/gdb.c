#include "emu/gdb/gdb.h"

#include "cpu/priv.h"
#include "emu/base/bits.h"
#include "emu/base/host_socket.h"
#include "emu/gdb/packet.h"
#include "emu/gdb/points.h"
#include "emu/gdb/registers.h"
#include <stdlib.h>

#define SIGNAL_INT       2
#define SIGNAL_TRAP      5
#define WRITE_TIMEOUT_MS 5000
#define ALL_THREADS      (-1)

struct gdb {
    struct gdb_target target;
    int listener, client;
    uint16_t tcp_port;
    bool no_ack, running, interrupt_asked;
    unsigned current; /* hart of the last stop, and default of every command */
    unsigned for_g;   /* Hg */
    int64_t for_c;    /* Hc: a hart index, or ALL_THREADS */
    struct points points;
    struct observer *observers; /* one per hart, all looking into points */
    bool attached;              /* they hang on the harts */
    char *description;
    int poll_index, poll_listener_index;
    struct packet_reader in;
    struct reply out;
    char wire[2 * GDB_PACKET_BYTES + 8];
};

/* ---- the connection ---- */

static void observe(struct gdb *g, bool on)
{
    if (g->attached == on) return;
    for (unsigned i = 0; i < g->target.harts; i++) {
        struct hart *h = g->target.hart(g->target.machine, i);
        if (on)
            hart_attach(h, &g->observers[i]);
        else
            hart_detach(h, &g->observers[i]);
    }
    g->attached = on;
}

static void drop_client(struct gdb *g)
{
    host_close(g->client);
    g->client = -1;
    g->points.count = 0;
    observe(g, false);
}

static void send_reply(struct gdb *g)
{
    size_t n = reply_frame(&g->out, g->wire);
    if (g->client >= 0 && !host_socket_write_all(g->client, g->wire, n, WRITE_TIMEOUT_MS)) drop_client(g);
    g->out.length = 0;
}

static struct hart *hart_at(struct gdb *g, unsigned i) { return g->target.hart(g->target.machine, i); }

static void resume(struct gdb *g)
{
    g->running = true;
    g->points.hit = false;
    g->interrupt_asked = false; /* one that came while the machine stood still asked for nothing */
    g->target.resume(g->target.machine);
}

/* ---- stops ---- */

static void describe_stop(struct gdb *g, int signal)
{
    reply_format(&g->out, "T%02xthread:%x;", (unsigned)signal, g->current + 1);
    if (g->points.hit) {
        static const char *const words[] = {
            [POINT_WRITE] = "watch", [POINT_READ] = "rwatch", [POINT_ACCESS] = "awatch"};
        reply_format(&g->out, "%s:%llx;", words[g->points.hit_point.kind], (unsigned long long)g->points.hit_address);
    } else if (signal == SIGNAL_TRAP && points_break_at(&g->points, hart_at(g, g->current)->pc)) {
        reply_text(&g->out,
                   points_software_break_at(&g->points, hart_at(g, g->current)->pc) ? "swbreak:;" : "hwbreak:;");
    }
}

void gdb_report_stop(struct gdb *g, unsigned index)
{
    if (!g->running) return;
    g->running = false;
    g->current = g->for_g = index;
    describe_stop(g, g->interrupt_asked && !g->points.hit ? SIGNAL_INT : SIGNAL_TRAP);
    g->interrupt_asked = false;
    send_reply(g);
}

void gdb_report_exit(struct gdb *g, int code)
{
    if (g->client < 0) return;
    reply_format(&g->out, "W%02x", (unsigned)code & 0xff);
    send_reply(g);
}

/* One instruction: GDB takes breakpoints out before it steps over them, so what stops a step is only its end. */
static void step(struct gdb *g, unsigned index)
{
    g->points.hit = false;
    g->target.step(g->target.machine, index);
    g->current = g->for_g = index;
    describe_stop(g, SIGNAL_TRAP);
    send_reply(g);
}

/* ---- commands; each appends its reply to g->out ---- */

/* A thread-id: hex, or -1 for all; 0 means any. */
static bool parse_thread(struct gdb *g, const char **at, int64_t *index)
{
    uint64_t id;
    if (parse_word(at, "-1")) {
        *index = ALL_THREADS;
        return true;
    }
    if (!parse_hex(at, &id) || id > g->target.harts) return false;
    *index = id ? (int64_t)id - 1 : (int64_t)g->current;
    return true;
}

static void read_all_registers(struct gdb *g)
{
    struct hart *h = hart_at(g, g->for_g);
    for (unsigned i = 0; i <= GDB_REG_PC; i++) {
        uint64_t v = 0;
        gdb_register_read(h, i, &v);
        reply_hex(&g->out, &v, sizeof v);
    }
}

static void write_all_registers(struct gdb *g, const char *at)
{
    struct hart *h = hart_at(g, g->for_g);
    uint8_t bytes[8];
    for (unsigned i = 0; i <= GDB_REG_PC && parse_hex_bytes(at, 8, bytes); i++, at += 16)
        gdb_register_write(h, i, load_le64(bytes));
    reply_text(&g->out, "OK");
}

static void read_register(struct gdb *g, const char *at)
{
    uint64_t number, value;
    if (parse_hex(&at, &number) && gdb_register_read(hart_at(g, g->for_g), number, &value))
        reply_hex(&g->out, &value, gdb_register_bytes(number));
    else
        reply_text(&g->out, "E14");
}

static void write_register(struct gdb *g, const char *at)
{
    uint64_t number;
    uint8_t bytes[8] = {0};
    bool ok = parse_hex(&at, &number) && parse_char(&at, '=') &&
              parse_hex_bytes(at, gdb_register_bytes(number), bytes) &&
              gdb_register_write(hart_at(g, g->for_g), number, load_le64(bytes));
    reply_text(&g->out, ok ? "OK" : "E14");
}

static bool parse_range(const char **at, uint64_t *address, uint64_t *length)
{
    return parse_hex(at, address) && parse_char(at, ',') && parse_hex(at, length);
}

static void read_memory(struct gdb *g, const char *at)
{
    uint64_t address, length;
    uint8_t bytes[GDB_PACKET_BYTES / 2];
    bool ok = parse_range(&at, &address, &length);
    if (ok && length > sizeof bytes) length = sizeof bytes;
    struct hart *h = hart_at(g, g->for_g);
    if (ok && !hart_debug_read(h, address, bytes, length)) {
        /* A partial answer up to the end of the page is allowed and lets GDB read strings near the end of a mapping. */
        uint64_t in_page = GUEST_PAGE_BYTES - (address & ~GUEST_PAGE_MASK);
        ok = in_page < length && hart_debug_read(h, address, bytes, in_page);
        length = in_page;
    }
    if (ok)
        reply_hex(&g->out, bytes, length);
    else
        reply_text(&g->out, "E14");
}

static void write_memory(struct gdb *g, const char *at, const char *end, bool binary)
{
    uint64_t address, length;
    uint8_t bytes[GDB_PACKET_BYTES];
    bool ok = parse_range(&at, &address, &length) && parse_char(&at, ':') && length <= sizeof bytes;
    if (ok && binary) {
        ok = (uint64_t)(end - at) == length;
        if (ok) memcpy(bytes, at, length);
    } else if (ok) {
        ok = parse_hex_bytes(at, length, bytes);
    }
    ok = ok && (length == 0 || hart_debug_write(hart_at(g, g->for_g), address, bytes, length));
    reply_text(&g->out, ok ? "OK" : "E14");
}

static void change_point(struct gdb *g, const char *at, bool insert)
{
    uint64_t kind, address, length;
    if (!parse_hex(&at, &kind) || kind > POINT_ACCESS || !parse_char(&at, ',') ||
        !parse_range(&at, &address, &length)) {
        reply_text(&g->out, kind > POINT_ACCESS ? "" : "E22");
        return;
    }
    bool ok = true;
    if (insert)
        ok = points_insert(&g->points, (enum point_kind)kind, address, length ? length : 1);
    else
        points_remove(&g->points, (enum point_kind)kind, address, length ? length : 1);
    observe(g, g->points.count != 0);
    reply_text(&g->out, ok ? "OK" : "E28");
}

static void transfer_description(struct gdb *g, const char *at)
{
    uint64_t offset, length;
    if (!g->description) g->description = gdb_target_description(hart_at(g, 0));
    if (!g->description || !parse_range(&at, &offset, &length)) {
        reply_text(&g->out, "E01");
        return;
    }
    size_t total = strlen(g->description);
    size_t left = offset < total ? total - offset : 0;
    if (length > GDB_PACKET_BYTES - 1) length = GDB_PACKET_BYTES - 1;
    reply_text(&g->out, left > length ? "m" : "l");
    reply_binary(&g->out, g->description + total - left, left < length ? left : length);
}

static void monitor_command(struct gdb *g, const char *hex)
{
    char line[256], *text = NULL;
    size_t n = strlen(hex) / 2, length = 0;
    if (n >= sizeof line || !parse_hex_bytes(hex, n, (uint8_t *)line)) {
        reply_text(&g->out, "E22");
        return;
    }
    line[n] = 0;
    FILE *f = open_memstream(&text, &length);
    if (f) {
        g->target.command(g->target.machine, line, f);
        fclose(f);
    }
    for (size_t at = 0; at < length && g->client >= 0;) {
        size_t part = length - at < 4000 ? length - at : 4000;
        reply_text(&g->out, "O");
        reply_hex(&g->out, text + at, part);
        send_reply(g);
        at += part;
    }
    free(text);
    reply_text(&g->out, "OK");
}

static void thread_extra(struct gdb *g, const char *at)
{
    int64_t index;
    char line[80];
    if (!parse_thread(g, &at, &index) || index < 0) {
        reply_text(&g->out, "E22");
        return;
    }
    const struct hart *h = hart_at(g, (unsigned)index);
    snprintf(line, sizeof line, "hart %u, %s-mode%s", h->id, priv_mode_name(h), h->waiting ? ", waiting" : "");
    reply_hex(&g->out, line, strlen(line));
}

static void query(struct gdb *g, const char *at)
{
    if (parse_word(&at, "Supported"))
        reply_format(&g->out, "PacketSize=%x;QStartNoAckMode+;qXfer:features:read+;hwbreak+;swbreak+;vContSupported+",
                     GDB_PACKET_BYTES);
    else if (parse_word(&at, "Xfer:features:read:target.xml:"))
        transfer_description(g, at);
    else if (parse_word(&at, "fThreadInfo"))
        for (unsigned i = 0; i < g->target.harts; i++) reply_format(&g->out, "%c%x", i ? ',' : 'm', i + 1);
    else if (parse_word(&at, "sThreadInfo"))
        reply_text(&g->out, "l");
    else if (parse_word(&at, "ThreadExtraInfo,"))
        thread_extra(g, at);
    else if (parse_word(&at, "Rcmd,"))
        monitor_command(g, at);
    else if (parse_word(&at, "Attached"))
        reply_text(&g->out, "1");
    else if (parse_word(&at, "Symbol"))
        reply_text(&g->out, "OK");
    else if (*at == 'C' && at[1] == 0)
        reply_format(&g->out, "QC%x", g->current + 1);
}

/* vCont;action[:thread]… The first action that names a thread to step steps it; any `c` otherwise lets all run. */
static void vcont(struct gdb *g, const char *at)
{
    bool go_on = false;
    int64_t to_step = -2;
    while (parse_char(&at, ';')) {
        char action = *at++;
        uint64_t signal;
        int64_t index = ALL_THREADS;
        if ((action == 'C' || action == 'S') && !parse_hex(&at, &signal)) break;
        if (parse_char(&at, ':') && !parse_thread(g, &at, &index)) break;
        if ((action == 's' || action == 'S') && to_step == -2)
            to_step = index == ALL_THREADS ? (int64_t)g->current : index;
        go_on |= action == 'c' || action == 'C';
    }
    if (to_step >= 0)
        step(g, (unsigned)to_step);
    else if (go_on)
        resume(g);
    else
        reply_text(&g->out, "E22");
}

static void set_thread(struct gdb *g, const char *at)
{
    char which = *at++;
    int64_t index;
    if (!parse_thread(g, &at, &index)) {
        reply_text(&g->out, "E22");
        return;
    }
    if (which == 'g' && index >= 0) g->for_g = (unsigned)index;
    if (which == 'c') g->for_c = index;
    reply_text(&g->out, "OK");
}

static void resume_at(struct gdb *g, const char *at, bool single)
{
    uint64_t pc;
    unsigned index = g->for_c >= 0 ? (unsigned)g->for_c : g->current;
    if (parse_hex(&at, &pc)) gdb_register_write(hart_at(g, index), GDB_REG_PC, pc);
    if (single)
        step(g, index);
    else
        resume(g);
}

static void detach(struct gdb *g)
{
    reply_text(&g->out, "OK");
    send_reply(g);
    drop_client(g);
    resume(g);
}

static void v_command(struct gdb *g, const char *at)
{
    if (parse_word(&at, "Cont?"))
        reply_text(&g->out, "vCont;c;C;s;S");
    else if (parse_word(&at, "Cont"))
        vcont(g, at);
    else if (parse_word(&at, "Kill"))
        g->target.kill(g->target.machine);
}

/* Whether a packet gets a reply even when that is empty ("not supported"): all but those that resume or end. */
static void execute(struct gdb *g, const char *data, size_t length)
{
    const char *at = data + 1, *end = data + length;
    uint64_t ignored;
    bool single = *data == 's' || *data == 'S';
    switch (*data) {
    case '?': describe_stop(g, SIGNAL_TRAP); break;
    case 'g': read_all_registers(g); break;
    case 'G': write_all_registers(g, at); break;
    case 'p': read_register(g, at); break;
    case 'P': write_register(g, at); break;
    case 'm': read_memory(g, at); break;
    case 'M': write_memory(g, at, end, false); break;
    case 'X': write_memory(g, at, end, true); break;
    case 'Z': change_point(g, at, true); break;
    case 'z': change_point(g, at, false); break;
    case 'H': set_thread(g, at); break;
    case 'T': {
        int64_t index;
        reply_text(&g->out, parse_thread(g, &at, &index) ? "OK" : "E22");
        break;
    }
    case 'q': query(g, at); break;
    case 'Q':
        if (parse_word(&at, "StartNoAckMode")) {
            reply_text(&g->out, "OK");
            g->no_ack = true;
        }
        break;
    case 'v': v_command(g, at); break;
    case 'C':
    case 'S':
        parse_hex(&at, &ignored);
        parse_char(&at, ';');
        resume_at(g, at, single);
        break;
    case 'c':
    case 's': resume_at(g, at, single); break;
    case 'D': detach(g); return;
    case 'k':
        g->target.kill(g->target.machine);
        drop_client(g);
        return;
    }
    bool resumed = strchr("csCS", *data) || !strncmp(data, "vCont;", 6);
    if (g->out.length || !resumed) send_reply(g);
}

/* ---- the port ---- */

static void incoming(struct gdb *g, uint8_t byte)
{
    enum packet_event event = packet_feed(&g->in, byte);
    if (event == PACKET_INTERRUPT || (event == PACKET_READY && g->running)) {
        g->interrupt_asked = true;
        g->target.pause(g->target.machine);
    }
    if (event == PACKET_INTERRUPT || event == PACKET_NOTHING) return;
    if (!g->no_ack) host_socket_write_all(g->client, event == PACKET_READY ? "+" : "-", 1, WRITE_TIMEOUT_MS);
    if (event == PACKET_READY && g->in.length) execute(g, g->in.data, g->in.length);
}

static void accept_client(struct gdb *g)
{
    int fd = host_accept(g->listener);
    if (fd < 0) return;
    if (g->client >= 0) {
        host_close(fd); /* one debugger at a time */
        return;
    }
    g->client = fd;
    g->in.state = PACKET_IDLE;
    g->no_ack = g->interrupt_asked = false;
    g->current = g->for_g = 0;
    g->for_c = ALL_THREADS;
    g->running = false; /* attaching stops the machine, and GDB asks with `?` */
    g->target.pause(g->target.machine);
}

static void prepare(void *self, struct host_poll *p)
{
    struct gdb *g = self;
    g->poll_listener_index = host_poll_add(p, g->listener, POLLIN);
    g->poll_index = g->client >= 0 ? host_poll_add(p, g->client, POLLIN) : -1;
}

static void serve(void *self, struct host_poll *p)
{
    struct gdb *g = self;
    if (g->client >= 0 && host_poll_revents(p, g->poll_index)) {
        uint8_t bytes[4096];
        long n = host_socket_read(g->client, bytes, sizeof bytes);
        for (long i = 0; i < n && g->client >= 0; i++) incoming(g, bytes[i]);
        if (n < 0 && g->client >= 0) { /* the debugger went away: let the guest go on */
            drop_client(g);
            resume(g);
        }
    }
    if (host_poll_revents(p, g->poll_listener_index)) accept_client(g);
}

struct port gdb_port(struct gdb *g) { return (struct port){.prepare = prepare, .serve = serve, .self = g}; }

static bool parse_where(const char *where, uint16_t *port, struct err *err)
{
    static const char *const prefixes[] = {"tcp::", "tcp:127.0.0.1:", "tcp:localhost:"};
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        const char *at = where;
        char *end;
        if (!parse_word(&at, prefixes[i])) continue;
        unsigned long n = strtoul(at, &end, 10);
        if (*at && *end == 0 && n <= 65535) {
            *port = (uint16_t)n;
            return true;
        }
    }
    return err_set(err, "-gdb %s: not a loopback TCP address; write tcp::PORT or tcp:127.0.0.1:PORT", where);
}

struct gdb *gdb_create(const struct gdb_target *target, const char *where, struct err *err)
{
    uint16_t port;
    if (!parse_where(where, &port, err)) return NULL;
    int listener = host_listen_loopback(&port, err);
    if (listener < 0) return NULL;
    struct gdb *g = calloc(1, sizeof *g);
    if (g) g->observers = calloc(target->harts, sizeof *g->observers);
    if (!g || !g->observers) {
        free(g);
        host_close(listener);
        err_set(err, "-gdb: out of host memory");
        return NULL;
    }
    g->target = *target;
    g->listener = listener;
    g->client = g->poll_index = g->poll_listener_index = -1;
    g->tcp_port = port;
    g->running = true;
    for (unsigned i = 0; i < target->harts; i++) g->observers[i] = points_observer(&g->points);
    return g;
}

uint16_t gdb_tcp_port(const struct gdb *g) { return g->tcp_port; }

void gdb_destroy(struct gdb *g)
{
    if (!g) return;
    drop_client(g);
    host_close(g->listener);
    free(g->description);
    free(g->observers);
    free(g);
}
