/* HTIF, the host-target interface of bare programs: two doublewords in memory, `tohost` and `fromhost`.
 *
 *   tohost:  63 … 56 device, 55 … 48 command, 47 … 0 payload
 *   device 0  command 0: payload odd: exit with status payload >> 1; even: a system call, payload is the address of eight doublewords
 *             {number, arguments}; the result replaces the first
 *   device 1  the console. Command 0: read a character (answer 0x100 | c once there is one), command 1: write payload's low byte
 *
 * tohost is looked at every 5000 instructions. A program can write to the host's stdout and stderr, read its stdin, and exit; no other
 * system call is served. Source: behaviour of the RISC-V proxy kernel and of riscv-isa-sim's front-end server. */
#ifndef ORRERY_HTIF_H
#define ORRERY_HTIF_H

#include "devices/chardev.h"
#include "emu/base/err.h"
#include "emu/symbols.h"
#include "mmu/bus.h"

struct machine;
struct htif;

/* NULL on lack of memory. The chardev is borrowed; its front-end half is filled in here. */
struct htif *htif_create(struct machine *m, gpa_t tohost, gpa_t fromhost, struct chardev *console);
void htif_destroy(struct htif *h);
void htif_poll(struct htif *h);

/* Memory [begin, end) as text: one line per `granularity` bytes, most significant byte first, the last line padded with zeros. */
bool signature_write(const struct bus *bus, gpa_t begin, gpa_t end, unsigned granularity, const char *path,
                     struct err *err);

#endif
