/*
 * vars.c - variables, functions and aliases.
 *
 * A shell variable becomes part of the environment of a program only if it is exported. The environment is nothing but a list of
 * strings NAME=value that fork copies and exec hands over: a child cannot change its parent's.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "sh/sh.h"

struct variable {
    struct variable *next;
    char *name, *value; /* no value: not set, but it has a flag */
    unsigned flags;
};

struct local { /* what a function's local variable hides */
    struct local *next;
    char *name, *value;
    unsigned flags;
    int depth;
};

struct alias {
    struct alias *next;
    char *name, *value;
};

enum { BUCKETS = 64 };
static struct variable *variables[BUCKETS];
static struct function *functions;
static struct alias *aliases;
static struct local *locals;
static int local_depth;
struct arena *parsing_arena;

size_t name_length(const char *s)
{
    size_t n = 0;
    if (!isalpha((unsigned char)*s) && *s != '_') return 0;
    while (isalnum((unsigned char)s[n]) || s[n] == '_') n++;
    return n;
}

bool is_name(const char *s, size_t n) { return n && name_length(s) == n; }

bool is_assignment(const char *word)
{
    size_t n = name_length(word);
    return n && word[n] == '=';
}

static struct variable **bucket(const char *name)
{
    unsigned hash = 0;
    for (const char *p = name; *p; p++) hash = hash * 31 + (unsigned char)*p;
    return &variables[hash % BUCKETS];
}

static struct variable *find(const char *name)
{
    struct variable *v = *bucket(name);
    while (v && strcmp(v->name, name)) v = v->next;
    return v;
}

static struct variable *find_or_make(const char *name)
{
    struct variable *v = find(name), **at = bucket(name);
    if (v) return v;
    v = xmalloc(sizeof *v);
    *v = (struct variable){.next = *at, .name = xstrdup(name)};
    return *at = v;
}

const char *var_get(const char *name)
{
    struct variable *v = find(name);
    return v ? v->value : NULL;
}

static void assign(struct variable *v, const char *value)
{
    char *copy = value ? xstrdup(value) : NULL;
    free(v->value);
    v->value = copy;
}

bool var_set(const char *name, const char *value)
{
    struct variable *v = find_or_make(name);
    if (v->flags & VAR_READONLY) {
        sh_fatal("%s: read-only", name);
        return false;
    }
    assign(v, value);
    if (sh.allexport) v->flags |= VAR_EXPORT;
    return true;
}

bool var_unset(const char *name)
{
    struct variable *v = find(name);
    if (!v) return true;
    if (v->flags & VAR_READONLY) {
        sh_fatal("%s: read-only", name);
        return false;
    }
    assign(v, NULL);
    v->flags = 0;
    return true;
}

void var_flag(const char *name, unsigned flags, bool on)
{
    struct variable *v = find_or_make(name);
    v->flags = on ? v->flags | flags : v->flags & ~flags;
}

void locals_begin(void) { local_depth++; }

void var_local(const char *name)
{
    struct variable *v = find_or_make(name);
    for (struct local *l = locals; l && l->depth == local_depth; l = l->next)
        if (!strcmp(l->name, name)) return;
    struct local *l = xmalloc(sizeof *l);
    *l = (struct local){.next = locals,
                        .name = xstrdup(name),
                        .value = v->value ? xstrdup(v->value) : NULL,
                        .flags = v->flags,
                        .depth = local_depth};
    locals = l;
}

void locals_end(void)
{
    for (struct local *l; (l = locals) && l->depth == local_depth;) {
        struct variable *v = find_or_make(l->name);
        assign(v, l->value);
        v->flags = l->flags;
        locals = l->next;
        free(l->name);
        free(l->value);
        free(l);
    }
    local_depth--;
}

char **vars_environment(void)
{
    struct strings list = {0};
    for (int i = 0; i < BUCKETS; i++)
        for (struct variable *v = variables[i]; v; v = v->next)
            if (v->value && v->flags & VAR_EXPORT) strings_add(&list, xprintf("%s=%s", v->name, v->value));
    if (!list.at) {
        strings_add(&list, NULL);
        list.n = 0;
    }
    return list.at;
}

