/* Gzip files, inflated with zlib. */
#ifndef ORRERY_GUNZIP_H
#define ORRERY_GUNZIP_H

#include "emu/base/host_file.h"

#define GUNZIP_MAX_BYTES (UINT64_C(4) << 30) /* a small file must not eat the host */

bool gunzip_is(const uint8_t *bytes, uint64_t length);
/* Fills `plain` (malloc'ed). what and path are for messages. */
bool gunzip(const uint8_t *bytes, uint64_t length, struct host_file *plain, const char *what, const char *path,
            struct err *err);

#endif
