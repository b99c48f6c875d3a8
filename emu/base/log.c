#include "emu/base/log.h"

#include "emu/base/bits.h"
#include <stdarg.h>

static const struct {
    enum log_item item;
    const char *word;
    const char *help;
} log_words[] = {
    {LOG_GUEST_ERROR, "guest_errors", "what a guest does wrong with a device"},
    {LOG_INT, "int", "traps and interrupts"},
    {LOG_IN_ASM, "in_asm", "guest code of each block when it is decoded"},
    {LOG_OUT_ASM, "out_asm", "host code of each block when it is translated, beside the guest's"},
    {LOG_MMU, "mmu", "page-table walks and fences"},
    {LOG_UNIMP, "unimp", "accesses to things this machine does not have"},
    {LOG_DEVICE, "device", "what devices do"},
    {LOG_EXEC, "exec", "each block when it runs"},
};

void log_line(struct log *log, enum log_item item, const char *format, ...)
{
    if (!log_on(log, item)) return;
    if (item == LOG_GUEST_ERROR) {
        if (log->guest_errors > LOG_GUEST_ERROR_LIMIT) return;
        if (log->guest_errors++ == LOG_GUEST_ERROR_LIMIT) {
            fprintf(log->file, "guest_errors: %u lines written, further ones are dropped\n", LOG_GUEST_ERROR_LIMIT);
            return;
        }
    }
    va_list args;
    va_start(args, format);
    vfprintf(log->file, format, args);
    va_end(args);
    fputc('\n', log->file);
}

bool log_parse_items(const char *words, unsigned *items, const char **bad, size_t *bad_len)
{
    *items = 0;
    while (*words) {
        size_t len = strcspn(words, ",");
        unsigned found = 0;
        for (size_t i = 0; i < ARRAY_LEN(log_words); i++)
            if (strlen(log_words[i].word) == len && !strncmp(log_words[i].word, words, len)) found = log_words[i].item;
        if (!found) {
            *bad = words;
            *bad_len = len;
            return false;
        }
        *items |= found;
        words += len + (words[len] == ',');
    }
    return true;
}

void log_print_items(FILE *to)
{
    for (size_t i = 0; i < ARRAY_LEN(log_words); i++) fprintf(to, "%-14s %s\n", log_words[i].word, log_words[i].help);
}
