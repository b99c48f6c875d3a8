#include "emu/net_slirp.h"

#include "emu/base/bits.h"
#include "emu/base/host_poll.h"
#include "emu/opts.h"
#include <arpa/inet.h>
#include <errno.h>
#include <slirp/libslirp.h>
#include <stdlib.h>

/* From a frame's entry until the guest's card gets it: a fast wire, and the same for every frame, so that answers which the stack
 * gives by itself repeat. */
#define WIRE_PS (20 * 1000 * PS_PER_NS)

#define FRAMES_MAX 1024u /* on their way to the guest; more are dropped, as a switch would */
#define TIMERS_MAX 8u

struct timer {
    SlirpTimerCb fire; /* NULL: a free slot */
    void *opaque;
    int64_t expires_ms; /* of the host's clock; < 0: not armed */
};

struct frame {
    uint8_t *bytes;
    uint32_t length;
};

struct net_slirp {
    Slirp *slirp;
    struct netdev netdev;
    struct event_queue *events;
    struct log *log;
    struct event deliver;
    struct frame frames[FRAMES_MAX]; /* a ring */
    uint32_t first, count;
    struct timer timers[TIMERS_MAX];
};

/* ---- towards the guest ---- */

static void deliver_soon(struct net_slirp *n)
{
    if (n->count && !event_is_scheduled(&n->deliver))
        event_schedule(n->events, &n->deliver, event_now(n->events) + WIRE_PS);
}

static void drop_first(struct net_slirp *n)
{
    free(n->frames[n->first].bytes);
    n->first = (n->first + 1) % FRAMES_MAX;
    n->count--;
}

/* What the card has no buffer for stays until it says `resume`. */
static void deliver(void *owner)
{
    struct net_slirp *n = owner;
    while (n->count) {
        const struct frame *f = &n->frames[n->first];
        if (n->netdev.receive && !n->netdev.receive(n->netdev.frontend, f->bytes, f->length)) return;
        drop_first(n);
    }
}

static bool enqueue(struct net_slirp *n, const void *bytes, size_t length)
{
    uint8_t *copy = n->count < FRAMES_MAX && length <= NETDEV_FRAME_MAX ? malloc(length ? length : 1) : NULL;
    if (!copy) return false;
    memcpy(copy, bytes, length);
    n->frames[(n->first + n->count++) % FRAMES_MAX] = (struct frame){copy, (uint32_t)length};
    return true;
}

static void netdev_resume(void *backend) { deliver_soon(backend); }

static void netdev_send(void *backend, const uint8_t *frame, size_t length)
{
    slirp_input(((struct net_slirp *)backend)->slirp, frame, (int)length);
}

/* ---- what the stack asks of us ---- */

static ssize_t stack_send(const void *bytes, size_t length, void *opaque)
{
    struct net_slirp *n = opaque;
    if (enqueue(n, bytes, length)) deliver_soon(n);
    return (ssize_t)length; /* a dropped frame is the sender's to repeat */
}

static void stack_guest_error(const char *text, void *opaque)
{
    log_line(((struct net_slirp *)opaque)->log, LOG_GUEST_ERROR, "user network: %s", text);
}

static int64_t stack_clock_ns(void *opaque)
{
    (void)opaque;
    return (int64_t)host_clock_ns();
}

static void *stack_timer_new(SlirpTimerCb fire, void *timer_opaque, void *opaque)
{
    struct net_slirp *n = opaque;
    for (unsigned i = 0; i < TIMERS_MAX; i++) {
        if (n->timers[i].fire) continue;
        n->timers[i] = (struct timer){fire, timer_opaque, -1};
        return &n->timers[i];
    }
    return NULL; /* libslirp has one timer */
}

static void stack_timer_free(void *timer, void *opaque)
{
    (void)opaque;
    if (timer) *(struct timer *)timer = (struct timer){0};
}

static void stack_timer_mod(void *timer, int64_t expires_ms, void *opaque)
{
    (void)opaque;
    if (timer) ((struct timer *)timer)->expires_ms = expires_ms;
}

/* All descriptors are asked for anew at each wait, and the machine waits in the same thread. */
static void stack_no_fd(int fd, void *opaque) { (void)fd, (void)opaque; }
static void stack_notify(void *opaque) { (void)opaque; }

static const SlirpCb callbacks = {
    .send_packet = stack_send,
    .guest_error = stack_guest_error,
    .clock_get_ns = stack_clock_ns,
    .timer_new = stack_timer_new,
    .timer_free = stack_timer_free,
    .timer_mod = stack_timer_mod,
    .register_poll_fd = stack_no_fd,
    .unregister_poll_fd = stack_no_fd,
    .notify = stack_notify,
};

/* ---- the port ---- */

