/* The user network: frames in, frames out, through the same port that the machine serves. */
#include "device_bench.h"
#include "emu/base/bits.h"
#include "emu/base/host_poll.h"
#include "emu/net_slirp.h"
#include "emu/opts.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct bench bench;
static uint8_t last[2048];
static size_t last_length;
static unsigned frames;
static bool full;

static bool take(void *frontend, const uint8_t *frame, size_t n)
{
    (void)frontend;
    if (full) return false;
    frames++;
    last_length = n;
    memcpy(last, frame, n < sizeof last ? n : sizeof last);
    return true;
}

static struct net_slirp *make(const char *text, struct err *err)
{
    struct opts o;
    bench_init(&bench);
    frames = 0;
    full = false;
    cr_assert(opts_parse(&o, "-netdev", text, "type", err), "%s", err->text);
    struct net_slirp *n = net_slirp_create(&o, &bench.events, &bench.log, err);
    opts_finish(&o);
    if (n) net_slirp_netdev(n)->receive = take;
    return n;
}

static void finish(struct net_slirp *n)
{
    net_slirp_destroy(n);
    cr_assert_eq(bench.events.count, 0);
    event_queue_finish(&bench.events);
}

/* Serves the port as the machine does, for at most `ms` of host time or until a frame comes. */
static void serve(struct net_slirp *n, int ms)
{
    struct port port;
    net_slirp_port(n, &port);
    for (unsigned before = frames; ms > 0 && frames == before; ms -= 5) {
        struct host_poll p = {.timeout_ns = 5000000};
        port.prepare(port.self, &p);
        host_poll_wait(&p);
        port.serve(port.self, &p);
        bench_pass(&bench, PS_PER_S / 200);
    }
}

#define GUEST_MAC 0x52, 0x54, 0x00, 0x12, 0x34, 0x56

/* "Who has 10.0.2.2? Tell 10.0.2.15." */
static const uint8_t arp_request[42] = {
    0xff, 0xff,      0xff, 0xff, 0xff, 0xff, GUEST_MAC, 0x08, 0x06, 0, 1, 8, 0,  6, 4, 0,
    1,    GUEST_MAC, 10,   0,    2,    15,   0,         0,    0,    0, 0, 0, 10, 0, 2, 2,
};

static void transmit(struct net_slirp *n, const uint8_t *frame, size_t length)
{
    struct netdev *d = net_slirp_netdev(n);
    d->send(d->backend, frame, length);
}

Test(net_slirp, answers_arp_at_a_fixed_guest_time_without_the_host)
{
    struct err err;
    struct net_slirp *n = make("user,id=n0", &err);
    cr_assert(n, "%s", err.text);
    transmit(n, arp_request, sizeof arp_request);
    cr_assert_eq(frames, 0, "never from within send");
    bench_pass(&bench, 19 * 1000 * PS_PER_NS);
    cr_assert_eq(frames, 0);
    bench_pass(&bench, 1000 * PS_PER_NS);
    cr_assert_eq(frames, 1);
    cr_assert_eq(last[21], 2, "an ARP reply");
    cr_assert_arr_eq(last + 28, ((uint8_t[]){10, 0, 2, 2}), 4);
    finish(n);
}

Test(net_slirp, keeps_frames_for_a_card_without_buffers)
{
    struct err err;
    struct net_slirp *n = make("user,id=n0", &err);
    full = true;
    for (int i = 0; i < 3; i++) transmit(n, arp_request, sizeof arp_request);
    bench_pass(&bench, PS_PER_S);
    cr_assert_eq(frames, 0);
    full = false;
    struct netdev *d = net_slirp_netdev(n);
    d->resume(d->backend);
    cr_assert_eq(frames, 0, "never from within resume");
    bench_pass(&bench, PS_PER_S);
    cr_assert_eq(frames, 3);
    finish(n);
}

Test(net_slirp, frames_on_their_way_are_saved)
{
    struct err err;
    struct net_slirp *n = make("user,id=n0", &err);
    transmit(n, arp_request, sizeof arp_request);
    struct state s, r;
    state_init_save(&s);
    net_slirp_state(n, &s);
    bench_pass(&bench, PS_PER_S);
    cr_assert_eq(frames, 1);
    state_init_restore(&r, s.data, s.length);
    net_slirp_state(n, &r);
    cr_assert(state_ok(&r));
    state_finish(&s);
    bench_pass(&bench, PS_PER_S);
    cr_assert_eq(frames, 2);
    finish(n);
}

