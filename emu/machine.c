#include "emu/machine.h"

#include "emu/base/bits.h"
#include "emu/chars.h"
#include "emu/commit_log.h"
#include "emu/gdb/gdb.h"
#include "emu/htif.h"
#include "emu/monitor.h"
#include "emu/virtio_slots.h"
#include <stdlib.h>

/* ---- time ---------------------------------------------------------------------------------------------------------------- */

static ps_t local_time(const struct machine *m, const struct machine_hart *s)
{
    return s->base + (hart_icount(s->hart) - s->base_icount) * m->ps_per_insn;
}

static void set_local_time(struct machine_hart *s, ps_t t)
{
    s->base = t;
    s->base_icount = hart_icount(s->hart);
}

ps_t machine_hart_time(const struct machine *m, unsigned hart) { return local_time(m, &m->harts[hart]); }

static ps_t clock_now(void *machine)
{
    const struct machine *m = machine;
    return m->running >= 0 && !m->spike_rhythm ? local_time(m, &m->harts[m->running]) : m->now;
}

/* What the guest's `time` shows: mtime may have been moved against guest time. */
static ps_t guest_time(void *machine)
{
    const struct machine *m = machine;
    return !m->aclint ? 0 : aclint_time(m->aclint) * (PS_PER_S / MACHINE_TIMEBASE_HZ);
}

static void deadline_moved(void *machine)
{
    struct machine *m = machine;
    ps_t first = event_next(&m->events);
    if (m->spike_rhythm || (!m->round_open && m->running < 0) || first >= m->round_end) return;
    m->round_end = first > m->now ? first : m->now;
    if (m->running >= 0) hart_kick(m->harts[m->running].hart);
}

static void stimer_changed(void *machine, unsigned index)
{
    struct machine *m = machine;
    struct machine_hart *s = &m->harts[index];
    uint64_t ticks = s->hart ? hart_timer_deadline(s->hart) : UINT64_MAX;
    ps_t when = ticks == UINT64_MAX ? PS_NEVER : aclint_time_to_ps(m->aclint, ticks);
    if (when == PS_NEVER)
        event_cancel(&m->events, &s->stimer);
    else
        event_schedule(&m->events, &s->stimer, when);
}

static void stimer_fired(void *owner)
{
    struct machine_hart *s = owner;
    hart_timer_check(s->hart);
    stimer_changed(s->hart->env->machine, s->hart->id);
}

static void mtime_shifted(void *machine)
{
    struct machine *m = machine;
    for (unsigned i = 0; i < m->hart_count; i++)
        if (m->harts[i].hart) stimer_fired(&m->harts[i]);
}

/* ---- rounds -------------------------------------------------------------------------------------------------------------- */

static bool sleeps(const struct hart *h) { return h->waiting && !hart_wakes(h); }

static bool all_sleep(const struct machine *m)
{
    for (unsigned i = 0; i < m->hart_count; i++)
        if (!sleeps(m->harts[i].hart)) return false;
    return true;
}

/* Bare programs run in Spike's rhythm, so that their commit logs agree: a turn ends early at a trap, and takes its full time all the
 * same; deadlines count at the end of a round only; mtime moves then, too; an LR's
 * reservation does not outlive the turn. */
static bool turn_is_over(const struct machine *m, const struct machine_hart *s)
{
    return s->hart->stalled || (m->spike_rhythm && s->hart->trapped);
}

/* Lets one hart have its turn; false: the debugger wants the machine to stand still here. */
static bool take_turn(struct machine *m, unsigned index)
{
    struct machine_hart *s = &m->harts[index];
    enum hart_stop why = HART_BUDGET;
    ps_t t;
    m->running = (int)index;
    s->hart->trapped = s->hart->stalled = false;
    while (!m->stop && why == HART_BUDGET && !sleeps(s->hart) && !turn_is_over(m, s) &&
           (t = local_time(m, s)) < m->round_end)
        why = hart_run(s->hart, (m->round_end - t + m->ps_per_insn - 1) / m->ps_per_insn);
    m->running = -1;
    if (why == HART_BREAKPOINT) {
        m->stopped_hart = index;
        if (!m->gdb) machine_stop_with(m, MACHINE_DEBUG, 0);
        m->paused = m->gdb;
        return false;
    }
    if ((sleeps(s->hart) || turn_is_over(m, s)) && local_time(m, s) < m->round_end) set_local_time(s, m->round_end);
    if (m->spike_rhythm) s->hart->reservation = 0;
    return true;
}

