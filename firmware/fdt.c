/*
 * fdt.c - the device tree reader and its one edit. See fdt.h for the format.
 *
 * The edit inserts two runs of bytes: a node into the structure part, and the property names it uses behind the
 * strings. An insertion moves what follows and adjusts the header, so it works for any order of the parts. Both runs
 * are padded to 8 bytes, which keeps every part as aligned as it was.
 */
#include "fdt.h"

#include <stddef.h>

#include "text.h"

#define FDT_MAGIC 0xd00dfeedu

enum { TOKEN_NODE = 1, TOKEN_NODE_END = 2, TOKEN_PROPERTY = 3, TOKEN_NOP = 4, TOKEN_END = 9 };

/* Byte offsets of header fields. */
enum {
    HEADER_TOTAL = 4,
    HEADER_STRUCT = 8,
    HEADER_STRINGS = 12,
    HEADER_RESERVATIONS = 16,
    HEADER_LAST_COMPATIBLE = 24,
    HEADER_STRINGS_BYTES = 32,
    HEADER_STRUCT_BYTES = 36,
    HEADER_BYTES = 40,
};

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void put32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static bool part_inside(const struct fdt *fdt, uint32_t offset, uint32_t bytes)
{
    return offset >= HEADER_BYTES && offset <= fdt->total_bytes && bytes <= fdt->total_bytes - offset;
}

bool fdt_open(struct fdt *fdt, uintptr_t address)
{
    const uint8_t *header = (const uint8_t *)address;
    if (address % 8 || get32(header) != FDT_MAGIC) return false;

    fdt->address = address;
    fdt->total_bytes = get32(header + HEADER_TOTAL);
    fdt->struct_offset = get32(header + HEADER_STRUCT);
    fdt->struct_bytes = get32(header + HEADER_STRUCT_BYTES);
    fdt->strings_offset = get32(header + HEADER_STRINGS);
    fdt->strings_bytes = get32(header + HEADER_STRINGS_BYTES);
    return fdt->total_bytes >= HEADER_BYTES && fdt->total_bytes <= FDT_MAX_BYTES &&
           get32(header + HEADER_LAST_COMPATIBLE) <= 17 && fdt->struct_offset % 4 == 0 &&
           part_inside(fdt, fdt->struct_offset, fdt->struct_bytes) &&
           part_inside(fdt, fdt->strings_offset, fdt->strings_bytes);
}

/* Length of the string at `text` with its terminator, or 0 if there is none within `room` bytes. */
static uint32_t string_bytes(const uint8_t *text, uint32_t room)
{
    for (uint32_t i = 0; i < room; i++)
        if (!text[i]) return i + 1;
    return 0;
}

static struct fdt_token read_node(const uint8_t *structure, uint32_t at, uint32_t end, uint32_t *next)
{
    uint32_t bytes = string_bytes(structure + at + 4, end - at - 4);
    if (!bytes) return (struct fdt_token){.kind = FDT_BROKEN};
    *next = (at + 4 + bytes + 3) & ~3u;
    return (struct fdt_token){.kind = FDT_NODE, .at = at, .name = (const char *)structure + at + 4};
}

static struct fdt_token read_property(const struct fdt *fdt, const uint8_t *structure, uint32_t at, uint32_t *next)
{
    const struct fdt_token broken = {.kind = FDT_BROKEN};
    if (fdt->struct_bytes - at < 12) return broken;
    uint32_t bytes = get32(structure + at + 4), name = get32(structure + at + 8);
    if (bytes > fdt->struct_bytes - at - 12 || name >= fdt->strings_bytes) return broken;
    const uint8_t *strings = (const uint8_t *)fdt->address + fdt->strings_offset;
    if (!string_bytes(strings + name, fdt->strings_bytes - name)) return broken;
    *next = (at + 12 + bytes + 3) & ~3u;
    return (struct fdt_token){.kind = FDT_PROPERTY,
                              .at = at,
                              .name = (const char *)strings + name,
                              .data = structure + at + 12,
                              .bytes = bytes};
}

struct fdt_token fdt_next(const struct fdt *fdt, uint32_t *at)
{
    const uint8_t *structure = (const uint8_t *)fdt->address + fdt->struct_offset;
    while (*at <= fdt->struct_bytes && fdt->struct_bytes - *at >= 4) {
        uint32_t here = *at;
        *at += 4;
        switch (get32(structure + here)) {
        case TOKEN_NODE: return read_node(structure, here, fdt->struct_bytes, at);
        case TOKEN_PROPERTY: return read_property(fdt, structure, here, at);
        case TOKEN_NODE_END: return (struct fdt_token){.kind = FDT_NODE_END, .at = here};
        case TOKEN_END: return (struct fdt_token){.kind = FDT_END, .at = here};
        case TOKEN_NOP: break;
        default: return (struct fdt_token){.kind = FDT_BROKEN, .at = here};
        }
    }
    return (struct fdt_token){.kind = FDT_BROKEN, .at = *at};
}

uint64_t fdt_cells(const uint8_t *data, uint32_t cells)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < cells; i++) value = value << 32 | get32(data + 4 * i);
    return value;
}

bool fdt_list_contains(const uint8_t *list, uint32_t bytes, const char *wanted)
{
    for (uint32_t at = 0, step; at < bytes; at += step) {
        step = string_bytes(list + at, bytes - at);
        if (!step) return false;
        if (text_equal((const char *)list + at, wanted)) return true;
    }
    return false;
}

