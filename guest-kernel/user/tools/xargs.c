/*
 * xargs.c - builds command lines from standard input: the opposite of a pipe, for programs that take names as arguments.
 *
 *      -n N at most N arguments each  -0 arguments end with a zero byte (find -print0)  -r do nothing without input  -I WORD one line for WORD  -t show
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/util.h"

enum { BYTES = 100000 };
static bool zero, show;
static const char *replaced;
static int worst;

static void run(char **args)
{
    int status;
    if (show) {
        for (char **a = args; *a; a++) fprintf(stderr, "%s%s", *a, a[1] ? " " : "\n");
    }
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        execvp(args[0], args);
        warn_errno("%s", args[0]);
        _exit(errno == ENOENT ? 127 : 126);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0) fail_errno("fork");
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 255;
    if (code == 126 || code == 127) exit(code);
    if (code == 255) exit(124);
    if (code) worst = 123;
}

/* The next argument, NULL at the end. Quotes and backslashes protect blanks unless -0 or -I. */
static char *next(void)
{
    struct text t = {0};
    int c, quote = 0;
    bool any = false;
    while ((c = getchar()) != EOF) {
        if (zero ? !c : c == '\n' && !quote) {
            if (any) return text_take(&t);
            if (zero) return xstrdup("");
            continue;
        }
        if (!zero && !replaced && !quote && isblank(c)) {
            if (any) return text_take(&t);
            continue;
        }
        if (replaced && !any && isblank(c)) continue;
        any = true;
        if (!zero && !replaced && (c == quote || (!quote && (c == '"' || c == '\'')))) {
            quote = quote ? 0 : c;
            continue;
        }
        if (!zero && !replaced && !quote && c == '\\' && (c = getchar()) == EOF) break;
        text_put(&t, (char)c);
    }
    if (any) return text_take(&t);
    text_free(&t);
    return NULL;
}

static void run_replaced(int argc, char **argv, const char *value)
{
    struct strings args = {0};
    for (int i = 0; i < argc; i++) {
        struct text t = {0};
        for (const char *s = argv[i], *at; *s; s = at) {
            at = strstr(s, replaced);
            if (at == s)
                text_add(&t, value), at = s + strlen(replaced);
            else
                text_add_n(&t, s, at ? (size_t)(at - s) : strlen(s)), at = at ? at : s + strlen(s);
        }
        strings_add(&args, text_take(&t));
    }
    run(args.at);
    strings_free(&args);
}

int main(int argc, char **argv)
{
    static char echo[] = "echo", *only[] = {echo};
    long long most = 1 << 20;
    bool never_empty = false, ran = false;
    util_start(argv);
    for (int c; (c = getopt(argc, argv, "+n:0rI:t")) != -1;) {
        if (c == '0')
            zero = true;
        else if (c == 'r')
            never_empty = true;
        else if (c == 't')
            show = true;
        else if (c == 'I')
            replaced = optarg;
        else if (c == '?' || !parse_number(optarg, &most) || most < 1)
            fail_usage("[-0rt] [-n COUNT | -I WORD] [COMMAND [ARGUMENT...]]");
    }
    char **fixed = optind < argc ? argv + optind : only;
    int fixed_count = optind < argc ? argc - optind : 1;
    char *word = next();
    while (word || (!ran && !never_empty && !replaced)) {
        struct strings args = {0};
        size_t bytes = 0;
        ran = true;
        if (replaced) {
            run_replaced(fixed_count, fixed, word);
            free(word);
            word = next();
            continue;
        }
        for (int i = 0; i < fixed_count; i++) strings_add(&args, xstrdup(fixed[i]));
        for (long long n = 0; word && n < most && bytes < BYTES; n++) {
            bytes += strlen(word) + 9;
            strings_add(&args, word);
            word = next();
        }
        run(args.at);
        strings_free(&args);
    }
    return worst;
}