/* Instructions. Turns are short where somebody looks at what a hart did at their ends: another hart, the front end of a bare program,
 * whoever set a limit, or whoever reads what is logged of every instruction. A hart alone only has to let the host be heard, and the end of a turn costs as much as a thousand instructions. */
static unsigned turn_length(const struct machine *m)
{
    bool watched = m->hart_count > 1 || m->spike_rhythm || m->htif || m->config->max_insns || m->commit_log ||
                   log_on(&m->log, LOG_EXEC);
    return watched ? MACHINE_QUANTUM : MACHINE_LONG_TURN;
}

/* An idle wait may end because input woke a hart: then that hart's turn is one like any other, from the time that it is by now. */
static void open_round(struct machine *m)
{
    bool idle = all_sleep(m);
    ps_t idle_end = idle ? pace_idle(m, event_next(&m->events)) : 0;
    ps_t first = event_next(&m->events);
    ps_t quantum = turn_length(m) * m->ps_per_insn, end = m->now + quantum;
    if (idle && (m->spike_rhythm || all_sleep(m))) end = idle_end;
    if (m->spike_rhythm)
        end = m->now + (end > m->now + quantum ? (end - m->now + quantum - 1) / quantum * quantum : quantum);
    else if (first < end)
        end = first;
    m->round_end = end;
    if (m->round_end < m->now) m->round_end = m->now;
    m->turn = 0;
    m->round_open = true;
}

static void close_round(struct machine *m)
{
    ps_t end = m->round_end;
    m->round_open = false;
    for (struct event *e; !m->stop && (e = event_take(&m->events, end));) {
        if (e->when > m->now) m->now = e->when;
        e->fire(e->owner);
    }
    m->now = end;
    if (m->htif) htif_poll(m->htif);
    pace_poll(m);
    if (m->config->max_insns && hart_icount(m->harts[0].hart) >= m->config->max_insns)
        machine_stop_with(m, MACHINE_LIMIT, 0);
}

static void stand_still(struct machine *m)
{
    if (m->gdb && !m->pause_reported) gdb_report_stop(m->gdb, m->stopped_hart);
    m->pause_reported = true;
    chars_flush(m->chars);
    pace_stand(m);
}

static void run_round(struct machine *m)
{
    if (m->paused) {
        stand_still(m);
        return;
    }
    m->pause_reported = false;
    if (!m->round_open) open_round(m);
    if (m->stop) return;
    for (; m->turn < m->hart_count; m->turn++)
        if (!take_turn(m, m->turn)) return;
    close_round(m);
}

enum machine_stop machine_run(struct machine *m)
{
    m->stop = MACHINE_RUNNING;
    for (;;) {
        while (!m->stop) run_round(m);
        if (m->stop != MACHINE_RESET_WANTED) return m->stop;
        machine_reset(m);
        m->stop = MACHINE_RUNNING;
    }
}

void machine_stop_with(struct machine *m, enum machine_stop why, int exit_code)
{
    if (m->stop) return;
    m->stop = why;
    m->exit_code = exit_code;
    if (m->running >= 0) hart_kick(m->harts[m->running].hart);
}

/* Asked before every instruction: stops the hart before the second, so that one that traps counts as a step as well. */
static bool second_instruction(void *self, struct hart *h, uint64_t pc)
{
    (void)h, (void)pc;
    bool *begun = self;
    bool second = *begun;
    *begun = true;
    return second;
}

void machine_step_hart(struct machine *m, unsigned hart)
{
    struct machine_hart *s = &m->harts[hart];
    if (!m->round_open) open_round(m);
    if (sleeps(s->hart)) set_local_time(s, m->round_end);
    m->running = (int)hart;
    bool begun = false;
    struct observer one = {.before = second_instruction, .self = &begun};
    hart_attach(s->hart, &one);
    hart_run(s->hart, 1);
    hart_detach(s->hart, &one);
    m->running = -1;
    if (local_time(m, s) >= m->round_end) close_round(m);
}

