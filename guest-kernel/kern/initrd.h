/*
 * initrd.h - the initial file system: a cpio archive ("newc") that the loader put into memory.
 */
#ifndef KEPLER_KERN_INITRD_H
#define KEPLER_KERN_INITRD_H

#include "base/types.h"

/* Unpacks the archive (also several, one behind the other) into the mounted root. 0, -EINVAL if it is malformed, or the
 * error of what could not be made. Does nothing without an initrd. */
int initrd_unpack(void);

#endif