Test(net_slirp, is_live_only_while_something_may_come)
{
    struct err err;
    struct port port;
    struct net_slirp *n = make("user,id=n0", &err);
    net_slirp_port(n, &port);
    cr_assert(!port.live(port.self));
    transmit(n, arp_request, sizeof arp_request);
    cr_assert(!port.live(port.self), "answered by the stack itself");
    finish(n);
    n = make("user,id=n0,hostfwd=tcp::0-:22", &err);
    cr_assert(n, "%s", err.text);
    net_slirp_port(n, &port);
    cr_assert(port.live(port.self));
    finish(n);
}

static int free_port(void)
{
    int s = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof a;
    cr_assert(!bind(s, (struct sockaddr *)&a, sizeof a) && !getsockname(s, (struct sockaddr *)&a, &n));
    close(s);
    return ntohs(a.sin_port);
}

/* A connection to the forwarded port makes the stack ask for the guest's address, then (answered) send a SYN to its port 22. */
Test(net_slirp, forwards_a_port_on_loopback)
{
    struct err err;
    char text[64];
    int port = free_port();
    snprintf(text, sizeof text, "user,id=n0,hostfwd=tcp::%d-:22", port);
    struct net_slirp *n = make(text, &err);
    cr_assert(n, "%s", err.text);
    int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons((uint16_t)port)};
    connect(s, (struct sockaddr *)&a, sizeof a);
    serve(n, 2000);
    cr_assert_eq(frames, 1, "an ARP request for the guest");
    cr_assert_arr_eq(last + 38, ((uint8_t[]){10, 0, 2, 15}), 4);
    uint8_t reply[42] = {0};
    memcpy(reply, last + 6, 6);
    memcpy(reply + 6, (uint8_t[]){GUEST_MAC}, 6);
    memcpy(reply + 12, (uint8_t[]){8, 6, 0, 1, 8, 0, 6, 4, 0, 2, GUEST_MAC, 10, 0, 2, 15}, 20);
    memcpy(reply + 32, last + 22, 10);
    transmit(n, reply, sizeof reply);
    serve(n, 2000);
    cr_assert_eq(last[23], 6, "TCP");
    cr_assert_eq(last[36] << 8 | last[37], 22);
    cr_assert_eq(last[47] & 0x12, 0x02, "SYN");
    close(s);
    finish(n);
}

Test(net_slirp, forwards_only_from_loopback_unless_told)
{
    struct err err;
    char text[64];
    int port = free_port();
    snprintf(text, sizeof text, "user,id=n0,hostfwd=tcp::%d-:22", port);
    struct net_slirp *n = make(text, &err);
    int s = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(0x7f000002)}, .sin_port = htons((uint16_t)port)};
    cr_assert_eq(connect(s, (struct sockaddr *)&a, sizeof a), -1, "127.0.0.2 is not 127.0.0.1");
    close(s);
    finish(n);
}

Test(net_slirp, bad_options_are_refused_with_their_text)
{
    static const char *const bad[] = {
        "user,id=n0,net=10.0.2.1/24",
        "user,id=n0,net=x",
        "user,id=n0,net=10.0.2.0/33",
        "user,id=n0,net=10.0.2.0/24x",
        "user,id=n0,restrict=maybe",
        "user,id=n0,hostfwd=tcp:22",
        "user,id=n0,hostfwd=sctp::2222-:22",
        "user,id=n0,hostfwd=tcp::70000-:22",
        "user,id=n0,hostfwd=tcp::2222-:0",
        "user,id=n0,hostfwd=tcp:1.2.3:2222-:22",
        "user,id=n0,hostfwd",
        "user,id=n0,smb=/tmp",
    };
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = {{0}};
        cr_assert_null(make(bad[i], &err), "%s", bad[i]);
        cr_assert_eq(strncmp(err.text, "-netdev", 7), 0, "%s: %s", bad[i], err.text);
        event_queue_finish(&bench.events);
    }
    struct err err;
    struct net_slirp *n = make("user,id=n0,net=192.168.76.0/24,restrict=on,hostname=box", &err);
    cr_assert(n, "%s", err.text);
    finish(n);
}

Test(net_slirp, a_taken_port_is_refused)
{
    struct err err = {{0}};
    char text[64];
    int port = free_port();
    snprintf(text, sizeof text, "user,id=n0,hostfwd=tcp::%d-:22", port);
    struct net_slirp *n = make(text, &err);
    struct bench kept = bench;
    cr_assert_null(make(text, &err));
    cr_assert(strstr(err.text, "cannot listen"), "%s", err.text);
    event_queue_finish(&bench.events);
    bench = kept;
    finish(n);
}