void put_quoted(struct text *out, const char *s)
{
    text_put(out, '\'');
    for (; *s; s++) {
        if (*s == '\'')
            text_add(out, "'\\''");
        else
            text_put(out, *s);
    }
    text_put(out, '\'');
}

void vars_print(unsigned flags, const char *prefix)
{
    struct strings lines = {0};
    for (int i = 0; i < BUCKETS; i++) {
        for (struct variable *v = variables[i]; v; v = v->next) {
            struct text line = {0};
            if ((flags && !(v->flags & flags)) || (!flags && !v->value)) continue;
            text_print(&line, "%s%s", prefix, v->name);
            if (v->value) {
                text_put(&line, '=');
                put_quoted(&line, v->value);
            }
            strings_add(&lines, text_take(&line));
        }
    }
    strings_sort(&lines);
    for (size_t i = 0; i < lines.n; i++) puts(lines.at[i]);
    strings_free(&lines);
}

void vars_start(char **environment)
{
    for (; *environment; environment++) {
        size_t n = name_length(*environment);
        if (!n || (*environment)[n] != '=') continue;
        char *name = xprintf("%.*s", (int)n, *environment);
        struct variable *v = find_or_make(name);
        assign(v, *environment + n + 1);
        v->flags |= VAR_EXPORT;
        free(name);
    }
    assign(find_or_make("IFS"), " \t\n");
    assign(find_or_make("OPTIND"), "1");
    if (!var_get("PATH")) var_set("PATH", "/bin:/sbin:/usr/bin:/usr/sbin");
    if (!var_get("PS2")) var_set("PS2", "> ");
    if (!var_get("PS4")) var_set("PS4", "+ ");
}

/* Functions */

struct function *function_find(const char *name)
{
    struct function *f = functions;
    while (f && strcmp(f->name, name)) f = f->next;
    return f;
}

bool function_unset(const char *name)
{
    for (struct function **at = &functions, *f; (f = *at); at = &f->next) {
        if (strcmp(f->name, name)) continue;
        *at = f->next;
        arena_release(f->arena);
        free(f->name);
        free(f);
        return true;
    }
    return false;
}

void function_set(const char *name, const struct node *body)
{
    function_unset(name);
    struct function *f = xmalloc(sizeof *f);
    *f = (struct function){.next = functions, .name = xstrdup(name), .body = body, .arena = arena_hold(parsing_arena)};
    functions = f;
}

/* Aliases */

static struct alias **alias_find(const char *name)
{
    struct alias **at = &aliases;
    while (*at && strcmp((*at)->name, name)) at = &(*at)->next;
    return at;
}

const char *alias_get(const char *name)
{
    struct alias *a = aliases ? *alias_find(name) : NULL;
    return a ? a->value : NULL;
}

bool alias_unset(const char *name)
{
    bool found = false;
    for (struct alias **at = &aliases, *a; (a = *at);) {
        if (name && strcmp(a->name, name)) {
            at = &a->next;
            continue;
        }
        found = true;
        *at = a->next;
        free(a->name);
        free(a->value);
        free(a);
    }
    return found;
}

void alias_set(const char *name, const char *value)
{
    alias_unset(name);
    struct alias *a = xmalloc(sizeof *a);
    *a = (struct alias){.next = aliases, .name = xstrdup(name), .value = xstrdup(value)};
    aliases = a;
}

void alias_print(const char *name)
{
    for (struct alias *a = aliases; a; a = a->next) {
        if (name && strcmp(a->name, name)) continue;
        struct text line = {0};
        put_quoted(&line, a->value);
        printf("%s=%s\n", a->name, text_str(&line));
        text_free(&line);
    }
}

void each_name(void (*visit)(const char *name, void *argument), void *argument)
{
    for (struct function *f = functions; f; f = f->next) visit(f->name, argument);
    for (struct alias *a = aliases; a; a = a->next) visit(a->name, argument);
}
