/*
 * lex.c - from characters to tokens.
 *
 * The shell's language has no reserved characters that a word could not hold, if only it quotes them; so the lexer's work is to find
 * out where a word ends. Quotes, ${...}, $(...), $((...)) and `...` nest in one another to any depth, and blanks inside them belong to
 * the word. It leaves all of them in the word's text: what they mean is decided later, each time the command runs (expand.c).
 *
 * Where $(...) ends cannot be found by counting parentheses (`case` has single ones), only by parsing what is inside. So the parser
 * is called from here, and what it consumes is kept as text, closed by a mark.
 */
#include "sh/lex.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct lexer *lexer_create(struct source *source)
{
    struct lexer *l = xmalloc(sizeof *l);
    *l = (struct lexer){.source = source, .line = 1};
    return l;
}

void lexer_free(struct lexer *l)
{
    while (l->alias) lex_pop_alias(l);
    text_free(&l->buffer);
    text_free(&l->kept);
    text_free(&l->token_text);
    free(l);
}

/* Characters */

void lex_pop_alias(struct lexer *l)
{
    struct alias_text *top = l->alias;
    l->alias = top->below;
    free(top->text);
    free(top->name);
    free(top);
}

bool lex_alias_active(const struct lexer *l, const char *name)
{
    for (const struct alias_text *a = l->alias; a; a = a->below)
        if (!strcmp(a->name, name)) return true;
    return false;
}

void lex_push_alias(struct lexer *l, const char *name, const char *text)
{
    struct alias_text *top = xmalloc(sizeof *top);
    *top = (struct alias_text){.below = l->alias, .name = xstrdup(name), .text = xstrdup(text)};
    l->alias = top;
}

static int get(struct lexer *l)
{
    int c;
    while (l->alias && !l->alias->text[l->alias->at]) lex_pop_alias(l);
    if (l->alias) {
        c = (unsigned char)l->alias->text[l->alias->at++];
    } else {
        if (l->at >= l->buffer.n) {
            if (l->ended || !l->source->fill(l->source, &l->buffer)) {
                l->ended = true;
                return END;
            }
        }
        c = (unsigned char)l->buffer.s[l->at++];
        if (c == '\n') l->line++;
    }
    if (l->keeping) text_put(&l->kept, (char)c);
    return c;
}

/* Takes back the character that get gave last. */
static void unget(struct lexer *l, int c)
{
    if (c == END) return;
    if (l->alias && l->alias->at) {
        l->alias->at--;
    } else {
        l->at--;
        if (c == '\n') l->line--;
    }
    if (l->keeping) l->kept.s[--l->kept.n] = 0;
}

void lex_forget(struct lexer *l)
{
    if (l->at < l->buffer.n) memmove(l->buffer.s, l->buffer.s + l->at, l->buffer.n - l->at);
    l->buffer.n -= l->at;
    l->at = 0;
    if (l->buffer.s) l->buffer.s[l->buffer.n] = 0;
}

void lex_discard_line(struct lexer *l)
{
    while (l->alias) lex_pop_alias(l);
    char *newline = l->at < l->buffer.n ? memchr(l->buffer.s + l->at, '\n', l->buffer.n - l->at) : NULL;
    l->at = newline ? (size_t)(newline - l->buffer.s) + 1 : l->buffer.n;
    l->has_token = false;
    l->here = NULL;
    l->keeping = 0;
    l->kept.n = 0;
}

static bool unterminated(struct lexer *l, const char *what)
{
    if (!l->error) l->error = what;
    return false;
}

/* Words */

static bool lex_dollar(struct lexer *l, struct text *w, bool quoted);

static bool lex_single(struct lexer *l, struct text *w)
{
    text_put(w, '\'');
    for (;;) {
        int c = get(l);
        if (c == END) return unterminated(l, "a ' has no end");
        text_put(w, (char)c);
        if (c == '\'') return true;
    }
}

