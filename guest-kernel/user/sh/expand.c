/*
 * expand.c - from a word as written to the strings that a program gets.
 *
 * In this order: tilde, parameters and substitutions and arithmetic, field splitting, file names, and the quotes fall off. Whether a
 * character came from quotes, from a substitution or from the word itself decides what the later steps may do with it, so every
 * character carries a mark through the steps (`chars` and `marks` have the same length):
 *
 *      plain        written without quotes: may be part of a file name pattern
 *      quoted       stands for itself
 *      substituted  from an unquoted $...: splits at $IFS, may be part of a pattern
 *      brk          no character: fields end here ("$@")
 *      empty        no character: "" was written, so there is a field even if nothing is in it
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sh/sh.h"

enum mark { PLAIN = 'p', QUOTED = 'q', SUBSTITUTED = 's', BREAK = 'b', EMPTY = 'e' };

struct expansion {
    struct text chars, marks;
    bool failed, assignment, here; /* here: of a here-document, where a " is nothing special */
};

static void expansion_free(struct expansion *x)
{
    text_free(&x->chars);
    text_free(&x->marks);
}

static void put(struct expansion *x, char c, enum mark mark)
{
    text_put(&x->chars, c);
    text_put(&x->marks, (char)mark);
}

static void put_value(struct expansion *x, const char *s, bool quoted)
{
    for (; *s; s++) put(x, *s, quoted ? QUOTED : SUBSTITUTED);
}

static void expand_range(struct expansion *x, const char *p, const char *end, bool quoted);

/* Where a piece that nests ends */

static const char *skip_piece(const char *p, const char *end);

static const char *skip_to(const char *p, const char *end, char closing)
{
    while (p < end && *p != closing) p = skip_piece(p, end);
    return p < end ? p + 1 : end;
}

static const char *skip_arithmetic(const char *p, const char *end)
{
    for (int depth = 2; p < end && depth;) {
        if (*p == '(') depth++;
        if (*p == ')') depth--;
        p = *p == '$' || *p == '`' ? skip_piece(p, end) : p + 1;
    }
    return p;
}

static const char *skip_piece(const char *p, const char *end)
{
    if (*p == '\\') return p + 2 < end ? p + 2 : end;
    if (*p == '\'') {
        const char *close = memchr(p + 1, '\'', (size_t)(end - p - 1));
        return close ? close + 1 : end;
    }
    if (*p == '"') {
        for (p++; p < end && *p != '"';) p = *p == '\'' ? p + 1 : skip_piece(p, end);
        return p < end ? p + 1 : end;
    }
    if (*p == '`') {
        for (p++; p < end && *p != '`'; p++)
            if (*p == '\\' && p + 1 < end) p++;
        return p < end ? p + 1 : end;
    }
    if (*p == '$' && p + 1 < end) {
        if (p[1] == '{') return skip_to(p + 2, end, '}');
        if (p[1] == '(' && p + 2 < end && p[2] == '(') return skip_arithmetic(p + 3, end);
        if (p[1] == '(') {
            const char *close = memchr(p, SUBST_END, (size_t)(end - p));
            return close ? close + 1 : end;
        }
    }
    return p + 1;
}

/* The closing brace of ${...}; inside double quotes a ' is a character like others. */
static const char *closing_brace(const char *p, const char *end, bool quoted)
{
    while (p < end && *p != '}') p = quoted && *p == '\'' ? p + 1 : skip_piece(p, end);
    return p;
}

/* Commands */

static char *command_output(const char *text)
{
    int ends[2];
    struct text out = {0};
    char block[4096];
    ssize_t n;
    if (pipe(ends)) {
        sh_error("cannot make a pipe: %s", strerror(errno));
        return xstrdup("");
    }
    pid_t pid = shell_fork(NULL);
    if (pid == 0) {
        close(ends[0]);
        if (ends[1] != 1) {
            dup2(ends[1], 1);
            close(ends[1]);
        }
        sh.status = run_string(text, "$(");
        trap_exit();
    }
    close(ends[1]);
    while (pid > 0 && ((n = read(ends[0], block, sizeof block)) > 0 || (n < 0 && errno == EINTR)))
        if (n > 0) text_add_n(&out, block, (size_t)n);
    close(ends[0]);
    int status = 0;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    sh.status = pid < 0 ? 1 : wait_status(status);
    sh.subst_ran = true;
    size_t length = out.s ? strlen(out.s) : 0; /* a zero byte cannot be in a word */
    while (length && out.s[length - 1] == '\n') out.s[--length] = 0;
    return text_take(&out);
}

