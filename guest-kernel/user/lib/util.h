/*
 * util.h - what every small tool needs: messages, memory, growing text, numbers, names, files, processes from /proc.
 * A tool calls util_start(argv) first. Memory that cannot be had ends the program with a message: there is nothing else to do.
 */
#ifndef USER_UTIL_H
#define USER_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>

extern const char *program; /* the tool's own name, for messages */

void util_start(char **argv);
int util_end(int status); /* flushes stdout; a full disk turns success into failure */

/* "program: text: reason of errno" and "program: text" on stderr. */
void warn_errno(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void warn_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void fail_errno(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* exit status 1 */
_Noreturn void fail_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void fail_usage(const char *usage); /* "usage: program USAGE", exit status 2 */

void *xmalloc(size_t bytes);
void *xrealloc(void *old, size_t bytes);
char *xstrdup(const char *s);
char *xprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* the caller frees it */

/* A growing text. Always ends with a zero byte once something was added; text_str never returns NULL. */
struct text {
    char *s;
    size_t n, room;
};
void text_put(struct text *t, char c);
void text_add(struct text *t, const char *s);
void text_add_n(struct text *t, const char *s, size_t n);
void text_print(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *text_str(const struct text *t);
char *text_take(struct text *t); /* the string itself, to be freed; the text is empty again */
void text_free(struct text *t);

/* A growing list of strings, which it owns. */
struct strings {
    char **at;
    size_t n, room;
};
void strings_add(struct strings *list, char *owned);
void strings_free(struct strings *list);
void strings_sort(struct strings *list);

bool parse_number(const char *s, long long *value);                    /* decimal; nothing may follow */
bool parse_size(const char *s, long long *bytes);                      /* with K, M, G behind it */
bool parse_seconds(const char *s, double *seconds);                    /* with s, m, h, d behind it */
bool parse_mode(const char *s, mode_t old, bool folder, mode_t *mode); /* chmod's words: 755, u+x,go-w */
const char *human_size(unsigned long long bytes, char out[16]);        /* "1.5M" */
void mode_string(mode_t mode, char out[11]);                           /* "-rw-r--r--" */

const char *user_name(uid_t uid);                       /* from /etc/passwd, else the number; until the next call */
const char *group_name(gid_t gid);                      /* from /etc/group */
bool user_id(const char *name, uid_t *uid, gid_t *gid); /* a name of /etc/passwd or a number; gid may be NULL */
bool group_id(const char *name, gid_t *gid);

int signal_number(const char *name); /* "9", "KILL", "SIGKILL"; -1 if there is none such */
const char *signal_word(int number); /* "KILL"; "33" for one without a name */

int write_all(int fd, const void *data, size_t n);  /* 0, or -1 with errno */
int copy_fd(int from, int to);                      /* 0, -1 reading failed, -2 writing failed */
bool read_file(const char *path, struct text *out); /* whole; false with errno */
char *path_join(const char *folder, const char *name);
const char *path_base(const char *path);

/* For tools that work on the named files, or on standard input without any. `-` is standard input. Worst status of all. */
int each_input(char **names, int (*work)(FILE *in, const char *name));

/* Below `path`, folders before their content unless `content_first`. The walk does not follow symbolic links. 0, or 1 after messages. */
int walk_tree(const char *path, bool content_first,
              int (*visit)(const char *path, const struct stat *status, void *argument), void *argument);

/* One process, from /proc/PID/stat, cmdline and status. */
struct process {
    int pid, parent, group, session, terminal, threads;
    char state, name[64];
    unsigned long long user_ticks, system_ticks, start_ticks, virtual_bytes, resident_bytes;
    long nice, priority;
    uid_t uid;
    char command[256];
};
bool process_read(int pid, struct process *p);
struct process *process_list(size_t *n); /* by pid; the caller frees it */

/* Tools that the shell has built in as well. */
int echo_command(int argc, char **argv);
int printf_command(int argc, char **argv);
int test_command(int argc, char **argv); /* "test" or "[" */

#endif
