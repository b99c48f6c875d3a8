/* The host side of time: when ports are served, when the machine sleeps. Guest time never comes from here unless --realtime asks for
 * it, or input ends an idle wait. */
#include "emu/base/host_term.h"
#include "emu/machine.h"

#define POLL_NS      1000000   /* look at the ports at most every millisecond */
#define POLL_ROUNDS  4         /* the clock is looked at after so many rounds */
#define NOT_WORTH_NS 50000     /* shorter sleeps are skipped */
#define NAP_NS       500000000 /* longer sleeps are cut: a signal just before the wait is seen after this long */

/* Guest time that corresponds to the present host time. */
static ps_t host_time(const struct machine *m, uint64_t now_ns)
{
    return m->anchor_ps + (now_ns - m->anchor_ns) * PS_PER_NS;
}

static void anchor(struct machine *m, uint64_t now_ns)
{
    m->anchor_ps = m->now;
    m->anchor_ns = now_ns;
}

void pace_start(struct machine *m) { anchor(m, m->last_poll_ns = host_clock_ns()); }

static void wait_for_ports(struct machine *m, struct host_poll *p, int64_t timeout_ns)
{
    p->count = 0;
    p->timeout_ns = timeout_ns < 0 || timeout_ns > NAP_NS ? NAP_NS : timeout_ns;
    for (unsigned i = 0; i < m->port_count; i++)
        if (m->ports[i].prepare) m->ports[i].prepare(m->ports[i].self, p);
    if (p->count || p->timeout_ns) host_poll_wait(p);
}

static void serve_waited(struct machine *m, struct host_poll *p)
{
    for (unsigned i = 0; i < m->port_count; i++)
        if (m->ports[i].serve) m->ports[i].serve(m->ports[i].self, p);
    if (host_signal()) machine_stop_with(m, MACHINE_EXIT, 128 + host_signal());
    m->last_poll_ns = host_clock_ns();
}

static void serve_ports(struct machine *m, int64_t timeout_ns)
{
    struct host_poll p;
    wait_for_ports(m, &p, timeout_ns);
    serve_waited(m, &p);
}

/* --realtime: guest time catches up with the host at each boundary. */
static void follow_host(struct machine *m, uint64_t now_ns)
{
    ps_t t = host_time(m, now_ns);
    if (t > m->now) machine_skip_to(m, t);
}

void pace_poll(struct machine *m)
{
    if (!m->config->realtime && ++m->polls % POLL_ROUNDS) return;
    uint64_t now_ns = host_clock_ns();
    if (now_ns - m->last_poll_ns >= POLL_NS) serve_ports(m, 0);
    if (m->config->realtime) follow_host(m, now_ns);
}

static bool any_live(const struct machine *m)
{
    for (unsigned i = 0; i < m->port_count; i++)
        if (!m->ports[i].live || m->ports[i].live(m->ports[i].self)) return true;
    return false;
}

/* Guest time may lag behind the host (the guest computed) but not lead: what it is behind is caught up by not sleeping, what it is
 * ahead is forgotten. Input is seen when it came, not when the idling began: the time goes first, then the ports are served. */
ps_t pace_idle(struct machine *m, ps_t until)
{
    bool live = any_live(m);
    if (!live && !m->config->realtime) {
        if (until == PS_NEVER) machine_stop_with(m, MACHINE_DEAD, 0);
        return until == PS_NEVER ? m->now : until;
    }
    uint64_t now_ns = host_clock_ns();
    if (!m->config->realtime && host_time(m, now_ns) < m->now) anchor(m, now_ns);
    ps_t present = host_time(m, now_ns);
    if (until != PS_NEVER && until <= present + NOT_WORTH_NS * PS_PER_NS) return until;
    struct host_poll p;
    wait_for_ports(m, &p, until == PS_NEVER ? -1 : (int64_t)((until - present) / PS_PER_NS));
    present = host_time(m, host_clock_ns());
    if (present < m->now) present = m->now;
    if (present > until) present = until;
    if (!m->spike_rhythm) machine_idle_to(m, present);
    serve_waited(m, &p);
    return present;
}

void pace_stand(struct machine *m)
{
    serve_ports(m, -1);
    anchor(m, m->last_poll_ns);
}
