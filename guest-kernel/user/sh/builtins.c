/*
 * builtins.c - the commands that change the shell itself, and so cannot be programs: each could only change its own process.
 *
 * test, echo, printf, true and false are here for speed alone; /bin has them as programs, of the same source.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sh/sh.h"

static int builtin_true(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

static int builtin_false(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return 1;
}

/* cd, pwd */

/* `path` from the present directory, with . and .. taken out as text: where one came through a symbolic link, .. goes back through it. */
static char *logical_path(const char *path)
{
    struct text t = {0};
    const char *pwd = var_get("PWD");
    if (*path != '/') text_add(&t, pwd && *pwd == '/' ? pwd : "/");
    while (*path) {
        size_t n = strcspn(path, "/");
        if (n == 2 && path[0] == '.' && path[1] == '.') {
            while (t.n && t.s[t.n - 1] != '/') t.n--;
            if (t.n > 1) t.n--;
        } else if (n && !(n == 1 && *path == '.')) {
            if (!t.n || t.s[t.n - 1] != '/') text_put(&t, '/');
            text_add_n(&t, path, n);
        } else if (!n && !t.n) {
            text_put(&t, '/');
        }
        path += n + (path[n] == '/');
        if (t.s) t.s[t.n] = 0;
        if (!t.n) text_put(&t, '/');
    }
    return text_take(&t);
}

static int builtin_cd(int argc, char **argv)
{
    bool physical = false, print = false;
    int i = 1;
    for (; i < argc && (!strcmp(argv[i], "-P") || !strcmp(argv[i], "-L") || !strcmp(argv[i], "--")); i++)
        physical = argv[i][1] == 'P';
    const char *to = i < argc ? argv[i] : var_get("HOME");
    if (to && !strcmp(to, "-")) {
        to = var_get("OLDPWD");
        print = true;
    }
    if (!to) {
        sh_error("cd: %s is not set", print ? "OLDPWD" : "HOME");
        return 1;
    }
    char *path = physical ? xstrdup(to) : logical_path(to), room[PATH_MAX];
    if (chdir(path) && (physical || chdir(to))) {
        sh_error("cd: %s: %s", to, strerror(errno));
        free(path);
        return 1;
    }
    const char *old = var_get("PWD");
    var_set("OLDPWD", old ? old : "");
    if (physical && getcwd(room, sizeof room)) {
        free(path);
        path = xstrdup(room);
    }
    var_set("PWD", path);
    if (print) puts(path);
    free(path);
    return 0;
}

static int builtin_pwd(int argc, char **argv)
{
    char room[PATH_MAX];
    const char *pwd = var_get("PWD");
    struct stat here, there;
    bool physical = argc > 1 && !strcmp(argv[1], "-P");
    if (!physical && pwd && *pwd == '/' && !stat(pwd, &here) && !stat(".", &there) && here.st_ino == there.st_ino &&
        here.st_dev == there.st_dev) {
        puts(pwd);
        return 0;
    }
    if (!getcwd(room, sizeof room)) {
        sh_error("pwd: %s", strerror(errno));
        return 1;
    }
    puts(room);
    return 0;
}

/* export, readonly, unset, local */

static int mark(int argc, char **argv, unsigned flag, const char *prefix)
{
    int i = 1, status = 0;
    if (i < argc && !strcmp(argv[i], "-p")) i++;
    bool off = i < argc && !strcmp(argv[i], "-n");
    if (off) i++;
    if (i >= argc) vars_print(flag, prefix);
    for (; i < argc; i++) {
        size_t n = name_length(argv[i]);
        if (!n || (argv[i][n] && argv[i][n] != '=')) {
            sh_error("%s: %s: not a name", argv[0], argv[i]);
            status = 1;
            continue;
        }
        char *name = xprintf("%.*s", (int)n, argv[i]);
        if (argv[i][n] && !var_set(name, argv[i] + n + 1))
            status = 1;
        else
            var_flag(name, flag, !off);
        free(name);
    }
    return status;
}

