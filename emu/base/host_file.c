#include "emu/base/host_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bool map(struct host_file *f, int fd, const char *what, const char *path, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st)) return err_set(err, "%s %s: %s", what, path, strerror(errno));
    if (!S_ISREG(st.st_mode)) return err_set(err, "%s %s: is not a regular file", what, path);
    if (!st.st_size) return err_set(err, "%s %s: is empty", what, path);
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED) return err_set(err, "%s %s: %s", what, path, strerror(errno));
    *f = (struct host_file){.bytes = p, .length = (uint64_t)st.st_size, .mapped = true};
    return true;
}

bool host_file_open(struct host_file *f, const char *what, const char *path, struct err *err)
{
    *f = (struct host_file){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return err_set(err, "%s %s: %s", what, path, strerror(errno));
    bool ok = map(f, fd, what, path, err);
    close(fd);
    return ok;
}

void host_file_release_pages(struct host_file *f)
{
    if (f->mapped) madvise((void *)(uintptr_t)f->bytes, f->length, MADV_DONTNEED);
}

void host_file_close(struct host_file *f)
{
    if (f->mapped)
        munmap((void *)(uintptr_t)f->bytes, f->length);
    else
        free((void *)(uintptr_t)f->bytes);
    *f = (struct host_file){0};
}
