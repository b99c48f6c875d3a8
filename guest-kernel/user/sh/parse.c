/*
 * parse.c - from tokens to a tree.
 *
 * One function per rule of the grammar, each of which looks at one token ahead and never goes back (recursive descent):
 *
 *      list      and_or { (`;` | `&` | newline) and_or }
 *      and_or    pipeline { (`&&` | `||`) pipeline }
 *      pipeline  [`!`] command { `|` command }
 *      command   simple | compound redirections | name `(` `)` compound
 *
 * `if`, `while` and the others are words like any other, except where a command begins.
 */
#include <stdlib.h>
#include <string.h>

#include "sh/lex.h"

/* Arenas */

struct chunk {
    struct chunk *next;
    size_t used, room;
    char data[];
};
struct arena {
    int holders;
    struct chunk *chunks;
};

struct arena *arena_create(void)
{
    struct arena *arena = xmalloc(sizeof *arena);
    *arena = (struct arena){.holders = 1};
    return arena;
}

struct arena *arena_hold(struct arena *arena)
{
    arena->holders++;
    return arena;
}

void arena_release(struct arena *arena)
{
    if (!arena || --arena->holders) return;
    while (arena->chunks) {
        struct chunk *chunk = arena->chunks;
        arena->chunks = chunk->next;
        free(chunk);
    }
    free(arena);
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    bytes = (bytes + 15) & ~(size_t)15;
    struct chunk *chunk = arena->chunks;
    if (!chunk || chunk->room - chunk->used < bytes) {
        size_t room = bytes > 4000 ? bytes : 4000;
        chunk = xmalloc(sizeof *chunk + room);
        *chunk = (struct chunk){.next = arena->chunks, .room = room};
        arena->chunks = chunk;
    }
    void *p = chunk->data + chunk->used;
    chunk->used += bytes;
    return memset(p, 0, bytes);
}

char *arena_string(struct arena *arena, const char *s, size_t n)
{
    char *copy = arena_alloc(arena, n + 1);
    memcpy(copy, s, n);
    return copy;
}

/* Tokens */

static enum token peek(struct lexer *l)
{
    if (!l->has_token) {
        l->token = lex_token(l);
        l->has_token = true;
        if (l->token != T_NEWLINE && l->token != T_END) l->inside = true;
    }
    return l->token;
}

static void skip(struct lexer *l) { l->has_token = false; }

static bool accept(struct lexer *l, enum token token)
{
    if (peek(l) != token) return false;
    skip(l);
    return true;
}

static bool is_word(struct lexer *l, const char *word)
{
    return peek(l) == T_WORD && !strcmp(text_str(&l->token_text), word);
}

static bool accept_word(struct lexer *l, const char *word)
{
    if (!is_word(l, word)) return false;
    skip(l);
    return true;
}

static void *error(struct lexer *l, const char *what)
{
    if (!l->error) l->error = what;
    return NULL;
}

static bool expect_word(struct lexer *l, const char *word)
{
    if (accept_word(l, word)) return true;
    static char text[64];
    snprintf(text, sizeof text, "`%s' expected", word);
    error(l, text);
    return false;
}

static void skip_newlines(struct lexer *l)
{
    while (accept(l, T_NEWLINE)) {
    }
}

static struct node *node_new(struct lexer *l, enum node_kind kind, struct node *left, struct node *right)
{
    struct node *node = arena_alloc(l->arena, sizeof *node);
    *node = (struct node){.kind = kind, .left = left, .right = right, .line = l->line};
    return node;
}

static struct word *take_word(struct lexer *l)
{
    struct word *word = arena_alloc(l->arena, sizeof *word);
    word->text = arena_string(l->arena, text_str(&l->token_text), l->token_text.n);
    skip(l);
    return word;
}

/* Where a command may begin, a word that is an alias is replaced by the alias's text. */
static void replace_alias(struct lexer *l)
{
    while (peek(l) == T_WORD) {
        const char *text = text_str(&l->token_text), *value = alias_get(text);
        if (!value || lex_alias_active(l, text)) return;
        lex_push_alias(l, text, value);
        skip(l);
    }
}

