/* signal_internal.h - what trap handling, fork, exec and exit need of signals. */
#ifndef KEPLER_KERN_SIGNAL_INTERNAL_H
#define KEPLER_KERN_SIGNAL_INTERNAL_H

#include "kern/process.h"
#include "kern/signal.h"

/* Something is to be done before the current task goes to user mode: a signal, a stop, the end. */
bool signal_work_pending(void);
/* Does it: may change the frame so that a handler runs, may stop, may not return. Interrupts on. */
void signal_deliver(struct trapframe *frame);

#endif