static char *range(const char *p, const char *end) { return xprintf("%.*s", (int)(end - p), p); }

static void expand_command(struct expansion *x, const char *p, const char *end, bool quoted)
{
    char *text = range(p, end), *out = command_output(text);
    put_value(x, out, quoted);
    free(text);
    free(out);
}

static const char *expand_backquote(struct expansion *x, const char *p, const char *end, bool quoted)
{
    struct text t = {0};
    for (; p < end && *p != '`'; p++) {
        if (*p == '\\' && p + 1 < end && (strchr("$`\\", p[1]) || (quoted && p[1] == '"'))) p++;
        text_put(&t, *p);
    }
    char *out = command_output(text_str(&t));
    put_value(x, out, quoted);
    text_free(&t);
    free(out);
    return p < end ? p + 1 : end;
}

static char *expand_quoted(const char *p, const char *end, bool here)
{
    struct expansion y = {.here = here};
    struct text t = {0};
    expand_range(&y, p, end, true);
    for (size_t i = 0; i < y.chars.n; i++) {
        if (y.marks.s[i] == BREAK)
            text_put(&t, ' ');
        else if (y.marks.s[i] != EMPTY)
            text_put(&t, y.chars.s[i]);
    }
    expansion_free(&y);
    return text_take(&t);
}

char *expand_here(const char *text) { return expand_quoted(text, text + strlen(text), true); }

static const char *expand_arithmetic(struct expansion *x, const char *p, const char *end, bool quoted)
{
    const char *close = skip_arithmetic(p, end);
    char *text = expand_quoted(p, close - 2, false), number[24];
    long long value = 0;
    if (arith(text, &value)) {
        snprintf(number, sizeof number, "%lld", value);
        put_value(x, number, quoted);
    } else {
        x->failed = true;
    }
    free(text);
    return close;
}

/* Parameters */

static void expand_all_arguments(struct expansion *x, bool at, bool quoted)
{
    const char *ifs = var_get("IFS");
    char between = ifs ? *ifs : ' ';
    for (int i = 0; i < sh.count; i++) {
        if (i && (at || !quoted))
            put(x, ' ', BREAK);
        else if (i && between)
            put(x, between, QUOTED);
        if (quoted) put(x, ' ', EMPTY);
        put_value(x, sh.args[i], quoted);
    }
}

/* The value of a parameter, NULL if it is not set; in `out` if it has to be made. */
static const char *parameter(const char *name, char out[24])
{
    if (isdigit((unsigned char)*name)) {
        int i = atoi(name);
        return i == 0 ? sh.name : i <= sh.count ? sh.args[i - 1] : NULL;
    }
    switch (*name) {
    case '#': snprintf(out, 24, "%d", sh.count); return out;
    case '?': snprintf(out, 24, "%d", sh.status); return out;
    case '$': snprintf(out, 24, "%d", (int)sh.pid); return out;
    case '!': snprintf(out, 24, "%d", (int)sh.last_background); return sh.last_background ? out : NULL;
    case '-': {
        const struct {
            bool on;
            char letter;
        } options[] = {{sh.allexport, 'a'},  {sh.errexit, 'e'},  {sh.noglob, 'f'},  {sh.interactive, 'i'},
                       {sh.jobcontrol, 'm'}, {sh.noexec, 'n'},   {sh.nounset, 'u'}, {sh.verbose, 'v'},
                       {sh.xtrace, 'x'},     {sh.noclobber, 'C'}};
        size_t n = 0;
        for (size_t i = 0; i < sizeof options / sizeof *options; i++)
            if (options[i].on) out[n++] = options[i].letter;
        out[n] = 0;
        return out;
    }
    }
    return var_get(name);
}