static bool lex_backquote(struct lexer *l, struct text *w)
{
    text_put(w, '`');
    for (;;) {
        int c = get(l);
        if (c == END) return unterminated(l, "a ` has no end");
        text_put(w, (char)c);
        if (c == '`') return true;
        if (c == '\\' && (c = get(l)) != END) text_put(w, (char)c);
    }
}

/* One character, or a quoted or substituted piece, that begins with c. `quoted`: inside double quotes or a here-document. */
static bool lex_piece(struct lexer *l, struct text *w, int c, bool quoted)
{
    if (c == '\\') {
        int next = get(l);
        if (next == '\n') return true;
        text_put(w, '\\');
        if (next != END) text_put(w, (char)next);
        return true;
    }
    if (c == '\'' && !quoted) return lex_single(l, w);
    if (c == '`') return lex_backquote(l, w);
    if (c == '$') return lex_dollar(l, w, quoted);
    if (c == '"') {
        text_put(w, '"');
        for (;;) {
            c = get(l);
            if (c == END) return unterminated(l, "a \" has no end");
            if (c == '"') break;
            if (!lex_piece(l, w, c, true)) return false;
        }
    }
    text_put(w, (char)c);
    return true;
}

static bool lex_brace(struct lexer *l, struct text *w, bool quoted)
{
    text_add(w, "${");
    for (;;) {
        int c = get(l);
        if (c == END) return unterminated(l, "a ${ has no end");
        if (c == '}') break;
        if (!lex_piece(l, w, c, quoted && c != '"')) return false;
    }
    text_put(w, '}');
    return true;
}

static bool lex_arithmetic(struct lexer *l, struct text *w)
{
    text_add(w, "$((");
    for (int depth = 2; depth;) {
        int c = get(l);
        if (c == END) return unterminated(l, "a $(( has no end");
        if (c == '(') depth++;
        if (c == ')') depth--;
        if (!lex_piece(l, w, c, true)) return false;
    }
    return true;
}

static bool lex_substitution(struct lexer *l, struct text *w)
{
    size_t start = l->kept.n;
    l->keeping++;
    bool good = lex_parse_inside(l);
    l->keeping--;
    if (good) {
        text_add(w, "$(");
        text_add_n(w, l->kept.s + start, l->kept.n - start - 1); /* without the parenthesis */
        text_put(w, SUBST_END);
    }
    if (!l->keeping) l->kept.n = 0;
    return good;
}

static bool lex_dollar(struct lexer *l, struct text *w, bool quoted)
{
    int c = get(l);
    if (c == '{') return lex_brace(l, w, quoted);
    if (c == '(') {
        c = get(l);
        if (c == '(') return lex_arithmetic(l, w);
        unget(l, c);
        return lex_substitution(l, w);
    }
    unget(l, c);
    text_put(w, '$');
    return true;
}

static bool ends_word(int c) { return c == END || (c < 128 && strchr(" \t\n&|;<>()", c)); }

static enum token lex_word(struct lexer *l, int c)
{
    l->token_text.n = 0;
    struct text w = {0};
    bool good = true;
    while (good && !ends_word(c)) {
        good = lex_piece(l, &w, c, false);
        if (good) c = get(l);
    }
    if (good) unget(l, c);
    text_free(&l->token_text);
    l->token_text = w;
    if (!l->token_text.s) text_add(&l->token_text, "");
    if (!good) return T_ERROR;
    bool digits = w.n > 0 && w.n < 5;
    for (size_t i = 0; i < w.n; i++) digits &= isdigit((unsigned char)w.s[i]) != 0;
    return digits && (c == '<' || c == '>') ? T_FD : T_WORD;
}

static enum token follow(struct lexer *l, int wanted, enum token with, enum token without)
{
    int c = get(l);
    if (c == wanted) return with;
    unget(l, c);
    return without;
}

static enum token lex_less(struct lexer *l)
{
    int c = get(l);
    if (c == '&') return T_DUP_IN;
    if (c == '>') return T_INOUT;
    if (c == '<') return follow(l, '-', T_HERE_TABS, T_HERE);
    unget(l, c);
    return T_LESS;
}

