#include "emu/monitor.h"

#include "cpu/insn.h"
#include "cpu/priv.h"
#include "emu/base/bits.h"
#include "emu/monitor_internal.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES  256
#define EXAMINE_MAX 4096u
#define BACKSPACE   8
#define DELETE      127
#define CTRL_U      21

struct monitor {
    struct machine *machine;
    struct chardev *out;
    char line[LINE_BYTES];
    size_t length;
};

/* ---- x/FMT: count, format (x d u o c i), size (b h w g) ------------------------------------------------------------------------- */

struct format {
    uint64_t count;
    char kind;
    unsigned size;
};

static bool parse_format(const char **at, struct format *f)
{
    const char *p = *at;
    *f = (struct format){.count = 1, .kind = 'x', .size = 4};
    if (*p != '/') return true;
    char *end;
    p++;
    if (isdigit((unsigned char)*p)) {
        f->count = strtoull(p, &end, 10);
        p = end;
    }
    for (; *p && !isspace((unsigned char)*p); p++) {
        static const char sizes[] = "bhwg";
        const char *size = strchr(sizes, *p);
        if (size)
            f->size = 1u << (size - sizes);
        else if (strchr("xduoci", *p))
            f->kind = *p;
        else
            return false;
    }
    if (f->kind == 'c') f->size = 1;
    *at = p;
    return f->count <= EXAMINE_MAX;
}

static void print_value(FILE *out, const struct format *f, uint64_t v)
{
    int digits = (int)f->size * 2;
    switch (f->kind) {
    case 'd': fprintf(out, " %lld", (long long)sign_extend(v, f->size * 8)); break;
    case 'u': fprintf(out, " %llu", (unsigned long long)v); break;
    case 'o': fprintf(out, " 0%llo", (unsigned long long)v); break;
    case 'c': fprintf(out, isprint((int)v) ? " '%c'" : " \\%03o", (int)v); break;
    default: fprintf(out, " 0x%0*llx", digits, (unsigned long long)v);
    }
}

static bool read_memory(struct machine *m, uint64_t at, void *to, unsigned n, bool physical)
{
    return physical ? bus_dma_read(&m->bus, at, to, n) : hart_debug_read(m->harts[m->stopped_hart].hart, at, to, n);
}

/* x/i: instructions, each at the end of the one before. */
static void disassemble(struct machine *m, uint64_t at, uint64_t count, FILE *out, bool physical)
{
    for (; count; count--) {
        uint8_t bytes[4] = {0};
        struct insn insn;
        char text[96];
        bool ok = read_memory(m, at, bytes, 2, physical);
        if (ok && insn_length(load_le16(bytes)) == 4) ok = read_memory(m, at + 2, bytes + 2, 2, physical);
        if (!ok) {
            fprintf(out, "0x%016llx: not mapped\n", (unsigned long long)at);
            return;
        }
        insn_decode(load_le32(bytes), m->harts[m->stopped_hart].hart->isa_live, &insn);
        insn_format(text, sizeof text, &insn, at);
        const struct symbol *s = symbols_by_address(&m->symbols, at);
        fprintf(out, "0x%016llx", (unsigned long long)at);
        if (s) fprintf(out, " <%s+0x%llx>", s->name, (unsigned long long)(at - s->address));
        fprintf(out, ": %0*x  %s\n", insn.length * 2, insn.raw, text);
        at += insn.length;
    }
}

/* $pc, $sp, $mepc … of the current hart. */
static bool parse_register(struct machine *m, const char *name, uint64_t *value)
{
    struct hart *h = m->harts[m->stopped_hart].hart;
    *value = h->pc;
    if (!strcmp(name, "pc")) return true;
    for (unsigned i = 0; i < 32; i++) {
        *value = i ? h->x[i] : 0;
        if (!strcmp(name, monitor_x_names[i])) return true;
    }
    int number = csr_number(name);
    return number >= 0 && csr_peek(h, (unsigned)number, value);
}

static bool parse_address(struct machine *m, const char *text, uint64_t *address)
{
    const struct symbol *named = symbols_by_name(&m->symbols, text);
    char *end;
    if (*text == '$') return parse_register(m, text + 1, address);
    *address = named ? named->address : strtoull(text, &end, 0);
    return named || (end != text && !*end);
}

static void examine(struct machine *m, const char *arguments, FILE *out, bool physical)
{
    struct format f;
    if (!parse_format(&arguments, &f)) {
        fprintf(out, "x: bad format; /COUNT, one of x d u o c i, one of b h w g\n");
        return;
    }
    while (isspace((unsigned char)*arguments)) arguments++;
    uint64_t at;
    if (!parse_address(m, arguments, &at)) {
        fprintf(out, "x: '%s' is neither an address nor a symbol nor a register such as $pc\n", arguments);
        return;
    }
    if (f.kind == 'i') {
        disassemble(m, at, f.count, out, physical);
        return;
    }
    unsigned per_line = 16 / f.size;
    for (uint64_t i = 0; i < f.count; i++, at += f.size) {
        uint8_t bytes[8];
        if (i % per_line == 0) fprintf(out, "%s0x%016llx:", i ? "\n" : "", (unsigned long long)at);
        if (!read_memory(m, at, bytes, f.size, physical)) {
            fprintf(out, " not mapped");
            break;
        }
        print_value(out, &f, load_le(bytes, f.size));
    }
    fputc('\n', out);
}

/* ---- commands ------------------------------------------------------------------------------------------------------------------ */

