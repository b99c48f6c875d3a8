/* proc_later.c - weak stand-ins for procfs where it is not built yet: then memory's files in /proc do not exist. */
#include "fs/vfs.h"

__attribute__((weak)) void proc_print(struct proc_text *text, const char *format, ...) { (void)text, (void)format; }

__attribute__((weak)) int proc_add(const char *path, unsigned mode, void (*show)(struct proc_text *, void *),
                                   int (*store)(const char *, void *), void *argument)
{
    (void)path, (void)mode, (void)show, (void)store, (void)argument;
    return -ENODEV;
}
