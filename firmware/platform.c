/*
 * platform.c - one walk over the device tree.
 *
 * A node's properties may come in any order, so they are collected while the walk is inside the node and judged when it
 * leaves. What a `reg` property means depends on its parent's #address-cells and #size-cells, hence the little stack of
 * open nodes. Bus addresses are taken as physical: the `soc` bus of this machine maps one to one.
 */
#include "platform.h"

#include "hart.h"
#include "text.h"

#define DEPTH_MAX 8

/* CLINT layout: MSIP at 0, MTIMECMP at 0x4000 (ACLINT specification, "Backward Compatibility With SiFive CLINT"). */
#define CLINT_MTIMECMP 0x4000

struct platform platform;

struct property {
    const uint8_t *data;
    uint32_t bytes;
};

struct node {
    uint32_t address_cells, size_cells; /* for its children */
    struct property compatible, device_type, reg, status, isa, isa_extensions, pmu_events;
};

static void collect(struct node *node, const struct fdt_token *token)
{
    const struct property value = {token->data, token->bytes};
    if (text_equal(token->name, "compatible")) node->compatible = value;
    if (text_equal(token->name, "device_type")) node->device_type = value;
    if (text_equal(token->name, "reg")) node->reg = value;
    if (text_equal(token->name, "status")) node->status = value;
    if (text_equal(token->name, "riscv,isa")) node->isa = value;
    if (text_equal(token->name, "riscv,isa-extensions")) node->isa_extensions = value;
    if (text_equal(token->name, "riscv,event-to-mhpmcounters")) node->pmu_events = value;
    if (text_equal(token->name, "#address-cells") && value.bytes == 4)
        node->address_cells = (uint32_t)fdt_cells(value.data, 1);
    if (text_equal(token->name, "#size-cells") && value.bytes == 4)
        node->size_cells = (uint32_t)fdt_cells(value.data, 1);
}

static bool property_is(struct property property, const char *text)
{
    return fdt_list_contains(property.data, property.bytes, text);
}

/* The index-th (address, size) pair of `reg`; false if there is none. */
static bool reg_pair(const struct node *node, const struct node *parent, uint32_t index, struct memory_range *out)
{
    if (parent->address_cells > 2 || parent->size_cells > 2) return false;
    uint32_t pair = 4 * (parent->address_cells + parent->size_cells);
    if (pair == 0 || node->reg.bytes / pair <= index) return false;
    const uint8_t *data = node->reg.data + index * pair;
    out->base = fdt_cells(data, parent->address_cells);
    out->bytes = fdt_cells(data + 4 * parent->address_cells, parent->size_cells);
    return true;
}

static bool isa_contains(const struct node *node, const char *name)
{
    if (node->isa_extensions.bytes) return property_is(node->isa_extensions, name);
    const uint8_t *isa = node->isa.data;
    return node->isa.bytes && !isa[node->isa.bytes - 1] && text_isa_contains((const char *)isa, name);
}

static void add_cpu(const struct node *node, const struct node *parent)
{
    struct memory_range reg;
    if (!reg_pair(node, parent, 0, &reg) || reg.base >= HART_MAX) return;
    if (node->status.bytes && !property_is(node->status, "okay") && !property_is(node->status, "ok")) return;
    platform.hart_mask |= 1u << reg.base;
    platform.hardware_ad = isa_contains(node, "svadu") && !isa_contains(node, "svade");
    platform.has_sscofpmf = isa_contains(node, "sscofpmf");
}

static void add_memory(const struct node *node, const struct node *parent)
{
    struct memory_range range;
    for (uint32_t i = 0; reg_pair(node, parent, i, &range); i++) {
        if (platform.memory_count == PLATFORM_MEMORY_MAX || range.base + range.bytes < range.base) return;
        platform.memory[platform.memory_count++] = range;
    }
}

static void add_pmu_events(const struct node *node)
{
    for (uint32_t at = 0; node->pmu_events.bytes - at >= 12; at += 12) {
        if (platform.pmu_event_count == PLATFORM_PMU_EVENT_MAX) return;
        const uint8_t *row = node->pmu_events.data + at;
        platform.pmu_events[platform.pmu_event_count++] =
            (struct pmu_event_range){.first = (uint32_t)fdt_cells(row, 1),
                                     .last = (uint32_t)fdt_cells(row + 4, 1),
                                     .counters = (uint32_t)fdt_cells(row + 8, 1)};
    }
}

static void judge(const struct node *node, const struct node *parent)
{
    struct memory_range first, second;
    if (property_is(node->device_type, "cpu")) add_cpu(node, parent);
    if (property_is(node->device_type, "memory")) add_memory(node, parent);
    if (property_is(node->compatible, "riscv,pmu")) add_pmu_events(node);
    if (!reg_pair(node, parent, 0, &first)) return;
    if (property_is(node->compatible, "ns16550a") && !platform.uart) platform.uart = first.base;
    if (property_is(node->compatible, "sifive,test0") && !platform.finisher) platform.finisher = first.base;
    if ((property_is(node->compatible, "sifive,clint0") || property_is(node->compatible, "riscv,clint0")) &&
        !platform.mswi) {
        platform.mswi = first.base;
        platform.mtimecmp = first.base + CLINT_MTIMECMP;
    }
    if (property_is(node->compatible, "riscv,aclint-mswi") && !platform.mswi) platform.mswi = first.base;
    if (property_is(node->compatible, "riscv,aclint-mtimer") && !platform.mtimecmp &&
        reg_pair(node, parent, 1, &second))
        platform.mtimecmp = second.base;
}

bool platform_discover(const struct fdt *fdt)
{
    static const struct node fresh = {.address_cells = 2, .size_cells = 1};
    struct node open[DEPTH_MAX + 1] = {fresh}; /* open[0] stands above the root */
    uint32_t depth = 0, at = 0;
    for (;;) {
        struct fdt_token token = fdt_next(fdt, &at);
        switch (token.kind) {
        case FDT_NODE:
            if (depth == DEPTH_MAX) return false;
            open[++depth] = fresh;
            break;
        case FDT_PROPERTY:
            if (depth == 0) return false;
            collect(&open[depth], &token);
            break;
        case FDT_NODE_END:
            if (depth == 0) return false;
            judge(&open[depth], &open[depth - 1]);
            depth--;
            break;
        case FDT_END: return depth == 0;
        case FDT_BROKEN: return false;
        }
    }
}

bool platform_supervisor_memory(uint64_t base, uint64_t bytes)
{
    uint64_t own = (uintptr_t)FIRMWARE_BASE, own_end = own + (uintptr_t)FIRMWARE_SIZE, end = base + bytes;
    if (end < base || (base < own_end && (end > own || (base >= own && end == base)))) return false;
    for (uint32_t i = 0; i < platform.memory_count; i++) {
        const struct memory_range *ram = &platform.memory[i];
        if (base >= ram->base && base - ram->base < ram->bytes && bytes <= ram->bytes - (base - ram->base)) return true;
    }
    return false;
}

bool platform_supervisor_code(uint64_t address)
{
    /* norm: an instruction is at least 2 bytes, and at an even address */
    return address % 2 == 0 && platform_supervisor_memory(address, 2);
}