static enum token lex_greater(struct lexer *l)
{
    int c = get(l);
    if (c == '>') return T_APPEND;
    if (c == '&') return T_DUP_OUT;
    if (c == '|') return T_CLOBBER;
    unget(l, c);
    return T_GREATER;
}

static int skip_blanks(struct lexer *l)
{
    for (;;) {
        int c = get(l);
        if (c == '\\') {
            int next = get(l);
            if (next == '\n') continue;
            unget(l, next);
            return c;
        }
        if (c == '#') {
            while (c != '\n' && c != END) c = get(l);
            return c;
        }
        if (c != ' ' && c != '\t' && c != '\r') return c;
    }
}

enum token lex_token(struct lexer *l)
{
    int c = skip_blanks(l);
    switch (c) {
    case END: return T_END;
    case '\n': return lex_here_documents(l) ? T_NEWLINE : T_ERROR;
    case '&': return follow(l, '&', T_AND, T_BACKGROUND);
    case '|': return follow(l, '|', T_OR, T_PIPE);
    case ';': return follow(l, ';', T_CASE_END, T_SEMICOLON);
    case '(': return T_OPEN;
    case ')': return T_CLOSE;
    case '<': return lex_less(l);
    case '>': return lex_greater(l);
    default: return lex_word(l, c);
    }
}

/* Here-documents */

void lex_expect_here(struct lexer *l, struct arena *arena, struct redirect *redirect, bool strip_tabs)
{
    struct here *here = arena_alloc(arena, sizeof *here), **at = &l->here;
    *here = (struct here){.arena = arena, .redirect = redirect, .strip_tabs = strip_tabs};
    while (*at) at = &(*at)->next;
    *at = here;
}

/* The delimiter without its quotes; redirect->expanded is false if there were any. */
static char *delimiter(struct redirect *redirect)
{
    struct text t = {0};
    redirect->expanded = !strpbrk(redirect->target, "\\'\"");
    for (const char *p = redirect->target; *p; p++) {
        if (*p == '\'' || *p == '"') continue;
        if (*p == '\\' && p[1]) p++;
        text_put(&t, *p);
    }
    return text_take(&t);
}

static bool read_line(struct lexer *l, struct text *line)
{
    int c;
    while ((c = get(l)) != END && c != '\n') text_put(line, (char)c);
    return c != END || line->n;
}

static bool read_here(struct lexer *l, struct here *here)
{
    char *end = delimiter(here->redirect);
    struct text body = {0}, line = {0};
    bool found = false;
    while (!found && (line.n = 0, read_line(l, &line))) {
        const char *s = text_str(&line);
        if (!line.n) s = "";
        if (here->strip_tabs)
            while (*s == '\t') s++;
        found = !strcmp(s, end);
        if (!found) {
            text_add(&body, s);
            text_put(&body, '\n');
        }
    }
    free(end);
    text_free(&line);
    here->redirect->target = arena_string(here->arena, text_str(&body), body.n);
    text_free(&body);
    if (here->redirect->expanded) {
        char *marked = lex_text(here->redirect->target);
        if (!marked) return unterminated(l, "a substitution in a here-document has no end");
        here->redirect->target = arena_string(here->arena, marked, strlen(marked));
        free(marked);
    }
    return true;
}

bool lex_here_documents(struct lexer *l)
{
    while (l->here) {
        struct here *here = l->here;
        l->here = here->next;
        if (!read_here(l, here)) return false;
    }
    return true;
}

static bool no_more(struct source *source, struct text *text)
{
    (void)source;
    (void)text;
    return false;
}

char *lex_text(const char *s)
{
    struct source none = {.fill = no_more};
    struct lexer *l = lexer_create(&none);
    struct text w = {0};
    bool good = true;
    text_add(&l->buffer, s);
    for (int c; good && (c = get(l)) != END;) {
        if (c == '"')
            text_put(&w, '"');
        else
            good = lex_piece(l, &w, c, true);
    }
    lexer_free(l);
    if (good) return text_take(&w);
    text_free(&w);
    return NULL;
}
