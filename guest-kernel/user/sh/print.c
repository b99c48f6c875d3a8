/*
 * print.c - a command as text again: for `jobs`, where the inside of long commands is left out, and for `set -x`, after expansion.
 */
#include <stdlib.h>
#include <string.h>

#include "sh/sh.h"

static void put_word(struct text *out, const char *s)
{
    for (; *s; s++) text_put(out, *s == SUBST_END ? ')' : *s);
}

static void put_redirects(const struct redirect *r, struct text *out)
{
    static const char *const signs[] = {"<", ">", ">|", ">>", "<>", "<&", ">&", "<<..."};
    for (; r; r = r->next) {
        bool usual = r->fd == (r->kind == R_OUT || r->kind == R_CLOBBER || r->kind == R_APPEND || r->kind == R_DUP_OUT);
        text_put(out, ' ');
        if (!usual) text_print(out, "%d", r->fd);
        text_add(out, signs[r->kind]);
        if (r->kind != R_HERE) put_word(out, r->target);
    }
}

static void put_pair(const struct node *n, const char *between, struct text *out)
{
    node_text(n->left, out);
    text_add(out, between);
    node_text(n->right, out);
}

void node_text(const struct node *n, struct text *out)
{
    if (!n) return;
    switch (n->kind) {
    case N_SIMPLE:
        for (const struct word *w = n->words; w; w = w->next) {
            put_word(out, w->text);
            if (w->next) text_put(out, ' ');
        }
        break;
    case N_PIPE: put_pair(n, " | ", out); break;
    case N_AND: put_pair(n, " && ", out); break;
    case N_OR: put_pair(n, " || ", out); break;
    case N_SEQ: put_pair(n, "; ", out); break;
    case N_NOT:
        text_add(out, "! ");
        node_text(n->left, out);
        break;
    case N_BACKGROUND:
        node_text(n->left, out);
        text_add(out, " &");
        break;
    case N_SUBSHELL:
    case N_GROUP:
        text_add(out, n->kind == N_GROUP ? "{ " : "( ");
        node_text(n->left, out);
        text_add(out, n->kind == N_GROUP ? "; }" : " )");
        break;
    case N_IF: text_add(out, "if ..."); break;
    case N_WHILE: text_add(out, "while ..."); break;
    case N_UNTIL: text_add(out, "until ..."); break;
    case N_FOR: text_print(out, "for %s ...", n->name); break;
    case N_CASE: text_add(out, "case ..."); break;
    case N_FUNCTION: text_print(out, "%s()", n->name); break;
    }
    put_redirects(n->redirects, out);
}

void trace_command(const struct word *assignments, const struct strings *args)
{
    struct text line = {0};
    char *prompt = expand_string(var_get("PS4") ? var_get("PS4") : "");
    text_add(&line, prompt);
    free(prompt);
    for (const struct word *w = assignments; w && is_assignment(w->text); w = w->next) {
        char *text = expand_string(w->text);
        text_print(&line, "%s%s", text, w->next || args->n ? " " : "");
        free(text);
    }
    for (size_t i = 0; i < args->n; i++) {
        const char *a = args->at[i];
        if (i) text_put(&line, ' ');
        if (!*a || strpbrk(a, " \t\n'\"\\$`|&;<>()*?[#~"))
            put_quoted(&line, a);
        else
            text_add(&line, a);
    }
    fflush(stdout);
    fprintf(stderr, "%s\n", text_str(&line));
    text_free(&line);
}
