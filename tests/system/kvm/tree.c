/*
 * tree.c - the guest's device tree, written in one go.
 *
 * A flattened tree is a header, a (here empty) list of reserved memory, a block of tokens and a block of property
 * names. Numbers are big-endian. The token block is written in place; names collect in a side buffer and follow it.
 *
 *   | header 40 | reserve map 16 | tokens ... | names ... |
 */
#include "kvmrun.h"

#include <stdio.h>
#include <string.h>

enum { TOKEN_NODE = 1, TOKEN_NODE_END = 2, TOKEN_PROPERTY = 3, TOKEN_END = 9 };
enum { HEADER_BYTES = 40, RESERVE_BYTES = 16, NAMES_MAX = 1024, VERSION = 17, COMPATIBLE_VERSION = 16 };
enum { PHANDLE_FINISHER = 1, PHANDLE_FIRST_INTC = 2 };

#define MAGIC 0xd00dfeedu

struct writer {
    uint8_t *out;
    size_t at, room;
    char names[NAMES_MAX];
    size_t names_bytes;
    bool full;
};

static void put_bytes(struct writer *w, const void *data, size_t bytes)
{
    size_t padded = (bytes + 3) & ~(size_t)3;
    if (w->full || padded > w->room - w->at) {
        w->full = true;
        return;
    }
    memset(w->out + w->at, 0, padded);
    memcpy(w->out + w->at, data, bytes);
    w->at += padded;
}

static void put_u32(struct writer *w, uint32_t value)
{
    const uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};
    put_bytes(w, bytes, sizeof bytes);
}

static void begin(struct writer *w, const char *name)
{
    put_u32(w, TOKEN_NODE);
    put_bytes(w, name, strlen(name) + 1);
}

static void begin_at(struct writer *w, const char *name, uint64_t address)
{
    char full[64];
    snprintf(full, sizeof full, "%s@%lx", name, (unsigned long)address);
    begin(w, full);
}

static void end(struct writer *w) { put_u32(w, TOKEN_NODE_END); }

/* Offset of a name among the names; the same name is kept once. */
static uint32_t name_offset(struct writer *w, const char *name)
{
    size_t bytes = strlen(name) + 1;
    for (size_t at = 0; at < w->names_bytes; at += strlen(w->names + at) + 1)
        if (!strcmp(w->names + at, name)) return (uint32_t)at;
    if (bytes > NAMES_MAX - w->names_bytes) {
        w->full = true;
        return 0;
    }
    memcpy(w->names + w->names_bytes, name, bytes);
    w->names_bytes += bytes;
    return (uint32_t)(w->names_bytes - bytes);
}

static void property(struct writer *w, const char *name, const void *data, size_t bytes)
{
    put_u32(w, TOKEN_PROPERTY);
    put_u32(w, (uint32_t)bytes);
    put_u32(w, name_offset(w, name));
    put_bytes(w, data, bytes);
}

static void text(struct writer *w, const char *name, const char *value) { property(w, name, value, strlen(value) + 1); }
static void flag(struct writer *w, const char *name) { property(w, name, "", 0); }

static void cells(struct writer *w, const char *name, const uint32_t *values, size_t count)
{
    put_u32(w, TOKEN_PROPERTY);
    put_u32(w, (uint32_t)(4 * count));
    put_u32(w, name_offset(w, name));
    for (size_t i = 0; i < count; i++) put_u32(w, values[i]);
}

static void number(struct writer *w, const char *name, uint32_t value) { cells(w, name, &value, 1); }

/* Address and size, two cells each. */
static void reg(struct writer *w, uint64_t base, uint64_t bytes)
{
    const uint32_t values[4] = {(uint32_t)(base >> 32), (uint32_t)base, (uint32_t)(bytes >> 32), (uint32_t)bytes};
    cells(w, "reg", values, 4);
}

static void address(struct writer *w, const char *name, uint64_t value)
{
    const uint32_t values[2] = {(uint32_t)(value >> 32), (uint32_t)value};
    cells(w, name, values, 2);
}

