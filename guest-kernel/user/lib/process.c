/*
 * process.c - processes as /proc shows them: each is a directory named by its pid, whose file `stat` is one line of 52 values of
 * its process control block. The name stands in parentheses and may itself hold parentheses and blanks: the last `)` ends it.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util.h"

static bool parse_stat(const char *line, struct process *p)
{
    const char *open = strchr(line, '('), *close = strrchr(line, ')');
    if (!open || !close || close < open) return false;
    size_t n = (size_t)(close - open - 1);
    if (n >= sizeof p->name) n = sizeof p->name - 1;
    memcpy(p->name, open + 1, n);
    p->name[n] = 0;
    p->pid = atoi(line);
    long long resident;
    int got =
        sscanf(close + 1, " %c %d %d %d %d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %ld %ld %d %*d %llu %llu %lld",
               &p->state, &p->parent, &p->group, &p->session, &p->terminal, &p->user_ticks, &p->system_ticks,
               &p->priority, &p->nice, &p->threads, &p->start_ticks, &p->virtual_bytes, &resident);
    p->resident_bytes = (unsigned long long)resident * 4096;
    return got == 13;
}

static void read_command(struct process *p)
{
    char path[64];
    struct text line = {0};
    snprintf(path, sizeof path, "/proc/%d/cmdline", p->pid);
    if (read_file(path, &line) && line.n) {
        while (line.n && !line.s[line.n - 1]) line.n--;
        for (size_t i = 0; i < line.n; i++)
            if (!line.s[i] || line.s[i] == '\n') line.s[i] = ' ';
        snprintf(p->command, sizeof p->command, "%.*s", (int)line.n, line.s);
    } else {
        snprintf(p->command, sizeof p->command, "[%s]", p->name); /* a kernel thread has no arguments */
    }
    text_free(&line);
}

bool process_read(int pid, struct process *p)
{
    char path[64];
    struct text line = {0};
    struct stat status;
    *p = (struct process){0};
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    bool good = read_file(path, &line) && parse_stat(text_str(&line), p);
    text_free(&line);
    if (!good) return false; /* it has ended meanwhile */
    snprintf(path, sizeof path, "/proc/%d", pid);
    if (!stat(path, &status)) p->uid = status.st_uid;
    read_command(p);
    return true;
}

static int by_pid(const void *a, const void *b)
{
    return ((const struct process *)a)->pid - ((const struct process *)b)->pid;
}

struct process *process_list(size_t *n)
{
    struct process *list = NULL;
    size_t room = 0;
    DIR *folder = opendir("/proc");
    if (!folder) fail_errno("/proc");
    *n = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (!isdigit((unsigned char)entry->d_name[0])) continue;
        if (*n == room) list = xrealloc(list, (room = room ? room * 2 : 64) * sizeof *list);
        if (process_read(atoi(entry->d_name), &list[*n])) ++*n;
    }
    closedir(folder);
    if (*n) qsort(list, *n, sizeof *list, by_pid);
    return list;
}
