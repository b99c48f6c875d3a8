/*
 * glob.c - file names for a pattern: a part of a path after the other.
 *
 * A part without *, ? and [ is a name and need only exist. For a part with them its directory is read and every name compared. A
 * leading dot is matched only by a dot. The result is sorted, so a script does not depend on the order in a directory.
 */
#include <dirent.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sh/sh.h"

static bool has_wildcard(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '\\')
            i++;
        else if (strchr("*?[", s[i]))
            return true;
    }
    return false;
}

static void match_rest(const char *prefix, const char *pattern, struct strings *out);

static void match_name(const char *prefix, const char *part, size_t n, const char *rest, struct strings *out)
{
    struct stat status;
    struct text path = {0};
    text_add(&path, prefix);
    for (size_t i = 0; i < n; i++) {
        if (part[i] == '\\' && i + 1 < n) i++;
        text_put(&path, part[i]);
    }
    while (*rest == '/') text_put(&path, *rest++);
    if (*rest)
        match_rest(text_str(&path), rest, out);
    else if (!lstat(text_str(&path), &status))
        strings_add(out, text_take(&path));
    text_free(&path);
}

static void match_pattern(const char *prefix, const char *part, size_t n, const char *rest, struct strings *out)
{
    struct strings names = {0};
    DIR *folder = opendir(*prefix ? prefix : ".");
    char *pattern = xprintf("%.*s", (int)n, part);
    if (folder) {
        for (struct dirent *entry; (entry = readdir(folder));)
            if (!fnmatch(pattern, entry->d_name, FNM_PERIOD)) strings_add(&names, xstrdup(entry->d_name));
        closedir(folder);
    }
    free(pattern);
    strings_sort(&names);
    for (size_t i = 0; i < names.n; i++) {
        struct text path = {0};
        text_add(&path, prefix);
        text_add(&path, names.at[i]);
        if (*rest) {
            const char *after = rest;
            while (*after == '/') text_put(&path, *after++);
            match_rest(text_str(&path), after, out);
        } else {
            strings_add(out, xstrdup(text_str(&path)));
        }
        text_free(&path);
    }
    strings_free(&names);
}

static void match_rest(const char *prefix, const char *pattern, struct strings *out)
{
    size_t n = strcspn(pattern, "/");
    struct stat status;
    if (!*pattern) {
        if (!stat(prefix, &status)) strings_add(out, xstrdup(prefix));
    } else if (has_wildcard(pattern, n)) {
        match_pattern(prefix, pattern, n, pattern + n, out);
    } else {
        match_name(prefix, pattern, n, pattern + n, out);
    }
}

void glob_add(const char *pattern, struct strings *out)
{
    struct text root = {0};
    while (*pattern == '/') text_put(&root, *pattern++);
    match_rest(text_str(&root), pattern, out);
    text_free(&root);
}
