/*
 * machine.c - reading the device tree, and memory for the time before there is an allocator. See machine.h.
 *
 * The tree is read once, in order, by a small stack machine: each open node collects the few properties that matter, and
 * when it closes, its `compatible` and `device_type` say what it was. Numbers in `reg` come in cells, whose count the
 * *parent* declares.
 *
 * Source: Devicetree Specification; bindings of riscv,cpus, riscv,plic0, ns16550a, virtio,mmio.
 */
#include "arch/machine.h"

#include "arch/layout.h"
#include "base/string.h"
#include "firmware/fdt.h"
#include "firmware/text.h"
#include "kern/print.h"

struct machine machine = {.timebase_hz = 10000000};

#define DEPTH_MAX 12

struct node {
    const char *name;
    uint32_t address_cells, size_cells; /* for its children */
    struct fdt_token compatible, reg, device_type, status, interrupts, extended, isa, isa_extensions, sources, shift;
    uint32_t phandle;
};

struct reader {
    struct fdt fdt;
    struct node stack[DEPTH_MAX];
    unsigned depth;
    uint64_t boot_hart;
    struct {
        uint64_t id;
        uint32_t controller; /* phandle of its interrupt controller */
    } cpus[64];
    unsigned cpu_count;
    bool all_sstc;
    struct fdt_token plic_contexts;
};

static bool is_compatible(const struct node *node, const char *what)
{
    return node->compatible.data && fdt_list_contains(node->compatible.data, node->compatible.bytes, what);
}

/* Entry `index` of reg; false if there is no such entry. */
static bool reg_entry(const struct node *node, const struct node *parent, unsigned index, struct region *region)
{
    uint32_t cells = parent->address_cells + parent->size_cells, at = index * cells * 4;
    if (!node->reg.data || parent->address_cells > 2 || parent->size_cells > 2 || !cells) return false;
    if (at + cells * 4 > node->reg.bytes) return false;
    region->base = fdt_cells(node->reg.data + at, parent->address_cells);
    region->bytes = fdt_cells(node->reg.data + at + parent->address_cells * 4, parent->size_cells);
    return true;
}

static void add_region(struct region *list, unsigned *count, struct region region)
{
    if (!region.bytes || *count == MACHINE_REGIONS_MAX || region.base >= DIRECT_MAP_BYTES) return;
    region.bytes = MIN(region.bytes, DIRECT_MAP_BYTES - region.base);
    unsigned at = (*count)++;
    for (; at && list[at - 1].base > region.base; at--) list[at] = list[at - 1];
    list[at] = region;
}

static uint32_t first_cell(struct fdt_token property, uint32_t fallback)
{
    return property.data && property.bytes >= 4 ? (uint32_t)fdt_cells(property.data, 1) : fallback;
}

static void close_cpu(struct reader *r, const struct node *node, const struct node *parent)
{
    struct region id = {0};
    if (node->status.data && strncmp((const char *)node->status.data, "ok", 2)) return;
    if (!node->reg.data || r->cpu_count == ARRAY_SIZE(r->cpus)) return;
    if (node->reg.bytes >= parent->address_cells * 4) id.base = fdt_cells(node->reg.data, parent->address_cells);
    bool sstc =
        (node->isa.data && text_isa_contains((const char *)node->isa.data, "sstc")) ||
        (node->isa_extensions.data && fdt_list_contains(node->isa_extensions.data, node->isa_extensions.bytes, "sstc"));
    r->all_sstc &= sstc;
    r->cpus[r->cpu_count].id = id.base;
    r->cpus[r->cpu_count++].controller = node->phandle;
}

static void close_device(struct reader *r, const struct node *node, const struct node *parent)
{
    struct region region;
    if (!reg_entry(node, parent, 0, &region)) return;
    if (is_compatible(node, "ns16550a") && !machine.uart.bytes) {
        machine.uart = region;
        machine.uart_irq = first_cell(node->interrupts, 0);
        machine.uart_shift = MIN(first_cell(node->shift, 0), 3u);
    } else if (is_compatible(node, "virtio,mmio") && machine.virtios < MACHINE_VIRTIO_MAX) {
        unsigned at = machine.virtios++;
        for (; at && machine.virtio[at - 1].mmio.base > region.base; at--) machine.virtio[at] = machine.virtio[at - 1];
        machine.virtio[at].mmio = region;
        machine.virtio[at].irq = first_cell(node->interrupts, 0);
    } else if (is_compatible(node, "google,goldfish-rtc")) {
        machine.rtc = region;
    } else if (is_compatible(node, "riscv,plic0") || is_compatible(node, "sifive,plic-1.0.0")) {
        machine.plic = region;
        machine.plic_sources = first_cell(node->sources, 0);
        r->plic_contexts = node->extended;
    }
}

