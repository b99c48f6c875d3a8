#include "emu/base/bits.h"
#include "emu/cli.h"

#include "emu/base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FREQ_MAX_HZ UINT64_C(1000000000000)

typedef struct machine_config config_t;

/* ---- what runs --------------------------------------------------------------------------------------------------------------- */

#define STRING_OPTION(field)                                                                                           \
    static bool set_##field(config_t *c, const char *value, struct err *err)                                           \
    {                                                                                                                  \
        (void)err;                                                                                                     \
        c->field = value;                                                                                              \
        return true;                                                                                                   \
    }
#define FLAG_OPTION(field)                                                                                             \
    static bool set_##field(config_t *c, const char *value, struct err *err)                                           \
    {                                                                                                                  \
        (void)value, (void)err;                                                                                        \
        c->field = true;                                                                                               \
        return true;                                                                                                   \
    }
STRING_OPTION(bios)
STRING_OPTION(kernel)
STRING_OPTION(initrd)
STRING_OPTION(append)
STRING_OPTION(dtb)
STRING_OPTION(dump_dtb)
STRING_OPTION(signature)
STRING_OPTION(monitor)
STRING_OPTION(log_file)
STRING_OPTION(commit_log_file)
FLAG_OPTION(nographic)
FLAG_OPTION(snapshot)
FLAG_OPTION(no_reboot)
FLAG_OPTION(nodefaults)
FLAG_OPTION(realtime)
FLAG_OPTION(stats)
FLAG_OPTION(perf_map)
FLAG_OPTION(start_stopped)
FLAG_OPTION(log_commits)
#undef STRING_OPTION
#undef FLAG_OPTION

static bool set_granularity(config_t *c, const char *value, struct err *err)
{
    uint64_t n;
    if (!parse_number(value, &n) || n > 64 || !is_power_of_2(n))
        return err_set(err, "+signature-granularity=%s: must be a power of 2 up to 64", value);
    c->signature_granularity = (unsigned)n;
    return true;
}

/* ---- the machine ------------------------------------------------------------------------------------------------------------- */

/* A property of QEMU's that has one value here. */
static bool machine_lacks(const struct opts *o, const char *key, const char *only, struct err *err)
{
    const char *value = opts_get(o, key);
    if (!opts_has(o, key) || (value && !strcmp(value, only))) return true;
    return err_set(err, "-machine %s=%s: not supported; only %s is", key, value ? value : "", only);
}

static bool set_machine(config_t *c, const char *value, struct err *err)
{
    static const char *const keys[] = {"type", "dumpdtb", "aclint", "aia", "acpi", "accel", NULL};
    struct opts o;
    bool aclint; /* the tree lists the CLINT and the SSWI either way */
    bool ok = opts_parse(&o, "-machine", value, "type", err) && opts_only(&o, keys, err) &&
              opts_bool(&o, "aclint", true, &aclint, err) && machine_lacks(&o, "aia", "none", err) &&
              machine_lacks(&o, "acpi", "off", err) && machine_lacks(&o, "accel", "tcg", err);
    const char *type = ok ? opts_get(&o, "type") : NULL;
    if (ok && type && strcmp(type, "virt")) ok = err_set(err, "-machine %s: unknown machine; there is virt", type);
    const char *dump = ok ? strstr(value, "dumpdtb=") : NULL;
    if (dump && opts_get(&o, "dumpdtb")) {
        if (strchr(dump, ',')) ok = err_set(err, "-machine %s: dumpdtb= must come last", value);
        c->dump_dtb = dump + strlen("dumpdtb=");
    }
    opts_finish(&o);
    return ok;
}

static bool set_cpu(config_t *c, const char *value, struct err *err) { return isa_parse_cpu(value, &c->isa, err); }
static bool set_isa(config_t *c, const char *value, struct err *err) { return isa_parse_string(value, &c->isa, err); }

