/* The controlling terminal: raw mode, and its restoration on every way out. The one place with state of the process (the terminal
 * belongs to the process, and a signal handler can reach nothing else). */
#ifndef ORRERY_BASE_HOST_TERM_H
#define ORRERY_BASE_HOST_TERM_H

#include "emu/base/types.h"

bool host_is_terminal(int fd);
/* Keys arrive one by one, unechoed, control characters included. Restored by host_term_restore, at exit, and on fatal signals.
 * Harmless if fd is no terminal. */
void host_term_raw(int fd);
void host_term_restore(void);

/* SIGINT, SIGTERM and SIGHUP: the first only sets this, so that the machine can end in order; a second one kills. 0 = none yet. */
void host_catch_signals(void);
int host_signal(void);

#endif
