/* The machine: owns everything, keeps time, runs the harts. How it does is in docs/architecture.md, "Time and the run loop". */
#ifndef ORRERY_MACHINE_H
#define ORRERY_MACHINE_H

#include "cpu/engine.h"
#include "cpu/hart.h"
#include "cpu/observe.h"
#include "devices/aclint.h"
#include "devices/chardev.h"
#include "devices/device.h"
#include "devices/plic.h"
#include "devices/power.h"
#include "emu/base/host_poll.h"
#include "emu/config.h"
#include "emu/boot_image.h"
#include "emu/listing.h"
#include "emu/symbols.h"

#define MACHINE_QUANTUM     5000u  /* instructions of a hart's turn */
#define MACHINE_LONG_TURN   50000u /* of a hart that nobody waits for */
#define MACHINE_DEVICES_MAX 32
#define MACHINE_PORTS_MAX   32
#define MACHINE_TIMEBASE_HZ UINT64_C(10000000)

struct htif;
struct commit_log;
struct char_backends;
struct virtio_slots;
struct gdb;
struct machine;

struct machine_device {
    void *dev;
    const struct device_ops *ops;
    struct device_place place;
};

struct machine_hart {
    struct hart *hart;
    struct machine *machine;
    unsigned index;
    ps_t base; /* local time = base + instructions since base_icount */
    uint64_t base_icount;
    struct event stimer; /* Sstc */
};

/* Why machine_run came back. */
enum machine_stop {
    MACHINE_RUNNING = 0,
    MACHINE_EXIT,         /* the guest powered off, or the user left: exit_code holds the status */
    MACHINE_DEBUG,        /* a breakpoint or watchpoint: stopped_hart says where */
    MACHINE_PAUSED,       /* machine_pause */
    MACHINE_LIMIT,        /* max_insns reached */
    MACHINE_DEAD,         /* every hart waits and nothing can ever wake one */
    MACHINE_RESET_WANTED, /* handled inside machine_run */
};

struct machine {
    const struct machine_config *config; /* borrowed */
    struct log log;
    FILE *log_file; /* owned; NULL: stderr */
    struct event_queue events;
    struct bus bus;
    struct device_host host;
    struct engine *engine;
    struct hart_env env;
    unsigned hart_count;
    struct machine_hart harts[HARTS_MAX];
    unsigned device_count;
    struct machine_device devices[MACHINE_DEVICES_MAX];
    struct aclint *aclint;
    struct plic *plic;
    struct symbols symbols;
    struct images images; /* what is loaded, and loaded again at reset */
    gpa_t reset_pc;
    struct htif *htif; /* NULL: no tohost */
    struct commit_log *commit_log;
    struct listing *listing; /* NULL: nobody wants to see translations */
    struct char_backends *chars;
    struct virtio_slots *slots;
    struct port ports[MACHINE_PORTS_MAX];
    unsigned port_count;
    /* time */
    ps_t now; /* end of the last finished round, or the time of the event being fired */
    ps_t round_end;
    ps_t ps_per_insn;
    unsigned turn; /* next hart of the open round */
    bool round_open;
    bool spike_rhythm; /* see machine.c, take_turn */
    int running;       /* index of the hart inside hart_run, or -1 */
    /* host time: guest time anchor_ps was host time anchor_ns; see emu/pace.c */
    ps_t anchor_ps;
    uint64_t anchor_ns, last_poll_ns;
    unsigned polls; /* since the start */
    /* how it ends */
    enum machine_stop stop;
    int exit_code;
    unsigned stopped_hart;
    bool paused;     /* monitor or debugger: nothing runs, ports are served */
    struct gdb *gdb; /* NULL: none; then machine_run returns MACHINE_DEBUG where a hart stops */
    bool pause_reported;
};

/* Builds the machine and loads everything; on failure says why and leaves nothing behind. */
struct machine *machine_create(const struct machine_config *config, struct err *err);
void machine_destroy(struct machine *m);

/* Runs until something stops it; MACHINE_RESET is handled inside. Callable again after MACHINE_DEBUG, PAUSED and LIMIT. */
enum machine_stop machine_run(struct machine *m);
/* For monitor, debugger, signal: machine_run returns soon with this. The first reason wins. */
void machine_stop_with(struct machine *m, enum machine_stop why, int exit_code);
/* Power-on state of everything, images loaded again. Guest time goes on. */
void machine_reset(struct machine *m);
/* One instruction of one hart while the machine is paused (the debugger's step); events that come due by it fire. */
void machine_step_hart(struct machine *m, unsigned hart);

/* Takes ownership of dev. If place.size is not 0 and ops has registers, a window is added. On failure dev is destroyed. */
bool machine_attach(struct machine *m, void *dev, const struct device_ops *ops, struct device_place place,
                    struct err *err);
bool machine_add_port(struct machine *m, struct port port, struct err *err);

/* All clocks jump forward to t (--realtime). */
void machine_skip_to(struct machine *m, ps_t t);
/* Every hart sleeps: time passes until t, which is not before now and not behind the next event. */
void machine_idle_to(struct machine *m, ps_t t);
struct power_port machine_power_port(struct machine *m);

/* Guest time of a hart right now. */
ps_t machine_hart_time(const struct machine *m, unsigned hart);
uint64_t machine_icount(const struct machine *m); /* of all harts */

/* The board "virt": memory, devices, device tree, images (board_virt.c). */
bool board_virt_build(struct machine *m, struct err *err);

/* Pace (pace.c): the host side of time. */
void pace_start(struct machine *m);
/* At a round boundary: serves the ports if a millisecond of host time has gone by. */
void pace_poll(struct machine *m);
/* Everything waits until guest time `until`: sleep if it is worth it, let the time pass (not in Spike's rhythm), serve the ports. Returns the
 * guest time to go on at (`until`, or earlier because input came). */
ps_t pace_idle(struct machine *m, ps_t until);
/* The machine is paused: serve the ports until one of them changes that. */
void pace_stand(struct machine *m);

#endif