/* Sockets, cores … multiply to the number of harts, or may be multiplied to it by those that are not given. */
static bool set_smp(config_t *c, const char *value, struct err *err)
{
    static const char *const levels[] = {"sockets", "dies", "clusters", "cores", "threads"};
    static const char *const keys[] = {"cpus", "maxcpus", "sockets", "dies", "clusters", "cores", "threads", NULL};
    struct opts o;
    uint64_t n = 0, max = 0, product = 1;
    bool ok = opts_parse(&o, "-smp", value, "cpus", err) && opts_only(&o, keys, err), open = false;
    for (size_t i = 0; i < ARRAY_LEN(levels) && ok; i++) {
        uint64_t count;
        ok = opts_number(&o, levels[i], 1, &count, err);
        if (ok && (count < 1 || count > HARTS_MAX))
            ok = err_set(err, "-smp %s: %s=%s: must be 1 to %d", value, levels[i], opts_get(&o, levels[i]), HARTS_MAX);
        if (!ok) break;
        product *= count;
        open |= !opts_has(&o, levels[i]) && strcmp(levels[i], "dies") && strcmp(levels[i], "clusters");
    }
    ok = ok && opts_number(&o, "maxcpus", 0, &max, err) && opts_number(&o, "cpus", max ? max : product, &n, err);
    if (ok && (n < 1 || n > HARTS_MAX)) ok = err_set(err, "-smp %s: the machine has 1 to %d harts", value, HARTS_MAX);
    if (ok && !opts_has(&o, "maxcpus")) max = n;
    if (ok && (max < n || max > HARTS_MAX))
        ok = err_set(err, "-smp %s: maxcpus= must be %u to %d", value, (unsigned)n, HARTS_MAX);
    if (ok && (open ? max % product : max != product))
        ok = err_set(err, "-smp %s: sockets, cores and threads do not multiply to %u", value, (unsigned)max);
    opts_finish(&o);
    c->harts = (unsigned)n;
    return ok;
}

static bool set_memory(config_t *c, const char *value, struct err *err)
{
    const char *size = strncmp(value, "size=", 5) ? value : value + 5;
    if (!parse_size(size, UINT64_C(1) << 20, &c->ram_bytes))
        return err_set(err, "-m %s: is not a size; try 512M or 2G", value);
    if (c->ram_bytes < (1 << 20) || c->ram_bytes > RAM_MAX_BYTES)
        return err_set(err, "-m %s: the machine takes 1 MiB to %llu GiB", value,
                       (unsigned long long)(RAM_MAX_BYTES >> 30));
    if (c->ram_bytes % GUEST_PAGE_BYTES) return err_set(err, "-m %s: is not a multiple of 4096 bytes", value);
    return true;
}

static bool add_drive(config_t *c, const char *value, struct err *err)
{
    return config_add(&c->drives, "-drive", value, NULL, err);
}
static bool add_device(config_t *c, const char *value, struct err *err)
{
    return config_add(&c->devices, "-device", value, "driver", err);
}
static bool add_netdev(config_t *c, const char *value, struct err *err)
{
    return config_add(&c->netdevs, "-netdev", value, "type", err);
}
static bool add_object(config_t *c, const char *value, struct err *err)
{
    return config_add(&c->objects, "-object", value, "qom-type", err);
}
static bool add_chardev(config_t *c, const char *value, struct err *err)
{
    return config_add(&c->chardevs, "-chardev", value, "backend", err);
}

static void put_item(FILE *to, const char *key, const char *value)
{
    fprintf(to, ",%s%s", key, value ? "=" : "");
    for (; value && *value; value++) fprintf(to, *value == ',' ? ",," : "%c", *value);
}

/* A -netdev and a -device in one; mac= is the card's, all else the network's. */
static bool add_nic_pair(config_t *c, const struct opts *o, struct err *err)
{
    char *net = NULL, *card = NULL, id[16];
    size_t net_size, card_size;
    FILE *to_net = open_memstream(&net, &net_size), *to_card = open_memstream(&card, &card_size);
    bool ok = to_net && to_card;
    snprintf(id, sizeof id, "#nic%u", c->nics++);
    if (opts_get(o, "id")) snprintf(id, sizeof id, "%.15s", opts_get(o, "id"));
    if (ok) {
        fprintf(to_net, "user");
        fprintf(to_card, "virtio-net-device,netdev=%s", id);
    }
    for (unsigned i = 0; ok && i < o->count; i++) {
        const char *key = o->item[i].key;
        if (!strcmp(key, "type") || !strcmp(key, "model") || !strcmp(key, "id")) continue;
        put_item(strcmp(key, "mac") ? to_net : to_card, key, o->item[i].value);
    }
    if (ok) put_item(to_net, "id", id);
    if (to_net) fclose(to_net);
    if (to_card) fclose(to_card);
    ok = (ok && net && card) || err_set(err, "-nic %s: out of memory", o->text);
    ok =
        ok && config_add(&c->netdevs, "-nic", net, "type", err) && config_add(&c->devices, "-nic", card, "driver", err);
    free(net);
    free(card);
    return ok;
}