/* Redirections */

static bool is_redirection(enum token t) { return t == T_FD || (t >= T_LESS && t <= T_HERE_TABS); }

static struct redirect *parse_redirect(struct lexer *l)
{
    static const enum redirection kinds[] = {[T_LESS] = R_IN,         [T_GREATER] = R_OUT, [T_APPEND] = R_APPEND,
                                             [T_CLOBBER] = R_CLOBBER, [T_INOUT] = R_INOUT, [T_DUP_IN] = R_DUP_IN,
                                             [T_DUP_OUT] = R_DUP_OUT, [T_HERE] = R_HERE,   [T_HERE_TABS] = R_HERE};
    struct redirect *r = arena_alloc(l->arena, sizeof *r);
    r->fd = -1;
    if (peek(l) == T_FD) {
        r->fd = atoi(text_str(&l->token_text));
        skip(l);
    }
    enum token token = peek(l);
    if (token < T_LESS || token > T_HERE_TABS) return error(l, "a redirection expected");
    r->kind = kinds[token];
    skip(l);
    if (r->fd < 0) r->fd = r->kind == R_OUT || r->kind == R_CLOBBER || r->kind == R_APPEND || r->kind == R_DUP_OUT;
    if (peek(l) != T_WORD && peek(l) != T_FD) return error(l, "a redirection has no target");
    r->target = take_word(l)->text;
    if (r->kind == R_HERE) lex_expect_here(l, l->arena, r, token == T_HERE_TABS);
    return r;
}

static bool parse_redirects(struct lexer *l, struct node *node)
{
    struct redirect **at = &node->redirects;
    while (*at) at = &(*at)->next;
    while (is_redirection(peek(l))) {
        if (!(*at = parse_redirect(l))) return false;
        at = &(*at)->next;
    }
    return true;
}

/* Commands */

static struct node *parse_list(struct lexer *l);
static struct node *parse_and_or(struct lexer *l);

static bool is_one_of(struct lexer *l, const char *const *words)
{
    for (; *words; words++)
        if (is_word(l, *words)) return true;
    return false;
}

/* Does a list end here? */
static bool at_end_of_list(struct lexer *l)
{
    static const char *const closing[] = {"then", "else", "elif", "fi", "do", "done", "esac", "}", NULL};
    enum token t = peek(l);
    return t == T_END || t == T_CLOSE || t == T_CASE_END || t == T_ERROR || is_one_of(l, closing);
}

static struct node *parse_body(struct lexer *l)
{
    struct node *list = parse_list(l);
    return list || l->error ? list : error(l, "a command expected");
}

static struct node *parse_if(struct lexer *l)
{
    struct node *node = node_new(l, N_IF, parse_body(l), NULL);
    if (!node->left || !expect_word(l, "then") || !(node->right = parse_body(l))) return NULL;
    if (accept_word(l, "elif")) {
        node->other = parse_if(l);
        return node->other ? node : NULL;
    }
    if (accept_word(l, "else") && !(node->other = parse_body(l))) return NULL;
    return expect_word(l, "fi") ? node : NULL;
}

static struct node *parse_do(struct lexer *l)
{
    if (!expect_word(l, "do")) return NULL;
    struct node *body = parse_body(l);
    return body && expect_word(l, "done") ? body : NULL;
}

static struct node *parse_while(struct lexer *l, enum node_kind kind)
{
    struct node *node = node_new(l, kind, parse_body(l), NULL);
    return node->left && (node->right = parse_do(l)) ? node : NULL;
}

