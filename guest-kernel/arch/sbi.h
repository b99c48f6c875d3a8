/*
 * sbi.h - calls into the firmware below (supervisor binary interface, version 1.0 or later).
 *
 * An SBI call is to a kernel what a system call is to a program: ecall with numbers in a7 (extension) and a6 (function),
 * arguments in a0.., error and value back in a0 and a1. Masks of harts are over *our* hart numbers 0..HART_MAX-1; the
 * functions translate them to hart ids.
 *
 * Source: RISC-V Supervisor Binary Interface Specification.
 */
#ifndef KEPLER_ARCH_SBI_H
#define KEPLER_ARCH_SBI_H

#include "base/types.h"

enum { SBI_SUCCESS = 0, SBI_NOT_SUPPORTED = -2 };

void sbi_init(void); /* finds out which extensions are there */
/* Writes to the debug console; returns how many bytes were taken, or -1 without such a console. */
long sbi_console_write(const char *text, size_t bytes);
/* The next byte that was typed; false: there is none. For one thread only. */
bool sbi_console_read(char *byte);
void sbi_set_timer(uint64_t time); /* in ticks of the time CSR; UINT64_MAX: never */
void sbi_send_ipi(uint64_t harts);
long sbi_start_hart(uint64_t hart_id, paddr_t entry, uint64_t opaque);
_Noreturn void sbi_power_off(bool failed);
_Noreturn void sbi_reboot(void);

/* Make other harts forget translations, or refetch instructions. bytes = UINT64_MAX: everything. */
void sbi_remote_fence_i(uint64_t harts);
void sbi_remote_sfence(uint64_t harts, uint64_t va, uint64_t bytes);
void sbi_remote_sfence_asid(uint64_t harts, uint64_t va, uint64_t bytes, unsigned asid);

#endif