static int builtin_export(int argc, char **argv) { return mark(argc, argv, VAR_EXPORT, "export "); }
static int builtin_readonly(int argc, char **argv) { return mark(argc, argv, VAR_READONLY, "readonly "); }

static int builtin_local(int argc, char **argv)
{
    if (!sh.functions) {
        sh_error("local: not in a function");
        return 1;
    }
    for (int i = 1; i < argc; i++) {
        size_t n = name_length(argv[i]);
        char *name = xprintf("%.*s", (int)n, argv[i]);
        if (n) var_local(name);
        if (n && argv[i][n] == '=') var_set(name, argv[i] + n + 1);
        free(name);
    }
    return 0;
}

static int builtin_unset(int argc, char **argv)
{
    bool function = argc > 1 && !strcmp(argv[1], "-f"), variable = argc > 1 && !strcmp(argv[1], "-v");
    int status = 0;
    for (int i = 1 + (function || variable); i < argc; i++) {
        if (function)
            function_unset(argv[i]);
        else if (!var_unset(argv[i]))
            status = 1;
    }
    return status;
}

/* set, shift */

int set_arguments(int count, char **args)
{
    char **copy = count ? xmalloc((size_t)(count + 1) * sizeof *copy) : NULL;
    for (int i = 0; i < count; i++) copy[i] = xstrdup(args[i]);
    if (copy) copy[count] = NULL;
    for (int i = 0; i < sh.count; i++) free(sh.args[i]);
    free(sh.args);
    sh.args = copy;
    sh.count = count;
    return 0;
}

static const struct {
    char letter;
    const char *name;
    bool *value;
} options[] = {{'a', "allexport", &sh.allexport}, {'e', "errexit", &sh.errexit}, {'f', "noglob", &sh.noglob},
               {'m', "monitor", &sh.jobcontrol},  {'n', "noexec", &sh.noexec},   {'u', "nounset", &sh.nounset},
               {'v', "verbose", &sh.verbose},     {'x', "xtrace", &sh.xtrace},   {'C', "noclobber", &sh.noclobber},
               {0, "ignoreeof", &sh.ignoreeof},   {0, "pipefail", &sh.pipefail}};
enum { OPTIONS = sizeof options / sizeof *options };

bool option_set(char letter, bool on)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        if (options[i].letter != letter || !letter) continue;
        *options[i].value = on;
        return true;
    }
    return letter == 'h' || letter == 'b'; /* of POSIX, without effect here */
}

static bool option_named(const char *name, bool on)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        if (strcmp(options[i].name, name)) continue;
        *options[i].value = on;
        return true;
    }
    return false;
}

static int builtin_set(int argc, char **argv)
{
    int i = 1;
    if (argc < 2) vars_print(0, "");
    for (; i < argc && (argv[i][0] == '-' || argv[i][0] == '+') && argv[i][1]; i++) {
        bool on = argv[i][0] == '-';
        if (!strcmp(argv[i], "--")) break;
        for (const char *o = argv[i] + 1; *o; o++) {
            if (*o == 'o' && i + 1 >= argc) {
                for (size_t k = 0; k < OPTIONS; k++)
                    printf("%-12s %s\n", options[k].name, *options[k].value ? "on" : "off");
                return 0;
            }
            if (*o == 'o' ? !option_named(argv[++i], on) : !option_set(*o, on)) {
                sh_error("set: %s: no such option", argv[i]);
                return 2;
            }
            if (*o == 'o') break;
        }
    }
    if (i < argc) {
        if (!strcmp(argv[i], "--")) i++;
        set_arguments(argc - i, argv + i);
    }
    return 0;
}

