/*
 * tr.c - replaces (tr abc xyz), deletes (-d) or joins repeated (-s) characters; -c means all others. a-z, [:upper:], \n are understood.
 */
#include <ctype.h>
#include <string.h>
#include <unistd.h>

#include "lib/util.h"

static int escape(const char **p)
{
    static const char from[] = "abfnrtv\\", to[] = "\a\b\f\n\r\t\v\\";
    const char *s = *p;
    if (*s != '\\' || !s[1]) {
        *p = s + 1;
        return (unsigned char)*s;
    }
    const char *known = strchr(from, s[1]);
    int value = 0, digits = 0;
    for (s++; digits < 3 && *s >= '0' && *s <= '7'; digits++) value = value * 8 + *s++ - '0';
    *p = digits ? s : s + 1;
    return digits ? value & 255 : known ? to[known - from] : (unsigned char)*s;
}

static const char *class_of(const char *s, struct text *out)
{
    static const struct {
        const char *name;
        int (*is)(int);
    } classes[] = {{"alpha", isalpha}, {"digit", isdigit}, {"alnum", isalnum}, {"upper", isupper},
                   {"lower", islower}, {"space", isspace}, {"blank", isblank}, {"punct", ispunct},
                   {"cntrl", iscntrl}, {"print", isprint}, {"graph", isgraph}, {"xdigit", isxdigit}};
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        size_t n = strlen(classes[i].name);
        if (strncmp(s + 2, classes[i].name, n) || s[2 + n] != ':' || s[3 + n] != ']') continue;
        for (int c = 0; c < 256; c++)
            if (classes[i].is(c)) text_put(out, (char)c);
        return s + 4 + n;
    }
    fail_text("%.12s: no such class", s);
}

static void read_set(const char *s, struct text *out)
{
    while (*s) {
        if (s[0] == '[' && s[1] == ':') {
            s = class_of(s, out);
            continue;
        }
        int from = escape(&s), to = from;
        if (s[0] == '-' && s[1]) {
            s++;
            to = escape(&s);
            if (to < from) fail_text("%c-%c: the wrong way round", from, to);
        }
        for (int c = from; c <= to; c++) text_put(out, (char)c);
    }
}

int main(int argc, char **argv)
{
    struct text one = {0}, two = {0};
    bool delete = false, squeeze = false, others = false, in_one[256] = {false}, in_last[256] = {false};
    unsigned char map[256];
    int last = -1;
    util_start(argv);
    for (int c; (c = getopt(argc, argv, "+dscC")) != -1;) {
        delete |= c == 'd';
        squeeze |= c == 's';
        others |= c == 'c' || c == 'C';
        if (c == '?') fail_usage("[-dsc] SET [SET]");
    }
    int sets = argc - optind;
    if (sets < 1 || sets > 2 || (sets == 1 && !delete &&!squeeze)) fail_usage("[-dsc] SET [SET]");
    read_set(argv[optind], &one);
    if (sets == 2) read_set(argv[optind + 1], &two);
    for (size_t i = 0; i < one.n; i++) in_one[(unsigned char)one.s[i]] = true;
    if (others) {
        one.n = 0;
        for (int c = 0; c < 256; c++)
            if ((in_one[c] = !in_one[c])) text_put(&one, (char)c);
    }
    for (int c = 0; c < 256; c++) map[c] = (unsigned char)c;
    for (size_t i = 0; !delete &&i < one.n && two.n; i++)
        map[(unsigned char)one.s[i]] = (unsigned char)two.s[i < two.n ? i : two.n - 1];
    for (size_t i = 0; i < two.n; i++) in_last[(unsigned char)two.s[i]] = true;
    for (int c; (c = getchar()) != EOF;) {
        if (delete &&in_one[c]) continue;
        c = map[c];
        if (squeeze && c == last && (sets == 2 ? in_last[c] : in_one[c])) continue;
        last = c;
        putchar(c);
    }
    return util_end(0);
}
