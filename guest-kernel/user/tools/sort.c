/*
 * sort.c - sorts lines: all of them are read, sorted in memory, and written.
 *
 *      -n numbers  -r reversed  -u without doubles  -f any case  -b blanks at the beginning do not count  -k FROM[,TO] by fields  -t C between fields
 *      -o FILE result (which may be an input)  -c only check  -s stable
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/util.h"

struct key {
    long from, to; /* fields, from 1; to 0: to the end */
    bool numeric, reverse, any_case;
};
static struct key keys[16];
static int key_count;
static bool numeric, reverse, unique, any_case, blanks, check, stable;
static char separator;
static struct strings lines;

static const char *skip_field(const char *s)
{
    if (separator) {
        while (*s && *s != separator) s++;
        return s;
    }
    while (isblank((unsigned char)*s)) s++;
    while (*s && !isblank((unsigned char)*s)) s++;
    return s;
}

static void cut(const char *line, const struct key *key, const char **start, size_t *n)
{
    const char *s = line, *end;
    for (long i = 1; i < key->from && *s; i++) {
        s = skip_field(s);
        if (separator && *s) s++;
    }
    end = s + strlen(s);
    if (key->to) {
        end = s;
        for (long i = key->from; i <= key->to && *end; i++) {
            if (i > key->from && separator) end++;
            end = skip_field(end);
        }
    }
    if (blanks || key->numeric)
        while (s < end && isblank((unsigned char)*s)) s++;
    *start = s;
    *n = (size_t)(end - s);
}

static int compare_text(const char *a, size_t n, const char *b, size_t m, bool fold)
{
    size_t least = n < m ? n : m;
    int order = fold ? strncasecmp(a, b, least) : memcmp(a, b, least);
    return order ? order : (n > m) - (n < m);
}

static int compare_by(const struct key *key, const char *a, const char *b)
{
    const char *x, *y;
    size_t n, m;
    cut(a, key, &x, &n);
    cut(b, key, &y, &m);
    int order;
    if (key->numeric) {
        double p = strtod(x, NULL), q = strtod(y, NULL);
        order = (p > q) - (p < q);
    } else {
        order = compare_text(x, n, y, m, key->any_case);
    }
    return key->reverse ? -order : order;
}

static int compare_keys(const char *a, const char *b)
{
    for (int i = 0; i < key_count; i++) {
        int order = compare_by(&keys[i], a, b);
        if (order) return order;
    }
    return 0;
}

static int compare(const void *a, const void *b)
{
    const char *x = *(char *const *)a, *y = *(char *const *)b;
    int order = compare_keys(x, y);
    if (order || unique || stable) return order;
    order = strcmp(x, y);
    return reverse ? -order : order;
}

static int read_lines(FILE *in, const char *name)
{
    char *line = NULL;
    size_t room = 0;
    (void)name;
    for (ssize_t n; (n = getline(&line, &room, in)) > 0;) {
        if (line[n - 1] == '\n') line[n - 1] = 0;
        strings_add(&lines, xstrdup(line));
    }
    free(line);
    return 0;
}

/* 2, 2n, 2,3, 2.1,3r: characters inside fields are not understood. */
static void add_key(const char *text)
{
    char *end;
    struct key key = {.numeric = numeric, .reverse = reverse, .any_case = any_case};
    if (key_count == 16) fail_text("-k: too many keys");
    key.from = strtol(text, &end, 10);
    for (int part = 0; part < 2; part++) {
        for (; *end && *end != ','; end++) {
            if (*end == 'n')
                key.numeric = true;
            else if (*end == 'r')
                key.reverse = true;
            else if (*end == 'f')
                key.any_case = true;
            else if (*end != 'b')
                fail_text("-k %s: not understood", text);
        }
        if (*end == ',') key.to = strtol(end + 1, &end, 10);
    }
    if (key.from < 1 || key.to < 0) fail_text("-k %s: fields are counted from 1", text);
    keys[key_count++] = key;
}

int main(int argc, char **argv)
{
    const char *output = NULL, *key_texts[16];
    int texts = 0;
    util_start(argv);
    for (int c; (c = getopt(argc, argv, "nrufbcsk:t:o:")) != -1;) {
        switch (c) {
        case 'n': numeric = true; break;
        case 'r': reverse = true; break;
        case 'u': unique = true; break;
        case 'f': any_case = true; break;
        case 'b': blanks = true; break;
        case 'c': check = true; break;
        case 's': stable = true; break;
        case 'k':
            if (texts < 16) key_texts[texts++] = optarg;
            break;
        case 't': separator = *optarg; break;
        case 'o': output = optarg; break;
        default: fail_usage("[-nrufbcs] [-k FROM[,TO]] [-t C] [-o FILE] [FILE...]");
        }
    }
    for (int i = 0; i < texts; i++) add_key(key_texts[i]);
    if (!key_count) add_key("1");
    int worst = each_input(argv + optind, read_lines);
    if (check) {
        for (size_t i = 1; i < lines.n; i++) {
            int order = compare(&lines.at[i - 1], &lines.at[i]);
            if (order > 0 || (unique && !order)) fail_text("line %zu is out of order: %s", i + 1, lines.at[i]);
        }
        return worst;
    }
    if (lines.n && !stable)
        qsort(lines.at, lines.n, sizeof *lines.at, compare);
    else if (lines.n) { /* glibc's qsort may not be stable; insertion by halves is */
        for (size_t i = 1; i < lines.n; i++) {
            char *line = lines.at[i];
            size_t low = 0, high = i;
            while (low < high) {
                size_t middle = (low + high) / 2;
                if (compare(&lines.at[middle], &line) <= 0)
                    low = middle + 1;
                else
                    high = middle;
            }
            memmove(&lines.at[low + 1], &lines.at[low], (i - low) * sizeof line);
            lines.at[low] = line;
        }
    }
    if (output && !freopen(output, "w", stdout)) fail_errno("%s", output);
    for (size_t i = 0; i < lines.n; i++)
        if (!unique || !i || compare_keys(lines.at[i - 1], lines.at[i])) puts(lines.at[i]);
    return util_end(worst);
}
