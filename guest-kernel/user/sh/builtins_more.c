/*
 * builtins_more.c - built-ins that need more than a few lines: read, getopts, alias, umask, ulimit, times.
 *
 * read takes one line a byte at a time. It cannot take more: what it took too much would be missing for the program that reads the
 * same descriptor next, for the position in the file belongs to the open-file entry, which both share.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/times.h>
#include <unistd.h>

#include "sh/sh.h"

/* read */

struct line { /* characters and, for each, whether a backslash protects it */
    struct text chars, quoted;
};

/* One line; false at the end of the input. */
static bool take_line(struct line *line, bool raw)
{
    char c;
    for (;;) {
        ssize_t n = read(0, &c, 1);
        if (n < 0 && errno == EINTR && !traps_pending()) continue;
        if (n <= 0) return false;
        if (c == '\\' && !raw) {
            if (read(0, &c, 1) <= 0) return false;
            if (c == '\n') continue;
            text_put(&line->chars, c);
            text_put(&line->quoted, 1);
            continue;
        }
        if (c == '\n') return true;
        if (!c) continue;
        text_put(&line->chars, c);
        text_put(&line->quoted, 0);
    }
}

static bool is_separator(const struct line *line, size_t i, const char *ifs, bool blank)
{
    if (i >= line->chars.n || line->quoted.s[i]) return false;
    char c = line->chars.s[i];
    return strchr(ifs, c) && (!blank || isspace((unsigned char)c));
}

static void distribute(const struct line *line, int count, char **names, const char *ifs)
{
    size_t i = 0, end = line->chars.n;
    while (is_separator(line, i, ifs, true)) i++;
    while (end > i && is_separator(line, end - 1, ifs, true)) end--;
    for (int v = 0; v < count; v++) {
        size_t from = i, to;
        if (v == count - 1) {
            to = end;
            size_t seen = from; /* one separator at the very end is not part of the last field */
            while (seen < end && !is_separator(line, seen, ifs, false)) seen++;
            if (seen + 1 == end) to = seen;
            i = end;
        } else {
            while (i < end && !is_separator(line, i, ifs, false)) i++;
            to = i;
            while (i < end && is_separator(line, i, ifs, true)) i++;
            if (i < end && i == to)
                i++;
            else if (i < end && is_separator(line, i, ifs, false))
                i++;
            while (i < end && is_separator(line, i, ifs, true)) i++;
        }
        char *value = xprintf("%.*s", (int)(to > from ? to - from : 0),
                              text_str(&line->chars) + (from < line->chars.n ? from : 0));
        var_set(names[v], value);
        free(value);
    }
}

int builtin_read(int argc, char **argv)
{
    bool raw = false;
    int i = 1;
    for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
        if (!strcmp(argv[i], "--")) {
            i++;
            break;
        }
        if (!strcmp(argv[i], "-r")) {
            raw = true;
        } else if (!strcmp(argv[i], "-p") && i + 1 < argc) {
            fprintf(stderr, "%s", argv[++i]);
        } else {
            sh_error("usage: read [-r] [-p PROMPT] NAME...");
            return 2;
        }
    }
    static char reply[] = "REPLY", *only[] = {reply};
    char **names = i < argc ? argv + i : only;
    int count = i < argc ? argc - i : 1;
    for (int k = 0; k < count; k++) {
        if (is_name(names[k], strlen(names[k]))) continue;
        sh_error("read: %s: not a name", names[k]);
        return 2;
    }
    struct line line = {0};
    bool more = take_line(&line, raw);
    const char *ifs = var_get("IFS");
    distribute(&line, count, names, ifs ? ifs : " \t\n");
    text_free(&line.chars);
    text_free(&line.quoted);
    return !more;
}

/* getopts: one option for each call; OPTIND and a place inside a group of letters are kept between calls. */
int builtin_getopts(int argc, char **argv)
{
    static int at = 0; /* in the present argument; 0: at its beginning */
    static long long last = 0;
    long long index = 1;
    char option[2] = "?", number[24];
    if (argc < 3) {
        sh_error("usage: getopts OPTIONS NAME [ARGUMENT...]");
        return 2;
    }
    char **args = argc > 3 ? argv + 3 : sh.args;
    int count = argc > 3 ? argc - 3 : sh.count, status = 0;
    parse_number(var_get("OPTIND") ? var_get("OPTIND") : "1", &index);
    if (index != last) at = 0;
    const char *argument = index >= 1 && index <= count ? args[index - 1] : NULL;
    bool quiet = *argv[1] == ':', has_value = false;
    const char *value = "";
    if (!at && (!argument || *argument != '-' || !argument[1] || !strcmp(argument, "--"))) {
        if (argument && !strcmp(argument, "--")) index++;
        status = 1;
    } else {
        if (!at) at = 1;
        option[0] = argument[at++];
        const char *known = option[0] == ':' ? NULL : strchr(argv[1], option[0]);
        bool end = !argument[at];
        if (known && known[1] == ':') {
            has_value = true;
            if (!end)
                value = argument + at;
            else if (index < count)
                value = args[index++];
            else
                known = NULL;
            end = true;
        }
        if (!known) {
            bool missing = has_value;
            if (!quiet) sh_error(missing ? "-%c needs an argument" : "-%c: no such option", option[0]);
            static char letter[2];
            letter[0] = option[0];
            value = quiet ? letter : "";
            has_value = quiet;
            option[0] = missing && quiet ? ':' : '?';
        }
        if (end) index++, at = 0;
    }
    snprintf(number, sizeof number, "%lld", index);
    last = index;
    var_set("OPTIND", number);
    if (has_value)
        var_set("OPTARG", value);
    else
        var_unset("OPTARG");
    var_set(argv[2], option);
    return status;
}

