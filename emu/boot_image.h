/* Images: bytes that stand in guest memory when a machine is switched on, and again after each reset.
 *
 * Loading collects them with all checks (inside RAM, no overlap); images_load copies them. File contents stay on the host as mappings
 * of the files, so that a kernel is not held in memory twice. */
#ifndef ORRERY_BOOT_IMAGE_H
#define ORRERY_BOOT_IMAGE_H

#include "emu/base/host_file.h"
#include "mmu/bus.h"

#define IMAGES_MAX      64
#define IMAGE_FILES_MAX 32

struct boot_image {
    char name[96]; /* "-kernel Image", for messages */
    gpa_t base;
    uint64_t size; /* claimed, the file's bytes and what must follow them */
    const uint8_t *data;
    uint64_t data_bytes; /* <= size */
    bool clear_rest;     /* ELF: bytes from data_bytes to size are zero */
};

struct images {
    struct boot_image item[IMAGES_MAX];
    unsigned count;
    struct host_file file[IMAGE_FILES_MAX]; /* owned; image data points into them */
    unsigned file_count;
    struct {
        unsigned hart;
        gpa_t pc;
    } start[8]; /* -device loader,cpu-num= */
    unsigned start_count;
};

/* Checks and notes it; `data` stays valid until images_finish. */
bool images_add(struct images *im, const struct bus *bus, const struct boot_image *image, struct err *err);
/* Keeps a file (mapped, or inflated if it is gzip-compressed) until images_finish. NULL on failure. */
const struct host_file *images_open(struct images *im, const char *what, const char *path, struct err *err);
/* Keeps a private copy of bytes. NULL on lack of memory or room. */
const uint8_t *images_keep(struct images *im, const void *bytes, uint64_t length, struct err *err);
void images_load(struct images *im, struct bus *bus);
gpa_t images_start_pc(const struct images *im, unsigned hart, gpa_t otherwise);
void images_finish(struct images *im);

#endif
