/* The command line. Options stand in one table (cli_options.c); parsing, --help, the manual page's check and the shell completion are
 * derived from it. */
#ifndef ORRERY_CLI_H
#define ORRERY_CLI_H

#include "emu/config.h"

enum cli_style {
    CLI_QEMU, /* -name value */
    CLI_LONG, /* --name value or --name=value */
    CLI_PLUS, /* +name=value */
};

struct cli_option {
    const char *name;     /* without dashes */
    const char *argument; /* NULL: takes none */
    const char *help;     /* one line */
    enum cli_style style;
    bool (*handle)(struct machine_config *c, const char *value, struct err *err);
};

extern const struct cli_option cli_options[];
extern const size_t cli_option_count;

enum cli_result {
    CLI_RUN,   /* the configuration is complete */
    CLI_DONE,  /* help or version was printed: exit with 0 */
    CLI_WRONG, /* err says why: exit with 2 */
};

/* Starts from config_init's defaults. Strings of argv are borrowed. */
enum cli_result cli_parse(struct machine_config *c, int argc, char **argv, struct err *err);

void cli_print_help(void);
void cli_print_completion(void); /* a bash script */

#endif
