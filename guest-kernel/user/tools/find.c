/*
 * find.c - walks trees and prints the names for which all tests hold.
 *
 *      -name PATTERN -iname -path  -type f|d|l|c|b|p|s  -size [+-]N[ckM]  -mtime [+-]DAYS  -newer FILE  -empty  -perm MODE  -user NAME  -links N  -inum N
 *      -maxdepth N -mindepth N  ! TEST  -o  ( )  -print -print0 -delete  -exec COMMAND {} ; or +
 */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/util.h"

enum kind {
    AND,
    OR,
    NOT,
    NAME,
    INAME,
    PATH,
    TYPE,
    SIZE,
    MTIME,
    NEWER,
    EMPTY,
    PERM,
    USER,
    LINKS,
    INUM,
    PRINT,
    PRINT0,
    DELETE,
    EXEC,
    TRUE_
};

struct test {
    enum kind kind;
    struct test *left, *right;
    const char *text;
    long long number, unit;
    int sign; /* +1 more than, -1 less than, 0 exactly */
    struct timespec time;
    char **command;
    bool gather; /* -exec ... + */
    struct strings gathered;
};

static char **at;
static long long deepest = 1 << 30, least;
static bool has_action, content_first, worst;
static struct test *gathering;

static struct test *make(enum kind kind, struct test *left, struct test *right)
{
    struct test *t = xmalloc(sizeof *t);
    *t = (struct test){.kind = kind, .left = left, .right = right};
    return t;
}

static const char *argument(const char *name)
{
    if (!*at) fail_text("%s: needs something behind it", name);
    return *at++;
}

static void read_number(struct test *t, const char *text, bool units)
{
    char *end;
    t->sign = *text == '+' ? 1 : *text == '-' ? -1 : 0;
    t->number = strtoll(text + (t->sign != 0), &end, 10);
    t->unit = units ? 512 : 1;
    if (units && *end) {
        t->unit = *end == 'c'   ? 1
                  : *end == 'k' ? 1024
                  : *end == 'M' ? 1 << 20
                  : *end == 'G' ? 1 << 30
                  : *end == 'b' ? 512
                                : 0;
        end++;
    }
    if (*end || !t->unit) fail_text("%s: not a number", text);
}

static struct test *parse_exec(const char *name)
{
    struct test *t = make(EXEC, NULL, NULL);
    t->command = at;
    while (*at && strcmp(*at, ";") && !(at > t->command && !strcmp(*at, "+") && !strcmp(at[-1], "{}"))) at++;
    if (!*at || at == t->command) fail_text("%s: ends with ; or {} +", name);
    t->gather = !strcmp(*at, "+");
    *at++ = NULL;
    if (t->gather) gathering = t;
    has_action = true;
    return t;
}

static struct test *parse_or(void);

static struct test *parse_primary(void)
{
    static const struct {
        const char *name;
        enum kind kind;
    } names[] = {{"-name", NAME},   {"-iname", INAME}, {"-path", PATH},      {"-type", TYPE},      {"-size", SIZE},
                 {"-mtime", MTIME}, {"-newer", NEWER}, {"-empty", EMPTY},    {"-perm", PERM},      {"-user", USER},
                 {"-links", LINKS}, {"-inum", INUM},   {"-print", PRINT},    {"-print0", PRINT0},  {"-delete", DELETE},
                 {"-true", TRUE_},  {"-depth", TRUE_}, {"-maxdepth", TRUE_}, {"-mindepth", TRUE_}, {"-xdev", TRUE_}};
    const char *name = argument("find");
    if (!strcmp(name, "!") || !strcmp(name, "-not")) return make(NOT, parse_primary(), NULL);
    if (!strcmp(name, "(")) {
        struct test *inside = parse_or();
        if (!*at || strcmp(*at++, ")")) fail_text("(: the closing parenthesis is missing");
        return inside;
    }
    if (!strcmp(name, "-exec")) return parse_exec(name);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i].name)) continue;
        struct test *t = make(names[i].kind, NULL, NULL);
        struct stat status;
        uid_t uid;
        mode_t mode;
        switch (t->kind) {
        case NAME:
        case INAME:
        case PATH:
        case TYPE: t->text = argument(name); break;
        case SIZE: read_number(t, argument(name), true); break;
        case MTIME:
        case LINKS:
        case INUM: read_number(t, argument(name), false); break;
        case NEWER:
            if (stat(argument(name), &status)) fail_errno("%s", at[-1]);
            t->time = status.st_mtim;
            break;
        case PERM:
            t->text = argument(name);
            t->sign = *t->text == '-' ? -1 : 0;
            if (!parse_mode(t->text + (t->sign != 0), 0, false, &mode)) fail_text("%s: not a mode", t->text);
            t->number = mode;
            break;
        case USER:
            if (!user_id(argument(name), &uid, NULL)) fail_text("%s: no such user", at[-1]);
            t->number = uid;
            break;
        case PRINT:
        case PRINT0: has_action = true; break;
        case DELETE: has_action = content_first = true; break;
        default:
            if (!strcmp(name, "-depth")) content_first = true;
            if (!strcmp(name, "-maxdepth") && !parse_number(argument(name), &deepest))
                fail_text("%s: not a number", at[-1]);
            if (!strcmp(name, "-mindepth") && !parse_number(argument(name), &least))
                fail_text("%s: not a number", at[-1]);
        }
        return t;
    }
    fail_text("%s: not understood", name);
}