static bool add_nic(config_t *c, const char *value, struct err *err)
{
    struct opts o;
    bool ok = opts_parse(&o, "-nic", value, "type", err);
    const char *type = ok ? opts_get(&o, "type") : NULL, *model = ok ? opts_get(&o, "model") : NULL;
    bool none = type && !strcmp(type, "none");
    if (ok && !none && (!type || strcmp(type, "user")))
        ok = err_set(err, "-nic %s: unknown kind '%s'; there are user and none", value, type ? type : "");
    if (ok && none && o.count > 1) ok = err_set(err, "-nic %s: nothing goes with none", value);
    if (ok && opts_get(&o, "id") && strlen(opts_get(&o, "id")) > 15)
        ok = err_set(err, "-nic %s: the id has more than 15 letters", value);
    if (ok && model && strcmp(model, "virtio") && strcmp(model, "virtio-net-device"))
        ok = err_set(err, "-nic %s: model=%s is not supported; virtio-net-device is", value, model);
    if (ok && !none) ok = add_nic_pair(c, &o, err);
    opts_finish(&o);
    return ok;
}

static bool set_net(config_t *c, const char *value, struct err *err)
{
    (void)c;
    return !strcmp(value, "none") ||
           err_set(err, "-net %s: not supported; use -nic user, or -netdev and -device", value);
}

/* The virtio windows are modern ones; who says so gets what he wants. */
static bool set_global(config_t *c, const char *value, struct err *err)
{
    static const char *const keys[] = {"virtio-mmio.force-legacy", NULL};
    struct opts o;
    bool legacy = false;
    (void)c;
    bool ok = opts_parse(&o, "-global", value, NULL, err) && opts_only(&o, keys, err) &&
              opts_bool(&o, keys[0], false, &legacy, err);
    opts_finish(&o);
    if (ok && legacy) ok = err_set(err, "-global %s: legacy devices are not built; only false is supported", value);
    return ok;
}

static bool add_serial(config_t *c, const char *value, struct err *err)
{
    if (c->serial_count == 1) return err_set(err, "-serial %s: the board has one serial port", value);
    c->serials[c->serial_count++] = value;
    return true;
}

static bool set_display(config_t *c, const char *value, struct err *err)
{
    (void)c;
    return !strcmp(value, "none") || err_set(err, "-display %s: there is no display; use none", value);
}

/* ---- time -------------------------------------------------------------------------------------------------------------------- */

static bool set_cpi(config_t *c, const char *value, struct err *err)
{
    char *end;
    double cpi = strtod(value, &end);
    if (*end || end == value || !(cpi >= 0.001 && cpi <= 1000))
        return err_set(err, "--cpi=%s: must be between 0.001 and 1000", value);
    c->cpi_milli = (uint64_t)(cpi * 1000 + 0.5);
    return true;
}

static bool set_freq(config_t *c, const char *value, struct err *err)
{
    char *end;
    double hz = strtod(value, &end);
    const char *unit = *end && strchr("kMG", *end) ? end++ : NULL;
    if (unit) hz *= *unit == 'k' ? 1e3 : *unit == 'M' ? 1e6 : 1e9;
    if (end != value && !strcmp(end, "Hz")) end += 2;
    if (*end || end == value || !(hz >= 1000 && hz <= 1e12))
        return err_set(err, "--freq=%s: must be a frequency such as 100M or 1.5G", value);
    c->freq_hz = (uint64_t)hz;
    return true;
}

static bool set_seed(config_t *c, const char *value, struct err *err)
{
    return parse_number(value, &c->seed) || err_set(err, "--seed=%s: must be a number", value);
}

static bool set_max_insns(config_t *c, const char *value, struct err *err)
{
    return parse_number(value, &c->max_insns) || err_set(err, "--max-insns=%s: must be a number", value);
}

static bool set_engine(config_t *c, const char *value, struct err *err)
{
    if (!strcmp(value, "jit"))
        c->engine = ENGINE_JIT;
    else if (!strcmp(value, "interp"))
        c->engine = ENGINE_INTERP;
    else
        return err_set(err, "--engine=%s: unknown engine; there are interp and jit", value);
    return true;
}

static bool set_translate_after(config_t *c, const char *value, struct err *err)
{
    if (parse_number(value, &c->translate_after) && c->translate_after >= 1 && c->translate_after <= 1000000)
        return true;
    return err_set(err, "--translate-after=%s: must be a number from 1 to 1000000", value);
}

static bool set_code_cache(config_t *c, const char *value, struct err *err)
{
    if (parse_size(value, 1, &c->code_cache) && c->code_cache >= 64 << 10 && c->code_cache <= 1 << 30) return true;
    return err_set(err, "--code-cache=%s: must be a size from 64K to 1G", value);
}

