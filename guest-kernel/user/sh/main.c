/*
 * main.c - the shell's outermost loop: read a command, parse it, run it.
 *
 *      sh [-aefmnuvxC] [-o OPTION] [SCRIPT [ARGUMENT...]]       commands from a file; without one, from standard input
 *      sh -c COMMANDS [NAME [ARGUMENT...]]
 *      -i interactive (so also when standard input is a terminal)   -l a login shell: reads /etc/profile and ~/.profile first
 *
 * The shell is an ordinary program. It has no rights that others lack; all it does it does by system calls that any program may make.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sh/sh.h"

struct shell sh = {.terminal = -1};
static const char *source_name;

static void message(const char *fmt, va_list list)
{
    fflush(stdout);
    fprintf(stderr, "%s: ", sh.name);
    if (!sh.interactive && source_name) fprintf(stderr, "line %d: ", sh.line);
    vfprintf(stderr, fmt, list);
    fputc('\n', stderr);
}

void sh_error(const char *fmt, ...)
{
    va_list list;
    va_start(list, fmt);
    message(fmt, list);
    va_end(list);
}

void sh_fatal(const char *fmt, ...)
{
    va_list list;
    va_start(list, fmt);
    message(fmt, list);
    va_end(list);
    sh.leaving = sh.interactive ? LEAVE_LINE : LEAVE_SHELL;
    sh.status = 2;
}

/* Sources */

static bool fill_from_text(struct source *source, struct text *text)
{
    const char *rest = source->data;
    if (!rest || !*rest) return false;
    text_add(text, rest);
    source->data = NULL;
    return true;
}

/* Standard input: not a byte more than a line, the rest is for the commands. */
static bool fill_from_input(struct source *source, struct text *text)
{
    char c;
    bool any = false;
    (void)source;
    for (;;) {
        ssize_t n = read(0, &c, 1);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        any = true;
        if (c) text_put(text, c);
        if (c == '\n') break;
    }
    return any;
}

char *prompt_text(const char *variable)
{
    const char *value = var_get(variable);
    struct text t = {0};
    if (!value) return xstrdup("");
    for (const char *p = value; *p; p++) {
        if (*p != '\\' || !p[1]) {
            text_put(&t, *p);
            continue;
        }
        char host[64] = "";
        const char *pwd = var_get("PWD"), *home = var_get("HOME");
        switch (*++p) {
        case 'w':
        case 'W':
            if (pwd && home && !strcmp(pwd, home)) pwd = "~";
            text_add(&t, pwd ? *p == 'W' ? path_base(pwd) : pwd : "");
            break;
        case 'u': text_add(&t, user_name(geteuid())); break;
        case 'h':
            gethostname(host, sizeof host - 1);
            text_add(&t, host);
            break;
        case '$': text_add(&t, geteuid() ? "$" : "#"); break;
        case 'n': text_put(&t, '\n'); break;
        case 'e': text_put(&t, '\033'); break;
        case '[':
        case ']': break;
        default: text_put(&t, *p);
        }
    }
    char *marked = lex_text(text_str(&t)), *result;
    text_free(&t);
    int status = sh.status;
    result = marked ? expand_here(marked) : xstrdup("");
    sh.status = status;
    free(marked);
    return result;
}

/* A person: prompts, and a line that can be edited if the terminal can do it. */
struct typed {
    bool inside; /* of a command that the line before did not finish */
};

static bool fill_from_terminal(struct source *source, struct text *text)
{
    struct typed *typed = source->data;
    if (!typed->inside) jobs_update(true);
    char *prompt = prompt_text(typed->inside ? "PS2" : "PS1"), *line;
    fflush(stdout);
    if (edit_possible()) {
        line = edit_line(prompt);
    } else {
        struct text plain = {0};
        fputs(prompt, stderr);
        line = fill_from_input(source, &plain) ? text_take(&plain) : NULL;
    }
    free(prompt);
    if (!line) return false;
    if (*line != '\n') history_add(line);
    text_add(text, line);
    free(line);
    typed->inside = true;
    return true;
}

/* Reads and runs until the end; in a shell for a person, errors and Ctrl-C lead back to the prompt. */
int run_source(struct source *source)
{
    struct lexer *lexer = lexer_create(source);
    struct arena *outer = parsing_arena;
    const char *outer_name = source_name;
    struct typed *typed = source->fill == fill_from_terminal ? source->data : NULL;
    source_name = source->name;
    int status = 0;
    while (!sh.leaving) {
        struct node *node;
        struct arena *arena = arena_create();
        if (typed) typed->inside = false;
        enum parsed parsed = parse_command(lexer, arena, &node);
        if (parsed == PARSED) {
            parsing_arena = arena;
            if (node) status = run(node, false);
        } else if (parsed == PARSED_ERROR) {
            sh.status = status = 2;
            if (!typed) sh.leaving = sh.interactive ? LEAVE_LINE : LEAVE_SHELL;
        }
        arena_release(arena);
        if (traps_pending()) traps_run();
        if (typed && sh.leaving == LEAVE_LINE) {
            sh.leaving = STAY;
            sh.loops = sh.functions = sh.conditions = 0;
        }
        if (sh.leaving) status = sh.status;
        if (parsed == PARSED_END) break;
    }
    parsing_arena = outer;
    source_name = outer_name;
    lexer_free(lexer);
    return status;
}

