/* boot.h - the first program. */
#ifndef KEPLER_ABI_BOOT_H
#define KEPLER_ABI_BOOT_H

/* Turns the calling kernel thread into process 1 and runs the program named by the boot argument init=, or /sbin/init, /init,
 * /bin/sh, whichever comes first. */
_Noreturn void init_start(void);

#endif
