/* Whole files in memory, read-only. */
#ifndef ORRERY_BASE_HOST_FILE_H
#define ORRERY_BASE_HOST_FILE_H

#include "emu/base/err.h"
#include "emu/base/types.h"

struct host_file {
    const uint8_t *bytes; /* private to this process; never written */
    uint64_t length;
    bool mapped; /* else malloc'ed */
};

/* `what` names the option in messages: "-kernel". Regular files only: a directory, a device or an empty file is refused. */
bool host_file_open(struct host_file *f, const char *what, const char *path, struct err *err);
/* Lets the host forget the pages that were touched; they come back when they are touched again. */
void host_file_release_pages(struct host_file *f);
void host_file_close(struct host_file *f);

#endif
