/*
 * policy.c - shows and sets the kernel's policies: policy [FAMILY [CHOICE...]].
 *
 * A mechanism says how something is done; a policy decides which of several. Each family is a file in /proc/policy: reading it shows
 * the present choice, writing changes it while the system runs. `policy replace fifo` is `echo fifo >/proc/policy/replace`.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/util.h"

static const char folder[] = "/proc/policy";

static int show(const char *family)
{
    struct text t = {0};
    char *path = path_join(folder, family);
    bool good = read_file(path, &t);
    if (good)
        printf("%-10s %s%s", family, text_str(&t), t.n && t.s[t.n - 1] == '\n' ? "" : "\n");
    else
        warn_errno("%s", path);
    free(path);
    text_free(&t);
    return !good;
}

static int show_all(void)
{
    struct strings names = {0};
    DIR *list = opendir(folder);
    int worst = 0;
    if (!list) fail_errno("%s", folder);
    for (struct dirent *entry; (entry = readdir(list));)
        if (entry->d_name[0] != '.') strings_add(&names, xstrdup(entry->d_name));
    closedir(list);
    strings_sort(&names);
    for (size_t i = 0; i < names.n; i++) worst |= show(names.at[i]);
    strings_free(&names);
    return worst;
}

int main(int argc, char **argv)
{
    struct text words = {0};
    util_start(argv);
    if (argc == 1) return util_end(show_all());
    if (argv[1][0] == '-' || strchr(argv[1], '/')) fail_usage("[FAMILY [CHOICE...]]");
    if (argc == 2) return util_end(show(argv[1]));
    for (int i = 2; i < argc; i++) text_print(&words, "%s%s", i > 2 ? " " : "", argv[i]);
    char *path = path_join(folder, argv[1]);
    int fd = open(path, O_WRONLY);
    if (fd < 0) fail_errno("%s", path);
    if (write(fd, words.s, words.n) < 0) fail_errno("%s: %s", argv[1], words.s);
    close(fd);
    free(path);
    text_free(&words);
    return util_end(show(argv[1]));
}