int run_string(const char *text, const char *name)
{
    struct source source = {.fill = fill_from_text, .data = (void *)(uintptr_t)text, .name = name};
    return run_source(&source);
}

int run_script(const char *path)
{
    struct text text = {0};
    if (!read_file(path, &text)) return -1;
    struct source source = {.fill = fill_from_text, .data = (void *)(uintptr_t)text_str(&text), .name = path};
    int status = run_source(&source);
    text_free(&text);
    return status;
}

/* Start */

static void run_if_there(const char *path)
{
    if (!access(path, R_OK)) run_script(path);
}

static void run_typed(void)
{
    struct typed typed = {false};
    struct source source = {.fill = fill_from_terminal, .data = &typed, .name = NULL};
    if (!var_get("PS1")) var_set("PS1", "\\w \\$ ");
    history_load();
    for (bool again = true; again;) {
        run_source(&source);
        again = !sh.leaving && sh.ignoreeof;
        if (again) fputs("use exit to leave the shell\n", stderr);
    }
    if (!sh.leaving) fputc('\n', stderr);
}

static void start_directory(void)
{
    char room[PATH_MAX];
    struct stat here, there;
    const char *pwd = var_get("PWD");
    if (pwd && *pwd == '/' && !stat(pwd, &here) && !stat(".", &there) && here.st_ino == there.st_ino &&
        here.st_dev == there.st_dev)
        return;
    if (getcwd(room, sizeof room)) var_set("PWD", room);
}

struct start {
    const char *commands;
    bool login, typed, from_input;
};

static int read_options(int argc, char **argv, struct start *start)
{
    int i = 1;
    bool command = false;
    for (; i < argc && (argv[i][0] == '-' || argv[i][0] == '+') && argv[i][1]; i++) {
        bool on = argv[i][0] == '-';
        if (!strcmp(argv[i], "--")) {
            i++;
            break;
        }
        for (const char *o = argv[i] + 1; *o; o++) {
            if (*o == 'c')
                command = true;
            else if (*o == 'i')
                start->typed = true;
            else if (*o == 'l')
                start->login = true;
            else if (*o == 's')
                start->from_input = true;
            else if (*o == 'o' && i + 1 < argc && !strcmp(argv[i + 1], "pipefail"))
                sh.pipefail = on, i++;
            else if (!option_set(*o, on))
                fail_usage("[-aefilmnsuvxC] [-c COMMANDS | SCRIPT] [ARGUMENT...]");
            if (*o == 'o') break;
        }
    }
    if (command) {
        if (i >= argc) fail_text("-c: the commands are missing");
        start->commands = argv[i++];
    }
    return i;
}

int main(int argc, char **argv, char **environment)
{
    struct start start = {.login = argv[0] && argv[0][0] == '-'};
    util_start(argv);
    sh.name = argv[0] ? argv[0] : (char *)"sh";
    sh.pid = getpid();
    sh.start_seconds = (int)time(NULL);
    vars_start(environment);
    int i = read_options(argc, argv, &start);
    const char *script = NULL;
    if (start.commands) {
        if (i < argc) sh.name = argv[i++];
    } else if (i < argc && !start.from_input) {
        script = sh.name = argv[i++];
    }
    set_arguments(argc - i, argv + i);
    if (!start.commands && !script && isatty(0)) start.typed = true;
    sh.interactive = start.typed;
    start_directory();
    traps_start(); /* first: what the shell ignores for itself, its children do not */
    if (sh.interactive) terminal_start();
    if (start.login) {
        run_if_there("/etc/profile");
        char *profile = path_join(var_get("HOME") ? var_get("HOME") : "/", ".profile");
        run_if_there(profile);
        free(profile);
    }
    if (start.commands) {
        sh.status = run_string(start.commands, "-c");
    } else if (script) {
        int status = run_script(script);
        if (status < 0) {
            int error = errno;
            warn_errno("%s", script);
            sh.status = error == ENOENT ? 127 : 126;
        } else {
            sh.status = status;
        }
    } else if (start.typed) {
        run_typed();
    } else {
        struct source source = {.fill = fill_from_input, .name = "input"};
        sh.status = run_source(&source);
    }
    trap_exit();
}
