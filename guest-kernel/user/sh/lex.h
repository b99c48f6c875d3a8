/*
 * lex.h - between lexer and parser.
 */
#ifndef SH_LEX_H
#define SH_LEX_H

#include "sh/sh.h"

#define END (-1)

enum token {
    T_END,
    T_ERROR,
    T_NEWLINE,
    T_WORD,
    T_FD /* digits before < or > */,
    T_AND,
    T_BACKGROUND,
    T_OR,
    T_PIPE,
    T_SEMICOLON,
    T_CASE_END,
    T_OPEN,
    T_CLOSE,
    T_LESS,
    T_GREATER,
    T_APPEND,
    T_CLOBBER,
    T_INOUT,
    T_DUP_IN,
    T_DUP_OUT,
    T_HERE,
    T_HERE_TABS
};

struct alias_text { /* an alias's value, read before the rest of the input */
    struct alias_text *below;
    char *name, *text;
    size_t at;
};

struct here { /* a here-document that begins after this line */
    struct here *next;
    struct arena *arena;
    struct redirect *redirect;
    bool strip_tabs;
};

struct lexer {
    struct source *source;
    struct text buffer; /* what the source has given */
    size_t at;
    struct alias_text *alias;
    struct text kept; /* while `keeping`, every character that is consumed */
    int keeping, line;
    struct here *here;
    bool ended, has_token, inside; /* inside: of a command that has begun: the second prompt */
    enum token token;              /* looked at, not taken */
    struct text token_text;
    const char *error;
    struct arena *arena;
};

enum token lex_token(struct lexer *l); /* the next; a word's text is in token_text */
void lex_forget(struct lexer *l);      /* what is consumed need not be kept */
void lex_discard_line(struct lexer *l);
bool lex_alias_active(const struct lexer *l, const char *name);
void lex_push_alias(struct lexer *l, const char *name, const char *text);
void lex_pop_alias(struct lexer *l);
void lex_expect_here(struct lexer *l, struct arena *arena, struct redirect *redirect, bool strip_tabs);
bool lex_here_documents(struct lexer *l);
bool lex_parse_inside(struct lexer *l); /* parse.c: a list of commands up to the closing parenthesis, which it takes */

#endif