static void chosen_node(struct writer *w, const struct guest *guest)
{
    begin(w, "chosen");
    text(w, "bootargs", guest->command_line);
    text(w, "stdout-path", "/soc/serial@10000000");
    if (guest->initrd_end) {
        address(w, "linux,initrd-start", guest->initrd_start);
        address(w, "linux,initrd-end", guest->initrd_end);
    }
    end(w);
}

static void cpu_node(struct writer *w, const struct guest *guest, unsigned id)
{
    begin_at(w, "cpu", id);
    text(w, "device_type", "cpu");
    text(w, "compatible", "riscv");
    number(w, "reg", id);
    text(w, "riscv,isa", guest->isa);
    text(w, "status", "okay");
    begin(w, "interrupt-controller");
    text(w, "compatible", "riscv,cpu-intc");
    number(w, "#interrupt-cells", 1);
    flag(w, "interrupt-controller");
    number(w, "phandle", PHANDLE_FIRST_INTC + id);
    end(w);
    end(w);
}

static void cpus_node(struct writer *w, const struct guest *guest)
{
    begin(w, "cpus");
    number(w, "#address-cells", 1);
    number(w, "#size-cells", 0);
    number(w, "timebase-frequency", (uint32_t)guest->timebase_hz);
    for (unsigned id = 0; id < guest->vcpus; id++) cpu_node(w, guest, id);
    end(w);
}

static void power_node(struct writer *w, const char *name, const char *compatible, uint32_t value)
{
    begin(w, name);
    text(w, "compatible", compatible);
    number(w, "regmap", PHANDLE_FINISHER);
    number(w, "offset", 0);
    number(w, "value", value);
    end(w);
}

static void soc_node(struct writer *w)
{
    begin(w, "soc");
    text(w, "compatible", "simple-bus");
    number(w, "#address-cells", 2);
    number(w, "#size-cells", 2);
    flag(w, "ranges");
    begin_at(w, "serial", SERIAL_BASE);
    text(w, "compatible", "ns16550a");
    reg(w, SERIAL_BASE, SERIAL_BYTES);
    number(w, "clock-frequency", 3686400);
    end(w);
    static const char finisher[] = "sifive,test0\0syscon";
    begin_at(w, "test", FINISHER_BASE);
    property(w, "compatible", finisher, sizeof finisher);
    reg(w, FINISHER_BASE, FINISHER_BYTES);
    number(w, "phandle", PHANDLE_FINISHER);
    end(w);
    end(w);
    power_node(w, "poweroff", "syscon-poweroff", 0x5555);
    power_node(w, "reboot", "syscon-reboot", 0x7777);
}

static void write_header(struct writer *w, size_t tokens_bytes, size_t names_at)
{
    size_t total = w->at;
    const uint32_t fields[HEADER_BYTES / 4] = {
        MAGIC,
        (uint32_t)total,
        HEADER_BYTES + RESERVE_BYTES,
        (uint32_t)names_at,
        HEADER_BYTES,
        VERSION,
        COMPATIBLE_VERSION,
        0, /* the hart that boots */
        (uint32_t)w->names_bytes,
        (uint32_t)tokens_bytes,
    };
    w->at = 0;
    for (size_t i = 0; i < HEADER_BYTES / 4; i++) put_u32(w, fields[i]);
    w->at = total;
}

size_t tree_build(const struct guest *guest, uint8_t *out, size_t room)
{
    static const uint8_t nothing[HEADER_BYTES + RESERVE_BYTES];
    struct writer w = {.out = out, .room = room};
    put_bytes(&w, nothing, sizeof nothing);
    begin(&w, "");
    text(&w, "compatible", "orrery,kvmrun");
    text(&w, "model", "Orrery kvmrun");
    number(&w, "#address-cells", 2);
    number(&w, "#size-cells", 2);
    chosen_node(&w, guest);
    begin_at(&w, "memory", MEMORY_BASE);
    text(&w, "device_type", "memory");
    reg(&w, MEMORY_BASE, guest->memory_bytes);
    end(&w);
    cpus_node(&w, guest);
    soc_node(&w);
    end(&w);
    put_u32(&w, TOKEN_END);
    size_t names_at = w.at;
    put_bytes(&w, w.names, w.names_bytes);
    if (w.full) return 0;
    write_header(&w, names_at - HEADER_BYTES - RESERVE_BYTES, names_at);
    return w.at;
}
