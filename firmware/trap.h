/* trap.h - the description of a trap, and the way to hand it down to the supervisor. */
#ifndef ORRERY_FIRMWARE_TRAP_H
#define ORRERY_FIRMWARE_TRAP_H

#include "hart.h"

struct trap_info {
    unsigned long cause, value, value2, instruction; /* mcause, mtval, mtval2, mtinst */
    bool guest_virtual;                              /* `value` is a guest virtual address */
};

/* Reads the CSRs that describe the latest trap into M-mode. */
struct trap_info trap_read(void);
/* Makes the interrupted context take this exception in S-mode: changes self->mepc and self->mstatus. */
void trap_redirect(struct hart *self, const struct trap_info *trap);
/* entry.S: serves a trap from a less privileged mode. */
void trap_handle(struct hart *self);

#endif