/* The part of `value` that `pattern` matches, taken off: at its beginning (#) or end (%), shortest or longest. */
static char *trim(const char *value, const char *pattern, char side, bool longest)
{
    size_t n = strlen(value);
    char *copy = xstrdup(value);
    for (size_t i = 0; i <= n; i++) {
        size_t part = longest ? n - i : i; /* the length of what is tried */
        if (side == '#') {
            char saved = copy[part];
            copy[part] = 0;
            bool match = !fnmatch(pattern, copy, 0);
            copy[part] = saved;
            if (match) return memmove(copy, copy + part, n - part + 1);
        } else if (!fnmatch(pattern, copy + n - part, 0)) {
            copy[n - part] = 0;
            return copy;
        }
    }
    return copy;
}

static size_t parameter_length(const char *p, const char *end)
{
    size_t n = 0;
    if (p < end && isdigit((unsigned char)*p)) {
        while (p + n < end && isdigit((unsigned char)p[n])) n++;
        return n;
    }
    n = p < end ? name_length(p) : 0;
    if (n) return p + n <= end ? n : (size_t)(end - p);
    return p < end && strchr("@*#?$!-", *p) ? 1 : 0;
}

static void bad_substitution(struct expansion *x, const char *p, const char *end)
{
    sh_fatal("${%.*s}: bad substitution", (int)(end - p), p);
    x->failed = true;
}

static bool check_unset(struct expansion *x, const char *name, const char *value)
{
    if (value || !sh.nounset) return true;
    sh_fatal("%s: not set", name);
    x->failed = true;
    return false;
}

/* ${name OP word}, with OP one of - = ? +, `colon` before it or not. */
static void expand_default(struct expansion *x, const char *name, const char *value, bool colon, const char *op,
                           const char *end, bool quoted)
{
    bool all = *name == '@' || *name == '*';
    bool present = all ? sh.count && (!colon || sh.count > 1 || *sh.args[0]) : value && (!colon || *value);
    char *word;
    if (*op == '+') {
        if (present) expand_range(x, op + 1, end, quoted);
    } else if (present) {
        if (all)
            expand_all_arguments(x, *name == '@', quoted);
        else
            put_value(x, value, quoted);
    } else if (*op == '-') {
        expand_range(x, op + 1, end, quoted);
    } else if (*op == '=') {
        if (!is_name(name, strlen(name))) {
            bad_substitution(x, name, name + strlen(name));
            return;
        }
        word = range(op + 1, end);
        char *expanded = expand_string(word);
        if (!var_set(name, expanded)) x->failed = true;
        put_value(x, expanded, quoted);
        free(expanded);
        free(word);
    } else {
        word = range(op + 1, end);
        char *expanded = expand_string(word);
        sh_fatal("%s: %s", name, *expanded ? expanded : "not set");
        x->failed = true;
        free(expanded);
        free(word);
    }
}

static void expand_length(struct expansion *x, const char *name, bool quoted)
{
    char made[24], number[24];
    const char *value = parameter(name, made);
    if (!check_unset(x, name, value)) return;
    bool all = *name == '@' || *name == '*';
    snprintf(number, sizeof number, "%zu", all ? (size_t)sh.count : value ? strlen(value) : 0);
    put_value(x, number, quoted);
}

/* What stands between ${ and }. */
static void expand_brace(struct expansion *x, const char *p, const char *end, bool quoted)
{
    char made[24];
    if (*p == '#' && p + 1 < end && parameter_length(p + 1, end) == (size_t)(end - p - 1)) {
        char *name = range(p + 1, end);
        expand_length(x, name, quoted);
        free(name);
        return;
    }
    size_t n = parameter_length(p, end);
    const char *op = p + n;
    bool colon = op + 1 < end && *op == ':' && strchr("-=?+", op[1]);
    if (!n || (op < end && !colon && !strchr("-=?+#%", *op))) {
        bad_substitution(x, p, end);
        return;
    }
    char *name = range(p, op);
    const char *value = parameter(name, made);
    bool all = *name == '@' || *name == '*';
    if (op < end && (colon || strchr("-=?+", *op))) {
        expand_default(x, name, value, colon, op + colon, end, quoted);
    } else if (op == end && all) {
        expand_all_arguments(x, *name == '@', quoted);
    } else if (check_unset(x, name, value) && value) {
        if (op == end) {
            put_value(x, value, quoted);
        } else {
            bool longest = op + 1 < end && op[1] == *op;
            char *word = range(op + 1 + longest, end), *pattern = expand_pattern(word);
            char *rest = trim(value, pattern, *op, longest);
            put_value(x, rest, quoted);
            free(rest);
            free(pattern);
            free(word);
        }
    }
    free(name);
}

