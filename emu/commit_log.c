#include "emu/commit_log.h"

#include "cpu/priv.h"
#include "emu/base/bits.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HARTS_LOGGED_MAX 8
#define BUFFER_BYTES     (1u << 16)

struct commit_log {
    FILE *file; /* owned unless it is stderr */
    size_t used;
    char buffer[BUFFER_BYTES];
    unsigned count;
    struct {
        struct hart *hart;
        struct observer observer;
    } attached[HARTS_LOGGED_MAX];
};

static char *put_text(char *p, const char *text)
{
    size_t n = strlen(text);
    memcpy(p, text, n);
    return p + n;
}

static char *put_hex(char *p, uint64_t v, unsigned bytes)
{
    static const char digits[] = "0123456789abcdef";
    *p++ = '0';
    *p++ = 'x';
    for (unsigned i = bytes * 2; i-- > 0;) *p++ = digits[v >> 4 * i & 15];
    return p;
}

static char *put_decimal(char *p, unsigned v)
{
    char digits[12];
    unsigned n = 0;
    do digits[n++] = (char)('0' + v % 10);
    while (v /= 10);
    while (n) *p++ = digits[--n];
    return p;
}

/* ---- the order of registers ------------------------------------------------------------------------------------------
 *
 * Spike keeps an instruction's register writes in a map keyed by number * 16 + kind (x 0, f 1, CSR 4) and prints it in the
 * order of the keys. */
enum { KIND_X = 0, KIND_F = 1, KIND_CSR = 4 };

struct write {
    unsigned key;
    uint64_t value;
};

static void insert(struct write *list, unsigned *count, unsigned key, uint64_t value)
{
    unsigned at = 0;
    while (at < *count && list[at].key < key) at++;
    if (at < *count && list[at].key == key) {
        list[at].value = value;
        return;
    }
    memmove(list + at + 1, list + at, (*count - at) * sizeof *list);
    list[at] = (struct write){key, value};
    ++*count;
}

/* MRET clears tcontrol (the debug specification's), which this machine does not have and Spike's log shows. */
#define MRET         0x30200073u
#define CSR_TCONTROL 0x7a5u

static unsigned collect(struct write *list, const struct commit *c)
{
    unsigned count = 0;
    if (c->wrote_x && c->rd) insert(list, &count, c->rd * 16u + KIND_X, c->rd_value);
    if (c->wrote_f) insert(list, &count, c->rd * 16u + KIND_F, c->rd_value);
    for (unsigned i = 0; i < c->csr_count; i++)
        insert(list, &count, c->csr[i].number * 16u + KIND_CSR, c->csr[i].value);
    if (c->insn == MRET) insert(list, &count, CSR_TCONTROL * 16u + KIND_CSR, 0);
    return count;
}

/* Floating-point registers are as wide as the widest format that the hart has now. */
static unsigned bytes_of(const struct hart *h, const struct write *w)
{
    return w->key % 16 == KIND_F && isa_has(h->isa_live, EXT_f) && !isa_has(h->isa_live, EXT_d) ? 4 : 8;
}

static char *put_write(char *p, const struct hart *h, const struct write *w)
{
    unsigned number = w->key / 16;
    *p++ = ' ';
    if (w->key % 16 == KIND_CSR) {
        const char *name = number == CSR_TCONTROL ? "tcontrol" : csr_name(number);
        *p++ = 'c';
        p = put_decimal(p, number);
        *p++ = '_';
        p = put_text(p, name ? name : "unknown");
    } else {
        *p++ = w->key % 16 == KIND_X ? 'x' : 'f';
        p = put_decimal(p, number);
        if (number < 10) *p++ = ' ';
    }
    *p++ = ' ';
    return put_hex(p, w->value, bytes_of(h, w));
}

/* Spike zeroes a cache block byte by byte. */
static char *put_store(char *p, const struct mem_record *m)
{
    unsigned each = m->size <= 8 ? m->size : 1;
    for (unsigned done = 0; done < m->size; done += each) {
        p = put_hex(put_text(p, " mem "), m->va + done, 8);
        *p++ = ' ';
        p = put_hex(p, m->value, each);
    }
    return p;
}

size_t commit_log_format(char *to, const struct hart *h, const struct commit *c)
{
    struct write list[COMMIT_CSR_MAX + 3];
    unsigned count = collect(list, c);
    char *p = put_text(to, h->id < 10 ? "core   " : "core  ");
    p = put_decimal(p, h->id);
    p = put_text(p, ": ");
    p = put_decimal(p, c->priv);
    *p++ = ' ';
    p = put_hex(p, c->pc, 8);
    p = put_text(p, " (");
    p = put_hex(p, c->insn, c->length);
    *p++ = ')';
    for (unsigned i = 0; i < count; i++) p = put_write(p, h, &list[i]);
    for (unsigned i = 0; i < c->mem_count; i++) {
        if (c->mem[i].store) continue;
        p = put_hex(put_text(p, " mem "), c->mem[i].va, 8);
    }
    for (unsigned i = 0; i < c->mem_count; i++)
        if (c->mem[i].store) p = put_store(p, &c->mem[i]);
    return (size_t)(p - to);
}

static void flush(struct commit_log *log)
{
    fwrite(log->buffer, 1, log->used, log->file);
    log->used = 0;
}

static void committed(void *self, struct hart *h, const struct commit *c)
{
    struct commit_log *log = self;
    if (c->trapped) return;
    if (BUFFER_BYTES - log->used < COMMIT_LINE_MAX + 1) flush(log);
    log->used += commit_log_format(log->buffer + log->used, h, c);
    log->buffer[log->used++] = '\n';
}

struct commit_log *commit_log_create(const char *path, struct err *err)
{
    struct commit_log *log = calloc(1, sizeof *log);
    if (!log) {
        err_set(err, "out of memory");
        return NULL;
    }
    log->file = path ? fopen(path, "w") : stderr;
    if (log->file) return log;
    err_set(err, "--log=%s: %s", path, strerror(errno));
    free(log);
    return NULL;
}

bool commit_log_attach(struct commit_log *log, struct hart *h)
{
    if (log->count == HARTS_LOGGED_MAX) return false;
    log->attached[log->count].hart = h;
    log->attached[log->count].observer = (struct observer){.commit = committed, .self = log};
    hart_attach(h, &log->attached[log->count++].observer);
    return true;
}

void commit_log_destroy(struct commit_log *log)
{
    if (!log) return;
    flush(log);
    for (unsigned i = 0; i < log->count; i++) hart_detach(log->attached[i].hart, &log->attached[i].observer);
    if (log->file != stderr) fclose(log->file);
    free(log);
}
