/* The GDB remote stub: `-s`, `-S`, `-gdb tcp:127.0.0.1:PORT`. Loopback only.
 *
 * All-stop: harts are threads 1 … n; when one stops all stop. Breakpoints and watchpoints are kept here and looked up by an observer
 * that hangs on the harts only while there is one, so a program under GDB runs at full speed until then. A step is one instruction of
 * one hart, traps and interrupts included: stepping over ECALL arrives in the handler. */
#ifndef ORRERY_EMU_GDB_GDB_H
#define ORRERY_EMU_GDB_GDB_H

#include "cpu/hart.h"
#include "emu/base/host_poll.h"
#include <stdio.h>

/* What the stub asks of the machine. */
struct gdb_target {
    unsigned harts;
    struct hart *(*hart)(void *machine, unsigned index);
    /* Pause at the next boundary / go on. Pausing a paused machine is harmless. */
    void (*pause)(void *machine);
    void (*resume)(void *machine);
    /* One instruction of this hart while the machine is paused; guest time and events go on with it. A waiting hart's time jumps to
     * the next event. */
    void (*step)(void *machine, unsigned index);
    void (*kill)(void *machine);
    /* `monitor …` from GDB's prompt: runs the line, prints to out. */
    void (*command)(void *machine, const char *line, FILE *out);
    void *machine;
};

struct gdb;

/* where: "tcp::1234", "tcp:127.0.0.1:1234" or "tcp:localhost:1234" (0: any free port). NULL with text on failure. */
struct gdb *gdb_create(const struct gdb_target *target, const char *where, struct err *err);
void gdb_destroy(struct gdb *g);
uint16_t gdb_tcp_port(const struct gdb *g);
/* Its place among the machine's ports. */
struct port gdb_port(struct gdb *g);

/* The machine stopped (hart_run returned HART_BREAKPOINT on hart `index`, or it paused as asked): report it. */
void gdb_report_stop(struct gdb *g, unsigned index);
/* The machine ended with this exit code: tell GDB. */
void gdb_report_exit(struct gdb *g, int code);

#endif