/* p is behind the $. The place behind the expansion. */
static const char *expand_dollar(struct expansion *x, const char *p, const char *end, bool quoted)
{
    char made[24];
    if (p < end && *p == '{') {
        const char *close = closing_brace(p + 1, end, quoted);
        expand_brace(x, p + 1, close, quoted);
        return close < end ? close + 1 : end;
    }
    if (p + 1 < end && *p == '(' && p[1] == '(') return expand_arithmetic(x, p + 2, end, quoted);
    if (p < end && *p == '(') {
        const char *close = memchr(p, SUBST_END, (size_t)(end - p));
        if (!close) close = end;
        expand_command(x, p + 1, close, quoted);
        return close < end ? close + 1 : end;
    }
    size_t n = parameter_length(p, end);
    if (p < end && isdigit((unsigned char)*p)) n = 1; /* $10 is $1 and a 0 */
    if (!n) {
        put(x, '$', quoted ? QUOTED : PLAIN);
        return p;
    }
    char *name = range(p, p + n);
    if (*name == '@' || *name == '*') {
        expand_all_arguments(x, *name == '@', quoted);
    } else {
        const char *value = parameter(name, made);
        if (check_unset(x, name, value) && value) put_value(x, value, quoted);
    }
    free(name);
    return p + n;
}

/* The word itself */

static const char *expand_double(struct expansion *x, const char *p, const char *end)
{
    const char *close = skip_piece(p, end);
    size_t before = x->chars.n;
    bool arguments = false;
    for (const char *q = p; q + 1 < close; q++) arguments |= *q == '$' && (q[1] == '@' || (q[1] == '{' && q[2] == '@'));
    expand_range(x, p + 1, close > p + 1 && close[-1] == '"' ? close - 1 : close, true);
    if (x->chars.n == before && !arguments) put(x, ' ', EMPTY);
    return close;
}

static void expand_range(struct expansion *x, const char *p, const char *end, bool quoted)
{
    while (p < end && !x->failed) {
        if (*p == '\\' && p + 1 < end) {
            if (quoted && (!strchr("$`\"\\}", p[1]) || (x->here && p[1] == '"'))) put(x, '\\', QUOTED);
            put(x, p[1], QUOTED);
            p += 2;
        } else if (*p == '\'' && !quoted) {
            const char *close = skip_piece(p, end);
            if (close - p == 2) put(x, ' ', EMPTY);
            for (p++; p < close - 1; p++) put(x, *p, QUOTED);
            p = close;
        } else if (*p == '"' && !x->here) {
            p = expand_double(x, p, end);
        } else if (*p == '`') {
            p = expand_backquote(x, p + 1, end, quoted);
        } else if (*p == '$') {
            p = expand_dollar(x, p + 1, end, quoted);
        } else {
            put(x, *p++, quoted ? QUOTED : PLAIN);
        }
    }
}

/* ~ and ~name at the beginning of a word; the place behind it. */
static const char *expand_tilde(struct expansion *x, const char *p)
{
    if (*p != '~') return p;
    size_t n = strcspn(p, "/:\\'\"$`");
    if (p[n] && p[n] != '/' && p[n] != ':') return p;
    const char *home = NULL;
    if (n == 1) {
        home = var_get("HOME");
    } else {
        FILE *file = fopen("/etc/passwd", "re");
        struct passwd *entry = NULL;
        while (file && (entry = fgetpwent(file)) && (strncmp(entry->pw_name, p + 1, n - 1) || entry->pw_name[n - 1])) {
        }
        if (file) fclose(file);
        if (entry) home = entry->pw_dir;
    }
    if (!home) return p;
    put_value(x, home, true);
    return p + n;
}