int builtin_alias(int argc, char **argv)
{
    int status = 0;
    if (argc < 2) alias_print(NULL);
    for (int i = 1; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (equals && equals != argv[i]) {
            *equals = 0;
            alias_set(argv[i], equals + 1);
        } else if (alias_get(argv[i])) {
            alias_print(argv[i]);
        } else {
            sh_error("alias: %s: not found", argv[i]);
            status = 1;
        }
    }
    return status;
}

int builtin_unalias(int argc, char **argv)
{
    int status = 0;
    for (int i = 1; i < argc; i++)
        if (!alias_unset(strcmp(argv[i], "-a") ? argv[i] : NULL) && strcmp(argv[i], "-a")) status = 1;
    return status;
}

int builtin_umask(int argc, char **argv)
{
    mode_t old = umask(0), mode;
    umask(old);
    if (argc < 2) {
        printf("%04o\n", old);
        return 0;
    }
    if (!strcmp(argv[1], "-S")) {
        char text[11];
        mode_string(0777 & ~old, text);
        printf("u=");
        for (int i = 1; i < 10; i++) {
            if (text[i] != '-') putchar(text[i]);
            if (i == 3 || i == 6) printf(i == 3 ? ",g=" : ",o=");
        }
        putchar('\n');
        return 0;
    }
    bool octal = isdigit((unsigned char)*argv[1]);
    if (!parse_mode(argv[1], 0777 & ~old, false, &mode)) {
        sh_error("umask: %s: not a mode", argv[1]);
        return 1;
    }
    umask(octal ? mode : 0777 & ~mode);
    return 0;
}

static const struct {
    char letter;
    int resource;
    unsigned unit;
    const char *text;
} limits[] = {{'c', RLIMIT_CORE, 512, "core file (512-byte blocks)"},
              {'d', RLIMIT_DATA, 1024, "data (KiB)"},
              {'f', RLIMIT_FSIZE, 512, "file size (512-byte blocks)"},
              {'n', RLIMIT_NOFILE, 1, "open files"},
              {'s', RLIMIT_STACK, 1024, "stack (KiB)"},
              {'t', RLIMIT_CPU, 1, "CPU time (seconds)"},
              {'u', RLIMIT_NPROC, 1, "processes"},
              {'v', RLIMIT_AS, 1024, "address space (KiB)"}};
enum { LIMITS = sizeof limits / sizeof *limits };

static void print_limit(size_t i, bool hard, bool named)
{
    struct rlimit limit;
    getrlimit((__rlimit_resource_t)limits[i].resource, &limit);
    rlim_t value = hard ? limit.rlim_max : limit.rlim_cur;
    if (named) printf("%-30s", limits[i].text);
    if (value == RLIM_INFINITY)
        puts("unlimited");
    else
        printf("%llu\n", (unsigned long long)value / limits[i].unit);
}

int builtin_ulimit(int argc, char **argv)
{
    bool hard = false, soft = false;
    size_t which = 2;
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        for (const char *o = argv[i] + 1; *o; o++) {
            if (*o == 'H' || *o == 'S') {
                *(*o == 'H' ? &hard : &soft) = true;
                continue;
            }
            if (*o == 'a') {
                for (size_t k = 0; k < LIMITS; k++) print_limit(k, hard, true);
                return 0;
            }
            for (which = 0; which < LIMITS && limits[which].letter != *o; which++) {
            }
            if (which == LIMITS) {
                sh_error("ulimit: -%c: no such limit", *o);
                return 2;
            }
        }
    }
    if (i >= argc) {
        print_limit(which, hard, false);
        return 0;
    }
    long long number;
    struct rlimit limit;
    bool none = !strcmp(argv[i], "unlimited");
    if (!none && (!parse_number(argv[i], &number) || number < 0)) {
        sh_error("ulimit: %s: not a number", argv[i]);
        return 2;
    }
    rlim_t value = none ? RLIM_INFINITY : (rlim_t)number * limits[which].unit;
    getrlimit((__rlimit_resource_t)limits[which].resource, &limit);
    if (hard || !soft) limit.rlim_max = value;
    if (soft || !hard) limit.rlim_cur = value;
    if (setrlimit((__rlimit_resource_t)limits[which].resource, &limit)) {
        sh_error("ulimit: %s", strerror(errno));
        return 1;
    }
    return 0;
}

static void print_time(clock_t ticks, const char *end)
{
    long hz = sysconf(_SC_CLK_TCK), seconds = ticks / hz;
    printf("%ldm%ld.%02lds%s", seconds / 60, seconds % 60, (ticks % hz) * 100 / hz, end);
}

int builtin_times(int argc, char **argv)
{
    struct tms t;
    (void)argc;
    (void)argv;
    times(&t);
    print_time(t.tms_utime, " ");
    print_time(t.tms_stime, "\n");
    print_time(t.tms_cutime, " ");
    print_time(t.tms_cstime, "\n");
    return 0;
}
