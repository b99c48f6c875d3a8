/* The commit log in Spike's format, one line per retired instruction:
 *
 *   core   0: 3 0x0000000080000000 (0x00000297) x5  0x0000000080000000 c768_mstatus 0x… mem 0x… 0x…
 *
 * privilege, pc, bits, registers written (sorted by number, then x before f before CSR), memory read, memory written with the value.
 * Trapping instructions have no line. Source: output of riscv-isa-sim. */
#ifndef ORRERY_COMMIT_LOG_H
#define ORRERY_COMMIT_LOG_H

#include "cpu/observe.h"

struct commit_log;

/* path NULL: stderr. */
struct commit_log *commit_log_create(const char *path, struct err *err);
bool commit_log_attach(struct commit_log *log, struct hart *h);
/* Detaches, flushes, closes. Harts must still exist. NULL is fine. */
void commit_log_destroy(struct commit_log *log);

/* One line (without newline) for tests and traces; returns its length. `to` has room for COMMIT_LINE_MAX bytes. */
#define COMMIT_LINE_MAX 2048
size_t commit_log_format(char *to, const struct hart *h, const struct commit *c);

#endif
