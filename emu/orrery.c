#include "emu/orrery.h"

#include "emu/cli.h"
#include "emu/machine.h"
#include <stdio.h>
#include <stdlib.h>

struct orrery {
    struct machine_config config;
    struct machine *machine;
};

static bool start(struct orrery *o, int count, char **arguments, struct err *err)
{
    char **argv = calloc((size_t)count + 1, sizeof *argv);
    if (!argv) return err_set(err, "out of memory");
    argv[0] = "orrery";
    for (int i = 0; i < count; i++) argv[i + 1] = arguments[i];
    enum cli_result r = cli_parse(&o->config, count + 1, argv, err);
    free(argv);
    if (r == CLI_DONE) return err_set(err, "options that only print are not for the library");
    if (r == CLI_WRONG) return false;
    o->machine = machine_create(&o->config, err);
    return o->machine;
}

struct orrery *orrery_create(int count, char **arguments, char *message, size_t room)
{
    struct err err = {{0}};
    struct orrery *o = calloc(1, sizeof *o);
    bool ok = o ? start(o, count, arguments, &err) : err_set(&err, "out of memory");
    if (ok) return o;
    if (message && room) snprintf(message, room, "%s", err.text);
    orrery_destroy(o);
    return NULL;
}

void orrery_destroy(struct orrery *o)
{
    if (!o) return;
    machine_destroy(o->machine);
    config_finish(&o->config);
    free(o);
}

enum orrery_state orrery_run(struct orrery *o, uint64_t max_insns)
{
    o->config.max_insns = max_insns ? hart_icount(o->machine->harts[0].hart) + max_insns : 0;
    switch (machine_run(o->machine)) {
    case MACHINE_EXIT: return ORRERY_ENDED;
    case MACHINE_DEAD: return ORRERY_DEAD;
    case MACHINE_LIMIT: return ORRERY_RUNNING;
    default: return ORRERY_STOPPED;
    }
}

int orrery_exit_code(const struct orrery *o) { return o->machine->exit_code; }
unsigned orrery_harts(const struct orrery *o) { return o->machine->hart_count; }

uint64_t orrery_instructions(const struct orrery *o, unsigned hart)
{
    return hart < o->machine->hart_count ? hart_icount(o->machine->harts[hart].hart) : 0;
}

uint64_t orrery_time_ps(const struct orrery *o) { return o->machine->now; }

bool orrery_register(const struct orrery *o, unsigned hart, unsigned number, uint64_t *value)
{
    if (hart >= o->machine->hart_count || number > 64) return false;
    const struct hart *h = o->machine->harts[hart].hart;
    *value = number < 32 ? h->x[number] : number == 32 ? h->pc : h->f[number - 33];
    return true;
}

bool orrery_memory_read(struct orrery *o, uint64_t address, void *to, size_t length)
{
    return bus_dma_read(&o->machine->bus, address, to, length);
}

bool orrery_memory_write(struct orrery *o, uint64_t address, const void *from, size_t length)
{
    return bus_dma_write(&o->machine->bus, address, from, length);
}