/* This machine always counts instructions; QEMU's refinements are understood and change nothing. */
static bool set_icount(config_t *c, const char *value, struct err *err)
{
    static const char *const keys[] = {"shift", "align", "sleep", NULL};
    struct opts o;
    bool ignored;
    uint64_t shift = 0;
    (void)c;
    bool ok = opts_parse(&o, "-icount", value, "shift", err) && opts_only(&o, keys, err) &&
              opts_bool(&o, "align", false, &ignored, err) && opts_bool(&o, "sleep", true, &ignored, err);
    const char *text = ok ? opts_get(&o, "shift") : NULL;
    if (ok && !(text && !strcmp(text, "auto"))) ok = opts_number(&o, "shift", 0, &shift, err);
    if (ok && shift > 10) ok = err_set(err, "-icount %s: shift= must be auto or 0 to 10", value);
    opts_finish(&o);
    return ok;
}

static bool set_accel(config_t *c, const char *value, struct err *err)
{
    static const char *const keys[] = {"accel", "thread", "tb-size", "one-insn-per-tb", "split-wx", NULL};
    struct opts o;
    (void)c;
    bool ok = opts_parse(&o, "-accel", value, "accel", err) && opts_only(&o, keys, err);
    const char *name = ok ? opts_get(&o, "accel") : NULL;
    if (ok && (!name || strcmp(name, "tcg"))) ok = err_set(err, "-accel %s: not supported; leave it out", value);
    opts_finish(&o);
    return ok;
}

/* ---- looking inside ------------------------------------------------------------------------------------------------------------ */

static bool set_gdb(config_t *c, const char *value, struct err *err)
{
    if (strncmp(value, "tcp:", 4)) return err_set(err, "-gdb %s: must be tcp:127.0.0.1:PORT", value);
    c->gdb = value;
    return true;
}

static bool set_gdb_default(config_t *c, const char *value, struct err *err)
{
    (void)value, (void)err;
    c->gdb = "tcp:127.0.0.1:1234";
    return true;
}

static bool set_log_items(config_t *c, const char *value, struct err *err)
{
    const char *bad;
    size_t length;
    if (log_parse_items(value, &c->log_items, &bad, &length)) return true;
    return err_set(err, "-d %s: unknown item '%.*s'; see -d help", value, (int)length, bad);
}

static bool set_compat(config_t *c, const char *value, struct err *err)
{
    if (strcmp(value, "spike")) return err_set(err, "--compat=%s: unknown; there is spike", value);
    c->spike = true;
    return true;
}

/* Those that print something and end are handled in cli.c, before any other. */
static bool handled_elsewhere(config_t *c, const char *value, struct err *err)
{
    (void)c, (void)value, (void)err;
    return true;
}

