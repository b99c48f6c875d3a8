/*
 * history.c - the lines that were typed, kept in a file (~/.sh_history or $HISTFILE) from one shell to the next.
 *
 * Each line is appended to the file at once, in one write with O_APPEND: two shells may do so at the same time and lose nothing.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sh/sh.h"

enum { KEPT = 500 };
static struct strings lines;
static char *path;

static void add(char *line)
{
    if (lines.n >= KEPT) {
        free(lines.at[0]);
        memmove(lines.at, lines.at + 1, (lines.n - 1) * sizeof *lines.at);
        lines.n--;
    }
    strings_add(&lines, line);
}

void history_load(void)
{
    const char *file = var_get("HISTFILE"), *home = var_get("HOME");
    struct text text = {0};
    if (file)
        path = *file ? xstrdup(file) : NULL;
    else
        path = home ? path_join(home, ".sh_history") : NULL;
    if (!path || !read_file(path, &text)) return;
    for (char *line = text.s, *end; line && *line && (end = strchr(line, '\n')); line = end + 1)
        add(xprintf("%.*s", (int)(end - line), line));
    text_free(&text);
}

void history_add(const char *line)
{
    size_t n = strcspn(line, "\n");
    const char *before = history_get(1);
    if (*line == ' ' || (before && strlen(before) == n && !strncmp(before, line, n))) return;
    add(xprintf("%.*s", (int)n, line));
    int fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd < 0) return;
    char *entry = xprintf("%.*s\n", (int)n, line);
    write_all(fd, entry, n + 1);
    free(entry);
    close(fd);
}

const char *history_get(size_t back) { return back >= 1 && back <= lines.n ? lines.at[lines.n - back] : NULL; }

int builtin_history(int argc, char **argv)
{
    long long count = (long long)lines.n;
    if (argc > 1 && (!parse_number(argv[1], &count) || count < 0)) {
        sh_error("history: %s: not a number", argv[1]);
        return 2;
    }
    for (size_t i = lines.n > (size_t)count ? lines.n - (size_t)count : 0; i < lines.n; i++)
        printf("%5zu  %s\n", i + 1, lines.at[i]);
    return 0;
}