void machine_skip_to(struct machine *m, ps_t t)
{
    ps_t by = t - m->now;
    for (unsigned i = 0; i < m->hart_count; i++) set_local_time(&m->harts[i], local_time(m, &m->harts[i]) + by);
    m->now = t;
}

void machine_idle_to(struct machine *m, ps_t t)
{
    for (unsigned i = 0; i < m->hart_count; i++)
        if (local_time(m, &m->harts[i]) < t) set_local_time(&m->harts[i], t);
    m->now = t;
}

uint64_t machine_icount(const struct machine *m)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < m->hart_count; i++) sum += hart_icount(m->harts[i].hart);
    return sum;
}

/* ---- power --------------------------------------------------------------------------------------------------------------- */

static void power_requested(void *machine, enum power_request what, unsigned code)
{
    struct machine *m = machine;
    if (what == POWER_OFF) {
        machine_stop_with(m, MACHINE_EXIT, 0);
    } else if (what == POWER_FAIL) {
        machine_stop_with(m, MACHINE_EXIT, code & 0xff ? (int)(code & 0xff) : 1);
    } else if (m->config->no_reboot) {
        machine_stop_with(m, MACHINE_EXIT, 0);
    } else {
        machine_stop_with(m, MACHINE_RESET_WANTED, 0);
    }
}

struct power_port machine_power_port(struct machine *m) { return (struct power_port){power_requested, m}; }

void machine_reset(struct machine *m)
{
    for (unsigned i = 0; i < m->device_count; i++)
        if (m->devices[i].ops->reset) m->devices[i].ops->reset(m->devices[i].dev);
    images_load(&m->images, &m->bus);
    for (unsigned i = 0; i < m->hart_count; i++) {
        ps_t t = local_time(m, &m->harts[i]);
        hart_reset(m->harts[i].hart, images_start_pc(&m->images, i, m->reset_pc));
        set_local_time(&m->harts[i], t);
    }
    m->round_open = false;
}

/* ---- construction -------------------------------------------------------------------------------------------------------- */

bool machine_attach(struct machine *m, void *dev, const struct device_ops *ops, struct device_place place,
                    struct err *err)
{
    if (!dev) return err_set(err, "%s: out of memory", ops->name);
    if (m->device_count == MACHINE_DEVICES_MAX) {
        if (ops->destroy) ops->destroy(dev);
        return err_set(err, "%s: the board has no room for more than %d devices", ops->name, MACHINE_DEVICES_MAX);
    }
    m->devices[m->device_count++] = (struct machine_device){dev, ops, place};
    return !ops->mmio || !place.size || bus_add_mmio(&m->bus, place.base, place.size, ops->mmio, dev, err);
}

bool machine_add_port(struct machine *m, struct port port, struct err *err)
{
    if (m->port_count == MACHINE_PORTS_MAX) return err_set(err, "more than %d host connections", MACHINE_PORTS_MAX);
    m->ports[m->port_count++] = port;
    return true;
}

/* ---- what the GDB stub asks for ------------------------------------------------------------------------------------------- */

static struct hart *gdb_hart(void *machine, unsigned index) { return ((struct machine *)machine)->harts[index].hart; }
static void gdb_pause(void *machine) { ((struct machine *)machine)->paused = true; }
static void gdb_resume(void *machine)
{
    ((struct machine *)machine)->paused = ((struct machine *)machine)->pause_reported = false;
}
static void gdb_step(void *machine, unsigned index) { machine_step_hart(machine, index); }
static void gdb_kill(void *machine) { machine_stop_with(machine, MACHINE_EXIT, 0); }
static void gdb_command(void *machine, const char *line, FILE *out) { monitor_execute(machine, line, out); }

static bool start_gdb(struct machine *m, struct err *err)
{
    m->paused = m->config->start_stopped;
    if (!m->config->gdb) return true;
    struct gdb_target target = {.harts = m->hart_count,
                                .hart = gdb_hart,
                                .pause = gdb_pause,
                                .resume = gdb_resume,
                                .step = gdb_step,
                                .kill = gdb_kill,
                                .command = gdb_command,
                                .machine = m};
    m->gdb = gdb_create(&target, m->config->gdb, err);
    return m->gdb && machine_add_port(m, gdb_port(m->gdb), err);
}

