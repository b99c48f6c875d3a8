#include "emu/opts.h"

#include "emu/base/bits.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Cuts the next item out of *at (unescaping doubled commas in place) and advances *at; NULL at the end. */
static char *next_item(char **at)
{
    if (!*at) return NULL;
    char *start = *at, *to = start, *from = start;
    for (; *from; from++) {
        if (*from == ',') {
            if (from[1] != ',') break;
            from++;
        }
        *to++ = *from;
    }
    *at = *from ? from + 1 : NULL;
    *to = 0;
    return start;
}

bool opts_parse(struct opts *o, const char *option, const char *text, const char *first_key, struct err *err)
{
    *o = (struct opts){.option = option, .text = strdup(text), .storage = strdup(text)};
    if (!o->text || !o->storage) return err_set(err, "%s: out of memory", option);
    char *at = o->storage;
    for (char *item; (item = next_item(&at));) {
        if (o->count == OPTS_MAX) return err_set(err, "%s %s: more than %d items", option, text, OPTS_MAX);
        if (!*item) return err_set(err, "%s %s: empty item between commas", option, text);
        char *equals = strchr(item, '=');
        bool is_first = o->count == 0 && first_key && !equals;
        o->item[o->count].key = is_first ? first_key : item;
        o->item[o->count++].value = is_first ? item : equals ? equals + 1 : NULL;
        if (equals) *equals = 0;
    }
    return true;
}

void opts_finish(struct opts *o)
{
    free(o->text);
    free(o->storage);
    *o = (struct opts){0};
}

/* The last one given counts. */
static int find(const struct opts *o, const char *key)
{
    for (int i = (int)o->count - 1; i >= 0; i--)
        if (!strcmp(o->item[i].key, key)) return i;
    return -1;
}

const char *opts_get(const struct opts *o, const char *key)
{
    int i = find(o, key);
    return i < 0 ? NULL : o->item[i].value;
}

bool opts_has(const struct opts *o, const char *key) { return find(o, key) >= 0; }

static bool parse_bool(const char *text, bool *value)
{
    static const char *const words[] = {"off", "on", "false", "true", "no", "yes"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(text, words[i])) continue;
        *value = i & 1;
        return true;
    }
    return false;
}

bool opts_bool(const struct opts *o, const char *key, bool absent, bool *value, struct err *err)
{
    int i = find(o, key);
    *value = i < 0 ? absent : true;
    if (i < 0 || !o->item[i].value || parse_bool(o->item[i].value, value)) return true;
    return err_set(err, "%s %s: %s=%s: must be on or off", o->option, o->text, key, o->item[i].value);
}

bool opts_number(const struct opts *o, const char *key, uint64_t absent, uint64_t *value, struct err *err)
{
    int i = find(o, key);
    *value = absent;
    if (i < 0) return true;
    const char *text = o->item[i].value;
    if (text && parse_number(text, value)) return true;
    return err_set(err, "%s %s: %s=%s: must be a number", o->option, o->text, key, text ? text : "");
}

bool opts_only(const struct opts *o, const char *const *keys, struct err *err)
{
    for (unsigned i = 0; i < o->count; i++) {
        const char *const *k = keys;
        while (*k && strcmp(*k, o->item[i].key)) k++;
        if (!*k) return err_set(err, "%s %s: unknown property '%s'", o->option, o->text, o->item[i].key);
    }
    return true;
}

bool parse_number(const char *text, uint64_t *value)
{
    if (!isdigit((unsigned char)*text)) return false;
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    char *end;
    errno = 0;
    *value = strtoull(text, &end, hex ? 16 : 10);
    return !errno && !*end && end != text;
}

bool parse_size(const char *text, uint64_t unit, uint64_t *bytes)
{
    if (!isdigit((unsigned char)*text)) return false;
    char *end;
    errno = 0;
    uint64_t n = strtoull(text, &end, text[0] == '0' && (text[1] | 32) == 'x' ? 16 : 10);
    if (errno) return false;
    static const char suffixes[] = "bkmgt";
    const char *s = *end ? strchr(suffixes, tolower((unsigned char)*end)) : NULL;
    if (*end && !s) return false;
    if (s) {
        unit = UINT64_C(1) << 10 * (s - suffixes);
        end++;
        if (*end == 'i' && *s != 'b') end++;
        if ((*end == 'b' || *end == 'B') && *s != 'b') end++;
        if (*end) return false;
    }
    return !__builtin_mul_overflow(n, unit, bytes);
}