static struct test *parse_and(void)
{
    struct test *t = parse_primary();
    while (*at && strcmp(*at, "-o") && strcmp(*at, "-or") && strcmp(*at, ")")) {
        if (!strcmp(*at, "-a") || !strcmp(*at, "-and")) at++;
        t = make(AND, t, parse_primary());
    }
    return t;
}

static struct test *parse_or(void)
{
    struct test *t = parse_and();
    while (*at && (!strcmp(*at, "-o") || !strcmp(*at, "-or"))) {
        at++;
        t = make(OR, t, parse_and());
    }
    return t;
}

static bool compare(const struct test *t, long long value)
{
    return t->sign > 0 ? value > t->number : t->sign < 0 ? value < t->number : value == t->number;
}

static bool is_empty(const char *path, const struct stat *s)
{
    if (!S_ISDIR(s->st_mode)) return S_ISREG(s->st_mode) && !s->st_size;
    DIR *folder = opendir(path);
    int n = 0;
    while (folder && n < 3 && readdir(folder)) n++;
    if (folder) closedir(folder);
    return folder && n == 2;
}

static bool run(char **command)
{
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        execvp(command[0], command);
        warn_errno("%s", command[0]);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0) fail_errno("fork");
    return !status;
}

static bool execute(struct test *t, const char *path)
{
    if (t->gather) {
        strings_add(&t->gathered, xstrdup(path));
        return true;
    }
    struct strings args = {0};
    for (char **a = t->command; *a; a++) strings_add(&args, xstrdup(strcmp(*a, "{}") ? *a : path));
    bool good = run(args.at);
    strings_free(&args);
    return good;
}

static void run_gathered(struct test *t)
{
    struct strings args = {0};
    for (char **a = t->command; a[1]; a++) strings_add(&args, xstrdup(*a));
    for (size_t i = 0; i < t->gathered.n; i++) strings_add(&args, t->gathered.at[i]);
    if (t->gathered.n && !run(args.at)) worst = true;
}

static bool holds(struct test *t, const char *path, const struct stat *s)
{
    static const char types[] = "?pc?d?b?f?l?s???";
    switch (t->kind) {
    case AND: return holds(t->left, path, s) && holds(t->right, path, s);
    case OR: return holds(t->left, path, s) || holds(t->right, path, s);
    case NOT: return !holds(t->left, path, s);
    case NAME: return !fnmatch(t->text, path_base(path), 0);
    case INAME: return !fnmatch(t->text, path_base(path), FNM_CASEFOLD);
    case PATH: return !fnmatch(t->text, path, 0);
    case TYPE: return types[s->st_mode >> 12 & 15] == *t->text;
    case SIZE: return compare(t, (s->st_size + t->unit - 1) / t->unit);
    case MTIME: return compare(t, (time(NULL) - s->st_mtime) / 86400);
    case NEWER:
        return s->st_mtim.tv_sec != t->time.tv_sec ? s->st_mtim.tv_sec > t->time.tv_sec
                                                   : s->st_mtim.tv_nsec > t->time.tv_nsec;
    case EMPTY: return is_empty(path, s);
    case PERM:
        return t->sign ? (s->st_mode & (mode_t)t->number) == (mode_t)t->number
                       : (s->st_mode & 07777) == (mode_t)t->number;
    case USER: return s->st_uid == (uid_t)t->number;
    case LINKS: return compare(t, (long long)s->st_nlink);
    case INUM: return compare(t, (long long)s->st_ino);
    case PRINT: return puts(path) >= 0;
    case PRINT0: return fwrite(path, 1, strlen(path) + 1, stdout) > 0;
    case DELETE:
        if (!strcmp(path, ".") || !(S_ISDIR(s->st_mode) ? rmdir(path) : unlink(path))) return true;
        warn_errno("%s", path);
        worst = true;
        return false;
    case EXEC: return execute(t, path);
    default: return true;
    }
}

static void walk(struct test *t, const char *path, long long depth)
{
    struct stat status;
    struct strings names = {0};
    if (lstat(path, &status)) {
        warn_errno("%s", path);
        worst = true;
        return;
    }
    if (!content_first && depth >= least) holds(t, path, &status);
    if (S_ISDIR(status.st_mode) && depth < deepest) {
        DIR *folder = opendir(path);
        if (!folder) {
            warn_errno("%s", path);
            worst = true;
        }
        for (struct dirent *entry; folder && (entry = readdir(folder));)
            if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
                strings_add(&names, path_join(path, entry->d_name));
        if (folder) closedir(folder);
        for (size_t i = 0; i < names.n; i++) walk(t, names.at[i], depth + 1);
        strings_free(&names);
    }
    if (content_first && depth >= least) holds(t, path, &status);
}

int main(int argc, char **argv)
{
    static char here[] = ".";
    struct strings starts = {0};
    (void)argc;
    util_start(argv);
    for (at = argv + 1; *at && **at != '-' && strcmp(*at, "!") && strcmp(*at, "("); at++) strings_add(&starts, *at);
    if (!starts.n) strings_add(&starts, here);
    struct test *t = *at ? parse_or() : make(TRUE_, NULL, NULL);
    if (*at) fail_text("%s: not expected here", *at);
    if (!has_action) t = make(AND, t, make(PRINT, NULL, NULL));
    for (size_t i = 0; i < starts.n; i++) walk(t, starts.at[i], 0);
    if (gathering) run_gathered(gathering);
    return util_end(worst);
}
