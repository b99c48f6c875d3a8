/*
 * tree.c - walking a directory tree, for rm -r, cp -r, find, du, chmod -R.
 *
 * A directory is a file of names; below a name there may be another directory. A walk reads all names of one directory before it
 * looks at any of them: what the visitor does to the names (removing them, say) cannot disturb the reading.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util.h"

static bool list_folder(const char *path, struct strings *names)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    if (!folder) return false;
    while ((errno = 0, entry = readdir(folder)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) strings_add(names, xstrdup(entry->d_name));
    int error = errno;
    closedir(folder);
    errno = error;
    strings_sort(names);
    return !error;
}

int walk_tree(const char *path, bool content_first,
              int (*visit)(const char *path, const struct stat *status, void *argument), void *argument)
{
    struct stat status;
    struct strings names = {0};
    int worst = 0;
    if (lstat(path, &status)) {
        warn_errno("%s", path);
        return 1;
    }
    if (!content_first) worst = visit(path, &status, argument);
    if (S_ISDIR(status.st_mode)) {
        if (!list_folder(path, &names)) {
            warn_errno("%s", path);
            worst = 1;
        }
        for (size_t i = 0; i < names.n; i++) {
            char *below = path_join(path, names.at[i]);
            worst |= walk_tree(below, content_first, visit, argument);
            free(below);
        }
        strings_free(&names);
    }
    if (content_first) worst |= visit(path, &status, argument);
    return worst;
}