static const struct {
    int slirp;
    short host;
} poll_bits[] = {
    {SLIRP_POLL_IN, POLLIN},   {SLIRP_POLL_OUT, POLLOUT}, {SLIRP_POLL_PRI, POLLPRI},
    {SLIRP_POLL_ERR, POLLERR}, {SLIRP_POLL_HUP, POLLHUP},
};

static int add_poll(int fd, int events, void *opaque)
{
    short host = 0;
    for (unsigned i = 0; i < ARRAY_LEN(poll_bits); i++)
        if (events & poll_bits[i].slirp) host |= poll_bits[i].host;
    return host_poll_add(opaque, fd, host);
}

static int get_revents(int index, void *opaque)
{
    short host = host_poll_revents(opaque, index);
    int events = 0;
    for (unsigned i = 0; i < ARRAY_LEN(poll_bits); i++)
        if (host & poll_bits[i].host) events |= poll_bits[i].slirp;
    return events;
}

static void port_prepare(void *self, struct host_poll *p)
{
    struct net_slirp *n = self;
    uint32_t timeout_ms = UINT32_MAX;
    slirp_pollfds_fill(n->slirp, &timeout_ms, add_poll, p);
    if (timeout_ms != UINT32_MAX) host_poll_limit(p, (int64_t)timeout_ms * 1000000);
    for (unsigned i = 0; i < TIMERS_MAX; i++) {
        if (!n->timers[i].fire || n->timers[i].expires_ms < 0) continue;
        int64_t wait_ns = n->timers[i].expires_ms * 1000000 - (int64_t)host_clock_ns();
        host_poll_limit(p, wait_ns > 0 ? wait_ns : 0);
    }
}

static void port_serve(void *self, struct host_poll *p)
{
    struct net_slirp *n = self;
    slirp_pollfds_poll(n->slirp, 0, get_revents, p);
    int64_t now_ms = (int64_t)(host_clock_ns() / 1000000);
    for (unsigned i = 0; i < TIMERS_MAX; i++) {
        struct timer *t = &n->timers[i];
        if (!t->fire || t->expires_ms < 0 || t->expires_ms > now_ms) continue;
        t->expires_ms = -1;
        t->fire(t->opaque);
    }
}

static int count_fd(int fd, int events, void *opaque)
{
    (void)fd, (void)events;
    return (int)(*(unsigned *)opaque)++;
}

/* Something may come from outside while a socket or a timer is there. */
static bool port_live(void *self)
{
    struct net_slirp *n = self;
    uint32_t timeout_ms = UINT32_MAX;
    unsigned sockets = 0;
    slirp_pollfds_fill(n->slirp, &timeout_ms, count_fd, &sockets);
    bool armed = false;
    for (unsigned i = 0; i < TIMERS_MAX; i++) armed |= n->timers[i].fire && n->timers[i].expires_ms >= 0;
    return sockets || armed;
}

void net_slirp_port(struct net_slirp *n, struct port *port)
{
    *port = (struct port){.prepare = port_prepare, .serve = port_serve, .live = port_live, .self = n};
}

/* ---- options ---- */

/* "10.0.2.0/24": leaves room for gateway, name server and DHCP. */
static bool parse_network(const char *text, struct in_addr *network, struct in_addr *mask, struct err *err)
{
    char address[16];
    unsigned bits = 24;
    int end = 0;
    bool ok = (sscanf(text, "%15[0-9.]%n/%u%n", address, &end, &bits, &end) >= 1) && !text[end] &&
              inet_pton(AF_INET, address, network) == 1;
    if (!ok || bits < 8 || bits > 27)
        return err_set(err, "-netdev net=%s: must look like 10.0.2.0/24, the length from 8 to 27", text);
    mask->s_addr = htonl(UINT32_MAX << (32 - bits));
    if (network->s_addr & ~mask->s_addr)
        return err_set(err, "-netdev net=%s: bits are set behind the first %u", text, bits);
    return true;
}

static bool parse_port(const char *text, size_t length, int *port)
{
    char digits[6] = {0};
    if (length == 0 || length >= sizeof digits || strspn(text, "0123456789") < length) return false;
    memcpy(digits, text, length);
    *port = atoi(digits);
    return *port <= 65535;
}

/* "ADDR:PORT" up to the character `end`; an empty address leaves *address as it is. Returns what follows, or NULL. */
static const char *parse_endpoint(const char *text, char end, struct in_addr *address, int *port)
{
    const char *colon = strchr(text, ':'), *stop = colon ? strchr(colon, end) : NULL;
    char host[16] = {0};
    if (!stop || (size_t)(colon - text) >= sizeof host || !parse_port(colon + 1, (size_t)(stop - colon - 1), port))
        return NULL;
    memcpy(host, text, (size_t)(colon - text));
    if (*host && inet_pton(AF_INET, host, address) != 1) return NULL;
    return end ? stop + 1 : stop;
}

