/*
 * trace.c - the trace ring. See trace.h.
 *
 * An event costs one comparison while it is switched off. Events are kept as numbers and turned into text when they are
 * read. The ring is shared by all harts: a place in it is taken with one atomic addition, so that an event can be written under any
 * lock, the scheduler's too; a reader who is overtaken notices by the event's number.
 */
#include "kern/trace.h"

#include "arch/hart.h"
#include "arch/machine.h"
#include "arch/riscv.h"
#include "arch/time.h"
#include "base/atomic.h"
#include "base/errno.h"
#include "base/format.h"
#include "base/string.h"
#include "kern/init.h"
#include "kern/print.h"
#include "kern/task.h"

#define RING 8192u /* events; a power of two */

struct record {
    uint64_t number; /* 1 + position, written last; 0: never written */
    uint64_t time_ns;
    int pid;
    uint16_t hart, event;
    long argument[3];
};

static struct record ring[RING];
static uint64_t ring_end;
uint64_t trace_enabled;

static const char *const names[] = {
#define X(id, name, text) name,
    TRACE_EVENTS(X)
#undef X
};
static const char *const formats[] = {
#define X(id, name, text) text "\n",
    TRACE_EVENTS(X)
#undef X
};

void trace_write(enum trace_event event, long a, long b, long c)
{
    bool on = interrupts_off();
    uint64_t at = __atomic_fetch_add(&ring_end, 1, __ATOMIC_RELAXED);
    struct record *record = &ring[at % RING];
    atomic_store(&record->number, 0);
    record->time_ns = time_ns();
    record->pid = current->pid;
    record->hart = (uint16_t)this_hart()->number;
    record->event = (uint16_t)event;
    record->argument[0] = a, record->argument[1] = b, record->argument[2] = c;
    atomic_store(&record->number, at + 1);
    interrupts_restore(on);
}

/* Every format takes long arguments, at most three. A pointer without the printf attribute, since some take fewer. */
static int (*const print_arguments)(char *to, size_t room, const char *text, ...) = format;

size_t trace_read(uint64_t *at, char *to, size_t room)
{
    uint64_t end = atomic_load(&ring_end);
    if (end > RING && *at < end - RING) *at = end - RING;
    for (; *at < end; ++*at) {
        struct record copy = ring[*at % RING];
        if (copy.number != *at + 1 || atomic_load(&ring[*at % RING].number) != *at + 1) continue;
        ++*at;
        int n = format(to, room, "%lu.%09lu %u %d %s ", copy.time_ns / NS_PER_S, copy.time_ns % NS_PER_S, copy.hart,
                       copy.pid, names[copy.event]);
        const long *a = copy.argument;
        if ((size_t)n < room) n += print_arguments(to + n, room - (size_t)n, formats[copy.event], a[0], a[1], a[2]);
        return MIN((size_t)n, room - 1);
    }
    return 0;
}

static bool name_is(const char *text, size_t n, const char *name)
{
    return strlen(name) == n && !strncmp(text, name, n);
}

int trace_configure(const char *text)
{
    uint64_t enabled = 0;
    while (*text) {
        size_t n = 0;
        while (text[n] && text[n] != ',' && text[n] != ' ' && text[n] != '\n') n++;
        bool known = !n || name_is(text, n, "none");
        if (name_is(text, n, "all")) known = true, enabled = ~0ull;
        for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
            if (name_is(text, n, names[i])) known = true, enabled |= 1ull << i;
        if (!known) return -EINVAL;
        text += n + (text[n] != 0);
    }
    trace_enabled = enabled;
    return 0;
}

static void trace_init(void)
{
    char text[128];
    if (boot_argument("trace", text, sizeof text) && trace_configure(text)) printk("trace=%s: not understood\n", text);
}
INIT(INIT_KERNEL, trace_init);
