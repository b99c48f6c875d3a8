/*
 * trace.h - the trace ring: one line of numbers for each decision of a mechanism, for teaching and for tests.
 *
 * /proc/trace prints the ring as "time hart pid event a b c". A page fault that has to wait for the disk shows as: "block" (the request goes
 * to the disk), "switch" away from the process in state 3 (waiting) to another, "ready" when the page has come, "faultwait" with how
 * long it took, "fault". Old events are overwritten. Events are switched on by name with
 * the boot argument trace=NAME,... or by writing to /proc/trace; all are off at start.
 */
#ifndef KEPLER_KERN_TRACE_H
#define KEPLER_KERN_TRACE_H

#include "base/types.h"

/* event name, format of its arguments */
#define TRACE_EVENTS(X)                                                                                                \
    X(SWITCH, "switch", "from=%ld to=%ld state=%ld")                                                                   \
    X(READY, "ready", "task=%ld")                                                                                      \
    X(SLICE, "slice", "task=%ld ran_ns=%ld")                                                                           \
    X(SYSCALL, "syscall", "number=%ld a0=%#lx a1=%#lx")                                                                \
    X(SYSRET, "sysret", "number=%ld result=%ld")                                                                       \
    X(SIGNAL, "signal", "number=%ld to=%ld")                                                                           \
    X(FAULT, "fault", "address=%#lx access=%ld result=%ld")                                                            \
    X(FAULTWAIT, "faultwait", "address=%#lx waited_ns=%ld")                                                            \
    X(EVICT, "evict", "frame=%#lx owner=%#lx dirty=%ld")                                                               \
    X(SWAPIN, "swapin", "slot=%ld address=%#lx")                                                                       \
    X(BLOCK, "block", "sector=%ld sectors=%ld write=%ld")                                                              \
    X(JOURNAL, "journal", "transaction=%ld blocks=%ld")                                                                \
    X(IRQ, "irq", "number=%ld")

enum trace_event {
#define X(id, name, text) TRACE_##id,
    TRACE_EVENTS(X)
#undef X
        TRACE_EVENT_COUNT
};

extern uint64_t trace_enabled; /* bit per event */
void trace_write(enum trace_event event, long a, long b, long c);
static inline void trace(enum trace_event event, long a, long b, long c)
{
    if (trace_enabled >> event & 1) trace_write(event, a, b, c);
}
int trace_configure(const char *names); /* "switch,ready", "all", "none"; 0 or -EINVAL */
/* Copies the next event's line from position *at on (a count of all events); 0 at the end. */
size_t trace_read(uint64_t *at, char *to, size_t room);

#endif