static void expand(struct expansion *x, const char *word)
{
    const char *p = expand_tilde(x, word), *end = word + strlen(word);
    size_t n = name_length(word);
    if (x->assignment && n && word[n] == '=') { /* x=~/file:~/other */
        for (; n < strlen(word) && word[n] != '\'' && word[n] != '"'; n++) {
            if ((word[n] != '=' && word[n] != ':') || word[n + 1] != '~') continue;
            expand_range(x, p, word + n + 1, false);
            p = expand_tilde(x, word + n + 1);
            n = (size_t)(p - word) - (p > word);
        }
    }
    expand_range(x, p, end, false);
}

char *expand_string(const char *word)
{
    struct expansion x = {.assignment = true};
    struct text t = {0};
    expand(&x, word);
    for (size_t i = 0; i < x.chars.n; i++) {
        if (x.marks.s[i] == BREAK)
            text_put(&t, ' ');
        else if (x.marks.s[i] != EMPTY)
            text_put(&t, x.chars.s[i]);
    }
    expansion_free(&x);
    return text_take(&t);
}

static void put_escaped(struct text *t, char c, char mark)
{
    if (mark == QUOTED && strchr("*?[]\\-!^", c)) text_put(t, '\\');
    text_put(t, c);
}

char *expand_pattern(const char *word)
{
    struct expansion x = {0};
    struct text t = {0};
    expand(&x, word);
    for (size_t i = 0; i < x.chars.n; i++) {
        if (x.marks.s[i] == BREAK)
            text_put(&t, ' ');
        else if (x.marks.s[i] != EMPTY)
            put_escaped(&t, x.chars.s[i], x.marks.s[i]);
    }
    expansion_free(&x);
    return text_take(&t);
}

/* One field of the expansion, from..to: file names if it is a pattern that matches, else the text. */
static void add_field(const struct expansion *x, size_t from, size_t to, struct strings *out)
{
    struct text plain = {0}, pattern = {0};
    bool is_pattern = false;
    for (size_t i = from; i < to; i++) {
        if (x->marks.s[i] == EMPTY) continue;
        is_pattern |= x->marks.s[i] != QUOTED && strchr("*?[", x->chars.s[i]);
        text_put(&plain, x->chars.s[i]);
        put_escaped(&pattern, x->chars.s[i], x->marks.s[i]);
    }
    size_t before = out->n;
    if (is_pattern && !sh.noglob) glob_add(text_str(&pattern), out);
    if (out->n == before) strings_add(out, text_take(&plain));
    text_free(&plain);
    text_free(&pattern);
}

/* Splits at $IFS what was substituted: blanks of $IFS join, other characters of it end a field each. */
static void split(const struct expansion *x, struct strings *out)
{
    const char *ifs = var_get("IFS");
    if (!ifs) ifs = " \t\n";
    size_t from = 0, i = 0;
    bool inside = false; /* a field has begun */
    while (i < x->chars.n) {
        char c = x->chars.s[i], mark = x->marks.s[i];
        bool separator = mark == SUBSTITUTED && c && strchr(ifs, c);
        if (mark == BREAK || separator) {
            bool blank = separator && isspace((unsigned char)c);
            if (inside || (separator && !blank)) add_field(x, inside ? from : i, i, out);
            bool closed = inside;
            inside = false;
            i++;
            if (blank && closed) { /* blanks around one other separator belong to it */
                while (i < x->chars.n && x->marks.s[i] == SUBSTITUTED && strchr(ifs, x->chars.s[i]) &&
                       isspace((unsigned char)x->chars.s[i]))
                    i++;
                if (i < x->chars.n && x->marks.s[i] == SUBSTITUTED && strchr(ifs, x->chars.s[i])) i++;
            }
            continue;
        }
        if (!inside) from = i;
        inside = true;
        i++;
    }
    if (inside) add_field(x, from, i, out);
}

void expand_word(const char *word, struct strings *out)
{
    struct expansion x = {0};
    expand(&x, word);
    if (!x.failed) split(&x, out);
    expansion_free(&x);
}
