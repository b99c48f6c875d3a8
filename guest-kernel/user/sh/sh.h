/*
 * sh.h - the shell's parts and what they share.
 *
 *      lex.c      characters to tokens: words with their quotes still on, operators, here-documents, aliases
 *      parse.c    tokens to a tree of commands
 *      expand.c   a word of the tree to the strings that a program gets: parameters, commands, arithmetic, splitting, file names
 *      arith.c    $(( ))
 *      exec.c     walks the tree: pipelines, redirections, control flow
 *      jobs.c     processes that were started: groups, the terminal, waiting
 *      vars.c     variables, functions, aliases
 *      trap.c     signals and `trap`
 *      builtins.c, builtins_more.c    commands that must change the shell itself
 *      edit.c, complete.c, history.c  the line that is being typed
 */
#ifndef SH_H
#define SH_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/util.h"

/* Inside a word's text this byte ends a $( ... ): the lexer knows where that is, and need not tell the expander how it found out. */
#define SUBST_END '\001'

/* Commands, as parsed. A tree lives in an arena, which is freed as a whole when nobody needs it: a function keeps its own. */
struct arena;
struct arena *arena_create(void);
struct arena *arena_hold(struct arena *arena);
void arena_release(struct arena *arena);
void *arena_alloc(struct arena *arena, size_t bytes); /* zeroed */
char *arena_string(struct arena *arena, const char *s, size_t n);

enum node_kind {
    N_SIMPLE,
    N_PIPE,
    N_NOT,
    N_AND,
    N_OR,
    N_SEQ,
    N_BACKGROUND,
    N_SUBSHELL,
    N_GROUP,
    N_IF,
    N_WHILE,
    N_UNTIL,
    N_FOR,
    N_CASE,
    N_FUNCTION
};
enum redirection { R_IN, R_OUT, R_CLOBBER, R_APPEND, R_INOUT, R_DUP_IN, R_DUP_OUT, R_HERE };

struct word {
    struct word *next;
    char *text;
};
struct redirect {
    struct redirect *next;
    enum redirection kind;
    int fd;
    char *target;  /* R_HERE: the text */
    bool expanded; /* R_HERE: its delimiter was not quoted */
};
struct case_item {
    struct case_item *next;
    struct word *patterns;
    struct node *body;
};
struct node {
    enum node_kind kind;
    struct node *left, *right,
        *other;         /* if: condition, then, else; while: condition, body; for, function: body in left */
    struct word *words; /* simple: assignments and arguments; for: the list; case: the word */
    struct redirect *redirects;
    struct case_item *items;
    char *name; /* for: the variable; function */
    bool in;    /* for: there was an `in` */
    int line;
};

/* Where commands come from. fill appends at least one more character to `text`, or returns false at the end. */
struct source {
    bool (*fill)(struct source *source, struct text *text);
    void *data;
    const char *name;
};
struct lexer;
struct lexer *lexer_create(struct source *source);
void lexer_free(struct lexer *lexer);
char *lex_text(const char *s); /* the inside of a here-document or a prompt, as a word with marks; to be freed */

enum parsed { PARSED, PARSED_END, PARSED_ERROR };
enum parsed parse_command(struct lexer *lexer, struct arena *arena, struct node **node); /* one complete command line */
void node_text(const struct node *node, struct text *out);                               /* for `jobs` and `type` */

/* Why the shell is leaving the commands it is in. */
enum leaving {
    STAY,
    LEAVE_BREAK,
    LEAVE_CONTINUE,
    LEAVE_RETURN,
    LEAVE_LINE /* error or Ctrl-C: back to the prompt */,
    LEAVE_SHELL
};

struct shell {
    char *name;  /* $0 */
    char **args; /* $1 ... */
    int count, status;
    pid_t pid, last_background;
    enum leaving leaving;
    int levels;                       /* for break and continue */
    int loops, functions, conditions; /* how deep */
    bool interactive, is_child, subst_ran;
    bool allexport, errexit, noglob, jobcontrol, noexec, nounset, verbose, xtrace, noclobber, ignoreeof, pipefail;
    int terminal; /* the descriptor for job control, or -1 */
    pid_t group;
    int line, start_seconds;
};
extern struct shell sh;