/* Inserts `bytes` bytes (a multiple of 8) at blob offset `at`. */
static void insert(struct fdt *fdt, uint32_t at, const uint8_t *data, uint32_t bytes)
{
    uint8_t *blob = (uint8_t *)fdt->address;
    memmove(blob + at + bytes, blob + at, fdt->total_bytes - at);
    memcpy(blob + at, data, bytes);
    fdt->total_bytes += bytes;
    put32(blob + HEADER_TOTAL, fdt->total_bytes);
    static const uint8_t parts[] = {HEADER_STRUCT, HEADER_STRINGS, HEADER_RESERVATIONS};
    for (unsigned i = 0; i < sizeof parts; i++) {
        uint32_t offset = get32(blob + parts[i]);
        if (offset >= at) put32(blob + parts[i], offset + bytes);
    }
    fdt->struct_offset = get32(blob + HEADER_STRUCT);
    fdt->strings_offset = get32(blob + HEADER_STRINGS);
}

/* The names used by the new nodes; inserted as one run, so a property needs only its offset in it. */
struct names {
    char address_cells[15], size_cells[12], ranges[7], reg[4], no_map[7], padding[3];
};
static const struct names names = {"#address-cells", "#size-cells", "ranges", "reg", "no-map", ""};
_Static_assert(sizeof(struct names) % 8 == 0, "keeps the parts aligned");

struct emitter {
    uint8_t bytes[FDT_RESERVE_GROWTH - sizeof(struct names)];
    uint32_t used;
};

static void emit(struct emitter *out, uint32_t word)
{
    if (out->used <= sizeof out->bytes - 4) put32(out->bytes + out->used, word);
    out->used += 4;
}

static void emit_name(struct emitter *out, const char *name)
{
    for (bool more = true; more;) {
        uint8_t word[4] = {0};
        for (int i = 0; i < 4 && (more = *name); i++) word[i] = (uint8_t)*name++;
        emit(out, get32(word));
    }
}

static void emit_property(struct emitter *out, uint32_t name_offset, uint32_t bytes)
{
    emit(out, TOKEN_PROPERTY);
    emit(out, bytes);
    emit(out, name_offset);
}

static void emit_cells(struct emitter *out, uint64_t value, uint32_t cells)
{
    if (cells == 2) emit(out, (uint32_t)(value >> 32));
    emit(out, (uint32_t)value);
}

/* Where the new node goes, and how numbers are written there. */
struct place {
    uint32_t at; /* offset in the structure part of the NODE_END token before which to insert */
    bool in_reserved_memory;
    uint32_t address_cells, size_cells;
};

static bool find_place(const struct fdt *fdt, struct place *place)
{
    uint32_t at = 0, depth = 0;
    bool inside = false;
    *place = (struct place){.address_cells = 2, .size_cells = 2};
    for (;;) {
        struct fdt_token token = fdt_next(fdt, &at);
        if (token.kind == FDT_BROKEN || token.kind == FDT_END) return false;
        if (token.kind == FDT_NODE && ++depth == 2) inside = text_equal(token.name, "reserved-memory");
        if (token.kind == FDT_PROPERTY && depth == 2 && inside && token.bytes == 4) {
            if (text_equal(token.name, "#address-cells")) place->address_cells = get32(token.data);
            if (text_equal(token.name, "#size-cells")) place->size_cells = get32(token.data);
        }
        if (token.kind == FDT_NODE_END && ((depth == 2 && inside) || depth == 1)) {
            place->at = token.at;
            place->in_reserved_memory = depth == 2;
            return place->address_cells - 1 < 2 && place->size_cells - 1 < 2;
        }
        if (token.kind == FDT_NODE_END) depth--;
    }
}

bool fdt_reserve(struct fdt *fdt, const char *name, uint64_t base, uint64_t bytes)
{
    struct place place;
    if (!find_place(fdt, &place)) return false;

    uint32_t name_base = fdt->strings_bytes;
#define NAME(field) (name_base + (uint32_t)offsetof(struct names, field))
    struct emitter node = {.used = 0};
    if (!place.in_reserved_memory) {
        emit(&node, TOKEN_NODE);
        emit_name(&node, "reserved-memory");
        emit_property(&node, NAME(address_cells), 4);
        emit(&node, place.address_cells);
        emit_property(&node, NAME(size_cells), 4);
        emit(&node, place.size_cells);
        emit_property(&node, NAME(ranges), 0);
    }
    emit(&node, TOKEN_NODE);
    emit_name(&node, name);
    emit_property(&node, NAME(reg), 4 * (place.address_cells + place.size_cells));
    emit_cells(&node, base, place.address_cells);
    emit_cells(&node, bytes, place.size_cells);
    emit_property(&node, NAME(no_map), 0);
#undef NAME
    emit(&node, TOKEN_NODE_END);
    if (!place.in_reserved_memory) emit(&node, TOKEN_NODE_END);
    if (node.used % 8) emit(&node, TOKEN_NOP);
    if (node.used > sizeof node.bytes) return false;

    insert(fdt, fdt->strings_offset + fdt->strings_bytes, (const uint8_t *)&names, sizeof names);
    fdt->strings_bytes += sizeof names;
    insert(fdt, fdt->struct_offset + place.at, node.bytes, node.used);
    fdt->struct_bytes += node.used;
    put32((uint8_t *)fdt->address + HEADER_STRINGS_BYTES, fdt->strings_bytes);
    put32((uint8_t *)fdt->address + HEADER_STRUCT_BYTES, fdt->struct_bytes);
    return true;
}
