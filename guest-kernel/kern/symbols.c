/*
 * symbols.c - names for addresses, and the backtrace of a panic.
 *
 * The table is made by the linker's second pass (arch/symbols.awk). Every function is compiled with a frame pointer: s0 points
 * above the saved pair (s0 of the caller, return address), which chains the frames together.
 *
 *      s0 ->  | caller's frame ...
 *       -8    | return address
 *      -16    | caller's s0   -> next frame
 */
#include "arch/layout.h"
#include "kern/print.h"

struct symbol {
    uint64_t address;
    const char *name;
};
extern const uint64_t symbol_count __attribute__((weak));
extern const struct symbol symbol_table[] __attribute__((weak));
extern char kernel_start[], kernel_text_end[];

const char *symbol_find(uint64_t pc, uint64_t *offset)
{
    if (!&symbol_count || !symbol_count || pc < symbol_table[0].address || pc >= (uint64_t)kernel_text_end) return NULL;
    uint64_t low = 0, high = symbol_count;
    while (high - low > 1) {
        uint64_t middle = (low + high) / 2;
        if (symbol_table[middle].address <= pc)
            low = middle;
        else
            high = middle;
    }
    *offset = pc - symbol_table[low].address;
    return symbol_table[low].name;
}

static void print_place(uint64_t pc)
{
    uint64_t offset;
    const char *name = symbol_find(pc, &offset);
    if (name)
        printk("    %#lx  %s+%#lx\n", pc, name, offset);
    else
        printk("    %#lx\n", pc);
}

void backtrace(uint64_t fp, uint64_t pc)
{
    printk("backtrace:\n");
    if (pc) print_place(pc);
    uint64_t slot = ALIGN_DOWN(fp - 1, (uint64_t)KERNEL_STACK_SLOT);
    for (int depth = 0; depth < 40; depth++) {
        /* The frame must lie in the upper half of the same stack slot. */
        if (fp % 8 || fp < slot + KERNEL_STACK_SLOT - KERNEL_STACK_BYTES + 16 || fp > slot + KERNEL_STACK_SLOT) return;
        uint64_t return_address = ((const uint64_t *)fp)[-1], next = ((const uint64_t *)fp)[-2];
        if (return_address < (uint64_t)kernel_start || return_address >= (uint64_t)kernel_text_end) return;
        print_place(return_address - 1);
        if (next <= fp) return;
        fp = next;
    }
}
