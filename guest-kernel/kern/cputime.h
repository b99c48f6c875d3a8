/* cputime.h - timers and limits that count the CPU time of a process, not the time of day. */
#ifndef KEPLER_KERN_CPUTIME_H
#define KEPLER_KERN_CPUTIME_H

#include "kern/process.h"

#define CPUTIME_TICK_NS 4000000ul /* how exact these timers are */

/* The current task has used so much; sends what is due. Interrupts off, no locks. Only if process.counts_cputime. */
void cputime_charge(uint64_t user_ns, uint64_t system_ns);
/* Timers or limits of the current process have changed. process_lock is held. */
void cputime_changed(struct process *process);

#endif
