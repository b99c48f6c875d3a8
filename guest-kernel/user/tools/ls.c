/*
 * ls.c - lists directories.
 *
 * A directory holds names and inode numbers, no more; everything else that -l shows is in the inodes, one stat for each name.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "lib/util.h"

static struct {
    bool all, almost_all, longer, human, folder_itself, inode, one, recursive, reverse, by_time, by_size, mark, numeric,
        unsorted;
} option;

struct item {
    char *name, *path;
    struct stat status;
};

struct listing {
    struct item *at;
    size_t n, room;
};

static int worst;

static bool add(struct listing *list, const char *name, char *path)
{
    if (list->n == list->room)
        list->at = xrealloc(list->at, (list->room = list->room ? list->room * 2 : 32) * sizeof *list->at);
    struct item *item = &list->at[list->n];
    *item = (struct item){.name = xstrdup(name), .path = path};
    if (lstat(path, &item->status)) {
        warn_errno("%s", path);
        free(item->name);
        free(path);
        worst = 1;
        return false;
    }
    list->n++;
    return true;
}

static void listing_free(struct listing *list)
{
    for (size_t i = 0; i < list->n; i++) {
        free(list->at[i].name);
        free(list->at[i].path);
    }
    free(list->at);
}

static int compare(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    int order = 0;
    if (option.by_time && x->status.st_mtim.tv_sec != y->status.st_mtim.tv_sec)
        order = x->status.st_mtim.tv_sec < y->status.st_mtim.tv_sec ? 1 : -1;
    if (option.by_time && !order && x->status.st_mtim.tv_nsec != y->status.st_mtim.tv_nsec)
        order = x->status.st_mtim.tv_nsec < y->status.st_mtim.tv_nsec ? 1 : -1;
    if (option.by_size && x->status.st_size != y->status.st_size)
        order = x->status.st_size < y->status.st_size ? 1 : -1;
    if (!order) order = strcmp(x->name, y->name);
    return option.reverse ? -order : order;
}

static char mark_of(mode_t mode)
{
    if (S_ISDIR(mode)) return '/';
    if (S_ISLNK(mode)) return '@';
    if (S_ISFIFO(mode)) return '|';
    if (S_ISSOCK(mode)) return '=';
    return mode & 0111 ? '*' : 0;
}

static void print_long(const struct item *item, int widths[4])
{
    const struct stat *s = &item->status;
    char mode[11], size[32], when[32];
    mode_string(s->st_mode, mode);
    if (S_ISCHR(s->st_mode) || S_ISBLK(s->st_mode))
        snprintf(size, sizeof size, "%u, %u", major(s->st_rdev), minor(s->st_rdev));
    else if (option.human)
        human_size((unsigned long long)s->st_size, size);
    else
        snprintf(size, sizeof size, "%lld", (long long)s->st_size);
    struct tm *tm = localtime(&s->st_mtime);
    bool recent = llabs((long long)time(NULL) - s->st_mtime) < 180 * 86400LL;
    strftime(when, sizeof when, recent ? "%b %e %H:%M" : "%b %e  %Y", tm);
    if (option.inode) printf("%*lu ", widths[3], (unsigned long)s->st_ino);
    printf("%s %*lu ", mode, widths[0], (unsigned long)s->st_nlink);
    if (option.numeric)
        printf("%-8u %-8u ", s->st_uid, s->st_gid);
    else
        printf("%-8s %-8s ", user_name(s->st_uid), group_name(s->st_gid));
    printf("%*s %s %s", widths[1], size, when, item->name);
    if (S_ISLNK(s->st_mode)) {
        char target[4096];
        ssize_t n = readlink(item->path, target, sizeof target - 1);
        if (n >= 0) printf(" -> %.*s", (int)n, target);
    } else if (option.mark && mark_of(s->st_mode)) {
        putchar(mark_of(s->st_mode));
    }
    putchar('\n');
}

static void print_columns(const struct listing *list, size_t width)
{
    size_t widest = 1;
    for (size_t i = 0; i < list->n; i++)
        if (strlen(list->at[i].name) + option.mark > widest) widest = strlen(list->at[i].name) + option.mark;
    size_t columns = width / (widest + 2) ? width / (widest + 2) : 1, rows = (list->n + columns - 1) / columns;
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = r; i < list->n; i += rows) {
            const struct item *item = &list->at[i];
            char mark = option.mark ? mark_of(item->status.st_mode) : 0;
            int pad = i + rows < list->n ? (int)(widest + 2 - strlen(item->name) - (mark != 0)) : 0;
            printf("%s%.*s%*s", item->name, mark != 0, &mark, pad, "");
        }
        putchar('\n');
    }
}

static void print(struct listing *list)
{
    int widths[4] = {1, 1, 0, 1};
    struct winsize window;
    if (list->n && !option.unsorted) qsort(list->at, list->n, sizeof *list->at, compare);
    if (!option.longer && !option.one && !option.inode && isatty(1)) {
        print_columns(list, !ioctl(1, TIOCGWINSZ, &window) && window.ws_col ? window.ws_col : 80);
        return;
    }
    for (size_t i = 0; i < list->n; i++) {
        const struct stat *s = &list->at[i].status;
        char room[32], size[16];
        int links = snprintf(room, sizeof room, "%lu", (unsigned long)s->st_nlink);
        int bytes = option.human ? (int)strlen(human_size((unsigned long long)s->st_size, size))
                                 : snprintf(room, sizeof room, "%lld", (long long)s->st_size);
        int inode = snprintf(room, sizeof room, "%lu", (unsigned long)s->st_ino);
        if (S_ISCHR(s->st_mode) || S_ISBLK(s->st_mode)) bytes = 8;
        if (links > widths[0]) widths[0] = links;
        if (bytes > widths[1]) widths[1] = bytes;
        if (inode > widths[3]) widths[3] = inode;
    }
    for (size_t i = 0; i < list->n; i++) {
        const struct item *item = &list->at[i];
        if (option.longer) {
            print_long(item, widths);
            continue;
        }
        if (option.inode) printf("%*lu ", widths[3], (unsigned long)item->status.st_ino);
        fputs(item->name, stdout);
        if (option.mark && mark_of(item->status.st_mode)) putchar(mark_of(item->status.st_mode));
        putchar('\n');
    }
}

static void list_folder(const char *path, bool titled)
{
    struct listing list = {0};
    DIR *folder = opendir(path);
    if (!folder) {
        warn_errno("%s", path);
        worst = 1;
        return;
    }
    if (titled) printf("%s:\n", path);
    unsigned long long blocks = 0;
    errno = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        const char *name = entry->d_name;
        bool dots = !strcmp(name, ".") || !strcmp(name, "..");
        if (*name == '.' && !option.all && (!option.almost_all || dots)) continue;
        if (add(&list, name, path_join(path, name))) blocks += (unsigned long long)list.at[list.n - 1].status.st_blocks;
    }
    closedir(folder);
    if (option.longer) printf("total %llu\n", blocks / 2);
    print(&list);
    for (size_t i = 0; option.recursive && i < list.n; i++) {
        const struct item *item = &list.at[i];
        if (!S_ISDIR(item->status.st_mode) || !strcmp(item->name, ".") || !strcmp(item->name, "..")) continue;
        putchar('\n');
        list_folder(item->path, true);
    }
    listing_free(&list);
}

static void read_options(int argc, char **argv)
{
    for (int c; (c = getopt(argc, argv, "aAlhdi1RrtSFnU")) != -1;) {
        switch (c) {
        case 'a': option.all = true; break;
        case 'A': option.almost_all = true; break;
        case 'l': option.longer = true; break;
        case 'h': option.human = true; break;
        case 'd': option.folder_itself = true; break;
        case 'i': option.inode = true; break;
        case '1': option.one = true; break;
        case 'R': option.recursive = true; break;
        case 'r': option.reverse = true; break;
        case 't': option.by_time = true; break;
        case 'S': option.by_size = true; break;
        case 'F': option.mark = true; break;
        case 'n': option.numeric = option.longer = true; break;
        case 'U': option.unsorted = true; break;
        default: fail_usage("[-aAlhdi1RrtSFnU] [FILE...]");
        }
    }
}

int main(int argc, char **argv)
{
    struct listing files = {0}, folders = {0};
    static char here[] = ".", *only[] = {here, NULL};
    util_start(argv);
    read_options(argc, argv);
    char **names = optind < argc ? argv + optind : only;
    bool several = names[0] && names[1];
    for (; *names; names++) {
        struct stat status;
        bool folder = !option.folder_itself && !stat(*names, &status) && S_ISDIR(status.st_mode);
        if (folder && option.longer && !lstat(*names, &status) && S_ISLNK(status.st_mode) &&
            (*names)[strlen(*names) - 1] != '/')
            folder = false;
        add(folder ? &folders : &files, *names, xstrdup(*names));
    }
    if (files.n) print(&files);
    if (folders.n && !option.unsorted) qsort(folders.at, folders.n, sizeof *folders.at, compare);
    for (size_t i = 0; i < folders.n; i++) {
        if (i || files.n) putchar('\n');
        list_folder(folders.at[i].path, several || option.recursive);
    }
    listing_free(&files);
    listing_free(&folders);
    return util_end(worst);
}
