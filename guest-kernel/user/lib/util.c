/*
 * util.c - messages, memory, growing text and lists: what the C library leaves to every program.
 *
 * A tool's messages go to standard error and begin with its name, so that in a pipe one sees who complains. Its exit status is its
 * result for scripts: 0 for success, 1 for failure, 2 for a wrong call.
 */
#include "lib/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *program = "?";

void util_start(char **argv)
{
    if (argv[0]) program = path_base(argv[0]);
}

int util_end(int status)
{
    if (fflush(stdout) || ferror(stdout)) {
        if (errno != EPIPE) warn_errno("standard output");
        return status ? status : 1;
    }
    return status;
}

static void message(int error, const char *fmt, va_list list)
{
    fflush(stdout);
    fprintf(stderr, "%s: ", program);
    vfprintf(stderr, fmt, list);
    if (error) fprintf(stderr, ": %s", strerror(error));
    fputc('\n', stderr);
}

void warn_errno(const char *fmt, ...)
{
    int error = errno;
    va_list list;
    va_start(list, fmt);
    message(error, fmt, list);
    va_end(list);
}

void warn_text(const char *fmt, ...)
{
    va_list list;
    va_start(list, fmt);
    message(0, fmt, list);
    va_end(list);
}

void fail_errno(const char *fmt, ...)
{
    int error = errno;
    va_list list;
    va_start(list, fmt);
    message(error, fmt, list);
    va_end(list);
    exit(1);
}

void fail_text(const char *fmt, ...)
{
    va_list list;
    va_start(list, fmt);
    message(0, fmt, list);
    va_end(list);
    exit(1);
}

void fail_usage(const char *usage)
{
    fprintf(stderr, "usage: %s %s\n", program, usage);
    exit(2);
}

void *xrealloc(void *old, size_t bytes)
{
    void *p = realloc(old, bytes ? bytes : 1);
    if (!p) fail_text("out of memory");
    return p;
}

void *xmalloc(size_t bytes) { return xrealloc(NULL, bytes); }

char *xstrdup(const char *s)
{
    size_t n = strlen(s) + 1;
    return memcpy(xmalloc(n), s, n);
}

char *xprintf(const char *fmt, ...)
{
    char *s;
    va_list list;
    va_start(list, fmt);
    int n = vasprintf(&s, fmt, list);
    va_end(list);
    if (n < 0) fail_text("out of memory");
    return s;
}

static void text_room(struct text *t, size_t more)
{
    if (t->n + more + 1 <= t->room) return;
    while (t->n + more + 1 > t->room) t->room = t->room ? t->room * 2 : 64;
    t->s = xrealloc(t->s, t->room);
}

void text_add_n(struct text *t, const char *s, size_t n)
{
    text_room(t, n);
    memcpy(t->s + t->n, s, n);
    t->n += n;
    t->s[t->n] = 0;
}

void text_add(struct text *t, const char *s) { text_add_n(t, s, strlen(s)); }
void text_put(struct text *t, char c) { text_add_n(t, &c, 1); }

void text_print(struct text *t, const char *fmt, ...)
{
    char *s;
    va_list list;
    va_start(list, fmt);
    int n = vasprintf(&s, fmt, list);
    va_end(list);
    if (n < 0) fail_text("out of memory");
    text_add_n(t, s, (size_t)n);
    free(s);
}

const char *text_str(const struct text *t) { return t->s ? t->s : ""; }

char *text_take(struct text *t)
{
    char *s = t->s ? t->s : xstrdup("");
    *t = (struct text){0};
    return s;
}

void text_free(struct text *t)
{
    free(t->s);
    *t = (struct text){0};
}

void strings_add(struct strings *list, char *owned)
{
    if (list->n + 1 >= list->room) {
        list->room = list->room ? list->room * 2 : 16;
        list->at = xrealloc(list->at, list->room * sizeof *list->at);
    }
    list->at[list->n++] = owned;
    list->at[list->n] = NULL;
}

void strings_free(struct strings *list)
{
    for (size_t i = 0; i < list->n; i++) free(list->at[i]);
    free(list->at);
    *list = (struct strings){0};
}

static int compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

void strings_sort(struct strings *list)
{
    if (list->n) qsort(list->at, list->n, sizeof *list->at, compare);
}

int write_all(int fd, const void *data, size_t n)
{
    const char *p = data;
    while (n) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return -1;
        p += done;
        n -= (size_t)done;
    }
    return 0;
}

int copy_fd(int from, int to)
{
    static char block[65536];
    for (;;) {
        ssize_t n = read(from, block, sizeof block);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        if (n == 0) return 0;
        if (write_all(to, block, (size_t)n)) return -2;
    }
}

bool read_file(const char *path, struct text *out)
{
    char block[4096];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;
    if (fd < 0) return false;
    while ((n = read(fd, block, sizeof block)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0) text_add_n(out, block, (size_t)n);
    int error = errno;
    close(fd);
    errno = error;
    return n == 0;
}

char *path_join(const char *folder, const char *name)
{
    size_t n = strlen(folder);
    return xprintf("%s%s%s", folder, n && folder[n - 1] == '/' ? "" : "/", name);
}

const char *path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

int each_input(char **names, int (*work)(FILE *in, const char *name))
{
    int worst = 0;
    if (!*names) return work(stdin, "-");
    for (; *names; names++) {
        bool standard = !strcmp(*names, "-");
        FILE *in = standard ? stdin : fopen(*names, "re");
        int status = 1;
        if (!in) {
            warn_errno("%s", *names);
        } else {
            status = work(in, *names);
            if (ferror(in)) {
                warn_errno("%s", *names);
                status = 1;
            }
            if (!standard) fclose(in);
        }
        if (status > worst) worst = status;
    }
    return worst;
}