const struct cli_option cli_options[] = {
    {"M", "virt[,dumpdtb=FILE]", "the board", CLI_QEMU, set_machine},
    {"machine", "virt[,dumpdtb=FILE]", "the same", CLI_QEMU, set_machine},
    {"cpu", "BASE[,+EXT][,-EXT][,EXT=on|off]", "the hart's extensions; 'help' lists them", CLI_QEMU, set_cpu},
    {"smp", "N", "number of harts, 1 to 8", CLI_QEMU, set_smp},
    {"m", "SIZE", "guest memory: 512M, 2G; default 128M", CLI_QEMU, set_memory},
    {"bios", "default|none|FILE", "machine-mode firmware", CLI_QEMU, set_bios},
    {"kernel", "FILE", "ELF, Linux Image or raw; gzip-compressed if you like", CLI_QEMU, set_kernel},
    {"initrd", "FILE", "initial RAM disk", CLI_QEMU, set_initrd},
    {"append", "TEXT", "kernel command line", CLI_QEMU, set_append},
    {"dtb", "FILE", "device tree instead of the board's own", CLI_QEMU, set_dtb},
    {"dumpdtb", "FILE", "write the device tree and end", CLI_QEMU, set_dump_dtb},
    {"drive", "file=FILE[,format=raw][,if=none|virtio][,id=ID][,readonly=on][,snapshot=on]", "a disk image", CLI_QEMU,
     add_drive},
    {"device", "DRIVER[,KEY=VALUE...]", "a device; 'help' lists them", CLI_QEMU, add_device},
    {"object", "rng-random,id=ID", "the host's random numbers, for -device virtio-rng-device,rng=ID", CLI_QEMU,
     add_object},
    {"global", "virtio-mmio.force-legacy=false", "accepted; virtio devices are modern ones", CLI_QEMU, set_global},
    {"netdev", "user,id=ID[,hostfwd=tcp::HOSTPORT-:GUESTPORT]...", "user-mode network", CLI_QEMU, add_netdev},
    {"nic", "user[,model=virtio-net-device][,mac=MAC][,KEY=VALUE...]|none",
     "a network card, with the network of -netdev", CLI_QEMU, add_nic},
    {"net", "none", "accepted; there is no card that was not asked for", CLI_QEMU, set_net},
    {"nodefaults", NULL, "serial port and monitor go nowhere unless they are asked for", CLI_QEMU, set_nodefaults},
    {"chardev", "stdio|file|null|pty|socket,id=ID[,KEY=VALUE...]", "a character stream", CLI_QEMU, add_chardev},
    {"serial", "stdio|mon:stdio|file:PATH|null|pty|tcp:HOST:PORT|chardev:ID", "where the serial port goes", CLI_QEMU,
     add_serial},
    {"monitor", "stdio|pty|tcp:HOST:PORT|none", "where the monitor goes; default Ctrl-a c", CLI_QEMU, set_monitor},
    {"nographic", NULL, "serial port and monitor on the terminal (the default)", CLI_QEMU, set_nographic},
    {"display", "none", "accepted; there is no display", CLI_QEMU, set_display},
    {"snapshot", NULL, "write to no disk image", CLI_QEMU, set_snapshot},
    {"no-reboot", NULL, "end instead of resetting", CLI_QEMU, set_no_reboot},
    {"icount", "[shift=]N|auto", "accepted; the machine always counts instructions", CLI_QEMU, set_icount},
    {"accel", "tcg", "accepted", CLI_QEMU, set_accel},
    {"gdb", "tcp:127.0.0.1:PORT", "wait for GDB there", CLI_QEMU, set_gdb},
    {"s", NULL, "-gdb tcp:127.0.0.1:1234", CLI_QEMU, set_gdb_default},
    {"S", NULL, "do not start until the debugger or the monitor says so", CLI_QEMU, set_start_stopped},
    {"d", "ITEM[,ITEM...]", "log these items; 'help' lists them", CLI_QEMU, set_log_items},
    {"D", "FILE", "write the log there", CLI_QEMU, set_log_file},
    {"engine", "interp|jit", "how instructions are executed: decoded, or (default) translated where hot", CLI_LONG,
     set_engine},
    {"translate-after", "N", "--engine jit: translate a block when it has been entered N times (24)", CLI_LONG,
     set_translate_after},
    {"code-cache", "SIZE", "--engine jit: room for host code (8M); when it is full it is begun anew", CLI_LONG,
     set_code_cache},
    {"isa", "STRING", "extensions as Spike's option names them: rv64gc_zba", CLI_LONG, set_isa},
    {"log-commits", NULL, "log each retired instruction in Spike's format", CLI_LONG, set_log_commits},
    {"log", "FILE", "where --log-commits writes; default standard error", CLI_LONG, set_commit_log_file},
    {"cpi", "N", "cycles per instruction, for guest time; default 1", CLI_LONG, set_cpi},
    {"freq", "HZ", "clock frequency, for guest time; default 1G", CLI_LONG, set_freq},
    {"seed", "N", "seed of all randomness the guest sees; default 1", CLI_LONG, set_seed},
    {"realtime", NULL, "guest time follows the host's clock; runs no longer repeat", CLI_LONG, set_realtime},
    {"max-insns", "N", "end after about N instructions of hart 0", CLI_LONG, set_max_insns},
    {"stats", NULL, "print figures of the run at its end", CLI_LONG, set_stats},
    {"perf-map", NULL, "--engine jit: tell perf the guest's names of translated code, in /tmp/perf-PID.map", CLI_LONG,
     set_perf_map},
    {"compat", "spike", "accept -pN and -mMIB as Spike does", CLI_LONG, set_compat},
    {"signature", "FILE", "write memory begin_signature to end_signature at the end", CLI_PLUS, set_signature},
    {"signature-granularity", "N", "bytes per line of the signature; default 16", CLI_PLUS, set_granularity},
    {"version", NULL, "print the version and end", CLI_LONG, handled_elsewhere},
    {"completion", NULL, "print a bash completion script and end", CLI_LONG, handled_elsewhere},
    {"help", NULL, "print this and end", CLI_LONG, handled_elsewhere},
};
const size_t cli_option_count = ARRAY_LEN(cli_options);