static int builtin_shift(int argc, char **argv)
{
    long long n = 1;
    if ((argc > 1 && !parse_number(argv[1], &n)) || n < 0 || n > sh.count) {
        sh_error("shift: %s: there are %d arguments", argc > 1 ? argv[1] : "1", sh.count);
        return 1;
    }
    for (int i = 0; i < n; i++) free(sh.args[i]);
    if (n) memmove(sh.args, sh.args + n, (size_t)(sh.count - n) * sizeof *sh.args);
    sh.count -= (int)n;
    return 0;
}

/* Leaving */

static int leave(int argc, char **argv, enum leaving how, int status)
{
    long long n = status;
    if (argc > 1 && !parse_number(argv[1], &n)) {
        sh_error("%s: %s: not a number", argv[0], argv[1]);
        n = 2;
    }
    sh.leaving = how;
    sh.status = (int)(n & 255);
    return sh.status;
}

static int builtin_exit(int argc, char **argv) { return leave(argc, argv, LEAVE_SHELL, sh.status); }
static int builtin_return(int argc, char **argv) { return leave(argc, argv, LEAVE_RETURN, sh.status); }

static int leave_loop(int argc, char **argv, enum leaving how)
{
    long long n = 1;
    if (argc > 1 && (!parse_number(argv[1], &n) || n < 1)) {
        sh_error("%s: %s: not a number of loops", argv[0], argv[1]);
        return 1;
    }
    if (!sh.loops) return 0;
    sh.leaving = how;
    sh.levels = n > sh.loops ? sh.loops : (int)n;
    return 0;
}

static int builtin_break(int argc, char **argv) { return leave_loop(argc, argv, LEAVE_BREAK); }
static int builtin_continue(int argc, char **argv) { return leave_loop(argc, argv, LEAVE_CONTINUE); }

/* Running other things */

static int builtin_eval(int argc, char **argv)
{
    struct text t = {0};
    for (int i = 1; i < argc; i++) {
        if (i > 1) text_put(&t, ' ');
        text_add(&t, argv[i]);
    }
    if (!t.n) return 0;
    int status = run_string(text_str(&t), "eval");
    text_free(&t);
    return status;
}

static int builtin_dot(int argc, char **argv)
{
    if (argc < 2) {
        sh_error(".: the name of a file is missing");
        return 2;
    }
    char *path = find_program(argv[1]);
    char **old_args = sh.args;
    int old_count = sh.count;
    if (argc > 2) {
        sh.args = NULL;
        sh.count = 0;
        set_arguments(argc - 2, argv + 2);
    }
    int status = run_script(path ? path : argv[1]);
    free(path);
    if (argc > 2) {
        set_arguments(0, NULL);
        sh.args = old_args;
        sh.count = old_count;
    }
    if (status < 0) {
        sh_fatal(".: %s: %s", argv[1], strerror(errno));
        return 2;
    }
    if (sh.leaving == LEAVE_RETURN) {
        sh.leaving = STAY;
        status = sh.status;
    }
    return status;
}

static int builtin_exec(int argc, char **argv)
{
    if (argc < 2) return 0; /* its redirections have been made for good */
    char *file = find_program(argv[1]);
    if (!file || access(file, X_OK)) {
        sh_error("exec: %s: %s", argv[1], file ? strerror(errno) : "not found");
        free(file);
        if (!sh.interactive) sh.leaving = LEAVE_SHELL, sh.status = 126;
        return 126;
    }
    traps_child();
    exec_program(argv + 1, vars_environment());
}

static const char *const keywords[] = {"if",    "then",  "else", "elif", "fi", "do", "done", "case", "esac",
                                       "while", "until", "for",  "in",   "{",  "}",  "!",    NULL};

