#include "emu/cli.h"

#include "emu/base/log.h"
#include "emu/orrery.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const prefixes[] = {[CLI_QEMU] = "-", [CLI_LONG] = "--", [CLI_PLUS] = "+"};

void cli_print_help(void)
{
    printf("Usage: orrery [options] [program.elf]\n\nA RISC-V computer. Options of the board follow QEMU's words:\n\n");
    for (size_t i = 0; i < cli_option_count; i++) {
        const struct cli_option *o = &cli_options[i];
        const char *joint = !o->argument ? "" : o->style == CLI_QEMU ? " " : "=";
        int width = printf("  %s%s%s%s", prefixes[o->style], o->name, joint, o->argument ? o->argument : "");
        if (width > 34) width = (printf("\n"), 0);
        printf("%*s%s\n", 36 - width, "", o->help);
    }
    printf("\nKeys: Ctrl-a x leaves, Ctrl-a c switches to the monitor, Ctrl-a h lists more.\n");
}

void cli_print_completion(void)
{
    printf("# bash completion for orrery; made by `orrery --completion`\n_orrery()\n{\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
           "    case $prev in\n"
           "    -M|-machine) COMPREPLY=($(compgen -W virt -- \"$cur\")); return ;;\n"
           "    -bios) COMPREPLY=($(compgen -W 'default none' -- \"$cur\") $(compgen -f -- \"$cur\")); return ;;\n"
           "    -serial) COMPREPLY=($(compgen -W 'stdio mon:stdio null pty file: tcp:' -- \"$cur\")); return ;;\n"
           "    esac\n"
           "    case $cur in\n    -*|+*) COMPREPLY=($(compgen -W '");
    for (size_t i = 0; i < cli_option_count; i++)
        printf("%s%s%s", i ? " " : "", prefixes[cli_options[i].style], cli_options[i].name);
    printf("' -- \"$cur\")) ;;\n    *) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n    esac\n}\ncomplete -o filenames -F "
           "_orrery orrery\n");
}

/* The option that an argument names; *value points at what follows '=', or is NULL. Single and double dashes mean the same. */
static const struct cli_option *find(const char *argument, const char **value)
{
    bool plus = *argument == '+';
    const char *name = argument + (plus || argument[1] != '-' ? 1 : 2);
    const char *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    *value = equals ? equals + 1 : NULL;
    for (size_t i = 0; i < cli_option_count; i++) {
        const struct cli_option *o = &cli_options[i];
        if (plus != (o->style == CLI_PLUS) || strlen(o->name) != length || strncmp(o->name, name, length)) continue;
        if (equals && o->style == CLI_QEMU && argument[1] != '-') continue;
        return o;
    }
    return NULL;
}

/* Spike's -p4 and -m512, only on request: -m512 would be a typing mistake otherwise. */
static bool spike_option(struct machine_config *c, const char *argument, bool *matched, struct err *err)
{
    uint64_t n;
    *matched = c->spike && (argument[1] == 'p' || argument[1] == 'm') && parse_number(argument + 2, &n);
    if (!*matched) return true;
    if (argument[1] == 'p' && (n < 1 || n > HARTS_MAX))
        return err_set(err, "%s: the machine has 1 to %d harts", argument, HARTS_MAX);
    if (argument[1] == 'm' && (n < 1 || n > RAM_MAX_BYTES >> 20)) return err_set(err, "%s: too much memory", argument);
    if (argument[1] == 'p')
        c->harts = (unsigned)n;
    else
        c->ram_bytes = n << 20;
    return true;
}

/* Options whose only effect is to print. */
static bool print_and_end(const char *argument, const char *next)
{
    const char *name = argument + strspn(argument, "-");
    if (*argument != '-') return false;
    if (!strcmp(name, "help") || !strcmp(argument, "-h"))
        cli_print_help();
    else if (!strcmp(name, "version"))
        printf("orrery %s\n", orrery_version());
    else if (!strcmp(name, "completion"))
        cli_print_completion();
    else if (next && !strcmp(next, "help") && !strcmp(name, "cpu"))
        isa_print_help(stdout);
    else if (next && !strcmp(next, "help") && !strcmp(name, "d"))
        log_print_items(stdout);
    else if (next && !strcmp(next, "help") && (!strcmp(name, "M") || !strcmp(name, "machine")))
        printf("virt  the RISC-V board of that name\n");
    else if (next && !strcmp(next, "help") && !strcmp(name, "device"))
        printf("virtio-blk-device\nvirtio-net-device\nvirtio-rng-device\nvirtio-serial-device\nvirtconsole\nloader\n");
    else
        return false;
    return true;
}

static bool take_option(struct machine_config *c, int argc, char **argv, int *at, struct err *err)
{
    const char *argument = argv[*at], *value;
    bool matched;
    if (!spike_option(c, argument, &matched, err) || matched) return matched;
    const struct cli_option *o = find(argument, &value);
    if (!o) return err_set(err, "%s: unknown option; orrery --help lists them", argument);
    if (!o->argument && value) return err_set(err, "%s: takes no value", argument);
    if (o->argument && !value) {
        if (o->style == CLI_PLUS || *at + 1 >= argc)
            return err_set(err, "%s: needs a value: %s", argument, o->argument);
        value = argv[++*at];
    }
    return o->handle(c, value, err);
}

/* A bare program's console is not one of the board's devices. */
static void leave_out_defaults(struct machine_config *c)
{
    if (!c->nodefaults || c->program) return;
    if (!c->serial_count) c->serials[c->serial_count++] = "null";
    if (!c->monitor) c->monitor = "none";
}

/* What can only be judged when everything is known. */
static bool complete(struct machine_config *c, struct err *err)
{
    if (c->program && c->kernel) return err_set(err, "%s: a program and -kernel exclude each other", c->program);
    leave_out_defaults(c);
    if (!c->ram_bytes) c->ram_bytes = c->program ? UINT64_C(2) << 30 : UINT64_C(128) << 20;
    if (c->append && !c->kernel && !c->program) return err_set(err, "-append: needs -kernel");
    if (c->initrd && !c->kernel) return err_set(err, "-initrd: needs -kernel");
    if (c->commit_log_file && !c->log_commits) return err_set(err, "--log: needs --log-commits");
    if (!c->program && !c->kernel && !c->dump_dtb && !c->devices.count && !c->start_stopped &&
        !(c->bios && strcmp(c->bios, "default") && strcmp(c->bios, "none")))
        return err_set(err, "nothing to run: give a program, -kernel or -bios FILE; orrery --help lists the options");
    return true;
}

enum cli_result cli_parse(struct machine_config *c, int argc, char **argv, struct err *err)
{
    config_init(c);
    for (int i = 1; i < argc; i++)
        if (print_and_end(argv[i], i + 1 < argc ? argv[i + 1] : NULL)) return CLI_DONE;
    for (int i = 1; i < argc; i++) /* it changes what other arguments mean */
        if (!strcmp(argv[i], "--compat=spike")) c->spike = true;
    for (int i = 1; i < argc; i++) {
        bool option = argv[i][0] == '-' || argv[i][0] == '+';
        if (option && !take_option(c, argc, argv, &i, err)) return CLI_WRONG;
        if (!option && c->program) {
            err_set(err, "%s: a program is given already (%s)", argv[i], c->program);
            return CLI_WRONG;
        }
        if (!option) c->program = argv[i];
    }
    return complete(c, err) ? CLI_RUN : CLI_WRONG;
}
