/*
 * exec.c - the tree is walked and things happen.
 *
 * A program is started by fork and exec: between the two, the child is still the shell, and this is where redirections are made, as
 * changes of its own descriptor table that exec leaves alone. `a | b` is two children and a pipe; `( ... )` is a child that does not
 * exec at all. What must change the shell itself - cd, variables - cannot be a child: these are the built-ins, and for the time of one
 * of them the shell saves the descriptors that a redirection replaces.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sh/sh.h"

enum { DEPTH_MAX = 800 }; /* of functions in functions */

/* Redirections */

struct saves {
    struct {
        int fd, copy; /* copy -1: it was not open */
    } at[32];
    int n;
};

static bool save_descriptor(struct saves *saves, int fd)
{
    for (int i = 0; i < saves->n; i++)
        if (saves->at[i].fd == fd) return true;
    if (saves->n == 32) {
        sh_error("too many redirections");
        return false;
    }
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 10);
    if (copy < 0 && errno != EBADF) {
        sh_error("%d: %s", fd, strerror(errno));
        return false;
    }
    saves->at[saves->n].fd = fd;
    saves->at[saves->n++].copy = copy;
    return true;
}

static void restore(struct saves *saves)
{
    fflush(stdout);
    while (saves->n) {
        int fd = saves->at[--saves->n].fd, copy = saves->at[saves->n].copy;
        if (copy >= 0) {
            dup2(copy, fd);
            close(copy);
        } else {
            close(fd);
        }
    }
}

/* A descriptor from which `text` can be read: a pipe, filled by a child if it does not fit. */
static int here_document(const char *text)
{
    int ends[2];
    size_t n = strlen(text);
    if (pipe(ends)) return -1;
    if (n <= 4096) {
        write_all(ends[1], text, n);
    } else if (fork() == 0) {
        close(ends[0]);
        signal(SIGPIPE, SIG_DFL);
        _exit(write_all(ends[1], text, n) != 0);
    }
    close(ends[1]);
    return ends[0];
}

