/* ipc.c - messages and semaphores with keys (SysV) and with names (POSIX). */
#include "conformance.h"

void family_ipc(void) {}