static bool open_log(struct machine *m, struct err *err)
{
    m->log = (struct log){.file = stderr, .items = m->config->log_items};
    if (!m->config->log_file) return true;
    m->log_file = fopen(m->config->log_file, "w");
    if (!m->log_file) return err_set(err, "-D %s: cannot be opened for writing", m->config->log_file);
    m->log.file = m->log_file;
    return true;
}

static bool create_harts(struct machine *m, struct err *err)
{
    m->env = (struct hart_env){.now = guest_time,
                               .timebase_ps = PS_PER_S / MACHINE_TIMEBASE_HZ,
                               .timer_changed = stimer_changed,
                               .machine = m};
    m->hart_count = m->config->harts;
    for (unsigned i = 0; i < m->hart_count; i++) {
        struct hart_config c = {.id = i, .isa = m->config->isa, .pmp_count = PMP_ENTRIES, .reset_pc = m->reset_pc};
        struct machine_hart *s = &m->harts[i];
        *s = (struct machine_hart){.machine = m, .index = i};
        event_init(&s->stimer, "stimecmp", stimer_fired, s);
        s->hart = hart_create(&c, &m->bus, m->engine, &m->env, &m->log);
        if (!s->hart) return err_set(err, "hart %u: out of memory", i);
    }
    return true;
}

static bool build(struct machine *m, struct err *err)
{
    if (!open_log(m, err)) return false;
    m->ps_per_insn = (ps_t)((__uint128_t)m->config->cpi_milli * (PS_PER_S / 1000) / m->config->freq_hz);
    if (!m->ps_per_insn) return err_set(err, "--freq: more than one instruction per picosecond");
    m->engine = engine_create(&m->bus, 0, &m->log);
    if (!m->engine) return err_set(err, "engine: out of memory");
    if (m->config->engine != ENGINE_INTERP &&
        !engine_translate(m->engine, m->config->code_cache, (unsigned)m->config->translate_after) &&
        m->config->engine == ENGINE_JIT)
        return err_set(err, "--engine=jit: not on this host (it needs x86-64 and executable memory); use interp");
    m->chars = chars_create(m, err);
    if (!m->chars || !create_harts(m, err) || !board_virt_build(m, err)) return false;
    aclint_on_shift(m->aclint, mtime_shifted, m);
    if (!start_gdb(m, err)) return false;
    if (m->config->perf_map || log_on(&m->log, LOG_OUT_ASM)) {
        m->listing = listing_create(m->engine, &m->log, &m->symbols, m->config->perf_map, err);
        if (!m->listing) return false;
    }
    if (m->config->log_commits) {
        m->commit_log = commit_log_create(m->config->commit_log_file, err);
        if (!m->commit_log) return false;
        for (unsigned i = 0; i < m->hart_count; i++) commit_log_attach(m->commit_log, m->harts[i].hart);
    }
    return true;
}

struct machine *machine_create(const struct machine_config *config, struct err *err)
{
    struct machine *m = calloc(1, sizeof *m);
    if (!m) {
        err_set(err, "out of memory");
        return NULL;
    }
    m->config = config;
    m->running = -1;
    bus_init(&m->bus, &m->log);
    event_queue_init(&m->events, clock_now, deadline_moved, m);
    m->host = (struct device_host){.events = &m->events, .bus = &m->bus, .log = &m->log};
    if (!build(m, err)) {
        machine_destroy(m);
        return NULL;
    }
    machine_reset(m);
    pace_start(m);
    return m;
}

void machine_destroy(struct machine *m)
{
    if (!m) return;
    gdb_destroy(m->gdb);
    commit_log_destroy(m->commit_log);
    listing_destroy(m->listing);
    htif_destroy(m->htif);
    for (unsigned i = m->device_count; i-- > 0;)
        if (m->devices[i].ops->destroy) m->devices[i].ops->destroy(m->devices[i].dev);
    for (unsigned i = 0; i < m->hart_count; i++) {
        event_cancel(&m->events, &m->harts[i].stimer);
        if (m->harts[i].hart) hart_destroy(m->harts[i].hart);
    }
    if (m->engine) engine_destroy(m->engine);
    virtio_slots_finish(m->slots);
    chars_destroy(m->chars);
    images_finish(&m->images);
    symbols_finish(&m->symbols);
    event_queue_finish(&m->events);
    bus_finish(&m->bus);
    if (m->log_file) fclose(m->log_file);
    free(m);
}