void sh_error(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* a message with the line in a script */
void sh_fatal(const char *fmt, ...)
    __attribute__((format(printf, 1, 2))); /* and the end of this line or script, status 2 */
int run_source(struct source *source);     /* all of it; the last status */
int run_string(const char *text, const char *name);
int run_script(const char *path); /* -1 if it cannot be opened */

/* exec.c */
struct job;
void trace_command(const struct word *assignments, const struct strings *args); /* set -x */
int run(const struct node *node, bool last); /* `last`: the shell ends afterwards, so a program may take its place */
int call_function(const struct node *body, struct arena *arena, int count, char **args);
char *prompt_text(const char *variable);           /* $PS1, expanded; to be freed */
bool redirects_apply(const struct redirect *list); /* for good */
pid_t shell_fork(struct job *job);                 /* in the child the shell is a subshell; job may be NULL */
char *find_program(const char *name);              /* on $PATH, to be freed; NULL */
_Noreturn void exec_program(char **args, char **environment);

/* expand.c */
void expand_word(const char *word, struct strings *out); /* to any number of strings */
char *expand_string(const char *word);                   /* to one, unsplit; to be freed */
char *expand_here(const char *text);                     /* a here-document or prompt from lex_text; to be freed */
char *expand_pattern(const char *word);                  /* to one, quoted characters with a backslash */
void glob_add(const char *pattern, struct strings *out); /* the names it matches; nothing added if none */
bool arith(const char *text, long long *value);          /* false after a message */

/* vars.c */
void vars_start(char **environment);
const char *var_get(const char *name);             /* NULL: not set */
bool var_set(const char *name, const char *value); /* false: read-only, after a message */
bool var_unset(const char *name);
enum var_flag { VAR_EXPORT = 1, VAR_READONLY = 2 };
void var_flag(const char *name, unsigned flags, bool on);
void var_local(const char *name);
void locals_begin(void);
void locals_end(void);
char **vars_environment(void); /* to be freed, not its strings */
void vars_print(unsigned flags, const char *prefix);
bool is_name(const char *s, size_t n);
bool is_assignment(const char *word); /* begins with NAME= */
size_t name_length(const char *s);
void put_quoted(struct text *out, const char *s);
struct function {
    struct function *next;
    char *name;
    const struct node *body;
    struct arena *arena;
};
struct function *function_find(const char *name);
void function_set(const char *name, const struct node *body);
bool function_unset(const char *name);
extern struct arena *parsing_arena; /* of the command that is being run */
const char *alias_get(const char *name);
void alias_set(const char *name, const char *value);
bool alias_unset(const char *name); /* NULL: all */
void alias_print(const char *name);
void each_name(void (*visit)(const char *name, void *argument),
               void *argument); /* functions and aliases, for completion */

/* jobs.c */
struct job;
struct job *job_create(const struct node *node, bool background);
void job_add(struct job *job, pid_t pid);
void job_enter(struct job *job);   /* in the child: into the job's process group */
void job_started(struct job *job); /* a background job has all its processes */
int job_wait(struct job *job);     /* in the foreground, until it stops or ends; its status */
void jobs_update(bool report);     /* collects what has ended; tells */
void jobs_forget(void);            /* in a subshell: they are not our children */
void terminal_start(void);
int wait_status(int status);

/* trap.c */
void traps_start(void);
void traps_child(void);
bool traps_pending(void);
void traps_run(void);
void trap_exit(void);
bool trap_set_for(int signal); /* has a trap or is ignored by one */
extern volatile sig_atomic_t interrupted;

/* builtins: NULL if there is none of that name. */
struct builtin {
    const char *name;
    int (*run)(int argc, char **argv);
    bool special; /* assignments before it stay; an error in it ends a script */
};
const struct builtin *builtin_find(const char *name);
const struct builtin *builtin_at(size_t i); /* NULL behind the last */
int builtin_bg(int, char **), builtin_fg(int, char **), builtin_jobs(int, char **), builtin_kill(int, char **),
    builtin_wait(int, char **), builtin_trap(int, char **), builtin_alias(int, char **), builtin_unalias(int, char **),
    builtin_getopts(int, char **), builtin_read(int, char **), builtin_ulimit(int, char **),
    builtin_umask(int, char **), builtin_times(int, char **), builtin_history(int, char **);
bool option_set(char letter, bool on);
int set_arguments(int count, char **args); /* $1 ...; copies */

/* edit.c: one line typed with a prompt, with its newline, to be freed; NULL at the end of input. */
char *edit_line(const char *prompt);
bool edit_possible(void);
void complete(const char *line, size_t at, struct strings *choices, size_t *word_start);
void history_load(void);
void history_add(const char *line);
const char *history_get(size_t back); /* 1: the latest; NULL */

#endif
