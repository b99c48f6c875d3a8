/*
 * grep.c - prints the lines that match a regular expression. Exit status: 0 some did, 1 none did, 2 an error.
 *
 *      -E extended expressions  -F plain text  -i any case  -v the other lines  -w whole words  -x whole lines  -e PATTERN another one
 *      -c count  -l only file names  -n line numbers  -o only what matches  -q nothing  -s no messages  -r all files below  -h -H names
 */
#include <ctype.h>
#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/util.h"

static struct {
    bool extended, fixed, any_case, others, word, line, count, names, numbers, only, quiet, silent, recursive,
        with_name, without_name;
} option;
static struct strings patterns;
static regex_t *compiled;
static bool any, failed;

static void add_patterns(const char *text)
{
    while (text) {
        size_t n = strcspn(text, "\n");
        strings_add(&patterns, xprintf("%.*s", (int)n, text));
        text = text[n] ? text + n + 1 : NULL;
    }
}

static void compile(void)
{
    int flags = (option.extended ? REG_EXTENDED : 0) | (option.any_case ? REG_ICASE : 0);
    if (option.fixed) return;
    compiled = xmalloc(patterns.n * sizeof *compiled);
    for (size_t i = 0; i < patterns.n; i++) {
        char why[128];
        int error = regcomp(&compiled[i], patterns.at[i], flags);
        if (!error) continue;
        regerror(error, &compiled[i], why, sizeof why);
        warn_text("%s: %s", patterns.at[i], why);
        exit(2);
    }
}

/* Where pattern i first matches at or after `from`. */
static bool find(size_t i, const char *line, size_t from, size_t *start, size_t *end)
{
    if (option.fixed) {
        const char *at =
            option.any_case ? strcasestr(line + from, patterns.at[i]) : strstr(line + from, patterns.at[i]);
        if (!at) return false;
        *start = (size_t)(at - line);
        *end = *start + strlen(patterns.at[i]);
        return true;
    }
    regmatch_t match;
    if (regexec(&compiled[i], line + from, 1, &match, from ? REG_NOTBOL : 0)) return false;
    *start = from + (size_t)match.rm_so;
    *end = from + (size_t)match.rm_eo;
    return true;
}

static bool is_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

/* The first match at or after `from` that -w and -x allow; of all patterns the leftmost, and there the longest. */
static bool next_match(const char *line, size_t length, size_t from, size_t *start, size_t *end)
{
    bool found = false;
    for (size_t i = 0; i < patterns.n; i++) {
        size_t s, e, at = from;
        while (at <= length && find(i, line, at, &s, &e)) {
            bool good = (!option.line || (s == 0 && e == length)) &&
                        (!option.word || ((!s || !is_word(line[s - 1])) && !is_word(line[e]) && e > s));
            if (good) {
                if (!found || s < *start || (s == *start && e > *end)) *start = s, *end = e;
                found = true;
                break;
            }
            at = s + 1;
        }
    }
    return found;
}

static void print_prefix(const char *name, unsigned long number)
{
    if (option.with_name) printf("%s:", name);
    if (option.numbers) printf("%lu:", number);
}

static void print_matches(const char *name, unsigned long number, const char *line, size_t length)
{
    size_t start, end;
    for (size_t at = 0; at <= length && next_match(line, length, at, &start, &end); at = end > start ? end : end + 1) {
        if (end == start) continue;
        print_prefix(name, number);
        printf("%.*s\n", (int)(end - start), line + start);
    }
}

static int grep(FILE *in, const char *name)
{
    char *line = NULL;
    size_t room = 0, start, end;
    unsigned long number = 0, count = 0;
    if (!strcmp(name, "-")) name = "(standard input)";
    for (ssize_t n; (n = getline(&line, &room, in)) > 0;) {
        number++;
        if (line[n - 1] == '\n') line[--n] = 0;
        if (next_match(line, (size_t)n, 0, &start, &end) == option.others) continue;
        count++;
        any = true;
        if (option.quiet) exit(0);
        if (option.names) break;
        if (option.count) continue;
        if (option.only) {
            if (!option.others) print_matches(name, number, line, (size_t)n);
            continue;
        }
        print_prefix(name, number);
        puts(line);
    }
    free(line);
    if (option.names && count) puts(name);
    if (option.count && !option.names) {
        if (option.with_name) printf("%s:", name);
        printf("%lu\n", count);
    }
    return 0;
}

static int grep_file(const char *path, const struct stat *status, void *unused)
{
    (void)unused;
    if (status && !S_ISREG(status->st_mode)) return 0;
    bool standard = !strcmp(path, "-");
    FILE *in = standard ? stdin : fopen(path, "re");
    if (!in) {
        if (!option.silent) warn_errno("%s", path);
        failed = true;
        return 1;
    }
    grep(in, path);
    if (ferror(in)) {
        if (!option.silent) warn_errno("%s", path);
        failed = true;
    }
    if (!standard) fclose(in);
    return 0;
}

static void read_options(int argc, char **argv)
{
    static const char letters[] = "EFivwxclnoqsrhHe:";
    bool *const flags[] = {&option.extended,  &option.fixed,        &option.any_case, &option.others,
                           &option.word,      &option.line,         &option.count,    &option.names,
                           &option.numbers,   &option.only,         &option.quiet,    &option.silent,
                           &option.recursive, &option.without_name, &option.with_name};
    for (int c; (c = getopt(argc, argv, letters)) != -1;) {
        if (c == '?') fail_usage("[-EFivwxclnoqsrhH] [-e] PATTERN [FILE...]");
        if (c == 'e')
            add_patterns(optarg);
        else
            *flags[strchr(letters, c) - letters] = true;
    }
}

int main(int argc, char **argv)
{
    util_start(argv);
    if (!strcmp(program, "egrep")) option.extended = true;
    if (!strcmp(program, "fgrep")) option.fixed = true;
    read_options(argc, argv);
    if (!patterns.n) {
        if (optind == argc) fail_usage("[-EFivwxclnoqsrhH] [-e] PATTERN [FILE...]");
        add_patterns(argv[optind++]);
    }
    compile();
    if (!option.with_name) option.with_name = (argc - optind > 1 || option.recursive) && !option.without_name;
    if (optind == argc) {
        if (option.recursive)
            walk_tree(".", false, grep_file, NULL);
        else
            grep_file("-", NULL, NULL);
    }
    for (int i = optind; i < argc; i++) {
        if (option.recursive)
            failed |= walk_tree(argv[i], false, grep_file, NULL);
        else
            grep_file(argv[i], NULL, NULL);
    }
    return util_end(failed && !(any && option.quiet) ? 2 : !any);
}
