/* The user-mode network: a whole little internet behind the guest's card, in this process, without privileges (libslirp).
 *
 *   -netdev user,id=n0[,net=10.0.2.0/24][,restrict=on][,hostname=H][,ipv6=on][,hostfwd=tcp|udp:[HOSTADDR]:HOSTPORT-[GUESTADDR]:GUESTPORT]…
 *
 * The guest finds a gateway (10.0.2.2, which is also the host), a name server (10.0.2.3) and DHCP (from 10.0.2.15). A hostfwd without
 * an address listens on 127.0.0.1 only; an empty guest address means 10.0.2.15.
 *
 * Time: answers that the stack gives by itself (ARP, DHCP, ping of the gateway) come at a fixed guest time after the question, so they
 * repeat; what comes from sockets and from the stack's timers (host clock) enters at round boundaries, through the port. IPv6 is off by
 * default because its router advertisements come by the host clock, unasked. */
#ifndef ORRERY_NET_SLIRP_H
#define ORRERY_NET_SLIRP_H

#include "devices/netdev.h"
#include "emu/base/err.h"
#include "emu/base/event.h"
#include "emu/base/log.h"
#include "emu/base/state.h"

struct opts; /* emu/opts.h */
struct port; /* emu/base/host_poll.h */
struct net_slirp;

/* o: the comma list of one -netdev, its first word ("user") under the key "type". NULL with text on unknown keys, bad values, or a
 * port that is taken. events, log: borrowed. */
struct net_slirp *net_slirp_create(const struct opts *o, struct event_queue *events, struct log *log, struct err *err);
void net_slirp_destroy(struct net_slirp *n); /* NULL is fine */
struct netdev *net_slirp_netdev(struct net_slirp *n);
/* Fills in the port by which the machine lets the stack see the host. It keeps the machine from skipping idle time only while
 * connections or forwards exist. */
void net_slirp_port(struct net_slirp *n, struct port *port);
/* Frames on their way to the guest. Connections of the host do not survive a snapshot. */
void net_slirp_state(struct net_slirp *n, struct state *s);

#endif
