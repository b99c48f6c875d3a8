/*
 * next.c - finding the next stage.
 *
 * The emulator has normally put a kernel into memory, and says where in the record at a2; without a record the kernel
 * is expected at the conventional address. This is also the place for a boot loader that reads a kernel from disk: one
 * more way to find an address, asked when the others have nothing.
 */
#include "next.h"

#include "console.h"
#include "platform.h"
#include "riscv.h"

#define INFO_MAGIC      0x4942534full /* "OSBI" */
#define MODE_SUPERVISOR 1
#define DEFAULT_ADDRESS 0x80200000ull

bool next_read_info(uintptr_t address, struct next_info *info)
{
    uint32_t words[12];
    if (address % 8) return false;
    for (unsigned i = 0; i < 12; i++)
        if (!load32_safe(address + 4 * i, &words[i])) return false;
    uint64_t *fields[] = {&info->magic, &info->version, &info->address, &info->mode, &info->options, &info->boot_hart};
    for (unsigned i = 0; i < 6; i++) *fields[i] = words[2 * i] | (uint64_t)words[2 * i + 1] << 32;
    if (info->version < 2) info->boot_hart = ~0ull; /* not yet in version 1 */
    return info->magic == INFO_MAGIC && info->version >= 1;
}

uint64_t next_find(const struct next_info *info)
{
    uint64_t address =
        info && info->address ? info->address : DEFAULT_ADDRESS; /* 0: the emulator was given no kernel */
    uint64_t own = (uintptr_t)FIRMWARE_BASE, own_bytes = (uintptr_t)FIRMWARE_SIZE;
    uint32_t first;
    if (info && info->mode != MODE_SUPERVISOR) panic("the next stage does not want S-mode", info->mode);
    if (address % 4 || address - own < own_bytes) panic("the next stage has a bad address", address);
    /* All-zero is not an instruction but memory that nobody filled. */
    if (!load32_safe(address, &first) || (first & 0xffff) == 0) panic("no next stage: load one with -kernel", address);
    return address;
}
