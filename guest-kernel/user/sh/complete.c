/*
 * complete.c - what Tab adds: commands for the first word, variables after $, file names otherwise.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sh/sh.h"

struct wanted {
    const char *prefix;
    size_t n;
    struct strings *choices;
};

static void offer(const char *name, void *argument)
{
    struct wanted *w = argument;
    if (!strncmp(name, w->prefix, w->n)) strings_add(w->choices, xprintf("%s ", name));
}

static void offer_programs(struct wanted *w)
{
    for (const char *path = var_get("PATH"); path;) {
        size_t n = strcspn(path, ":");
        char *folder = xprintf("%.*s", (int)n, path);
        DIR *list = opendir(folder);
        for (struct dirent *entry; list && (entry = readdir(list));)
            if (entry->d_name[0] != '.') offer(entry->d_name, w);
        if (list) closedir(list);
        free(folder);
        path = path[n] ? path + n + 1 : NULL;
    }
}

static void offer_files(const char *word, struct strings *choices)
{
    const char *slash = strrchr(word, '/'), *base = slash ? slash + 1 : word;
    char *folder = slash ? xprintf("%.*s", (int)(slash - word + 1), word) : xstrdup("");
    const char *home = var_get("HOME");
    char *real =
        *folder == '~' && folder[1] == '/' && home ? path_join(home, folder + 2) : xstrdup(*folder ? folder : ".");
    DIR *list = opendir(real);
    struct stat status;
    for (struct dirent *entry; list && (entry = readdir(list));) {
        if (strncmp(entry->d_name, base, strlen(base)) || (entry->d_name[0] == '.' && *base != '.')) continue;
        char *path = path_join(real, entry->d_name);
        bool is_folder = !stat(path, &status) && S_ISDIR(status.st_mode);
        strings_add(choices, xprintf("%s%s%s", folder, entry->d_name, is_folder ? "/" : " "));
        free(path);
    }
    if (list) closedir(list);
    free(folder);
    free(real);
}

static void remove_doubles(struct strings *list)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->n; i++) {
        if (kept && !strcmp(list->at[kept - 1], list->at[i]))
            free(list->at[i]);
        else
            list->at[kept++] = list->at[i];
    }
    list->n = kept;
}

void complete(const char *line, size_t at, struct strings *choices, size_t *word_start)
{
    size_t start = at;
    while (start && !strchr(" \t\n;|&<>(=\"'`", line[start - 1])) start--;
    size_t before = start;
    while (before && (line[before - 1] == ' ' || line[before - 1] == '\t')) before--;
    bool is_command = !before || strchr(";|&(`", line[before - 1]);
    char *word = xprintf("%.*s", (int)(at - start), line + start);
    *word_start = start;
    if (is_command && !strchr(word, '/')) {
        struct wanted w = {word, strlen(word), choices};
        for (size_t i = 0; builtin_at(i); i++) offer(builtin_at(i)->name, &w);
        each_name(offer, &w);
        offer_programs(&w);
    } else {
        offer_files(word, choices);
    }
    free(word);
    strings_sort(choices);
    remove_doubles(choices);
}
