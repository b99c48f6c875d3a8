/* What a machine is made of, as the user asked for it. The command line (or a caller of liborrery) fills it; machine_create reads it
 * and borrows its strings for the machine's life. */
#ifndef ORRERY_CONFIG_H
#define ORRERY_CONFIG_H

#include "cpu/isa.h"
#include "emu/opts.h"

#define HARTS_MAX       8
#define RAM_MAX_BYTES   (UINT64_C(64) << 30)
#define CONFIG_LIST_MAX 32

/* Comma lists of an option that may be given several times. */
struct opts_list {
    struct opts item[CONFIG_LIST_MAX];
    unsigned count;
};

/* --engine; what is not chosen translates where the host can. */
enum engine_choice { ENGINE_ANY, ENGINE_INTERP, ENGINE_JIT };

struct machine_config {
    /* what runs */
    const char *program; /* positional: a bare ELF under HTIF, or anything that -kernel takes */
    const char *bios;    /* NULL: "default" */
    const char *kernel, *initrd, *append, *dtb;
    const char *dump_dtb; /* write the device tree there and end */
    const char *signature;
    unsigned signature_granularity; /* bytes per line: 1, 2, 4, 8, 16 … */
    /* the machine */
    uint64_t ram_bytes; /* 0: 128 MiB, 2 GiB for a bare HTIF program */
    unsigned harts;
    isa_set isa;
    struct opts_list drives, devices, netdevs, chardevs, objects;
    const char *serials[4]; /* -serial */
    unsigned serial_count;
    const char *monitor; /* -monitor; NULL: in the terminal's mux with -nographic, else none */
    bool nographic, snapshot, no_reboot;
    bool nodefaults; /* serial port and monitor go nowhere unless they are asked for */
    unsigned nics;   /* -nic, each also one of netdevs and devices */
    /* time */
    uint64_t freq_hz, cpi_milli; /* default 1 GHz, 1000 */
    uint64_t seed;
    bool realtime;
    /* looking inside */
    const char *gdb; /* "tcp:127.0.0.1:1234" or NULL */
    bool start_stopped;
    unsigned log_items;
    const char *log_file;
    bool log_commits;
    const char *commit_log_file; /* NULL: stderr */
    bool stats;
    bool perf_map;
    enum engine_choice engine;
    uint64_t translate_after; /* entries of a block; 0: the default */
    uint64_t code_cache;      /* bytes; 0: the default */
    uint64_t max_insns;       /* 0: no limit; per hart */
    bool spike;               /* --compat=spike */
};

void config_init(struct machine_config *c); /* the defaults */
void config_finish(struct machine_config *c);
/* Appends a comma list. */
bool config_add(struct opts_list *list, const char *option, const char *text, const char *first_key, struct err *err);

#endif