static int open_target(const struct redirect *r, const char *target)
{
    switch (r->kind) {
    case R_IN: return open(target, O_RDONLY);
    case R_OUT:
        if (sh.noclobber) {
            struct stat status;
            if (!stat(target, &status) && S_ISREG(status.st_mode)) {
                errno = EEXIST;
                return -1;
            }
        }
        return open(target, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    case R_CLOBBER: return open(target, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    case R_APPEND: return open(target, O_WRONLY | O_CREAT | O_APPEND, 0666);
    case R_INOUT: return open(target, O_RDWR | O_CREAT, 0666);
    default: return here_document(target);
    }
}

static bool redirect_one(const struct redirect *r, const char *target, struct saves *saves)
{
    if (saves && !save_descriptor(saves, r->fd)) return false;
    if (r->kind == R_DUP_IN || r->kind == R_DUP_OUT) {
        long long from;
        if (!strcmp(target, "-")) {
            close(r->fd);
            return true;
        }
        if (!parse_number(target, &from) || from < 0 || (from != r->fd && dup2((int)from, r->fd) < 0)) {
            sh_error("%s: %s", target, strerror(EBADF));
            return false;
        }
        return true;
    }
    int fd = open_target(r, target);
    if (fd < 0) {
        sh_error("cannot open %s: %s", r->kind == R_HERE ? "here-document" : target, strerror(errno));
        return false;
    }
    if (fd != r->fd) {
        dup2(fd, r->fd);
        close(fd);
    }
    return true;
}

static bool redirect_all(const struct redirect *r, struct saves *saves)
{
    fflush(stdout);
    for (; r; r = r->next) {
        char *target = r->kind == R_HERE && !r->expanded ? xstrdup(r->target) : NULL;
        if (r->kind == R_HERE && r->expanded) {
            target = expand_here(r->target);
        } else if (!target) {
            target = expand_string(r->target);
        }
        bool good = !sh.leaving && redirect_one(r, target, saves);
        free(target);
        if (!good) return false;
    }
    return true;
}

bool redirects_apply(const struct redirect *list) { return redirect_all(list, NULL); }

/* Programs */

char *find_program(const char *name)
{
    const char *path = var_get("PATH");
    struct stat status;
    if (strchr(name, '/')) return xstrdup(name);
    while (path) {
        size_t n = strcspn(path, ":");
        char *file = n ? xprintf("%.*s/%s", (int)n, path, name) : xstrdup(name);
        if (!stat(file, &status) && S_ISREG(status.st_mode) && !access(file, X_OK)) return file;
        free(file);
        path = path[n] ? path + n + 1 : NULL;
    }
    return NULL;
}

void exec_program(char **args, char **environment)
{
    char *file = find_program(args[0]);
    if (!file) {
        fprintf(stderr, "%s: %s: not found\n", program, args[0]);
        _exit(127);
    }
    execve(file, args, environment);
    if (errno == ENOEXEC) { /* a script without #! is a script for this shell */
        struct strings list = {0};
        strings_add(&list, (char *)"sh");
        strings_add(&list, file);
        for (char **a = args + 1; *a; a++) strings_add(&list, *a);
        execve("/bin/sh", list.at, environment);
    }
    struct stat status;
    bool folder = errno == EACCES && !stat(file, &status) && S_ISDIR(status.st_mode);
    fprintf(stderr, "%s: %s: %s\n", program, args[0], folder ? strerror(EISDIR) : strerror(errno));
    _exit(errno == ENOENT ? 127 : 126);
}

pid_t shell_fork(struct job *job)
{
    sigset_t all, before;
    fflush(stdout);
    fflush(stderr);
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before); /* a signal to the child may come before it has its own handlers */
    pid_t pid = fork();
    if (pid) sigprocmask(SIG_SETMASK, &before, NULL);
    if (pid < 0) {
        sh_fatal("cannot fork: %s", strerror(errno));
        return pid;
    }
    if (pid) {
        if (job) job_add(job, pid);
        return pid;
    }
    job_enter(job);
    traps_child();
    sigprocmask(SIG_SETMASK, &before, NULL);
    sh.is_child = true;
    sh.interactive = false;
    sh.jobcontrol = false;
    sh.loops = 0;
    jobs_forget();
    return 0;
}

/* Simple commands */

static bool assign(const char *assignment, bool export)
{
    char *text = expand_string(assignment), *equals = strchr(text, '=');
    bool good = !sh.leaving;
    if (good) {
        *equals = 0;
        good = var_set(text, equals + 1);
        if (good && export) var_flag(text, VAR_EXPORT, true);
    }
    free(text);
    return good;
}

static bool assign_all(const struct word *w, bool export)
{
    for (; w && is_assignment(w->text); w = w->next)
        if (!assign(w->text, export)) return false;
    return true;
}

int call_function(const struct node *body, struct arena *arena, int count, char **args)
{
    char **old_args = sh.args;
    int old_count = sh.count, loops = sh.loops;
    struct arena *outer = parsing_arena;
    if (sh.functions >= DEPTH_MAX) {
        sh_fatal("functions call one another too deeply");
        return 2;
    }
    sh.args = NULL;
    sh.count = 0;
    set_arguments(count, args);
    sh.functions++;
    sh.loops = 0;
    parsing_arena = arena_hold(arena);
    locals_begin();
    int status = run(body, false);
    locals_end();
    arena_release(parsing_arena);
    parsing_arena = outer;
    sh.functions--;
    sh.loops = loops;
    if (sh.leaving == LEAVE_RETURN) {
        sh.leaving = STAY;
        status = sh.status;
    }
    set_arguments(0, NULL);
    free(sh.args);
    sh.args = old_args;
    sh.count = old_count;
    return status;
}

static int run_builtin(const struct builtin *builtin, const struct node *n, struct strings *args)
{
    struct saves saves = {.n = 0};
    int status = 1;
    bool for_good = !strcmp(builtin->name, "exec");
    bool local = !builtin->special;
    if (!redirect_all(n->redirects, for_good ? NULL : &saves)) {
        restore(&saves);
        if (builtin->special && !sh.interactive && !sh.leaving) sh.leaving = LEAVE_SHELL, sh.status = 2;
        return builtin->special ? 2 : 1;
    }
    if (local) {
        locals_begin();
        for (const struct word *w = n->words; w && is_assignment(w->text); w = w->next) {
            char *name = xprintf("%.*s", (int)name_length(w->text), w->text);
            var_local(name);
            free(name);
        }
    }
    if (assign_all(n->words, local)) {
        const char *outer = program;
        errno = 0;
        status = builtin->run((int)args->n, args->at);
        program = outer;
        if (fflush(stdout) || ferror(stdout)) {
            sh_error("%s: cannot write: %s", builtin->name, strerror(errno));
            clearerr(stdout);
            status = 1;
        }
    }
    if (local) locals_end();
    restore(&saves);
    return status;
}

static int run_function(const struct function *f, const struct node *n, struct strings *args)
{
    struct saves saves = {.n = 0};
    int status = 1;
    if (redirect_all(n->redirects, &saves) && assign_all(n->words, false))
        status = call_function(f->body, f->arena, (int)args->n - 1, args->at + 1);
    restore(&saves);
    return status;
}

static _Noreturn void become_program(const struct node *n, struct strings *args)
{
    if (!redirects_apply(n->redirects) || !assign_all(n->words, true)) _exit(sh.status ? sh.status : 1);
    exec_program(args->at, vars_environment());
}

static int run_program(const struct node *n, struct strings *args, bool last)
{
    if (last && sh.is_child && !trap_set_for(0)) become_program(n, args);
    struct job *job = job_create(n, false);
    pid_t pid = shell_fork(job);
    if (pid == 0) become_program(n, args);
    return pid < 0 ? 126 : job_wait(job);
}

static int run_simple(const struct node *n, bool last)
{
    struct strings args = {0};
    const struct word *w = n->words;
    int status = sh.status;
    sh.subst_ran = false;
    while (w && is_assignment(w->text)) w = w->next;
    for (; w && !sh.leaving; w = w->next) expand_word(w->text, &args);
    if (sh.leaving) {
        status = sh.status;
    } else {
        if (sh.xtrace && (args.n || n->words)) trace_command(n->words, &args);
        struct function *f = args.n ? function_find(args.at[0]) : NULL;
        const struct builtin *builtin = args.n && !f ? builtin_find(args.at[0]) : NULL;
        if (!args.n) {
            struct saves saves = {.n = 0};
            bool good = redirect_all(n->redirects, &saves);
            restore(&saves);
            good = good && assign_all(n->words, false);
            status = !good ? (sh.leaving ? sh.status : 1) : sh.subst_ran ? sh.status : 0;
        } else if (f) {
            status = run_function(f, n, &args);
        } else if (builtin) {
            status = run_builtin(builtin, n, &args);
        } else {
            status = run_program(n, &args, last);
        }
    }
    strings_free(&args);
    return status;
}

/* Pipelines and the background */

static void use_pipe_ends(int in, const int out[2])
{
    if (in >= 0) {
        dup2(in, 0);
        close(in);
    }
    if (out[1] >= 0) {
        close(out[0]);
        if (out[1] != 1) {
            dup2(out[1], 1);
            close(out[1]);
        }
    }
}

/* Starts the stages from left to right; the end from which the next one reads is left in *in. */
static bool start_stages(const struct node *n, struct job *job, int *in, bool is_last)
{
    int out[2] = {-1, -1};
    const struct node *stage = n->kind == N_PIPE ? n->right : n;
    if (n->kind == N_PIPE && !start_stages(n->left, job, in, false)) return false;
    if (!is_last && pipe(out)) {
        sh_fatal("cannot make a pipe: %s", strerror(errno));
        return false;
    }
    pid_t pid = shell_fork(job);
    if (pid == 0) {
        use_pipe_ends(*in, out);
        sh.status = run(stage, true);
        trap_exit();
    }
    if (*in >= 0) close(*in);
    if (out[1] >= 0) close(out[1]);
    *in = out[0];
    return pid > 0;
}

static int run_pipe(const struct node *n)
{
    struct job *job = job_create(n, false);
    int in = -1;
    bool good = start_stages(n, job, &in, true);
    if (!good && in >= 0) close(in);
    int status = job_wait(job);
    return good ? status : 126;
}

static int run_background(const struct node *n)
{
    struct job *job = job_create(n->left, true);
    bool own_input = !sh.jobcontrol;
    if (n->left->kind == N_PIPE) {
        int in = own_input ? open("/dev/null", O_RDONLY) : -1;
        if (!start_stages(n->left, job, &in, true) && in >= 0) close(in);
    } else {
        pid_t pid = shell_fork(job);
        if (pid < 0) return 126;
        if (pid == 0) {
            int null = own_input ? open("/dev/null", O_RDONLY) : -1;
            if (null > 0) {
                dup2(null, 0);
                close(null);
            }
            sh.status = run(n->left, true);
            trap_exit();
        }
    }
    job_started(job);
    return 0;
}

static int run_subshell(const struct node *n, bool last)
{
    if (last && sh.is_child) {
        if (!redirects_apply(n->redirects)) return 1;
        return run(n->left, !trap_set_for(0));
    }
    struct job *job = job_create(n, false);
    pid_t pid = shell_fork(job);
    if (pid == 0) {
        sh.status = redirects_apply(n->redirects) ? run(n->left, true) : 1;
        trap_exit();
    }
    return pid < 0 ? 126 : job_wait(job);
}

/* Control flow */

/* After a loop's body: does the loop end? */
static bool loop_left(void)
{
    if (sh.leaving != LEAVE_BREAK && sh.leaving != LEAVE_CONTINUE) return sh.leaving;
    if (--sh.levels > 0) return true; /* meant for a loop further out */
    bool end = sh.leaving == LEAVE_BREAK;
    sh.leaving = STAY;
    return end;
}

static int condition(const struct node *n)
{
    sh.conditions++;
    int status = run(n, false);
    sh.conditions--;
    return status;
}

static int run_while(const struct node *n)
{
    int status = 0;
    sh.loops++;
    for (;;) {
        int answer = condition(n->left);
        if (sh.leaving) {
            if (loop_left()) break;
            continue;
        }
        if ((answer == 0) != (n->kind == N_WHILE)) break;
        status = run(n->right, false);
        if (sh.leaving && loop_left()) break;
    }
    sh.loops--;
    return sh.leaving ? sh.status : status;
}

static int run_for(const struct node *n)
{
    struct strings list = {0};
    int status = 0;
    if (n->in)
        for (const struct word *w = n->words; w && !sh.leaving; w = w->next) expand_word(w->text, &list);
    else
        for (int i = 0; i < sh.count; i++) strings_add(&list, xstrdup(sh.args[i]));
    sh.loops++;
    for (size_t i = 0; i < list.n && !sh.leaving; i++) {
        if (!var_set(n->name, list.at[i])) break;
        status = run(n->left, false);
        if (sh.leaving && loop_left()) break;
    }
    sh.loops--;
    strings_free(&list);
    return sh.leaving ? sh.status : status;
}

static int run_case(const struct node *n, bool last)
{
    char *word = expand_string(n->words->text);
    const struct node *body = NULL;
    bool found = false;
    for (const struct case_item *item = n->items; item && !found && !sh.leaving; item = item->next) {
        for (const struct word *p = item->patterns; p && !found; p = p->next) {
            char *pattern = expand_pattern(p->text);
            found = !fnmatch(pattern, word, 0);
            free(pattern);
        }
        body = item->body;
    }
    free(word);
    return found && body ? run(body, last) : sh.leaving ? sh.status : 0;
}

static int run_if(const struct node *n, bool last)
{
    int answer = condition(n->left);
    if (sh.leaving) return sh.status;
    if (answer == 0) return run(n->right, last);
    return n->other ? run(n->other, last) : 0;
}

static int run_inner(const struct node *n, bool last)
{
    int status;
    switch (n->kind) {
    case N_PIPE: return run_pipe(n);
    case N_BACKGROUND: return run_background(n);
    case N_NOT: status = condition(n->left); return sh.leaving ? status : !status;
    case N_AND:
    case N_OR:
        status = condition(n->left);
        if (sh.leaving || (status == 0) != (n->kind == N_AND)) return status;
        return run(n->right, last);
    case N_SEQ: run(n->left, false); return sh.leaving ? sh.status : run(n->right, last);
    case N_GROUP: return run(n->left, last && !n->redirects);
    case N_IF: return run_if(n, last && !n->redirects);
    case N_WHILE:
    case N_UNTIL: return run_while(n);
    case N_FOR: return run_for(n);
    case N_CASE: return run_case(n, last && !n->redirects);
    case N_FUNCTION: function_set(n->name, n->left); return 0;
    default: return 0;
    }
}

static int run_compound(const struct node *n, bool last)
{
    struct saves saves = {.n = 0};
    int status = 1;
    if (!n->redirects) return run_inner(n, last);
    if (redirect_all(n->redirects, &saves)) status = run_inner(n, false);
    restore(&saves);
    return status;
}

int run(const struct node *n, bool last)
{
    if (traps_pending()) traps_run();
    if (!n || sh.leaving || sh.noexec) return sh.status;
    sh.line = n->line;
    int status;
    if (n->kind == N_SIMPLE)
        status = run_simple(n, last);
    else if (n->kind == N_SUBSHELL)
        status = run_subshell(n, last);
    else
        status = run_compound(n, last);
    sh.status = status;
    bool whole = n->kind == N_SIMPLE || n->kind == N_PIPE || n->kind == N_SUBSHELL;
    if (status && sh.errexit && whole && !sh.conditions && !sh.leaving) sh.leaving = LEAVE_SHELL;
    if (traps_pending()) traps_run();
    return sh.status;
}
