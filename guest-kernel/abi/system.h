/* system.h - the names of the system, which uname(2) and /proc/sys/kernel tell. */
#ifndef KEPLER_ABI_SYSTEM_H
#define KEPLER_ABI_SYSTEM_H

#include "base/types.h"

#define SYSTEM_NAME_ROOM 65
enum system_name { NAME_SYSTEM, NAME_NODE, NAME_RELEASE, NAME_VERSION, NAME_MACHINE, NAME_DOMAIN, SYSTEM_NAMES };

void system_name_get(enum system_name which, char to[SYSTEM_NAME_ROOM]);
void system_name_set(enum system_name which, const char *text); /* cut to fit */

#endif