static void close_node(struct reader *r)
{
    const struct node *node = &r->stack[r->depth - 1];
    if (r->depth < 2) return;
    struct node *parent = &r->stack[r->depth - 2];
    const char *type = node->device_type.data ? (const char *)node->device_type.data : "";
    struct region region;
    if (!strcmp(type, "memory")) {
        for (unsigned i = 0; reg_entry(node, parent, i, &region); i++) {
            region.bytes = ALIGN_DOWN(region.base + region.bytes, PAGE_SIZE) - ALIGN_UP(region.base, PAGE_SIZE);
            region.base = ALIGN_UP(region.base, PAGE_SIZE);
            add_region(machine.memory, &machine.memories, region);
        }
    } else if (!strcmp(type, "cpu")) {
        close_cpu(r, node, parent);
    } else if (is_compatible(node, "riscv,cpu-intc")) {
        parent->phandle = node->phandle;
    } else if (!strcmp(parent->name, "reserved-memory")) {
        for (unsigned i = 0; reg_entry(node, parent, i, &region); i++)
            add_region(machine.reserved, &machine.reservations, region);
    } else {
        close_device(r, node, parent);
    }
}

static void chosen_property(const struct fdt_token *property)
{
    if (!strcmp(property->name, "bootargs"))
        text_copy(machine.cmdline, (const char *)property->data, sizeof machine.cmdline);
    else if (!strcmp(property->name, "linux,initrd-start"))
        machine.initrd.base = fdt_cells(property->data, MIN(property->bytes / 4, 2u));
    else if (!strcmp(property->name, "linux,initrd-end"))
        machine.initrd.bytes = fdt_cells(property->data, MIN(property->bytes / 4, 2u)); /* the end, until read */
}

static void node_property(struct node *node, struct fdt_token property)
{
    static const struct {
        const char *name;
        size_t offset;
    } wanted[] = {
        {"compatible", offsetof(struct node, compatible)},
        {"reg", offsetof(struct node, reg)},
        {"device_type", offsetof(struct node, device_type)},
        {"status", offsetof(struct node, status)},
        {"interrupts", offsetof(struct node, interrupts)},
        {"interrupts-extended", offsetof(struct node, extended)},
        {"riscv,isa", offsetof(struct node, isa)},
        {"riscv,isa-extensions", offsetof(struct node, isa_extensions)},
        {"riscv,ndev", offsetof(struct node, sources)},
        {"reg-shift", offsetof(struct node, shift)},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(wanted); i++)
        if (!strcmp(property.name, wanted[i].name)) *(struct fdt_token *)((char *)node + wanted[i].offset) = property;
    if (!strcmp(property.name, "#address-cells")) node->address_cells = first_cell(property, 2);
    if (!strcmp(property.name, "#size-cells")) node->size_cells = first_cell(property, 1);
    if (!strcmp(property.name, "phandle")) node->phandle = first_cell(property, 0);
    if (!strcmp(property.name, "timebase-frequency")) {
        uint32_t hz = first_cell(property, 0);
        if (hz) machine.timebase_hz = hz;
    }
}

static bool walk(struct reader *r)
{
    for (uint32_t at = 0;;) {
        struct fdt_token token = fdt_next(&r->fdt, &at);
        switch (token.kind) {
        case FDT_NODE:
            if (r->depth == DEPTH_MAX) return false;
            r->stack[r->depth++] = (struct node){.name = token.name, .address_cells = 2, .size_cells = 1};
            break;
        case FDT_NODE_END:
            if (!r->depth) return false;
            close_node(r);
            r->depth--;
            break;
        case FDT_PROPERTY: {
            if (!r->depth) return false;
            struct node *node = &r->stack[r->depth - 1];
            /* Strings are read as strings below: their last byte must be the terminator. */
            bool text = !strcmp(token.name, "bootargs") || !strcmp(token.name, "status") ||
                        !strcmp(token.name, "device_type") || !strcmp(token.name, "riscv,isa");
            if (text && (!token.bytes || token.data[token.bytes - 1])) break;
            if (r->depth == 2 && !strcmp(node->name, "chosen")) chosen_property(&token);
            node_property(node, token);
            break;
        }
        case FDT_END: return true;
        default: return false;
        }
    }
}

