/* The command `orrery`. */
#include "emu/base/host_term.h"
#include "emu/chars.h"
#include "emu/cli.h"
#include "emu/gdb/gdb.h"
#include "emu/htif.h"
#include "emu/machine.h"
#include "emu/stats.h"
#include <stdio.h>

#define EXIT_BAD_INPUT 2

static int complain(const struct err *err)
{
    fprintf(stderr, "orrery: %s\n", err->text);
    return EXIT_BAD_INPUT;
}

static bool write_signature(struct machine *m, struct err *err)
{
    const struct machine_config *c = m->config;
    const struct symbol *begin = symbols_by_name(&m->symbols, "begin_signature"),
                        *end = symbols_by_name(&m->symbols, "end_signature");
    if (!c->signature) return true;
    if (!begin || !end)
        return err_set(err, "+signature=%s: the program has no begin_signature and end_signature", c->signature);
    return signature_write(&m->bus, begin->address, end->address, c->signature_granularity, c->signature, err);
}

/* The process's status for how the run ended. */
static int conclude(struct machine *m, enum machine_stop why)
{
    struct err err;
    chars_flush(m->chars);
    if (why == MACHINE_DEAD) {
        fprintf(stderr, "orrery: every hart waits for an interrupt and nothing is left that could raise one\n");
        return 1;
    }
    if (m->gdb) gdb_report_exit(m->gdb, m->exit_code);
    if (!write_signature(m, &err)) return complain(&err);
    return m->exit_code;
}

int main(int argc, char **argv)
{
    struct machine_config config;
    struct err err;
    enum cli_result parsed = cli_parse(&config, argc, argv, &err);
    if (parsed != CLI_RUN) {
        config_finish(&config);
        return parsed == CLI_DONE ? 0 : complain(&err);
    }
    host_catch_signals();
    struct machine *m = machine_create(&config, &err);
    int status;
    if (!m) {
        status = complain(&err);
    } else if (config.dump_dtb) {
        status = 0;
    } else {
        struct stats stats;
        stats_start(&stats, m, config.stats);
        status = conclude(m, machine_run(m));
        if (config.stats) stats_print(&stats, m, stderr);
    }
    machine_destroy(m);
    config_finish(&config);
    return status;
}
