/*
 * proc_text.c - the text of a file of /proc: printed piece by piece into memory that grows with it, up to TEXT_MAX bytes. What does not fit is
 * left out, and the text says that it is full.
 */
#include "base/format.h"
#include "base/string.h"
#include "fs/procfs.h"
#include "mm/slab.h"

#define TEXT_MAX (4u << 20)

void proc_put(struct proc_text *text, const char *bytes, size_t n)
{
    if (text->bytes + n > text->room && !text->full) {
        size_t room = MAX(text->room * 2, ALIGN_UP(text->bytes + n, 4096ul));
        char *bigger = room > TEXT_MAX ? 0 : krealloc(text->data, room);
        if (!bigger) {
            text->full = true;
            return;
        }
        text->data = bigger;
        text->room = room;
    }
    if (text->full) return;
    memcpy(text->data + text->bytes, bytes, n);
    text->bytes += n;
}

void proc_print(struct proc_text *text, const char *format_text, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format_text);
    int n = format_args(line, sizeof line, format_text, arguments);
    va_end(arguments);
    if (n > 0) proc_put(text, line, MIN((size_t)n, sizeof line - 1));
}