/* "tcp:127.0.0.1:2222-10.0.2.15:22" */
static bool add_forward(struct net_slirp *n, const char *text, struct in_addr guest, struct err *err)
{
    bool udp = !strncmp(text, "udp:", 4);
    struct in_addr host = {htonl(INADDR_LOOPBACK)};
    int host_port = 0, guest_port = 0;
    const char *at = udp || !strncmp(text, "tcp:", 4) ? parse_endpoint(text + 4, '-', &host, &host_port) : NULL;
    if (at) at = parse_endpoint(at, 0, &guest, &guest_port);
    if (!at || guest_port == 0) return err_set(err, "-netdev hostfwd=%s: must look like tcp:127.0.0.1:2222-:22", text);
    if (slirp_add_hostfwd(n->slirp, udp, host, host_port, guest, guest_port) < 0)
        return err_set(err, "-netdev hostfwd=%s: cannot listen there: %s", text, strerror(errno));
    return true;
}

static struct in_addr in_network(struct in_addr network, uint32_t host)
{
    return (struct in_addr){network.s_addr | htonl(host)};
}

static bool configure(SlirpConfig *c, const struct opts *o, struct err *err)
{
    static const char *const keys[] = {"type", "id", "net", "restrict", "hostname", "ipv6", "hostfwd", NULL};
    const char *network = opts_get(o, "net"), *hostname = opts_get(o, "hostname");
    bool restricted, ipv6;
    *c = (SlirpConfig){.version = 1, .in_enabled = true, .vhostname = hostname ? hostname : "orrery"};
    if (!opts_only(o, keys, err) ||
        !parse_network(network ? network : "10.0.2.0/24", &c->vnetwork, &c->vnetmask, err) ||
        !opts_bool(o, "restrict", false, &restricted, err) || !opts_bool(o, "ipv6", false, &ipv6, err))
        return false;
    c->restricted = restricted;
    c->vhost = in_network(c->vnetwork, 2);
    c->vnameserver = in_network(c->vnetwork, 3);
    c->vdhcp_start = in_network(c->vnetwork, 15);
    c->in6_enabled = ipv6;
    c->vprefix_len = 64;
    inet_pton(AF_INET6, "fec0::", &c->vprefix_addr6);
    inet_pton(AF_INET6, "fec0::2", &c->vhost6);
    inet_pton(AF_INET6, "fec0::3", &c->vnameserver6);
    return true;
}

/* ---- life ---- */

struct net_slirp *net_slirp_create(const struct opts *o, struct event_queue *events, struct log *log, struct err *err)
{
    SlirpConfig config;
    if (!configure(&config, o, err)) return NULL;
    struct net_slirp *n = calloc(1, sizeof *n);
    if (!n) {
        err_set(err, "-netdev %s: out of memory", o->text);
        return NULL;
    }
    n->events = events;
    n->log = log;
    n->netdev = (struct netdev){.send = netdev_send, .resume = netdev_resume, .backend = n};
    event_init(&n->deliver, "network frame", deliver, n);
    n->slirp = slirp_new(&config, &callbacks, n);
    bool ok = n->slirp || err_set(err, "-netdev %s: the network stack did not start", o->text);
    for (unsigned i = 0; i < o->count && ok; i++) {
        if (strcmp(o->item[i].key, "hostfwd")) continue;
        const char *text = o->item[i].value ? o->item[i].value : "";
        ok = add_forward(n, text, config.vdhcp_start, err);
    }
    if (ok) return n;
    net_slirp_destroy(n);
    return NULL;
}

void net_slirp_destroy(struct net_slirp *n)
{
    if (!n) return;
    event_cancel(n->events, &n->deliver);
    if (n->slirp) slirp_cleanup(n->slirp);
    while (n->count) drop_first(n);
    free(n);
}

struct netdev *net_slirp_netdev(struct net_slirp *n) { return &n->netdev; }

void net_slirp_state(struct net_slirp *n, struct state *s)
{
    uint8_t bytes[NETDEV_FRAME_MAX];
    state_tag(s, "user-net", 1);
    uint32_t count = n->count;
    state_u32(s, &count);
    if (s->restoring)
        while (n->count) drop_first(n);
    for (uint32_t i = 0; i < count && state_ok(s); i++) {
        struct frame *f = &n->frames[(n->first + i) % FRAMES_MAX];
        uint32_t length = s->restoring ? 0 : f->length;
        state_u32(s, &length);
        if (length > NETDEV_FRAME_MAX) state_refuse(s, "a waiting frame is too long");
        if (!state_ok(s)) return;
        state_bytes(s, s->restoring ? bytes : f->bytes, length);
        if (s->restoring && state_ok(s) && !enqueue(n, bytes, length)) state_refuse(s, "too many frames wait");
    }
    state_event(s, n->events, &n->deliver);
}