static struct node *parse_for(struct lexer *l)
{
    struct node *node = node_new(l, N_FOR, NULL, NULL);
    if (peek(l) != T_WORD || !is_name(text_str(&l->token_text), l->token_text.n))
        return error(l, "for: the name of a variable expected");
    node->name = take_word(l)->text;
    skip_newlines(l);
    if (accept_word(l, "in")) {
        node->in = true;
        struct word **at = &node->words;
        while (peek(l) == T_WORD) at = &(*at = take_word(l))->next;
        if (!accept(l, T_SEMICOLON) && peek(l) != T_NEWLINE) return error(l, "for: `;' or a new line expected");
    } else {
        accept(l, T_SEMICOLON);
    }
    skip_newlines(l);
    return (node->left = parse_do(l)) ? node : NULL;
}

static struct case_item *parse_case_item(struct lexer *l)
{
    struct case_item *item = arena_alloc(l->arena, sizeof *item);
    struct word **at = &item->patterns;
    accept(l, T_OPEN);
    do {
        if (peek(l) != T_WORD) return error(l, "case: a pattern expected");
        at = &(*at = take_word(l))->next;
    } while (accept(l, T_PIPE));
    if (!accept(l, T_CLOSE)) return error(l, "case: `)' expected");
    item->body = parse_list(l);
    return l->error ? NULL : item;
}

static struct node *parse_case(struct lexer *l)
{
    struct node *node = node_new(l, N_CASE, NULL, NULL);
    struct case_item **at = &node->items;
    if (peek(l) != T_WORD) return error(l, "case: a word expected");
    node->words = take_word(l);
    skip_newlines(l);
    if (!expect_word(l, "in")) return NULL;
    for (skip_newlines(l); !accept_word(l, "esac"); skip_newlines(l)) {
        if (!(*at = parse_case_item(l))) return NULL;
        at = &(*at)->next;
        if (!accept(l, T_CASE_END) && !is_word(l, "esac")) return error(l, "case: `;;' or `esac' expected");
    }
    return node;
}

static struct node *parse_subshell(struct lexer *l)
{
    struct node *node = node_new(l, N_SUBSHELL, parse_body(l), NULL);
    if (!node->left) return NULL;
    return accept(l, T_CLOSE) ? node : error(l, "`)' expected");
}

static struct node *parse_group(struct lexer *l)
{
    struct node *node = node_new(l, N_GROUP, parse_body(l), NULL);
    return node->left && expect_word(l, "}") ? node : NULL;
}

/* NULL without an error: no compound command begins here. */
static struct node *parse_compound(struct lexer *l)
{
    struct node *node = NULL;
    if (accept(l, T_OPEN))
        node = parse_subshell(l);
    else if (accept_word(l, "{"))
        node = parse_group(l);
    else if (accept_word(l, "if"))
        node = parse_if(l);
    else if (accept_word(l, "while"))
        node = parse_while(l, N_WHILE);
    else if (accept_word(l, "until"))
        node = parse_while(l, N_UNTIL);
    else if (accept_word(l, "for"))
        node = parse_for(l);
    else if (accept_word(l, "case"))
        node = parse_case(l);
    if (node && !parse_redirects(l, node)) return NULL;
    return node;
}

static struct node *parse_function(struct lexer *l, char *name)
{
    struct node *node = node_new(l, N_FUNCTION, NULL, NULL);
    if (!accept(l, T_CLOSE)) return error(l, "`)' expected");
    skip_newlines(l);
    node->name = name;
    node->left = parse_compound(l);
    return node->left || l->error ? node : error(l, "the body of a function expected");
}

static struct node *parse_simple(struct lexer *l)
{
    struct node *node = node_new(l, N_SIMPLE, NULL, NULL);
    struct word **at = &node->words;
    bool only_assignments = true;
    while (peek(l) == T_WORD || is_redirection(peek(l))) {
        if (peek(l) != T_WORD) {
            if (!parse_redirects(l, node)) return NULL;
            continue;
        }
        *at = take_word(l);
        const char *text = (*at)->text;
        bool first = at == &node->words;
        if (first && peek(l) == T_OPEN && is_name(text, strlen(text))) {
            skip(l);
            return parse_function(l, (*at)->text);
        }
        size_t n = name_length(text);
        only_assignments &= n && text[n] == '=';
        at = &(*at)->next;
        if (only_assignments) replace_alias(l);
    }
    return node->words || node->redirects ? node : error(l, "a command expected");
}