static void run_x(struct machine *m, const char *arguments, FILE *out) { examine(m, arguments, out, false); }
static void run_xp(struct machine *m, const char *arguments, FILE *out) { examine(m, arguments, out, true); }

static void run_stop(struct machine *m, const char *arguments, FILE *out)
{
    (void)arguments, (void)out;
    m->paused = true;
}

static void run_cont(struct machine *m, const char *arguments, FILE *out)
{
    (void)arguments, (void)out;
    m->paused = false;
}

static void run_quit(struct machine *m, const char *arguments, FILE *out)
{
    (void)arguments, (void)out;
    machine_stop_with(m, MACHINE_EXIT, 0);
}

static void run_reset(struct machine *m, const char *arguments, FILE *out)
{
    (void)arguments, (void)out;
    machine_stop_with(m, MACHINE_RESET_WANTED, 0);
}

static void run_hart(struct machine *m, const char *arguments, FILE *out)
{
    char *end;
    unsigned long n = strtoul(arguments, &end, 10);
    if (end == arguments || *end || n >= m->hart_count)
        fprintf(out, "hart: a number below %u is needed\n", m->hart_count);
    else
        m->stopped_hart = (unsigned)n;
}

static void run_info(struct machine *m, const char *arguments, FILE *out)
{
    size_t length = strcspn(arguments, " ");
    for (size_t i = 0; i < monitor_info_count; i++) {
        if (strlen(monitor_infos[i].name) != length || strncmp(monitor_infos[i].name, arguments, length)) continue;
        monitor_infos[i].run(m, arguments + length + (arguments[length] != 0), out);
        return;
    }
    if (length) fprintf(out, "info: '%s' is unknown\n", arguments);
    for (size_t i = 0; i < monitor_info_count; i++)
        fprintf(out, "info %-10s %s\n", monitor_infos[i].name, monitor_infos[i].help);
}

static void run_help(struct machine *m, const char *arguments, FILE *out);

static const struct monitor_command commands[] = {
    {"help", "", "this list", run_help},
    {"info", "WHAT", "show the machine; info alone lists what there is", run_info},
    {"x", "/FMT ADDRESS", "virtual memory of the current hart: x/8xw 0x80000000", run_x},
    {"xp", "/FMT ADDRESS", "physical memory", run_xp},
    {"hart", "N", "choose the current hart (also: cpu)", run_hart},
    {"cpu", "N", "the same", run_hart},
    {"stop", "", "let the machine stand still", run_stop},
    {"cont", "", "let it run again", run_cont},
    {"c", "", "the same", run_cont},
    {"system_reset", "", "switch the machine off and on", run_reset},
    {"quit", "", "leave", run_quit},
    {"q", "", "the same", run_quit},
};

static void run_help(struct machine *m, const char *arguments, FILE *out)
{
    (void)m, (void)arguments;
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        fprintf(out, "%s%s%-*s %s\n", commands[i].name,
                *commands[i].arguments == '/' || !*commands[i].arguments ? "" : " ",
                (int)(22 - strlen(commands[i].name)), commands[i].arguments, commands[i].help);
}

void monitor_execute(struct machine *m, const char *line, FILE *out)
{
    while (isspace((unsigned char)*line)) line++;
    size_t length = strcspn(line, " /");
    if (!*line) return;
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strlen(commands[i].name) != length || strncmp(commands[i].name, line, length)) continue;
        const char *arguments = line + length;
        while (*arguments == ' ') arguments++;
        commands[i].run(m, arguments, out);
        return;
    }
    fprintf(out, "'%.*s' is unknown; help lists the commands\n", (int)length, line);
}

/* ---- the line editor ------------------------------------------------------------------------------------------------------------ */

static void say(struct monitor *mon, const char *text, size_t n) { chardev_write(mon->out, (const uint8_t *)text, n); }

void monitor_prompt(struct monitor *mon)
{
    static const char prompt[] = "\r\n(orrery) ";
    say(mon, prompt, sizeof prompt - 1);
}

static void finish_line(struct monitor *mon)
{
    char *text = NULL;
    size_t size = 0;
    say(mon, "\r\n", 2);
    mon->line[mon->length] = 0;
    mon->length = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) return;
    monitor_execute(mon->machine, mon->line, out);
    fclose(out);
    while (size && text[size - 1] == '\n') size--;
    for (size_t i = 0, start = 0; i <= size; i++) {
        if (i < size && text[i] != '\n') continue;
        say(mon, text + start, i - start);
        if (i < size) say(mon, "\r\n", 2);
        start = i + 1;
    }
    free(text);
    monitor_prompt(mon);
}

void monitor_key(struct monitor *mon, unsigned char key)
{
    if (key == '\r' || key == '\n') {
        finish_line(mon);
    } else if (key == BACKSPACE || key == DELETE) {
        if (mon->length) say(mon, "\b \b", 3);
        if (mon->length) mon->length--;
    } else if (key == CTRL_U) {
        for (; mon->length; mon->length--) say(mon, "\b \b", 3);
    } else if (isprint(key) && mon->length + 1 < LINE_BYTES) {
        mon->line[mon->length++] = (char)key;
        say(mon, (const char *)&key, 1);
    }
}

struct monitor *monitor_create(struct machine *m, struct chardev *out)
{
    struct monitor *mon = calloc(1, sizeof *mon);
    if (mon) *mon = (struct monitor){.machine = m, .out = out};
    return mon;
}

void monitor_destroy(struct monitor *mon) { free(mon); }
