/*
 * fdt.h - reading a flattened device tree, and adding one reservation to it.
 *
 * A device tree blob is big-endian and has four parts, found through offsets in its header:
 *
 *   header | memory reservations | structure: tokens that open nodes, give properties, close nodes | strings: property
 * names
 *
 * The reader walks the structure token by token and never trusts a length or an offset: everything it hands out lies
 * inside the blob, and every string is terminated there. It needs no memory of its own.
 *
 * Source: Devicetree Specification, chapter "Flattened Devicetree (DTB) Format".
 */
#ifndef ORRERY_FIRMWARE_FDT_H
#define ORRERY_FIRMWARE_FDT_H

#include <stdbool.h>
#include <stdint.h>

#define FDT_MAX_BYTES (2u << 20)

struct fdt {
    uintptr_t address;
    uint32_t total_bytes;
    uint32_t struct_offset, struct_bytes;
    uint32_t strings_offset, strings_bytes;
};

enum fdt_kind { FDT_NODE, FDT_NODE_END, FDT_PROPERTY, FDT_END, FDT_BROKEN };

/* One token. `at` is its offset in the structure part; `data` is `bytes` long and belongs to the blob. */
struct fdt_token {
    enum fdt_kind kind;
    uint32_t at;
    const char *name;
    const uint8_t *data;
    uint32_t bytes;
};

/* Checks the header of the blob at `address`, whose first FDT_HEADER_BYTES must be readable. */
#define FDT_HEADER_BYTES 40
bool fdt_open(struct fdt *fdt, uintptr_t address);
/* Returns the token at *at and moves *at behind it. Start with 0; ends with FDT_END or FDT_BROKEN. */
struct fdt_token fdt_next(const struct fdt *fdt, uint32_t *at);
/* Reads `cells` (0 to 2) 32-bit cells as one number. */
uint64_t fdt_cells(const uint8_t *data, uint32_t cells);
/* True if the string list (`compatible`, `riscv,isa-extensions`) contains `wanted`. */
bool fdt_list_contains(const uint8_t *list, uint32_t bytes, const char *wanted);

/* Most bytes by which fdt_reserve makes the blob grow. */
#define FDT_RESERVE_GROWTH 256
/*
 * Adds /reserved-memory/`name`@`base` with `no-map`, in place; the caller vouches for FDT_RESERVE_GROWTH free bytes
 * behind the blob. False if the tree is malformed; it is then unchanged.
 */
bool fdt_reserve(struct fdt *fdt, const char *name, uint64_t base, uint64_t bytes);

#endif