/* `type` and `command -v`: what would run. */
static int describe(const char *name, bool terse)
{
    for (const char *const *k = keywords; *k; k++) {
        if (strcmp(*k, name)) continue;
        printf(terse ? "%s\n" : "%s is a word of the shell\n", name);
        return 0;
    }
    if (alias_get(name)) {
        struct text t = {0};
        put_quoted(&t, alias_get(name));
        printf(terse ? "alias %s=%s\n" : "%s is an alias for %s\n", name, text_str(&t));
        text_free(&t);
        return 0;
    }
    if (function_find(name) || builtin_find(name)) {
        printf(terse ? "%s\n" : "%s is a %s\n", name, function_find(name) ? "function" : "shell builtin");
        return 0;
    }
    char *file = find_program(name);
    bool good = file && !access(file, X_OK);
    if (good)
        printf(terse ? "%s\n" : "%s is %s\n", terse ? file : name, file);
    else if (!terse)
        printf("%s: not found\n", name);
    free(file);
    return good ? 0 : terse ? 1 : 127;
}

static int builtin_type(int argc, char **argv)
{
    int status = 0;
    for (int i = 1; i < argc; i++) status |= describe(argv[i], false);
    return status;
}

/* command NAME...: without functions. */
static int builtin_command(int argc, char **argv)
{
    int i = 1;
    if (argc > 1 && (!strcmp(argv[1], "-v") || !strcmp(argv[1], "-V")))
        return argc > 2 ? describe(argv[2], argv[1][1] == 'v') : 1;
    while (i < argc && (!strcmp(argv[i], "-p") || !strcmp(argv[i], "--"))) i++;
    if (i >= argc) return 0;
    const struct builtin *builtin = builtin_find(argv[i]);
    if (builtin) return builtin->run(argc - i, argv + i);
    struct node node = {.kind = N_SIMPLE, .words = NULL};
    struct word words[2] = {{.text = argv[i]}};
    node.words = words;
    struct job *job = job_create(&node, false);
    pid_t pid = shell_fork(job);
    if (pid == 0) {
        traps_child();
        exec_program(argv + i, vars_environment());
    }
    return pid < 0 ? 126 : job_wait(job);
}

static const struct builtin builtins[] = {{":", builtin_true, true},
                                          {".", builtin_dot, true},
                                          {"[", test_command, false},
                                          {"alias", builtin_alias, false},
                                          {"bg", builtin_bg, false},
                                          {"break", builtin_break, true},
                                          {"cd", builtin_cd, false},
                                          {"command", builtin_command, false},
                                          {"continue", builtin_continue, true},
                                          {"echo", echo_command, false},
                                          {"eval", builtin_eval, true},
                                          {"exec", builtin_exec, true},
                                          {"exit", builtin_exit, true},
                                          {"export", builtin_export, true},
                                          {"false", builtin_false, false},
                                          {"fg", builtin_fg, false},
                                          {"getopts", builtin_getopts, false},
                                          {"history", builtin_history, false},
                                          {"jobs", builtin_jobs, false},
                                          {"kill", builtin_kill, false},
                                          {"local", builtin_local, true},
                                          {"printf", printf_command, false},
                                          {"pwd", builtin_pwd, false},
                                          {"read", builtin_read, false},
                                          {"readonly", builtin_readonly, true},
                                          {"return", builtin_return, true},
                                          {"set", builtin_set, true},
                                          {"shift", builtin_shift, true},
                                          {"test", test_command, false},
                                          {"times", builtin_times, true},
                                          {"trap", builtin_trap, true},
                                          {"true", builtin_true, false},
                                          {"type", builtin_type, false},
                                          {"ulimit", builtin_ulimit, false},
                                          {"umask", builtin_umask, false},
                                          {"unalias", builtin_unalias, false},
                                          {"unset", builtin_unset, true},
                                          {"wait", builtin_wait, false}};

const struct builtin *builtin_at(size_t i) { return i < sizeof builtins / sizeof *builtins ? &builtins[i] : NULL; }

const struct builtin *builtin_find(const char *name)
{
    for (size_t i = 0; builtin_at(i); i++)
        if (!strcmp(builtins[i].name, name)) return &builtins[i];
    return NULL;
}