/* The boot hart becomes number 0, the others follow in the tree's order. The PLIC names its contexts by the harts' controllers. */
static void number_harts(struct reader *r)
{
    uint32_t controllers[HART_MAX] = {0};
    machine.hart_id[0] = r->boot_hart;
    machine.harts = 1;
    for (unsigned i = 0; i < r->cpu_count; i++) {
        if (r->cpus[i].id == r->boot_hart) {
            controllers[0] = r->cpus[i].controller;
        } else if (machine.harts < HART_MAX) {
            controllers[machine.harts] = r->cpus[i].controller;
            machine.hart_id[machine.harts++] = r->cpus[i].id;
        }
    }
    for (uint32_t at = 0; at + 8 <= r->plic_contexts.bytes; at += 8) {
        uint32_t controller = (uint32_t)fdt_cells(r->plic_contexts.data + at, 1);
        if (fdt_cells(r->plic_contexts.data + at + 4, 1) != 9) continue; /* S-mode external */
        for (unsigned i = 0; i < machine.harts; i++)
            if (controllers[i] == controller) machine.plic_context[i] = at / 8;
    }
}

static struct reader reader; /* large, and only one is needed */

bool machine_read(paddr_t dtb)
{
    reader = (struct reader){.boot_hart = machine.hart_id[0], .all_sstc = true};
    if (!fdt_open(&reader.fdt, (uintptr_t)pa_to_va(dtb)) || !walk(&reader) || !machine.memories) return false;
    number_harts(&reader);
    machine.has_sstc = reader.cpu_count && reader.all_sstc;
    machine.devicetree = (struct region){dtb, reader.fdt.total_bytes};
    uint64_t initrd_end = machine.initrd.bytes;
    bool good = initrd_end > machine.initrd.base && initrd_end <= DIRECT_MAP_BYTES;
    machine.initrd.bytes = good ? initrd_end - machine.initrd.base : 0;
    add_region(machine.reserved, &machine.reservations, machine.devicetree);
    add_region(machine.reserved, &machine.reservations, machine.initrd);
    return true;
}

bool boot_argument(const char *name, char *to, size_t room)
{
    size_t n = strlen(name);
    bool found = false;
    to[0] = 0;
    for (const char *at = machine.cmdline; *at;) {
        while (*at == ' ') at++;
        const char *end = at;
        while (*end && *end != ' ') end++;
        if (!strncmp(at, name, n) && (at[n] == '=' || at + n == end)) {
            const char *value = at[n] == '=' ? at + n + 1 : end;
            text_copy(to, value, MIN(room, (size_t)(end - value) + 1));
            found = true; /* the last one counts */
        }
        at = end;
    }
    return found;
}

static paddr_t early_next, early_limit, early_start;
extern char kernel_start[], kernel_end[];

/* The gap that is used begins behind the kernel and ends at the next reserved place or the end of that memory. */
static void early_begin(void)
{
    early_start = early_next = ALIGN_UP(va_to_pa(kernel_end), PAGE_SIZE);
    for (unsigned i = 0; i < machine.memories; i++)
        if (early_next - machine.memory[i].base < machine.memory[i].bytes)
            early_limit = machine.memory[i].base + machine.memory[i].bytes;
    for (unsigned i = 0; i < machine.reservations; i++)
        if (machine.reserved[i].base + machine.reserved[i].bytes > early_next)
            early_limit = MIN(early_limit, machine.reserved[i].base);
}

void *early_alloc(size_t pages)
{
    if (!early_next) early_begin();
    if (early_limit < early_next || (early_limit - early_next) / PAGE_SIZE < pages)
        panic("no memory for %zu pages before the frame allocator is up", pages);
    void *result = pa_to_va(early_next);
    early_next += pages * PAGE_SIZE;
    return memset(result, 0, pages * PAGE_SIZE);
}

paddr_t early_alloc_end(void)
{
    if (!early_next) early_begin();
    paddr_t kernel = va_to_pa(kernel_start);
    add_region(machine.reserved, &machine.reservations, (struct region){kernel, early_next - kernel});
    early_limit = 0;
    return early_next;
}