static struct node *parse_one(struct lexer *l)
{
    replace_alias(l);
    struct node *node = parse_compound(l);
    return node || l->error ? node : parse_simple(l);
}

static struct node *parse_pipeline(struct lexer *l)
{
    bool negated = false;
    replace_alias(l);
    while (accept_word(l, "!")) negated = !negated;
    struct node *node = parse_one(l);
    while (node && accept(l, T_PIPE)) {
        skip_newlines(l);
        struct node *right = parse_one(l);
        if (!right) return NULL;
        node = node_new(l, N_PIPE, node, right);
    }
    return node && negated ? node_new(l, N_NOT, node, NULL) : node;
}

static struct node *parse_and_or(struct lexer *l)
{
    struct node *node = parse_pipeline(l);
    while (node && (peek(l) == T_AND || peek(l) == T_OR)) {
        enum node_kind kind = peek(l) == T_AND ? N_AND : N_OR;
        skip(l);
        skip_newlines(l);
        struct node *right = parse_pipeline(l);
        if (!right) return NULL;
        node = node_new(l, kind, node, right);
    }
    return node;
}

/* A list inside something else; newlines separate as `;` does. NULL without an error: it is empty. */
static struct node *parse_list(struct lexer *l)
{
    struct node *list = NULL;
    for (skip_newlines(l); !at_end_of_list(l); skip_newlines(l)) {
        struct node *node = parse_and_or(l);
        if (!node) return NULL;
        if (peek(l) == T_BACKGROUND) node = node_new(l, N_BACKGROUND, node, NULL);
        bool more = accept(l, T_BACKGROUND) || accept(l, T_SEMICOLON) || peek(l) == T_NEWLINE;
        list = list ? node_new(l, N_SEQ, list, node) : node;
        if (!more) break;
    }
    return peek(l) == T_ERROR ? error(l, "unexpected end") : list;
}

bool lex_parse_inside(struct lexer *l)
{
    enum token token = l->token;
    bool has_token = l->has_token, good;
    struct here *here = l->here;
    struct text token_text = l->token_text;
    struct arena *own = l->arena ? NULL : arena_create();
    if (own) l->arena = own;
    l->token_text = (struct text){0};
    l->has_token = false;
    l->here = NULL;
    parse_list(l);
    good = !l->error && accept(l, T_CLOSE);
    if (!good) error(l, "a $( has no end");
    text_free(&l->token_text);
    l->token_text = token_text;
    l->token = token;
    l->has_token = has_token;
    l->here = here;
    if (own) {
        l->arena = NULL;
        arena_release(own);
    }
    return good;
}

/* One line of commands: up to a newline that is not inside anything. */
enum parsed parse_command(struct lexer *l, struct arena *arena, struct node **result)
{
    struct node *list = NULL;
    *result = NULL;
    lex_forget(l);
    l->arena = arena;
    l->error = NULL;
    l->inside = false;
    if (peek(l) == T_END) return PARSED_END;
    while (!l->error && peek(l) != T_NEWLINE && peek(l) != T_END) {
        struct node *node = parse_and_or(l);
        if (!node) break;
        if (peek(l) == T_BACKGROUND) node = node_new(l, N_BACKGROUND, node, NULL);
        bool more = accept(l, T_BACKGROUND) || accept(l, T_SEMICOLON);
        list = list ? node_new(l, N_SEQ, list, node) : node;
        if (!more && peek(l) != T_NEWLINE && peek(l) != T_END) error(l, "unexpected word or operator");
    }
    if (!l->error && l->here && peek(l) == T_END && !lex_here_documents(l)) error(l, "a here-document has no end");
    if (l->error) {
        sh.line = l->line;
        sh_error("syntax error: %s", l->error);
        lex_discard_line(l);
        return PARSED_ERROR;
    }
    if (peek(l) == T_NEWLINE) skip(l);
    *result = list;
    return PARSED;
}
