#include "emu/listing.h"

#include "emu/base/bits.h"
#include <capstone/capstone.h>
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* libcapstone is loaded when a listing is asked for: linking to it costs every other run 87,000 relocations, more than all else at start. */
struct capstone {
    void *handle; /* of dlopen */
    __typeof__(&cs_open) open;
    __typeof__(&cs_close) close;
    __typeof__(&cs_disasm) disasm;
    __typeof__(&cs_free) free;
};
#define NAME_OF(x)       #x
#define SONAME(major)    "libcapstone.so." NAME_OF(major)
#define CAPSTONE_LIBRARY SONAME(CS_API_MAJOR)

struct listing {
    struct engine *engine;
    struct log *log;
    const struct symbols *symbols;
    FILE *map; /* NULL: not wanted */
    struct capstone capstone;
    csh disassembler;
    bool disassembles;
};

/* ---- perf's map: a line "address size name", hexadecimal, for each piece of code ---- */

static void map_translation(struct listing *l, const struct translation *t)
{
    const struct symbol *s = symbols_by_address(l->symbols, t->pc);
    const char *kind = t->blocks ? " [region]" : "";
    fprintf(l->map, "%" PRIxPTR " %zx ", (uintptr_t)t->code, t->bytes);
    if (s)
        fprintf(l->map, "%s%s\n", s->name, kind);
    else
        fprintf(l->map, "guest_%" PRIx64 "%s\n", t->pc, kind);
    fflush(l->map); /* perf may look at any time */
}

static bool open_map(struct listing *l, struct err *err)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/perf-%ld.map", (long)getpid());
    remove(path); /* it may be another process's, and a link to anywhere */
    l->map = fopen(path, "wx");
    return l->map || err_set(err, "--perf-map: %s cannot be written", path);
}

/* ---- guest code to the left, what became of it to the right ---- */

#define GUEST_COLUMNS 52

static void list_host(struct listing *l, const char *guest, const uint8_t *from, const uint8_t *to)
{
    cs_insn *insns = NULL;
    size_t n =
        from < to ? l->capstone.disasm(l->disassembler, from, (size_t)(to - from), (uintptr_t)from, 0, &insns) : 0;
    if (!n) log_line(l->log, LOG_OUT_ASM, "%s", guest);
    for (size_t i = 0; i < n; i++)
        log_line(l->log, LOG_OUT_ASM, "%-*s| %s %s", GUEST_COLUMNS, i ? "" : guest, insns[i].mnemonic, insns[i].op_str);
    if (n) l->capstone.free(insns, n);
}

static void list_translation(struct listing *l, const struct translation *t)
{
    const struct symbol *s = symbols_by_address(l->symbols, t->pc);
    char region[32] = "";
    if (t->blocks) snprintf(region, sizeof region, "region of %u blocks, ", t->blocks);
    log_line(l->log, LOG_OUT_ASM, "out_asm: 0x%" PRIx64 "%s%s: %s%u instructions, %zu bytes at %p", t->pc, s ? " " : "",
             s ? s->name : "", region, t->count, t->bytes, (const void *)t->code);
    list_host(l, "entry", t->code, t->code + t->insns[0].host);
    for (unsigned i = 0; i < t->count; i++) {
        char text[80], guest[120];
        struct insn insn;
        uint64_t pc = t->insns[i].pc;
        insn_decode(t->insns[i].raw, t->live, &insn);
        insn_format(text, sizeof text, &insn, pc);
        snprintf(guest, sizeof guest, "0x%" PRIx64 ": %s", pc, text);
        list_host(l, guest, t->code + t->insns[i].host,
                  t->code + (i + 1 < t->count ? t->insns[i + 1].host : t->host_end));
    }
    list_host(l, "ways out", t->code + t->host_end, t->code + t->bytes);
}

static void told(void *self, const struct translation *t)
{
    struct listing *l = self;
    if (l->map) map_translation(l, t);
    if (l->disassembles && t->count) list_translation(l, t);
}

static bool open_disassembler(struct listing *l, struct err *err)
{
    struct capstone *c = &l->capstone;
    c->handle = dlopen(CAPSTONE_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!c->handle) return err_set(err, "-d out_asm: %s", dlerror());
    *(void **)&c->open = dlsym(c->handle, "cs_open");
    *(void **)&c->close = dlsym(c->handle, "cs_close");
    *(void **)&c->disasm = dlsym(c->handle, "cs_disasm");
    *(void **)&c->free = dlsym(c->handle, "cs_free");
    if (!c->open || !c->close || !c->disasm || !c->free)
        return err_set(err, "-d out_asm: %s lacks functions", CAPSTONE_LIBRARY);
    l->disassembles = c->open(CS_ARCH_X86, CS_MODE_64, &l->disassembler) == CS_ERR_OK;
    return l->disassembles || err_set(err, "-d out_asm: this libcapstone knows no x86-64 code");
}

struct listing *listing_create(struct engine *e, struct log *log, const struct symbols *symbols, bool perf_map,
                               struct err *err)
{
    struct listing *l = calloc(1, sizeof *l);
    if (!l) {
        err_set(err, "out of memory");
        return NULL;
    }
    *l = (struct listing){.engine = e, .log = log, .symbols = symbols};
    bool ok = !perf_map || open_map(l, err);
    if (ok && log_on(log, LOG_OUT_ASM)) ok = open_disassembler(l, err);
    if (!ok) {
        listing_destroy(l);
        return NULL;
    }
    engine_on_translation(e, told, l);
    return l;
}

void listing_destroy(struct listing *l)
{
    if (!l) return;
    engine_on_translation(l->engine, NULL, NULL);
    if (l->map) fclose(l->map);
    if (l->disassembles) l->capstone.close(&l->disassembler);
    if (l->capstone.handle) dlclose(l->capstone.handle);
    free(l);
}
