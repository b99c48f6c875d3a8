/* From files to images: ELF, Linux Image, anything raw; each may be gzip-compressed. */
#ifndef ORRERY_LOADER_H
#define ORRERY_LOADER_H

#include "emu/boot_image.h"
#include "emu/symbols.h"

enum loaded_kind { LOADED_RAW, LOADED_ELF, LOADED_LINUX };

struct loaded {
    enum loaded_kind kind;
    gpa_t entry;     /* physical address of the first instruction */
    gpa_t low, high; /* [low, high) holds everything that was loaded, space for its zeroed data included */
};

struct loader {
    struct images *images;
    const struct bus *bus;
    struct symbols *symbols; /* filled from ELF files; may be NULL */
};

/* Loads `path` as what it is; ELF segments go to their physical addresses, all else to `base`. `what` ("-kernel") is for messages. */
bool loader_load(struct loader *l, const char *what, const char *path, gpa_t base, struct loaded *out, struct err *err);
/* The same for what must be an ELF file; else fails, adding `hint` to the message. */
bool loader_load_elf(struct loader *l, const char *what, const char *path, const char *hint, struct loaded *out,
                     struct err *err);
/* Bytes as they are. */
bool loader_load_raw(struct loader *l, const char *what, const char *path, gpa_t base, struct loaded *out,
                     struct err *err);
/* Bytes in memory, copied. */
bool loader_add_bytes(struct loader *l, const char *name, gpa_t base, const void *bytes, uint64_t length,
                      struct err *err);

/* ELF (elf_file.c). */
bool elf_is(const struct host_file *f);
bool elf_load(struct loader *l, const char *name, const struct host_file *f, struct loaded *out, struct err *err);

#endif
